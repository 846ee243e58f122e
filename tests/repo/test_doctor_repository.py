"""`doctor` looks at the repository: kinds that cannot be read, holes, indexes, lock files, rights (SPEC 6)."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from doctoring import follow, of, only, rows
from gitfixtures import GitRepo, new_repo
from townfixtures import TownHelper, chain, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return chain(repo)


def at(path: Path) -> TownHelper:
    return TownHelper(GitRepo(path))


# --- kinds ----------------------------------------------------------------------------------------------------------


def test_no_repository(tmp_path: Path) -> None:
    row = only(at(tmp_path), "repository", code=1)
    assert row["severity"] == "error"
    assert "is not in a git repository" in row["observed"]
    assert at(tmp_path).run("doctor").out.startswith("error: ")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "does not exist" in only(at(tmp_path / "gone"), "repository", code=1)["observed"]


def test_a_repository_that_git_does_not_know_any_more(here: TownHelper) -> None:
    (here.path / ".git/HEAD").write_text("garbage\n")
    row = only(here, "repository", code=1)
    assert str(here.path / ".git/HEAD") in row["observed"]
    assert "keeps what is left" in row["why"]
    assert here.error("status")["code"] == "damaged-repository"
    for line in row["commands"]:
        subprocess.run(shlex.split(line.replace("BRANCH", "main")), cwd=here.path, check=True)
    assert here.run("doctor").code == 0


def test_a_worktree_whose_repository_was_moved_and_the_remedy(here: TownHelper, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    here.repo.git("worktree", "add", "-q", str(linked), "-b", "topic")
    moved = tmp_path / "moved"
    here.path.rename(moved)
    row = only(at(linked), "repository", code=1)
    assert "leads to a repository that is not there" in row["observed"]
    subprocess.run(shlex.split(row["commands"][1].replace("REPOSITORY", str(moved))), check=True)
    assert [each["check"] for each in rows(at(linked)) if each["severity"] == "error"] == []


@pytest.mark.parametrize("damage", [b"", b"garbage " * 20, None])
def test_an_index_that_is_damaged_and_the_remedy(here: TownHelper, damage: bytes | None) -> None:
    index = here.path / ".git/index"
    index.write_bytes(index.read_bytes()[:-25] if damage is None else damage)
    row = only(here, "index", code=1)
    assert row["severity"] == "error"
    follow(here, row)
    assert here.repo.git("status", "--porcelain") == ""
    assert of(here, "index") == []


def test_sha256(tmp_path: Path) -> None:
    made = tmp_path / "long"
    subprocess.run(["git", "init", "--quiet", "--object-format=sha256", str(made)], check=True)
    row = only(at(made), "repository", code=1)
    assert "uses SHA-256 object names" in row["observed"]
    assert any("fast-export" in line for line in row["commands"])
    answer = at(made).json("doctor", code=1)
    assert {"objects", "locks", "index"} <= set(answer["checked"]), "git itself can be asked"
    assert {"ledger", "plan", "leases"} <= set(answer["skipped"])


def test_reftable(tmp_path: Path) -> None:
    made = tmp_path / "tables"
    command = ["git", "init", "--quiet", "--ref-format=reftable", str(made)]
    if subprocess.run(command, capture_output=True, check=False).returncode:  # this git is too old to make one
        repo = new_repo(made)
        repo.config("core.repositoryFormatVersion", "1")
        repo.config("extensions.refStorage", "reftable")
    row = only(at(made), "repository", code=1)
    assert "keeps its refs in a reftable" in row["observed"]
    assert row["commands"] == ["git refs migrate --ref-format=files"]


def test_an_extension_that_nobody_knows(repo: GitRepo) -> None:
    repo.config("core.repositoryFormatVersion", "1")
    repo.config("extensions.tomorrow", "true")
    assert "uses the extension tomorrow" in only(TownHelper(repo), "repository", code=1)["observed"]


@pytest.fixture
def partial(here: TownHelper, tmp_path: Path) -> TownHelper:
    """A clone without blobs."""
    here.repo.config("uploadpack.allowFilter", "true")
    return TownHelper(here.repo.clone(tmp_path / "part", "--filter=blob:none"))


def test_a_partial_clone_and_its_remedy(partial: TownHelper) -> None:
    row = only(partial, "partial", code=1)
    assert (row["severity"], row["subject"]) == ("warning", "remote origin")
    assert only(partial, "ledger", code=1)["commands"] == ["git fetch --refetch --no-filter"]
    follow(partial, row)
    assert of(partial, "partial") == []
    assert [row["check"] for row in rows(partial) if row["severity"] != "note"] == []


def test_a_partial_clone_that_libgit2_does_not_open_and_its_remedy(partial: TownHelper) -> None:
    partial.repo.config("extensions.partialClone", "origin")  # as older git writes it
    row = only(partial, "repository", code=1)
    assert "is a partial clone" in row["observed"]
    follow(partial, row)
    assert of(partial, "repository") == []
    assert of(partial, "partial") == [("warning", "remote origin", False)]


def test_another_owner(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    row = only(here, "repository", code=1)
    assert "belongs to another user" in row["observed"]
    assert row["commands"] == [f"git config --global --add safe.directory {here.path}"]
    follow(here, row)
    assert of(here, "repository") == []


# --- whole ----------------------------------------------------------------------------------------------------------


def test_a_shallow_clone_and_its_remedy(here: TownHelper, tmp_path: Path) -> None:
    clone = TownHelper(here.repo.clone(tmp_path / "flat", "--depth=1"))
    row = only(clone, "shallow")
    assert row["severity"] == "note"
    follow(clone, row)
    assert of(clone, "shallow") == []


def test_alternates_that_are_gone(here: TownHelper, tmp_path: Path) -> None:
    clone = TownHelper(GitRepo(tmp_path / "needy"))
    here.repo.git("clone", "--quiet", "--shared", str(here.path), str(clone.path))
    assert of(clone, "alternates") == []
    moved = here.path.with_name("moved")
    here.path.rename(moved)
    assert of(clone, "alternates", code=1) == [("error", str(here.path / ".git" / "objects"), False)]
    assert "Traceback" not in clone.run("doctor", "--fix").err
    moved.rename(here.path)
    assert of(clone, "alternates") == []


# --- the index ------------------------------------------------------------------------------------------------------


def test_a_split_index_and_its_remedy(here: TownHelper) -> None:
    here.repo.git("update-index", "--split-index")
    row = only(here, "split-index")
    assert row["severity"] == "note"
    follow(here, row)
    assert of(here, "split-index") == []


def test_a_sparse_index_and_its_remedy(here: TownHelper) -> None:
    here.repo.write("far/away/file", "x")
    here.commit()
    here.repo.git("sparse-checkout", "init", "--cone", "--sparse-index")
    here.repo.git("sparse-checkout", "set", ".convoy")
    row = only(here, "sparse-index")
    assert row["severity"] == "note"
    assert of(here, "sparse-checkout") == []
    follow(here, row)
    assert of(here, "sparse-index") == []


def test_a_checkout_without_the_plan_and_its_remedy(here: TownHelper) -> None:
    here.repo.git("sparse-checkout", "set", "elsewhere")
    row = only(here, "sparse-checkout")
    assert row["severity"] == "warning"
    follow(here, row)
    assert of(here, "sparse-checkout") == []
    assert (here.path / ".convoy" / "config.yaml").exists()


# --- lock files -----------------------------------------------------------------------------------------------------


def lock(here: TownHelper, name: str, age: float) -> Path:
    file = here.path / ".git" / name
    file.touch()
    os.utime(file, (time.time() - age,) * 2)
    return file


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "config.lock", "packed-refs.lock", "refs/heads/main.lock"])
def test_a_lock_file_that_was_left_behind_is_named_and_stays(here: TownHelper, name: str) -> None:
    file = lock(here, name, 86400 * 3)
    row = only(here, "lock", "--fix")
    assert (row["severity"], row["subject"], row["fixable"]) == ("warning", str(file), False)
    assert row["observed"] == "it is 3 d old, and no process has it open"
    assert row["commands"] == [f"rm {file}"]
    assert file.exists()


def test_a_lock_file_of_a_linked_worktree(here: TownHelper, tmp_path: Path) -> None:
    here.repo.worktree(tmp_path / "linked", "topic")
    file = lock(here, "worktrees/linked/index.lock", 7200)
    assert of(here, "lock") == [("warning", str(file), False)]


def test_a_young_lock_file_is_somebodys(here: TownHelper) -> None:
    lock(here, "index.lock", 0)
    assert of(here, "lock") == []


def test_the_lock_of_the_ledger_is_removed_once_it_is_nobodys(here: TownHelper) -> None:
    name = "refs/heads/convoy-ledger.lock"
    file = lock(here, name, 600)
    assert of(here, "lock", "--fix", code=1) == [("error", str(file), False)]
    lock(here, name, 7200)
    assert of(here, "lock", "--fix") == [("error", str(file), True)]
    assert not file.exists()
    assert of(here, "lock") == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="who has a file open is known on Linux only")
def test_a_lock_that_a_process_has_open_stays(here: TownHelper) -> None:
    file = lock(here, "refs/heads/convoy-ledger.lock", 7200)
    with file.open() as _:
        row = only(here, "lock", "--fix", code=1)
    assert f"process {os.getpid()}" in row["observed"]
    assert row["commands"][0] == f"ps -fp {os.getpid()}"
    assert file.exists()


# --- rights ---------------------------------------------------------------------------------------------------------


def without_privileges() -> list[str]:
    """How to run a command to which rights of files apply, also where the tests are run by root."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


@pytest.mark.parametrize(("role", "severity", "code"), [("local", "error", 1), ("off", "note", 0)])
def test_a_repository_that_cannot_be_written(here: TownHelper, role: str, severity: str, code: int) -> None:
    here.repo.config("gitconvoy.dispatch", role)
    objects = here.path / ".git" / "objects"
    objects.chmod(0o555)
    command = [*without_privileges(), sys.executable, "-m", "gitconvoy", "-C", str(here.path), "doctor", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        objects.chmod(0o755)
    assert done.returncode == code, done.stdout + done.stderr
    found = [row for row in json.loads(done.stdout)["findings"] if row["check"] == "writable"]
    assert [(row["severity"], row["subject"]) for row in found] == [(severity, str(objects))]


def test_a_bare_repository(here: TownHelper, tmp_path: Path) -> None:
    bare = TownHelper(here.repo.clone(tmp_path / "bare.git", "--bare"))
    assert [row for row in rows(bare) if row["severity"] != "note"] == []


def test_paths_are_quoted_in_commands(repo: GitRepo) -> None:
    odd = repo.path.with_name("it's $HOME")
    repo.path.rename(odd)
    here = town(GitRepo(odd))
    file = lock(here, "index.lock", 7200)
    (command,) = only(here, "lock")["commands"]
    assert shlex.split(command) == ["rm", str(file)]
