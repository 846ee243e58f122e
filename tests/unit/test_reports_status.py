"""`status`, `list`, `ready`, `blocked`, `mine`: the shapes of SPEC 8 over a state."""

from __future__ import annotations

from typing import Any

from builders import NOW, bead, config, convoy, epic, fact, live, record, state
from drafts import HERE, local

from gitconvoy.dispatch.leases import NEVER, Lease
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.plan import Dispatch
from gitconvoy.reports import listing, overview, waiting
from gitconvoy.rules.view import View

CONVOY = "hq-cv-1"

# a: done; b: active; c: submitted; d: ready; e: behind b; f: exhausted; g: moot; h: epic; i: does not exist; j: failed
BUSY = View(
    state(
        bead("gt-a"),
        bead("gt-b", "gt-a"),
        bead("gt-c", "gt-a"),
        bead("gt-d", "gt-a"),
        bead("gt-e", "gt-b"),
        bead("gt-f"),
        bead("gt-g", ("conditional-blocks", "gt-a")),
        epic("gt-h"),
        bead("gt-j"),
        bead("gt-k", "gt-j"),
        convoy(CONVOY, *(f"gt-{letter}" for letter in "abcdefghijk"), title="Busy"),
        fact("gt-a", attempt=1),
        live("gt-b", convoy=CONVOY, machine=HERE),
        live("gt-c", "gt/polecat-2", submitted="c" * 40, branch="convoy/gt-c-1", machine=HERE),
        record("gt-f", attempt=3, failures=3),
        fact("gt-j", "failed"),
        ConvoyRecord(CONVOY, status="open", file_status="open", launched_at=NOW - 60),
    )
)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row.get("id") or row["bead"] for row in rows]


def test_one_convoy_in_full() -> None:
    data = overview.convoy_status(BUSY, local(), CONVOY)
    assert set(data) >= {
        "convoy", "progress", "waves", "active", "submitted", "ready", "blocked", "skipped", "next_wake"
    }  # fmt: skip
    assert data["convoy"]["id"] == CONVOY
    assert data["convoy"]["title"] == "Busy"
    assert data["convoy"]["status"] == "open"
    assert data["convoy"]["launched_at"] == iso(NOW - 60)
    assert data["progress"] == {"total": 11, "closed": 3}
    assert ids(data["active"]) == ["gt-b"]
    assert ids(data["submitted"]) == ["gt-c"]
    assert ids(data["ready"]) == ["gt-d"]
    assert sorted(ids(data["blocked"])) == ["gt-e", "gt-f", "gt-i", "gt-k"]
    assert sorted(ids(data["skipped"])) == ["gt-g", "gt-h"]
    assert data["failed"] == ["gt-j"]
    assert data["unreachable"] == ["gt-k"]
    assert data["completion"] is None
    assert data["next_wake"] is None


def test_every_tracked_bead_is_told_of_once() -> None:
    groups = waiting.parts(BUSY, BUSY.plan.convoys[CONVOY].tracks)
    told = [one for group in groups.values() for one in group]
    assert sorted(told) == sorted(BUSY.plan.convoys[CONVOY].tracks)


def test_each_with_its_reason() -> None:
    data = overview.convoy_status(BUSY, local(), CONVOY)
    rules = {row["id"]: [reason["rule"] for reason in row["reasons"]] for row in (*data["blocked"], *data["skipped"])}
    assert rules == {
        "gt-e": ["links"],
        "gt-f": ["attempts"],
        "gt-g": ["status"],
        "gt-h": ["slingable"],
        "gt-i": ["readable"],
        "gt-k": ["links", "unreachable"],
    }
    assert all(reason["message"] for row in data["blocked"] for reason in row["reasons"])


def test_waves_hold_the_slingable_beads() -> None:
    data = overview.convoy_status(BUSY, local(), CONVOY)
    assert [wave["wave"] for wave in data["waves"]] == [1, 2, 3]
    assert [ids(wave["beads"]) for wave in data["waves"]] == [
        ["gt-a", "gt-f", "gt-j"],
        ["gt-b", "gt-c", "gt-d", "gt-g", "gt-k"],
        ["gt-e"],
    ]
    second = {row["id"]: row for row in data["waves"][1]["beads"]}
    assert (second["gt-b"]["part"], second["gt-b"]["worker"]) == ("active", "gt/polecat-1")
    assert second["gt-k"]["blocked_by"] == ["gt-j"]


def test_attempts_say_how_long_and_what_is_up() -> None:
    cases = [
        (live("gt-a", machine=HERE), None, None, "no sign of life yet"),
        (live("gt-a", machine=HERE, via="claim"), None, iso(NOW - 10 + 1800), ""),
        (live("gt-a", machine=HERE), Lease("gt-a", "token-gt-a", NOW + 60), iso(NOW + 60), ""),
        (live("gt-a", machine=HERE), Lease("gt-a", "token-gt-a", NOW), iso(NOW), "ran out"),
        (live("gt-a", machine=HERE), Lease("gt-a", "token-gt-a", NEVER, note="somebody must"), None, "somebody must"),
        (live("gt-a", machine="elsewhere"), None, None, "runs on elsewhere"),
    ]
    for known, lease, until, note in cases:
        view = View(state(bead("gt-a"), convoy(CONVOY, "gt-a"), known))
        row = overview.convoy_status(view, local(*([lease] if lease else [])), CONVOY)["active"][0]
        assert (row["bead"], row["worker"], row["attempt"]) == ("gt-a", "gt/polecat-1", 1)
        assert (row["since"], row["lease_until"]) == (iso(NOW - 10), until)
        assert note in row["note"], known
        assert bool(row["note"]) == bool(note)


def test_an_attempt_whose_bead_is_gone_is_shown() -> None:
    row = overview.town_status(View(state(live("gt-gone"))), local())["active"][0]
    assert (row["bead"], row["title"]) == ("gt-gone", "")
    assert "unsling" in row["note"]


def test_the_town_at_a_glance() -> None:
    data = overview.town_status(BUSY, local())
    assert ids(data["convoys"]) == [CONVOY]
    assert ids(data["active"]) == ["gt-b"]
    assert ids(data["submitted"]) == ["gt-c"]
    assert data["submitted"][0]["branch"] == "convoy/gt-c-1"
    assert ids(data["ready"]) == ["gt-d"]
    assert data["exhausted"] == ["gt-f"]
    assert data["paused"] == []


def test_who_pauses_everything() -> None:
    settings = config(dispatch=Dispatch(paused=True))
    paused = overview.paused_by(View(state(paused=True, config=settings)), local(paused=True))
    assert len(paused) == 3


def test_list() -> None:
    view = View(
        state(
            bead("gt-a"),
            convoy("hq-cv-c", status="closed"),
            convoy("hq-cv-b", status="staged_ready"),
            convoy("hq-cv-w", status="staged_warnings"),
            convoy("hq-cv-o", "gt-a", priority=4),
            convoy("hq-cv-p", paused=True, priority=0),
        )
    )
    assert ids(listing.list_convoys(view)["convoys"]) == ["hq-cv-p", "hq-cv-o", "hq-cv-b", "hq-cv-w"]
    assert "hq-cv-c" in ids(listing.list_convoys(view, everything=True)["convoys"])
    assert ids(listing.list_convoys(view, status="staged")["convoys"]) == ["hq-cv-b", "hq-cv-w"]
    assert ids(listing.list_convoys(view, status="closed")["convoys"]) == ["hq-cv-c"]
    assert listing.list_convoys(view)["convoys"][0]["paused"] is True
    assert listing.convoy_beads(view, "hq-cv-o")[0]["part"] == "ready"


def test_ready_and_blocked() -> None:
    assert ids(waiting.ready(BUSY)["beads"]) == ["gt-d"]
    blocked = {row["id"]: row["reasons"] for row in waiting.blocked(BUSY)["beads"]}
    assert sorted(blocked) == ["gt-e", "gt-f", "gt-k"]
    assert blocked["gt-e"] == [{"rule": "links", "message": "gt-b is not closed", "ids": ["gt-b"]}]


def test_untracked_beads_are_ready_only_with_all() -> None:
    view = View(state(bead("gt-a"), bead("gt-b", "gt-a"), epic("gt-e"), bead("gt-f", status="blocked")))
    assert ids(waiting.ready(view)["beads"]) == []
    assert ids(waiting.ready(view, everything=True)["beads"]) == ["gt-a"]
    blocked = {row["id"]: {reason["rule"] for reason in row["reasons"]} for row in waiting.blocked(view)["beads"]}
    assert blocked == {"gt-b": {"tracked", "links"}, "gt-f": {"tracked", "status"}}


def test_unreadable_files_are_blocked() -> None:
    view = View(state(broken={"gt-torn"}))
    assert [(row["id"], row["status"]) for row in waiting.blocked(view)["beads"]] == [("gt-torn", "unreadable")]


def test_rigs() -> None:
    from gitconvoy.model.plan import Rig

    rigs = config(Rig("web", ("web",)), Rig("api", ("api",)))
    items: list[Any] = [bead("web-a"), bead("api-a"), bead("api-b", "api-a"), convoy(CONVOY, "web-a", "api-a", "api-b")]
    view = View(state(*items, config=rigs))
    assert ids(waiting.ready(view, rig="api")["beads"]) == ["api-a"]
    assert ids(waiting.blocked(view, rig="web")["beads"]) == []
    assert ids(waiting.blocked(view, rig="api")["beads"]) == ["api-b"]


def test_mine() -> None:
    data = overview.held_by(BUSY, local(), "gt/polecat-1")
    assert [(row["id"], row["attempt"], row["token"]) for row in data["beads"]] == [("gt-b", 1, "token-gt-b")]
    assert overview.held_by(BUSY, local(), "nobody") == {"beads": []}
