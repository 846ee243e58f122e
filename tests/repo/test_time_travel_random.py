"""What the commands answered as history grew is what `--at` answers later (SPEC 8)."""

from __future__ import annotations

import random
from typing import Any
from unittest import mock

import pytest
from gitfixtures import GitRepo
from townfixtures import town

from gitconvoy.model.clock import iso

START = 4_000_000_000
"""After all that this machine's own clock dates."""
BEADS = [f"gt-{letter}" for letter in "abcde"]
FLOWS = ("hq-cv-1", "hq-cv-2")
_LOCAL = ("next_wake", "notes", "machine")
"""Keys of an answer that are about this machine, or about what comes."""


class Diary:
    """A town whose clock each step sets on, and what was answered after each."""

    def __init__(self, repo: GitRepo, seed: int) -> None:
        self.chance, self.now = random.Random(seed), START
        self.here = town(repo)
        self.told: list[tuple[int, dict[str, Any]]] = []

    def step(self) -> None:
        """One thing happens, perhaps seen by the ledger, perhaps not."""
        self.now += self.chance.choice((1, 60, 3_000, 90_000))
        with mock.patch("time.time", return_value=float(self.now)):
            self.chance.choice((self._command, self._command, self._edit, self._merge))()
            if self.chance.random() < 0.7:
                self.here.run("scan")

    def note(self) -> None:
        """Write down what is answered now."""
        self.now += 1
        with mock.patch("time.time", return_value=float(self.now)):
            self.told.append((self.now, self.answers()))

    def answers(self, *at: str) -> dict[str, Any]:
        """What was the state, by those commands that tell it."""
        found: dict[str, Any] = {}
        for words in (("status",), *(("status", flow) for flow in FLOWS), ("ready",), ("blocked",), ("log",)):
            said = self.here.json(*words, *at)
            found[" ".join(words)] = {key: value for key, value in said.items() if key not in _LOCAL}
        return found

    def _commit(self) -> None:
        self.here.repo.git("add", "--all")
        env = {"GIT_COMMITTER_DATE": f"@{self.now} +0000", "GIT_AUTHOR_DATE": f"@{self.now} +0000"}
        self.here.repo.run("commit", "--quiet", "-m", "an edit", env=env)

    def _command(self) -> None:
        bead, flow = self.chance.choice(BEADS), self.chance.choice(FLOWS)
        token = self.here.ledger().bead(bead).token
        words = [("launch", flow), ("pause", flow), ("resume", flow), ("unsling", bead), ("bead", "retry", bead)]
        if token is not None:
            words += 3 * [("done", bead, "--no-code", "--token", token), ("fail", bead, "--token", token)]
        self.here.run(*self.chance.choice(words))

    def _edit(self) -> None:
        self.plan()
        self._commit()

    def _merge(self) -> None:
        """A branch that is a little older than its merge."""
        repo, then = self.here.repo, self.now
        repo.git("switch", "--quiet", "-c", "topic")
        self.now -= self.chance.choice((0, 30, 5_000))
        self._edit()
        self.now = then
        repo.git("switch", "--quiet", "main")
        env = {"GIT_COMMITTER_DATE": f"@{then} +0000", "GIT_AUTHOR_DATE": f"@{then} +0000"}
        repo.git("merge", "--quiet", "--no-ff", "-m", "a merge", "topic", env=env)
        repo.git("branch", "--quiet", "-D", "topic")

    def plan(self) -> None:
        """A bead is written anew: its links, its priority, its folder; or it is closed."""
        number = self.chance.randrange(len(BEADS))
        bead = BEADS[number]
        for old in (self.here.path / ".convoy/beads").rglob(f"{bead}.yaml"):
            old.unlink()
        fields: dict[str, Any] = {"priority": self.chance.randrange(4)}
        if number and self.chance.random() < 0.6:
            fields["depends_on"] = [self.chance.choice(BEADS[:number])]
        if self.chance.random() < 0.15:
            fields["status"] = "closed"
        self.here.bead(bead, folder=self.chance.choice(("", "sub/")), **fields)


@pytest.mark.parametrize("seed", range(2))
def test_at_answers_as_was_answered_then(repo: GitRepo, seed: int) -> None:
    diary = Diary(repo, seed)
    for bead in BEADS:
        diary.here.bead(bead)
    for number, flow in enumerate(FLOWS):
        diary.here.convoy(flow, *BEADS[2 * number : 2 * number + 3 - number], status="open")
    diary.now += 1
    diary._commit()
    for _ in range(14):
        diary.step()
        diary.note()
    repo.git("gc", "--quiet")
    with mock.patch("time.time", return_value=float(diary.now + 1_000_000)):
        for now, said in diary.told:
            assert diary.answers("--at", iso(now)) == said
