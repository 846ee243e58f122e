"""The board: a page of Markdown in the ledger's tree that a forge shows to whoever opens the branch (SPEC 1).

A pure function of plan and records: the same state gives the same bytes, whichever machine writes them. It is bounded,
in rows and in bytes, so that a town of any size costs the same; what is left out is counted. Nothing ever reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from gitconvoy.dataclass import dataclass
from gitconvoy.model.clock import iso, parse_iso
from gitconvoy.model.ledger import CLOSED, LIVE, OPEN, BeadRecord
from gitconvoy.model.markdown_text import code, plain
from gitconvoy.model.plan import STAGED
from gitconvoy.rules.view import View

ROWS = 40
"""Rows of a table, at most."""
SECTION_BYTES = 11 * 1024
"""Bytes of a table, at most: five of them, with what stands around, are less than 64 KiB."""
LOOKS = 200
"""Beads that are looked at, at most, for why their convoys do not move."""
LAST = 10
"""Closed convoys that are shown, the newest."""
_WIDTH = 20
_NOTE = (
    "gitconvoy writes this page into the commits that it adds to this branch, from the records beside it. "
    "It is derived: nothing reads it, and what is changed here is gone with the next commit."
)
_Row = Sequence[str]


def bar(closed: int, total: int) -> str:
    """Progress as a bar and a count. Only what is all done is full, and only what has not begun is empty."""
    filled = closed * _WIDTH // total if total else 0
    filled = max(filled, 1) if closed else 0
    return f"`{'█' * filled}{'░' * (_WIDTH - filled)}` {closed}/{total}"


@dataclass(frozen=True, slots=True)
class _Table:
    title: str
    head: _Row
    rows: Callable[[View], Iterator[_Row]]
    """All of its rows, made as they are asked for."""
    count: Callable[[View], int] | None = None
    """How many rows there are; None where that is not known before they are made."""


def render(view: View) -> bytes:
    """The page of a state, as UTF-8, at most 64 KiB."""
    parts = ["# Convoys", _NOTE, *_paused(view)]
    if not _open(view):
        parts.append("No convoy is open.")
    for table in _TABLES:
        parts += _section(table, view)
    staged = sum(view.convoy_status(each) in STAGED for each in view.plan.convoys)
    if staged:
        what = _counted(staged, "convoy is", "convoys are")
        parts.append(f"{what} staged: nothing of it is dispatched before `gitconvoy launch`.")
    return ("\n\n".join(parts) + "\n").encode("utf-8", "replace")


def _paused(view: View) -> Iterator[str]:
    if view.ledger.paused:
        yield "**Everything is paused:** nothing new is dispatched before `gitconvoy resume --all`."
    if view.config.dispatch.paused:
        yield "**Dispatch is paused** by `.convoy/config.yaml`."


def _section(table: _Table, view: View) -> Iterator[str]:
    lines = [f"| {' | '.join(table.head)} |", f"|{' --- |' * len(table.head)}"]
    size, shown, more = 0, 0, False
    for row in table.rows(view):
        line = f"| {' | '.join(row)} |"
        size += len(line.encode("utf-8", "replace")) + 1
        more = size > SECTION_BYTES or shown == ROWS
        if more:
            break
        lines.append(line)
        shown += 1
    if not shown:
        return
    yield f"## {table.title}"
    yield "\n".join(lines)
    if more:
        yield f"... and {table.count(view) - shown} more." if table.count is not None else "... and more."


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _open(view: View) -> list[str]:
    convoys = view.plan.convoys
    found = (each for each in convoys if view.convoy_status(each) == OPEN)
    return sorted(found, key=lambda each: (convoys[each].priority, each))


def _convoys(view: View) -> Iterator[_Row]:
    running = {record.id: record for record in view.ledger.beads.values() if record.live}
    for each in _open(view):
        convoy = view.plan.convoys[each]
        closed, total = view.progress(each)
        live = [running[bead] for bead in running.keys() & set(convoy.tracks)]
        working = sum(record.in_flight for record in live)
        told = [
            f"{working} at work" if working else "",
            f"{len(live) - working} to merge" if working < len(live) else "",
        ]
        if view.convoy_paused(each):
            told.insert(0, "**paused**")
        yield code(each), plain(convoy.title), bar(closed, total), ", ".join(filter(None, told)) or "nobody at work"


def _live(view: View, *, handed_in: bool) -> list[BeadRecord]:
    return sorted(_all_live(view, handed_in=handed_in), key=lambda record: (record.since or 0, record.id))


def _all_live(view: View, *, handed_in: bool) -> list[BeadRecord]:
    records = view.ledger.beads.values()
    return [each for each in records if each.status == LIVE and (each.submitted is not None) == handed_in]


def _about(view: View, record: BeadRecord) -> tuple[str, str, str]:
    bead = view.plan.bead(record.id)
    title = plain(bead.title if bead else "(not in the plan any more)")
    return code(record.id), title, code(record.worker or "nobody")


def _working(view: View) -> Iterator[_Row]:
    for record in _live(view, handed_in=False):
        since = iso(record.since) if record.since is not None else ""
        yield *_about(view, record), str(record.attempt), since, code(record.convoy) if record.convoy else ""


def _submitted(view: View) -> Iterator[_Row]:
    for record in _live(view, handed_in=True):
        branch = code(record.branch) if record.branch else ""
        yield *_about(view, record), branch, code((record.submitted or "")[:10]), _base(view, record)


def _base(view: View, record: BeadRecord) -> str:
    convoy = view.plan.convoys.get(record.convoy or "")
    rig = view.rig_of(record.id)
    named = (convoy.base_branch if convoy else None) or (rig.base_branch if rig else None)
    return code(named) if named else "the trunk"


def _stuck(view: View) -> Iterator[_Row]:
    records = view.ledger.beads.values()
    asked = (each for each in records if (each.conflict or each.failures) and not each.live and each.status != CLOSED)
    for record in sorted(asked, key=lambda each: each.id):
        if record.conflict is not None and not view.effective(record.id).closed:
            yield code(record.id), f"it cannot be merged: {plain(record.conflict, 200)}"
        elif view.exhausted(record.id):
            yield code(record.id), f"{record.failures} attempts have failed: `gitconvoy bead retry` tries again"
    left = iter(range(LOOKS))
    for each in _open(view):
        reason = _why_still(view, each, left)
        if reason:
            yield code(each), reason


def _why_still(view: View, convoy_id: str, left: Iterator[int]) -> str:
    """Why nothing of an open convoy is at work, by the first of its beads that waits for something beyond it.

    `left` counts how many more beads may be looked at.
    """
    convoy = view.plan.convoys[convoy_id]
    tracks = set(convoy.tracks)
    if any(view.ledger.bead(bead).live for bead in tracks):
        return ""
    if view.convoy_paused(convoy_id):
        return "it is paused"
    if not tracks:
        return "it tracks nothing"
    waiting = sorted(tracks - view.closed.outcomes.keys())
    if not waiting:
        return "all of its beads are closed: its owner lands it" if convoy.owned else ""
    first = ""
    for bead, _ in zip(waiting, left, strict=False):
        failed = view.failing(bead)
        if not failed:
            return f"{code(bead)} is ready, and waits for a worker"
        beyond = next((each for each in failed if each.rule != "links" or not tracks.issuperset(each.ids)), None)
        reason = f"{code(bead)}: {plain((beyond or failed[0]).message, 200)}"
        if beyond is not None:
            return reason
        first = first or reason
    return first


def _finished(view: View) -> Iterator[_Row]:
    """Closed convoys, the last one first; those of which nobody knows when come last."""
    closed = [each for each in view.plan.convoys if view.convoy_status(each) == CLOSED]
    when = {each: _closed_at(view, each) for each in closed}
    for each in sorted(sorted(closed), key=lambda one: when[one], reverse=True):
        convoy, record = view.plan.convoys[each], view.ledger.convoy(each)
        done, total = view.progress(each)
        outcome = record.outcome or convoy.data.get("outcome") or ("done" if done == total else CLOSED)
        at = iso(when[each]) if when[each] else ""
        yield code(each), plain(convoy.title), plain(outcome), f"{done}/{total}", at


def _closed_at(view: View, convoy_id: str) -> int:
    """When a convoy was closed, by the ledger or by its file; 0 where neither says so."""
    known = view.ledger.convoy(convoy_id).completed_at
    if known is not None:
        return known
    try:
        return parse_iso(str(view.plan.convoys[convoy_id].data.get("closed_at")))
    except ValueError:
        return 0


def _length(rows: Callable[[View], Iterable[object]]) -> Callable[[View], int]:
    return lambda view: sum(1 for _ in rows(view))


_TABLES = (
    _Table("Open", ("Convoy", "Title", "Progress", "State"), _convoys, _length(_open)),
    _Table(
        "At work",
        ("Bead", "Title", "Worker", "Attempt", "Since", "Convoy"),
        _working,
        lambda view: len(_all_live(view, handed_in=False)),
    ),
    _Table(
        "To be merged",
        ("Bead", "Title", "Worker", "Branch", "Commit", "Into"),
        _submitted,
        lambda view: len(_all_live(view, handed_in=True)),
    ),
    _Table("Stuck", ("What", "Why"), _stuck),
    _Table("Closed", ("Convoy", "Title", "Outcome", "Beads", "When"), lambda view: islice(_finished(view), LAST)),
)
