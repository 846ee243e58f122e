"""What people ask for about convoys and the town: launch, close, reopen, land, pause, resume. Pure (SPEC 7)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gitconvoy.checks.selection import CONVOY, Selection, refuse_tracked
from gitconvoy.checks.stage import StageReport, analyse
from gitconvoy.checks.stage_findings import Finding
from gitconvoy.engine import facts
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.near import nearest
from gitconvoy.errors import NotFound, Refused
from gitconvoy.model.ledger import CLOSED, OPEN, Event
from gitconvoy.model.plan import STAGED, Convoy


def known_convoy(draft: Draft, convoy: str) -> Convoy:
    """The convoy as the trunk has it. NotFound, or Refused where its file is broken."""
    found = draft.state.plan.convoys.get(convoy)
    if found is not None:
        return found
    if convoy in draft.state.plan.broken:
        raise Refused(
            f"the file of {convoy} cannot be read", hint="gitconvoy validate names what is wrong", code="broken"
        )
    raise NotFound(
        f"the trunk has no convoy {convoy}",
        hint=nearest(convoy, draft.state.plan.convoys)
        or "ids must be exact; a convoy planned on another branch applies once that branch is merged",
    )


Branches = Collection[str] | Callable[[str, str], bool]


def check_again(draft: Draft, convoy: Convoy, branches: Branches | None) -> StageReport:
    """The analysis of `stage`, on the trunk as it is now."""
    tracks = tuple(sorted(convoy.tracks))
    selection = Selection(
        CONVOY, tracks, tracks, convoy.epic, convoy.id, base_branch=convoy.base_branch, max_workers=convoy.max_workers
    )
    return analyse(draft.view, selection, branches)


def launch(draft: Draft, convoy_id: str, *, force: bool, branches: Branches | None = None) -> tuple[Finding, ...]:
    """Open a staged convoy after checking it once more; returns the warnings found. Refused on errors.

    `branches` tells which branches exist, for `base_branch`.
    """
    convoy = known_convoy(draft, convoy_id)
    status = draft.view.convoy_status(convoy_id)
    if status == OPEN:
        return ()
    if status == CLOSED:
        hint = f"gitconvoy reopen {convoy_id}"
        raise Refused(f"{convoy_id} is closed", hint=hint, code="closed")
    report = check_again(draft, convoy, branches)
    if report.errors:
        raise Refused(
            f"{convoy_id} cannot be launched: " + "; ".join(finding.message for finding in report.errors),
            hint=report.errors[0].suggested_fix,
            code=report.errors[0].category,
        )
    overridden = _needs_force(convoy, report.warnings)
    if overridden and not force:
        raise Refused(
            f"{convoy_id} is not launched: {overridden[0][1]}",
            hint="--force launches it all the same",
            code=overridden[0][0],
        )
    facts.launch(draft, convoy_id, force=tuple(code for code, _ in overridden))
    return report.warnings


def _needs_force(convoy: Convoy, warnings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    found = []
    if convoy.status == "staged_warnings":
        found.append(("staged-warnings", "its file says staged_warnings"))
    found += [("parked-rig", each.message) for each in warnings if each.category == "parked-rig"]
    return found


def close(draft: Draft, convoy_id: str, reason: str, *, force: bool) -> Event | None:
    """Close a convoy by hand; with open beads only by force. None where it is closed already."""
    known_convoy(draft, convoy_id)
    status = draft.view.convoy_status(convoy_id)
    if status == CLOSED:
        return None
    unfinished = open_beads(draft, convoy_id)
    if unfinished and status not in STAGED and not force:
        raise Refused(
            f"{convoy_id} still has {len(unfinished)} open beads: {', '.join(unfinished[:5])}",
            hint="--force closes it all the same; attempts in flight may finish, no new ones start",
            code="open-beads",
        )
    return facts.close_convoy(draft, convoy_id, reason, force=("open-beads",) if unfinished and status == OPEN else ())


def open_beads(draft: Draft, convoy_id: str) -> list[str]:
    """Tracked beads that are not closed, sorted."""
    tracks = draft.state.plan.convoys[convoy_id].tracks
    return sorted(bead for bead in tracks if draft.view.effective(bead).category != "done")


def land(draft: Draft, convoy_id: str, *, force: bool) -> Event | None:
    """The owner closes an owned convoy. None where it is closed already."""
    convoy = known_convoy(draft, convoy_id)
    if draft.view.convoy_status(convoy_id) == CLOSED:
        return None
    if not convoy.owned and not force:
        hint = "other convoys close by themselves when they are complete; --force, or gitconvoy close"
        raise Refused(f"{convoy_id} is not owned: nobody has to land it", hint=hint, code="not-owned")
    if draft.view.completion(convoy_id) is None and not force:
        raise Refused(
            f"{convoy_id} is not complete: {', '.join(open_beads(draft, convoy_id)[:5]) or 'it tracks nothing'}",
            hint="gitconvoy status says what it waits for; --force lands it all the same",
            code="not-complete",
        )
    return facts.close_convoy(draft, convoy_id, "landed", kind="land", force=("--force",) if force else ())


def reopen(draft: Draft, convoy_id: str) -> Event | None:
    """Open a convoy again that the ledger closed; None where its own file says closed (the file is edited then)."""
    convoy = known_convoy(draft, convoy_id)
    status = draft.view.convoy_status(convoy_id)
    if status != CLOSED:
        raise Refused(f"{convoy_id} is {status}, not closed", hint=f"gitconvoy status {convoy_id}", code="not-closed")
    refuse_tracked(draft.view, convoy.tracks, besides=convoy_id)
    return facts.reopen_convoy(draft, convoy_id) if draft.convoy_record(convoy_id).status == CLOSED else None


def pause(draft: Draft, convoy_id: str | None, reason: str = "") -> Event | None:
    """No new work for one convoy, or with None for the whole town. None where the ledger says so already."""
    if convoy_id is None:
        return None if draft.state.ledger.paused else draft.add("pause", reason=reason, town_changes={"paused": True})
    known_convoy(draft, convoy_id)
    if draft.convoy_record(convoy_id).paused:
        return None
    return draft.add("pause", convoy=convoy_id, reason=reason, convoy_changes={"paused": True})


def resume(draft: Draft, convoy_id: str | None) -> Event | None:
    """Clear the ledger's pause; None where it has none. What a file says stays: the caller names that file."""
    if convoy_id is None:
        return draft.add("resume", town_changes={"paused": False}) if draft.state.ledger.paused else None
    known_convoy(draft, convoy_id)
    if not draft.convoy_record(convoy_id).paused:
        return None
    return draft.add("resume", convoy=convoy_id, convoy_changes={"paused": False})
