"""Errors of the system, by number and by the words of git and libgit2: a code, words and a remedy for each."""

from __future__ import annotations

import errno
import os

import pytest

from gitconvoy.errors import FAULTS, ConvoyError, GitError, fault_of, told

NUMBERS = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EROFS: "read-only",
    errno.EACCES: "permission-denied",
    errno.EPERM: "permission-denied",
    errno.EMFILE: "too-many-files",
    errno.ENFILE: "too-many-files",
    errno.EFBIG: "file-too-large",
    errno.ENAMETOOLONG: "path-too-long",
    errno.ENOMEM: "out-of-memory",
    errno.EIO: "disk-error",
}


@pytest.mark.parametrize(("number", "code"), NUMBERS.items())
def test_each_number_has_a_code_and_a_remedy(number: int, code: str) -> None:
    error = OSError(number, os.strerror(number), "/repo/.git/x")
    fault = fault_of(error)
    assert fault is not None
    assert (fault.code, bool(fault.hint)) == (code, True)
    assert f"/repo/.git/x: {os.strerror(number)}" in told(error)
    assert told(error).lower().count(fault.what) == 1


@pytest.mark.parametrize("number", NUMBERS)
def test_what_git_repeats_of_the_system_is_the_same_fault(number: int) -> None:
    """As `strerror` has it: alone at the end of a line, as Python writes it, and in the midst of more lines."""
    words = os.strerror(number)
    for said in (
        f"fatal: cannot lock ref 'refs/heads/x': Unable to create '/r/.git/refs/heads/x.lock': {words}",
        f"error: unable to create temporary file: {words}\nfatal: failed to write commit object",
        f"nothing can be written to /r/.git: [Errno {number}] {words}: '/r/.git/x'",
    ):
        found = fault_of(said)
        assert found is not None, said
        if number != errno.ENFILE:  # which has words of its own on some systems
            assert found.code == NUMBERS[number], said


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("insufficient permission for adding an object to repository database .git/objects", "permission-denied"),
        ("fatal: Out of memory, malloc failed", "out-of-memory"),
        ("error: git-upload-pack died\nfatal: Out of diskspace", "disk-full"),
        ("attempt to write a readonly database", "read-only"),
        ("[Errno 2] No usable temporary directory found in ['/tmp', '/var/tmp']", "no-temporary-folder"),
    ],
)
def test_words_that_are_not_those_of_the_system(said: str, code: str) -> None:
    error = GitError(said, hint="try again", code="git")
    assert (error.code, error.message) == (code, said)
    assert error.hint == next(fault.hint for fault in FAULTS if fault.code == code)


@pytest.mark.parametrize(
    "said",
    [
        "git@example.org: Permission denied (publickey).",
        "fatal: not a git repository",
        "check-large: File too large: a.bin",
        "FAILED: out of memory in test 3",
        "lint: Too many open files (42) in the editor",
        "the bead 'Permission denied to everybody' is closed",
        "",
    ],
)
def test_what_only_sounds_like_a_fault_is_none(said: str) -> None:
    assert fault_of(said) is None
    error = GitError(said, hint="try again")
    assert (error.code, error.hint) == ("git", "try again")


def test_only_errors_of_git_are_judged_by_their_words() -> None:
    assert ConvoyError("No space left on device", code="closed").code == "closed"


def test_an_error_without_a_number_or_a_file_is_told_all_the_same() -> None:
    assert told(OSError("odd")) == "odd"
    assert told(OSError(errno.ENOENT, "No such file or directory", b"/x\xff")) == "/x\udcff: No such file or directory"
    assert told(OSError(errno.EBADF, "Bad file descriptor", 3)) == "Bad file descriptor"


def test_codes_of_faults_are_unique() -> None:
    codes = [fault.code for fault in FAULTS]
    assert len(set(codes)) == len(codes)
