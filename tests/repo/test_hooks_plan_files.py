"""Whatever is committed, the plan files in the commit say what its beads and convoys say (SPEC 3.4, 6)."""

from __future__ import annotations

from random import Random

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.hooking import before
from gitconvoy.planning.planfile import stale
from gitconvoy.store import load

CONVOYS = ("hq-cv-1", "hq-cv-2", "hq-cv-3")


class Editor:
    """Somebody who edits files, adds and removes some, and commits through the hook; the same for the same seed."""

    def __init__(self, here: TownHelper, seed: int) -> None:
        self.here = here
        self.pick = Random(seed)
        self.beads: dict[str, str] = {}
        for _ in range(6):
            self.add()
        for convoy in CONVOYS:
            self.track(convoy)

    def add(self) -> None:
        """A new bead, depending on some; at times one that somebody tracks already."""
        self.write(f"gt-{len(self.beads)}")

    def write(self, bead: str) -> None:
        """A bead with links to earlier ones."""
        earlier = [one for one in self.beads if one < bead]
        some = self.pick.sample(earlier, min(len(earlier), self.pick.randrange(3)))
        kind = self.pick.choice(["task", "task", "epic", "decision"])
        parent = f"parent: {self.pick.choice(earlier)}\n" if earlier and self.pick.random() < 0.2 else ""
        self.beads[bead] = (
            f"id: {bead}\ntitle: Bead {bead}\ntype: {kind}\n{parent}depends_on: [{', '.join(some)}]\nstatus: open\n"
        )
        self.here.repo.write(f".convoy/beads/{bead}.yaml", self.beads[bead])

    def stand(self, bead: str) -> None:
        """Another status alone."""
        head, _, _ = self.beads[bead].partition("status:")
        status = self.pick.choice(["open", "closed", "closed", "closed\noutcome: failed", "blocked"])
        self.beads[bead] = f"{head}status: {status}\n"
        self.here.repo.write(f".convoy/beads/{bead}.yaml", self.beads[bead])

    def track(self, convoy: str) -> None:
        """Other beads in a convoy."""
        own = [one for one in self.beads if int(one[3:]) % len(CONVOYS) == CONVOYS.index(convoy)]
        tracks = self.pick.sample(own, self.pick.randrange(len(own) + 1))
        text = f"id: {convoy}\ntitle: Convoy\ntracks: [{', '.join(tracks)}]\nstatus: open\n"
        self.here.repo.write(f".convoy/convoys/{convoy}.yaml", text)

    def step(self) -> None:
        """One change, at times two, or something else that moves the ledger or what was judged."""
        for _ in range(self.pick.choice([1, 1, 2])):
            match self.pick.randrange(9):
                case 0 | 1:
                    self.add()
                case 2:
                    self.write(self.pick.choice(list(self.beads)))
                case 3 | 4:
                    self.stand(self.pick.choice(list(self.beads)))
                case 5:
                    self.track(self.pick.choice(CONVOYS))
                case 6:
                    self.here.repo.write(f".convoy/plans/{self.pick.choice(CONVOYS)}.yaml", "convoy: by hand\n")
                case 7:
                    (self.here.path / f".convoy/plans/{self.pick.choice(CONVOYS)}.yaml").unlink(missing_ok=True)
                case _:
                    self.here.run("scan")


@pytest.mark.parametrize("seed", range(6))
def test_plan_files_are_right_in_each_commit(repo: GitRepo, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here = town(repo)
    narrow = 0

    def concerned(*given: object, of: object = before._concerned) -> object:
        nonlocal narrow
        found = of(*given)  # type: ignore[operator]
        narrow += found is not None
        return found

    monkeypatch.setattr(before, "_concerned", concerned)
    editor = Editor(here, seed)
    monkeypatch.chdir(repo.path)
    for _ in range(30):
        editor.step()
        repo.git("add", "--all")
        if here.hook("pre-commit").code != 0:  # a cycle, or a bead in two convoys: taken back
            repo.git("reset", "--quiet", "--hard")
            editor.beads = {
                file.stem: file.read_text() for file in sorted((repo.path / ".convoy" / "beads").glob("*.yaml"))
            }
            continue
        repo.git("commit", "--quiet", "--allow-empty", "-m", "a change")
        opened = here.open()
        plan = load.from_commit(opened.repo, repo.head("HEAD"))
        assert stale(plan, opened.ledger()) == {}
        assert here.hook("post-commit").code == 0
    assert narrow > 3


def commit(here: TownHelper, files: dict[str, str]) -> None:
    """Through both hooks; the plan files of the commit are right."""
    for path, text in files.items():
        here.repo.write(path, text)
    here.repo.git("add", "--all")
    assert here.hook("pre-commit").code == 0
    here.repo.git("commit", "--quiet", "-m", "a change")
    opened = here.open()
    assert stale(load.from_commit(opened.repo, here.repo.head("HEAD")), opened.ledger()) == {}
    assert here.hook("post-commit").code == 0


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_frozen_plan_file_is_put_right_once_its_convoy_goes_on(
    repo: GitRepo, by_hand: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = town(repo)
    monkeypatch.chdir(repo.path)
    one, other, flow = ".convoy/beads/gt-a.yaml", ".convoy/beads/gt-b.yaml", ".convoy/convoys/hq-cv-1.yaml"
    bead, convoy = "id: {}\ntitle: Bead\nstatus: {}\n", "id: hq-cv-1\ntitle: Flow\ntracks: [gt-a, gt-b]\nstatus: {}\n"
    commit(
        here,
        {one: bead.format("gt-a", "open"), other: bead.format("gt-b", "open"), flow: convoy.format("open")},
    )
    closed = {one: bead.format("gt-a", "closed"), other: bead.format("gt-b", "closed")}
    commit(here, {**closed, **({flow: convoy.format("closed")} if by_hand else {})})
    assert [each["id"] for each in here.json("list")["convoys"]] == []
    frozen = repo.read(".convoy/plans/hq-cv-1.yaml")
    linked = bead.format("gt-b", "closed") + "depends_on: [gt-a]\n"
    commit(here, {other: linked})
    assert repo.read(".convoy/plans/hq-cv-1.yaml") == frozen
    commit(here, {flow: convoy.format("open")} if by_hand else {one: bead.format("gt-a", "open")})
    assert repo.read(".convoy/plans/hq-cv-1.yaml") != frozen


def test_a_frozen_plan_file_is_put_right_once_its_beads_are_open_again_by_the_settings(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = town(repo)
    monkeypatch.chdir(repo.path)
    settings, one, other = ".convoy/config.yaml", ".convoy/beads/gt-a.yaml", ".convoy/beads/gt-b.yaml"
    bead, own = "id: {}\ntitle: Bead\nstatus: {}\n", repo.read(".convoy/config.yaml")
    commit(here, {settings: own + "statuses:\n  shipped: done\n"})
    convoy = "id: hq-cv-1\ntitle: Flow\ntracks: [gt-a, gt-b]\nstatus: open\n"
    beads = {one: bead.format("gt-a", "open"), other: bead.format("gt-b", "open")}
    commit(here, {**beads, ".convoy/convoys/hq-cv-1.yaml": convoy})
    shipped = {one: bead.format("gt-a", "shipped"), other: bead.format("gt-b", "shipped")}
    commit(here, shipped)
    frozen = repo.read(".convoy/plans/hq-cv-1.yaml")
    commit(here, {other: shipped[other] + "depends_on: [gt-a]\n"})
    assert repo.read(".convoy/plans/hq-cv-1.yaml") == frozen
    commit(here, {settings: own + "statuses:\n  shipped: active\n"})
    assert repo.read(".convoy/plans/hq-cv-1.yaml") != frozen


def test_a_frozen_plan_file_is_put_right_once_nobody_else_has_its_beads(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = town(repo)
    monkeypatch.chdir(repo.path)
    one, other = ".convoy/beads/gt-a.yaml", ".convoy/beads/gt-b.yaml"
    first, second = ".convoy/convoys/hq-cv-1.yaml", ".convoy/convoys/hq-cv-2.yaml"
    bead, convoy = "id: {}\ntitle: Bead\nstatus: {}\n", "id: {}\ntitle: Flow\ntracks: [{}]\nstatus: open\n"
    more = bead.format("gt-c", "open")
    commit(
        here,
        {
            one: bead.format("gt-a", "open"),
            other: bead.format("gt-b", "open"),
            ".convoy/beads/gt-c.yaml": more,
            first: convoy.format("hq-cv-1", "gt-a, gt-b"),
            second: convoy.format("hq-cv-2", "gt-c"),
        },
    )
    commit(here, {one: bead.format("gt-a", "closed"), other: bead.format("gt-b", "closed")})
    frozen = repo.read(".convoy/plans/hq-cv-1.yaml")
    commit(here, {other: bead.format("gt-b", "closed") + "depends_on: [gt-a]\n"})
    assert repo.read(".convoy/plans/hq-cv-1.yaml") == frozen
    commit(here, {second: convoy.format("hq-cv-2", "gt-a, gt-c"), one: bead.format("gt-a", "open")})
    commit(here, {second: convoy.format("hq-cv-2", "gt-c")})
    assert repo.read(".convoy/plans/hq-cv-1.yaml") != frozen
