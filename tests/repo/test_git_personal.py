"""Commits in the person's name: exactly the paths asked for, hooks on, everything else as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import EMAIL, NAME, GitRepo, new_repo

from gitconvoy.errors import GitError, LostRace, Refused
from gitconvoy.git import personal, refs
from gitconvoy.git.repo import Repo


def _hook(repo: GitRepo, name: str, text: str) -> None:
    repo.write(f".git/hooks/{name}", f"#!/bin/sh\n{text}").chmod(0o755)


def _index(repo: GitRepo) -> str:
    return repo.git("ls-files", "--stage", "--debug")


@pytest.fixture
def busy(repo: GitRepo) -> GitRepo:
    """A repository with staged, unstaged and untracked work of its person."""
    for path in ("staged", "unstaged", "both", "p/changed", "p/gone", "p/gone-staged"):
        repo.write(path, "1\n")
    repo.commit("base")
    for path in ("staged", "both", "staged-new"):
        repo.write(path, "2\n")
    repo.git("add", "staged", "both", "staged-new")
    repo.write("unstaged", "2\n")
    repo.write("both", "3\n")
    repo.write("untracked", "1\n")
    return repo


BUSY = ["M  staged", " M unstaged", "MM both", "A  staged-new", "?? untracked"]


def test_new_changed_and_removed_files(busy: GitRepo) -> None:
    assert sorted(busy.status()) == sorted(BUSY)
    busy.write("p/changed", "2\n")
    busy.write("p/deep/new *.yaml", "new\n")
    (busy.path / "p/gone").unlink()
    busy.git("rm", "--quiet", "p/gone-staged")
    found = Repo.discover(busy.path)
    before = busy.head()
    paths = ["p/changed", "p/deep/new *.yaml", "p/gone", "p/gone-staged", "p/never-was", "p/changed"]
    made = personal.commit_paths(found, paths, "# a title\n\nand a body: caf\u00e9\n")
    assert made == busy.head() == refs.head(found)
    assert busy.head("HEAD~1") == before
    assert sorted(busy.status()) == sorted(BUSY)
    assert busy.git("diff-tree", "-r", "--name-status", "--no-renames", "HEAD~1", "HEAD").splitlines() == [
        "M\tp/changed",
        "A\tp/deep/new *.yaml",
        "D\tp/gone",
        "D\tp/gone-staged",
    ]
    assert busy.git("log", "-1", "--format=%B%an <%ae>") == f"# a title\n\nand a body: caf\u00e9\n{NAME} <{EMAIL}>"


def test_the_worktree_s_state_is_what_is_committed(busy: GitRepo) -> None:
    assert personal.commit_paths(Repo.discover(busy.path), ["both"], "x") == busy.head()
    assert busy.show("HEAD", "both") == "3\n"
    assert "MM both" not in busy.status()


def test_nothing_to_commit(busy: GitRepo) -> None:
    found = Repo.discover(busy.path)
    before = busy.head()
    assert personal.commit_paths(found, ["p/changed", "p/never-was"], "x") is None
    assert personal.commit_paths(found, [], "x") is None
    assert busy.head() == before


def test_paths_are_neither_patterns_nor_options(busy: GitRepo) -> None:
    for path in ("--all", "p/*", ":(top)", "a\nb"):
        busy.write(path, "odd\n")
    busy.write("p/changed", "2\n")
    found = Repo.discover(busy.path / "p")
    assert personal.commit_paths(found, ["--all", "p/*", ":(top)", "a\nb"], "odd names") == busy.head()
    names = busy.git("diff-tree", "-r", "-z", "--name-only", "HEAD~1", "HEAD").split("\0")
    assert sorted(name for name in names if name) == ["--all", ":(top)", "a\nb", "p/*"]
    assert " M p/changed" in busy.status()


def test_ignored_files_are_committed_when_asked_for(repo: GitRepo) -> None:
    repo.write(".gitignore", "*.yaml\n")
    repo.commit()
    repo.write("p/x.yaml", "x\n")
    assert personal.commit_paths(Repo.discover(repo.path), ["p/x.yaml"], "x") == repo.head()
    assert repo.show("HEAD", "p/x.yaml") == "x\n"


def test_unborn_branch(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "unborn")
    repo.write("a", "a\n")
    repo.write("b", "b\n")
    repo.git("add", "b")
    found = Repo.discover(repo.path)
    assert personal.has_changes(found, ["a", "b", "c"]) == ["a", "b"]
    assert personal.commit_paths(found, ["a"], "first") == repo.head()
    assert repo.git("ls-tree", "--name-only", "HEAD") == "a"
    assert repo.status() == ["A  b"]


def test_unborn_branch_when_a_hook_refuses(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "unborn")
    _hook(repo, "pre-commit", "exit 1\n")
    repo.write("a", "a\n")
    with pytest.raises(GitError, match="git commit failed"):
        personal.commit_paths(Repo.discover(repo.path), ["a"], "first")
    assert repo.status() == ["?? a"]
    assert repo.git("ls-files") == ""


def test_a_refusing_hook_leaves_the_index_as_it_was(busy: GitRepo) -> None:
    _hook(busy, "pre-commit", "echo 'bad: p/new'\necho 'and more' >&2\nexit 1\n")
    busy.write("p/new", "new\n")
    busy.write("p/announced", "x\n")
    busy.git("add", "--intent-to-add", "p/announced")
    busy.write("p/changed", "2\n")
    (busy.path / "p/gone").unlink()
    busy.git("rm", "--quiet", "--cached", "p/gone-staged")
    before, index = busy.status(), _index(busy)
    with pytest.raises(GitError, match="and more"):
        personal.commit_paths(
            Repo.discover(busy.path), ["p/new", "p/announced", "p/changed", "p/gone", "p/gone-staged"], "x"
        )
    assert busy.status() == before
    assert _index(busy) == index


def test_hooks_run_and_no_editor_opens(repo: GitRepo, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for name in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"):
        _hook(repo, name, f'echo {name} >>{ran}\n[ -z "$GIT_LITERAL_PATHSPECS" ]\n')
    repo.config("core.editor", f"echo editor >>{ran}; false")
    repo.config("commit.verbose", "true")
    repo.config("commit.cleanup", "scissors")
    repo.write("a", "a\n")
    assert personal.commit_paths(Repo.discover(repo.path), ["a"], "# kept") == repo.head()
    assert ran.read_text().split() == ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"]
    assert repo.git("log", "-1", "--format=%s") == "# kept"


def test_what_a_hook_leaves_running_is_not_waited_for(repo: GitRepo, tmp_path: Path) -> None:
    stop, ended = tmp_path / "stop", tmp_path / "ended"
    loop = f"n=0; while [ ! -e '{stop}' ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done; touch '{ended}'"
    _hook(repo, "post-commit", f"({loop}) &\n")
    repo.write("a", "a\n")
    assert personal.commit_paths(Repo.discover(repo.path), ["a"], "x") == repo.head()
    assert not ended.exists()
    stop.touch()
    deadline = time.monotonic() + 60
    while not ended.exists():
        assert time.monotonic() < deadline


def test_a_file_that_the_hook_stages_is_in_the_commit(repo: GitRepo) -> None:
    _hook(repo, "pre-commit", "echo derived >derived && git add derived\n")
    repo.write("a", "a\n")
    personal.commit_paths(Repo.discover(repo.path), ["a"], "x")
    assert repo.git("ls-tree", "--name-only", "HEAD").split() == ["README.md", "a", "derived"]


def test_in_a_linked_worktree(repo: GitRepo, tmp_path: Path) -> None:
    linked = repo.worktree(tmp_path / "linked", "topic")
    linked.write("a", "a\n")
    before = repo.head()
    assert personal.commit_paths(Repo.discover(linked.path), ["a"], "x") == linked.head()
    assert repo.head() == before
    assert linked.status() == []


def test_in_a_sparse_checkout(repo: GitRepo) -> None:
    for path in ("in/a", "out/b", "out/c"):
        repo.write(path, "1\n")
    repo.commit()
    repo.git("sparse-checkout", "set", "--cone", "in")
    found = Repo.discover(repo.path)
    assert personal.has_changes(found, ["out/b"]) == []
    repo.write("out/b", "2\n")
    repo.write("out/new", "2\n")
    assert personal.commit_paths(found, ["out/b", "out/new"], "x") == repo.head()
    changed = repo.git("diff-tree", "-r", "--name-status", "HEAD~1", "HEAD").splitlines()
    assert changed == ["M\tout/b", "A\tout/new"]


def test_many_paths(repo: GitRepo) -> None:
    paths = [f"p/{'x' * 60}-{n}.yaml" for n in range(1200)]
    for path in paths:
        repo.write(path, path)
    found = Repo.discover(repo.path)
    assert personal.has_changes(found, paths) == paths
    assert personal.commit_paths(found, paths, "many") == repo.head()
    assert repo.status() == []
    assert personal.has_changes(found, paths) == []


def _merge(repo: GitRepo) -> None:
    repo.git("checkout", "--quiet", "-b", "other")
    repo.write("file", "one\n")
    repo.commit("one")
    repo.git("checkout", "--quiet", "main")
    repo.write("file", "two\n")
    repo.commit("two")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("merge", "other"), "merge"),
        (("rebase", "other"), "rebase"),
        (("cherry-pick", "other"), "cherry-pick"),
        (("revert", "HEAD~1"), "revert"),
    ],
)
def test_refused_during_other_operations(repo: GitRepo, command: tuple[str, ...], name: str) -> None:
    _merge(repo)
    if name == "revert":
        repo.write("file", "three\n")
        repo.commit("three")
    found = Repo.discover(repo.path)
    assert personal.operation_in_progress(found) is None
    assert repo.run(*command).returncode == 1
    assert personal.operation_in_progress(found) == name
    repo.write("new", "x\n")
    before = repo.status()
    with pytest.raises(Refused, match=f"a {name} is in progress") as caught:
        personal.commit_paths(found, ["new"], "x")
    assert f"git {name} --" in caught.value.hint
    assert repo.status() == before


def test_refused_during_bisect(repo: GitRepo) -> None:
    repo.commit("two")
    repo.git("bisect", "start", "HEAD", "HEAD~1")
    with pytest.raises(Refused, match="bisect") as caught:
        personal.commit_paths(Repo.discover(repo.path), ["README.md"], "x")
    assert "git bisect reset" in caught.value.hint


def test_refused_in_a_bare_repository(repo: GitRepo, tmp_path: Path) -> None:
    bare = repo.clone(tmp_path / "bare", "--bare")
    with pytest.raises(Refused, match="bare"):
        personal.commit_paths(Repo.discover(bare.path), ["a"], "x")


def test_has_changes(busy: GitRepo) -> None:
    found = Repo.discover(busy.path)
    paths = ["untracked", "staged", "both", "unstaged", "staged-new", "p/changed", "p/never-was"]
    assert personal.has_changes(found, paths) == paths[:5]
    os.utime(busy.path / "p/changed", (1, 1))
    assert personal.has_changes(found, ["p/changed"]) == []
    assert personal.has_changes(found, []) == []


def test_worktrees(repo: GitRepo, tmp_path: Path) -> None:
    linked = repo.worktree(tmp_path / "linked tree", "topic/x")
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "detached"))
    expected = [
        personal.Worktree(repo.path, "refs/heads/main"),
        personal.Worktree(linked.path, "refs/heads/topic/x"),
        personal.Worktree(tmp_path / "detached", None),
    ]
    listed = personal.worktrees(Repo.discover(linked.path))
    assert listed[0] == expected[0]
    assert set(listed) == set(expected)


def test_identity(repo: GitRepo, make_repo: Callable[[str], GitRepo], monkeypatch: pytest.MonkeyPatch) -> None:
    assert personal.identity(Repo.discover(repo.path)) == (NAME, EMAIL)
    repo.config("user.name", "J\u00f6rg <x> Other")
    assert personal.identity(Repo.discover(repo.path)) == ("J\u00f6rg x Other", EMAIL)
    monkeypatch.setenv("GIT_COMMITTER_NAME", "From Environment")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    assert personal.identity(Repo.discover(repo.path)) == ("From Environment", EMAIL)


def test_a_locked_index_is_a_race_and_leaves_no_entry(repo: GitRepo) -> None:
    repo.write("new", "1\n")
    before = _index(repo)
    lock = repo.write(".git/index.lock", "")
    with pytest.raises(LostRace, match=r"index\.lock") as caught:
        personal.commit_paths(Repo.discover(repo.path), ["new"], "x")
    assert caught.value.code == "index-locked"
    lock.unlink()
    assert _index(repo) == before


def test_what_a_hook_put_into_the_index_outlives_the_failure(repo: GitRepo) -> None:
    """The old index comes back only where nobody else wrote a newer one."""
    repo.write("new", "1\n")
    repo.write("beside", "1\n")
    _hook(repo, "commit-msg", "rm -f .git/index.lock; unset GIT_INDEX_FILE; git add beside; exit 1\n")
    with pytest.raises(GitError):
        personal.commit_paths(Repo.discover(repo.path), ["new"], "x")
    assert sorted(repo.status()) == ["?? new", "A  beside"]
    assert [path.name for path in (repo.path / ".git").glob("index*")] == ["index"]


def test_the_first_commit_of_all_that_is_refused_leaves_no_index(tmp_path: Path) -> None:
    first = new_repo(tmp_path / "first")
    first.write("new", "1\n")
    _hook(first, "pre-commit", "exit 1\n")
    with pytest.raises(GitError):
        personal.commit_paths(Repo.discover(first.path), ["new"], "x")
    assert first.status() == ["?? new"]
    assert list((first.path / ".git").glob("index*")) == []


def test_many_files_are_committed_as_folders_and_nothing_beside_them(busy: GitRepo) -> None:
    busy.write(".gitignore", "*.tmp\n")
    busy.write("many/mixed/old", "1\n")
    busy.write("many/assumed/own", "1\n")
    busy.git("init", "--quiet", "many/hidden/sub")
    inner = GitRepo(busy.path / "many/hidden/sub", busy.env)
    inner.write("file", "1\n")
    inner.commit("one")
    busy.commit("more")
    busy.git("config", "diff.ignoreSubmodules", "all")
    inner.write("file", "2\n")
    inner.commit("two")
    busy.git("update-index", "--assume-unchanged", "many/assumed/own")
    busy.write("many/assumed/own", "mine alone\n")
    busy.write("staged", "4\n")
    before = set(busy.status())
    busy.write("many/mixed/old", "2\n")
    for name in ("many/mixed/mine", "many/ignored/x.tmp"):
        busy.write(name, "theirs\n")
    folders = ("all", "mixed", "ignored", "assumed", "hidden")
    paths = [f"many/{folder}/{number}" for folder in folders for number in range(personal.MANY // 2)]
    for path in paths:
        busy.write(path, "new\n")
    found = Repo.discover(busy.path)
    assert personal.commit_paths(found, paths, "Many") == busy.head()
    listed = busy.git("diff-tree", "--no-commit-id", "--name-only", "-r", "HEAD").splitlines()
    assert sorted(listed) == sorted(paths)
    assert set(busy.status()) == {*before, " M many/mixed/old", "?? many/mixed/mine"}
