"""Waiting scans: one for each town, however often an earlier time turns up (SPEC 7)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitconvoy.engine import waiting

FAR = 3600


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other quickly."""
    monkeypatch.setattr(waiting, "SLICE", 0.01)


def soon() -> int:
    """The second after next, so that a wait that is not ended early ends by itself."""
    return int(time.time()) + 2


def test_whoever_is_relieved_ends(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    note = tmp_path / "wake"
    note.write_text(f"{int(time.time()) + 60} {other.pid}\n")
    assert not waiting.wait_until(int(time.time()) + FAR, tmp_path, note)
    other.communicate(b"\n")
    assert waiting.wait_until(soon(), tmp_path, note), "a dead one relieves nobody"


@pytest.mark.parametrize("text", ["5 {pid}\n", "nonsense", ""])
def test_others_wait_for_their_time(tmp_path: Path, text: str) -> None:
    note = tmp_path / "wake"
    note.write_text(text.format(pid=os.getpid()))
    assert waiting.wait_until(soon(), tmp_path, note)
    assert waiting.wait_until(int(time.time()) - 1, tmp_path, tmp_path / "no-note")


def test_a_town_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    assert not waiting.wait_until(int(time.time()) + FAR, tmp_path / "gone", None)


@pytest.mark.parametrize("noted", [-60, 2 * FAR], ids=["over", "later than this one's"])
def test_a_process_with_the_same_number_relieves_nobody(tmp_path: Path, noted: int) -> None:
    """Numbers of processes are used again: what is noted has to be a time that is yet to come, and soon enough."""
    note = tmp_path / "wake"
    note.write_text(f"{int(time.time()) + noted} {os.getppid()}\n")
    assert waiting.wait_until(soon(), tmp_path, note)
