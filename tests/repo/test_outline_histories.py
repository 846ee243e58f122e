"""Random histories of a trunk and its ledger: each answer is the one that is given without an outline (SPEC 1, 4)."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.model.state import Asked, State
from gitconvoy.reports import listing, overview, waiting
from gitconvoy.rules.view import View

BEADS = [f"gt-{number}" for number in range(9)]
CONVOYS = ["hq-cv-1", "hq-cv-2"]
KINDS = ["blocks", "blocks", "blocks", "waits-for", "conditional-blocks", "merge-blocks"]
NAMED = ["status", "status", "status", "title", "links", "parent", "type", "defer"]


class Writer:
    """Somebody who edits files and gives commands, the same for the same seed."""

    def __init__(self, here: TownHelper, seed: int) -> None:
        self.here = here
        self.pick = Random(seed)
        self.beads: dict[str, dict[str, Any]] = {}
        for one in BEADS[:6]:
            self.beads[one] = {"status": "open"}
            self.change(one, "links")
            self.change(one, "parent")

    def change(self, bead: str, what: str) -> None:
        """One field of a bead."""
        said, earlier = self.beads[bead], BEADS[2 : BEADS.index(bead)]
        if what == "status":
            said["status"] = self.pick.choice(["open", "open", "closed", "closed", "in_progress", "blocked"])
            said["outcome"] = self.pick.choice(["done", "failed", "skipped"]) if said["status"] == "closed" else None
        elif what == "title":
            said["title"] = f"Title {self.pick.randrange(99)}"
        elif what == "links":
            if earlier and self.pick.random() < 0.2:
                earlier.append(BEADS[1])  # with what lies below it, which may make a cycle
            some = self.pick.sample(earlier, min(len(earlier), self.pick.randrange(3)))
            said["depends_on"] = [{"id": each, "type": self.pick.choice(KINDS)} for each in some]
        elif what == "parent":
            said["parent"] = self.pick.choice([None, *BEADS[: min(2, BEADS.index(bead))]])
        elif what == "type":
            said["type"] = self.pick.choice(["task", "epic"])
        else:
            said["defer_until"] = self.pick.choice([None, "2001-01-01", "2999-01-01"])

    def write(self) -> None:
        """The files of all beads and convoys, and a commit."""
        for one, said in self.beads.items():
            self.here.bead(one, **{key: value for key, value in said.items() if value is not None})
        for number, convoy in enumerate(CONVOYS):
            self.here.convoy(convoy, *[one for one in self.beads if int(one[3:]) % 2 == number], status="open")
        self.here.repo.git("add", "--all")
        self.here.repo.git("commit", "--quiet", "--allow-empty", "--no-verify", "-m", "a change")

    def step(self) -> None:
        """Something happens: mostly to one bead, sometimes one comes, or the ledger learns something."""
        one = self.pick.choice(list(self.beads))
        what = self.pick.randrange(10)
        if what < 6:
            self.change(one, self.pick.choice(NAMED))
            self.write()
        elif what == 6 and len(self.beads) < len(BEADS):
            new = BEADS[len(self.beads)]
            self.beads[new] = {"status": "open"}
            self.change(new, self.pick.choice(NAMED))
            self.write()
        elif what < 9:
            self.here.run("bead", self.pick.choice(["close", "reopen", "retry"]), one)
        else:
            self.here.run(*self.pick.choice([("next", "--claim"), ("pause", CONVOYS[0]), ("scan",)]))


def said(state: State, asked: Asked, ids: list[str]) -> list[object]:
    """What commands answer that ask this much."""
    view = View(state)
    found: list[object] = [listing.list_convoys(view, everything=True)]
    if asked.ready or asked.due or asked.all_open:
        found.append(waiting.ready(view))
    if asked.untracked or asked.all_open:
        found.append(waiting.ready(view, everything=True))
    if asked.all_open:
        found += [dict(view.unreachable()), [view.completion(each) for each in CONVOYS]]
    for one in ids if asked.all_open else asked.beads:
        found.append((one, view.verdicts(one), view.blocked_by(one), view.unreachable().get(one), view.remaining(one)))
    return found


@pytest.mark.parametrize("seed", range(2))
def test_each_answer_is_that_of_the_whole_plan(repo: GitRepo, seed: int) -> None:
    here = town(repo)
    (here.path / ".git" / "gitconvoy").mkdir(exist_ok=True)
    writer = Writer(here, seed)
    writer.write()
    parts = 0
    for _ in range(40):
        writer.step()
        whole = here.open().state()
        ids = [*whole.plan.beads, *whole.plan.archive]
        questions = [
            Asked(),
            Asked(ready=True),
            Asked(ready=True, untracked=True),
            Asked(due=True),
            Asked(all_open=True),
        ]
        questions += [Asked(all_open=True), *(Asked([one]) for one in ids)]
        for asked in questions:
            less = here.open().state(asked)
            parts += less.plan.rest is not None
            unsettled = [one for one in ids if one not in less.plan.settled]
            assert said(less, asked, unsettled) == said(whole, asked, unsettled), asked
        for convoy in CONVOYS:
            state = here.open().state(Asked(convoys=[convoy]))
            assert status(here, state, convoy) == status(here, whole, convoy)
    assert parts > 100


def status(here: TownHelper, state: State, convoy: str) -> object:
    """What `status` says of a convoy."""
    found = overview.convoy_status(View(state), here.open().local(state.plan, state.ledger), convoy)
    return {key: value for key, value in found.items() if key != "next_wake"}
