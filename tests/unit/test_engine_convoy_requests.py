"""What people ask for about convoys and the town: launch, close, reopen, land, pause, resume (SPEC 3.3, 7)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import bead, config, convoy, epic, fact, state
from drafts import decided, draft

from gitconvoy.engine.convoys import convoy_requests
from gitconvoy.engine.draft import Draft
from gitconvoy.errors import NotFound, Refused
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.plan import Rig

CONVOY = "hq-cv-1"
OPENED = ConvoyRecord(CONVOY, status="open", file_status="staged_ready", launched_at=5)
CLOSED = ConvoyRecord(CONVOY, status="closed", file_status="staged_ready", completed_at=9, outcome="done")


def refusal(call: Any, made: Draft, *arguments: Any, **options: Any) -> str:
    with pytest.raises(Refused) as caught:
        call(made, *arguments, **options)
    assert made.events == []
    assert caught.value.hint
    return caught.value.code


def staged(*items: Any, status: str = "staged_ready", **fields: Any) -> Draft:
    return draft(state(bead("gt-a"), convoy(CONVOY, "gt-a", status=status, **fields), *items))


def test_launch_opens() -> None:
    made = staged()
    assert convoy_requests.launch(made, CONVOY, force=False) == ()
    assert decided(made) == ["launch hq-cv-1"]
    assert made.view.convoy_status(CONVOY) == "open"
    assert made.view.ready() == ("gt-a",)
    assert convoy_requests.launch(made, CONVOY, force=False) == ()
    assert len(made.events) == 1, "launched once"


def test_staged_warnings_need_force() -> None:
    made = staged(status="staged_warnings")
    assert refusal(convoy_requests.launch, made, CONVOY, force=False) == "staged-warnings"
    convoy_requests.launch(made, CONVOY, force=True)
    assert made.events[0].force == ("staged-warnings",)


def test_warnings_found_only_now_are_told() -> None:
    made = draft(state(bead("gt-a", "gt-x"), bead("gt-x"), convoy(CONVOY, "gt-a", status="staged_ready")))
    found = convoy_requests.launch(made, CONVOY, force=False)
    assert [finding.category for finding in found] == ["outside-blocker"]
    missing = staged(base_branch="release")
    found = convoy_requests.launch(missing, CONVOY, force=False, branches=frozenset({"main"}))
    assert [finding.category for finding in found] == ["missing-branch"]


def test_errors_refuse_even_with_force() -> None:
    cycle = draft(state(bead("gt-a", "gt-b"), bead("gt-b", "gt-a"), convoy(CONVOY, "gt-a", status="staged_ready")))
    assert refusal(convoy_requests.launch, cycle, CONVOY, force=True) == "cycle"
    gone = draft(state(convoy(CONVOY, "gt-a", status="staged_ready")))
    assert refusal(convoy_requests.launch, gone, CONVOY, force=True) == "missing-bead"
    nothing = draft(state(epic("gt-e"), convoy(CONVOY, "gt-e", status="staged_ready")))
    assert refusal(convoy_requests.launch, nothing, CONVOY, force=True) == "nothing-slingable"


def test_parked_rigs_need_force() -> None:
    parked = config(Rig("gt", ("gt",), parked=True))
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a", status="staged_ready"), config=parked))
    assert refusal(convoy_requests.launch, made, CONVOY, force=False) == "parked-rig"
    convoy_requests.launch(made, CONVOY, force=True)
    assert made.events[0].force == ("parked-rig",)


def test_what_cannot_be_launched() -> None:
    assert refusal(convoy_requests.launch, staged(CLOSED), CONVOY, force=True) == "closed"
    broken = draft(state(bead("gt-a"), broken={CONVOY}))
    assert refusal(convoy_requests.launch, broken, CONVOY, force=True) == "broken"
    with pytest.raises(NotFound) as caught:
        convoy_requests.launch(staged(), "hq-cv-2", force=True)
    assert CONVOY in caught.value.hint


def test_close() -> None:
    made = staged(OPENED)
    assert refusal(convoy_requests.close, made, CONVOY, "", force=False) == "open-beads"
    convoy_requests.close(made, CONVOY, "enough", force=True)
    after = made.convoy_record(CONVOY)
    assert (after.status, after.close_reason, after.completed_at) == ("closed", "enough", None)
    assert made.events[0].force == ("open-beads",)
    assert convoy_requests.close(made, CONVOY, "", force=False) is None
    ended = staged(OPENED, fact("gt-a"))
    convoy_requests.close(ended, CONVOY, "", force=False)
    assert ended.events[0].force == ()


def test_closing_a_staged_convoy_cancels_it() -> None:
    made = staged()
    convoy_requests.close(made, CONVOY, "not needed", force=False)
    assert decided(made) == ["close hq-cv-1"]
    assert made.view.convoy_status(CONVOY) == "closed"


def test_reopen() -> None:
    made = staged(CLOSED)
    assert convoy_requests.reopen(made, CONVOY) is not None
    assert made.view.convoy_status(CONVOY) == "open"
    assert made.convoy_record(CONVOY).completed_at is None
    assert refusal(convoy_requests.reopen, staged(OPENED), CONVOY) == "not-closed"
    assert convoy_requests.reopen(staged(status="closed"), CONVOY) is None, "its file is edited"
    taken = staged(CLOSED, convoy("hq-cv-2", "gt-a"))
    assert refusal(convoy_requests.reopen, taken, CONVOY) == "tracked"


def test_land() -> None:
    made = staged(OPENED, owned=True)
    assert refusal(convoy_requests.land, made, CONVOY, force=False) == "not-complete"
    assert refusal(convoy_requests.land, staged(OPENED, fact("gt-a")), CONVOY, force=False) == "not-owned"
    complete = staged(OPENED, fact("gt-a"), owned=True)
    convoy_requests.land(complete, CONVOY, force=False)
    assert decided(complete) == ["land hq-cv-1"]
    assert complete.view.convoy_status(CONVOY) == "closed"
    assert convoy_requests.land(complete, CONVOY, force=False) is None
    convoy_requests.land(made, CONVOY, force=True)
    assert made.events[0].force == ("--force",)


def test_pause_and_resume_a_convoy() -> None:
    made = staged(OPENED)
    convoy_requests.pause(made, CONVOY, "lunch")
    assert made.view.ready() == ()
    assert convoy_requests.pause(made, CONVOY) is None
    convoy_requests.resume(made, CONVOY)
    assert convoy_requests.resume(made, CONVOY) is None
    assert decided(made) == ["pause hq-cv-1", "resume hq-cv-1"]
    assert made.view.ready() == ("gt-a",)


def test_pause_and_resume_all() -> None:
    made = staged(OPENED)
    convoy_requests.pause(made, None)
    assert convoy_requests.pause(made, None) is None
    assert made.view.ready() == ()
    convoy_requests.resume(made, None)
    assert convoy_requests.resume(made, None) is None
    assert decided(made) == ["pause town", "resume town"]


def test_resume_leaves_what_the_file_says() -> None:
    made = staged(OPENED, paused=True)
    assert convoy_requests.resume(made, CONVOY) is None
    assert made.view.convoy_paused(CONVOY)


@pytest.mark.parametrize("call", [convoy_requests.pause, convoy_requests.resume, convoy_requests.reopen])
def test_unknown_convoys(call: Any) -> None:
    made = staged()
    with pytest.raises(NotFound):
        call(made, "hq-cv-9")
    assert made.events == []
