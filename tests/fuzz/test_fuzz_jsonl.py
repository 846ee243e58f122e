"""Whatever a file of JSON lines holds: it is imported, or each bad line is named and nothing is (SPEC 10)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fuzz_data import ODD_BYTES, damaged, odd_values
from fuzzing import cases, complain, copied, examples, judge, last_line, run, small_town
from hypothesis import given
from hypothesis import strategies as st
from townfixtures import TownHelper

from gitconvoy.errors import BadFiles, Problem
from gitconvoy.interop.jsonl import read_lines

GOOD = (
    b'{"id":"ab-1","title":"One","status":"open","priority":1,"issue_type":"task","labels":["a"],'
    b'"dependencies":[{"issue_id":"ab-1","depends_on_id":"ab-2","type":"blocks"}],"created_at":"2025-01-01T00:00:00Z"}\n'
    b'{"id":"ab-2","title":"Two","status":"closed","closed_at":"2025-01-02T00:00:00+01:00","comments":[{"text":"x"}]}\n'
)
KEYS = (
    "title", "status", "priority", "issue_type", "labels", "dependencies", "comments", "created_at", "closed_at",
    "due_at",
    "description", "assignee", "owner", "external_ref", "estimated_minutes", "deleted_at", "metadata", "parent", "x",
)  # fmt: skip
LONG: dict[str, bytes] = {
    "deep lists": b'{"id":"ab-1","title":"x","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "deep objects": b'{"id":"ab-1","title":"x","x":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}\n",
    "a deep list that never ends": b"[" * 200_000,
    "a number of many digits": b'{"id":"ab-1","title":"x","priority":' + b"9" * 100_000 + b"}\n",
    "a float of many digits": b'{"id":"ab-1","title":"x","priority":1.' + b"9" * 100_000 + b"e99999}\n",
    "keys that stand twice": b'{"id":"ab-1","x":{'
    + b",".join(b'"%d":1' % n for n in range(30_000))
    + b',"29999":1}}\n',
    "a key of many characters twice": b'{"' + b"k" * 100_000 + b'":1,"' + b"k" * 100_000 + b'":2}\n',
    "a long title": b'{"id":"ab-1","title":"' + b"x" * 258_000 + b'"}\n',
    "a long id": b'{"id":"' + b"x" * 100_000 + b'","title":"x"}\n',
    "many bad lines": b"x\n" * 20_000,
    "many blank lines": b"\n" * 200_000,
    "a cycle": b"".join(
        b'{"id":"ab-%d","title":"x","dependencies":[{"issue_id":"ab-%d","depends_on_id":"ab-%d","type":"blocks"}]}\n'
        % (n, n, (n + 1) % 200)
        for n in range(200)
    ),
    "utf-16": GOOD.decode().encode("utf-16"),
}


def check(data: Any) -> str | None:
    return None if isinstance(data.get("id"), str) else "it has no id"


def short(problems: tuple[Problem, ...], lines: int) -> None:
    """Complaints that name a line each, in few words."""
    complain(problems)
    assert all(len(each.message) < 500 for each in problems)
    assert all(0 < each.line <= lines for each in problems)


def look(raw: bytes) -> None:
    """Read the lines; what is bad is named by its line, in few words."""
    try:
        lines = read_lines(raw.split(b"\n"), "f.jsonl", check)
    except BadFiles as error:
        short(error.problems, raw.count(b"\n") + 1)
        return
    assert all(line.raw in raw for line in lines)


@examples(200)
@given(damaged(GOOD) | st.binary(max_size=40) | st.lists(st.sampled_from(ODD_BYTES), max_size=6).map(b"".join))
def test_any_bytes_are_lines_or_complaints(raw: bytes) -> None:
    look(raw)


@pytest.mark.parametrize("name", sorted(LONG))
def test_long_lines_are_lines_or_complaints(name: str) -> None:
    look(LONG[name])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_town(tmp_path_factory.mktemp("jsonl")) as path:
        yield path


def bring(here: TownHelper, raw: bytes) -> None:
    """Import the file: a commit that leaves the town in order, or nothing."""
    file = here.path.parent / "odd.jsonl"
    file.write_bytes(raw)
    head = here.repo.head()
    answer = judge(run(here.path, "import", str(file), "--json"), "import", "--json")
    if answer.code not in (0, 5):
        assert here.repo.head() == head
    assert here.repo.status() == []
    assert judge(run(here.path, "validate", "--json"), "--json").code == 0
    judge(run(here.path, "status", "--json"), "--json")
    assert judge(run(here.path, "export", "-"), "export").code in (0, 1, 2)


@pytest.mark.parametrize("name", sorted(LONG))
def test_long_lines_are_imported_or_refused(template: Path, name: str) -> None:
    with copied(template) as here:
        bring(here, LONG[name])


@pytest.mark.parametrize(("name", "expected", "raw"), cases("jsonl"), ids=[f"{a}-{b}" for a, b, _ in cases("jsonl")])
def test_the_corpus(template: Path, name: str, expected: str, raw: bytes) -> None:
    with copied(template) as here:
        file = here.path.parent / "odd.jsonl"
        file.write_bytes(raw)
        answer = judge(run(here.path, "import", str(file), "--json"), "import", "--json")
        told = "ok" if answer.code == 0 else json.loads(last_line(answer.err))["error"]["code"]
        assert told == expected, answer


@examples(12)
@given(
    st.lists(
        st.builds(
            lambda number, odd: {"id": f"ab-{number}", "title": "x", **odd},
            st.integers(1, 3),
            st.dictionaries(st.sampled_from(KEYS), odd_values, max_size=4),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda row: row["id"],
    )
)
def test_any_type_of_value_in_every_field(template: Path, rows: list[dict[str, Any]]) -> None:
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    with copied(template) as here:
        bring(here, raw)
