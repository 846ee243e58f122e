"""Writing objects and moving refs: the result is what git itself would have made, and no update is ever lost."""

from __future__ import annotations

import multiprocessing
import os
import stat
import sys
from pathlib import Path

import pytest
from gitfixtures import EMAIL, NAME, GitRepo

from gitconvoy.errors import GitError, LostRace
from gitconvoy.git import commits, index, lock, objects, refs, trees, write
from gitconvoy.git.repo import Repo
from gitconvoy.git.transaction import series

REF = "refs/heads/ledger"


def _content(found: Repo, tree: str) -> dict[str, bytes]:
    return {entry.path: objects.blob(found, entry.oid) for entry in trees.entries(found, tree)}


def test_edit_tree_from_nothing(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    tree = write.edit_tree(found, None, {"format": b"1\n", "beads/ab/x.yaml": b"x\n", "beads/ab/y.yaml": b"y\n"})
    assert _content(found, tree) == {"format": b"1\n", "beads/ab/x.yaml": b"x\n", "beads/ab/y.yaml": b"y\n"}
    assert write.edit_tree(found, None, {}) == objects.EMPTY_TREE
    assert repo.run("fsck", "--strict").returncode == 0


def test_edit_tree_is_the_tree_that_git_makes(repo: GitRepo) -> None:
    for path in ("a/b", "a.b/c", "a-b/d", "z"):
        repo.write(path, path)
    head = repo.commit()
    found = Repo.discover(repo.path)
    changes = {path: path.encode() for path in ("z", "a-b/d", "a/b", "a.b/c")}
    assert write.edit_tree(found, None, changes | {"README.md": repo.read("README.md").encode()}) == repo.head(
        head + "^{tree}"
    )


def test_edit_tree_changes_and_removes(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    base = write.edit_tree(found, None, {"a/b/one": b"1", "a/b/two": b"2", "c": b"3", "d/e": b"4"})
    assert _content(found, write.edit_tree(found, base, {"a/b/one": None, "c": b"new"})) == {
        "a/b/two": b"2",
        "c": b"new",
        "d/e": b"4",
    }
    without = write.edit_tree(found, base, {"a/b/one": None, "a/b/two": None})
    assert sorted(_content(found, without)) == ["c", "d/e"]
    assert "a" not in repo.git("ls-tree", "--name-only", without).split()
    assert write.edit_tree(found, base, {"a": None, "c": None, "d": None}) == objects.EMPTY_TREE
    assert write.edit_tree(found, base, {"none": None, "no/such": None, "c/below": None}) == base
    assert write.edit_tree(found, base, {}) == base


def test_edit_tree_files_and_folders_give_way(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    base = write.edit_tree(found, None, {"a/b": b"1", "c": b"2"})
    assert _content(found, write.edit_tree(found, base, {"a": b"file"})) == {"a": b"file", "c": b"2"}
    assert _content(found, write.edit_tree(found, base, {"c/d": b"deep"})) == {"a/b": b"1", "c/d": b"deep"}


def test_edit_tree_puts_whole_trees(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    plan = write.edit_tree(found, None, {"config.yaml": b"format: 1\n", "beads/x.yaml": b"x\n"})
    tree = write.edit_tree(found, None, {"plan": write.Tree(plan), "format": b"1\n"})
    assert sorted(_content(found, tree)) == ["format", "plan/beads/x.yaml", "plan/config.yaml"]
    smaller = write.edit_tree(found, None, {"only": b""})
    assert sorted(_content(found, write.edit_tree(found, tree, {"plan": write.Tree(smaller)}))) == [
        "format",
        "plan/only",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"a": b"1", "a/b": b"2"},
        {"a/b": b"2", "a": b"1"},
        {"../x": b""},
        {"a//b": b""},
        {"": b""},
        {".git/x": b""},
        {"/x": b""},
    ],
)
def test_edit_tree_refuses_odd_paths(repo: GitRepo, changes: dict[str, bytes]) -> None:
    with pytest.raises(ValueError):
        write.edit_tree(Repo.discover(repo.path), None, changes)


def test_edit_tree_wants_a_tree(repo: GitRepo) -> None:
    with pytest.raises(GitError, match="is not in this repository"):
        write.edit_tree(Repo.discover(repo.path), "1" * 40, {"a": b""})


def test_blob_is_written_as_it_is(repo: GitRepo) -> None:
    repo.write(".gitattributes", "* text eol=crlf\n")
    found = Repo.discover(repo.path)
    oid = write.write_blob(found, b"a\r\nb\n\0")
    assert objects.blob(found, oid) == b"a\r\nb\n\0"


def test_create_commit(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_DATE", "@5 +0200")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "whose commit is replayed")
    found = Repo.discover(repo.path)
    tree = write.edit_tree(found, None, {"format": b"1\n"})
    oid = write.create_commit(found, tree, [repo.head()], "convoy: init\n\nConvoy-Event: init\n", 1700000000)
    assert repo.git("cat-file", "commit", oid) == (
        f"tree {tree}\nparent {repo.head()}\n"
        f"author {NAME} <{EMAIL}> 1700000000 +0000\ncommitter {NAME} <{EMAIL}> 1700000000 +0000\n"
        "\nconvoy: init\n\nConvoy-Event: init"
    )
    assert oid == write.create_commit(found, tree, [repo.head()], "convoy: init\n\nConvoy-Event: init\n", 1700000000)
    root = write.create_commit(found, tree, [], "root\n", 0)
    assert commits.commit(found, root).parents == ()
    assert repo.status() == []
    with pytest.raises(GitError, match="could not be written"):
        write.create_commit(found, "1" * 40, [], "x", 1)
    with pytest.raises(ValueError, match="NUL"):
        write.create_commit(found, tree, [], "a\0b", 1)


def test_create_commit_without_an_identity(repo: GitRepo) -> None:
    repo.config("user.useConfigOnly", "true")
    for key in ("user.name", "user.email"):
        repo.git("config", "--global", "--unset", key)
    found = Repo.discover(repo.path)
    oid = write.create_commit(found, objects.EMPTY_TREE, [], "x\n", 1)
    assert (commits.commit(found, oid).author, commits.commit(found, oid).email) == ("gitconvoy", "gitconvoy@localhost")
    assert write.swap_ref(found, REF, None, oid, "no identity")


def test_commits_are_signed_as_git_would(repo: GitRepo, tmp_path: Path) -> None:
    signer = tmp_path / "signer"
    signer.write_text(
        "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n"
        "printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nabc\\n-----END PGP SIGNATURE-----\\n'\n"
    )
    signer.chmod(0o755)
    repo.config("gpg.program", str(signer))
    repo.config("commit.gpgSign", "true")
    found = Repo.discover(repo.path)
    oid = write.create_commit(found, objects.EMPTY_TREE, [repo.head()], "signed\n", 1700000000)
    text = repo.git("cat-file", "commit", oid)
    assert "gpgsig -----BEGIN PGP SIGNATURE-----" in text
    assert f"author {NAME} <{EMAIL}> 1700000000 +0000\n" in text
    assert f"committer {NAME} <{EMAIL}> 1700000000 +0000\n" in text
    plain = write.create_commit(found, objects.EMPTY_TREE, [], "plain\n", 1, sign=False)
    assert "gpgsig" not in repo.git("cat-file", "commit", plain)
    signer.write_text("#!/bin/sh\necho 'no key for you' >&2\nexit 1\n")
    with pytest.raises(GitError, match="failed to sign"):
        write.create_commit(found, objects.EMPTY_TREE, [], "refused\n", 1)


def test_swap_ref(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    one, two, three = (write.create_commit(found, objects.EMPTY_TREE, [], f"{n}\n", n) for n in (1, 2, 3))
    assert write.swap_ref(found, REF, None, one, "dispatch gt-a\nto x")
    assert not write.swap_ref(found, REF, None, two, "again")
    assert write.swap_ref(found, REF, one, two, "on")
    assert not write.swap_ref(found, REF, one, three, "stale")
    assert not write.swap_ref(found, REF, three, one, "never was there")
    assert not write.swap_ref(found, "refs/heads/none", one, two, "gone")
    assert repo.head(REF) == two
    assert repo.git("reflog", "show", "--format=%gs", REF).splitlines() == ["on", "dispatch gt-a to x"]
    repo.git("pack-refs", "--all")
    assert not write.swap_ref(found, REF, one, three, "stale, packed")
    assert write.swap_ref(found, REF, two, three, "packed")
    assert refs.ref(found, REF) == three == repo.head(REF)


@pytest.mark.parametrize(("setting", "synced"), [("committed", True), ("none", False)])
def test_a_moved_ref_is_on_the_disk_when_it_is_told(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, setting: str, synced: bool
) -> None:
    repo.config("core.fsync", setting)
    seen: list[Path] = []

    def sync(handle: int) -> None:
        seen.append(Path(f"/proc/self/fd/{handle}").readlink())

    monkeypatch.setattr(os, "fsync", sync)
    assert write.swap_ref(Repo.at(repo.path), "refs/heads/other", None, repo.head(), "make it")
    assert seen == ([repo.path / ".git/refs/heads"] if synced else [])


def test_swap_ref_that_git_refuses(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    with pytest.raises(GitError, match="nonexistent object"):
        write.swap_ref(found, REF, None, "1" * 40, "no such object")
    repo.git("branch", "ledger/below")
    with pytest.raises(GitError, match="ledger/below"):
        write.swap_ref(found, REF, None, repo.head(), "in the way")
    with pytest.raises(GitError):
        write.swap_ref(found, "refs/heads/not..valid", None, repo.head(), "odd name")


def test_swap_ref_while_the_ref_is_locked(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    assert write.swap_ref(found, REF, None, repo.head(), "make")
    stale = repo.path / ".git" / (REF + ".lock")
    stale.write_text("")
    with pytest.raises(LostRace, match=r"ledger\.lock") as caught:
        write.swap_ref(found, REF, repo.head(), repo.commit(), "locked")
    assert ".lock" in caught.value.hint
    stale.unlink()
    assert refs.ref(found, REF) == repo.head("HEAD~1")


def test_a_reference_transaction_hook_may_refuse(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    repo.write(".git/hooks/reference-transaction", '#!/bin/sh\n[ "$1" != prepared ]\n').chmod(0o755)
    with pytest.raises(GitError, match="ref updates aborted by hook"):
        write.swap_ref(found, REF, None, repo.head(), "x")


def test_delete_ref(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    repo.git("branch", "gone")
    assert not write.delete_ref(found, "refs/heads/gone", "1" * 40)
    assert write.delete_ref(found, "refs/heads/gone", repo.head())
    assert not repo.exists("refs/heads/gone")
    assert not write.delete_ref(found, "refs/heads/gone", repo.head())


def _append(path: str, worker: int, count: int, foreign: bool, locked: bool) -> None:
    """Add `count` commits to the ledger, each on top of whatever is there, by ours or by git's compare-and-swap."""
    found = Repo.discover(Path(path))
    rest = count
    while rest:
        old = refs.ref(found, REF)
        assert old is not None
        new = write.create_commit(found, objects.EMPTY_TREE, [old], f"{worker}-{rest}\n", 1700000000)
        if foreign:
            done = found.git("update-ref", REF, new, old, check=False).returncode == 0
        elif locked:
            with lock.exclusive(found.common_dir / "test.lock", 60):
                done = write.swap_ref(found, REF, old, new, "append")
        else:
            try:
                done = write.swap_ref(found, REF, old, new, "append")
            except LostRace:
                done = False
        rest -= done


def test_no_update_is_lost_among_processes_and_foreign_git(repo: GitRepo) -> None:
    workers, count = 8, 25
    found = Repo.discover(repo.path)
    write.edit_tree(found, None, {})
    assert write.swap_ref(found, REF, None, repo.head(), "begin")
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_append, args=(str(repo.path), n, count, n % 4 == 0, n % 4 == 1)) for n in range(workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * workers
    subjects = repo.git("log", "--format=%s", f"{repo.head()}..{REF}").splitlines()
    assert len(subjects) == workers * count
    assert set(subjects) == {f"{w}-{n}" for w in range(workers) for n in range(1, count + 1)}
    assert repo.run("fsck", "--strict").returncode == 0


def test_stage_paths(repo: GitRepo) -> None:
    repo.write("p/old", "old\n")
    repo.commit()
    repo.write("other", "staged\n")
    repo.git("add", "other")
    found = Repo.discover(repo.path)
    oid = write.write_blob(found, b"new\n")
    write.stage_paths(found, {"p/new \u00e9.yaml": oid, "p/old": None, "none": None})
    assert [e.path for e in index.index_entries(found)] == ["README.md", "other", "p/new \u00e9.yaml"]
    write.stage_paths(found, {})
    repo.git("commit", "--quiet", "-m", "as staged")
    assert repo.show("HEAD", "p/new \u00e9.yaml") == "new\n"
    assert not repo.exists("HEAD:p/old")


def test_stage_paths_into_the_index_that_the_hook_was_given(repo: GitRepo, tmp_path: Path) -> None:
    other = tmp_path / "index"
    repo.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": str(other)})
    found = Repo.discover(repo.path, dict(os.environ) | {"GIT_INDEX_FILE": str(other)})
    write.stage_paths(found, {"x": write.write_blob(found, b"x")})
    assert [e.path for e in index.index_entries(found)] == ["README.md", "x"]
    assert [e.path for e in index.index_entries(Repo.discover(repo.path))] == ["README.md"]


STAGING_HOOK = """\
#!{python}
from pathlib import Path
from gitconvoy.git import commits, index, objects, refs, trees, write
from gitconvoy.git.repo import Repo

found = Repo.discover(Path.cwd())
staged = ",".join(entry.path for entry in index.index_entries(found))
write.stage_paths(found, {{"derived": write.write_blob(found, staged.encode() + b"\\n")}})
"""


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ((), "README.md,staged"),
        (("--all",), "README.md,staged"),
        (("--only", "README.md"), "README.md"),
        (("--include", "README.md"), "README.md,staged"),
    ],
)
def test_a_real_hook_reads_and_stages_what_is_being_committed(
    repo: GitRepo, command: tuple[str, ...], expected: str
) -> None:
    repo.write(".git/hooks/pre-commit", STAGING_HOOK.format(python=sys.executable)).chmod(0o755)
    repo.write("staged", "x\n")
    repo.git("add", "staged")
    repo.write("README.md", "changed\n")
    repo.git("commit", "--quiet", "-m", "x", *command)
    assert repo.show("HEAD", "derived") == expected + "\n"


def test_lock(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    with lock.exclusive(path, 5), pytest.raises(LostRace, match="another gitconvoy process"), lock.exclusive(path, 0):
        pass
    with lock.exclusive(path, 0):
        assert path.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_lock_in_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(GitError, match="no lock file can be made"), lock.exclusive(tmp_path / "lock", 0):
        pass


def test_lock_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GitError, match="no lock file can be made"), lock.exclusive(tmp_path / "file" / "lock", 0):
        pass


def test_a_series_of_moves_is_one_process_and_each_is_a_move_of_its_own(repo: GitRepo) -> None:
    name = "refs/heads/moved"
    found = Repo.discover(repo.path)
    tree = repo.git("rev-parse", "HEAD^{tree}")
    tips = [write.create_commit(found, tree, [], f"{number}\n", number) for number in range(6)]
    repo.git("update-ref", name, tips[0])
    with series(found, name, "in a\nrow") as move:
        assert move(tips[0], tips[1])
        assert refs.ref(found, name) == tips[1]
        later = write.create_commit(found, tree, [], "written meanwhile\n", 9)
        assert move(tips[1], later)
        repo.git("update-ref", name, tips[2])  # between two moves nothing is locked
        assert not move(later, tips[3])
        assert not move(tips[2], tips[3])  # whoever was refused once asks in another way
        assert refs.ref(found, name) == tips[2]
        assert not (repo.path / ".git" / f"{name}.lock").exists()
    said = repo.git("reflog", "--format=%gs", "moved").splitlines()
    assert said.count("in a row") == 2
    with series(found, name, "nothing moves"):
        pass
