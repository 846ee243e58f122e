"""`log`: the ledger's events and the status changes made in files, merged by time, newest first (SPEC 8)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import takewhile

from gitconvoy.dataclass import dataclass
from gitconvoy.engine.trunk import DEFAULTS, statuses
from gitconvoy.errors import BadFiles, GitError
from gitconvoy.git import commits, objects, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger import codec
from gitconvoy.ledger.read import PLAN, Entry, commits_and_entries
from gitconvoy.model import kinds
from gitconvoy.model.ledger import LIVE
from gitconvoy.yamlio.complaints import MAX_SIZE
from gitconvoy.yamlio.reader import load

FILE_EVENT = "file"
"""The `event` of a status change that somebody made in a file."""
_LONGEST = 200
"""Characters of a status: no schema has one as long as that."""
_FEW = 100
"""Files that a ledger commit may change before they are looked up by name."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; None and empty stand for all. Times are in epoch seconds, and count."""

    convoy: str | None = None
    bead: str | None = None
    since: int | None = None
    until: int | None = None
    events: frozenset[str] = frozenset()

    def admits(self, entry: Entry) -> bool:
        """Whether the entry is wanted; whether it is too old is asked where time is in order."""
        if self.until is not None and entry.at > self.until:
            return False
        if self.convoy is not None and entry.convoy != self.convoy:
            return False
        if self.bead is not None and entry.bead != self.bead:
            return False
        return not self.events or entry.event in self.events


def entries(
    repo: Repo,
    ledger_tip: str | None,
    trunk: str | None,
    wanted: Filter,
    *,
    convoy_of: Callable[[str], str | None],
    statuses: bool = True,
) -> Iterator[Entry]:
    """The wanted entries, newest first, each with the status of its bead or convoy before and after.

    `convoy_of` gives the convoy that a bead belongs to, for changes made in files. Without `statuses`, those of the
    ledger's entries are left out: what records said then takes most of the time.
    """
    recorded = commits_and_entries(repo, ledger_tip)
    if (since := wanted.since) is not None:
        recorded = takewhile(lambda each: each[1].at >= since, recorded)
    told = _Statuses(repo).told if statuses else lambda _, entry: entry
    ledger = (told(info, entry) for info, entry in recorded if wanted.admits(entry))
    files: Iterable[Entry] = ()
    if not wanted.events or FILE_EVENT in wanted.events:
        files = (entry for entry in _file_entries(repo, trunk, wanted.since, convoy_of) if wanted.admits(entry))
    return heapq.merge(ledger, files, key=lambda entry: -entry.at)


class _Statuses:
    """What records say before and after events: both in the trees of the commit and its parent."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._said = lru_cache(maxsize=1 << 12)(self._read)

    def told(self, info: commits.CommitInfo, entry: Entry) -> Entry:
        """The entry with the status of its bead or convoy before and after."""
        about = entry.bead or entry.convoy
        if about is None:
            return entry
        path = codec.bead_path(about) if entry.bead else codec.convoy_path(about)
        parent = commits.tree_of(self._repo, info.parents[0]) if info.parents else None
        before, after = self._entries(parent, info.tree, path)
        return replace(entry, before=self._status(before), after=self._status(after))

    def _entries(self, old: str | None, new: str, path: str) -> tuple[trees.Entry | None, trees.Entry | None]:
        """What both trees have there; quick where it is one of few files that differ, as it should be."""
        with suppress(GitError):  # where something else in them is damaged, it may still be found
            changes = trees.changes(self._repo, old, new, skip=(PLAN,), limit=_FEW)
            if path in changes:
                return changes[path]
        before = trees.entry(self._repo, old, path) if old is not None else None
        return before, trees.entry(self._repo, new, path)

    def _status(self, entry: trees.Entry | None) -> str | None:
        return self._said(entry.oid, entry.path) if entry is not None and entry.is_file else None

    def _read(self, oid: str, path: str) -> str | None:
        size, data = objects.blob_within(self._repo, oid, MAX_SIZE)
        return _record_status(data, path) if size <= MAX_SIZE else None


def _record_status(data: bytes, path: str) -> str | None:
    """`in_progress`, `submitted`, `closed` and the like; None where the ledger says nothing."""
    bead = codec.as_written(data) if path.startswith("beads/") else None
    try:
        record = {"status": bead.status, "submitted": bead.submitted} if bead is not None else load(data, path)
    except BadFiles:
        return None
    status = record.get("status")
    if status == LIVE and record.get("submitted"):
        return "submitted"
    return status if isinstance(status, str) and len(status) <= _LONGEST else None


def _file_entries(
    repo: Repo, trunk: str | None, since: int | None, convoy_of: Callable[[str], str | None]
) -> Iterator[Entry]:
    """Status changes of beads and convoys along the trunk's own line, newest first, from the commits that made them."""
    if trunk is None:
        return
    ends = objects.shallow(repo)  # the commits there seem to bring everything that is older
    listed = repo.git("rev-list", "--first-parent", trunk, "--", f":(top,literal){kinds.ROOT}")
    for commit in listed.text.split():
        info = commits.commit(repo, commit)
        if commit in ends or (since is not None and info.time < since):
            continue  # later ones may be older: nobody keeps a person's clock in order
        before = info.parents[0] if info.parents else None
        paths = trees.changed_paths(repo, before, commit, kinds.ROOT)
        for kind in (kinds.CONVOY, kinds.BEAD):
            own = [path for path in paths if kinds.kind_of(path) is kind]
            old, new = statuses(repo, before, own, kind), statuses(repo, commit, own, kind)
            for one in sorted(old.keys() | new.keys()):
                change = (old.get(one), new.get(one))
                if change[0] != change[1] and not (kind is kinds.BEAD and change == (None, DEFAULTS[kind.name])):
                    yield _file_entry(info, kind, one, change, convoy_of)


def _file_entry(
    info: commits.CommitInfo,
    kind: kinds.Kind,
    one: str,
    change: tuple[str | None, str | None],
    convoy_of: Callable[[str], str | None],
) -> Entry:
    bead = one if kind is kinds.BEAD else None
    return Entry(
        commit=info.id,
        at=info.time,
        event=FILE_EVENT,
        convoy=convoy_of(one) if bead else one,
        bead=bead,
        worker=None,
        attempt=None,
        cause=info.id,
        actor=info.author,
        reason=info.message.partition("\n")[0],
        before=change[0],
        after=change[1],
    )
