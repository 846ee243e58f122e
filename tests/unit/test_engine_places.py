"""Branch, base branch and merge strategy of an attempt (SPEC 3.3, 3.5, 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import bead, config, convoy, plan

from gitconvoy.engine.attempts.places import Place, Places, base_of, merge_of, place_of
from gitconvoy.errors import Refused
from gitconvoy.model.plan import Rig

PLACES = Places(trunk="main", tips={"main": "a" * 40, "release": "b" * 40})


@pytest.mark.parametrize(
    ("of_convoy", "of_rig", "base", "merge"),
    [
        ({}, {}, "main", "mr"),
        ({}, {"base_branch": "develop", "merge": "local"}, "develop", "local"),
        (
            {"base_branch": "release", "merge": "direct"},
            {"base_branch": "develop", "merge": "local"},
            "release",
            "direct",
        ),
    ],
)
def test_the_convoy_then_the_rig_then_the_trunk(
    of_convoy: dict[str, str], of_rig: dict[str, str], base: str, merge: str
) -> None:
    made = plan(
        bead("gt-a"),
        convoy("hq-cv-1", "gt-a", **of_convoy),
        config=config(Rig("gt", ("gt",), **of_rig)),  # type: ignore[arg-type]
    )
    assert base_of(made, PLACES, "gt-a", "hq-cv-1") == base
    assert merge_of(made, "gt-a", "hq-cv-1") == merge


@pytest.mark.parametrize("name", ["convoy-ledger", "convoy/gt-b-1"])
def test_what_can_be_no_base_branch(name: str) -> None:
    made = plan(bead("gt-a"), convoy("hq-cv-1", "gt-a", base_branch=name))
    with pytest.raises(Refused) as refused:
        base_of(made, PLACES, "gt-a", "hq-cv-1")
    assert refused.value.code == "base-branch"


def test_a_branch_that_is_not_taken() -> None:
    made = plan(bead("gt-a"))
    assert place_of(made, PLACES, "gt-a", None, 2) == Place("convoy/gt-a-2", "a" * 40)
    taken = Places(prefix="work/", tips=PLACES.tips, taken=frozenset({"work/gt-a-2", "work/gt-a-2.2"}))
    assert place_of(made, taken, "gt-a", None, 2).branch == "work/gt-a-2.3"


class Folder:
    """Names that cannot be taken because a branch is called like their folder."""

    def __contains__(self, name: object) -> bool:
        return str(name).startswith("convoy/")


def test_a_branch_that_is_called_like_the_folder_of_the_prefix() -> None:
    places = Places(tips=PLACES.tips, taken=Folder())
    assert place_of(plan(bead("gt-a")), places, "gt-a", None, 2).branch == "convoy-gt-a-2"


RIGS = config(Rig("gt", ("gt",)), Rig("ui", ("ui",), base_branch="next"))
ELSEWHERE = Places(
    trunk="main", tips=PLACES.tips, rigs={"ui": Places("trunk", "ui/", {"next": "c" * 40, "trunk": "d" * 40})}
)


def test_a_rig_with_a_repository_of_its_own_has_branches_and_settings_of_its_own() -> None:
    made = plan(bead("gt-a"), bead("ui-a"), convoy("hq-cv-1", "gt-a", "ui-a", base_branch="release"), config=RIGS)
    assert place_of(made, ELSEWHERE, "gt-a", None, 1) == Place("convoy/gt-a-1", "a" * 40)
    assert place_of(made, ELSEWHERE, "ui-a", None, 1) == Place("ui/ui-a-1", "c" * 40)
    with pytest.raises(Refused, match="release does not exist"):
        place_of(made, ELSEWHERE, "ui-a", "hq-cv-1", 1)
    without = replace(made, config=config(Rig("gt", ("gt",)), Rig("ui", ("ui",))))
    assert base_of(without, ELSEWHERE, "ui-a", None) == "trunk", "the trunk of its own repository"


def test_while_its_repository_is_away_nobody_can_tell() -> None:
    made = replace(plan(bead("ui-a"), config=RIGS), away={"ui": "there is no folder /x"})
    with pytest.raises(Refused, match="rig ui cannot be used: there is no folder /x") as refused:
        base_of(made, ELSEWHERE, "ui-a", None)
    assert refused.value.code == "rig-away"


def test_a_base_branch_that_does_not_exist() -> None:
    made = plan(bead("gt-a"), convoy("hq-cv-1", "gt-a", base_branch="nowhere"))
    with pytest.raises(Refused, match="nowhere does not exist") as refused:
        place_of(made, PLACES, "gt-a", "hq-cv-1", 1)
    assert refused.value.code == "base-branch"
