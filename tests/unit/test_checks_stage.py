"""SPEC 6: what `stage` takes, what it refuses, and its findings."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from builders import bead, config, convoy, epic, fact, state
from hypothesis import given
from hypothesis import strategies as st

from gitconvoy.checks.overlap import overlapping
from gitconvoy.checks.selection import Selection, choose
from gitconvoy.checks.stage import StageReport, analyse, report_as_dict
from gitconvoy.checks.stage_findings import Finding
from gitconvoy.errors import Refused
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.plan import Dispatch, Rig
from gitconvoy.rules.touches import overlaps
from gitconvoy.rules.view import View


def view(*items: Any, **fields: Any) -> View:
    return View(state(*items, **fields))


def staged(*items: Any, args: tuple[str, ...], branches: Any = None, **fields: Any) -> StageReport:
    seen = view(*items, **fields)
    return analyse(seen, choose(seen, args), branches)


def of(report: StageReport, category: str) -> list[Finding]:
    return [finding for finding in (*report.errors, *report.warnings) if finding.category == category]


def ids(report: StageReport, category: str) -> list[tuple[str, ...]]:
    return [finding.bead_ids for finding in of(report, category)]


EPIC = (
    epic("gt-e"),
    bead("gt-a", parent="gt-e"),
    epic("gt-f", parent="gt-e"),
    bead("gt-b", "gt-a", parent="gt-f"),
    bead("gt-d", parent="gt-f", type="decision"),
    bead("gt-z"),
)


class TestSelection:
    def test_an_epic_stands_for_its_slingable_descendants(self) -> None:
        chosen = choose(view(*EPIC), ["gt-e"])
        assert (chosen.kind, chosen.epic, chosen.tracks) == ("epic", "gt-e", ("gt-a", "gt-b"))
        assert chosen.members == ("gt-e", "gt-a", "gt-f", "gt-b", "gt-d")

    def test_beads_are_tracked_as_given(self) -> None:
        chosen = choose(view(*EPIC), ["gt-z", "gt-d", "gt-z", "gt-nix"])
        assert (chosen.kind, chosen.tracks) == ("beads", ("gt-d", "gt-nix", "gt-z"))

    @pytest.mark.parametrize("status", ["staged_ready", "staged_warnings"])
    def test_a_staged_convoy_is_taken_as_it_stands(self, status: str) -> None:
        seen = view(*EPIC, convoy("hq-cv-1", "gt-z", "gt-a", status=status, epic="gt-e", base_branch="dev"))
        chosen = choose(seen, ["hq-cv-1"])
        assert (chosen.kind, chosen.convoy_id, chosen.tracks) == ("convoy", "hq-cv-1", ("gt-a", "gt-z"))
        assert chosen.base_branch == "dev"

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            ([], "nothing to stage"),
            (["gt-e", "gt-a"], "mixed kinds"),
            (["gt-e", "hq-cv-1"], "mixed kinds"),
            (["hq-cv-1", "gt-a"], "mixed kinds"),
            (["gt-e", "gt-f"], "several epics"),
            (["hq-cv-1", "hq-cv-2"], "several convoys"),
            (["hq-cv-2"], "hq-cv-2 is open"),
            (["hq-cv-3"], "hq-cv-3 is closed"),
            (["gt-z"], "gt-z is tracked by convoy hq-cv-1"),
        ],
    )
    def test_what_is_refused(self, args: list[str], words: str) -> None:
        seen = view(
            *EPIC,
            convoy("hq-cv-1", "gt-z", status="staged_ready"),
            convoy("hq-cv-2"),
            convoy("hq-cv-3", status="closed"),
        )
        with pytest.raises(Refused, match=words) as caught:
            choose(seen, args)
        assert caught.value.hint

    def test_an_epic_with_a_bead_of_another_convoy_is_refused_naming_it(self) -> None:
        with pytest.raises(Refused, match="gt-b is tracked by convoy hq-cv-9"):
            choose(view(*EPIC, convoy("hq-cv-9", "gt-b")), ["gt-e"])

    def test_statuses_are_effective_ones(self) -> None:
        launched = ConvoyRecord("hq-cv-1", status="open", file_status="staged_ready")
        ended = ConvoyRecord("hq-cv-2", status="closed", file_status="open")
        items = [*EPIC, convoy("hq-cv-1", status="staged_ready"), convoy("hq-cv-2", "gt-a"), launched, ended]
        with pytest.raises(Refused, match="hq-cv-1 is open"):
            choose(view(*items), ["hq-cv-1"])
        assert choose(view(*items), ["gt-a"]).tracks == ("gt-a",)

    def test_many_tracked_beads_are_named_briefly(self) -> None:
        beads = [bead(f"gt-{n}") for n in range(9)]
        with pytest.raises(Refused, match=r"and 4 more") as caught:
            choose(view(*beads, convoy("hq-cv-1", *(one.id for one in beads))), [one.id for one in beads])
        assert "hq-cv-1" in caught.value.hint


class TestErrors:
    def test_cycle(self) -> None:
        report = staged(bead("gt-a", "gt-b"), bead("gt-b", "gt-a"), bead("gt-c"), args=("gt-a", "gt-b", "gt-c"))
        (finding,) = report.errors
        assert (finding.category, finding.bead_ids) == ("cycle", ("gt-a", "gt-b"))
        assert "gt-a -> gt-b -> gt-a" in finding.message
        assert ".convoy/beads/gt-" in finding.suggested_fix
        assert report.status == "error"
        assert report.waves.waves == (("gt-c",),)

    def test_an_imported_cycle_is_an_error_too_and_a_strange_one_is_none(self) -> None:
        loop = [
            bead("gt-a", "gt-b", imported_links=frozenset([("blocks", "gt-b")])),
            bead("gt-b", "gt-a", imported_links=frozenset([("blocks", "gt-a")])),
            bead("gt-c"),
        ]
        assert ids(staged(*loop, args=("gt-a", "gt-b")), "cycle") == [("gt-a", "gt-b")]
        assert ids(staged(*loop, args=("gt-c",)), "cycle") == []

    def test_no_rig(self) -> None:
        report = staged(bead("gt-a"), bead("xy-a"), bead("xy-b", type="decision"), args=("gt-a", "xy-a", "xy-b"))
        assert [finding.category for finding in report.errors] == ["no-rig"]
        assert ids(report, "no-rig") == [("xy-a",)]

    def test_missing_bead_given_or_tracked(self) -> None:
        assert ids(staged(bead("gt-a"), args=("gt-a", "gt-x")), "missing-bead") == [("gt-x",)]
        report = staged(bead("gt-a"), convoy("hq-cv-1", "gt-a", "gt-x", status="staged_ready"), args=("hq-cv-1",))
        assert ids(report, "missing-bead") == [("gt-x",)]

    def test_an_unreadable_bead_is_missing_in_other_words(self) -> None:
        (finding,) = staged(bead("gt-a"), args=("gt-a", "gt-x"), broken=["gt-x"]).errors
        assert (finding.category, finding.bead_ids) == ("missing-bead", ("gt-x",))
        assert "cannot be read" in finding.message

    @pytest.mark.parametrize("args", [("gt-e",), ("gt-d",)])
    def test_nothing_slingable(self, args: tuple[str, ...]) -> None:
        report = staged(epic("gt-e"), bead("gt-d", parent="gt-e", type="decision"), args=args)
        assert [finding.category for finding in report.errors] == ["nothing-slingable"]


class TestWarnings:
    def test_orphan_is_a_matter_of_epics(self) -> None:
        beads = [bead("gt-a", parent="gt-e"), bead("gt-b", "gt-a", parent="gt-e"), bead("gt-c", parent="gt-e")]
        assert ids(staged(epic("gt-e"), *beads, args=("gt-e",)), "orphan") == [("gt-c",)]
        assert ids(staged(epic("gt-e"), *beads, args=("gt-a", "gt-b", "gt-c")), "orphan") == []

    def test_relations_to_non_slingable_descendants_count_and_others_do_not(self) -> None:
        beads = [
            bead("gt-a", "gt-d", parent="gt-e"),
            bead("gt-b", "gt-z", parent="gt-e"),
            bead("gt-c", ("related", "gt-a"), parent="gt-e"),
            bead("gt-d", parent="gt-e", type="decision"),
            bead("gt-z"),
        ]
        assert ids(staged(epic("gt-e"), *beads, args=("gt-e",)), "orphan") == [("gt-b",), ("gt-c",)]

    def test_a_lone_bead_is_no_orphan(self) -> None:
        assert staged(epic("gt-e"), bead("gt-a", parent="gt-e"), args=("gt-e",)).status == "staged_ready"

    def test_parked_rig(self) -> None:
        rigs = config(Rig("web", ("gt",), parked=True))
        assert ids(staged(bead("gt-a"), bead("gt-b"), args=("gt-a", "gt-b"), config=rigs), "parked-rig") == [
            ("gt-a", "gt-b")
        ]

    def test_cross_rig_names_those_outside_of_the_majority(self) -> None:
        rigs = config(Rig("api", ("api",)), Rig("web", ("web",)), Rig("ops", ("ops",)))
        beads = [bead("web-a"), bead("web-b"), bead("api-a"), bead("ops-a")]
        report = staged(*beads, args=tuple(one.id for one in beads), config=rigs)
        assert ids(report, "cross-rig") == [("api-a",), ("ops-a",)]
        assert ids(staged(beads[0], beads[1], args=("web-a", "web-b"), config=rigs), "cross-rig") == []

    def test_missing_branch_of_the_convoy_else_of_the_rig(self) -> None:
        rigs = config(Rig("gt", ("gt",), base_branch="dev"))
        items = [bead("gt-a"), convoy("hq-cv-1", "gt-a", status="staged_ready", base_branch="next")]
        assert ids(staged(bead("gt-a"), args=("gt-a",), branches=["main"], config=rigs), "missing-branch") == [
            ("gt-a",)
        ]
        assert not staged(bead("gt-a"), args=("gt-a",), branches=["dev"], config=rigs).warnings
        (finding,) = staged(*items, args=("hq-cv-1",), branches=lambda name, _: name == "dev", config=rigs).warnings
        assert (finding.category, "next" in finding.message) == ("missing-branch", True)
        assert not staged(*items, args=("hq-cv-1",), config=rigs).warnings

    def test_gated_while_the_gate_is_open(self) -> None:
        beads = [bead("gt-a", "gt-d"), bead("gt-d", type="decision")]
        report = staged(*beads, args=("gt-a", "gt-d"))
        assert ids(report, "gated") == [("gt-a",)]
        assert report.waves.gates == {"gt-a": ("gt-d",)}
        assert not staged(*beads, fact("gt-d"), args=("gt-a", "gt-d")).warnings

    def test_outside_blocker_while_it_is_open(self) -> None:
        beads = [bead("gt-a", "gt-z"), bead("gt-z")]
        assert ids(staged(*beads, args=("gt-a",)), "outside-blocker") == [("gt-a", "gt-z")]
        assert not staged(bead("gt-a", "gt-z"), bead("gt-z", status="closed"), args=("gt-a",)).warnings

    def test_an_external_target_blocks_and_is_said_to(self) -> None:
        (finding,) = staged(bead("gt-a", "external:jira-1"), args=("gt-a",)).warnings
        assert finding.category == "outside-blocker"
        assert finding.bead_ids == ("gt-a", "external:jira-1")

    def test_dangling(self) -> None:
        beads = [epic("gt-e", "gt-y"), bead("gt-a", "gt-x", ("related", "gt-w"), parent="gt-e")]
        report = staged(*beads, args=("gt-a",))
        assert ids(report, "dangling") == [("gt-a",), ("gt-a",), ("gt-a", "gt-e")]
        assert report.status == "staged_warnings"

    def test_capacity_of_town_convoy_and_rig(self) -> None:
        beads = [bead(f"gt-{n}") for n in range(3)]
        args = tuple(one.id for one in beads)

        def warned(rig: Rig, town: int) -> bool:
            report = staged(*beads, args=args, config=config(rig, dispatch=Dispatch(max_workers=town)))
            return bool(of(report, "capacity"))

        assert not warned(Rig("gt", ("gt",)), 3)
        assert warned(Rig("gt", ("gt",)), 2)
        assert warned(Rig("gt", ("gt",), workers=("nux", "rictus")), 9)
        assert warned(Rig("gt", ("gt",), max_workers=2), 9)
        seen = view(*beads)
        assert of(analyse(seen, choose(seen, args, max_workers=2)), "capacity")

    def test_closed_beads_need_no_worker(self) -> None:
        beads = [bead(f"gt-{n}", status="closed" if n < 2 else "open") for n in range(6)]
        assert not of(staged(*beads, args=tuple(one.id for one in beads)), "capacity")

    def test_overlap_within_a_wave_and_rig(self) -> None:
        beads = [
            bead("gt-a", touches=("src/**",)),
            bead("gt-b", touches=("src/x.py",)),
            bead("gt-c", "gt-a", touches=("src/x.py",)),
            bead("gt-d", touches=("docs/*",)),
            bead("web-a", touches=("src/x.py",)),
        ]
        rigs = config(Rig("gt", ("gt",)), Rig("web", ("web",)))
        report = staged(*beads, args=tuple(one.id for one in beads), config=rigs)
        assert ids(report, "overlap") == [("gt-a", "gt-b")]


def test_a_sound_selection_is_staged_ready() -> None:
    report = staged(bead("gt-a"), bead("gt-b", "gt-a"), args=("gt-a", "gt-b"), branches=["main"])
    assert (report.status, report.errors, report.warnings) == ("staged_ready", (), ())


def test_every_finding_has_a_message_and_a_remedy() -> None:
    tested = staged(
        epic("gt-e"),
        bead("gt-a", "gt-b", "gt-x", parent="gt-e", touches=("a",)),
        bead("gt-b", "gt-a", parent="gt-e"),
        bead("gt-c", "gt-z", parent="gt-e", touches=("a",)),
        bead("gt-z", type="decision"),
        args=("gt-e",),
        config=config(Rig("gt", ("gt",), parked=True, base_branch="gone"), dispatch=Dispatch(max_workers=1)),
        branches=["main"],
    )
    assert {finding.category for finding in (*tested.errors, *tested.warnings)} >= {"cycle", "parked-rig", "gated"}
    assert all(finding.message and finding.suggested_fix for finding in (*tested.errors, *tested.warnings))


def test_the_json_shape() -> None:
    rigs = config(Rig("gt", ("gt",)), Rig("web", ("web",)))
    items = [epic("gt-e"), bead("gt-a", parent="gt-e"), bead("gt-b", "gt-a", "gt-d", parent="gt-e")]
    report = staged(*items, bead("gt-d", type="decision", title="Which?"), args=("gt-e",), config=rigs)
    data = report_as_dict(report, "hq-cv-1", restaged=False)
    assert list(data) == [
        "status",
        "convoy_id",
        "restaged",
        "errors",
        "warnings",
        "waves",
        "gates",
        "outside",
        "critical_path",
        "tree",
    ]
    assert (data["status"], data["convoy_id"], data["restaged"]) == ("staged_warnings", "hq-cv-1", False)
    row = {"id": "gt-b", "title": "Title of gt-b", "type": "task", "rig": "gt", "blocked_by": ["gt-a", "gt-d"]}
    assert data["waves"][1] == {"wave": 2, "beads": [row]}
    assert data["gates"] == {"gt-b": ["gt-d"]}
    assert data["outside"] == {"gt-b": ["gt-d"]}
    assert data["critical_path"] == ["gt-a", "gt-b"]
    assert [set(finding) for finding in data["warnings"]] == [
        {"category", "bead_ids", "message", "suggested_fix"} for _ in data["warnings"]
    ]
    assert [(node["id"], node["depth"], node["tracked"]) for node in data["tree"]] == [
        ("gt-e", 0, False),
        ("gt-a", 1, True),
        ("gt-b", 1, True),
    ]


def test_the_convoy_id_is_empty_on_error() -> None:
    data = report_as_dict(staged(args=("gt-x",)), "hq-cv-1", restaged=False)
    assert (data["status"], data["convoy_id"], data["waves"], data["gates"]) == ("error", "", [], {})


def test_an_archived_bead_may_be_given() -> None:
    report = staged(bead("gt-a"), bead("gt-o", archived=True, status="closed"), args=("gt-a", "gt-o"))
    assert report.status == "staged_ready"


def test_a_selection_can_be_made_by_hand() -> None:
    seen = view(bead("gt-a"), convoy("hq-cv-1", "gt-a"))
    assert analyse(seen, Selection("convoy", ("gt-a",), ("gt-a",), convoy_id="hq-cv-1")).status == "staged_ready"


PATTERN = st.lists(st.sampled_from(["a", "b", "a*", "*", "**", "?", ".", ""]), min_size=1, max_size=4).map("/".join)
TOUCHES = st.lists(PATTERN, max_size=2).map(tuple)


@given(st.lists(TOUCHES, max_size=6))
def test_overlap_groups_are_those_of_comparing_each_with_each(touches: list[tuple[str, ...]]) -> None:
    beads = [(f"gt-{n}", patterns) for n, patterns in enumerate(touches)]
    groups = {one: {one} for one, _ in beads}
    for (one, left), (other, right) in itertools.combinations(beads, 2):
        if overlaps(left, right):
            merged = groups[one] | groups[other]
            groups.update(dict.fromkeys(merged, merged))
    expected = {tuple(sorted(group)) for group in groups.values() if len(group) > 1}
    assert set(overlapping(beads)) == expected
