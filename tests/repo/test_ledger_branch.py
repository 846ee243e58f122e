"""The ledger branch in real repositories: chains, one compare-and-swap, history (SPEC 1, 7)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from gitfixtures import GitRepo

from gitconvoy.errors import BadFiles
from gitconvoy.git import commits, refs, write
from gitconvoy.git.repo import Repo
from gitconvoy.ledger import chain, codec
from gitconvoy.ledger.read import REF, history, read_ledger
from gitconvoy.model.ledger import BeadRecord, Event, Ledger

AT = 1_800_000_000
INIT = Event("init", at=AT, actor="me", cause="command")


def dispatch(number: int, at: int = AT) -> Event:
    bead, token = f"gt-{number:05d}", f"{number:016x}"
    changes = {"status": "in_progress", "attempt": 1, "token": token, "worker": "gt/nux", "since": at}
    return Event(
        "dispatch", at=at, actor="me", cause="command", trunk="b" * 40, bead=bead, worker="gt/nux", attempt=1,
        token=token, bead_changes=changes,
    )  # fmt: skip


def append(repo: Repo, *events: Event) -> chain.Chain:
    tip = refs.ref(repo, REF)
    base = commits.commit(repo, tip).tree if tip else None
    return chain.prepare(repo, read_ledger(repo, tip), base, None, events)


def test_a_chain_is_one_commit_for_each_event_and_one_move_of_the_branch(repo: GitRepo) -> None:
    opened = Repo.discover(repo.path)
    before = (repo.head(), repo.status())
    made = append(opened, INIT, *(dispatch(n) for n in range(20)))
    assert not repo.exists(REF)
    assert chain.publish(opened, made, "convoy: twenty dispatches")
    assert repo.git("rev-list", "--count", REF) == "21"
    assert repo.git("rev-list", "--max-parents=0", "--count", REF) == "1"
    assert repo.git("reflog", "show", "--format=%gs", REF).splitlines() == ["convoy: twenty dispatches"]
    ledger = read_ledger(opened, made.tip)
    assert ledger.beads.keys() == {f"gt-{n:05d}" for n in range(20)}
    assert ledger.bead("gt-00003") == BeadRecord(
        "gt-00003", worker="gt/nux", attempt=1, token=f"{3:016x}", since=AT, status="in_progress"
    )
    assert (ledger.tip, ledger.tip_time, ledger.trunk) == (made.tip, AT, "b" * 40)
    assert ledger == made.ledger
    assert (repo.head(), repo.status()) == before
    repo.git("fsck", "--strict", "--no-dangling")


def test_a_lost_race_moves_nothing(repo: GitRepo) -> None:
    opened = Repo.discover(repo.path)
    first, second = append(opened, INIT, dispatch(1)), append(opened, INIT, dispatch(2))
    assert chain.publish(opened, first, "first")
    assert not chain.publish(opened, second, "second")
    assert repo.head(REF) == first.tip
    assert read_ledger(opened, first.tip).beads.keys() == {"gt-00001"}


def test_each_commit_changes_only_its_record(repo: GitRepo) -> None:
    opened = Repo.discover(repo.path)
    chain.publish(opened, append(opened, INIT, dispatch(1), dispatch(2)), "begin")
    changed = repo.git("diff-tree", "--no-commit-id", "--name-only", "-r", REF).splitlines()
    assert len(changed) == 1
    assert changed[0].endswith("/gt-00002.yaml")
    assert changed[0].startswith("beads/")


def test_the_committer_date_is_the_time_of_the_decision_not_of_the_environment(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "@1000000000 +0000")
    monkeypatch.setenv("GIT_AUTHOR_DATE", "@1000000000 +0000")
    opened = Repo.discover(repo.path)
    chain.publish(opened, append(opened, INIT), "begin")
    assert repo.git("log", "-1", "--format=%ct %at", REF) == f"{AT} {AT}"


def test_the_ledger_holds_the_plan_that_was_decided_on(repo: GitRepo) -> None:
    repo.write(".convoy/config.yaml", "format: 1\n")
    repo.commit("plan")
    opened = Repo.discover(repo.path)
    tree = repo.head("HEAD:.convoy")
    made = chain.prepare(opened, Ledger(), None, tree, [INIT, dispatch(1)])
    chain.publish(opened, made, "begin")
    assert repo.head(f"{REF}:plan") == tree
    assert repo.head(f"{REF}~1:plan") == tree


@pytest.mark.parametrize(("setting", "synced"), [("committed", True), ("none", False)])
def test_the_plan_that_git_left_unsynced_is_on_the_disk_before_the_ledger_names_it(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, setting: str, synced: bool
) -> None:
    repo.config("core.fsync", setting)
    repo.write(".convoy/beads/gt-1.yaml", "id: gt-1\n")
    repo.write(".convoy/beads/gt-2.yaml", "id: gt-2\n")
    first = repo.head(repo.commit() + ":.convoy")
    opened = Repo.at(repo.path)
    made = chain.prepare(opened, Ledger(), None, first, [INIT])
    assert chain.publish(opened, made, "init")
    repo.write(".convoy/beads/gt-2.yaml", "id: gt-2\nstatus: closed\n")
    second = repo.head(repo.commit() + ":.convoy")
    seen: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(str(Path(f"/proc/self/fd/{handle}").readlink())))
    chain.prepare(opened, made.ledger, commits.commit(opened, made.tip).tree, second, [dispatch(1)])
    new = [repo.head(f"HEAD:.convoy{path}") for path in ("", "/beads", "/beads/gt-2.yaml")]
    wanted = {str(repo.path / ".git/objects" / oid[:2] / oid[2:]) for oid in new}
    found = {path for path in seen if Path(path).is_file()}
    assert found == (wanted if synced else set())
    assert {str(Path(path).parent) for path in found} <= set(seen)


def test_history_is_the_log(repo: GitRepo) -> None:
    opened = Repo.discover(repo.path)
    made = append(opened, INIT, replace(dispatch(1), reason="please\nbe quick"), dispatch(2, AT + 5))
    chain.publish(opened, made, "begin")
    entries = list(history(opened, made.tip))
    assert [(entry.event, entry.bead, entry.at) for entry in entries] == [
        ("dispatch", "gt-00002", AT + 5),
        ("dispatch", "gt-00001", AT),
        ("init", None, AT),
    ]
    assert entries[1].reason == "please\nbe quick"
    assert entries[1].as_dict()["commit"] == made.commits[1]
    assert list(history(opened, None)) == []


@pytest.mark.parametrize("mode", ["100644", "120000"])
def test_what_no_record_can_be_is_not_read(repo: GitRepo, mode: str) -> None:
    """Not into memory either: a branch that was fetched may hold anything."""
    opened = Repo.discover(repo.path)
    chain.publish(opened, append(opened, INIT, dispatch(1)), "begin")
    path = codec.bead_path("gt-00001")
    blob = write.write_blob(opened, b"a" * (1 << 21) if mode == "100644" else b"/etc/passwd")
    base = repo.head(f"{REF}^{{tree}}")
    fan = repo.git("mktree", input=f"{mode} blob {blob}\tgt-00001.yaml\n")
    tree = write.edit_tree(opened, base, {path.rpartition("/")[0]: write.Tree(fan)})
    message = repo.git("log", "-1", "--format=%B", REF)
    tip = repo.git("commit-tree", tree, "-p", REF, "-m", message)
    with pytest.raises(BadFiles, match="2,097,152 bytes" if mode == "100644" else "no plain file") as caught:
        read_ledger(opened, tip)
    assert caught.value.code == "ledger-damaged"


def test_a_newer_format_is_refused_clearly(repo: GitRepo, tmp_path: Path) -> None:
    opened = Repo.discover(repo.path)
    made = append(opened, INIT)
    chain.publish(opened, made, "begin")
    other = repo.worktree(tmp_path / "other", "later")
    other.git("checkout", "--quiet", "--detach", made.tip)
    other.write("format", "2\n")
    other.git("commit", "--quiet", "-am", "later")
    with pytest.raises(BadFiles, match="format '2'"):
        read_ledger(opened, other.head())


def test_a_chain_begins_with_init_and_only_once(repo: GitRepo) -> None:
    opened = Repo.discover(repo.path)
    with pytest.raises(ValueError, match="begins with"):
        append(opened, dispatch(1))
    chain.publish(opened, append(opened, INIT), "begin")
    with pytest.raises(ValueError, match="begins with"):
        append(opened, INIT)
