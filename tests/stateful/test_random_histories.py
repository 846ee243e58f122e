"""Random histories: whatever people, workers, time and death do in whatever order, the promises hold (SPEC 1, 4, 6, 7).

`GITCONVOY_STEPS` says how many steps are tried (2,000 in `make test`, 200,000 in `make nightly`); each of the seeds
below tries its part of them. A failure prints the shortest history that shows it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import copy_template
from histories import BEADS, BRANCHES, ONE, TWO, Clock, History, begin, restart
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from witness import Belongings, Witness, facts_follow_files, plans_are_right, untouched, whole

STEPS = int(os.environ.get("GITCONVOY_STEPS", "2000"))
SEEDS = range(max(4, STEPS // 5000))
"""Each tries its part, so that a long night shows how far it is, and a part of it can be run again."""
LENGTH = 50
"""Steps of one history."""

mostly = st.sampled_from([True, True, True, False])
beads = st.sampled_from(BEADS)
convoys = st.sampled_from([ONE, TWO])
deadly = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 5, 8, 13, 21, 34])


class Machine(RuleBasedStateMachine):
    """Each rule is one thing that somebody does.

    What is drawn depends on nothing that is outside of here, and no rule asks first whether it may run: times and ids
    differ from run to run, and with them who is at work. Where there is nothing to do it does what comes before that.
    """

    template: Path
    place: Path
    clock: Clock
    steps = 0
    dispatches = 0
    completions = 0
    deaths = 0

    history: History
    witness: Witness

    @initialize()
    def begin(self) -> None:
        """A new town."""
        self.history = restart(self.template, self.place, self.clock)
        self.witness = Witness()

    def command(self, act: Callable[[History], Any]) -> None:
        """A gitconvoy command: what is a person's stays as it is."""
        before = Belongings.of(self.history)
        act(self.history)
        untouched(before, Belongings.of(self.history), self.history)

    # gitconvoy

    @rule(dies=deadly)
    def scan(self, dies: int) -> None:
        """What cron does."""
        self.command(lambda it: it.scan(dies))

    @rule(worker=st.sampled_from(["ada", "bob"]))
    def claim(self, worker: str) -> None:
        """A worker looks for work."""
        self.command(lambda it: it.claim(worker))

    @rule(
        which=st.integers(0, 11),
        how=st.sampled_from(["done", "hand in", "hand in", "fail", "heartbeat"]),
        dies=deadly,
    )
    def work(self, which: int, how: str, dies: int) -> None:
        """A worker, be it in time or long after it was given up, says how it went."""
        claims = self.history.claims
        if not claims:
            return self.claim("ada")
        claim = claims[which % len(claims)]
        return self.command(lambda it: it.work(claim, how, dies))

    @rule(how=st.sampled_from(["done", "hand in", "hand in", "fail"]), first=st.booleans(), dies=deadly)
    def finish(self, how: str, first: bool, dies: int) -> None:
        """A worker that is at work comes to an end."""
        busy = self.history.at_work()
        if not busy:
            return self.scan(dies)
        claim = busy[0 if first else -1]
        return self.command(lambda it: it.work(claim, how, dies))

    @rule(dies=deadly)
    def succeed(self, dies: int) -> None:
        """All workers that are at work are done with it, one after the other."""
        busy = self.history.at_work()
        if not busy:
            self.claim("bob")
        for claim in busy:
            self.command(lambda it, claim=claim: it.work(claim, "hand in", dies))  # type: ignore[misc]
            self.witness.look(self.history)

    @rule(
        words=st.one_of(
            st.tuples(st.sampled_from(["launch", "pause", "resume", "close", "reopen", "check"]), convoys),
            st.tuples(st.sampled_from(["unsling", "kill"]), beads),
            st.tuples(st.just("sling"), beads),
            st.tuples(st.just("bead"), st.sampled_from(["retry", "reopen", "close"]), beads),
            st.tuples(st.sampled_from(["feed", "scan", "tidy"])),
            st.tuples(st.sampled_from(["pause", "resume"]), st.just("--all")),
            st.tuples(st.just("add"), convoys, beads),
            st.tuples(st.just("remove"), convoys, beads),
            st.tuples(st.just("stage"), st.just(TWO)),
            st.tuples(st.just("bead"), st.just("add"), st.just("a new bead")),
        ),
        dies=deadly,
    )
    def ask(self, words: tuple[str, ...], dies: int) -> None:
        """A person uses a command."""
        self.command(lambda it: it.command(*words, dies=dies))

    @rule(minutes=st.sampled_from([1, 2, 31, 90]))
    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.clock.ahead += 60 * minutes

    # a person's files

    @rule(
        bead=beads,
        status=st.sampled_from(["open", "open", "closed", "in_progress", "deferred"]),
        outcome=st.sampled_from([None, "failed", "cancelled"]),
    )
    def edit_status(self, bead: str, status: str, outcome: str | None) -> None:
        """By hand."""
        self.history.set_status(bead, status, outcome)

    @rule(bead=beads, title=st.sampled_from(["One", "Two", "Three"]))
    def edit_title(self, bead: str, title: str) -> None:
        """By hand."""
        self.history.set_title(bead, title)

    @rule(bead=beads, other=beads)
    def edit_links(self, bead: str, other: str) -> None:
        """By hand."""
        self.history.link(bead, other)

    @rule(convoy=convoys, status=st.sampled_from(["open", "staged_ready", "closed"]))
    def edit_convoy(self, convoy: str, status: str) -> None:
        """By hand."""
        self.history.set_convoy(convoy, status)

    @rule(number=st.integers(0, 3))
    def write_bead(self, number: int) -> None:
        """By hand."""
        self.history.new_bead(number)

    @rule(text=st.sampled_from(["x", "y", "z"]), staged=st.booleans())
    def edit_notes(self, text: str, staged: bool) -> None:
        """A file that is nobody's business."""
        self.history.notes(text, staged=staged)

    @rule(
        bead=beads,
        status=st.sampled_from(["open", "closed", "closed", "in_progress"]),
        outcome=st.sampled_from([None, None, "failed", "cancelled"]),
        hooks=mostly,
    )
    def speak(self, bead: str, status: str, outcome: str | None, hooks: bool) -> None:
        """A status by hand, and committed at once."""
        self.history.set_status(bead, status, outcome)
        self.history.commit(hooks=hooks)

    # a person's git

    @rule(
        name=st.sampled_from(BRANCHES[1:]),
        bead=beads,
        status=st.sampled_from(["open", "closed", "in_progress"]),
        hooks=mostly,
    )
    def work_on_a_branch(self, name: str, bead: str, status: str, hooks: bool) -> None:
        """A commit on another branch, and back."""
        if self.history.dirty():
            self.history.commit(hooks=hooks)
        elif self.history.switch(name):
            self.history.set_status(bead, status, None)
            self.history.commit(hooks=hooks)
            self.history.switch("main")

    @rule(
        hooks=mostly,
        amend=st.sampled_from([False, False, False, True]),
        paths=st.sampled_from([(), (), (".convoy",)]),
    )
    def commit(self, hooks: bool, amend: bool, paths: tuple[str, ...]) -> None:
        """Everything, or the plan alone."""
        head = self.history.repo.head()
        self.history.commit(hooks=hooks, amend=amend, paths=paths)
        if hooks and head != self.history.repo.head():
            plans_are_right(self.history)

    @rule(name=st.sampled_from(BRANCHES))
    def switch(self, name: str) -> None:
        """To another branch."""
        self.history.switch(name)

    @rule(name=st.sampled_from(BRANCHES), how=st.sampled_from(["ff", "no-ff", "squash", "theirs"]), hooks=mostly)
    def merge(self, name: str, how: str, hooks: bool) -> None:
        """Of another branch."""
        self.history.merge(name, how, hooks=hooks)

    @rule(onto=st.sampled_from(BRANCHES), hooks=mostly)
    def rebase(self, onto: str, hooks: bool) -> None:
        """Onto another branch."""
        self.history.rebase(onto, hooks=hooks)

    @rule(how=st.sampled_from(["revert", "topic", "other", "main"]), hooks=mostly)
    def pick(self, how: str, hooks: bool) -> None:
        """Revert or cherry-pick."""
        self.history.pick(how, hooks=hooks)

    @rule()
    def reset(self) -> None:
        """The last commit goes."""
        self.history.reset()

    @rule()
    def stash(self) -> None:
        """Away with it, or back."""
        self.history.stash()

    # what holds

    @invariant()
    def holds(self) -> None:
        """After each step."""
        type(self).steps += 1
        self.history.learn()
        self.witness.look(self.history)

    def teardown(self) -> None:
        """At the end all is as after a night: gitconvoy has looked, and the ledger stands up to an audit."""
        if not hasattr(self, "history"):
            return
        self.command(lambda it: it.scan())
        self.witness.look(self.history)
        facts_follow_files(self.history)
        whole(self.history)
        type(self).deaths += self.history.deaths
        type(self).dispatches += self.witness.dispatches
        type(self).completions += self.witness.completions


@pytest.fixture
def machine(git_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Machine]]:
    """The machine with a place of its own, and a clock that it may set."""
    begin(copy_template(git_template, tmp_path / "template"))
    clock = Clock(time.time)
    monkeypatch.setattr(time, "time", clock)
    yield type("Own", (Machine,), {"template": tmp_path / "template", "place": tmp_path / "repo", "clock": clock})
    shutil.rmtree(tmp_path / "repo", ignore_errors=True)


@pytest.mark.parametrize("number", SEEDS)
def test_whatever_happens_in_whatever_order(
    machine: type[Machine], number: int, record_property: Callable[[str, object], None]
) -> None:
    histories = STEPS * 5 // 4 // LENGTH // len(SEEDS) + 1  # some end early
    wanted = settings(
        max_examples=histories,
        stateful_step_count=LENGTH,
        deadline=None,
        derandomize=False,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    run_state_machine_as_test(seed(number)(machine), settings=wanted)
    for name in ("steps", "dispatches", "completions", "deaths"):
        record_property(name, getattr(machine, name))
    assert machine.steps >= STEPS // len(SEEDS)
