"""Reading refs, commits, trees, the index and the worktree, compared with what the git command says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gitfixtures import EMAIL, NAME, GitRepo, new_repo

from gitconvoy.errors import GitError
from gitconvoy.git import commits, index, objects, refs, trees
from gitconvoy.git.repo import Repo


def test_refs(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    assert refs.ref(found, "refs/heads/main") == repo.head() == refs.head(found)
    assert refs.ref(found, "refs/heads/none") is None
    assert refs.ref(found, "not a valid name") is None
    assert refs.head_ref(found) == "refs/heads/main"
    repo.git("pack-refs", "--all")
    assert refs.ref(found, "refs/heads/main") == repo.head()
    newer = repo.commit("again")
    assert refs.ref(found, "refs/heads/main") == newer
    repo.git("branch", "convoy/a")
    repo.git("tag", "-a", "-m", "t", "convoy/t")
    assert refs.refs(found, "refs/heads/convoy/") == {"refs/heads/convoy/a": newer}
    assert refs.refs(found, "refs/tags/") == {"refs/tags/convoy/t": newer}


def test_unborn_branch_and_detached_head(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "unborn")
    found = Repo.discover(repo.path)
    assert refs.head(found) is None
    assert refs.head_ref(found) == "refs/heads/main"
    assert refs.resolve(found, "HEAD") is None
    assert index.index_entries(found) == []
    repo.commit("first")
    repo.git("checkout", "--quiet", "--detach")
    assert refs.head(found) == repo.head()
    assert refs.head_ref(found) is None


def test_resolve(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    repo.git("tag", "-a", "-m", "t", "v1")
    first = repo.head()
    second = repo.commit("second")
    for rev, expected in {
        "HEAD": second,
        "main": second,
        "v1": first,
        "HEAD~1": first,
        first: first,
        first[:10]: first,
        "": None,
        "--help": None,
        "-h": None,
        "nope": None,
        "HEAD:README.md": None,
        "HEAD^{tree}": None,
        "a\0b": None,
        "HEAD\nHEAD": None,
        "main..HEAD": None,
        "0" * 40: None,
    }.items():
        assert refs.resolve(found, rev) == expected, rev


def test_a_branch_with_an_odd_name_is_no_option(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    repo.git("update-ref", "refs/heads/--output=evil", "HEAD")
    assert refs.resolve(found, "--output=evil") is None
    assert refs.resolve(found, "refs/heads/--output=evil") == repo.head()


def test_commit(repo: GitRepo) -> None:
    repo.git(
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "Subject\n\nbody\u00e9",
        env={"GIT_COMMITTER_DATE": "@1700000123 +0530"},
    )
    found = Repo.discover(repo.path)
    info = commits.commit(found, repo.head())
    assert info.id == repo.head()
    assert info.parents == (repo.head("HEAD~1"),)
    assert info.tree == repo.head("HEAD^{tree}")
    assert (info.author, info.email, info.time) == (NAME, EMAIL, 1700000123)
    assert info.message == "Subject\n\nbody\u00e9\n"
    with pytest.raises(GitError, match="not in this repository"):
        commits.commit(found, "1" * 40)
    with pytest.raises(GitError, match="is no commit"):
        commits.commit(found, info.tree)


def test_trees_and_blobs(repo: GitRepo) -> None:
    repo.write("x/a.yaml", "a\n")
    repo.write("x/y/b.yaml", "b\u00e9\n")
    (repo.path / "x" / "link").symlink_to("a.yaml")
    head = repo.commit()
    found = Repo.discover(repo.path)
    tree = trees.tree_at(found, head, "x")
    assert tree == repo.head("HEAD:x")
    assert trees.tree_at(found, head, "") == repo.head("HEAD^{tree}")
    assert trees.tree_at(found, head, "x/a.yaml") is None
    assert trees.tree_at(found, head, "none") is None
    assert [(e.path, e.mode, e.is_file) for e in trees.entries(found, tree, "x")] == [
        ("x/a.yaml", 0o100644, True),
        ("x/link", 0o120000, False),
        ("x/y/b.yaml", 0o100644, True),
    ]
    assert [e.path for e in trees.entries(found, tree)] == ["a.yaml", "link", "y/b.yaml"]
    assert trees.blob_at(found, head, "x/y/b.yaml") == "b\u00e9\n".encode()
    assert trees.blob_at(found, head, "x/link") is None
    assert trees.blob_at(found, head, "x") is None
    assert trees.blob_at(found, head, "x/none") is None
    oid = repo.head("HEAD:x/a.yaml")
    assert objects.blob(found, oid) == b"a\n"
    assert objects.blob_within(found, oid, 2) == (2, b"a\n")
    assert objects.blob_within(found, oid, 1) == (2, b"")
    with pytest.raises(GitError, match="not in this repository"):
        objects.blob_within(found, "1" * 40, 2)


def test_names_that_are_no_utf8(repo: GitRepo) -> None:
    Path(os.fsdecode(os.fsencode(repo.path) + b"/\xff.yaml")).write_text("x\n")
    head = repo.commit()
    found = Repo.discover(repo.path)
    listed = [e.path for e in trees.entries(found, commits.commit(found, head).tree)]
    assert listed == ["README.md", "\udcff.yaml"]
    assert [e.path for e in index.index_entries(found)] == listed
    assert [e.path for e in index.worktree_entries(found)] == listed


def test_a_submodule_is_listed_by_mode(repo: GitRepo) -> None:
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.head()},sub")
    repo.git("commit", "--quiet", "-m", "sub")
    found = Repo.discover(repo.path)
    (entry,) = [e for e in trees.entries(found, commits.commit(found, repo.head()).tree) if e.path == "sub"]
    assert entry.mode == trees.SUBMODULE_MODE
    assert not entry.is_file


def test_index_entries_are_what_would_be_committed(repo: GitRepo) -> None:
    repo.write("p/staged", "staged\n")
    repo.git("add", "p/staged")
    repo.write("p/staged", "later\n")
    repo.write("p/announced", "x\n")
    repo.write("p/announced-gone", "x\n")
    repo.git("add", "--intent-to-add", "p/announced", "p/announced-gone")
    (repo.path / "p/announced-gone").unlink()
    repo.write("p/empty", "")
    repo.git("add", "p/empty")
    repo.write("pp/other", "x\n")
    repo.git("add", "pp/other")
    found = Repo.discover(repo.path)
    listed = index.index_entries(found, "p")
    assert [e.path for e in listed] == ["p/empty", "p/staged"]
    assert objects.blob(found, listed[1].oid) == b"staged\n"
    assert [e.path for e in index.index_entries(found, "p/")] == ["p/empty", "p/staged"]
    assert index.index_entries(found, "*") == []


def test_index_conflicts(repo: GitRepo) -> None:
    repo.git("checkout", "--quiet", "-b", "other")
    repo.write("c/file", "one\n")
    repo.commit()
    repo.git("checkout", "--quiet", "main")
    repo.write("c/file", "two\n")
    repo.commit()
    assert repo.run("merge", "other").returncode == 1
    found = Repo.discover(repo.path)
    assert index.index_conflicts(found, "c") == ["c/file"]
    assert index.index_conflicts(found, "d") == []
    assert [e.path for e in index.index_entries(found)] == ["README.md"]


def test_worktree_entries(repo: GitRepo, tmp_path: Path) -> None:
    repo.write("p/b/file", "x\n")
    repo.write("p/a", "x\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (repo.path / "p" / "link").symlink_to(outside)
    found = Repo.discover(repo.path)
    assert [(e.path, e.is_link) for e in index.worktree_entries(found, "p")] == [
        ("p/a", False),
        ("p/b/file", False),
        ("p/link", True),
    ]
    assert index.worktree_entries(found, "p/a/b") == []
    assert index.worktree_entries(found, "none") == []
    (repo.path / "q").symlink_to(outside)
    assert [(e.path, e.is_link) for e in index.worktree_entries(found, "q")] == [("q", True)]
    assert [(e.path, e.is_link) for e in index.worktree_entries(found, "q/deeper")] == [("q", True)]
    assert ".git/HEAD" not in [e.path for e in index.worktree_entries(found)]


def test_first_parents_and_ancestors(repo: GitRepo) -> None:
    base = repo.head()
    repo.git("checkout", "--quiet", "-b", "topic")
    side = repo.commit("side")
    repo.git("checkout", "--quiet", "main")
    middle = repo.commit("middle")
    repo.git("merge", "--quiet", "--no-edit", "topic")
    tip = repo.head()
    found = Repo.discover(repo.path)
    assert commits.first_parents(found, tip, base) == [tip, middle]
    assert commits.first_parents(found, tip, middle) == [tip]
    assert commits.first_parents(found, tip, tip) == []
    assert commits.first_parents(found, tip, None) == [tip, middle, base]
    assert commits.first_parents(found, tip, side) is None
    assert commits.first_parents(found, middle, tip) is None
    assert commits.first_parents(found, tip, "1" * 40) is None
    assert commits.is_ancestor(found, side, tip)
    assert commits.is_ancestor(found, tip, tip)
    assert not commits.is_ancestor(found, tip, side)
    assert not commits.is_ancestor(found, "1" * 40, tip)
    assert next(commits.log(found, tip)).id == tip
    assert {c.id for c in commits.log(found, tip)} == {tip, side, middle, base}


def test_changed_paths(repo: GitRepo) -> None:
    for path in ("p/same", "p/changed", "p/gone", "p/becomes-folder", "q/other"):
        repo.write(path, "1\n")
    old = repo.commit()
    repo.write("p/changed", "2\n")
    (repo.path / "p/gone").unlink()
    (repo.path / "p/becomes-folder").unlink()
    repo.write("p/becomes-folder/deep/new", "x\n")
    repo.write("q/other", "2\n")
    new = repo.commit()
    found = Repo.discover(repo.path)
    expected = ["p/becomes-folder", "p/becomes-folder/deep/new", "p/changed", "p/gone"]
    assert trees.changed_paths(found, old, new, "p") == expected
    assert trees.changed_paths(found, new, old, "p") == expected
    assert trees.changed_paths(found, old, new) == [*expected, "q/other"]
    assert (
        trees.changed_paths(found, old, new) == repo.git("diff", "--name-only", "--no-renames", old, new).splitlines()
    )
    assert trees.changed_paths(found, None, old, "q") == ["q/other"]
    assert trees.changed_paths(found, old, new, "none") == []
    (repo.path / "p/changed").chmod(0o755)
    assert trees.changed_paths(found, new, repo.commit()) == ["p/changed"]


def test_pipes_are_not_seen_as_git_does_not(repo: GitRepo) -> None:
    repo.write("p/file", "x\n")
    os.mkfifo(repo.path / "p/pipe")
    assert [each.path for each in index.worktree_entries(Repo.discover(repo.path), "p")] == ["p/file"]
