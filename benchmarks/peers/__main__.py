"""`python -m benchmarks.peers`: every tool that is installed, in turn, and a table of what came out."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.material import ENV
from benchmarks.peers.tools import QUIET, Tool, installed

FILE = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- peers: written by `make bench-peers` -->", "<!-- end of peers -->"
WORK = ("create", "list", "ready")
RACERS = 8


def main() -> None:
    """Measure, keep the figures, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--sizes", default="200,2000", help="how many items a place holds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--report", action="store_true", help="write the page from the figures that are kept, no more")
    options = parser.parse_args()
    if options.report:
        _write(json.loads(FILE.read_text()))
        return
    tools = installed()
    found: dict[str, Any] = {
        "machine": results.machine(),
        "load": results.load(),
        "tools": {tool.name: {"version": tool.version(), "how": tool.how} for tool in tools},
        "rows": {},
    }
    for size in (int(each) for each in options.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="gitconvoy-peers-") as folder:
            found["rows"][str(size)] = _measure(tools, Path(folder), size, options.rounds)
        found["load"] = max(found["load"], results.load())
        FILE.write_text(json.dumps(found, indent=1) + "\n")
    _write(found)


def _measure(tools: list[Tool], folder: Path, size: int, rounds: int) -> dict[str, Any]:
    """Medians in milliseconds of each piece of work, the tools taking turns; and how many of 8 claims succeed."""
    places = {tool.name: folder / tool.name for tool in tools}
    found: dict[str, Any] = {}
    for tool in tools:
        places[tool.name].mkdir()
        begin = time.perf_counter()
        tool.fill(places[tool.name], size)
        found[tool.name] = {"fill_s": time.perf_counter() - begin, **{work: [] for work in WORK}}
    for number in range(rounds + 1):
        for tool in tools:
            for work in WORK:
                cost = _timed(tool, places[tool.name], getattr(tool, work), number)
                if number:  # the first round warms everything up
                    found[tool.name][work].append(cost)
    for tool in tools:
        row = found[tool.name]
        for work in WORK:
            row[work] = {key: statistics.median(each[key] for each in row[work]) for key in ("ms", "cpu_ms")}
        row["claims"] = _race(tool, places[tool.name])
        print(size, tool.name, json.dumps(row), flush=True)
    return found


def _start(place: Path, command: Sequence[str], number: int) -> subprocess.Popen[bytes]:
    env = {**ENV, **QUIET, "TASKRC": str(place / "taskrc")}
    filled = [word.replace("{n}", str(number)) for word in command]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(filled, cwd=place, env=env, stdin=nothing, stdout=nothing, stderr=nothing)


def _timed(tool: Tool, place: Path, command: Sequence[str], number: int) -> dict[str, float]:
    begin = time.perf_counter()
    process = _start(place, command, number)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{tool.name}: {' '.join(command)} ended with {process.returncode}")
    return {"ms": (time.perf_counter() - begin) * 1000, "cpu_ms": (used.ru_utime + used.ru_stime) * 1000}


def _race(tool: Tool, place: Path) -> dict[str, float]:
    """Eight processes want the same item at once: how many were told that they have it, and how long all took."""
    begin = time.perf_counter()
    racers = [_start(place, tool.claim, number) for number in range(RACERS)]
    won = sum(process.wait() == 0 for process in racers)
    return {"won": won, "ms": (time.perf_counter() - begin) * 1000}


def _write(found: dict[str, Any]) -> None:
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n\n{_table(found)}\n{END}{tail}")


def _table(found: dict[str, Any]) -> str:
    lines = ["| tool | version | what it is here |", "|---|---|---|"]
    lines += [f"| {name} | {about['version']} | {about['how']} |" for name, about in found["tools"].items()]
    load = f"{found['load']:.0f} processes wanted one of {found['machine']['cores']} cores meanwhile."
    lines += [
        "",
        f"Milliseconds of one command (of its processor time), medians. {load}",
        "",
        "| items | tool | create | list | ready | of 8 claims of one item succeed | all 8 take |",
        "|--:|---|--:|--:|--:|--:|--:|",
    ]
    for size, rows in found["rows"].items():
        for name, row in rows.items():
            cells = [f"{row[work]['ms']:,.0f} ({row[work]['cpu_ms']:,.0f})" for work in WORK]
            cells += [f"{row['claims']['won']}", f"{row['claims']['ms']:,.0f} ms"]
            lines.append(f"| {int(size):,} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
