"""Plans, histories and ledgers of any size, the same for the same seed, and what is known of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import shapes
from gitconvoy.git.env import clean_env
from gitconvoy.model.kinds import BEAD, CONVOY
from gitconvoy.model.places import bead_path, convoy_path, schema_url
from gitconvoy.yamlio.writer import dump

SEED = 20251126
PER_CONVOY = 100
FANNED_ABOVE = 2000
WHEN = "2025-11-26T22:13:53Z"
BORN = 1764195233
"""Epoch seconds of the first commit."""
ENV = clean_env(
    {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
           for what, value in (("NAME", "Bench"), ("EMAIL", "bench@example.invalid"))},
    }
)  # fmt: skip


def git(root: Path, *words: str, given: bytes | None = None) -> bytes:
    """What git prints in a repository. CalledProcessError where it fails."""
    done = subprocess.run(["git", *words], cwd=root, env=ENV, input=given, check=True, stdout=subprocess.PIPE)
    return done.stdout


@dataclass
class Plan:
    """The beads and convoys of a plan as documents, in the order in which they were thought up."""

    beads: list[dict[str, Any]] = field(default_factory=list)
    convoys: list[dict[str, Any]] = field(default_factory=list)
    auto: bool = True
    """Whether what is ready is dispatched by itself; else workers claim it."""

    @property
    def ready(self) -> list[str]:
        """The ids of all beads that are ready, worked out anew from the generator's own rules: no gate but links."""
        closed = {bead["id"] for bead in self.beads if bead["status"] == "closed"}
        return [
            bead["id"]
            for bead in self.beads
            if bead["status"] == "open" and bead["type"] != "epic" and closed.issuperset(bead.get("depends_on", ()))
        ]

    @property
    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file below the root of the repository."""
        fanned = len(self.beads) > FANNED_ABOVE
        settings = f"format: 1\nprefix: gt\nlayout: {'fanout' if fanned else 'flat'}\n"
        dispatch = f"dispatch:\n  auto: {'true' if self.auto else 'false'}\n  max_workers: 1000\n"
        yield ".convoy/config.yaml", f"{settings}{dispatch}".encode()
        for bead in self.beads:
            path = bead_path(bead["id"], fanned=fanned, archived=False)
            yield path, dump(bead, BEAD, schema_url(path, BEAD))
        for convoy in self.convoys:
            path = convoy_path(convoy["id"])
            yield path, dump(convoy, CONVOY, schema_url(path, CONVOY))


def plan(beads: int, seed: int = SEED, convoy_status: str = "open") -> Plan:
    """A plan of convoys of 100 beads each: an epic, and tasks that depend on earlier ones of the same convoy."""
    pick = Random(f"{seed} {beads}")
    made = Plan()
    for first in range(0, beads, PER_CONVOY):
        group: list[dict[str, Any]] = []
        for number in range(first, min(first + PER_CONVOY, beads)):
            group.append(_bead(pick, number, group))
        made.beads += group
        tracked = [bead["id"] for bead in group if bead["type"] != "epic"]
        name = f"hq-cv-{first // PER_CONVOY:05d}"
        title = shapes.words(pick, shapes.between(pick, shapes.TITLE))
        made.convoys.append({"id": name, "title": title, "tracks": tracked, "status": convoy_status})
    return made


def chain(made: Plan, length: int = PER_CONVOY) -> list[str]:
    """Add an open convoy whose beads wait for each other, first to last; their ids."""
    ids = [f"gt-chain-{number:03d}" for number in range(length)]
    for number, own in enumerate(ids):
        after = {"depends_on": [ids[number - 1]]} if number else {}
        made.beads.append({"id": own, "title": f"Link {number} of a chain", **after, "status": "open"})
    made.convoys.append({"id": "hq-cv-chain", "title": "A chain", "tracks": ids, "status": "open"})
    return ids


def crowd(made: Plan, convoy: str, count: int, status: str) -> list[str]:
    """Add a convoy of beads that wait for nothing; their ids."""
    ids = [f"gt-{convoy}-{number:05d}" for number in range(count)]
    made.beads += [{"id": own, "title": f"One of a crowd: {own}", "status": "open"} for own in ids]
    made.convoys.append({"id": f"hq-cv-{convoy}", "title": "A crowd", "tracks": ids, "status": status})
    return ids


def web(made: Plan, beads: int, links: int, seed: int = SEED) -> list[list[str]]:
    """Add one staged convoy of beads with so many links each to earlier ones; the waves that follow from them."""
    pick = Random(f"{seed} {beads} web")
    ids = [f"gt-web-{number:06d}" for number in range(beads)]
    depth: list[int] = []
    for number, own in enumerate(ids):
        near = range(max(0, number - 500), number)
        needed = sorted(pick.sample(near, min(links, len(near))))
        depth.append(max((depth[each] + 1 for each in needed), default=0))
        after = {"depends_on": [ids[each] for each in needed]} if needed else {}
        made.beads.append({"id": own, "title": f"Knot {number} of a web", **after, "status": "open"})
    made.convoys.append({"id": "hq-cv-web", "title": "A web", "tracks": ids, "status": "staged_ready"})
    waves: list[list[str]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for own, wave in zip(ids, depth, strict=True):
        waves[wave].append(own)
    return waves


def _bead(pick: Random, number: int, group: list[dict[str, Any]]) -> dict[str, Any]:
    """One bead; it is closed only where all that it depends on is."""
    type_ = shapes.one_of(pick, shapes.TYPES[:-1]) if group else "epic"
    bead: dict[str, Any] = {
        "id": f"gt-{number:06d}",
        "title": shapes.words(pick, shapes.between(pick, shapes.TITLE)),
        "type": type_,
        "priority": shapes.one_of(pick, shapes.PRIORITIES),
        "created_at": WHEN,
        "created_by": "gastown/crew/joe",
    }
    if pick.random() < shapes.DESCRIBED:
        bead["description"] = shapes.prose(pick, shapes.between(pick, shapes.DESCRIPTION))
    if labels := sorted(set(pick.sample(shapes.WORDS, int(str(shapes.one_of(pick, shapes.LABELS)))))):
        bead["labels"] = labels
    if group:
        bead["parent"] = group[0]["id"]
    tasks = group[1:]
    links = min(len(tasks), int(str(shapes.one_of(pick, shapes.LINKS))))
    needed = pick.sample(tasks, links)
    if needed:
        bead["depends_on"] = sorted(each["id"] for each in needed)
    done = bool(group) and all(each["status"] == "closed" for each in needed) and pick.random() < shapes.CLOSED
    return bead | ({"status": "closed", "closed_at": WHEN, "close_reason": "done"} if done else {"status": "open"})


def settings(root: Path) -> None:
    """A repository whose clone dispatches, with nothing that wakes up later."""
    git(root, "init", "-q", "-b", "main")
    ours = {"gitconvoy.wake": "false", "gitconvoy.dispatch": "local", "gitconvoy.trunk": "main", "gc.auto": "0"}
    for key, value in {"user.name": "Bench", "user.email": "bench@example.invalid", **ours}.items():
        git(root, "config", key, value)
    (root / ".git" / "gitconvoy").mkdir()


def town(root: Path, made: Plan) -> None:
    """A repository whose trunk holds a plan, checked out. Takes seconds at 100,000 beads: `git fast-import`."""
    settings(root)
    commits = [b"commit refs/heads/main\n" + who(BORN), data(b"plan\n")]
    for path, content in (("code.txt", b"0\n"), *made.files):
        commits.append(b"M 100644 inline " + path.encode() + b"\n" + data(content))
    git(root, "fast-import", "--quiet", given=b"".join(commits) + b"\n")
    git(root, "reset", "-q", "--hard")


def who(at: int) -> bytes:
    """The committer line of a commit for `git fast-import`."""
    return f"committer Bench <bench@example.invalid> {at} +0000\n".encode()


def data(content: bytes) -> bytes:
    """Content for `git fast-import`."""
    return b"data %d\n%s" % (len(content), content)


def records(count: int, seed: int = SEED) -> Iterator[bytes]:
    """The lines of a history of so many records, with line feeds; some are of deleted beads."""
    pick = Random(f"{seed} {count} records")
    made = plan(count, seed)
    for bead in made.beads:
        gone = pick.random() < shapes.TOMBSTONES
        links = [{"issue_id": bead["id"], "depends_on_id": each, "type": "blocks", "created_at": WHEN,
                  "created_by": "joe"} for each in bead.get("depends_on", ())]  # fmt: skip
        if "parent" in bead:
            links.append({**links[0], "depends_on_id": bead["parent"], "type": "parent-child"} if links else
                         {"issue_id": bead["id"], "depends_on_id": bead["parent"], "type": "parent-child",
                          "created_at": WHEN, "created_by": "joe"})  # fmt: skip
        record = {
            "id": bead["id"],
            "title": bead["title"],
            **({"description": bead["description"]} if "description" in bead else {}),
            "status": "tombstone" if gone else bead["status"],
            "priority": bead["priority"],
            "issue_type": bead["type"],
            "created_at": WHEN,
            "created_by": bead["created_by"],
            "updated_at": WHEN,
            **({"closed_at": WHEN, "close_reason": "done"} if bead["status"] == "closed" and not gone else {}),
            **({"deleted_at": WHEN, "deleted_by": "joe", "delete_reason": "done"} if gone else {}),
            **({"labels": bead["labels"]} if "labels" in bead else {}),
            **({"dependencies": links} if links else {}),
        }
        yield json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
