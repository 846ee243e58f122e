"""A ledger branch that somebody deleted, set back or replaced: noticed, and nothing is dispatched twice (SPEC 1, 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as replace_field
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain

from gitconvoy.dispatch import leases
from gitconvoy.engine import rewound
from gitconvoy.errors import Refused

REF = "refs/heads/convoy-ledger"
WRITERS = [
    ("scan",),
    ("feed",),
    ("next", "--claim"),
    ("sling", "gt-x"),
    ("pause", "--all"),
    ("done", "gt-a", "--no-code"),
]


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a is at work."""
    return chain(repo)


def tip(here: TownHelper, rev: str = REF) -> str:
    return here.repo.git("rev-parse", rev).strip()


def delete(here: TownHelper) -> None:
    here.repo.git("branch", "-D", "convoy-ledger")


def set_back(here: TownHelper) -> None:
    here.repo.git("update-ref", REF, f"{REF}~1")


def replace(here: TownHelper) -> None:
    """By another history of the same beginning, as by a forced fetch from a machine that dispatched, too."""
    message = here.repo.git("log", "-1", "--format=%B", REF)
    other = here.repo.git("commit-tree", f"{REF}^{{tree}}", "-p", f"{REF}~1", "-m", message + "\n").strip()
    here.repo.git("update-ref", REF, other)


DAMAGES: list[Callable[[TownHelper], None]] = [delete, set_back, replace]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("words", WRITERS, ids=lambda words: " ".join(words))
def test_nothing_is_written_on_a_ledger_that_forgot(
    here: TownHelper, damage: Callable[[TownHelper], None], words: tuple[str, ...]
) -> None:
    last = tip(here)
    damage(here)
    found = here.repo.git("for-each-ref", REF)
    error = here.error(*words)
    assert error["code"] == "ledger-rewound"
    assert last[:10] in error["message"]
    assert here.repo.git("for-each-ref", REF) == found


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_status_says_so(here: TownHelper, damage: Callable[[TownHelper], None]) -> None:
    assert not any("convoy-ledger" in note for note in here.json("status")["notes"])
    damage(here)
    assert any("nothing is dispatched: the branch convoy-ledger" in note for note in here.json("status")["notes"])


@pytest.mark.parametrize("damage", [delete, set_back], ids=lambda damage: damage.__name__)
def test_it_is_put_back_and_goes_on(here: TownHelper, damage: Callable[[TownHelper], None]) -> None:
    last, events = tip(here), here.events()
    damage(here)
    rewound.put_back(here.open())
    assert tip(here) == last
    here.ok("scan")
    assert here.events() == events
    assert here.json("audit")["ok"]


def test_what_was_replaced_is_not_put_back_but_both_sides_are_named(here: TownHelper) -> None:
    last = tip(here)
    replace(here)
    with pytest.raises(Refused) as refused:
        rewound.put_back(here.open())
    assert refused.value.code == "ledger-rewound"
    now = tip(here)
    for command in (f"git branch convoy-ledger-{now[:10]} {now}", f"git update-ref --no-deref {REF} {last}"):
        assert command in refused.value.hint
        here.repo.git(*command.split()[1:])
    here.ok("scan")
    assert here.json("audit")["ok"]


@pytest.mark.parametrize("damage", [delete, set_back], ids=lambda damage: damage.__name__)
def test_a_person_may_accept_it_as_it_is(here: TownHelper, damage: Callable[[TownHelper], None]) -> None:
    damage(here)
    accepted = rewound.accept(here.open())
    assert accepted is not None
    here.ok("scan")
    assert here.json("audit")["ok"]
    assert [event for event in here.events() if event.startswith("dispatch gt-a")]
    assert rewound.accept(here.open()) is None


def test_a_remote_tracking_ledger_that_is_older_does_not_stand_in(here: TownHelper) -> None:
    here.repo.git("update-ref", "refs/remotes/origin/convoy-ledger", f"{REF}~1")
    here.repo.git("config", "remote.origin.url", "nowhere")
    last = tip(here)
    delete(here)
    assert here.error("scan")["code"] == "ledger-rewound"
    here.repo.git("update-ref", "refs/remotes/origin/convoy-ledger", last)
    here.ok("scan")
    assert tip(here) == last


def test_where_the_last_commit_is_gone_the_remote_is_named(here: TownHelper) -> None:
    delete(here)
    here.repo.git("reflog", "expire", "--expire=now", "--all")
    here.repo.git("gc", "--quiet", "--prune=now")
    error = here.error("scan")
    assert (error["code"], "git fetch" in error["hint"]) == ("ledger-rewound", True)
    assert rewound.accept(here.open()) is not None
    here.ok("scan")
    assert here.events()[0].startswith("init")


def test_a_decision_whose_look_was_not_noted_is_no_alarm(here: TownHelper) -> None:
    note = here.path / ".git/gitconvoy/seen"
    old = note.read_bytes()
    here.ok("sling", "gt-x")
    assert note.read_bytes() != old
    note.write_bytes(old)
    here.ok("scan")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_who_claimed_keeps_its_lease_meanwhile(here: TownHelper, damage: Callable[[TownHelper], None]) -> None:
    here.bead("gt-y")
    here.convoy("hq-cv-2", "gt-y", status="open")
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n")
    here.commit("more")
    claim = here.json("--actor", "ada", "next", "--claim")
    words = ("--actor", "ada", "heartbeat", claim["bead"]["id"])
    damage(here)
    before = leases.read_all(here.path / ".git")[claim["bead"]["id"]]
    leases.write(here.path / ".git", replace_field(before, expires=1))
    here.ok(*words)
    here.ok(*words, "--token", claim["token"])
    after = leases.read_all(here.path / ".git")[claim["bead"]["id"]]
    assert (after.token, after.expires >= before.expires) == (before.token, True)
    assert here.error("--actor", "bob", *words[2:])["code"] == "not-yours"


def test_a_deleted_branch_beside_a_remote_that_went_elsewhere_is_put_back(here: TownHelper) -> None:
    last = tip(here)
    replace(here)
    here.repo.git("update-ref", "refs/remotes/origin/convoy-ledger", REF)
    here.repo.git("config", "remote.origin.url", "nowhere")
    delete(here)
    rewound.put_back(here.open())
    assert tip(here) == last


def test_a_clone_that_does_not_dispatch_follows_what_it_fetches(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatch", "off")
    replace(here)
    assert rewound.look(here.open()) is None
    assert here.error("scan")["code"] == "role"


def test_a_hook_of_a_clone_without_the_role_forgets_nothing(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatch", "off")
    delete(here)
    here.bead("gt-y")
    here.commit("by hand")
    here.hook("post-commit")
    here.repo.config("gitconvoy.dispatch", "local")
    assert here.error("scan")["code"] == rewound.CODE
    rewound.put_back(here.open())
    here.ok("scan")
    assert [each for each in here.events() if each.startswith("dispatch gt-a")] == [
        "dispatch gt-a to gt/polecat-1 (attempt 1)"
    ]


def test_a_clone_that_dispatches_again_goes_on_where_another_has_come_to(here: TownHelper, tmp_path: Path) -> None:
    other = TownHelper(here.repo.clone(tmp_path / "other"))
    other.repo.config("gitconvoy.wake", "false")
    other.repo.config("gitconvoy.dispatch", "local")
    other.ok("--actor", "gt/polecat-1", "done", "gt-a", "--no-code")
    here.repo.git("remote", "add", "other", str(other.path))
    here.repo.git("fetch", "--quiet", "other")
    here.ok("scan")
    assert tip(here) == other.repo.head(REF)
    assert here.error("--actor", "gt/polecat-1", "done", "gt-b", "--token", "0" * 16)["code"] == "stale-token"
    assert here.json("audit")["ok"]
