"""`gitconvoy import` through the command line: what it finds, tells apart, refuses, previews and leaves."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from gitfixtures import GitRepo
from interop_help import issue, line, link
from long_history import lines
from townfixtures import TownHelper, town

from gitconvoy.cli.main import run

GOOD = [line(issue("gt-a")), line(issue("gt-b", dependencies=[link("gt-b", "gt-a")])), line(issue("gt-c"))]


@pytest.fixture
def made(repo: GitRepo) -> TownHelper:
    return town(repo)


def put(made: TownHelper, name: str, content: bytes | list[bytes]) -> str:
    place = made.path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content if isinstance(content, bytes) else b"".join(content))
    return name


def counts(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in ("created", "updated", "unchanged", "deleted"))


@pytest.mark.parametrize("given", [".", ".beads"])
def test_a_folder_is_searched_and_its_routes_become_rigs(made: TownHelper, given: str) -> None:
    put(made, ".beads/issues.jsonl", GOOD)
    put(made, ".beads/beads.jsonl", GOOD)
    put(made, ".beads/interactions.jsonl", b'{"id":"int-1"}\n')
    put(made, ".beads/routes.jsonl", b'{"prefix":"be-","path":"backend/mayor"}\n')
    answer = made.run("import", given)
    assert (answer.code, "found .beads/issues.jsonl and routes.jsonl" in answer.err) == (0, True)
    assert made.state().plan.beads.keys() == {"gt-a", "gt-b", "gt-c"}
    assert made.state().plan.config.rigs["backend"].prefixes == ("be",)
    assert len(made.repo.git("log", "--format=%s").splitlines()) == 3


def test_histories_that_differ_are_not_chosen_from(made: TownHelper) -> None:
    put(made, ".beads/issues.jsonl", GOOD)
    put(made, ".beads/beads.jsonl", GOOD[:1])
    found = made.error("import", ".beads")
    assert (found["code"], "import .beads/issues.jsonl" in found["hint"]) == ("ambiguous", True)


@pytest.mark.parametrize(("name", "code"), [("nowhere", "not-found"), ("empty", "not-found")])
def test_nothing_to_import(made: TownHelper, name: str, code: str) -> None:
    (made.path / "empty").mkdir()
    assert made.error("import", name)["code"] == code


LISTING = [issue("gt-a"), issue("gt-b")]
EMBEDDED = issue("gt-b", dependencies=[{**issue("gt-a"), "dependency_type": "blocks"}])


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(LISTING).encode(),
        json.dumps(LISTING, indent=2).encode() + b"\n",
        json.dumps({"schema_version": 1, "data": LISTING}, indent=2).encode(),
        json.dumps({"issues": LISTING, "total": 2}).encode(),
        line(EMBEDDED),
        b"[]\n",
    ],
)
def test_what_bd_list_and_show_print_is_no_history(made: TownHelper, content: bytes) -> None:
    head = made.repo.head()
    found = made.error("import", put(made, "list.json", content), code=3)
    assert found["code"] == "bad-import"
    assert "show --json" in found["problems"][0]["message"]
    assert made.repo.head() == head


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (GOOD[1][:-30] + b"\n", "not JSON"),
        (GOOD[1].decode().encode("utf-16") + b"\n", "UTF-16"),
        (b'{"id":"gt-b","title":"caf\xe9"}\n', "not UTF-8 at byte"),
        (b"<<<<<<< HEAD\n", "conflict marker"),
        (b'{"id":"gt-b","title":"' + b"x" * (64 << 20) + b'"}\n', "longer than 16 MiB"),
        (b'{"id":"gt-b","title":"x","description":"' + b"x" * (2 << 20) + b'"}\n', "bytes, allowed"),
    ],
    ids=["truncated", "utf-16", "latin-1", "conflict", "64 MiB", "2 MiB"],
)
def test_a_bad_line_is_named_and_nothing_or_the_rest_is_imported(made: TownHelper, bad: bytes, said: str) -> None:
    name = put(made, "issues.jsonl", [GOOD[0], bad, GOOD[2]])
    head = made.repo.head()
    found = made.error("import", name, code=3)
    assert found["code"] == "bad-import"
    assert (found["problems"][0]["line"], said in found["problems"][0]["message"]) == (2, True)
    assert (made.repo.head(), made.repo.status()) == (head, ["?? issues.jsonl"])
    left = made.json("import", name, "--skip-bad", code=5)
    assert left["left"][0]["line"] == 2
    assert made.state().plan.beads.keys() == {"gt-a", "gt-c"}
    assert left["created"] == 2


def test_a_preview_tells_all_and_does_nothing(made: TownHelper) -> None:
    put(made, "issues.jsonl", GOOD)
    made.ok("import", "issues.jsonl")
    made.ok("bead", "close", "gt-c")
    head = made.repo.head()
    newer = [line(issue("gt-a", priority=0)), GOOD[1], line(issue("gt-c", status="in_progress")), line(issue("gt-d"))]
    put(made, "issues.jsonl", newer)
    found = made.json("import", "issues.jsonl", "--dry-run")
    assert counts(found) == (1, 2, 1, 0)
    assert {"change": "updated", "id": "gt-a", "keys": ["priority"]} in found["changes"]
    assert {"change": "created", "id": "gt-d", "keys": []} in found["changes"]
    assert found["conflicts"] == [{"id": "gt-c", "key": "status", "here": "closed", "there": "in_progress"}]
    assert (found["commit"], made.repo.head(), made.repo.status()) == (None, head, ["?? issues.jsonl"])
    answer = made.run("import", "issues.jsonl", "--dry-run")
    assert "updated: gt-a (priority)" in answer.out
    assert "conflict: gt-c status" in answer.err
    assert "nothing was done" in answer.out
    done = made.json("import", "issues.jsonl")
    assert {key: done[key] for key in ("changes", "conflicts")} == {key: found[key] for key in ("changes", "conflicts")}
    assert made.state().plan.beads["gt-c"].status == "closed"


def test_what_the_file_has_no_longer_goes_only_when_asked(made: TownHelper) -> None:
    more = [line(issue("gt-d")), line(issue("gt-e"))]
    put(made, "issues.jsonl", [*GOOD, *more])
    made.ok("import", "issues.jsonl")
    made.ok("bead", "set", "gt-d", "priority=0")
    made.ok("create", "Work", "gt-c")
    put(made, "issues.jsonl", GOOD[:2])
    found = made.json("import", "issues.jsonl")
    assert counts(found) == (0, 0, 2, 0)
    assert any("gt-c, gt-d, gt-e" in warning for warning in found["warnings"])
    assert made.error("import", "issues.jsonl", "--delete-missing", "--skip-bad", code=2)["code"] == "options-clash"
    found = made.json("import", "issues.jsonl", "--delete-missing")
    assert counts(found) == (0, 0, 2, 1)
    assert made.state().plan.beads.keys() == {"gt-a", "gt-b", "gt-c", "gt-d"}
    assert any("convoys track" in warning for warning in found["warnings"])
    assert any("changed here" in warning for warning in found["warnings"])


def test_only_what_changed_since_a_day(made: TownHelper) -> None:
    newer = line(issue("gt-n", updated_at="2026-03-01T00:00:00-08:00"))
    put(made, "issues.jsonl", [*GOOD, newer, b'{"id":"gt-t","title":"No time"}\n'])
    found = made.json("import", "issues.jsonl", "--since", "2026-03-01")
    assert (found["created"], found["older"]) == (2, 3)
    assert made.state().plan.beads.keys() == {"gt-n", "gt-t"}
    assert made.error("import", "issues.jsonl", "--since", "yesterday", code=2)["code"] == "bad-time"


def test_a_graph_and_a_stream(made: TownHelper) -> None:
    graph = {"nodes": [{"key": "a", "title": "A"}, {"key": "b", "title": "B"}],
             "edges": [{"from_key": "b", "to_key": "a"}]}  # fmt: skip
    put(made, "graph.json", json.dumps(graph, indent=1).encode())
    assert made.json("import", "graph.json")["created"] == 2
    assert made.json("import", "graph.json")["unchanged"] == 2
    (one,) = [bead for bead in made.state().plan.beads.values() if bead.title == "A"]
    assert one.data.keys() == {"id", "title", "type", "priority", "status", "created_at", "created_by"}
    assert made.json("export")["made"] == sorted(made.state().plan.beads)
    made.ok("bead", "set", one.id, "title=New")
    assert made.json("import", "graph.json")["changed"] is False
    stdin = io.TextIOWrapper(io.BytesIO(b"".join(GOOD)))
    with mock.patch("sys.stdin", stdin):
        assert run(["-C", str(made.path), "import", "-"]) == 0
    assert "gt-c" in made.state().plan.beads


def test_a_graph_links_beads_that_were_here_before(made: TownHelper) -> None:
    made.ok("bead", "add", "Old", "--id", "gt-old")
    made.ok("bead", "add", "Last", "--id", "gt-last")
    graph = {"nodes": [{"key": "a", "title": "A"}],
             "edges": [{"from_id": "gt-old", "to_key": "a"}, {"from_id": "gt-last", "to_id": "gt-old"}]}  # fmt: skip
    put(made, "graph.json", json.dumps(graph).encode())
    found = made.json("import", "graph.json")
    assert (found["created"], found["updated"]) == (1, 2)
    beads = made.state().plan.beads
    (new,) = beads.keys() - {"gt-old", "gt-last"}
    assert [[link.target for link in beads[one].links] for one in ("gt-old", "gt-last")] == [[new], ["gt-old"]]
    assert made.json("import", "graph.json")["changed"] is False

    def refused(*edges: dict[str, str]) -> str:
        put(made, "other.json", json.dumps({**graph, "edges": edges}).encode())
        before = made.repo.head()
        code: str = made.error("import", "other.json", code=1)["code"]
        assert made.repo.head() == before
        return code

    assert refused({"from_id": "gt-old", "to_id": "gt-last"}) == "cycle"
    assert refused({"from_id": "gt-none", "to_id": "gt-last"}) == "not-found"
    assert refused({"from_id": "gt-old", "to_id": "gt-none"}) == "dangling"


def test_records_that_are_no_issues_are_kept(made: TownHelper, tmp_path: Path) -> None:
    lines = [b'{"_schema":"beads/2","version":3}\n', *GOOD, b'{"_type":"memory","key":"k","value":"v <&>"}\n']
    put(made, "issues.jsonl", lines)
    made.ok("import", "issues.jsonl")
    made.ok("export", str(tmp_path / "out.jsonl"))
    assert (tmp_path / "out.jsonl").read_bytes() == b"".join(lines)
    assert made.state().plan.beads.keys() == {"gt-a", "gt-b", "gt-c"}


def test_a_long_history_is_one_commit_and_comes_back(made: TownHelper) -> None:
    raw = list(lines(1200))
    put(made, "issues.jsonl", raw)
    before = made.repo.head()
    assert made.json("import", "issues.jsonl")["created"] == 1200
    assert made.repo.git("rev-parse", "HEAD~1") == before
    assert made.repo.status() == ["?? issues.jsonl"]
    made.ok("export", "out.jsonl")
    assert (made.path / "out.jsonl").read_bytes() == b"".join(raw)
