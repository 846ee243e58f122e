"""From the commits of a ledger branch to steps, oldest first; what is wrong with their form on the way (SPEC 1, 7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from gitconvoy.audit.values import Books, Finding, Step
from gitconvoy.errors import BadFiles
from gitconvoy.git import commits, objects, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger import codec
from gitconvoy.ledger.apply import violations
from gitconvoy.ledger.read import BOARD, PLAN
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Event
from gitconvoy.store.reading import too_large
from gitconvoy.yamlio.complaints import MAX_SIZE
from gitconvoy.yamlio.scalars import shown

MAX_BOARD = 256 << 10
"""Bytes of the derived page at the root of the ledger's tree."""
_MAX_CHANGED = 1000
"""Files that one commit changes; an event changes a handful."""
_ID = re.compile(r"[0-9a-f]{40}")
_CAUSES = ("command", "scan")
_RECORD = re.compile(r"(beads/[0-9a-f]{2}|convoys)/([^/]+)\.yaml")

_Changed = Mapping[str, trees.Entry | None]
"""The files that a commit changes, with what it has there."""


class Walk:
    """One pass over a branch, to its tip: from its root, or from behind a commit of it.

    Iterating gives each commit's step, or None where it is no event that can be judged, and brings `books` to what
    stands *before* that step; `close` brings them behind it. `found` collects what is wrong with the form.
    """

    def __init__(self, repo: Repo, commits: list[str], since: str | None = None, books: Books | None = None) -> None:
        """`commits`: newest first, as `commits.first_parents` gives them; `books`: as they stand at `since`."""
        self._repo = repo
        self._commits = commits
        self._since = since
        self.books = books or Books()
        self.found: list[Finding] = []
        self.plan: str | None = trees.tree_at(repo, since, PLAN) if since is not None else None
        """The `.convoy` tree that the commit at hand was decided on."""

    def __iter__(self) -> Iterator[Step | None]:
        before = commits.commit(self._repo, self._since) if self._since is not None else None
        for oid in reversed(self._commits):
            info = commits.commit(self._repo, oid)
            step = self._look(before, info)
            yield step
            before = info

    def _say(self, info: commits.CommitInfo, rule: str, message: str, *ids: str, event: str = "") -> None:
        self.found.append(Finding(info.id, info.time, event, rule, message, ids))

    def _look(self, before: commits.CommitInfo | None, info: commits.CommitInfo) -> Step | None:
        self._chain(before, info)
        changed = self._changed(before, info)
        plan_before, self.plan = self.plan, self._plan(info)
        parsed = codec.parse_message(info.message)
        if parsed is None:
            self._say(info, "message", "it is no event: only gitconvoy writes this branch")
            self._take_over(info, changed)
            return None
        said = parsed.at(info.time)
        bead, convoy = said.bead, said.convoy
        records, paused = self._records(info, changed, parsed.event, bead, convoy)
        event = replace(
            said,
            bead_changes=_changes(self.books.bead(bead), records.get(bead)) if bead else {},
            convoy_changes=_changes(self.books.convoy(convoy), records.get(convoy)) if convoy else {},
            town_changes={"paused": paused} if paused is not None else {},
        )
        for name in parsed.repeated:
            self._say(info, "trailers", f"the trailer {name} stands there twice", *_ids(event), event=event.kind)
        self._form(info, event, before is None)
        if event.trunk is None:
            self._undecided(info, event, self.plan not in (None, plan_before))
        found, group = records.get(bead or ""), records.get(convoy or "")
        return Step(
            info.id,
            info.time,
            event,
            found if isinstance(found, BeadRecord) else None,
            group if isinstance(group, ConvoyRecord) else None,
        )

    def close(self, step: Step) -> None:
        """Bring the books behind a step that was judged."""
        for record in (step.bead, step.convoy):
            if record is not None:
                self.books.put(record)
        self.books.paused = bool(step.event.town_changes.get("paused", self.books.paused))

    def _chain(self, before: commits.CommitInfo | None, info: commits.CommitInfo) -> None:
        if len(info.parents) > 1:
            self._say(info, "linear", f"it has {len(info.parents)} parents: the branch is a chain of single commits")
        if before is not None and info.time < before.time:
            self._say(info, "time", f"its date lies {before.time - info.time} s before that of the commit it follows")

    def _changed(self, before: commits.CommitInfo | None, info: commits.CommitInfo) -> _Changed:
        old = before.tree if before is not None else None
        changes = trees.changes(self._repo, old, info.tree, skip=(PLAN,), limit=_MAX_CHANGED)
        changed = {path: after for path, (_, after) in changes.items()}
        if len(changed) > _MAX_CHANGED:
            self._say(info, "records", f"it changes more than {_MAX_CHANGED} files")
        return changed

    def _plan(self, info: commits.CommitInfo) -> str | None:
        """The `.convoy` tree that a commit keeps; None, with a finding, where it is no folder."""
        tree = trees.child(self._repo, info.tree, PLAN)
        if tree is None and trees.entry(self._repo, info.tree, PLAN) is not None:
            self._say(info, "plan", f"{PLAN} is no folder")
        return tree

    def _undecided(self, info: commits.CommitInfo, event: Event, other_plan: bool) -> None:
        """A commit that names no trunk commit was written where there was none: on no plan, or on the one before."""
        if event.kind == "dispatch":
            self._say(
                info, "trunk", "it does not name the trunk commit that was decided on", *_ids(event), event="dispatch"
            )
        elif other_plan:
            self._say(info, "plan", "it keeps another plan, and names no trunk commit", *_ids(event), event=event.kind)

    def _form(self, info: commits.CommitInfo, event: Event, root: bool) -> None:
        kind = event.kind
        if root != (kind == "init"):
            message = "the ledger begins with another event than init" if root else "the ledger begins once more"
            self._say(info, "root", message, event=kind)
        for message in violations(event):
            self._say(info, "event-table", message, *_ids(event), event=kind)
        if event.cause not in _CAUSES and not _ID.fullmatch(event.cause):
            self._say(info, "trailers", f"its cause is {event.cause[:60]!r}", *_ids(event), event=kind)
        said = f"convoy: {kind} {event.bead or event.convoy or 'town'}"
        if not f"{info.message.partition(chr(10))[0]} ".startswith(f"{said} "):
            self._say(
                info, "message", f"its subject does not begin with `{said}`, which its trailers tell of", event=kind
            )
        if not event.actor:
            self._say(info, "trailers", "it does not say who acted", *_ids(event), event=kind)

    def _records(
        self, info: commits.CommitInfo, changed: _Changed, kind: str, bead: str | None, convoy: str | None
    ) -> tuple[dict[str, BeadRecord | ConvoyRecord], bool | None]:
        """The records that a commit leaves, by id, and the town's word if it changed; foreign paths are findings."""
        records: dict[str, BeadRecord | ConvoyRecord] = {}
        paused: bool | None = None
        for path, entry in changed.items():
            if path == "town.yaml":
                paused = self._town(info, entry, kind)
            if path == BOARD:
                self._board(info, entry, kind)
            if path in ("town.yaml", BOARD) or (path == "format" and kind == "init"):
                continue
            record = self._record(info, path, entry, kind)
            if record is None:
                continue
            if record.id not in (bead, convoy) or isinstance(record, BeadRecord) != (record.id == bead):
                self._say(info, "records", f"it changes {path}, which its trailers do not name", record.id, event=kind)
                self.books.put(record)
                continue
            records[record.id] = record
        return records, paused

    def _board(self, info: commits.CommitInfo, page: trees.Entry | None, kind: str) -> None:
        if page is not None and not page.is_file:
            self._say(info, "records", f"{BOARD} is no plain file", event=kind)
        elif page is not None and objects.blob_within(self._repo, page.oid, MAX_BOARD)[0] > MAX_BOARD:
            self._say(info, "records", f"{BOARD} has more than {MAX_BOARD >> 10} KiB", event=kind)

    def _data(self, found: trees.Entry | None) -> bytes | None:
        """The bytes of a record; None where the commit has no plain file there. BadFiles where it is too large."""
        if found is None or not found.is_file:
            return None
        size, data = objects.blob_within(self._repo, found.oid, MAX_SIZE)
        if size > MAX_SIZE:
            raise too_large(found.path, size)
        return data

    def _town(self, info: commits.CommitInfo, entry: trees.Entry | None, kind: str) -> bool | None:
        try:
            data = self._data(entry)
            return codec.read_town(data, "town.yaml") if data is not None else False
        except BadFiles as error:
            self._say(info, "records", error.message, event=kind)
            return None

    def _record(
        self, info: commits.CommitInfo, path: str, entry: trees.Entry | None, kind: str
    ) -> BeadRecord | ConvoyRecord | None:
        """One record as the commit has it; None, with a finding, where it is none or gone."""
        match = _RECORD.fullmatch(path)
        if match is None:
            self._say(info, "records", f"{shown(path)} is no file of a ledger", event=kind)
            return None
        is_convoy = match[1] == "convoys"
        record: BeadRecord | ConvoyRecord
        try:
            data = self._data(entry)
            if data is None:
                self._say(info, "records", f"it removes the record {path}", match[2], event=kind)
                self.books.drop(match[2], convoy=is_convoy)
                return None
            plain = None if is_convoy else codec.as_written(data)
            record = plain or (codec.read_convoy(data, path) if is_convoy else codec.read_bead(data, path))
        except (BadFiles, TypeError) as error:
            self._say(info, "records", f"the record {path} cannot be read: {error}", match[2], event=kind)
            return None
        place = codec.convoy_path(record.id) if is_convoy else codec.bead_path(record.id)
        if place != path:
            self._say(info, "records", f"the record of {record.id} lies at {path}", record.id, event=kind)
        elif plain is None and data != _written(record):
            self._say(info, "records", f"the record {path} is not as gitconvoy writes it", record.id, event=kind)
        return record

    def _take_over(self, info: commits.CommitInfo, changed: _Changed) -> None:
        """What stands after a commit that is no event is what the next one builds on."""
        for path, entry in changed.items():
            if _RECORD.fullmatch(path):
                record = self._record(info, path, entry, "")
                if record is not None:
                    self.books.put(record)
            elif path == "town.yaml":
                self.books.paused = bool(self._town(info, entry, ""))


def _written(record: BeadRecord | ConvoyRecord) -> bytes:
    return codec.convoy_bytes(record) if isinstance(record, ConvoyRecord) else codec.bead_bytes(record)


def _changes(before: BeadRecord | ConvoyRecord, after: BeadRecord | ConvoyRecord | None) -> Mapping[str, Any]:
    if after is None or type(after) is not type(before):
        return {}
    names = (field.name for field in fields(after))
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}


def _ids(event: Event) -> tuple[str, ...]:
    return tuple(each for each in (event.bead, event.convoy) if each)
