"""What is left of many attempts is seen to at once: one process, one look at the town (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from workshops import FLOW, Workshop, close_workshop, open_workshop

from gitconvoy.dispatch.attempts import attempt_folder
from gitconvoy.engine.attempts import ending, releasing
from gitconvoy.engine.convoys.landing import land
from gitconvoy.engine.town import Town
from gitconvoy.model.ledger import Event
from gitconvoy.model.state import Asked, State

BEADS = ("gt-a", "gt-b", "gt-c")
HANDS_IN = 'commit(bead + ".txt", "work"); sys.exit(gitconvoy("done"))'
GIVES_UP = "sys.exit(1)"


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Town]:
    """Each time that the whole town is read."""
    made: list[Town] = []
    real = Town.state

    def state(town: Town, *asked: Asked | None) -> State:
        made.append(town)
        return real(town, *asked)

    monkeypatch.setattr(Town, "state", state)
    return made


def all_of(workshop: Workshop, script: str, event: str) -> None:
    """Three attempts that have ended this way."""
    workshop.worker(script)
    workshop.begin(*BEADS, convoy={"owned": True})
    for bead in BEADS:
        workshop.event(f"{event} {bead}")
    workshop.quiet()


def test_one_process_sees_to_all_attempts_that_ended_alike(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[list[str]] = []
    monkeypatch.setattr(ending, "spawn", lambda _town, words, _place: begun.append(words))
    monkeypatch.setattr(ending, "_AT_ONCE", 2)
    repo.commit("a commit")
    town = Town.open(repo.path)
    roots = []
    for bead in (*BEADS, "gt-d"):
        folder = attempt_folder(town.common_dir, bead, 1)
        folder.root.mkdir(parents=True)
        folder.begun.write_text("{}")
        roots.append(str(folder.root))
    kinds = zip((*BEADS, "gt-d", "gt-a"), ("merged", "merged", "done", "expire", "launch"), strict=True)
    events = [
        Event(kind, at=1, actor="a", cause="scan", trunk=None, bead=bead, attempt=1, token="t") for bead, kind in kinds
    ]
    ending.leave_behind(town, events)
    assert begun == [["reap", "--gently", *roots[:2]], ["reap", "--gently", roots[2]], ["reap", roots[3]]]


def test_reap_ends_many_with_one_look(workshop: Workshop, looks: list[Town], monkeypatch: pytest.MonkeyPatch) -> None:
    all_of(workshop, HANDS_IN, "submit")
    monkeypatch.setattr(ending, "spawn", lambda *_: 0)
    workshop.here.repo.git("merge", "--quiet", "--no-edit", *(f"convoy/{bead}-1" for bead in BEADS))
    workshop.here.ok("scan")
    places = [workshop.worktree(bead) for bead in BEADS]
    roots = [workshop.own / "attempts" / name for name in ("gone-1", *(f"{bead}-1" for bead in BEADS))]
    for place in places:  # as if the scan had not removed them itself
        workshop.here.repo.git("worktree", "add", "--quiet", str(place), f"convoy/{place.name}")
    looks.clear()
    ending.reap(roots)
    assert len(looks) == 1
    assert not any(place.exists() for place in places)


def test_land_looks_as_often_as_its_transaction(workshop: Workshop, looks: list[Town]) -> None:
    all_of(workshop, 'pathlib.Path("left").write_text("x"); ' + GIVES_UP, "fail")
    looks.clear()
    landed = land(workshop.here.open(), FLOW, force=True, preview=True)
    assert (len(landed.kept), len(looks)) == (3, 1)


def test_what_waits_for_being_merged_is_not_looked_at(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    all_of(workshop, HANDS_IN, "submit")
    asked: list[object] = []
    monkeypatch.setattr(releasing, "let_go", lambda *args: asked.append(args))
    assert releasing.sweep(workshop.here.open()) == ([], [])
    assert asked == []
    workshop.here.ok("unsling", "gt-a")
    releasing.sweep(workshop.here.open())
    assert len(asked) == 1
