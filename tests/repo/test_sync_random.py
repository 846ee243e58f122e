"""Two clones that both dispatch, at random, and sync now and then: one ledger, audit clean, nothing lost (SPEC 7)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from forges import colleague, share
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.git import commits
from gitconvoy.ledger.read import REF
from gitconvoy.ledger.told import told

FLOWS = ("hq-cv-1", "hq-cv-2")
BEADS = [f"gt-{letter}" for letter in "abcdef"]


def something(here: TownHelper, chance: random.Random) -> None:
    """One thing that a person or a worker may do; refusals are part of it."""
    bead, flow = chance.choice(BEADS), chance.choice(FLOWS)
    words = chance.choice(
        [
            ("launch", flow),
            ("pause", flow),
            ("resume", flow),
            ("close", flow, "--force"),
            ("reopen", flow),
            ("watch", flow),
            ("unsling", bead),
            ("bead", "retry", bead),
            ("scan",),
            ("done", bead),
            ("fail", bead),
            ("done", bead),
        ]
    )
    if words[0] in ("done", "fail"):
        token = here.ledger().bead(bead).token
        if token is None:
            return
        more = ("--no-code",) if words[0] == "done" else ("--reason", "no")
        words = (*words, "--token", token, *more)
    answer = here.run("--actor", chance.choice(("ada", "bob")), *words)
    assert answer.code in (0, 1), answer.err


@pytest.mark.parametrize("seed", range(4))
def test_two_that_dispatch(repo: GitRepo, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    here = town(repo)
    for number, bead in enumerate(BEADS):
        here.bead(bead, depends_on=BEADS[number - 2 : number - 1] if number % 3 else [])
    here.convoy(FLOWS[0], *BEADS[:3])
    here.convoy(FLOWS[1], *BEADS[3:], mountain=True)
    here.commit("plan")
    here.ok("launch", FLOWS[0])
    forge = share(here, tmp_path / "away")
    here.ok("sync")
    there = colleague(forge, tmp_path / "there", "elsewhere", "local")
    there.ok("sync")
    dropped = replayed = 0
    for _ in range(5):
        for each in (here, there):
            for _ in range(chance.randrange(1, 5)):
                something(each, chance)
        for each in (here, there):
            old = each.repo.head(REF)
            answer = each.run("sync", "--json")
            assert answer.code in (0, 5), answer.err
            found = TownHelper.json(each, "sync")
            assert found["ledger"]["state"] == "equal"
            assert each.repo.head(REF) == forge.ledger()
            dropped += '"dropped": [{' in answer.out
            replayed += '"replayed": [{' in answer.out
            _nothing_is_lost(each, old)
    here.ok("sync")
    assert here.repo.head(REF) == there.repo.head(REF)
    assert replayed
    for each in (here, there):
        assert each.json("audit")["findings"] == []
        each.ok("scan")
        each.ok("audit")


def _nothing_is_lost(each: TownHelper, old: str) -> None:
    """What the branch held before is in it, or kept beside it."""
    opened = each.open().repo
    if commits.is_ancestor(opened, old, REF):
        return
    assert old in each.repo.git("for-each-ref", "--format=%(objectname)", "refs/gitconvoy/kept").splitlines()
    assert told(opened, old) is not None
