"""The measuring scripts run; what they measure is not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_hook_benchmark_measures_both_cases() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "hooks.py"), "--beads", "4", "--rounds", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split("  ")[0] for line in done.stdout.splitlines()] == [
        "commit outside .convoy/",
        "commit that closes one of 4 beads",
    ]


def test_the_board_benchmark_compares_reactions() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "board.py"), "--beads", "120", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("120 beads: without the board ")
