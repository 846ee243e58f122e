"""Settings as git itself reads them, in every scope."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gitfixtures import GitRepo

from gitconvoy.errors import GitError
from gitconvoy.git import config
from gitconvoy.git.repo import Repo


def test_scopes(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("config", "--global", "a.global", "g")
    repo.git("config", "--global", "a.both", "g")
    repo.git("config", "a.both", "l")
    repo.git("config", "extensions.worktreeConfig", "true")
    linked = repo.worktree(tmp_path / "linked", "topic")
    linked.git("config", "--worktree", "a.both", "w")
    assert config.get(Repo.discover(repo.path), "a.global") == "g"
    assert config.get(Repo.discover(repo.path), "a.both") == "l"
    assert config.get(Repo.discover(linked.path), "a.both") == "w"
    assert config.get(Repo.discover(repo.path), "a.none") is None
    counted = dict(os.environ) | {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.both", "GIT_CONFIG_VALUE_0": "c"}
    assert config.get(Repo.discover(repo.path, counted), "a.both") == "c"


def test_included_files(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("[a]\n\tkey = included\n")
    repo.config("include.path", str(tmp_path / "more"))
    assert config.get(Repo.discover(repo.path), "a.key") == "included"


def test_keys_and_values(repo: GitRepo) -> None:
    repo.config("gitconvoy.dispatcher.My.Name.onExit", "two\nlines = x")
    repo.git("config", "--add", "multi.value", "1")
    repo.git("config", "--add", "multi.value", "2")
    with (repo.path / ".git" / "config").open("a") as file:
        file.write("[valueless]\n\tkey\n[empty]\n\tkey =\n")
    found = Repo.discover(repo.path)
    assert config.get(found, "GitConvoy.dispatcher.My.Name.ONEXIT") == "two\nlines = x"
    assert config.get(found, "gitconvoy.dispatcher.my.name.onexit") is None
    assert config.get(found, "valueless.key") == "true"
    assert config.get_bool(found, "valueless.key")
    assert config.get(found, "empty.key") == ""
    assert not config.get_bool(found, "empty.key")
    assert config.get(found, "multi.value") == "2"
    assert config.get_values(found, "multi.value") == ["1", "2"]
    assert config.get_all(found, r"^gitconvoy\.dispatcher\.") == {
        "gitconvoy.dispatcher.My.Name.onexit": "two\nlines = x"
    }


@pytest.mark.parametrize("word", ["true", "YES", "on", "1", "-1", "12"])
def test_true(repo: GitRepo, word: str) -> None:
    repo.config("a.b", word)
    assert config.get_bool(Repo.discover(repo.path), "a.b")


@pytest.mark.parametrize("word", ["false", "No", "off", "0", ""])
def test_false(repo: GitRepo, word: str) -> None:
    repo.config("a.b", word)
    assert not config.get_bool(Repo.discover(repo.path), "a.b", default=True)


def test_no_boolean(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    assert config.get_bool(found, "a.b", default=True)
    config.set_local(found, "a.b", "perhaps")
    with pytest.raises(GitError, match="perhaps"):
        config.get_bool(found, "a.b")


def test_set_and_unset(repo: GitRepo, tmp_path: Path) -> None:
    linked = repo.worktree(tmp_path / "linked", "topic")
    found = Repo.discover(linked.path)
    assert config.get(found, "gitconvoy.trunk") is None
    repo.git("config", "--add", "gitconvoy.trunk", "old")
    repo.git("config", "--add", "gitconvoy.trunk", "older")
    config.set_local(found, "gitconvoy.trunk", "main")
    assert config.get(found, "gitconvoy.trunk") == "main"
    assert repo.git("config", "--get-all", "gitconvoy.trunk") == "main"
    config.unset_local(found, "gitconvoy.trunk")
    config.unset_local(found, "gitconvoy.trunk")
    assert config.get(found, "gitconvoy.trunk") is None
    with pytest.raises(GitError, match="does not contain a section"):
        config.set_local(found, "no valid key", "x")
