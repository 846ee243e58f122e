"""The README tells the truth: its tour runs as it stands, and it names only commands that exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gitconvoy.cli.registry import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = re.findall(r"<!-- tour -->\n```sh\n(.*?)```", README, re.DOTALL)


def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(TOUR) == 5
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_EDITOR", "false")
    script = "set -eu\n" + "\n".join(TOUR)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "dispatched shop-cart to shop/polecat-1" in said
    assert "dispatched shop-pay to shop/polecat-1" in said
    assert "shop-cart is not closed" in said
    assert "complete" in said
    shop = tmp_path / "shop"

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=shop, capture_output=True, text=True, check=True).stdout

    assert git("status", "--porcelain") == ""
    assert git("log", "--format=%s", "--reverse", "main").splitlines()[1:] == [
        "Plan and launch the shop",
        "Payments work",
    ]
    assert ".convoy/plans/hq-cv-open.yaml" in git("show", "--name-only", "--format=", "main~1")
    events = [line.split()[1] for line in git("log", "--reverse", "--format=%s", "convoy-ledger").splitlines()]
    assert events == ["init", "launch", "dispatch", "done", "dispatch", "done", "complete"]


def test_documents_name_only_commands_that_exist() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"`(?:gitconvoy|git convoy) ([a-z]+(?:-[a-z]+)*)\b", text)) | set(
            re.findall(r"^ {4}gitconvoy ([a-z]+)\b", text, re.MULTILINE)
        )
        assert named <= set(COMMANDS), f"{page.name} names {sorted(named - set(COMMANDS))}"


def test_every_command_is_documented() -> None:
    spoken_of = README + (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    missing = [name for name in COMMANDS if f"`{name}`" not in spoken_of and f"gitconvoy {name}" not in spoken_of]
    assert missing == []
