"""What imports add to the config."""

from __future__ import annotations

from typing import Any

import pytest

from gitconvoy.interop.settings import config_changes, prefixes
from gitconvoy.model.plan import Config
from gitconvoy.store.values import config


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], []),
        (["noprefix"], []),
        (["gt-aaaaa", "gt-bbbbb", "gt-crew-joe", "gt-gastown-polecat-nux", "gt-mol-x1", "gt-mol-x2"], ["gt"]),
        (["my-app-aaaaa.1.2"], ["my-app"]),
        (["my-app-aaaaa", "my-app-bbbbb", "my-lib-ccccc", "my-lib-ddddd"], ["my-app", "my-lib"]),
        (["fix-login", "fix-the-database", "fix-this-too", "ab-1"], ["ab", "fix"]),
        (["gt--odd"], ["gt-"]),
        (["ab-" + "x" * 58 + "-1"], ["ab"]),
    ],
)
def test_few_prefixes_fit_all_ids(ids: list[str], expected: list[str]) -> None:
    assert prefixes(ids) == expected


def changes(data: dict[str, Any], **given: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"types": (), "statuses": (), "ids": (), "fanout": False}
    return config_changes(config(data), data, **(usual | given))


def test_nothing_changes_where_the_config_knows_all() -> None:
    assert changes({}, types=["task", "epic"], statuses=["open", "hooked"], ids=["gt-aaaaa"]) == {}


def test_types_come_in_as_not_slingable_and_statuses_as_frozen() -> None:
    data = {"types": {"hotfix": True}, "statuses": {"review": "wip"}}
    found = changes(data, types=["hotfix", "agent", "agent"], statuses=["review", "triage"])
    assert found == {
        "types": {"hotfix": True, "agent": {"slingable": False}},
        "statuses": {"review": "wip", "triage": "frozen"},
    }


def test_rigs_are_added_beside_the_one_that_stands_there_by_default() -> None:
    assert changes({}, ids=["gt-aaaaa", "web-aaaaa"]) == {
        "rigs": {"gt": {"prefixes": ["gt"]}, "web": {"prefixes": ["web"]}}
    }


def test_rigs_keep_their_settings_and_names_stay_apart() -> None:
    data = {"rigs": {"web": {"prefixes": ["w"], "parked": True}}}
    assert changes(data, ids=["web-aaaaa"]) == {
        "rigs": {"web": {"prefixes": ["w"], "parked": True}, "web-2": {"prefixes": ["web"]}}
    }


def test_the_layout_is_set_once() -> None:
    assert changes({}, fanout=True) == {"layout": "fanout"}
    assert changes({"layout": "fanout"}, fanout=True) == {}
    assert Config().layout == "flat"
