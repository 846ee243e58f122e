"""Files of the plan plane -> `Plan`: the one place where bytes become beads, wherever they come from (SPEC 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field, replace
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Problem
from gitconvoy.model import kinds
from gitconvoy.model.ids import ID_PATTERN, is_id
from gitconvoy.model.plan import Bead, Config, Convoy, Plan
from gitconvoy.store import values
from gitconvoy.store.reading import Memo, Source, not_regular, read
from gitconvoy.yamlio.reader import locator


@dataclass(slots=True)
class _Builder:
    memo: Memo | None
    beads: dict[str, Bead] = field(default_factory=dict)
    archive: dict[str, Bead] = field(default_factory=dict)
    convoys: dict[str, Convoy] = field(default_factory=dict)
    plan_blobs: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Lower-case id -> (id, path) of the file that has it."""
    config: Config = field(default_factory=lambda: values.config({}))
    config_broken: bool = False

    def add(self, source: Source) -> None:
        kind = kinds.kind_of(source.path)
        if kind is None:
            self._unknown(source)
        elif kind is kinds.PLAN:
            self._plan_file(source)
        else:
            self._document(source, kind)

    def _unknown(self, source: Source) -> None:
        folders = (kinds.BEAD.folder, kinds.CONVOY.folder, kinds.PLAN.folder, kinds.ARCHIVE)
        if source.path.endswith(".yml") and source.path.startswith(tuple(folder + "/" for folder in folders)):
            self.problems.append(
                Problem(
                    source.path, "file-name", "only files that end in .yaml are read", "rename it to .yaml", "warning"
                )
            )
        elif not source.regular and source.path == kinds.ROOT:
            self.config_broken = True
            self.problems.append(not_regular(source.path))

    def _plan_file(self, source: Source) -> None:
        if source.regular:
            self.plan_blobs[kinds.stem(source.path)] = source.oid
        else:
            self.problems.append(not_regular(source.path))

    def _document(self, source: Source, kind: kinds.Kind) -> None:
        value, found = self.value(source, kind)
        self.problems += found
        if kind is kinds.CONFIG:
            self.config_broken = self.config_broken or value is None
            if isinstance(value, Config):
                self.config = value
            return
        stem = kinds.stem(source.path)
        if self._taken_twice(stem, source.path) or value is None:
            self.broken.add(stem)
        elif isinstance(value, Convoy):
            self.convoys[value.id] = value
        elif isinstance(value, Bead):
            (self.archive if value.archived else self.beads)[value.id] = value

    def value(self, source: Source, kind: kinds.Kind) -> tuple[_Value | None, Sequence[Problem]]:
        """What a file alone says, whatever else is there; None where something is wrong with it."""
        if self.memo is None:
            return _understand(source, kind, *read(source, kind))
        return self.memo.once(source, kind, _understand)

    def _taken_twice(self, stem: str, path: str) -> bool:
        owner = self.owners.setdefault(stem.lower(), (stem, path))
        if owner[1] == path:
            return False
        self.broken |= {owner[0], stem}
        for place in (self.beads, self.archive, self.convoys):
            place.pop(owner[0], None)
        self.problems.append(
            Problem(
                path,
                "duplicate-id",
                f"the id {stem} stands in two files: {owner[1]} and {path}",
                "keep one of them; ids are unique over beads and convoys, also ignoring case",
                ids=tuple(sorted({owner[0], stem})),
            )
        )
        return True


_Value = Bead | Convoy | Config
_MAKERS: dict[str, Callable[[dict[str, Any], str, Mapping[str, Any] | None], _Value]] = {
    kinds.BEAD.name: values.bead,
    kinds.CONVOY.name: values.convoy,
    kinds.CONFIG.name: lambda data, _, __: values.config(data),
}


def _understand(
    source: Source,
    kind: kinds.Kind,
    data: dict[str, Any] | None,
    found: list[Problem],
    kept: Mapping[str, Any] | None = None,
) -> tuple[_Value | None, list[Problem]]:
    if data is None or found:
        return None, found
    wrong = _wrong_id(data, kinds.stem(source.path), source.path) if kind is not kinds.CONFIG else []
    if wrong:
        return None, wrong
    try:
        return _MAKERS[kind.name](data, source.path, kept), []
    except values.ValueProblem as error:
        return None, [error.problem(source.path)]


def understood(source: Source, kind: kinds.Kind, memo: Memo, before: Mapping[str, Any] | None = None) -> _Value | None:
    """What a file alone says; None where anything is wrong with it. `before`: what it held before, and in order."""
    if before is not None:
        memo.follow(source, kind, dict(before), _understand)
    value: _Value | None
    value, found = memo.once(source, kind, _understand)
    return value if not found else None


def _wrong_id(data: dict[str, Any], stem: str, path: str) -> list[Problem]:
    if data["id"] != stem:
        hint = f"rename the file to {data['id']}.yaml, or write id: {stem}"
        return [Problem(path, "id-mismatch", f"holds the id {data['id']}, but its name says {stem}", hint, at=("id",))]
    if not is_id(stem):
        return [Problem(path, "id", f"{stem!r} cannot be an id", f"ids match {ID_PATTERN}", at=("id",))]
    return []


def build(
    sources: Iterable[Source],
    tree: str | None = None,
    memo: Memo | None = None,
    ahead: Callable[[Sequence[str]], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Plan:
    """The plan that the files make up. Never raises for bad files: they are named in `problems` and `broken`.

    `ahead` is told of the blobs that are read, in their order, and entered meanwhile.
    """
    builder = _Builder(memo)
    by_path: dict[str, Source] = {}
    listed = sorted(sources, key=lambda item: item.path)
    with ahead(memo.expect(listed) if memo is not None else ()):
        for source in listed:
            by_path[source.path] = source
            builder.add(source)
    if memo is not None:
        memo.save()
    problems = place(builder.problems, lambda path: by_path[path].read() if path in by_path else None)
    away = {rig.name: no_path(rig.name) for rig in builder.config.rigs.values() if rig.elsewhere}
    return Plan(
        config=builder.config,
        beads=builder.beads,
        convoys=builder.convoys,
        archive=builder.archive,
        plan_blobs=builder.plan_blobs,
        broken=frozenset(builder.broken),
        config_broken=builder.config_broken,
        exists=bool(by_path),
        problems=tuple(problems),
        tree=tree,
        away=away,
        away_parents=None if away else frozenset(),
    )


def updated(
    before: Plan, changed: Mapping[str, Source | None], tree: str | None, memo: Memo | None = None
) -> Plan | None:
    """The plan of `tree`, which differs from `before` in the files `changed` (None: gone), as `build` would make it.

    None where all files have to be looked at for that: where anything is wrong in them or was before, where settings
    change, and where a new file may have an id that is taken.
    """
    if before.problems or not before.exists:
        return None
    builder = _Builder(memo, dict(before.beads), dict(before.archive), dict(before.convoys), dict(before.plan_blobs))
    gone = [path for path, source in changed.items() if source is None]
    new = [source for source in changed.values() if source is not None]
    if not all(_remove(builder, path) for path in gone):
        return None
    ids = _Taken(builder)
    if not all(_put(builder, source, ids) for source in new):
        return None
    if not any((*_places(builder), builder.plan_blobs)):
        return None
    if ids.grown:
        for place in _places(builder):
            _sort_by_path(place)
    return replace(
        before,
        beads=builder.beads,
        convoys=builder.convoys,
        archive=builder.archive,
        plan_blobs=builder.plan_blobs,
        tree=tree,
    )


class _Taken:
    """The ids that there are, in whatever letters; collected once somebody asks."""

    def __init__(self, builder: _Builder) -> None:
        self._builder = builder
        self._lower: set[str] = set()
        self.grown = False
        """Whether anybody asked."""

    def by(self, stem: str) -> bool:
        """Whether this would be the second one; it is taken from now on."""
        if not self._lower:
            self._lower = {one.lower() for place in _places(self._builder) for one in place}
        self.grown = True
        taken = stem.lower() in self._lower
        self._lower.add(stem.lower())
        return taken


def _places(builder: _Builder) -> tuple[dict[str, Any], ...]:
    return builder.beads, builder.archive, builder.convoys


def _sort_by_path(place: dict[str, Any]) -> None:
    found = sorted(place.items(), key=lambda item: item[1].path)
    place.clear()
    place.update(found)


def _remove(builder: _Builder, path: str) -> bool:
    """Take away what a file held; False where that is not all that follows from it."""
    kind, stem = kinds.kind_of(path), kinds.stem(path)
    if kind is kinds.PLAN:
        return _lies_flat(path, stem) and builder.plan_blobs.pop(stem, None) is not None
    if kind is None or kind is kinds.CONFIG:
        return kind is None and _is_no_matter(path)
    place = next((place for place in _places(builder) if stem in place and place[stem].path == path), None)
    return place is not None and place.pop(stem, None) is not None


def _put(builder: _Builder, source: Source, ids: _Taken) -> bool:
    """Put what a file holds in its place; as `_remove`."""
    kind, stem = kinds.kind_of(source.path), kinds.stem(source.path)
    if kind is None or kind is kinds.CONFIG:
        return kind is None and _is_no_matter(source.path)
    if kind is kinds.PLAN:
        builder.add(source)
        return _lies_flat(source.path, stem) and not builder.problems
    old = next((place[stem] for place in _places(builder) if stem in place), None)
    value, found = builder.value(source, kind)
    if found or value is None or (old.path != source.path if old is not None else ids.by(stem)):
        return False
    if isinstance(value, Convoy):
        builder.convoys[stem] = value
    elif isinstance(value, Bead):
        (builder.archive if value.archived else builder.beads)[stem] = value
    return True


def _lies_flat(path: str, stem: str) -> bool:
    """Of a plan file: in a folder of its own it stands before or behind another one of its name."""
    return path == f"{kinds.PLAN.folder}/{stem}.yaml"


def _is_no_matter(path: str) -> bool:
    return path != kinds.ROOT and not path.endswith(".yml")


def no_path(rig: str) -> str:
    """Why a rig whose beads live elsewhere is away, where this machine does not say where that is."""
    return f"git config gitconvoy.rig.{rig}.path is not set"


def place(problems: Iterable[Problem], bytes_at: Callable[[str], bytes | None]) -> list[Problem]:
    """The problems with line and column looked up from their key paths, sorted by place. Each file is read once."""
    places: dict[str, Callable[[tuple[str | int, ...]], tuple[int, int]]] = {}
    placed = []
    for problem in problems:
        if problem.at and not problem.line:
            if problem.path not in places:
                data = bytes_at(problem.path)
                places[problem.path] = locator(data) if data is not None else lambda _: (0, 0)
            line, column = places[problem.path](problem.at)
            placed.append(replace(problem, line=line, column=column))
        else:
            placed.append(problem)
    return sorted(placed, key=lambda item: (item.path, item.line, item.column, item.code, item.message))
