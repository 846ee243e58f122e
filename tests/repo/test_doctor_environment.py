"""`doctor` looks at the machine: git, HOME, room on the disk, the clock."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from doctoring import of, only, rows
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town

from gitconvoy.doctor import environment


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo)


def another_git(folder: Path, version: str, patch: pytest.MonkeyPatch) -> None:
    """The real git under another version number."""
    folder.mkdir()
    git = shutil.which("git")
    script = folder / "git"
    script.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo "git version {version}" && exit\nexec {git} "$@"\n')
    script.chmod(0o755)
    patch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        ("2.30.9", "error"),
        ("2.31.0", "warning"),
        ("2.37.1.windows.1", "warning"),
        ("2.38", ""),
        ("3.0.0", ""),
        ("x", ""),
    ],
)
def test_git_that_is_too_old(
    here: TownHelper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, severity: str
) -> None:
    another_git(tmp_path / "bin", version, monkeypatch)
    found = here.run("doctor", "--json")
    assert found.code == (1 if severity == "error" else 0)
    listed = of(here, "git", code=found.code)
    assert listed == ([(severity, "git", False)] if severity else [])


def test_no_git_at_all(here: TownHelper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert only(here, "git", code=1)["observed"] == "git was not found on PATH"
    answer = here.json("doctor", code=1)
    assert (answer["versions"]["git"], answer["checked"]) == ("", ["git", "home", "repository"])


def test_no_home(here: TownHelper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    assert only(here, "home")["observed"] == "HOME is not set"
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    assert only(here, "home")["observed"].endswith("which is no folder")


def test_little_room(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(here, "room") == []
    monkeypatch.setattr(environment, "LITTLE_ROOM", 1 << 62)
    assert only(here, "room")["severity"] == "warning"


def test_a_ledger_of_the_future(repo: GitRepo) -> None:
    here = chain(repo)
    assert of(here, "clock") == []
    message = repo.git("log", "-1", "--format=%B", "convoy-ledger")
    late = repo.git(
        "commit-tree", "convoy-ledger^{tree}", "-p", "convoy-ledger", "-m", message,
        env={"GIT_COMMITTER_DATE": "@4102444800 +0000"},
    )  # fmt: skip
    repo.git("update-ref", "refs/heads/convoy-ledger", late)
    row = only(here, "clock")
    assert row["severity"] == "warning"
    assert "2100-01-01T00:00:00Z" in row["observed"]
    assert not any(row["check"] == "rewound" for row in rows(here))
