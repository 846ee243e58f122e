"""`why`: every rule's verdict, the commits and ids behind it, and the next step (SPEC 8)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import NOW, bead, config, convoy, epic, fact, live, record, state
from drafts import HERE, local

from gitconvoy.ledger.read import Entry
from gitconvoy.model.plan import Dispatch, Rig
from gitconvoy.reports.why import why
from gitconvoy.rules import RULE_NAMES
from gitconvoy.rules.view import View

CONVOY = "hq-cv-1"


def asked(*items: Any, known: Any = None, entries: Any = (), **options: Any) -> dict[str, Any]:
    return why(View(state(*items, **options)), known or local(), "gt-a", entries)


def entry(commit: str, event: str, bead_id: str | None = None, convoy_id: str | None = None) -> Entry:
    return Entry(commit, NOW, event, convoy_id, bead_id, None, None, "command", "ada")


def test_every_rule_speaks() -> None:
    data = asked(bead("gt-a", "gt-b"), bead("gt-b"), convoy(CONVOY, "gt-a"))
    assert data["bead"] == "gt-a"
    assert [rule["rule"] for rule in data["rules"]] == list(RULE_NAMES)
    assert [rule["rule"] for rule in data["rules"] if not rule["ok"]] == ["links"]
    assert next(rule["ids"] for rule in data["rules"] if rule["rule"] == "links") == ["gt-b"]
    assert data["ready"] is False
    assert asked(bead("gt-a"), convoy(CONVOY, "gt-a"))["ready"] is True


def test_the_commits_behind_the_rules() -> None:
    entries = [
        entry("7" * 40, "fail", "gt-a", CONVOY),
        entry("6" * 40, "dispatch", "gt-a", CONVOY),
        entry("5" * 40, "fail", "gt-a", CONVOY),
        entry("4" * 40, "dispatch", "gt-a", CONVOY),
        entry("3" * 40, "launch", None, CONVOY),
        entry("2" * 40, "pause"),
    ]
    known = record("gt-a", attempt=2, failures=2, not_before=NOW + 9)
    data = asked(bead("gt-a"), convoy(CONVOY, "gt-a"), known, entries=entries)
    commits = {rule["rule"]: rule["commits"] for rule in data["rules"]}
    assert commits["backoff"] == commits["attempts"] == ["7" * 40, "5" * 40]
    assert commits["tracked"] == ["3" * 40]
    assert commits["live"] == ["6" * 40]
    assert commits["paused"] == ["2" * 40]
    assert commits["links"] == []
    assert [row["event"] for row in data["history"]] == ["fail", "dispatch", "fail", "dispatch"]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([bead("gt-a")], "gitconvoy sling gt-a"),
        ([bead("gt-a"), convoy(CONVOY, "gt-a", status="staged_ready")], "gitconvoy launch hq-cv-1"),
        ([bead("gt-a"), convoy(CONVOY, "gt-a", paused=True)], ".convoy/convoys/hq-cv-1.yaml"),
        ([bead("gt-a"), convoy(CONVOY, "gt-a"), convoy("hq-cv-2", "gt-a")], "gitconvoy remove hq-cv-2 gt-a"),
        ([bead("gt-a"), convoy(CONVOY, "gt-a")], "gitconvoy scan"),
        ([bead("gt-a", "gt-b"), bead("gt-b"), convoy(CONVOY, "gt-a")], "gitconvoy why gt-b"),
        ([bead("gt-a", status="in_progress"), convoy(CONVOY, "gt-a")], "bead close gt-a"),
        ([bead("gt-a", status="deferred"), convoy(CONVOY, "gt-a")], "status=open"),
        ([bead("gt-a", status="closed")], "nothing"),
        ([bead("gt-a"), fact("gt-a")], "bead reopen gt-a"),
        ([epic("gt-a"), bead("gt-b", parent="gt-a", status="closed")], "consists of"),
        ([bead("gt-a"), convoy(CONVOY, "gt-a"), live("gt-a", machine=HERE)], "unsling gt-a"),
        ([bead("gt-a"), convoy(CONVOY, "gt-a"), live("gt-a", submitted="c" * 40, branch="convoy/x")], "convoy/x"),
        ([bead("gt-a"), convoy(CONVOY, "gt-a"), record("gt-a", attempt=3, failures=3)], "bead retry gt-a"),
        ([bead("gt-a"), convoy(CONVOY, "gt-a"), record("gt-a", failures=1, not_before=NOW + 9)], "wait until"),
        ([bead("gt-a", "gt-b"), bead("gt-b"), fact("gt-b", "failed"), convoy(CONVOY, "gt-a")], "bead retry gt-b"),
        ([bead("gt-a", assignee="bo"), convoy(CONVOY, "gt-a")], "reserved for bo"),
        ([bead("gt-a", defer_until=NOW + 9), convoy(CONVOY, "gt-a")], "defer_until"),
        ([epic("gt-a"), convoy(CONVOY, "gt-a")], "bead close gt-a"),
        ([bead("gt-a", type="decision"), convoy(CONVOY, "gt-a")], "bead close gt-a"),
        ([bead("gt-a", "gt-a"), convoy(CONVOY, "gt-a")], "gitconvoy validate"),
    ],
)
def test_the_next_step(items: list[Any], expected: str) -> None:
    assert expected in asked(*items)["next_step"]


def test_the_next_step_depends_on_machine_and_settings() -> None:
    items = [bead("gt-a"), convoy(CONVOY, "gt-a")]
    assert "gitconvoy.paused" in asked(*items, known=local(paused=True))["next_step"]
    assert "next --claim" in asked(*items, known=local(via=None))["next_step"]
    assert "auto" in asked(*items, config=config(dispatch=Dispatch(auto=False)))["next_step"]
    assert "resume --all" in asked(*items, paused=True)["next_step"]
    assert "dispatch.paused" in asked(*items, config=config(dispatch=Dispatch(paused=True)))["next_step"]
    assert "--force" in asked(*items, config=config(Rig("gt", ("gt",), parked=True)))["next_step"]
    assert "config.yaml" in asked(*items, config=config(Rig("web", ("web",))))["next_step"]


def test_a_bead_that_cannot_be_read() -> None:
    data = asked(broken={"gt-a"})
    assert [(rule["rule"], rule["ok"]) for rule in data["rules"]] == [("readable", False)]
    assert "validate" in data["next_step"]
    assert data["status"] == "unreadable"
