"""Many claimants at once: nothing is handed out twice, nothing is lost, the ledger stays one sound line (SPEC 7)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

BEADS, PROCESSES = 40, 8
FLOW = "hq-cv-flow"

CLAIMANT = """
import contextlib, io, json, sys
from gitconvoy.cli.main import run

actor, folder = sys.argv[1:]
while True:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run(["-C", folder, "--actor", actor, "next", "--claim", "--json"])
    assert code == 0, code
    claim = json.loads(out.getvalue())
    if claim["bead"] is None:
        break
    print(json.dumps([claim["bead"]["id"], claim["worker"], claim["token"], claim["commit"]]), flush=True)
"""


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    made = town(repo)
    made.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n  max_workers: 100\n")
    beads = [f"gt-{number:02}" for number in range(BEADS)]
    for bead in beads:
        made.bead(bead)
    made.convoy(FLOW, *beads)
    made.commit("plan")
    made.ok("launch", FLOW)
    return made


def test_eight_claimants_share_forty_beads(here: TownHelper) -> None:
    actors = [f"claimant-{number}" for number in range(PROCESSES)]
    started = [
        subprocess.Popen([sys.executable, "-c", CLAIMANT, actor, str(here.path)], stdout=subprocess.PIPE, text=True)
        for actor in actors
    ]
    printed = [process.communicate(timeout=240)[0] for process in started]
    assert [process.returncode for process in started] == [0] * PROCESSES
    claims = [tuple(json.loads(line)) for output in printed for line in output.splitlines()]

    assert Counter(bead for bead, *_ in claims) == {f"gt-{number:02}": 1 for number in range(BEADS)}
    assert len({token for _, _, token, _ in claims}) == BEADS
    records = here.ledger().beads
    assert {(bead, worker, token) for bead, worker, token, _ in claims} == {
        (record.id, record.worker, record.token) for record in records.values()
    }
    dispatches = here.repo.git("log", "--grep=^convoy: dispatch", "--format=%H", "convoy-ledger").split()
    assert sorted(dispatches) == sorted(commit for *_, commit in claims)
    assert here.repo.git("rev-list", "--merges", "convoy-ledger") == ""
    assert len(here.events()) == 2 + BEADS
    here.repo.git("fsck", "--strict", "--no-dangling")
    assert here.repo.status() == []
    leases = sorted(file.name for file in (here.path / ".git/gitconvoy/leases").glob("gt-*"))
    assert leases == [f"gt-{number:02}" for number in range(BEADS)]
