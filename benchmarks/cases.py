"""One function for each row: it builds what it needs, measures, and checks every answer against a known one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import material
from benchmarks.ledgers import ledger
from benchmarks.material import git
from benchmarks.measuring import (
    PYTHON,
    Figures,
    Sample,
    apart,
    check,
    convoy,
    floor,
    inside,
    interleaved,
    packed,
    run,
)

IMPORT_FLOOR = "parsing the JSON, and writing the same blobs and tree with pygit2"
PYGIT2 = "python -c 'import pygit2'"
NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


@dataclass
class Bench:
    """The folder of a run, in which each town is built once, and how often each thing is done."""

    folder: Path
    rounds: int
    built: dict[str, Path] = field(default_factory=dict)

    def town(self, name: str, make: Callable[..., None], *arguments: object) -> Path:
        """The repository of that name, made the first time that it is asked for."""
        if name not in self.built:
            root = self.folder / name
            root.mkdir()
            apart(make, root, *arguments)
            self.built[name] = root
        return self.built[name]

    def copy(self, root: Path, name: str) -> Path:
        """A copy of a repository, for what changes it."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        return Path(shutil.copytree(root, place, symlinks=True))

    def drop(self) -> None:
        """Throw away what was built: the next size needs the room."""
        for root in self.built.values():
            shutil.rmtree(root, ignore_errors=True)
        self.built.clear()


@dataclass(frozen=True, slots=True)
class Case:
    """A row: what is measured, its floor in words, the target of the design, and the sizes that it is measured at."""

    name: str
    what: str
    floor: str
    target: str
    sizes: tuple[int, ...]
    measure: Callable[[Bench, int], Figures]
    unit: str = "beads"
    quick: int = 100
    """The size at which only the answers are looked at."""


# -- what towns hold; each runs in a process of its own


def _plain_town(root: Path, beads: int) -> None:
    material.town(root, material.plan(beads))


def _chained_town(root: Path, beads: int) -> None:
    made = material.plan(beads, convoy_status="staged_ready")
    material.chain(made)
    material.town(root, made)
    run((*PYTHON, "-m", "gitconvoy", "hooks", "install"), root)
    convoy(root, "scan")


def _web_town(root: Path, beads: int) -> None:
    made = material.Plan()
    material.web(made, beads, 5)
    material.town(root, made)


def _crowd_town(root: Path, beads: int, count: int, status: str) -> None:
    made = material.plan(beads, convoy_status="staged_ready")
    material.crowd(made, "crowd", count, status)
    material.crowd(made, "single", 1, "staged_ready")
    material.town(root, made)


def _pool_town(root: Path, count: int) -> None:
    made = material.Plan(auto=False)
    material.crowd(made, "crowd", count, "open")
    material.town(root, made)


def _records(root: Path, count: int) -> None:
    material.settings(root)
    (root / ".convoy").mkdir()
    (root / ".convoy" / "config.yaml").write_text("format: 1\nprefix: gt\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "begin")
    with (root / ".git" / "issues.jsonl").open("wb") as stream:
        stream.writelines(material.records(count))


def _read_town(bench: Bench, size: int) -> Path:
    return bench.town(f"plain-{size}", _plain_town, size)


# -- rows


def commit_outside(bench: Bench, size: int) -> Figures:
    """A commit of code alone, with the hooks and without."""
    root = bench.town(f"chained-{size}", _chained_town, size)
    code = root / "code.txt"

    def commit(*options: str) -> Sample:
        code.write_text(code.read_text() + "line\n")
        return run(("git", *options, "commit", "-qam", "change"), root)

    without, hooked = interleaved(3 * bench.rounds, lambda: commit(*NO_HOOKS), commit)
    found = Figures(without, hooked)
    wall = found.row()["wall"]
    found.more["adds_ms"] = wall["ms"] - wall["floor_ms"]
    return found


def commit_closing(bench: Bench, size: int) -> Figures:
    """A commit that closes a bead, after which the next one is dispatched, less the same commit without hooks."""
    root = bench.town(f"chained-{size}", _chained_town, size)
    ids = sorted(file.stem for file in (root / ".convoy").rglob("gt-chain-*.yaml"))
    files = {file.stem: file for file in (root / ".convoy").rglob("gt-chain-*.yaml")}
    at = iter(ids)
    beside = bench.copy(root, f"bare-{size}")  # in this one it would be a plan that no hook has judged
    last = beside / files[ids[-1]].relative_to(root)

    def bare() -> Sample:
        last.write_text(last.read_text() + "# looked at\n")
        return run(("git", *NO_HOOKS, "commit", "-qam", "look"), beside)

    def closing() -> Sample:
        file = files[next(at)]
        file.write_text(file.read_text().replace("status: open", "status: closed"))
        return run(("git", "commit", "-qam", "close"), root)

    closing()  # the first one fills the index
    floors, things, less = interleaved(bench.rounds, lambda: floor(root), closing, bare)
    closed = next(at)
    found = convoy(root, "status", "hq-cv-chain").json()
    check([each["bead"] for each in found["active"]], [closed], "the bead that was dispatched last")
    return Figures(floors, things, less)


def _reading(*words: str) -> Callable[[Bench, int], Figures]:
    def measure(bench: Bench, size: int) -> Figures:
        root = _read_town(bench, size)
        made = material.plan(size)
        _check_reading(root, made, words)
        floors, things = interleaved(bench.rounds, lambda: floor(root), lambda: convoy(root, *words))
        return Figures(floors, things)

    return measure


def _check_reading(root: Path, made: material.Plan, words: tuple[str, ...]) -> None:
    found = convoy(root, *words).json()
    if words[0] == "ready":
        check(sorted(each["id"] for each in found["beads"]), made.ready, "ready")
    elif words[0] == "list":
        check(sorted(each["id"] for each in found["convoys"]), [each["id"] for each in made.convoys], "list")
    elif words[0] == "why":
        check(found["ready"], words[1] in made.ready, f"why {words[1]}")
    else:
        tracked = next(each["tracks"] for each in made.convoys if each["id"] == words[1])
        closed = {each["id"] for each in made.beads if each["status"] == "closed"}
        wanted = {"total": len(tracked), "closed": len(closed.intersection(tracked))}
        check({key: found["progress"][key] for key in wanted}, wanted, f"status {words[1]}")


def load(bench: Bench, size: int) -> Figures:
    """Reading every file of a plan without index or cache."""
    root = _read_town(bench, size)
    found = inside("load", root)
    check(found["same"], True, "the ids that both readers found")
    peak = found["peak"]
    return Figures([Sample(**each) for each in found["floor"]], [Sample(**each, peak=peak) for each in found["thing"]])


def stage(bench: Bench, size: int) -> Figures:
    """Staging one convoy anew in place."""
    root = bench.town(f"web-{size}", _web_town, size)
    waves = material.web(material.Plan(), size, 5)
    found = convoy(root, "stage", "hq-cv-web").json()
    check([sorted(each["id"] for each in wave["beads"]) for wave in found["waves"]], waves, "waves")
    floors, things = interleaved(bench.rounds, lambda: floor(root), lambda: convoy(root, "stage", "hq-cv-web"))
    return Figures(floors, things)


def launch(bench: Bench, size: int) -> Figures:
    """Launching a convoy of many beads, all of which are ready, less launching one bead."""
    count = min(1000, size)
    origin = bench.town(f"crowd-{size}", _crowd_town, size, count, "staged_ready")
    convoy(origin, "ready")
    single, many = bench.copy(origin, "single"), bench.copy(origin, "many")
    before = packed(many)
    less = convoy(single, "launch", "hq-cv-single", "--force")
    thing = convoy(many, "launch", "hq-cv-crowd", "--force")
    check(len(thing.json()["dispatched"]), count, "dispatches")
    found = Figures([floor(origin)], [thing], [less])
    found.more["dispatches_per_second"] = (count - 1) / max(thing.wall - less.wall, 1e-9)
    found.more["dispatches_per_cpu_second"] = (count - 1) / max(thing.cpu - less.cpu, 1e-9)
    found.more["bytes_per_dispatch"] = (packed(many) - before) / count
    return found


def claims(bench: Bench, size: int) -> Figures:
    """Eight long-lived processes that claim through the library."""
    origin = bench.town(f"claims-{size}", _pool_town, size)
    root = bench.copy(origin, "claiming")
    git(root, "config", "gitconvoy.dispatch", "local")
    each = min(100, size // 8 - 1)
    found = inside("claims", root, "8", str(each))
    check(len(set(found["claimed"])), 8 * each, "different beads claimed")
    figures = Figures([], [Sample(found["seconds"], found["cpu"], found["peak"])])
    figures.more["claims_per_second"] = 8 * each / found["seconds"]
    return figures


def import_(bench: Bench, size: int) -> Figures:
    """Importing a history into a town that is empty."""
    return _import(bench, bench.town(f"records-{size}", _records, size), size)


def import_real(bench: Bench, size: int) -> Figures:
    """The history of gastown, where it is at hand."""
    root = bench.town("records-real", _records, 0)
    shutil.copy(real_history(), root / ".git" / "issues.jsonl")
    return _import(bench, root, size)


def real_history() -> Path:
    """gastown.jsonl in the folder that `$GITCONVOY_DATA` names."""
    return Path(os.environ.get("GITCONVOY_DATA", "../shared/data"), "gastown.jsonl").absolute()


def _import(bench: Bench, origin: Path, size: int) -> Figures:
    figures = Figures()
    source = origin / ".git" / "issues.jsonl"
    for number in range(1 if size > 20_000 else min(3, bench.rounds)):
        root = bench.copy(origin, "importing")
        thing = convoy(root, "import", str(source))
        found = thing.json()
        check(found["created"] + found["tombstones"], size, "records imported")
        again = convoy(root, "import", str(source)).json()
        check((again["created"], again["updated"], again["commit"]), (0, 0, None), "importing the same again")
        exported = run((*PYTHON, "-m", "gitconvoy", "export"), root).out
        check(sorted(exported.splitlines()), sorted(source.read_bytes().splitlines()), "lines exported again")
        below = inside("write-blobs", root, str(source), str(bench.folder / f"floor-{number}.git"))
        shutil.rmtree(bench.folder / f"floor-{number}.git")
        figures.thing.append(Sample(thing.wall, thing.cpu, thing.peak))
        figures.floor += [Sample(**each) for each in below["floor"]]
    return figures


def audit(bench: Bench, size: int) -> Figures:
    """Auditing a whole ledger."""
    root = bench.town(f"ledger-{size}", ledger, size)
    command = ("git", "log", "--format=%B", "--name-only", "convoy-ledger")
    rounds = 1 if size > 20_000 else min(3, bench.rounds)
    floors, things = interleaved(rounds, lambda: run(command, root), lambda: convoy(root, "audit"))
    found = things[0].json()
    check((found["ok"], found["commits_checked"], found["findings"]), (True, size, []), "audit")
    return Figures(floors, things)


def board(bench: Bench, size: int) -> Figures:
    """A transaction that ends one attempt and begins the next, with the page of the board and without it."""
    root = bench.copy(bench.town(f"board-{size}", _board_town, size), "board")
    found = inside("board", root, str(max(2, bench.rounds)))
    return Figures([Sample(**each) for each in found["floor"]], [Sample(**each) for each in found["thing"]])


def _board_town(root: Path, beads: int) -> None:
    made = material.plan(beads, convoy_status="staged_ready")
    material.chain(made)
    material.town(root, made)


MEMORY = (
    ("ready",), ("blocked",), ("list",), ("list", "--tree"), ("status",), ("stranded",), ("validate",), ("scan",),
    ("why", "gt-000005"), ("bead", "list"), ("doctor",), ("export",), ("tidy", "--dry-run"), ("log",), ("audit",),
)  # fmt: skip


def memory(bench: Bench, size: int) -> Figures:
    """The peak memory of commands, one after the other, in a town that has a ledger of as many commits as beads."""
    root = bench.town(f"memory-{size}", ledger, size)
    figures = Figures([floor(root)])
    for words in MEMORY:
        sample = run((*PYTHON, "-m", "gitconvoy", *words), root, expect=None)
        figures.more[f"mib: {' '.join(words)}"] = sample.peak
        figures.thing.append(Sample(sample.wall, sample.cpu, sample.peak))
    return figures


SIZES = (100, 1000, 10_000, 100_000)
CASES = (
    Case("commit-outside", "`git commit` of code, hooks on", "the same without hooks", "+ 8 ms", SIZES, commit_outside),
    Case("commit-closing", "`git commit` that closes a bead and dispatches the next, less the bare commit", PYGIT2,
         "3.5", SIZES, commit_closing),
    Case("ready", "`ready`, warm", PYGIT2, "2 (3 at 100,000)", SIZES, _reading("ready")),
    Case("status", "`status ID`, warm", PYGIT2, "2 (3 at 100,000)", SIZES, _reading("status", "hq-cv-00000")),
    Case("why", "`why`, warm", PYGIT2, "2 (3 at 100,000)", SIZES, _reading("why", "gt-000005")),
    Case("list", "`list`, warm", PYGIT2, "2 (3 at 100,000)", SIZES, _reading("list")),
    Case("load", "cold load of a plan, no index", "PyYAML's C loader over the same bytes", "1.2", SIZES, load),
    Case("stage", "`stage` of one convoy with five links a bead, warm", PYGIT2, "2 + 1.5 s at 10,000",
         SIZES[:3], stage),
    Case("launch", "`launch` of 1,000 ready beads", PYGIT2, "1,000 a second, 2 KB each", SIZES[1:], launch),
    Case("claims", "8 processes claim through the library", PYGIT2, "300 a second", (1000,), claims),
    Case("board", "a dispatch with the board's page", "the same without the page", "", SIZES[:3], board),
    Case("import", "`import` of a history", IMPORT_FLOOR, "3", SIZES, import_, "records"),
    Case("import-real", "`import` of gastown.jsonl", IMPORT_FLOOR, "3", (5887,), import_real, "records", 0),
    Case("audit", "`audit` of a ledger", "`git log --format=%B --name-only`", "3", SIZES, audit, "commits"),
    Case("memory", "peak memory of any command", "", "600 MiB", SIZES[2:], memory, quick=500),
)  # fmt: skip
