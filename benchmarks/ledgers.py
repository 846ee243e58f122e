"""A ledger of any number of commits, as gitconvoy would have written it, made by `git fast-import` in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.material import BORN, SEED, Plan, data, git, plan, town, who
from gitconvoy.ledger.codec import FORMAT, bead_bytes, bead_path, convoy_bytes, convoy_path, message
from gitconvoy.model.ledger import CLAIM, CLOSED, LIVE, OPEN, BeadRecord, ConvoyRecord, Event

PER_BEAD = 5
"""Events of a bead in the mean: attempts that were taken back, and one that ended well."""
PER_TRUNK = 500
"""Ledger commits that were decided on one commit of the trunk."""


def ledger(root: Path, commits: int, seed: int = SEED) -> None:
    """A town with a plan, and a ledger of `commits` commits behind it, in which every rule was kept."""
    made = plan(max(PER_BEAD, commits // PER_BEAD), seed)
    for bead in made.beads:
        bead.update(status="open")
        bead.pop("closed_at", None)
        bead.pop("close_reason", None)
    town(root, made)
    trunks = _trunk(root, made, commits // PER_TRUNK + 1)
    stream = bytearray()
    records: dict[str, BeadRecord] = {}
    for number, event in zip(range(commits), _events(made, Random(f"{seed} ledger")), strict=False):
        trunk, tree = trunks[number // PER_TRUNK]
        stream += _commit(number, replace(event, trunk=trunk if number else None), tree if number else None, records)
    git(root, "fast-import", "--quiet", given=bytes(stream))


def _trunk(root: Path, made: Plan, commits: int) -> list[tuple[str, str]]:
    """The trunk's commits, each of which notes something at one bead, with their `.convoy` trees."""
    files = [pair for pair in made.files if "/beads/" in pair[0]]
    stream = bytearray()
    for number in range(1, commits):
        path, content = files[number * 7 % len(files)]
        files[number * 7 % len(files)] = (path, content + f"# looked at {number}\n".encode())
        stream += b"commit refs/heads/main\n" + who(BORN + number) + data(b"notes\n")
        stream += b"from refs/heads/main^0\n" if number == 1 else b""
        stream += b"M 100644 inline " + path.encode() + b"\n" + data(files[number * 7 % len(files)][1])
    git(root, "fast-import", "--quiet", given=bytes(stream))
    git(root, "reset", "-q", "--hard")
    listed = git(root, "rev-list", "--reverse", "main").decode().split()
    asked = "".join(f"{commit}:.convoy\n" for commit in listed).encode()
    trees = git(root, "cat-file", "--batch-check=%(objectname)", given=asked).decode().split()
    return list(zip(listed, trees, strict=True))


def _events(made: Plan, pick: Random) -> Iterator[Event]:
    """init, launches, and for each bead in turn some attempts: the last one ends well."""
    common: dict[str, Any] = {"actor": "Bench", "cause": "command"}
    yield Event("init", **common)
    for convoy in made.convoys:
        opened = {"status": OPEN, "launched_at": BORN, "file_status": "open"}
        yield Event("launch", convoy=convoy["id"], convoy_changes=opened, **common)
        for bead in convoy["tracks"]:
            attempts = pick.choice((1, 2, 3))
            for attempt in range(1, attempts + 1):
                yield from _attempt(bead, convoy["id"], attempt, last=attempt == attempts)
    while True:  # more commits than the beads give
        yield Event("pause", town_changes={"paused": True}, **common)
        yield Event("resume", town_changes={"paused": False}, **common)


def _attempt(bead: str, convoy: str, attempt: int, *, last: bool) -> Iterator[Event]:
    token = f"{attempt:04x}{bead[3:]}"
    about: dict[str, Any] = {"bead": bead, "convoy": convoy, "worker": "Bench", "attempt": attempt, "token": token}
    began = {"convoy": convoy, "worker": "Bench", "machine": "bench.invalid", "via": CLAIM, "attempt": attempt}
    changes = {**began, "token": token, "since": -1, "status": LIVE, "outcome": None, "file_status": "open"}
    yield Event("dispatch", actor="Bench", cause="command", bead_changes=changes, **about)
    ended: dict[str, Any] = {"status": CLOSED, "outcome": "done", "file_status": "open"} if last else {"status": None}
    yield Event("done" if last else "unsling", actor="Bench", cause="command", bead_changes=ended, **about)


def _commit(number: int, event: Event, tree: str | None, records: dict[str, BeadRecord]) -> bytes:
    """One commit of the stream; the first one begins the branch. `records` are kept up to date."""
    at = BORN + 100_000 + number
    lines = [b"commit refs/heads/convoy-ledger\n", who(at), data(message(replace(event, at=at)).encode())]
    if number == 0:
        lines.append(b"M 100644 inline format\n" + data(f"{FORMAT}\n".encode()))
    if tree is not None:
        lines.append(f"M 040000 {tree} plan\n".encode())
    if event.bead is not None:
        old = records.get(event.bead) or BeadRecord(event.bead)
        changes: dict[str, Any] = {key: at if value == -1 else value for key, value in event.bead_changes.items()}
        record = records[event.bead] = replace(old, **changes)
        lines.append(f"M 100644 inline {bead_path(event.bead)}\n".encode() + data(bead_bytes(record)))
    elif event.convoy is not None:
        group = replace(ConvoyRecord(event.convoy), **event.convoy_changes)
        lines.append(f"M 100644 inline {convoy_path(event.convoy)}\n".encode() + data(convoy_bytes(group)))
    elif event.town_changes:
        paused = "true" if event.town_changes["paused"] else "false"
        lines.append(b"M 100644 inline town.yaml\n" + data(f"paused: {paused}\n".encode()))
    return b"".join(lines)
