"""Delivering notices, in a detached process: what the ledger records is taken into the outbox, and out of it (SPEC 7).

Each notice is delivered at least once through each channel, and once unless this process is killed between a delivery
and the note of it. What fails stays, is shown by `status`, and is tried again by scans.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from gitconvoy.dispatch import notifying, outbox
from gitconvoy.dispatch.outbox import Notice
from gitconvoy.engine import wake
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.local import Local
from gitconvoy.engine.react import transact
from gitconvoy.engine.telling import notices
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, LostRace
from gitconvoy.git import commits, lock
from gitconvoy.ledger.read import Entry, history
from gitconvoy.rules.view import View
from gitconvoy.store.localfiles import make_folder

Judge = Callable[[View, Local], notices.Stuck]
"""Which convoys stand still so that somebody has to do something, each with the reasons."""
_TURN_SECONDS = 1800.0


def deliver(town: Town, judge: Judge) -> int:
    """Record which convoys stand still, take in what was recorded, and deliver it; how many deliveries failed.

    One process at a time delivers, and one more waits for its turn: a third would find nothing left to do.
    """
    place = outbox.folder(town.common_dir)
    make_folder(place)
    with ExitStack() as turn:
        try:
            with lock.exclusive(place / "next.lock", 0):
                turn.enter_context(lock.exclusive(place / "lock", _TURN_SECONDS))
        except LostRace:
            return 0
        _record_stranded(town, judge)
        take_in(town)
        return _deliver_all(town)


def _record_stranded(town: Town, judge: Judge) -> None:
    """Look first without the town's lock: mostly there is nothing new."""
    state = town.state()
    local = town.local(state.plan, state.ledger)
    if not local.notifies:
        return
    view, known = View(state), state.plan.exists and state.ledger.tip is not None
    if known and notices.stranded(Draft(state, local, cause="scan", actor=town.actor), judge(view, local)):
        transact(town, lambda draft: notices.stranded(draft, judge(draft.view, draft.local)), cause="scan", feed=False)
    outbox.note_seen(town.common_dir, notices.scene(view, local, state.trunk, state.ledger.tip))


def take_in(town: Town) -> None:
    """Put every notice that the ledger has recorded since the last time into the outbox."""
    tip, since = town.ledger_tip(), outbox.cursor(town.common_dir)
    if tip is None or tip == since:
        return
    if since is not None and (not since or commits.is_ancestor(town.repo, since, tip)):
        _take_in_since(town, tip, since)
    outbox.move_cursor(town.common_dir, tip)  # where the ledger is another one, notices count from now on


def _take_in_since(town: Town, tip: str, since: str) -> None:
    view = View(town.state())
    try:
        known = notifying.channels(town.repo)
    except ConvoyError:
        known = None
    for entry in history(town.repo, tip):
        if entry.commit == since:
            return
        made = _notice(town, view, entry) if entry.event == "notify" else None
        if made is not None and not outbox.known(town.common_dir, made.id):
            pending = known.names(made.to) if known is not None else (_UNKNOWN,)
            outbox.put(town.common_dir, replace(made, pending=pending))


_UNKNOWN = "settings"
"""Stands for the channels of settings that cannot be read, until they can be."""


def _notice(town: Town, view: View, entry: Entry) -> Notice | None:
    parsed = notices.parse(entry.reason)
    if parsed is None:
        return None
    convoy = view.plan.convoys.get(entry.convoy or "")
    bead = view.plan.bead(entry.bead or "")
    return Notice(
        id=entry.commit,
        event=parsed[0],
        at=entry.at,
        convoy=entry.convoy or "",
        convoy_title=convoy.title if convoy else "",
        bead=entry.bead or "",
        bead_title=bead.title if bead else "",
        attempt=entry.attempt,
        to=notices.recipients(view, entry.convoy, entry.bead, town.actor),
        message=parsed[1],
    )


def _deliver_all(town: Town) -> int:
    failed = 0
    for notice in outbox.read_all(town.common_dir):
        if notice.not_before <= time.time():
            left = _deliver_one(town, notice)
            failed += len(left.pending)
    times = [notice.not_before for notice in outbox.read_all(town.common_dir)]
    if times:
        wake.leave_behind(town, min(times))
    return failed


def _deliver_one(town: Town, notice: Notice) -> Notice:
    """Deliver through each channel that is pending, noting each at once; what is left of the notice."""
    try:
        known = notifying.channels(town.repo)
    except ConvoyError as error:
        return _put_off(town, notice, [error.message])
    if _UNKNOWN in notice.pending:
        notice = replace(notice, pending=known.names(notice.to))
    errors: list[str] = []
    for name in notice.pending:
        why = notifying.deliver(known, notice, name, town.common_dir, town.home())
        if why is not None:
            errors.append(why)
            continue
        notice = replace(notice, pending=tuple(each for each in notice.pending if each != name))
        outbox.put(town.common_dir, notice)
    return _put_off(town, notice, errors) if errors else notice


def _put_off(town: Town, notice: Notice, errors: Sequence[str]) -> Notice:
    kept = notice.failed("; ".join(dict.fromkeys(errors)), int(time.time()))
    outbox.put(town.common_dir, kept)
    return kept
