"""Refs: the names of commits, read without changing any."""

from __future__ import annotations

from gitconvoy.errors import GitError
from gitconvoy.git import commits, reffiles
from gitconvoy.git.catfile import FULL_ID
from gitconvoy.git.repo import Repo

HEADS = "refs/heads/"
"""What the full names of branches begin with."""


def ref(repo: Repo, name: str) -> str | None:
    """The object id that the ref with the full name `name` stands on; None if there is no such ref."""
    try:
        return reffiles.end(repo.git_dir, repo.common_dir, name)[1]
    except reffiles.Odd:
        return _of_libgit2(repo, name)


def _of_libgit2(repo: Repo, name: str) -> str | None:
    from pygit2 import GitError as Refusal

    try:
        return str(repo.raw.lookup_reference(name).resolve().target)
    except (KeyError, ValueError):
        return None
    except Refusal as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> GitError:
    return GitError(
        f"the ref {name} cannot be read: {error}",
        hint="`git fsck` says what is wrong with it",
        code="unreadable-ref",
    )


def refs(repo: Repo, prefix: str) -> dict[str, str]:
    """All refs below `prefix` (`refs/heads/convoy/`) by full name, with the ids of their commits (tags peeled)."""
    listed = repo.git("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", prefix)
    found = {}
    for line in filter(None, listed.text.split("\n")):  # names may hold what else ends a line
        name, oid, *peeled = line.split(" ")
        found[name] = peeled[0] if peeled and peeled[0] else oid
    return found


def resolve(repo: Repo, rev: str) -> str | None:
    """The commit that a revision names, as `git rev-parse` understands it; None if there is none. Never an option."""
    if not rev or rev.startswith("-") or any(c in rev for c in "\0\n"):
        return None
    if commits.is_commit(repo, rev):
        return rev
    if rev.startswith(":/"):  # all that follows is what is searched for
        rev = repo.git("rev-parse", "--verify", "--quiet", "--end-of-options", rev, check=False).text
    said = repo.git("rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}", check=False)
    return said.text if said.returncode == 0 and FULL_ID.fullmatch(said.text) else None


def end_of(repo: Repo, name: str) -> str:
    """The full name of the ref that a symbolic ref leads to in the end; `name` itself where it is none, or unborn."""
    try:
        return reffiles.end(repo.git_dir, repo.common_dir, name)[0]
    except reffiles.Odd:
        said = repo.git("symbolic-ref", "--quiet", name, check=False)
        return said.text if said.returncode == 0 and said.text else name


def head(repo: Repo) -> str | None:
    """The commit that HEAD stands on; None on an unborn branch."""
    return ref(repo, "HEAD")


def head_ref(repo: Repo) -> str | None:
    """The full name of the branch that is checked out (also unborn); None when HEAD is detached."""
    try:
        said = reffiles.value(repo.git_dir, repo.common_dir, "HEAD") or ""
    except reffiles.Odd:
        return _head_of_libgit2(repo)
    return said.removeprefix("ref: ") if said.startswith("ref: ") else None


def _head_of_libgit2(repo: Repo) -> str | None:
    from pygit2 import GitError as Refusal

    try:
        target = repo.raw.lookup_reference("HEAD").target
    except (KeyError, Refusal) as error:
        raise _unreadable("HEAD", error) from error
    return target if isinstance(target, str) else None
