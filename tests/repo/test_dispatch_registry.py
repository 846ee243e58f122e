"""Which dispatcher git config chooses, and what it costs to find out (SPEC 7)."""

from __future__ import annotations

import pytest
from gitfixtures import GitRepo

from gitconvoy.dispatch import plugins, registry
from gitconvoy.dispatch.registry import COMMAND, Dispatcher
from gitconvoy.git.repo import Repo


@pytest.mark.parametrize(("kind", "looks"), [(None, 1), ("command", 0)])
def test_installed_packages_are_looked_at_once_at_most(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, kind: str | None, looks: int
) -> None:
    repo.config("gitconvoy.dispatcher", "claude")
    repo.config("gitconvoy.dispatcher.claude.command", "run {bead}")
    if kind is not None:
        repo.config("gitconvoy.dispatcher.claude.kind", kind)
    asked: list[str] = []

    def names() -> frozenset[str]:
        asked.append("once more")
        return frozenset()

    monkeypatch.setattr(plugins, "names", names)
    opened = Repo.discover(repo.path)
    for _ in range(3):
        found = registry.find(opened, "record")
        assert isinstance(found, Dispatcher)
        assert found.kind == COMMAND
    assert len(asked) == looks
