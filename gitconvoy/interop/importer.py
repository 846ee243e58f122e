"""The plan of an import: which files of the plan plane a file of JSON lines changes (SPEC 10)."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitconvoy.errors import BadFiles, Problem, Refused
from gitconvoy.interop.beads import CONVOY_TYPE, Place, decode, other_record, rows_of
from gitconvoy.interop.fields import TOMBSTONE
from gitconvoy.interop.jsonl import Line, read_lines
from gitconvoy.interop.links import TRACKS, Links, any_link, read_links
from gitconvoy.interop.merge import merge, says_the_same
from gitconvoy.interop.names import Names
from gitconvoy.interop.notes import Notes
from gitconvoy.interop.order import places
from gitconvoy.interop.settings import FANOUT, config_changes
from gitconvoy.model.ids import is_external
from gitconvoy.model.imported import PARENT_CHILD, X_BEADS, is_tombstone, origin
from gitconvoy.model.kinds import BEAD, CONFIG, CONFIG_PATH, CONVOY, Kind
from gitconvoy.model.places import bead_path, convoy_path, moved, schema_url
from gitconvoy.model.plan import Abroad, Bead, Convoy, Plan
from gitconvoy.yamlio.writer import dump, edit

Progress = Callable[[int, int], None]
FORMAT = 1
MANY = 2000
"""More beads than that are spread over sub-folders: one folder of thousands of files makes git slow."""
_SHOWN = frozenset({"title", "type", "priority", "owner", "assignee"})
"""Fields that people look for: a mended value is worth a warning."""
LINK_KINDS = ("dangling", "external", "duplicate", "self", "second-parent")
"""Links that are kept as they are and counted."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would change. Every record is counted once: created, updated, unchanged, or tombstones."""

    files: Mapping[str, bytes | None]
    """New bytes by path, of files that change only; None removes a file. The config is among them."""
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    tombstones: int = 0
    kept_links: Mapping[str, int] = field(default_factory=dict)
    """How many links of the file are dangling, external, duplicate, self or second-parent."""
    warnings: tuple[str, ...] = ()
    kept_whole: int = 0
    """Lines that had to be kept as they are, because nothing less gives them back."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One record: its raw id, its line, and other lines with the same id that lost against it."""

    raw: str
    line: Line
    also: tuple[Line, ...] = ()

    @property
    def record(self) -> Mapping[str, Any]:
        return self.line.data

    @property
    def deleted(self) -> bool:
        return self.record.get("status") == TOMBSTONE

    @property
    def issue(self) -> bool:
        """False for other records that beads tools write into the same file, such as memories."""
        return bool(self.record.get("id"))

    @property
    def kind(self) -> Kind:
        return CONVOY if self.record.get("issue_type") == CONVOY_TYPE and not self.deleted else BEAD


def plan_import(
    lines: Iterable[bytes],
    existing: Plan,
    config_data: Mapping[str, Any],
    existing_files: Mapping[str, bytes],
    source_name: str,
    progress: Progress | None = None,
    whole: Plan | None = None,
) -> ImportPlan:
    """The changes that bring a file of JSON lines into the plan.

    `existing` is the plan as it is, `config_data` the document of its config, `existing_files` the bytes of its files
    by path (those of imported beads and of the config are read). `progress` is called with the lines done and all.
    `whole` is the plan with what lives in other repositories: that is linked to, and not imported. BadFiles, with a
    problem for each bad line, where anything cannot be imported; then nothing is.
    """
    items = _items(read_lines(lines, source_name, _lacking))
    run = _Import(existing, existing_files, source_name, Names(whole or existing), whole.abroad if whole else {})
    run.start(items)
    for number, item in enumerate(items):
        run.take(item)
        if progress is not None and (number % 50 == 49 or number + 1 == len(items)):
            progress(number + 1, len(items))
    return run.finish(items, config_data)


def _lacking(record: Mapping[str, Any]) -> str | None:
    own = record.get("id")
    if isinstance(own, str) and own:
        return None
    other = record.get("_type")
    if own is None and isinstance(other, str) and other not in ("", "issue"):
        return None
    return "the object has no `id`" if own is None else "the `id` is no text, or empty"


def _raw_id(line: Line) -> str:
    own = line.data.get("id")
    if isinstance(own, str):
        return own
    key = line.data.get("key")
    return f"{line.data['_type']}:{key if isinstance(key, str) else hashlib.sha256(line.raw).hexdigest()}"


def _items(lines: list[Line]) -> list[_Item]:
    """Records in the order of their lines. Of several lines with one id a tombstone wins, else the last."""
    by_id: dict[str, list[Line]] = {}
    for line in lines:
        by_id.setdefault(_raw_id(line), []).append(line)
    items = []
    for raw, same in by_id.items():
        best = max(same, key=lambda line: (line.data.get("status") == TOMBSTONE, line.number))
        items.append(_Item(raw, best, tuple(line for line in same if line is not best)))
    return sorted(items, key=lambda item: item.line.number)


class _Import:
    """One run: first every record gets its id, then each becomes a document, with all ids known."""

    def __init__(
        self, existing: Plan, files: Mapping[str, bytes], source: str, names: Names, abroad: Mapping[str, Abroad]
    ) -> None:
        self.existing, self.old_files, self.source, self.names, self.abroad = existing, files, source, names, abroad
        self.file = source.replace("\\", "/").rsplit("/", 1)[-1]
        self.notes = Notes()
        self.files: dict[str, bytes | None] = {}
        self.counts = dict.fromkeys(("created", "updated", "unchanged", "tombstones", "kept_whole"), 0)
        self.links = dict.fromkeys(LINK_KINDS, 0)
        self.written: list[Mapping[str, Any]] = []
        self.problems: list[Problem] = []
        self.ids: dict[str, str] = {}
        self.places: dict[str, int | float] = {}
        self.fanned = self.archive_fanned = False
        self.claims = {
            bead: convoy.id
            for convoy in existing.convoys.values()
            if convoy.status != "closed"
            for bead in convoy.tracks
        }

    # -- first pass

    def start(self, items: list[_Item]) -> None:
        """Ids, places and folders of everything."""
        for item in items:
            if self.names.is_broken(item.raw):
                self._bad(item, f"the plan's file of {item.raw} cannot be read", "mend that file first")
            own = self.ids[item.raw] = self.names.assign(item.raw, item.kind, self._likeness(item))
            if own in self.abroad:
                root = self.abroad[own].root
                hint = f"take its line out, or import that there: gitconvoy -C {shlex.quote(root)} import ..."
                self._bad(item, f"{own} lives in another repository: {root}", hint)
            if item.also:
                numbers = ", ".join(str(line.number) for line in item.also)
                self.notes.add(
                    "ids that stand in several lines, of which one counts", f"{item.raw} (not line {numbers})"
                )
        renamed = (f"{raw!r} is {own}" for raw, own in self.names.renamed.items())
        self.notes.extend("ids that cannot stand here, replaced (the raw ones are kept)", renamed)
        self._place(items)
        self._choose_layout(items)

    def _likeness(self, item: _Item) -> str | None:
        """What the id of a record that has none resembles."""
        return None if item.issue else f"{self.existing.config.prefix}-{item.record['_type']}"

    def _place(self, items: list[_Item]) -> None:
        stored = []
        for item in items:
            value = self._current(item)
            block = origin(value.data) if value is not None else {}
            place = block.get("line") if block.get("file") == self.file else None
            stored.append(place if isinstance(place, int | float) else None)
        numbers = [item.line.number for item in items]
        self.places = dict(zip((item.raw for item in items), places(numbers, stored), strict=True))

    def _choose_layout(self, items: list[_Item]) -> None:
        new = [item for item in items if self._current(item) is None and item.kind is BEAD]
        gone = sum(item.deleted or not item.issue for item in new)
        self.fanned = self.existing.config.layout == FANOUT or len(self.existing.beads) + len(new) - gone > MANY
        self.archive_fanned = self.fanned or len(self.existing.archive) + gone > MANY

    def _current(self, item: _Item) -> Bead | Convoy | None:
        own = self.ids[item.raw]
        return self.existing.convoys.get(own) or self.existing.bead(own)

    # -- second pass

    def take(self, item: _Item) -> None:
        """One record: what it changes, and what it counts as."""
        own = self.ids[item.raw]
        kind = self.names.kinds[own]
        links = self._links(item, own, kind)
        self._count_links(own, links)
        place = Place(self.file, self.places[item.raw], item.line.raw, item.also)
        value = self._current(item)
        if item.deleted:
            self.counts["tombstones"] += 1
        verdict = "unchanged"
        if value is None:
            verdict = "created"
            self._create(item, self._document(item, own, kind, links, place))
        elif not self._is_known(item, value.data, kind, links, place):
            if is_tombstone(value.data) and not item.deleted:
                self.notes.add("ids that are deleted here and stay so", own)
            else:
                verdict = "updated"
                self._update(item, value, kind, self._document(item, own, kind, links, place))
        if not item.deleted:
            self.counts[verdict] += 1

    def _is_known(self, item: _Item, data: Mapping[str, Any], kind: Kind, links: Links, place: Place) -> bool:
        block = origin(data)
        if block:
            return block.get("sha") == place.sha
        return item.issue and says_the_same(data, decode(item.record, self.ids[item.raw], kind, links, place), kind)

    def _links(self, item: _Item, own: str, kind: Kind) -> Links:
        entries = item.record.get("dependencies")
        if kind is CONVOY:
            return read_links(entries, item.raw, self.names.tracked, self._tracker(item, own))
        return read_links(entries, item.raw, self.names.resolve, any_link)

    def _tracker(self, item: _Item, own: str) -> Callable[[str, str], bool]:
        """Which links of a convoy's record become `tracks`: to beads that exist, and that no other convoy tracks."""
        closed = item.record.get("status") in ("closed", TOMBSTONE)

        def wanted(link_type: str, target: str) -> bool:
            if link_type != TRACKS:
                return False
            if self.names.kinds.get(target) is not BEAD:
                self.links["dangling"] += 1
                self.notes.add(
                    "beads that convoys track and that do not exist (the links are kept aside)", f"{own} -> {target}"
                )
                return False
            holder = own if closed else self.claims.setdefault(target, own)
            if holder != own:
                self.notes.add(
                    "beads that several open convoys track, left with the first", f"{target} ({holder}, not {own})"
                )
            return holder == own

        return wanted

    def _count_links(self, own: str, links: Links) -> None:
        seen = set()
        for key in links.keys:
            link_type, target = key
            found = {
                "dangling": not is_external(target) and not self.names.exists(target),
                "external": is_external(target),
                "duplicate": key in seen,
                "self": target == own,
                "second-parent": link_type == PARENT_CHILD,
            }
            seen.add(key)
            for what in (what for what, is_so in found.items() if is_so):
                self.links[what] += 1
                self.notes.add(f"{what} links, kept as they are", f"{own} -> {target}")

    def _document(self, item: _Item, own: str, kind: Kind, links: Links, place: Place) -> dict[str, Any]:
        if not item.issue:
            self.notes.add("records that are no issues, put into the archive", f"{item.raw!r} is {own}")
            return other_record(item.record, own, item.raw, place)
        document = decode(item.record, own, kind, links, place)
        for row in rows_of(kind):
            value = item.record.get(row.record)
            held = document.get(row.key)
            if value and (held is None or (row.key in _SHOWN and held != value)):
                self.notes.add("values that do not fit their field (the raw ones are kept)", f"{own} ({row.record})")
        self.counts["kept_whole"] += "line_raw" in document[X_BEADS]
        return document

    def _create(self, item: _Item, document: dict[str, Any]) -> None:
        own = document["id"]
        kind = self.names.kinds[own]
        path = convoy_path(own) if kind is CONVOY else self._bead_path(own, archived=item.deleted or not item.issue)
        self._write(item, path, document, lambda: dump(document, kind, schema_url(path, kind)))

    def _bead_path(self, own: str, *, archived: bool) -> str:
        return bead_path(own, fanned=self.archive_fanned if archived else self.fanned, archived=archived)

    def _update(self, item: _Item, value: Bead | Convoy, kind: Kind, document: dict[str, Any]) -> None:
        merged = merge(value.data, document, kind)
        both = (f"{value.id} ({key})" for key in merged.conflicts)
        self.notes.extend("fields that changed both here and there, left as they are here", both)
        result = {key: new for key, new in {**value.data, **merged.changes}.items() if new is not None}
        path = self._path_of(item, value, result)
        original = self.old_files[value.path]
        if path != value.path:
            self.files[value.path] = None
            original = moved(original, kind, path)
        self._write(item, path, result, lambda: edit(original, merged.changes, kind))

    def _path_of(self, item: _Item, value: Bead | Convoy, result: Mapping[str, Any]) -> str:
        """Where an updated file goes: deleted beads into the archive, reopened ones out of it."""
        if isinstance(value, Convoy) or not item.issue:
            return value.path
        done = self.existing.config.category(result.get("status", "open")) == "done"
        archived = item.deleted or (value.archived and done)
        return value.path if archived == value.archived else self._bead_path(value.id, archived=archived)

    def _write(self, item: _Item, path: str, document: Mapping[str, Any], content: Callable[[], bytes]) -> None:
        try:
            self.files[path] = content()
        except Refused as error:  # what no plan file can hold, such as a megabyte of text
            self._bad(item, error.message, error.hint)
        self.written.append(document)

    def _bad(self, item: _Item, message: str, hint: str) -> None:
        self.problems.append(Problem(self.source, "jsonl", message, hint, line=item.line.number, column=1))

    # -- end

    def finish(self, items: list[_Item], config_data: Mapping[str, Any]) -> ImportPlan:
        """All of it as a value. BadFiles where any record could not become a file."""
        if self.problems:
            raise BadFiles(
                f"{self.source}: {len(self.problems)} records cannot be imported",
                tuple(self.problems),
                hint="mend these lines, or take them out, and import again; nothing was imported",
                code="bad-import",
            )
        self._configure(config_data)
        without = (self.ids[item.raw] for item in items if "-" not in self.ids[item.raw])
        self.notes.extend("ids without a prefix, which belong to no rig", without)
        files = {path: content for path, content in sorted(self.files.items()) if content != self.old_files.get(path)}
        return ImportPlan(files, kept_links=self.links, warnings=tuple(self.notes.warnings()), **self.counts)

    def _configure(self, data: Mapping[str, Any]) -> None:
        beads = [document for document in self.written if self.names.kinds[document["id"]] is BEAD]
        changes = config_changes(
            self.existing.config,
            data,
            types=[document["type"] for document in beads if "type" in document],
            statuses=[document["status"] for document in beads if "status" in document],
            ids=[document["id"] for document in beads],
            fanout=self.fanned,
        )
        if not changes or not self.written:
            return
        original = self.old_files.get(CONFIG_PATH)
        if original is None:
            self.files[CONFIG_PATH] = dump(
                {"format": FORMAT, **data, **changes}, CONFIG, schema_url(CONFIG_PATH, CONFIG)
            )
        else:
            self.files[CONFIG_PATH] = edit(original, changes, CONFIG)
