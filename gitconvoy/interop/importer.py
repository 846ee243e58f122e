"""The plan of an import: which files of the plan plane a file of JSON lines changes (SPEC 10)."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from gitconvoy.errors import BadFiles, Problem, Refused
from gitconvoy.interop.beads import Place, decode, other_record, raw_id_of, rows_of
from gitconvoy.interop.fields import TOMBSTONE
from gitconvoy.interop.jsonl import read_lines
from gitconvoy.interop.links import TRACKS, Links, any_link, read_links
from gitconvoy.interop.merge import merge, says_the_same, untouched
from gitconvoy.interop.names import Names
from gitconvoy.interop.notes import Notes
from gitconvoy.interop.order import places
from gitconvoy.interop.records import Item, head, items_of, lacking, other_type
from gitconvoy.interop.report import Conflict, ImportPlan, Wishes
from gitconvoy.interop.routes import with_routes
from gitconvoy.interop.settings import config_changes
from gitconvoy.model.ids import is_external
from gitconvoy.model.imported import PARENT_CHILD, X_BEADS, is_tombstone, origin
from gitconvoy.model.kinds import BEAD, CONFIG, CONFIG_PATH, CONVOY, Kind
from gitconvoy.model.places import bead_path, convoy_path, moved, schema_url
from gitconvoy.model.plan import FANOUT, Abroad, Bead, Convoy, Plan
from gitconvoy.store.values import bead, config, convoy
from gitconvoy.yamlio.canonical import canonical_value
from gitconvoy.yamlio.writer import dump, edit

Progress = Callable[[int, int], None]
FORMAT = 1
MANY = 2000
"""More beads than that are spread over sub-folders: one folder of thousands of files makes git slow."""
_SHOWN = frozenset({"title", "type", "priority", "owner", "assignee"})
"""Fields that people look for: a mended value is worth a warning."""
LINK_KINDS = ("dangling", "external", "duplicate", "self", "second-parent")
"""Links that are kept as they are and counted."""


def plan_import(
    lines: Iterable[bytes],
    existing: Plan,
    config_data: Mapping[str, Any],
    existing_files: Mapping[str, bytes],
    source_name: str,
    progress: Progress | None = None,
    whole: Plan | None = None,
    wishes: Wishes | None = None,
) -> ImportPlan:
    """The changes that bring a file of JSON lines into the plan.

    `existing` is the plan as it is, `config_data` the document of its config, `existing_files` the bytes of its files
    by path (those of imported beads and of the config are read). `progress` is called with the lines done and all.
    `whole` is the plan with what lives in other repositories: that is linked to, and not imported. BadFiles, with a
    problem for each bad line, where anything cannot be imported; then nothing is.
    """
    wishes = wishes or Wishes()
    left: list[Problem] = []
    items = items_of(read_lines(lines, source_name, lacking, left if wishes.skip_bad else None, head))
    run = _Import(existing, existing_files, source_name, Names(whole or existing), whole.abroad if whole else {})
    run.wishes, run.problems = wishes, left
    items = run.start(items)
    for number, item in enumerate(items):
        run.take(item.whole())
        if progress is not None and (number % 50 == 49 or number + 1 == len(items)):
            progress(number + 1, len(items))
    return run.finish(items, config_data)


class _Import:
    """One run: first every record gets its id, then each becomes a document, with all ids known."""

    def __init__(
        self, existing: Plan, files: Mapping[str, bytes], source: str, names: Names, abroad: Mapping[str, Abroad]
    ) -> None:
        self.existing, self.old_files, self.source, self.names, self.abroad = existing, files, source, names, abroad
        self.file = source.replace("\\", "/").rsplit("/", 1)[-1]
        self.notes = Notes()
        self.files: dict[str, bytes | None] = {}
        counted = ("created", "updated", "unchanged", "tombstones", "deleted", "older", "kept_whole")
        self.counts = dict.fromkeys(counted, 0)
        self.wishes = Wishes()
        self.changes: list[tuple[str, str, tuple[str, ...]]] = []
        self.conflicts: list[Conflict] = []
        self.links = dict.fromkeys(LINK_KINDS, 0)
        self.written: list[tuple[str, str | None, str | None]] = []
        """Id, type and status of each document."""
        self.values: dict[str, Bead | Convoy] = {}
        self.config = existing.config
        self.problems: list[Problem] = []
        self.ids: dict[str, str] = {}
        self.present: set[str] = set()
        self.places: dict[str, int | float] = {}
        self.fanned = self.archive_fanned = False
        self.claims = {
            bead: convoy.id
            for convoy in existing.convoys.values()
            if convoy.status != "closed"
            for bead in convoy.tracks
        }

    # -- first pass

    def start(self, given: list[Item]) -> list[Item]:
        """Ids, places and folders of everything that is wanted; those records, without the ones that cannot be."""
        self.present = {item.raw for item in given}
        since = self.wishes.since
        items = [item for item in given if since is None or item.changed_since(since)]
        self.counts["older"] = len(given) - len(items)
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
        bad = {problem.line for problem in self.problems}
        items = [item for item in items if item.line.number not in bad]
        self._place(items)
        self._choose_layout(items)
        return items

    def _likeness(self, item: Item) -> str | None:
        """What the id of a record that has none resembles."""
        return None if item.issue else f"{self.existing.config.prefix}-{other_type(item.record)}"

    def _place(self, items: list[Item]) -> None:
        stored = []
        for item in items:
            value = self._current(item)
            block = origin(value.data) if value is not None else {}
            place = block.get("line") if block.get("file") == self.file else None
            stored.append(place if isinstance(place, int | float) else None)
        numbers = [item.line.number for item in items]
        self.places = dict(zip((item.raw for item in items), places(numbers, stored), strict=True))

    def _choose_layout(self, items: list[Item]) -> None:
        new = [item for item in items if self._current(item) is None and item.kind is BEAD]
        gone = sum(item.deleted or not item.issue for item in new)
        self.fanned = self.existing.config.layout == FANOUT or len(self.existing.beads) + len(new) - gone > MANY
        self.archive_fanned = self.fanned or len(self.existing.archive) + gone > MANY

    def _current(self, item: Item) -> Bead | Convoy | None:
        own = self.ids[item.raw]
        return self.existing.convoys.get(own) or self.existing.bead(own)

    # -- second pass

    def take(self, item: Item) -> None:
        """One record: what it changes, and what it counts as."""
        own = self.ids[item.raw]
        kind = self.names.kinds[own]
        links = self._links(item, own, kind)
        self._count_links(own, links)
        place = Place(self.file, self.places[item.raw], item.line.raw, item.also)
        value = self._current(item)
        bad = len(self.problems)
        verdict = "unchanged"
        if value is None:
            verdict = "created"
            self._create(item, self._document(item, own, kind, links, place))
        elif self.wishes.made is None and not self._is_known(item, value.data, kind, links, place):
            if is_tombstone(value.data) and not item.deleted:
                self.notes.add("ids that are deleted here and stay so", own)
            else:
                verdict = "updated"
                self._update(item, value, kind, self._document(item, own, kind, links, place))
        if len(self.problems) == bad:
            self.counts["tombstones" if item.deleted else verdict] += 1

    def _is_known(self, item: Item, data: Mapping[str, Any], kind: Kind, links: Links, place: Place) -> bool:
        block = origin(data)
        if block:
            return block.get("sha") == place.sha
        return item.issue and says_the_same(data, decode(item.record, self.ids[item.raw], kind, links, place), kind)

    def _links(self, item: Item, own: str, kind: Kind) -> Links:
        entries = item.record.get("dependencies")
        if kind is CONVOY:
            return read_links(entries, item.raw, self.names.tracked, self._tracker(item, own))
        return read_links(entries, item.raw, self.names.resolve, any_link)

    def _tracker(self, item: Item, own: str) -> Callable[[str, str], bool]:
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

    def _document(self, item: Item, own: str, kind: Kind, links: Links, place: Place) -> dict[str, Any]:
        if not item.issue:
            self.notes.add("records that are no issues, put into the archive", f"{item.raw!r} is {own}")
            return other_record(item.record, own, item.raw, place, other_type(item.record) or "")
        document = decode(item.record, own, kind, links, place)
        for row in rows_of(kind):
            value = item.record.get(row.record)
            held = document.get(row.key)
            if value and (held is None or (row.key in _SHOWN and held != value)):
                self.notes.add("values that do not fit their field (the raw ones are kept)", f"{own} ({row.record})")
        self.counts["kept_whole"] += "line_raw" in document[X_BEADS]
        return document

    def _create(self, item: Item, document: dict[str, Any]) -> None:
        own = document["id"]
        kind = self.names.kinds[own]
        if self.wishes.made is not None:
            document = {key: value for key, value in document.items() if key != X_BEADS} | {**self.wishes.made}
        path = convoy_path(own) if kind is CONVOY else self._bead_path(own, archived=item.deleted or not item.issue)
        if self._write(item, path, document, lambda: dump(document, kind, schema_url(path, kind))):
            self.changes.append(("created", own, ()))

    def _bead_path(self, own: str, *, archived: bool) -> str:
        return bead_path(own, fanned=self.archive_fanned if archived else self.fanned, archived=archived)

    def _update(self, item: Item, value: Bead | Convoy, kind: Kind, document: dict[str, Any]) -> None:
        merged = merge(value.data, document, kind)
        result = {key: new for key, new in {**value.data, **merged.changes}.items() if new is not None}
        path = self._path_of(item, value, result)
        original = self.old_files[value.path]
        if path != value.path:
            original = moved(original, kind, path)
        if not self._write(item, path, result, lambda: edit(original, merged.changes, kind)):
            return
        if path != value.path:
            self.files[value.path] = None
        self.conflicts += [Conflict(value.id, key, value.data.get(key), document.get(key)) for key in merged.conflicts]
        self.changes.append(("updated", value.id, tuple(key for key in merged.changes if key != X_BEADS)))

    def _path_of(self, item: Item, value: Bead | Convoy, result: Mapping[str, Any]) -> str:
        """Where an updated file goes: deleted beads into the archive, reopened ones out of it."""
        if isinstance(value, Convoy) or not item.issue:
            return value.path
        done = self.existing.config.category(result.get("status", "open")) == "done"
        archived = item.deleted or (value.archived and done)
        return value.path if archived == value.archived else self._bead_path(value.id, archived=archived)

    def _write(self, item: Item, path: str, document: Mapping[str, Any], content: Callable[[], bytes]) -> bool:
        """Take a document into the files; False where no plan file can hold it, such as a megabyte of text."""
        try:
            self.files[path] = content()
        except Refused as error:
            self._bad(item, error.message, error.hint)
            return False
        self.written.append((document["id"], document.get("type"), document.get("status")))
        kind = self.names.kinds[document["id"]]
        sets = {key: canonical_value(key, document[key], kind) for key in kind.sets & document.keys()}
        data = {**document, **sets}
        self.values[path] = convoy(data, path) if kind is CONVOY else replace(bead(data, path), data={})
        return True

    def _bad(self, item: Item, message: str, hint: str) -> None:
        self.problems.append(Problem(self.source, "jsonl", message, hint, line=item.line.number, column=1))

    # -- end

    def finish(self, items: list[Item], config_data: Mapping[str, Any]) -> ImportPlan:
        """All of it as a value. BadFiles where any record could not become a file."""
        if self.problems and not self.wishes.skip_bad:
            raise BadFiles(
                f"{self.source}: {len(self.problems)} records cannot be imported",
                tuple(self.problems),
                hint="mend these lines, or take them out, and import again; nothing was imported",
                code="bad-import",
            )
        if not self.problems:  # a bad line may be that of a bead that seems to be missing
            self._missing()
        self._configure(config_data)
        without = (self.ids[item.raw] for item in items if "-" not in self.ids[item.raw])
        self.notes.extend("ids without a prefix, which belong to no rig", without)
        return ImportPlan(
            {path: content for path, content in sorted(self.files.items()) if content != self.old_files.get(path)},
            kept_links=self.links,
            warnings=tuple(self.notes.warnings()),
            changes=tuple(self.changes),
            conflicts=tuple(self.conflicts),
            left=tuple(sorted(self.problems, key=lambda problem: problem.line)),
            plan=self._plan(),
            **self.counts,
        )

    def _plan(self) -> Plan:
        gone = {path for path, content in self.files.items() if content is None}
        places: tuple[Mapping[str, Any], ...] = (self.existing.beads, self.existing.archive, self.existing.convoys)
        beads, archive, convoys = (
            {one: value for one, value in place.items() if value.path not in gone} for place in places
        )
        for value in self.values.values():
            held = convoys if isinstance(value, Convoy) else archive if value.archived else beads
            held[value.id] = value
        return replace(self.existing, config=self.config, beads=beads, archive=archive, convoys=convoys)

    def _missing(self) -> None:
        """What an earlier import of the same file brought, and what it has no longer: deleted only when asked for."""
        places: tuple[Mapping[str, Bead | Convoy], ...] = (
            self.existing.beads,
            self.existing.archive,
            self.existing.convoys,
        )
        values = [value for place in places for value in place.values() if self._is_gone(value)]
        for value in sorted(values, key=lambda value: value.id):
            stays = self._stays(value) if self.wishes.delete_missing else "that the file no longer has, and that stay"
            if stays is not None:
                self.notes.add(f"ids {stays}", value.id)
                continue
            self.files[value.path] = None
            self.counts["deleted"] += 1
            self.changes.append(("deleted", value.id, ()))

    def _is_gone(self, value: Bead | Convoy) -> bool:
        return origin(value.data).get("file") == self.file and raw_id_of(value.data) not in self.present

    def _stays(self, value: Bead | Convoy) -> str | None:
        """Why something that the file no longer has is not deleted; None where it is."""
        if value.id in self.claims:
            return "that the file no longer has, and that stay because convoys track them"
        if not untouched(value.data, CONVOY if isinstance(value, Convoy) else BEAD):
            return "that the file no longer has, and that stay because they were changed here"
        return None

    def _configure(self, data: Mapping[str, Any]) -> None:
        routed = with_routes(self.existing.config, data, self.wishes.routes)
        beads = [each for each in self.written if self.names.kinds[each[0]] is BEAD]
        changes = routed | config_changes(
            config({**data, **routed}) if routed else self.existing.config,
            {**data, **routed},
            types=[type_ for _, type_, _ in beads if type_ is not None],
            statuses=[status for _, _, status in beads if status is not None],
            ids=[own for own, _, _ in beads],
            fanout=self.fanned,
        )
        if not changes or not (self.written or routed):
            return
        self.config = config({**data, **changes})
        original = self.old_files.get(CONFIG_PATH)
        if original is None:
            self.files[CONFIG_PATH] = dump(
                {"format": FORMAT, **data, **changes}, CONFIG, schema_url(CONFIG_PATH, CONFIG)
            )
        else:
            self.files[CONFIG_PATH] = edit(original, changes, CONFIG)
