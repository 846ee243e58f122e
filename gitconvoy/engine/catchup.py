"""Where a person has spoken in the files, the ledger's facts end for good. Pure (SPEC 1 "Facts and files")."""

from __future__ import annotations

from collections.abc import Iterable

from gitconvoy.engine import facts
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.trunk import Step
from gitconvoy.model.ledger import CLOSED, OPEN
from gitconvoy.model.plan import STAGED


def catch_up(draft: Draft, steps: Iterable[Step]) -> None:
    """Write the events that the trunk's commits call for: reopen, done, merged, close, launch, pause."""
    for step in steps:
        with draft.caused_by(step.commit):
            for bead in sorted(step.beads.keys() & draft.state.ledger.beads.keys()):
                _bead(draft, bead, step.beads[bead])
            for convoy in sorted(step.convoys):
                _convoy(draft, convoy, step)


def _bead(draft: Draft, bead: str, said: str) -> None:
    record = draft.record(bead)
    closed_now = draft.state.plan.config.category(said) == "done"
    if (record.live or record.handed_in) and closed_now:
        facts.closed_in_files(draft, bead, f"its file says {said}")
    elif record.status == CLOSED and said != record.file_status:
        if closed_now:
            facts.closed_in_files(draft, bead, f"its file says {said} now")
        else:
            facts.reopen_bead(draft, bead, f"its file says {said} now, it said {record.file_status} before")


def _same(one: str | None, other: str | None) -> bool:
    return one == other or (one in STAGED and other in STAGED)


def _convoy(draft: Draft, convoy: str, step: Step) -> None:
    said = step.convoys[convoy]
    record = draft.convoy_record(convoy)
    if record.status is None:
        _without_fact(draft, convoy, said, step)
    elif not _same(said, record.file_status):
        _fact_left(draft, convoy, said, record.status)


def _without_fact(draft: Draft, convoy: str, said: str, step: Step) -> None:
    before = step.convoys_before.get(convoy)
    if before is not None and said in STAGED and (before == CLOSED or (before == OPEN and dispatched(draft, convoy))):
        _freeze(draft, convoy, said, before)
    elif said == OPEN and convoy in draft.state.plan.convoys and facts.convoy_file_status(draft, convoy) == OPEN:
        if draft.convoy_record(convoy).launched_at is None:
            facts.launch(draft, convoy, "its file says open")
        else:
            facts.reopen_convoy(draft, convoy, "its file says open again")


def _fact_left(draft: Draft, convoy: str, said: str, fact: str) -> None:
    if said == CLOSED:
        facts.convoy_from_file(draft, "close", convoy, "its file says closed")
    elif said == OPEN and fact == CLOSED:
        facts.reopen_convoy(draft, convoy, "its file says open now")
    elif said == OPEN:
        draft.add("launch", convoy=convoy, reason="its file says open now", convoy_changes={"file_status": said})
    elif fact == OPEN and not dispatched(draft, convoy):
        facts.convoy_from_file(draft, "reopen", convoy, f"its file says {said} again, and no bead of it was dispatched")
    else:
        _freeze(draft, convoy, said, fact)


def dispatched(draft: Draft, convoy: str) -> bool:
    """Whether any bead was ever dispatched for the convoy (as far as the records still tell)."""
    return any(record.convoy == convoy and record.attempt for record in draft.state.ledger.beads.values())


def _freeze(draft: Draft, convoy: str, said: str, before: str) -> None:
    record = draft.convoy_record(convoy)
    changes = {"paused": True, "file_status": said if record.status else None}
    reason = f"its file went from {before} to {said}, which no convoy may: set status: {before} again, then resume it"
    draft.add("pause", convoy=convoy, reason=reason, convoy_changes=changes)
