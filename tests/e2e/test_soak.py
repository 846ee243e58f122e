"""The long plays of tests/soak, for a few seconds; `make faults` runs them in full."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SOAK = Path(__file__).parents[1] / "soak"


def play(name: str, *options: str) -> dict[str, Any]:
    """The figures of a play in which everything held."""
    command = [sys.executable, str(SOAK / name), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def test_random_kills_of_a_run() -> None:
    figures = play("kills.py", "--minutes", "0.1", "--small")
    assert figures["runs"] >= 1
    assert figures["kills"] >= 3


def test_six_processes_do_everything_at_once() -> None:
    figures = play("races.py", "--seconds", "8", "--processes", "6")
    assert figures["events"] >= 5
    assert figures["commits_of_people"] >= 1
    assert figures["lost_events"] == figures["lost_commits"] == figures["double_dispatches"] == 0
