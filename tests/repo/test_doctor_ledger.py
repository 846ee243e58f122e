"""`doctor` looks at the ledger branch: there, readable, where it should be, at one with the remotes' (SPEC 1, 7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doctoring import follow, of, only, rows
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town
from workshops import Workshop, alive, close_workshop, open_workshop

REF = "refs/heads/convoy-ledger"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a is at work."""
    return chain(repo)


def foreign(here: TownHelper, message: str = "by hand", parent: str = REF) -> str:
    return here.repo.git("commit-tree", f"{parent}^{{tree}}", "-p", parent, "-m", message)


def event(here: TownHelper, parent: str) -> str:
    """Another event on top of a commit, as another machine would have written it."""
    message = here.repo.git("log", "-1", "--format=%B", REF)
    other = {"GIT_COMMITTER_NAME": "another machine"}
    return here.repo.git("commit-tree", f"{REF}^{{tree}}", "-p", parent, "-m", message, env=other)


# --- readable -------------------------------------------------------------------------------------------------------


def test_a_commit_of_a_person_and_its_remedy(here: TownHelper) -> None:
    good, mine = here.repo.head(REF), foreign(here)
    here.repo.git("update-ref", REF, mine)
    row = only(here, "ledger", "--fix", code=1)
    assert "no event" in row["observed"]
    assert (row["fixed"], here.repo.head(REF)) == (False, mine)
    answer = here.json("doctor", code=1)
    assert {"leases", "ended", "supervisors"} <= set(answer["skipped"])
    follow(here, row)
    assert here.repo.head(REF) == good
    assert here.repo.head(f"convoy-ledger-{mine[:10]}") == mine
    assert of(here, "ledger") == []


def test_a_file_of_the_branch_that_is_damaged_and_the_remedy(here: TownHelper) -> None:
    good = here.repo.head(REF)
    (here.path / ".git" / REF).write_text("garbage\n")
    row = only(here, "ledger", code=1)
    assert "corrupted" in row["observed"]
    assert here.run("doctor", "--accept-ledger").code == 1, "what cannot be read cannot be meant"
    follow(here, row, 0)
    assert here.json("doctor", "--fix")["ok"]
    assert here.repo.head(REF) == good


def test_branches_that_leave_no_room_for_it_and_the_remedy(here: TownHelper) -> None:
    good = here.repo.head(REF)
    here.repo.git("update-ref", "-d", REF)
    here.repo.git("update-ref", f"{REF}/old", good)
    row = only(here, "in-the-way", code=1)
    assert row["subject"] == "convoy-ledger/old"
    follow(here, row)
    assert here.json("doctor", "--fix")["ok"]
    assert here.repo.head(REF) == here.repo.head("refs/heads/convoy-ledger-old") == good


def test_a_ledger_of_a_later_version(here: TownHelper) -> None:
    blob = here.repo.git("hash-object", "-w", "--stdin", input="99\n")
    tree = here.repo.git("mktree", input=f"100644 blob {blob}\tformat\n")
    message = here.repo.git("log", "-1", "--format=%B", REF)
    here.repo.git("update-ref", REF, here.repo.git("commit-tree", tree, "-p", REF, "-m", message))
    row = only(here, "ledger", code=1)
    assert "has format '99'" in row["observed"]
    assert "install a newer gitconvoy" in row["why"]


def test_objects_of_the_ledger_that_are_missing(here: TownHelper) -> None:
    tip = here.repo.head(REF)
    (here.path / ".git" / "objects" / tip[:2] / tip[2:]).unlink()
    row = only(here, "ledger", code=1)
    assert "git fsck --connectivity-only" in row["commands"]


def test_no_ledger(repo: GitRepo, tmp_path: Path) -> None:
    here = town(repo)
    assert of(here, "ledger") == [], "the first command that writes begins one"
    clone = TownHelper(repo.clone(tmp_path / "clone"))
    assert only(clone, "ledger")["observed"] == "there is none, here or on a remote"


@pytest.mark.parametrize("role", ["local", "off"])
def test_only_the_remotes(here: TownHelper, tmp_path: Path, role: str) -> None:
    clone = TownHelper(here.repo.clone(tmp_path / "clone"))
    clone.repo.config("gitconvoy.dispatch", role)
    clone.repo.config("gitconvoy.wake", "false")
    row = only(clone, "ledger")
    assert (row["severity"], row["commands"]) == ("note", ["gitconvoy scan" if role == "local" else "git fetch"])
    assert here.repo.head(REF)[:10] in row["observed"]


# --- where it should be ---------------------------------------------------------------------------------------------


def test_it_is_checked_out_and_the_remedy(here: TownHelper, tmp_path: Path) -> None:
    here.repo.git("worktree", "add", "--quiet", "--force", str(tmp_path / "a look"), "convoy-ledger")
    row = only(here, "checked-out", code=1)
    assert (row["severity"], row["subject"]) == ("error", str(tmp_path / "a look"))
    here.branch("topic")  # so that the trunk is free
    follow(here, row)
    assert of(here, "checked-out") == []


@pytest.mark.parametrize("how", ["deleted", "set back"])
def test_a_branch_that_was_set_back_is_put_back(here: TownHelper, how: str) -> None:
    last = here.repo.head(REF)
    here.repo.git("update-ref", *(["-d", REF] if how == "deleted" else [REF, f"{REF}~1"]))
    assert of(here, "rewound", code=1) == [("error", "convoy-ledger", False)]
    assert of(here, "rewound", "--fix") == [("error", "convoy-ledger", True)]
    assert here.repo.head(REF) == last
    assert of(here, "rewound") == []


def replaced(here: TownHelper) -> str:
    other = event(here, f"{REF}~1")
    here.repo.git("update-ref", REF, other)
    return other


def test_a_branch_that_was_replaced_stays_until_a_person_accepts_it(here: TownHelper) -> None:
    last, other = here.repo.head(REF), replaced(here)
    row = only(here, "rewound", "--fix", code=1)
    assert (row["fixable"], here.repo.head(REF)) == (False, other)
    assert here.json("doctor", "--accept-ledger") == {
        "schema_version": 1,
        "accepted": True,
        "tip": other,
        "before": last,
    }
    assert of(here, "rewound") == []
    assert here.ok("doctor", "--accept-ledger") == "nothing was wrong with it\n"
    here.ok("scan")


def test_nobody_accepts_a_ledger_who_does_not_write_it(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatch", "off")
    assert here.error("doctor", "--accept-ledger")["code"] == "role"


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


def test_workers_that_a_replaced_ledger_does_not_know_are_not_ended(workshop: Workshop) -> None:
    workshop.worker("time.sleep(600)")
    workshop.begin(lease="1h")
    worker, here = int(workshop.note("gt-a-1")), workshop.here
    message = here.repo.git("log", "-1", "--format=%B", f"{REF}~1")
    other = {"GIT_COMMITTER_NAME": "another machine"}
    begun = here.repo.git("commit-tree", f"{REF}~1^{{tree}}", "-p", f"{REF}~2", "-m", message, env=other)
    here.repo.git("update-ref", REF, begun)
    answer = here.json("doctor", "--fix", code=1)
    assert {"ended", "leases", "attempt-folders", "stray-worktrees"} <= set(answer["skipped"])
    assert alive(worker)
    assert workshop.worktree().is_dir()
    assert (workshop.own / "leases" / "gt-a").exists()


# --- beside the remotes' --------------------------------------------------------------------------------------------


def track(here: TownHelper, commit: str) -> None:
    """As after a fetch."""
    here.repo.git("remote", "add", "origin", "/nowhere")
    here.repo.git("update-ref", "refs/remotes/origin/convoy-ledger", commit)


def test_as_the_remote_has_it(here: TownHelper) -> None:
    track(here, here.repo.head(REF))
    assert of(here, "remote-ledger") == []


def test_behind_the_remote(here: TownHelper) -> None:
    track(here, event(here, REF))
    row = only(here, "remote-ledger")
    assert (row["severity"], row["observed"]) == ("warning", "it is 1 commit ahead of the branch here")
    assert row["commands"] == ["gitconvoy sync origin"]


def test_ahead_of_the_remote(here: TownHelper) -> None:
    track(here, here.repo.head(f"{REF}~2"))
    row = only(here, "remote-ledger")
    assert (row["severity"], row["observed"]) == ("note", "it is 2 commits behind the branch here")


def test_two_ledgers_that_diverged(here: TownHelper) -> None:
    own = here.repo.head(REF)
    track(here, event(here, f"{REF}~1"))
    row = only(here, "remote-ledger", "--fix", code=1)
    assert (row["severity"], row["fixable"]) == ("error", False)
    assert "1 commit only here, 1 commit only there" in row["observed"]
    assert row["commands"][-1] == "gitconvoy sync origin"
    assert here.repo.head(REF) == own
    assert "the ledger here and that of origin have diverged: gitconvoy sync origin" in here.json("status")["notes"]


def test_a_diverged_copy_of_a_clone_without_a_role_and_the_remedy(here: TownHelper) -> None:
    own, other = here.repo.head(REF), event(here, f"{REF}~1")
    track(here, other)
    here.repo.config("gitconvoy.dispatch", "off")
    row = only(here, "remote-ledger", code=1)
    follow(here, row, *range(len(row["commands"])))
    assert here.repo.head(REF) == other
    assert here.repo.head(f"convoy-ledger-{own[:10]}") == own
    assert of(here, "remote-ledger") == []


def test_a_read_only_look_at_all_of_it_leaves_no_trace(here: TownHelper) -> None:
    def everything() -> dict[str, tuple[int, bytes]]:
        files = sorted(path for path in here.path.rglob("*") if path.is_file() and "sqlite3" not in path.name)
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    here.ok("doctor")
    before = everything()
    here.ok("doctor")
    here.ok("doctor", "--fix")
    assert everything() == before


@pytest.mark.parametrize("rev", [REF, "main:.convoy/beads/gt-b.yaml"])
def test_objects_that_are_damaged_are_named(here: TownHelper, rev: str) -> None:
    oid = here.repo.head(rev)
    file = here.path / ".git/objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(b"xx")
    for cache in (here.path / ".git/gitconvoy").glob("*.sqlite3*"):
        cache.unlink()
    found = [row for row in rows(here, code=1) if row["severity"] == "error"]
    assert any(oid in row["observed"] for row in found), found
    assert here.error("scan")["code"] == "damaged-object"
