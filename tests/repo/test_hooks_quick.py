"""A commit that only closes beads is checked at a glance, and nothing slips through that the whole judgement stops."""

from __future__ import annotations

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.hooking import quick
from gitconvoy.planning.planfile import stale
from gitconvoy.store import load

FLOW = "hq-cv-1"


@pytest.fixture
def here(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> TownHelper:
    found = town(repo)
    for bead, more in (("gt-a", ""), ("gt-b", "depends_on: [gt-a]\n"), ("gt-c", "")):
        repo.write(f".convoy/beads/{bead}.yaml", f"id: {bead}\ntitle: Bead {bead}\n{more}status: open\n")
    repo.write(f".convoy/convoys/{FLOW}.yaml", f"id: {FLOW}\ntitle: Flow\ntracks: [gt-a, gt-b]\nstatus: open\n")
    repo.git("add", "--all")
    assert found.hook("pre-commit").code == 0
    repo.git("commit", "--quiet", "-m", "plan")
    found.ok("scan")
    judge(found)
    monkeypatch.chdir(repo.path)
    return found


def judge(here: TownHelper) -> None:
    """Something that is judged as a whole, with the ledger as it stands."""
    here.repo.write(".convoy/beads/gt-c.yaml", here.repo.read(".convoy/beads/gt-c.yaml") + "# more\n")
    here.repo.git("add", "--all")
    assert here.hook("pre-commit").code == 0
    here.repo.git("commit", "--quiet", "-m", "more")


def stage(here: TownHelper, bead: str, old: str, new: str) -> None:
    path = f".convoy/beads/{bead}.yaml"
    text = here.repo.read(path)
    assert old in text
    here.repo.write(path, text.replace(old, new))
    here.repo.git("add", "--all")


CLOSED = "status: closed\noutcome: done\nclosed_at: 2030-01-31T12:00:00Z\nclose_reason: it is done\n"


def test_closing_is_in_order_at_a_glance(here: TownHelper) -> None:
    for bead in ("gt-a", "gt-b"):
        stage(here, bead, "status: open\n", CLOSED)
        assert quick.in_order()
        assert here.hook("pre-commit").code == 0
        here.repo.git("commit", "--quiet", "-m", "closed")
        assert here.hook("post-commit").code == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status: open", "status: of-nowhere"),
        ("status: open", "status: closed\noutcome: unheard-of"),
        ("status: open", "status: closed\nclosed_at: 2030-13-31T12:00:00Z"),
        ("status: open", "status: closed\nclosed_at: someday"),
        ("status: open", "status: closed\nstatus: closed"),
        ("status: open", "status: [closed]"),
        ("status: open", "status: open\nassignee: ann"),
        ("status: open", "status: open\nparent: gt-c"),
        ("title: Bead gt-a", "title: Another"),
        ("id: gt-a", "id: gt-x"),
        ("status: open", "status: open\ndepends_on: [gt-b]"),
        ("status: open", "status: open\nunknown: key"),
    ],
)
def test_all_else_is_judged_as_a_whole(here: TownHelper, old: str, new: str) -> None:
    stage(here, "gt-a", old, new)
    assert not quick.in_order()


def test_other_files_are_judged_as_a_whole(here: TownHelper) -> None:
    stage(here, "gt-a", "status: open\n", CLOSED)
    here.repo.write(f".convoy/convoys/{FLOW}.yaml", f"id: {FLOW}\ntitle: Flow\ntracks: [gt-b]\nstatus: open\n")
    here.repo.git("add", "--all")
    assert not quick.in_order()


def test_a_deleted_bead_is_judged_as_a_whole(here: TownHelper) -> None:
    here.repo.git("rm", "--quiet", ".convoy/beads/gt-a.yaml")
    assert not quick.in_order()


def test_what_was_never_judged_here_is_judged_as_a_whole(here: TownHelper) -> None:
    stage(here, "gt-c", "title: Bead gt-c", "title: Other")
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "nobody has looked")
    stage(here, "gt-a", "status: open\n", CLOSED)
    assert not quick.in_order()
    assert here.hook("pre-commit").code == 0
    assert quick.in_order() is False  # HEAD was not what was judged, but what is staged


def test_a_convoy_that_the_ledger_opens_again_has_its_plan_file_looked_at(here: TownHelper) -> None:
    here.ok("close", FLOW, "--force")
    judge(here)
    here.ok("reopen", FLOW)
    stage(here, "gt-a", "status: open\n", CLOSED)
    assert not quick.in_order()


def test_a_merge_is_judged_as_a_whole(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(here, "gt-a", "status: open\n", CLOSED)
    monkeypatch.setenv(f"GITHEAD_{here.repo.head()}", "topic")
    assert not quick.in_order()


def complete(here: TownHelper) -> None:
    """Both beads are closed, and so is the convoy, by the ledger."""
    for bead in ("gt-a", "gt-b"):
        stage(here, bead, "status: open\n", CLOSED)
    assert here.hook("pre-commit").code == 0
    here.repo.git("commit", "--quiet", "-m", "closed")
    assert here.hook("post-commit").code == 0
    assert here.ledger().convoy(FLOW).status == "closed"
    judge(here)


def test_a_convoy_that_a_status_takes_up_again_has_its_plan_file_looked_at(here: TownHelper) -> None:
    complete(here)
    frozen = here.repo.read(f".convoy/plans/{FLOW}.yaml")
    stage(here, "gt-b", "depends_on: [gt-a]\n", "")
    assert here.hook("pre-commit").code == 0
    here.repo.git("commit", "--quiet", "-m", "a link of a closed convoy, whose plan file stays as it is")
    assert here.repo.read(f".convoy/plans/{FLOW}.yaml") == frozen
    stage(here, "gt-a", CLOSED, "status: open\n")
    assert not quick.in_order()


def test_a_commit_that_takes_a_convoy_up_again_writes_its_plan_file(here: TownHelper) -> None:
    """That convoy is closed when the commit is checked, and open right after it."""
    complete(here)
    stage(here, "gt-a", CLOSED, "status: open\ndepends_on: [gt-c]\n")
    stage(here, "gt-b", "depends_on: [gt-a]\n", "")
    answer = here.hook("pre-commit")
    assert (answer.code, answer.lines) == (0, (f"gitconvoy: rewrote .convoy/plans/{FLOW}.yaml",))
    here.repo.git("commit", "--quiet", "-m", "taken up again")
    assert here.hook("post-commit").code == 0
    assert here.ledger().convoy(FLOW).status == "open"
    found = here.open()
    assert stale(load.from_commit(found.repo, here.repo.head()), here.ledger()) == {}
    assert here.json("validate")["problems"] == []


@pytest.mark.parametrize("mended", [False, True])
@pytest.mark.parametrize(
    ("bead", "old", "new"),
    [("gt-a", "outcome: failed", "outcome: done"), ("gt-b", "status: open\n", CLOSED)],
)
def test_a_convoy_behind_a_failed_bead_is_looked_at(
    here: TownHelper, bead: str, old: str, new: str, mended: bool
) -> None:
    """It is complete, as nothing of it can close: what changes that takes it up again."""
    here.repo.write(".convoy/beads/gt-d.yaml", "id: gt-d\ntitle: Bead gt-d\ndepends_on: [gt-b]\nstatus: open\n")
    here.repo.write(
        f".convoy/convoys/{FLOW}.yaml", f"id: {FLOW}\ntitle: Flow\ntracks: [gt-a, gt-b, gt-d]\nstatus: open\n"
    )
    stage(here, "gt-a", "status: open\n", CLOSED.replace("done", "failed", 1))
    assert here.hook("pre-commit").code == 0
    here.repo.git("commit", "--quiet", "-m", "failed")
    assert here.hook("post-commit").code == 0
    record = here.ledger().convoy(FLOW)
    assert (record.status, record.outcome) == ("closed", "partial")
    stage(here, "gt-d", "depends_on: [gt-b]\n", "depends_on: [gt-b, gt-c]\n")
    if mended:
        stage(here, "gt-d", "depends_on: [gt-b, gt-c]\n", "depends_on: [gt-b]\n")
    judge(here)
    stage(here, bead, old, new)
    assert quick.in_order() == mended
    assert here.hook("pre-commit").code == 0
    here.repo.git("commit", "--quiet", "-m", "goes on")
    assert here.hook("post-commit").code == 0
    assert here.ledger().convoy(FLOW).status == "open"
    assert here.json("validate")["problems"] == []
