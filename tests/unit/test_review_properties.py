"""What holds of every change: nothing is nothing, back is the reverse, and what is foretold is what the engine does."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Any

from builders import NOW, bead, convoy, link
from drafts import draft
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import states

from gitconvoy.engine.settle import feed
from gitconvoy.errors import Problem
from gitconvoy.model.plan import Plan
from gitconvoy.model.state import State
from gitconvoy.review.compare import Change, compare
from gitconvoy.review.effects import settled
from gitconvoy.review.markdown import render
from gitconvoy.review.mermaid import flowchart

ABOUT: dict[str, Any] = {"base": {"rev": "a", "commit": None}, "head": {"rev": "b", "commit": None}} | {
    "merge": None,
    "notes": [],
}


def documented(plan: Plan) -> Plan:
    """The plan as it is once it was read: each bead and convoy with its document."""
    beads, archive = (
        {one: replace(each, data=asdict(replace(each, data={}))) for one, each in side.items()}
        for side in (plan.beads, plan.archive)
    )
    convoys = {one: replace(each, data=asdict(replace(each, data={}))) for one, each in plan.convoys.items()}
    return replace(plan, beads=beads, archive=archive, convoys=convoys)


def changed(before: State, after: State) -> dict[str, Any]:
    return compare(Change(documented(before.plan), documented(after.plan), before.ledger, NOW))


@given(states())
def test_no_change_is_none(one: State) -> None:
    found = changed(one, one)
    assert found["changed"] is False
    assert found["ok"] is True


@given(states(), states())
@settings(max_examples=60)
def test_back_is_the_reverse(one: State, other: State) -> None:
    other = replace(other, ledger=one.ledger)
    there, back = changed(one, other), changed(other, one)
    assert there["links"]["added"] == back["links"]["cut"]
    assert there["links"]["cut"] == back["links"]["added"]
    ids = {kind: [row["id"] for row in there["beads"][kind]] for kind in there["beads"]}
    assert ids["removed"] == [row["id"] for row in back["beads"]["added"]]
    assert {row["id"] for row in there["ready"]["added"]} == {row["id"] for row in back["ready"]["removed"]}
    moves = [
        {(row["bead"], row["before"], row["after"]) for each in found["convoys"] for row in each["moves"]}
        for found in (there, back)
    ]
    assert moves[0] == {(one, after, before) for one, before, after in moves[1]}
    text = render({**there, **ABOUT})
    assert text.count("```") % 2 == 0


@given(states(), states())
@settings(max_examples=60)
def test_what_is_foretold_is_what_the_engine_does(one: State, other: State) -> None:
    other = replace(other, ledger=one.ledger)
    foretold = [(row["id"], row["worker"]) for row in changed(one, other)["dispatch"]]
    made = draft(settled(replace(other, now=NOW)))
    feed(made)
    assert foretold == [(event.bead, event.worker) for event in made.events]


@given(st.lists(st.tuples(st.integers(0, 79), st.integers(0, 79)), max_size=120), st.integers(1, 80))
@settings(max_examples=40)
def test_pictures_are_bounded_and_whole(pairs: list[tuple[int, int]], count: int) -> None:
    ids = [f"gt-{n:02}" for n in range(count)]
    targets: dict[str, set[str]] = {}
    for one, two in pairs:
        if max(one, two) < count:
            targets.setdefault(ids[max(one, two)], set()).add(ids[min(one, two)])
    new = Plan(
        beads={one: bead(one, *map(link, sorted(targets.get(one, ())))) for one in ids},
        convoys={"hq-cv-1": convoy("hq-cv-1", *ids)},
    )
    old = replace(new, beads={**new.beads, ids[-1]: bead(ids[-1])})
    for before, after in ((Plan(), new), (old, new), (new, Plan())):
        found = compare(Change(documented(before), documented(after), None, NOW))
        for row in found["convoys"]:
            picture = row["picture"]
            assert len(picture["nodes"]) <= 60
            drawn = {each["id"] for each in picture["nodes"]}
            assert all({edge["before"], edge["after"]} <= drawn for edge in picture["edges"])
            tracked = {*ids, *drawn}
            assert len(drawn) + sum(each["count"] for each in picture["folded"]) == len(tracked)
            lines = flowchart(picture).splitlines()
            assert len(lines) < 400
            assert len([line for line in lines if re.match(r" +b\d+\[", line)]) == len(drawn)


def test_conflicts_take_the_place_of_what_cannot_be_read() -> None:
    path = ".convoy/beads/gt-a.yaml"
    broken = Plan(broken=frozenset({"gt-a"}), problems=(Problem(path, "yaml-conflict", "holds conflict markers"),))
    told = (Problem(path, "conflict", "both sides change it"),)
    found = compare(Change(Plan(beads={"gt-a": bead("gt-a")}), broken, None, NOW, conflicts=told))
    assert [row["code"] for row in found["findings"]] == ["conflict"]
