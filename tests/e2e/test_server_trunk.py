"""Pushes of the trunk to a server with the hook: what comes with a push counts, not what stood before."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitfixtures import GitRepo
from servers import Server, served, server
from townfixtures import TownHelper, town

MAIN = "refs/heads/main"
A, B, C, X = (f".convoy/beads/gt-{name}.yaml" for name in "abcx")
FLOW = ".convoy/convoys/hq-cv-1.yaml"
CONFIG = ".convoy/config.yaml"


@pytest.fixture
def there(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """gt-a <- gt-b <- gt-c in an open convoy, gt-a at work, gt-x in none; the server has all of it."""
    return served(tmp_path_factory.mktemp("served"), tmp_path)


def replaced(here: TownHelper, path: str, old: str, new: str) -> None:
    """Edit a file by hand."""
    text = here.repo.read(path)
    assert old in text
    here.repo.write(path, text.replace(old, new))


def test_a_file_against_its_schema(there: Server) -> None:
    here = there.town
    here.repo.write(A, here.repo.read(A) + "prioritty: 1\n")
    here.commit("a slip")
    told = there.refuses("main")
    assert f"gitconvoy: {MAIN} is refused: 1 error that this push brings to .convoy/" in told
    assert f"{A}:3:1: " in told
    assert "  hint: " in told
    assert "hint: nothing was changed here" in told
    replaced(here, A, "prioritty", "priority")
    here.commit("mended")
    there.takes("main")


def test_two_clean_branches_that_make_a_cycle_together(there: Server) -> None:
    here = there.town
    here.branch("one")
    here.bead("gt-a", depends_on=["gt-x"])
    here.commit("gt-a waits for gt-x")
    here.repo.git("switch", "--quiet", "-c", "other", "main")
    here.bead("gt-x", type="bug", depends_on=["gt-c"])
    here.commit("gt-x waits for gt-c")
    there.takes("one", "other")
    there.takes("one:main")
    here.repo.git("merge", "--quiet", "--no-edit", "one")
    told = there.refuses("HEAD:main")
    (line,) = [line for line in told.splitlines() if line.endswith("[cycle]")]
    assert all(f"gt-{name}" in line for name in "abcx")


def test_what_stood_before_is_no_reason(there: Server) -> None:
    here = there.town
    (there.repo.path / "hooks" / "pre-receive").rename(there.repo.path / "hooks" / "away")
    here.repo.write(A, "id: gt-a\n")
    here.repo.write(X, "id: gt-x\n")
    here.commit("two broken files")
    there.takes("main")
    (there.repo.path / "hooks" / "away").rename(there.repo.path / "hooks" / "pre-receive")
    here.bead("gt-a")
    here.commit("one of them mended")
    there.takes("main")
    here.repo.write(B, "id: gt-b\n")
    here.commit("and another one broken")
    told = there.refuses("main")
    assert B in told
    assert X not in told


def test_a_stale_plan_file_is_none_either(there: Server) -> None:
    here = there.town
    here.repo.write(".convoy/plans/hq-cv-1.yaml", "convoy: hq-cv-1\nwaves: []\n")
    here.commit("stale")
    assert "gitconvoy" not in there.takes("main")


@pytest.mark.parametrize("by", ["edit", "delete"])
def test_a_convoy_that_goes_where_none_may(there: Server, by: str) -> None:
    here = there.town
    if by == "delete":
        here.repo.git("rm", "--quiet", FLOW)
    else:
        replaced(here, FLOW, "status: open", "status: staged_ready")
    here.commit(by)
    here.repo.write("notes.txt", "more\n")
    commit = here.repo.head()
    here.commit("nothing of the plan")
    told = there.refuses("main")
    (line,) = [line for line in told.splitlines() if line.endswith("[convoy-transition]")]
    assert line.startswith(FLOW)
    assert f"(in commit {commit[:10]})" in line


def test_a_convoy_that_went_there_and_back_again(there: Server) -> None:
    """The tips are the same; whoever looks at each commit of the trunk, as the dispatching clone does, freezes it."""
    here = there.town
    replaced(here, FLOW, "status: open", "status: staged_ready")
    here.commit("there")
    replaced(here, FLOW, "status: staged_ready", "status: open")
    here.commit("and back")
    assert "cannot go from open to staged_ready" in there.refuses("main")


def test_a_convoy_that_goes_all_its_way_in_one_push(there: Server) -> None:
    """Between the tips alone it would begin closed, or go from open to nothing."""
    here = there.town
    here.convoy("hq-cv-2", "gt-x", status="staged_ready")
    here.commit("made")
    here.convoy("hq-cv-2", "gt-x", status="open")
    here.commit("launched")
    here.convoy("hq-cv-2", "gt-x", status="closed")
    here.convoy("hq-cv-1", "gt-a", "gt-b", "gt-c", status="closed")
    here.commit("closed")
    here.repo.git("rm", "--quiet", FLOW)
    here.commit("gone")
    there.takes("main")


def test_what_the_ledger_said_later_does_not_speak_about_before(there: Server) -> None:
    """A convoy is made, launched by command and completed; its first commit comes to the server only then."""
    here = there.town
    here.bead("gt-y")
    here.convoy("hq-cv-2", "gt-y", status="staged_ready")
    here.commit("made")
    here.ok("launch", "hq-cv-2")
    here.bead("gt-y", status="closed")
    here.commit("closed by hand")
    here.ok("scan")
    assert here.ledger().convoy("hq-cv-2").status == "closed"
    there.takes("main", "convoy-ledger")


def test_a_launch_that_only_the_ledger_knows_is_not_taken_back(there: Server) -> None:
    here = there.town
    here.bead("gt-y")
    here.convoy("hq-cv-2", "gt-y", status="staged_ready")
    here.commit("made")
    here.ok("launch", "hq-cv-2")
    there.takes("main", "convoy-ledger")
    here.repo.git("rm", "--quiet", ".convoy/convoys/hq-cv-2.yaml")
    here.commit("deleted")
    assert "convoy hq-cv-2 is open and cannot be deleted" in there.refuses("main")


def test_a_merge_is_compared_with_each_parent(there: Server) -> None:
    here = there.town
    here.branch("topic")
    here.bead("gt-x", title="better")
    here.commit("topic")
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-c", depends_on=["gt-b"], title="better")
    here.commit("main")
    here.repo.git("merge", "--quiet", "--no-edit", "--no-ff", "topic")
    there.takes("main")
    here.repo.git("switch", "--quiet", "topic")
    replaced(here, FLOW, "status: open", "status: closed")
    here.commit("closed on a topic branch")
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "--no-ff", "--no-commit", "topic")
    replaced(here, FLOW, "status: closed", "status: staged_ready")
    here.commit("an evil merge")
    assert "[convoy-transition]" in there.refuses("main")


def test_a_merge_brings_no_convoy_that_began_closed(there: Server) -> None:
    """What is refused by itself is refused in a merge, too: the branch was never looked at."""
    here = there.town
    here.branch("topic")
    here.convoy("hq-cv-2", "gt-x", status="closed")
    here.repo.git("add", "-A")
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "closed from the start")
    begun = here.repo.head()
    here.bead("gt-x", title="better")
    here.commit("more")
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "--no-edit", "--no-ff", "topic")
    told = there.refuses("main")
    (line,) = [line for line in told.splitlines() if line.endswith("[convoy-transition]")]
    assert line.startswith(".convoy/convoys/hq-cv-2.yaml:")
    assert f"convoy hq-cv-2 cannot begin as closed (in commit {begun[:10]})" in line


@pytest.mark.parametrize("by", ["itself", "merge", "a merge that took nothing"])
def test_a_convoy_that_begins_closed_where_it_can_be_read_first(there: Server, by: str) -> None:
    here = there.town
    here.branch("topic")
    for text in ("id: [\n", "id: hq-cv-2\ntitle: Two\nstatus: closed\ntracks: [gt-x]\n"):
        here.repo.write(".convoy/convoys/hq-cv-2.yaml", text)
        here.repo.git("add", "-A")
        here.repo.git("commit", "--quiet", "--no-verify", "-m", text[:12])
    tip = here.repo.head()
    here.repo.git("switch", "--quiet", "main")
    if by == "itself":
        here.repo.git("merge", "--quiet", "--ff-only", "topic")
    elif by == "merge":
        here.repo.git("merge", "--quiet", "--no-edit", "--no-ff", "topic")
    else:
        here.repo.git("merge", "--quiet", "--no-edit", "--no-ff", "-s", "ours", "topic")
        here.repo.git("checkout", "topic", "--", ".convoy/convoys/hq-cv-2.yaml")
        tree = here.repo.git("write-tree")
        again = here.repo.git("commit-tree", tree, "-p", "HEAD", "-p", "topic", "-m", "again")
        here.repo.git("reset", "--quiet", "--hard", again)
    told = there.refuses("main")
    (line,) = [line for line in told.splitlines() if line.endswith("[convoy-transition]")]
    assert "convoy hq-cv-2 cannot begin as closed" in line
    assert tip[:10] in line or by == "itself"


def test_a_convoy_that_began_long_ago_is_none_that_begins(there: Server) -> None:
    """The trunk has lost it; a branch that is older has it still, broken for a while, and closed by now."""
    here = there.town
    here.convoy("hq-cv-2", "gt-x", status="open")
    here.commit("begun")
    here.branch("topic")
    here.repo.git("switch", "--quiet", "main")
    here.convoy("hq-cv-2", "gt-x", status="closed")
    here.commit("closed")
    here.repo.git("rm", "--quiet", ".convoy/convoys/hq-cv-2.yaml")
    here.commit("gone")
    there.takes("main")
    here.repo.git("switch", "--quiet", "topic")
    for text in ("id: [\n", "id: hq-cv-2\ntitle: Two\nstatus: closed\ntracks: [gt-x]\n"):
        here.repo.write(".convoy/convoys/hq-cv-2.yaml", text)
        here.repo.git("add", "-A")
        here.repo.git("commit", "--quiet", "--no-verify", "-m", text[:12])
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "--no-commit", "--no-ff", "-s", "ours", "topic")
    here.repo.git("checkout", "topic", "--", ".convoy/convoys/hq-cv-2.yaml")
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "taken up again")
    there.takes("main")


@pytest.mark.parametrize(
    "moves", [(), ("archive/convoys",), ("archive/convoys/old", "archive/convoys"), ("archive/convoys", "convoys")]
)
def test_a_merge_brings_a_convoy_that_came_to_its_end(there: Server, moves: tuple[str, ...]) -> None:
    here = there.town
    here.branch("topic")
    here.bead("gt-y")
    for status in ("staged_ready", "open", "closed"):
        here.bead("gt-y", status="closed" if status == "closed" else "open")
        here.convoy("hq-cv-2", "gt-y", status=status)
        here.commit(status)
    place = ".convoy/convoys/hq-cv-2.yaml"
    for folder in moves:
        old, place = place, f".convoy/{folder}/hq-cv-2.yaml"
        (here.path / place).parent.mkdir(parents=True, exist_ok=True)
        here.repo.git("mv", old, place)
        here.commit(folder)
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "--no-edit", "--no-ff", "topic")
    there.takes("main")


def test_a_pull_that_turns_the_parents_of_a_merge_round(there: Server) -> None:
    here = there.town
    here.repo.git("branch", "--quiet", "theirs")
    replaced(here, FLOW, "status: open", "status: closed")
    here.commit("closed")
    there.takes("main")
    here.repo.git("switch", "--quiet", "theirs")
    here.bead("gt-x", title="mine")
    here.commit("mine")
    here.repo.git("merge", "--quiet", "--no-edit", "main")
    there.takes("theirs:main")


def test_a_replaced_history_is_compared_from_tip_to_tip(there: Server) -> None:
    here = there.town
    here.repo.git("reset", "--quiet", "--hard", "HEAD~1")
    here.bead("gt-a")
    here.commit("another history")
    told = there.refuses("main", force=True)
    assert "convoy hq-cv-1 is open and cannot be deleted" in told


def test_words_that_a_push_adds_may_be_used_at_once(there: Server) -> None:
    here = there.town
    replaced(here, CONFIG, "format: 1", "format: 1\ntypes:\n  ritual: {slingable: false}")
    here.bead("gt-y", type="ritual")
    here.commit("a new type")
    here.bead("gt-x", type="bug", depends_on=["gt-x"])
    here.commit("and a bead that waits for itself")
    assert there.refuses("main").count("[cycle]") == 1
    here.repo.git("revert", "--no-edit", "HEAD")
    there.takes("main")


def test_a_cycle_is_not_waved_through_by_a_setting_of_the_same_push(there: Server) -> None:
    here = there.town
    here.bead("gt-e", type="epic", depends_on=["gt-x"])
    here.bead("gt-k", parent="gt-e")
    here.commit("an epic")
    there.takes("main")
    replaced(here, CONFIG, "format: 1", "format: 1\ninherit_blockers: false")
    here.bead("gt-x", type="bug", depends_on=["gt-k"])
    here.commit("a cycle by inheritance, and a setting by which it is none")
    told = there.refuses("main")
    assert "[cycle]" in told
    assert "by the settings that hold before this push" in told


def test_a_first_push_has_nothing_to_be_compared_with(repo: GitRepo) -> None:
    here = town(repo)
    here.bead("gt-a")
    here.convoy("hq-cv-1", "gt-a", status="closed")
    here.commit("history")
    there = server(here)
    here.repo.write(A, "id: gt-a\n")
    good = here.repo.head()
    here.commit("broken")
    assert "title" in there.refuses("main")
    there.takes(f"{good}:{MAIN}")


def test_other_branches_are_none_of_its_business(there: Server) -> None:
    here = there.town
    here.branch("topic")
    here.repo.write(A, "broken\n")
    here.commit("broken on a topic branch")
    there.repo.config("gitconvoy.python", "/nonexistent/python")
    there.takes("topic", "HEAD:refs/tags/v1")
    assert "as it cannot be checked" in there.refuses("topic:main")


def test_the_pinned_trunk_counts_where_one_is_pinned(there: Server) -> None:
    here = there.town
    there.repo.config("gitconvoy.trunk", "release")
    here.repo.write(A, "broken\n")
    here.commit("broken")
    there.takes("main")
    assert "refs/heads/release is refused" in there.refuses("HEAD:refs/heads/release")


def test_deleting_the_trunk_is_left_to_git(there: Server) -> None:
    there.repo.config("receive.denyDeleteCurrent", "ignore")
    there.takes(f":{MAIN}")


def test_nested_trees_that_pretend_to_be_millions_of_files(there: Server) -> None:
    here = there.town
    blob = here.repo.git("hash-object", "-w", "--stdin", input="x")
    tree = here.repo.git("mktree", input=f"100644 blob {blob}\tf\n")
    for _ in range(9):
        tree = here.repo.git("mktree", input="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)))
    root = here.repo.git("mktree", input=f"040000 tree {tree}\t.convoy\n")
    commit = here.repo.git("commit-tree", "-p", "main", "-m", "a bomb", root)
    assert "holds more than 200000 files" in there.refuses(f"{commit}:{MAIN}")
