"""Which notices are recorded, once each; who is told; watchers (SPEC 4, 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import bead, config, convoy, live, record, state
from drafts import HERE, changes, decided, draft, local

from gitconvoy.dispatch import outbox
from gitconvoy.dispatch.handins import Handin
from gitconvoy.dispatch.leases import NEVER, Lease
from gitconvoy.dispatch.notifying import Channels, document
from gitconvoy.dispatch.outbox import Notice
from gitconvoy.engine import facts, settle
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.telling import notices, watching
from gitconvoy.errors import NotFound, Refused, UsageError
from gitconvoy.ledger.codec import convoy_bytes, read_convoy
from gitconvoy.model.kinds import RECORD_CONVOY
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.plan import Bead, Convoy, Dispatch
from gitconvoy.rules.view import View
from gitconvoy.schema import validate
from gitconvoy.yamlio.reader import load

FLOW = "hq-cv-1"


def made(*items: Any, notifies: bool = True) -> Draft:
    """A draft of these on a machine where somebody is told."""
    return draft(state(*items), local(notifies=notifies, via=None))


def because(message: str, rule: str = "links", *ids: str) -> list[dict[str, Any]]:
    """The reasons of a standstill."""
    return [{"rule": rule, "message": message, "ids": list(ids)}]


def told(one: Draft) -> list[tuple[str, str]]:
    """(kind, what it is about) of each notice."""
    parsed = [(notices.parse(event.reason), event) for event in one.events if event.kind == "notify"]
    return [(found[0], event.bead or event.convoy or "") for found, event in parsed if found is not None]


def test_completion_is_told_in_the_chain_that_completes() -> None:
    one = made(bead("gt-a", status="closed"), convoy(FLOW, "gt-a"))
    settle.settle(one)
    notices.decide(one)
    assert decided(one) == [f"complete {FLOW}", f"notify {FLOW}"]
    assert told(one) == [("completion", FLOW)]
    assert "outcome done" in one.events[-1].reason


def test_nothing_is_recorded_where_nobody_is_told() -> None:
    one = made(bead("gt-a", status="closed"), convoy(FLOW, "gt-a"), notifies=False)
    settle.settle(one)
    notices.decide(one)
    assert decided(one) == [f"complete {FLOW}"]
    assert notices.stranded(one, [(FLOW, because("why"))]) == 0


@pytest.mark.parametrize(
    ("before", "expected"), [(0, []), (1, []), (2, [("exhausted", "gt-a")]), (3, [("exhausted", "gt-a")])]
)
def test_exhausted_is_told_by_the_failure_that_exhausts(before: int, expected: list[tuple[str, str]]) -> None:
    one = made(bead("gt-a"), convoy(FLOW, "gt-a"), live("gt-a", failures=before, convoy=FLOW))
    facts.failed(one, "gt-a", "no fixture")
    notices.decide(one)
    assert told(one) == expected


def test_a_conflict_is_told_as_such_and_not_as_a_failure() -> None:
    one = made(bead("gt-a"), convoy(FLOW, "gt-a"), live("gt-a", failures=2, submitted="c" * 40, convoy=FLOW))
    facts.given_back(one, "gt-a", "conflicts in a.txt")
    notices.decide(one)
    assert told(one) == [("conflict", "gt-a")]
    assert "conflicts in a.txt" in one.events[-1].reason


def test_a_retry_tells_nothing() -> None:
    one = made(bead("gt-a"), convoy(FLOW, "gt-a"), record("gt-a", failures=3, attempt=3))
    facts.retry(one, "gt-a")
    notices.decide(one)
    assert told(one) == []


def test_a_standstill_is_told_once_and_again_after_something_happened() -> None:
    one = made(bead("gt-a"), convoy(FLOW, "gt-a"))
    stuck = [(FLOW, because("it waits for a decision"))]
    assert notices.stranded(one, stuck) == 1
    assert notices.stranded(one, stuck) == 0
    assert told(one) == [("stranded", FLOW)]
    assert set(changes(one)) == {"told"}
    facts.dispatch(one, "gt-a", convoy=FLOW, worker="w", via="push", token="t")
    facts.failed(one, "gt-a", "no")
    assert notices.stranded(one, stuck) == 1
    assert notices.stranded(one, [(FLOW, because("another reason", "rig"))]) == 1
    assert notices.stranded(one, [(FLOW, because("another reason", "rig", "gt-b"))]) == 1


def test_a_standstill_is_the_same_whatever_words_its_reason_is_in() -> None:
    one = made(bead("gt-a"), convoy(FLOW, "gt-a"), live("gt-a", submitted="c" * 40))
    assert notices.stranded(one, [(FLOW, because("local changes to a.py", "live", "gt-a"))]) == 1
    assert notices.stranded(one, [(FLOW, because("local changes to b.py", "live", "gt-a"))]) == 0


def test_what_a_standstill_may_follow_from_calls_for_a_look() -> None:
    made_of = state(bead("gt-a"), convoy(FLOW, "gt-a"), live("gt-a", machine=HERE, token="t"))

    def scene(*leases: Lease, **fields: Any) -> str:
        return notices.scene(
            View(replace(made_of, plan=replace(made_of.plan, away=away))), local(*leases, **fields), "a", "b"
        )

    away: dict[str, str] = {}
    waits = Handin("gt-a", "t", "work", "c" * 40, "d" * 40, waits="a lock")
    before = scene()
    assert scene(Lease("gt-a", "t", 5)) == before, "a heartbeat"
    assert scene(handins={"gt-a": replace(waits, tries=1)}) == before, "a first try"
    seen = [
        scene(Lease("gt-a", "t", NEVER)), scene(handins={"gt-a": replace(waits, tries=2)}),
        scene(via=None), scene(branches={("gt-a", "work"): "c" * 40}),
    ]  # fmt: skip
    away = {"gt": "its repository is away"}
    seen.append(scene())
    assert len({before, *seen}) == 6


LIMITS = {"a" * 40: 2, "b" * 40: 3}
"""`dispatch.max_attempts` by commit of the trunk."""


def lowered(*records: Any, since: str | None = "b" * 40, **fields: Any) -> Draft:
    """A draft on the trunk aaa, with two attempts; the ledger last decided on `since`."""
    beads = [bead(each.id) for each in records]
    before = state(
        *beads, convoy(FLOW, *(each.id for each in beads), **fields), *records,
        config=config(dispatch=Dispatch(max_attempts=2)),
    )  # fmt: skip
    one = draft(replace(before, ledger=replace(before.ledger, trunk=since)), local(notifies=True, via=None))
    settle.settle(one)
    notices.decide(one, LIMITS.get)
    return one


def test_what_a_lower_limit_exhausts_is_told_once() -> None:
    records = (
        record("gt-a", failures=2, attempt=2), record("gt-b", failures=1, attempt=1),
        record("gt-c", failures=3, attempt=3), live("gt-d", failures=2, attempt=3),
        record("gt-e", failures=2, attempt=2, conflict="a.py", submitted="c" * 40),
    )  # fmt: skip
    one = lowered(*records)
    assert told(one) == [("exhausted", "gt-a")]
    assert "dispatch.max_attempts is 2 now, it was 3" in one.events[-1].reason
    assert told(lowered(*records, since="a" * 40)) == [], "the ledger has decided on that trunk"
    assert told(lowered(*records, since="c" * 40)) == [], "nobody knows what the limit was"
    assert told(lowered(*records, since=None)) == []


def test_what_a_lower_limit_gives_up_in_a_mountain_is_told() -> None:
    one = lowered(record("gt-a", failures=2, attempt=2), live("gt-b"), mountain=True)
    assert decided(one)[0] == "fail gt-a"
    assert told(one) == [("exhausted", "gt-a")]


@pytest.mark.parametrize(
    ("fields", "in_ledger", "expected"),
    [
        ({"owner": "ada", "data": {"notify": "gt/mayor", "watchers": ["eve", "bob"]}}, ("carl", "eve"),
         ("ada", "gt/mayor", "bob", "carl", "eve")),
        ({"data": {"notify": ["gt/mayor", "ada"]}}, (), ("gt/mayor", "ada")),
        ({"data": {"created_by": "zoe"}}, (), ("zoe",)),
        ({"data": {"created_by": "--exec=sh"}}, (), ("me",)),
        ({"owner": "-x", "data": {"notify": ["$(sh)", 7], "created_by": "zoe"}}, ("--y",), ("zoe",)),
        ({}, ("carl",), ("carl",)),
        ({}, (), ("me",)),
    ],
)  # fmt: skip
def test_recipients(fields: dict[str, Any], in_ledger: tuple[str, ...], expected: tuple[str, ...]) -> None:
    view = View(state(bead("gt-a"), convoy(FLOW, "gt-a", **fields), ConvoyRecord(FLOW, watchers=in_ledger or None)))
    assert notices.recipients(view, FLOW, None, "me") == expected


def test_nobody_is_told_by_a_name_that_could_be_an_option() -> None:
    view = View(state(bead("gt-a", data={"created_by": "--exec=sh"})))
    assert notices.recipients(view, None, "gt-a", "-me") == ()
    assert Channels(("tell", "--to={to}")).names(()) == ("command",), "the program runs all the same, once"


def test_a_bead_that_no_convoy_tracks_has_its_owner_told() -> None:
    view = View(state(bead("gt-a", owner="ada", data={"created_by": "bob"}), bead("gt-b", data={"created_by": "bob"})))
    assert notices.recipients(view, None, "gt-a", "me") == ("ada",)
    assert notices.recipients(view, None, "gt-b", "me") == ("bob",)
    assert notices.recipients(view, None, "gt-gone", "me") == ("me",)


# Watchers


def watched(*items: Bead | Convoy | ConvoyRecord) -> Draft:
    return made(bead("gt-a"), *(items or (convoy(FLOW, "gt-a"),)))


def test_watchers_are_kept_in_the_ledger_once() -> None:
    one = watched()
    assert watching.watch(one, FLOW, "gastown/nux") is not None
    assert watching.watch(one, FLOW, "ada@example.org") is not None
    assert watching.watch(one, FLOW, "gastown/nux") is None
    assert one.convoy_record(FLOW).watchers == ("ada@example.org", "gastown/nux")
    assert decided(one) == [f"watch {FLOW}", f"watch {FLOW}"]
    assert watching.unwatch(one, FLOW, "gastown/nux") is not None
    assert watching.unwatch(one, FLOW, "gastown/nux") is None
    assert watching.unwatch(one, FLOW, "ada@example.org") is not None
    assert one.convoy_record(FLOW).watchers is None


def test_watchers_of_the_file_are_the_files() -> None:
    one = watched(convoy(FLOW, "gt-a", data={"watchers": ["ada"]}))
    assert watching.watch(one, FLOW, "ada") is None
    with pytest.raises(Refused, match="among its watchers"):
        watching.unwatch(one, FLOW, "ada")
    with pytest.raises(NotFound):
        watching.watch(one, "hq-cv-none", "ada")


@pytest.mark.parametrize("who", ["--exec=sh", "-x", "", "a\nb", "$(touch x)", "a;b", "a`b`", " a", "\u202eabc"])
def test_what_could_fool_a_program_watches_nothing(who: str) -> None:
    with pytest.raises(UsageError):
        watching.watch(watched(), FLOW, who)


def test_the_record_of_a_convoy_survives_the_ledger() -> None:
    known = ConvoyRecord(FLOW, watchers=("ada@example.org", "gastown/nux"), told="0123456789abcdef")
    data = convoy_bytes(known)
    assert read_convoy(data, "r") == known
    assert validate(RECORD_CONVOY, load(data, "r"), "r") == []
    assert validate(RECORD_CONVOY, {"id": FLOW, "watchers": ["--exec=sh"]}, "r") != []


# Outbox and channels


def notice(**fields: Any) -> Notice:
    return Notice(**{"id": "c" * 40, "event": "completion", "at": 1000, "convoy": FLOW, "to": ("ada",), **fields})


def test_the_outbox_keeps_what_is_pending_and_its_order(tmp_path: Path) -> None:
    late, early = notice(id="a" * 40, at=2000, pending=("command",)), notice(pending=("command ada", "url 1"))
    for each in (late, early):
        outbox.put(tmp_path, each)
    assert outbox.read_all(tmp_path) == [early, late]
    (outbox.folder(tmp_path) / f"{'d' * 40}.json").write_text("{")
    outbox.put(tmp_path, notice(pending=()))
    assert outbox.read_all(tmp_path) == [late]
    assert not outbox.known(tmp_path, early.id)


def test_the_cursor_is_none_until_it_is_moved(tmp_path: Path) -> None:
    assert outbox.cursor(tmp_path) is None
    outbox.move_cursor(tmp_path, "")
    assert outbox.cursor(tmp_path) == ""
    outbox.move_cursor(tmp_path, "a" * 40)
    assert outbox.cursor(tmp_path) == "a" * 40


def test_tries_get_rarer() -> None:
    found, pauses = notice(), []
    for _ in range(9):
        found = found.failed("no route " * 100, 0)
        pauses.append(found.not_before)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert len(found.error) == 500


@pytest.mark.parametrize(
    ("argv", "urls", "count"),
    [((), (), 0), (("tell",), (), 1), (("tell", "--to={to}"), (), 2), (("tell",), ("json://a", "json://b"), 3)],
)
def test_a_channel_for_each_delivery_and_no_secret_in_its_name(
    argv: tuple[str, ...], urls: Sequence[str], count: int
) -> None:
    names = Channels(argv, tuple(urls)).names(("ada", "bob"))
    assert len(set(names)) == count
    assert not any("json" in name for name in names)


def test_the_document_has_every_key_whatever_it_is_about() -> None:
    about_bead = document(notice(bead="gt-a", bead_title="A", attempt=3, message="m"), ["ada"])
    about_convoy = document(notice(convoy_title="Flow"), ["ada"])
    assert about_bead.keys() == about_convoy.keys()
    assert about_bead["title"] == "completion: gt-a (A)"
    assert about_convoy["title"] == f"completion: {FLOW} (Flow)"
    assert (about_convoy["bead"], about_convoy["at"]) == (None, "1970-01-01T00:16:40Z")


@pytest.mark.parametrize("reason", ["", "hello", "complete\nx"])
def test_other_reasons_are_no_notices(reason: str) -> None:
    assert notices.parse(reason) is None
