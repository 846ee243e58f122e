"""Documents against their schemas: what is refused, and in which words (SPEC 3)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schema_data import FULL

from gitconvoy.errors import Problem
from gitconvoy.model.clock import parse_duration
from gitconvoy.model.ids import is_id
from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, KINDS, PLAN, RECORD_BEAD, RECORD_TOWN, Kind
from gitconvoy.model.plan import CONVOY_STATUSES, OUTCOMES
from gitconvoy.resources import schema_names, schema_text
from gitconvoy.schema import validate

TIME = "must be a date or time such as 2025-11-26 or 2025-11-26T22:13:53Z"
GATES = "must be one of all-children, any-children"


def complaints(kind: Kind, data: dict[str, Any]) -> list[Problem]:
    found = validate(kind, data, "f.yaml")
    for problem in found:
        assert problem.path == "f.yaml"
        assert problem.hint
        assert problem.message.isprintable()
        assert problem.hint.isprintable()
    return found


def messages(kind: Kind, data: dict[str, Any]) -> list[str]:
    return [problem.message for problem in complaints(kind, data)]


def bead(**fields: Any) -> dict[str, Any]:
    return {"id": "gt-1", "title": "x", **fields}


@pytest.mark.parametrize(("kind", "data"), FULL, ids=lambda value: value.name if isinstance(value, Kind) else "")
def test_full_documents_are_valid_and_name_every_key(kind: Kind, data: dict[str, Any]) -> None:
    assert validate(kind, data, "p") == []
    assert set(kind.keys) <= set(data)


@pytest.mark.parametrize(
    ("kind", "data"),
    [(BEAD, bead()), (CONVOY, bead()), (CONFIG, {}), (RECORD_BEAD, {"id": "a"}), (RECORD_TOWN, {})],
    ids=lambda value: value.name if isinstance(value, Kind) else "",
)
def test_least_documents_are_valid(kind: Kind, data: dict[str, Any]) -> None:
    assert validate(kind, data, "p") == []


@pytest.mark.parametrize("name", KINDS)
def test_schemas_are_draft_2020_12_and_follow_the_table_of_kinds(name: str) -> None:
    schema = json.loads(schema_text(name))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    known = [key for key in schema["properties"] if key != "metadata"]
    assert known == [key for key in KINDS[name].keys if key != "metadata"]
    assert schema["additionalProperties"] is False
    assert all("description" in field for field in schema["properties"].values())
    assert ("^x-" in schema.get("patternProperties", {})) == (not name.startswith("record-"))


def test_each_kind_has_a_schema_and_each_schema_a_kind() -> None:
    assert set(schema_names()) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_patterns_end_at_the_end_of_the_text(name: str) -> None:
    """`$` alone also matches before a line break at the end."""
    patterns = re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', schema_text(name))
    assert all(not pattern.endswith("$") for pattern in patterns)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("priority", 7, "priority must be between 0 and 4, is 7"),
        ("priority", -1, "priority must be between 0 and 4, is -1"),
        ("priority", 2.0, "priority must be a whole number, is 2.0"),
        ("priority", True, "priority must be a whole number, is true"),
        ("priority", "1", "priority must be a whole number, is `1`"),
        ("estimate_minutes", -5, "estimate_minutes must be at least 0, is -5"),
        ("title", "", "title must have 1 to 500 characters, has 0"),
        ("title", "  ", "title must be one line of text without control characters; it is `  `"),
        ("title", "a\nb", r"title must be one line of text without control characters; it is `a\nb`"),
        ("title", "a\u202eb", r"title must be one line of text without control characters; it is `a\u202eb`"),
        ("title", "x" * 501, "title must have 1 to 500 characters, has 501"),
        ("title", None, "title must be text, is empty"),
        ("labels", "ui", "labels must be a list, is `ui`"),
        ("labels", ["a", ""], "labels[1] must have 1 to 200 characters, has 0"),
        ("touches", ["!x"], "touches[0] must be a pattern of paths in one line, without `!` in front; it is `!x`"),
        ("metadata", [], "metadata must be a mapping, is a list"),
        ("outcome", "don", "outcome must be one of done, failed, skipped, cancelled, duplicate, is `don`"),
        ("due_at", "soon", f"due_at {TIME}, is `soon`"),
        ("due_at", "2025-13-01", f"due_at {TIME}, is `2025-13-01`"),
        ("depends_on", [3], "depends_on[0] must be text or a mapping, is 3"),
        ("depends_on", [{"type": "blocks"}], "`id` is missing in depends_on[0]"),
        ("depends_on", [{"id": "a", "gate": "all"}], f"depends_on[0].gate {GATES}, is `all`"),
        ("depends_on", ["a b"], "depends_on[0] must be the id of a bead, or `external:` and a name; it is `a b`"),
        ("comments", [{"author": "a"}], "`text` is missing in comments[0]"),
    ],
)  # fmt: skip
def test_messages(field: str, value: Any, message: str) -> None:
    assert messages(BEAD, bead(**{field: value})) == [message]


def test_unknown_keys_name_the_nearest_known_one() -> None:
    found = complaints(BEAD, bead(titel="x", depends_on=[{"id": "a", "typ": "blocks"}], zzz=1))
    assert [(problem.code, problem.at, problem.message) for problem in found] == [
        ("unknown-key", ("titel",), "unknown key `titel`"),
        ("unknown-key", ("depends_on", 0, "typ"), "unknown key `typ` in depends_on[0]"),
        ("unknown-key", ("zzz",), "unknown key `zzz`"),
    ]
    assert found[0].hint.startswith("Did you mean `title`?")
    assert found[1].hint.startswith("Did you mean `type`?")
    assert found[2].hint == "Keys of your own begin with `x-` or go below `metadata`."


def test_a_key_that_is_near_to_none_names_none() -> None:
    """`command` and `metadata` share letters, and nothing else."""
    [problem] = complaints(CONFIG, {"dispatch": {"command": "make"}})
    assert problem.message == "unknown key `command` in dispatch"
    assert problem.hint == "Keys of your own begin with `x-` or go below `metadata`."
    [problem] = complaints(RECORD_TOWN, {"zzz": 1})
    assert problem.hint == "Remove it."
    assert "x-" not in complaints(RECORD_TOWN, {"pausd": True})[0].hint


def test_missing_keys_are_named_one_by_one() -> None:
    assert messages(BEAD, {}) == ["`id` is missing", "`title` is missing"]
    assert messages(PLAN, {"convoy": "c"}) == ["`waves` is missing"]


def test_problems_come_in_the_order_of_the_file() -> None:
    found = complaints(BEAD, {"priority": 9, "title": "x", "labels": [1, 2, "x\n", *["x"] * 8, 3], "id": "a b"})
    assert [problem.at for problem in found] == [
        ("priority",), ("labels", 0), ("labels", 1), ("labels", 2), ("labels", 11), ("id",),
    ]  # fmt: skip


@pytest.mark.parametrize("number", [2, 17, 10**30])
def test_a_newer_format_is_one_clear_problem(number: int) -> None:
    (problem,) = complaints(CONFIG, {"format": number, "brand_new": {}})
    assert (problem.code, problem.at) == ("format", ("format",))
    assert "newer gitconvoy" in problem.message


@pytest.mark.parametrize("number", [0, -1, "1", "2", True, None, 1.5, [1]])
def test_other_formats_are_schema_problems(number: Any) -> None:
    (problem,) = complaints(CONFIG, {"format": number})
    assert problem.code == "schema"
    assert problem.message.startswith("format must be 1, is ")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"rigs": {"a b": {}}}, "rigs.a b must be a name of letters, digits, `.`, `_` and `-`, at most 64 characters"),
        ({"rigs": {"g": None}}, "rigs.g must be a mapping, is empty"),
        ({"rigs": {"g": {"prefixes": []}}}, "rigs.g.prefixes must have at least 1 items, has 0"),
        ({"rigs": {"g": {"workers": ["g/nux"]}}}, "rigs.g.workers[0] must be a name of letters"),
        ({"rigs": {"g": {"command": "rm"}}}, "unknown key `command` in rigs.g"),
        ({"dispatch": {"max_workers": 0}}, "dispatch.max_workers must be between 1 and 10000, is 0"),
        (
            {"dispatch": {"lease": 30}},
            "dispatch.lease must be a duration of at least 1s, such as 90s, 30m, 1h30m or 2d; it is 30",
        ),
        (
            {"dispatch": {"lease": "0s"}},
            "dispatch.lease must be a duration of at least 1s, such as 90s, 30m, 1h30m or 2d; it is `0s`",
        ),
        (
            {"dispatch": {"backoff": "1w"}},
            "dispatch.backoff must be a duration such as 90s, 30m, 1h30m or 2d; it is `1w`",
        ),
        ({"statuses": {"open": "done"}}, "statuses.open: the built-in status `open` cannot be redefined"),
        ({"types": {"task": False}}, "types.task: the built-in type `task` cannot be redefined"),
        ({"types": {"epic": {"slingable": True}}}, "types.epic: the built-in type `epic` cannot be redefined"),
        ({"dispatch": {"dispatcher": "a b"}}, "dispatch.dispatcher must be the name of a dispatcher"),
        ({"types": {"x": "no"}}, "types.x must be true or false or a mapping, is `no`"),
        ({"types": {"x": {"slingable": "no"}}}, "types.x.slingable must be true or false, is `no`"),
        ({"types": {"a/b": True}}, "types.a/b must be one word"),
        ({"statuses": {"x": "closed"}}, "statuses.x must be one of active, wip, frozen, done, is `closed`"),
        ({"layout": "deep"}, "layout must be one of flat, fanout, is `deep`"),
        ({"epics": True}, "epics must be a mapping, is true"),
        ({"prefix": "-x"}, "prefix must be a prefix of ids"),
    ],
)
def test_config(config: dict[str, Any], message: str) -> None:
    (found,) = messages(CONFIG, {"format": 1, **config})
    assert found.startswith(message)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=70), st.text(st.sampled_from("aZ0._-/\n.lock"), max_size=70)))
def test_ids_are_those_of_the_model(text: str) -> None:
    """The pattern of the schema and the check of the model agree."""
    assert (validate(BEAD, bead(id=text), "p") == []) == is_id(text)


@pytest.mark.parametrize("text", ["gt-1\n", "a..b", "a.lock", "a.", ".a", "-a", "", "a/b", "a" * 65, "é"])
def test_no_ids(text: str) -> None:
    assert [problem.at for problem in complaints(BEAD, bead(id=text))] == [("id",)]
    assert [problem.at for problem in complaints(BEAD, bead(parent=text))] == [("parent",)]
    assert [problem.at for problem in complaints(CONVOY, bead(tracks=[text]))] == [("tracks", 0)]


@pytest.mark.parametrize("text", ["main", "feature/x.y", "fix/#12", "é", "a@b", "user/@x"])
def test_branches(text: str) -> None:
    assert validate(CONVOY, bead(base_branch=text), "p") == []


@pytest.mark.parametrize(
    "text",
    ["", "-x", "--upload-pack=x", "a..b", "a b", "a\n", "main\n", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b",
     "$(x)", "a;b", "a#(b)", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "@", "a@{1}", "a\x7f",
     "a\u202eb"],
)  # fmt: skip
def test_no_branches(text: str) -> None:
    assert [problem.at for problem in complaints(CONVOY, bead(base_branch=text))] == [("base_branch",)]


@pytest.mark.parametrize(
    "text", ["nux", "gastown/nux", "mayor/", "Joe Rayment", "joe@example.com", "José (night)", "O'Brien"]
)
def test_persons(text: str) -> None:
    assert validate(BEAD, bead(owner=text, assignee=text), "p") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-x",
        " x",
        "x ",
        "x\n",
        "a\tb",
        "a;b",
        "$(x)",
        "#(x)",
        "a#{b}",
        "`x`",
        "a|b",
        "<x>",
        "a\x1b",
        "a\u2066",
        "\\x",
    ],
)
def test_no_persons(text: str) -> None:
    assert [problem.at for problem in complaints(BEAD, bead(assignee=text))] == [("assignee",)]


ONE_LINE = [
    "title",
    "external_ref",
    "created_by",
    "created_at",
    "closed_at",
    "updated_at",
    "owner",
    "assignee",
    "type",
    "status",
]


@pytest.mark.parametrize("field", ONE_LINE)
@pytest.mark.parametrize(
    "char", ["\n", "\t", "\x00", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f"]
)
def test_one_line_fields_hold_no_control_or_bidi_characters(field: str, char: str) -> None:
    for text in (f"a{char}b", f"{char}b", f"a{char}"):
        assert [problem.at for problem in complaints(BEAD, bead(**{field: text}))] == [(field,)]


@settings(deadline=None)
@given(st.one_of(st.text(max_size=8), st.from_regex(r"\A(\d{1,7}[dhms]){0,4}\Z")))
def test_durations_are_those_of_the_clock(text: str) -> None:
    valid = validate(CONFIG, {"dispatch": {"lease": text}}, "p") == []
    if valid:
        assert parse_duration(text) >= 0


@pytest.mark.parametrize("status", CONVOY_STATUSES)
def test_convoy_statuses(status: str) -> None:
    assert validate(CONVOY, bead(status=status), "p") == []
    assert messages(CONVOY, bead(status=f"{status}x"))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcomes(outcome: str) -> None:
    assert validate(BEAD, bead(outcome=outcome), "p") == []
    assert validate(RECORD_BEAD, {"id": "a", "outcome": outcome}, "p") == []


def test_own_types_and_statuses_are_words_here_and_checked_against_the_config_elsewhere() -> None:
    assert validate(BEAD, bead(type="merge-request", status="in-review"), "p") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("since", "2025-11-26"), ("since", 1764195233), ("not_before", "2025-11-26T22:13:53"), ("attempt", -1),
     ("branch", "-x"), ("via", "magic"), ("status", "open"), ("worker", "a\nb"), ("x-own", 1), ("metadata", {})],
)  # fmt: skip
def test_records_are_strict(field: str, value: Any) -> None:
    assert [problem.at for problem in complaints(RECORD_BEAD, {"id": "gt-1", field: value})] == [(field,)]


@pytest.mark.parametrize("lease", ["0s", "0m", "0d0h0m0s", "00s"])
def test_a_lease_lasts_at_least_a_second(lease: str) -> None:
    """Claims that end at once would be given out twice."""
    assert [problem.at for problem in complaints(CONFIG, {"dispatch": {"lease": lease}})] == [("dispatch", "lease")]


@pytest.mark.parametrize(
    "block", [{"lease": "1s"}, {"lease": "0h10m"}, {"lease": "1d0s"}, {"backoff": "0s", "backoff_max": "0s"}]
)
def test_short_leases_and_no_backoff_are_fine(block: dict[str, str]) -> None:
    assert complaints(CONFIG, {"dispatch": block}) == []


def test_built_in_names_may_be_said_again() -> None:
    same = {
        "statuses": {"open": "active", "closed": "done"},
        "types": {"task": True, "bug": {"slingable": True}, "epic": {}},
    }
    assert complaints(CONFIG, same) == []


def test_the_problem_of_a_redefined_name_stands_at_it() -> None:
    [problem] = complaints(CONFIG, {"statuses": {"mine": "wip", "closed": "active"}})
    assert (problem.severity, problem.at) == ("error", ("statuses", "closed"))


@pytest.mark.parametrize(
    "time",
    ["9999-12-31T23:59:59-23:59", "9999-12-31T23:00:00-01:01", "0001-01-01T00:00:00+14:00", "0001-01-01", "1969-12-31"],
)
def test_times_that_cannot_be_counted_are_refused(time: str) -> None:
    for kind, key in ((BEAD, "defer_until"), (BEAD, "due_at"), (CONVOY, "due_at")):
        [problem] = complaints(kind, bead(**{key: time}))
        assert problem.at == (key,)
        assert problem.message == f"{key} must lie between the years 1970 and 9999 in UTC, is `{time}`"
