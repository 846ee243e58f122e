"""Finding the repository that git itself would use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo

from gitconvoy.errors import GitError, UnsupportedRepository
from gitconvoy.git import commits, config, env, index, objects, refs, trees, write
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import git


def test_plain_repository_from_a_sub_directory(repo: GitRepo) -> None:
    repo.write("a/b/file", "x\n")
    found = Repo.discover(repo.path / "a" / "b")
    assert found.worktree == repo.path
    assert found.git_dir == found.common_dir == repo.path / ".git"
    assert found.index_file == repo.path / ".git" / "index"
    assert found.cwd == repo.path


def test_linked_worktree_shares_the_common_directory(repo: GitRepo, tmp_path: Path) -> None:
    linked = repo.worktree(tmp_path / "linked", "topic")
    linked.write("new.txt", "x\n")
    linked.commit()
    found = Repo.discover(linked.path)
    assert found.worktree == linked.path
    assert found.git_dir == repo.path / ".git" / "worktrees" / "linked"
    assert found.common_dir == repo.path / ".git"
    assert refs.head(found) == linked.head()
    assert refs.head_ref(found) == "refs/heads/topic"
    assert [e.path for e in index.index_entries(found)] == ["README.md", "new.txt"]
    assert write.swap_ref(found, "refs/heads/ledger", None, linked.head(), "made elsewhere")
    assert repo.head("refs/heads/ledger") == linked.head()


def test_bare_repository(repo: GitRepo, tmp_path: Path) -> None:
    bare = repo.clone(tmp_path / "bare.git", "--bare")
    found = Repo.discover(bare.path)
    assert found.worktree is None
    assert found.cwd == found.git_dir == bare.path
    assert refs.head(found) == repo.head()
    assert index.index_entries(found) == []
    assert index.worktree_entries(found) == []
    assert found.git("rev-parse", "--is-bare-repository").text == "true"


def test_inside_the_git_directory_there_is_no_worktree(repo: GitRepo) -> None:
    found = Repo.discover(repo.path / ".git")
    assert found.worktree is None
    assert refs.head(found) == repo.head()


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="is not in a git repository") as caught:
        Repo.discover(tmp_path)
    assert caught.value.code == "not-a-repository"
    assert "git init" in caught.value.hint


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="does not exist"):
        Repo.discover(tmp_path / "nowhere")


def test_relative_git_dir_worktree_and_index(make_repo: Callable[[str], GitRepo]) -> None:
    other = make_repo("other")
    other.write("only-here", "x\n")
    other.git("add", "only-here", env={"GIT_INDEX_FILE": ".git/second-index"})
    (other.path / "sub").mkdir()
    environ = {
        "PATH": env.clean_env()["PATH"],
        "GIT_DIR": "../.git",
        "GIT_WORK_TREE": "..",
        "GIT_INDEX_FILE": ".git/second-index",
    }
    found = Repo.discover(other.path / "sub", environ)
    assert (found.worktree, found.git_dir) == (other.path, other.path / ".git")
    assert found.index_file == other.path / ".git" / "second-index"
    assert [e.path for e in index.index_entries(found)] == ["only-here"]
    assert found.git("rev-parse", "--show-toplevel").text == str(other.path)


def test_variables_of_the_process_count(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(repo.path / ".git"))
    monkeypatch.chdir(tmp_path)
    found = Repo.discover(tmp_path)
    assert (found.git_dir, found.worktree) == (repo.path / ".git", tmp_path)
    with pytest.raises(GitError, match="not in a git repository"):
        Repo.at(tmp_path)


def test_object_directories_of_a_quarantine_are_read(repo: GitRepo, tmp_path: Path) -> None:
    store = tmp_path / "quarantine"
    store.mkdir()
    oid = repo.git("hash-object", "-w", "--stdin", input="hidden\n", env={"GIT_OBJECT_DIRECTORY": str(store)})
    environ = env.clean_env(
        {
            "GIT_OBJECT_DIRECTORY": str(store),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.path / ".git" / "objects"),
        }
    )
    found = Repo.discover(repo.path, environ)
    assert objects.blob(found, oid) == b"hidden\n"
    assert found.git("cat-file", "blob", oid).stdout == b"hidden\n"
    with pytest.raises(GitError, match="not in this repository"):
        objects.blob(Repo.discover(repo.path), oid)


def test_shallow_clone(repo: GitRepo, tmp_path: Path) -> None:
    for number in range(4):
        repo.write("file", f"{number}\n")
        repo.commit(f"change {number}")
    shallow = Repo.discover(repo.clone(tmp_path / "shallow", "--depth=2").path)
    tip = refs.head(shallow)
    assert tip == repo.head()
    assert commits.first_parents(shallow, tip, None) == [repo.head(), repo.head("HEAD~1")]
    assert [c.id for c in commits.log(shallow, tip)] == [repo.head(), repo.head("HEAD~1")]
    assert commits.first_parents(shallow, tip, repo.head("HEAD~3")) is None
    assert not commits.is_ancestor(shallow, repo.head("HEAD~3"), tip)
    assert trees.changed_paths(shallow, repo.head("HEAD~1"), tip) == ["file"]


def test_sha256_is_named(tmp_path: Path) -> None:
    git("init", "--quiet", "--object-format=sha256", str(tmp_path / "r"), cwd=tmp_path)
    with pytest.raises(UnsupportedRepository, match="SHA-256") as caught:
        Repo.discover(tmp_path / "r")
    assert "SHA-1" in caught.value.hint


def test_partial_clone_is_named(repo: GitRepo, tmp_path: Path) -> None:
    repo.config("uploadpack.allowFilter", "true")
    repo.write("README.md", "newer\n")
    repo.commit()
    partial = repo.clone(tmp_path / "partial", "--filter=blob:none", "--bare")
    found = Repo.discover(partial.path)
    with pytest.raises(UnsupportedRepository, match="partial clone") as caught:
        trees.blob_at(found, repo.head(), "README.md")
    assert "--refetch" in caught.value.hint
    partial.config("extensions.partialClone", "origin")
    partial.config("core.repositoryFormatVersion", "1")
    with pytest.raises(UnsupportedRepository, match="partial clone") as caught:
        Repo.discover(partial.path)
    assert "full clone" in caught.value.hint


def test_unknown_extension_is_named(repo: GitRepo) -> None:
    repo.config("extensions.refStorage", "reftable")
    repo.config("core.repositoryFormatVersion", "1")
    with pytest.raises(UnsupportedRepository, match="reftable") as caught:
        Repo.discover(repo.path)
    assert "git refs migrate" in caught.value.hint


def test_split_index_is_read(repo: GitRepo) -> None:
    repo.git("update-index", "--split-index")
    repo.write("b", "b\n")
    repo.git("add", "b")
    assert [e.path for e in index.index_entries(Repo.discover(repo.path))] == ["README.md", "b"]


def test_sparse_index_is_read(repo: GitRepo) -> None:
    for path in ("in/a", "out/b"):
        repo.write(path, "x\n")
    repo.commit()
    repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
    assert [e.path for e in index.index_entries(Repo.discover(repo.path))] == ["README.md", "in/a", "out/b"]


def test_children_inherit_settings_given_on_the_command_line(repo: GitRepo) -> None:
    environ = env.clean_env({"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "x.y", "GIT_CONFIG_VALUE_0": "counted"})
    found = Repo.discover(repo.path, environ | {"GIT_CONFIG_PARAMETERS": "'z.key=by -c'"})
    assert config.get(found, "x.y") == "counted"
    assert config.get(found, "z.key") == "by -c"


def test_local_variables_are_those_that_git_lists(repo: GitRepo) -> None:
    listed = set(repo.git("rev-parse", "--local-env-vars").split())
    assert listed <= env.LOCAL_VARIABLES | {"GIT_INTERNAL_SUPER_PREFIX"}
    assert env.LOCAL_VARIABLES - listed <= {"GIT_INTERNAL_SUPER_PREFIX", "GIT_GRAFT_FILE"}


def test_clean_environment() -> None:
    dirty = {
        "PATH": "/bin",
        "GIT_DIR": "x",
        "GIT_INDEX_FILE": "x",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "a.b",
        "GIT_CONFIG_VALUE_0": "c",
        "GIT_EDITOR": ":",
        "GIT_AUTHOR_NAME": "somebody else",
        "GIT_AUTHOR_EMAIL": "else@example.org",
        "GIT_AUTHOR_DATE": "@1 +0000",
        "GIT_SSH_COMMAND": "ssh -v",
        "GITHEAD_" + "0" * 40: "topic",
    }
    assert env.clean_env({"A": "b"}, environ=dirty) == {"PATH": "/bin", "GIT_SSH_COMMAND": "ssh -v", "A": "b"}
    mine = {"GIT_AUTHOR_NAME": "Me", "GIT_EDITOR": "vi"}
    assert env.clean_env(environ=mine) == mine


def test_hook_environment_of_commit_all_in_a_linked_worktree(repo: GitRepo, tmp_path: Path) -> None:
    """What a real pre-commit hook sees is what is read: GIT_INDEX_FILE is the index that is being committed."""
    linked = repo.worktree(tmp_path / "linked", "topic")
    linked.write("README.md", "changed\n")
    seen = tmp_path / "seen"
    hook = repo.write(".git/hooks/pre-commit", f"#!/bin/sh\nenv | grep ^GIT_ >{seen}\n")
    hook.chmod(0o755)
    linked.git("commit", "--quiet", "-a", "-m", "x")
    handed = dict(line.split("=", 1) for line in seen.read_text().splitlines())
    assert handed["GIT_INDEX_FILE"].endswith("index.lock")
    linked.write("README.md", "once more\n")
    environ = env.clean_env(handed | {"GIT_INDEX_FILE": str(tmp_path / "index")})
    git("add", "README.md", cwd=linked.path, env=environ)
    found = Repo.discover(linked.path, environ)
    (entry,) = index.index_entries(found)
    assert objects.blob(found, entry.oid) == b"once more\n"


def test_git_error_carries_git_s_words(repo: GitRepo) -> None:
    with pytest.raises(GitError, match="Not a valid object name nope"):
        Repo.discover(repo.path).git("cat-file", "-p", "nope")
