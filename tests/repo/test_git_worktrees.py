"""Linked worktrees of our own making: clean to add, safe to remove."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo, new_repo

from gitconvoy.errors import GitError, Refused
from gitconvoy.git import personal, run, worktrees
from gitconvoy.git.repo import Repo


def _add(repo: GitRepo, path: Path, branch: str = "convoy/gt-1-1") -> GitRepo:
    worktrees.add(Repo.discover(repo.path), path, branch, repo.head(), reason="gitconvoy: gt-1")
    return GitRepo(path)


@pytest.fixture
def linked(repo: GitRepo) -> GitRepo:
    """A worktree below the git directory, on a branch of its own."""
    return _add(repo, repo.path / ".git" / "gitconvoy" / "worktrees" / "gt-1")


# Names


def test_clashes(repo: GitRepo) -> None:
    for name in ("a/b", "x", "y/z"):
        repo.git("branch", name)
    for ref in ("refs/remotes/origin/far", "refs/remotes/big/team/deep/er", "refs/remotes/unknown/near"):
        repo.git("update-ref", ref, repo.head())
    repo.git("remote", "add", "origin", "/nowhere")
    repo.git("remote", "add", "big/team", "/nowhere")
    found = Repo.discover(repo.path)
    assert worktrees.clashes(found, "free") == ()
    assert worktrees.clashes(found, "a/c") == ()
    assert worktrees.clashes(found, "ab") == ()
    assert worktrees.clashes(found, "near") == ()
    assert worktrees.clashes(found, "a") == ("refs/heads/a/b",)
    assert worktrees.clashes(found, "a/b") == ("refs/heads/a/b",)
    assert worktrees.clashes(found, "x/y") == ("refs/heads/x",)
    assert worktrees.clashes(found, "far") == ("refs/remotes/origin/far",)
    assert worktrees.clashes(found, "far/ther") == ("refs/remotes/origin/far",)
    assert worktrees.clashes(found, "deep") == ("refs/remotes/big/team/deep/er",)
    assert worktrees.clashes(found, "X") == ()
    repo.config("core.ignoreCase", "true")
    assert worktrees.clashes(Repo.discover(repo.path), "X/1") == ("refs/heads/x",)
    assert worktrees.branch_exists(found, "a/b")
    assert not worktrees.branch_exists(found, "a")
    assert not worktrees.branch_exists(found, "..")


@pytest.mark.parametrize("name", ["-x", "", "a..b", "a b", "HEAD", "a.lock", "/a", "a/", "@{-1}", "a\0b", "a~1"])
def test_names_that_can_be_no_branch(repo: GitRepo, name: str, tmp_path: Path) -> None:
    found = Repo.discover(repo.path)
    with pytest.raises(GitError) as caught:
        worktrees.clashes(found, name)
    assert caught.value.code == "bad-branch"
    with pytest.raises(GitError):
        worktrees.add(found, tmp_path / "linked", name, repo.head())
    assert not (tmp_path / "linked").exists()


# Adding


def test_add(repo: GitRepo, tmp_path: Path) -> None:
    start, ran = repo.head(), tmp_path / "ran"
    repo.commit("later")
    for hook in ("post-checkout", "post-index-change"):
        repo.write(f".git/hooks/{hook}", f"#!/bin/sh\necho {hook} >>{ran}\n").chmod(0o755)
    worktrees.add(Repo.discover(repo.path), tmp_path / "deep" / "-x y", "convoy/gt-1-1", start, reason="why not")
    linked = GitRepo(tmp_path / "deep" / "-x y")
    assert not ran.exists()
    assert linked.git("symbolic-ref", "HEAD") == "refs/heads/convoy/gt-1-1"
    assert linked.head() == start
    assert linked.status() == []
    assert "locked why not" in repo.git("worktree", "list", "--porcelain").splitlines()
    assert not repo.exists("convoy/gt-1-1@{upstream}")
    found = Repo.discover(repo.path)
    worktrees.lock(found, linked.path, "another reason")
    assert "locked another reason" in repo.git("worktree", "list", "--porcelain").splitlines()
    worktrees.unlock(found, linked.path)
    worktrees.unlock(found, linked.path)
    assert "locked" not in repo.git("worktree", "list", "--porcelain")


def half_made(repo: GitRepo) -> Path:
    """What `git worktree add` of another process has written when it has just begun."""
    admin = repo.path / ".git/worktrees/other"
    admin.mkdir(parents=True)
    (admin / "gitdir").write_text("/nowhere/.git\n")
    (admin / "HEAD").write_text("ref: refs/heads/other\n")
    (admin / "commondir").touch()
    return admin


def test_add_while_another_process_adds_one(repo: GitRepo, tmp_path: Path) -> None:
    admin = half_made(repo)
    found = repo.run("worktree", "add", str(tmp_path / "refused"), "-b", "refused")
    assert "commondir" in found.stderr, "git itself dies of it"
    repo.run("branch", "-D", "refused")
    later = threading.Timer(0.3, lambda: (admin / "commondir").write_text("../..\n"))
    later.start()
    made = _add(repo, tmp_path / "wt")
    later.join()
    assert made.git("branch", "--show-current") == "convoy/gt-1-1"
    assert len(personal.worktrees(Repo.discover(repo.path))) == 3


def test_what_stays_half_made_is_named(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half_made(repo)
    monkeypatch.setattr(run, "_TRIES", 3)
    with pytest.raises(GitError, match="commondir"):
        _add(repo, tmp_path / "wt")
    with pytest.raises(GitError, match="commondir"):
        personal.worktrees(Repo.discover(repo.path))
    shutil.rmtree(repo.path / ".git/worktrees")
    assert repo.git("branch", "--list", "convoy/*") == ""


def test_add_from_within_a_hook(repo: GitRepo, tmp_path: Path) -> None:
    repo.write("staged", "x\n")
    repo.git("add", "staged")
    environ = dict(os.environ) | {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_PREFIX": ""}
    worktrees.add(Repo.discover(repo.path, environ), tmp_path / "linked", "work", repo.head())
    assert repo.status() == ["A  staged"]
    assert GitRepo(tmp_path / "linked").status() == []


def test_add_in_a_bare_repository(repo: GitRepo, tmp_path: Path) -> None:
    bare = repo.clone(tmp_path / "bare", "--bare")
    linked = _add(bare, tmp_path / "linked")
    assert linked.status() == []
    worktrees.remove(Repo.discover(bare.path), linked.path)
    assert not linked.path.exists()


def test_what_cannot_be_added_leaves_nothing_behind(repo: GitRepo, tmp_path: Path) -> None:
    found = Repo.discover(repo.path)
    repo.git("branch", "taken")
    with pytest.raises(GitError) as caught:
        worktrees.add(found, tmp_path / "linked", "taken", repo.head())
    assert caught.value.code == "branch-exists"
    with pytest.raises(GitError, match="taken"):
        worktrees.add(found, tmp_path / "linked", "taken/below", repo.head())
    with pytest.raises(GitError, match="not in this repository"):
        worktrees.add(found, tmp_path / "linked", "work", "--detach")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    with pytest.raises(GitError, match="already exists"):
        worktrees.add(found, tmp_path / "full", "work", repo.head())
    assert not worktrees.branch_exists(found, "work")
    repo.config("filter.broken.smudge", "false")
    repo.config("filter.broken.clean", "cat")
    repo.config("filter.broken.required", "true")
    repo.write(".gitattributes", "README.md filter=broken\n")
    repo.git("add", ".gitattributes")
    repo.git("commit", "--quiet", "-m", "a filter that fails")
    with pytest.raises(GitError):
        worktrees.add(found, tmp_path / "linked", "work", repo.head())
    assert worktrees.branch_exists(found, "taken")
    assert not worktrees.branch_exists(found, "work")
    assert not (tmp_path / "linked").exists()
    assert (tmp_path / "full" / "mine").read_text() == "x"
    assert len(repo.git("worktree", "list").splitlines()) == 1


def test_submodules(repo: GitRepo, make_repo: Callable[[str], GitRepo], tmp_path: Path) -> None:
    inner, innermost = make_repo("inner"), make_repo("innermost")
    inner.git("submodule", "--quiet", "add", str(innermost.path), "deeper")
    inner.commit("nested")
    repo.git("submodule", "--quiet", "add", str(inner.path), "sub")
    repo.commit("a submodule")
    ran, hooks = tmp_path / "ran", tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text(f"#!/bin/sh\npwd >>{ran}\n")
    (hooks / "post-checkout").chmod(0o755)
    repo.git("config", "--global", "core.hooksPath", str(hooks))
    linked = _add(repo, tmp_path / "linked")
    assert list((linked.path / "sub").iterdir()) == []
    assert worktrees.has_submodules(linked.path)
    subprocess.run(worktrees.SUBMODULES, cwd=linked.path, env={**os.environ, **worktrees.SUBMODULES_ENV}, check=True)
    assert linked.read("sub/deeper/README.md") == repo.read("README.md")
    assert linked.status() == []
    assert not ran.exists()
    assert worktrees.losses(linked.path) == ()
    GitRepo(linked.path / "sub" / "deeper").write("mine", "x\n")
    sub = GitRepo(linked.path / "sub")
    sub.write("README.md", "mine\n")
    sub.git("commit", "--quiet", "-a", "-m", "on no remote")
    found = worktrees.losses(linked.path)
    assert "in the repository sub: 1 commit on no remote" in found
    assert "in the repository sub/deeper: files that are not committed: mine" in found
    assert "changes that are not committed: sub" in found
    assert not worktrees.has_submodules(repo.path.parent)
    plain = Repo.discover(repo.path)
    with pytest.raises(Refused, match="on no remote"):
        worktrees.remove(plain, linked.path)
    worktrees.remove(plain, linked.path, force=True)
    assert not linked.path.exists()


# Removing


def test_a_clean_worktree_is_removed_and_its_branch_stays(repo: GitRepo, linked: GitRepo) -> None:
    linked.write("a", "x\n")
    made = linked.commit("work")
    repo.write(".git/info/exclude", "ignored/\n")
    linked.write("ignored/cache", "x\n")
    assert worktrees.losses(linked.path) == ()
    worktrees.remove(Repo.discover(repo.path), linked.path)
    assert not linked.path.exists()
    assert repo.head("convoy/gt-1-1") == made
    assert len(repo.git("worktree", "list").splitlines()) == 1
    worktrees.remove(Repo.discover(repo.path), linked.path)


def _dirty(linked: GitRepo, kind: str) -> None:
    linked.write("README.md", "changed\n")
    if kind == "staged":
        linked.git("add", "README.md")
    elif kind == "staged and gone":
        linked.git("add", "README.md")
        (linked.path / "README.md").unlink()
    elif kind == "assumed":
        linked.git("update-index", "--assume-unchanged", "README.md")
    elif kind == "skipped":
        linked.git("update-index", "--skip-worktree", "README.md")
    elif kind == "mode":
        linked.git("checkout", "--quiet", "README.md")
        (linked.path / "README.md").chmod(0o755)
    elif kind == "untracked":
        linked.git("checkout", "--quiet", "README.md")
        linked.write("dir/new", "x\n")
        linked.git("config", "status.showUntrackedFiles", "no")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("unstaged", "changes that are not committed: README.md"),
        ("staged", "staged changes: README.md"),
        ("staged and gone", "staged changes: README.md"),
        ("assumed", "changes that are not committed: README.md"),
        ("skipped", "changes that are not committed: README.md"),
        ("mode", "changes that are not committed: README.md"),
        ("untracked", "files that are not committed: dir/new"),
    ],
)
def test_uncommitted_work_is_never_removed(repo: GitRepo, linked: GitRepo, kind: str, said: str) -> None:
    _dirty(linked, kind)
    assert said in worktrees.losses(linked.path)
    with pytest.raises(Refused, match="would be lost") as caught:
        worktrees.remove(Repo.discover(repo.path), linked.path)
    assert str(linked.path) in caught.value.message
    assert linked.path.exists()
    assert "locked gitconvoy: gt-1" in repo.git("worktree", "list", "--porcelain")
    worktrees.remove(Repo.discover(repo.path), linked.path, force=True)
    assert not linked.path.exists()


def test_many_files_are_summed_up(linked: GitRepo) -> None:
    for n in range(5):
        linked.write(f"new-{n}", "x\n")
    assert worktrees.losses(linked.path) == ("files that are not committed: new-0, new-1, new-2 and 2 more",)


def test_an_operation_in_progress(repo: GitRepo, linked: GitRepo) -> None:
    linked.write("README.md", "ours\n")
    linked.commit("ours")
    repo.write("README.md", "theirs\n")
    repo.commit("theirs")
    assert linked.run("merge", "main").returncode == 1
    assert worktrees.losses(linked.path) == ("a merge is in progress", "unresolved conflicts: README.md")


def test_a_detached_head(repo: GitRepo, linked: GitRepo) -> None:
    linked.git("checkout", "--quiet", "--detach")
    assert worktrees.losses(linked.path) == ()
    linked.write("a", "x\n")
    made = linked.commit("on no branch")
    assert worktrees.losses(linked.path) == (f"1 commit on no branch (detached HEAD {made[:12]})",)
    assert worktrees.losses(linked.path, into=[made]) == ()
    repo.git("tag", "kept", made)
    assert worktrees.losses(linked.path) == ()


def test_unmerged_commits(repo: GitRepo, linked: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = repo.head()
    assert worktrees.losses(linked.path, into=[before]) == ()
    for name in ("a", "b"):
        linked.write(name, "x\n")
        linked.commit(name)
    said = ("2 commits of branch convoy/gt-1-1 not merged",)
    assert worktrees.losses(linked.path, into=[before]) == said
    assert worktrees.losses(linked.path, into=[before, "1" * 40]) == said
    repo.write("c", "x\n")
    repo.commit("meanwhile")
    repo.git("merge", "--quiet", "--squash", "convoy/gt-1-1")
    squashed = repo.commit("squashed")
    assert worktrees.losses(linked.path, into=[before, squashed]) == ()
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.git("merge", "--quiet", "--no-edit", "convoy/gt-1-1")
    assert worktrees.losses(linked.path, into=[repo.head()]) == ()


def test_nested_repositories(repo: GitRepo, linked: GitRepo, make_repo: Callable[[str], GitRepo]) -> None:
    repo.write(".git/info/exclude", "vendor/\n")
    upstream = make_repo("upstream")
    (linked.path / "vendor").mkdir()
    clone = upstream.clone(linked.path / "vendor" / "clone")
    assert worktrees.losses(linked.path) == ()
    clone.write("mine", "x\n")
    assert worktrees.losses(linked.path) == ("in the repository vendor/clone: files that are not committed: mine",)
    clone.git("stash", "--quiet", "--include-untracked")
    said = worktrees.losses(linked.path)
    assert len(said) == 1
    assert "on no remote" in said[0]
    clone.git("stash", "drop", "--quiet")
    assert worktrees.losses(linked.path) == ()
    clone.git("checkout", "--quiet", "--detach")
    clone.commit("detached")
    assert worktrees.losses(linked.path) == ("in the repository vendor/clone: 1 commit on no remote",)
    with pytest.raises(Refused, match="vendor/clone"):
        worktrees.remove(Repo.discover(repo.path), linked.path)
    shutil.rmtree(clone.path)
    own = new_repo(linked.path / "vendor" / "own")
    assert worktrees.losses(linked.path) == ()
    own.write("a", "x\n")
    own.commit("only here")
    assert worktrees.losses(linked.path) == ("in the repository vendor/own: 1 commit on no remote",)
    shutil.rmtree(own.path)
    (linked.path / "vendor" / "broken" / ".git").mkdir(parents=True)
    repo.git("worktree", "add", "--quiet", "-b", "inner", str(linked.path / "vendor" / "inner"))
    GitRepo(linked.path / "vendor" / "inner").commit("safe in the repository")
    assert worktrees.losses(linked.path) == ()


def test_a_folder_that_vanished(repo: GitRepo, linked: GitRepo) -> None:
    shutil.rmtree(linked.path)
    found = Repo.discover(repo.path)
    assert worktrees.losses(linked.path) == ()
    worktrees.remove(found, linked.path)
    assert len(repo.git("worktree", "list").splitlines()) == 1
    again = _add(repo, linked.path, "convoy/gt-1-2")
    again.git("checkout", "--quiet", "--detach")
    again.commit("on no branch")
    shutil.rmtree(again.path)
    with pytest.raises(Refused, match="on no branch"):
        worktrees.remove(found, again.path)
    worktrees.remove(found, again.path, force=True)
    assert len(repo.git("worktree", "list").splitlines()) == 1


def test_a_broken_link_says_so(repo: GitRepo, linked: GitRepo) -> None:
    linked.write("mine", "x\n")
    (linked.path / ".git").unlink()
    assert worktrees.losses(linked.path) == ("its link to the repository is broken, so nothing can be said about it",)
    found = Repo.discover(repo.path)
    with pytest.raises(Refused, match="broken"):
        worktrees.remove(found, linked.path)
    assert linked.read("mine") == "x\n"


def test_only_linked_worktrees_of_this_repository_are_removed(
    repo: GitRepo, make_repo: Callable[[str], GitRepo], tmp_path: Path
) -> None:
    other = make_repo("other")
    foreign = other.worktree(tmp_path / "foreign", "x")
    found = Repo.discover(repo.path)
    for path in (repo.path, other.path, foreign.path, tmp_path):
        with pytest.raises(GitError) as caught:
            worktrees.remove(found, path, force=True)
        assert caught.value.code == "not-found"
    assert foreign.status() == []
