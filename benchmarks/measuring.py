"""Processes and their cost: wall time, processor time (with all their children) and peak memory; medians of rounds."""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.material import ENV, git

PYTHON = (sys.executable, "-I")
CONVOY = (*PYTHON, "-m", "gitconvoy")
FLOOR = (*PYTHON, "-c", "import pygit2")
"""What every command that opens a repository costs at least."""


class WrongAnswer(Exception):
    """A command did not answer what is known to be right: the only thing that fails a run."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of something. Seconds; `peak` is in MiB, 0 where it was not a process of its own."""

    wall: float
    cpu: float
    peak: float = 0.0
    out: bytes = b""

    def json(self) -> Any:
        """What the process printed as JSON."""
        return json.loads(self.out)


@dataclass
class Figures:
    """What was measured of one row at one size: rounds of the floor, of the thing, and of what both have in common."""

    floor: list[Sample] = field(default_factory=list)
    thing: list[Sample] = field(default_factory=list)
    less: list[Sample] = field(default_factory=list)
    more: dict[str, float] = field(default_factory=dict)
    """Further figures, by name with unit."""

    def row(self) -> dict[str, Any]:
        """Medians as plain data: milliseconds, MiB, and how many floors the thing costs by wall and by processor."""
        found: dict[str, Any] = {"rounds": len(self.thing)}
        for name in ("wall", "cpu"):
            floor, thing, less = (_median(each, name) for each in (self.floor, self.thing, self.less))
            found[name] = {"floor_ms": floor * 1000, "ms": thing * 1000, "less_ms": less * 1000}
            found[name]["ratio"] = (thing - less) / floor if floor else None
        return {**found, "peak_mib": max((each.peak for each in self.thing), default=0.0), "more": self.more}


def _median(samples: Sequence[Sample], name: str) -> float:
    return statistics.median(asdict(each)[name] for each in samples) if samples else 0.0


def run(command: Sequence[str], cwd: Path, expect: int | None = 0) -> Sample:
    """Run a command to its end. WrongAnswer where its exit code is not the expected one (None: any but a crash)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=ENV, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if expect is not None and code != expect:
            said = err.read().decode(errors="replace")[-2000:]
            raise WrongAnswer(f"{' '.join(command)} in {cwd} ended with {code} instead of {expect}:\n{said}")
        return Sample(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read())


def convoy(root: Path, *words: str, expect: int = 0) -> Sample:
    """Run a command of gitconvoy, with its answer as JSON."""
    return run((*CONVOY, *words, "--json"), root, expect)


def floor(root: Path) -> Sample:
    """Start Python and import pygit2."""
    return run(FLOOR, root)


def interleaved(rounds: int, *things: Callable[[], Sample]) -> tuple[list[Sample], ...]:
    """The samples of several things, in turn: what slows the machine down slows all of them."""
    found: tuple[list[Sample], ...] = tuple([] for _ in things)
    for _ in range(rounds):
        for samples, thing in zip(found, things, strict=True):
            samples.append(thing())
    return found


def inside(name: str, root: Path, *words: str) -> Any:
    """What a function of `benchmarks.inside` measures in a process of its own, as data."""
    here = str(Path(__file__).parents[1])
    script = f"import sys; sys.path.insert(0, {here!r}); from benchmarks.inside import main; main()"
    sample = run((sys.executable, "-c", script, name, *words), root)
    return {**sample.json(), "peak": sample.peak}


def apart(make: Callable[..., None], *arguments: Any) -> None:
    """Call a function in a process of its own, so that what it needs is not taken for the memory of later children."""
    process = multiprocessing.get_context("spawn").Process(target=make, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{make.__name__} failed")


def check(found: object, wanted: object, what: str) -> None:
    """WrongAnswer where both differ."""
    if found != wanted:
        raise WrongAnswer(f"{what}: {str(found)[:300]} instead of {str(wanted)[:300]}")


def packed(root: Path) -> int:
    """Bytes of the objects of a repository after `git gc`."""
    git(root, "gc", "-q", "--prune=now")
    return sum(file.stat().st_size for file in (root / ".git" / "objects").rglob("*") if file.is_file())
