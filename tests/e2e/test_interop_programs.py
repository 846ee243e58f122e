"""The real programs, `bd` and `br`, read our exports and call the same beads ready; skipped without them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

PROGRAMS = {name: os.environ.get(f"GITCONVOY_{name.upper()}") or shutil.which(name) for name in ("bd", "br")}
"""Looked for when the tests are collected: they run without any GITCONVOY_* of their own."""
SLINGABLE = {"task", "bug", "feature", "chore"}


def program(name: str) -> str:
    found = PROGRAMS[name]
    if found is None:
        pytest.skip(f"{name} is not installed (GITCONVOY_{name.upper()} names it)")
    return found


def said(place: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def ready(answer: str) -> set[str]:
    """The ids of the beads that could be dispatched, in what `ready --json` prints."""
    begin = min(place for place in (answer.find("["), answer.find("{")) if place >= 0)
    value = json.loads(answer[begin:])
    listed = value if isinstance(value, list) else value.get("issues") or value.get("data") or []
    return {issue["id"] for issue in listed if issue["issue_type"] in SLINGABLE}


@pytest.fixture
def plan(repo: GitRepo) -> TownHelper:
    """Beads of every kind of readiness; one closed by the ledger alone, one at work."""
    made = town(repo)
    made.bead("gt-aaaaa", priority=0, labels=["ui"], description=json.dumps("<b> & \u2028"))
    made.bead("gt-bbbbb", depends_on=["gt-aaaaa"], type="bug")
    made.bead("gt-ccccc", comments=[{"author": "ann", "text": "hm", "created_at": "2026-01-01T00:00:00Z"}])
    made.bead("gt-ddddd", depends_on=["gt-ccccc"])
    made.bead("gt-eeeee", type="epic")
    made.bead("gt-fffff", parent="gt-eeeee")
    made.bead("gt-ggggg", status="closed", outcome="failed")
    made.bead("gt-hhhhh", depends_on=["{id: gt-bbbbb, type: related}"], type="chore")
    made.bead("gt-iiiii", status="deferred")
    made.bead("gt-jjjjj", defer_until="2099-01-01T00:00:00Z")
    made.bead("gt-kkkkk")
    made.commit("plan")
    made.ok("sling", "gt-ccccc", "gt-kkkkk", "--no-convoy")
    made.ok("--actor", "gt/polecat-1", "done", "gt-ccccc", "--no-code")
    return made


def theirs(made: TownHelper, make_repo: Callable[[str], GitRepo], flavour: str) -> Path:
    """A repository of their own with our export where they look for it."""
    other = make_repo(f"other-{flavour}").path
    made.ok("export", str(other / "export.jsonl"), "--flavour", flavour)
    return other


def ours(made: TownHelper) -> set[str]:
    return {bead["id"] for bead in made.json("ready", "--all")["beads"]}


def test_br_reads_our_export(plan: TownHelper, make_repo: Callable[[str], GitRepo]) -> None:
    br = program("br")
    other = theirs(plan, make_repo, "br")
    said(other, br, "init", "--prefix", "gt")
    shutil.copy(other / "export.jsonl", other / ".beads" / "issues.jsonl")
    said(other, br, "sync", "--import-only")
    assert ready(said(other, br, "ready", "--json", "--limit", "0")) == ours(plan)


def test_bd_reads_our_export(plan: TownHelper, make_repo: Callable[[str], GitRepo]) -> None:
    bd = program("bd")
    other = theirs(plan, make_repo, "bd")
    said(other, bd, "init", "--prefix", "gt")
    said(other, bd, "import", "export.jsonl")
    assert ready(said(other, bd, "ready", "--json", "--limit", "0")) == ours(plan)
