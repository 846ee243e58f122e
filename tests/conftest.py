"""Fixtures for all tests: nobody's git configuration is read, and `repo` makes repositories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gitfixtures
import hypothesis
import pytest
from gitfixtures import GitRepo

hypothesis.settings.register_profile(
    "same-each-time", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("same-each-time")  # --hypothesis-profile=default looks further


@pytest.fixture(scope="session")
def git_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit, made once."""
    base = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        gitfixtures.hermetic(patch, base / "home")
        gitfixtures.build_template(base / "repo")
    return base / "repo"


@pytest.fixture(autouse=True)
def hermetic_git(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An environment without the person's own git settings."""
    gitfixtures.hermetic(monkeypatch, tmp_path_factory.mktemp("home"))


@pytest.fixture
def make_repo(git_template: Path, tmp_path: Path) -> Callable[[str], GitRepo]:
    """A factory of repositories with one commit, by folder name below tmp_path."""
    return lambda name: gitfixtures.copy_template(git_template, tmp_path / name)


@pytest.fixture
def repo(make_repo: Callable[[str], GitRepo]) -> GitRepo:
    """A repository with one commit on branch main."""
    return make_repo("repo")
