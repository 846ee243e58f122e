"""`gitconvoy export` through the command line: bytes, effective facts, formats, files."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from interop_help import issue, line, link
from townfixtures import TownHelper, town

DATA = Path(os.environ.get("GITCONVOY_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
FILES = ("fastapi-todo", "wire-copy")
"""The third one goes through the command line in tests/e2e/test_real_history.py."""
COUNTS = {"dependency_count": 0, "dependent_count": 0, "comment_count": 0}


def records(raw: str | bytes) -> dict[str, dict[str, Any]]:
    return {record["id"]: record for record in map(json.loads, raw.splitlines())}


def changes(before: bytes, after: bytes) -> dict[str, set[str]]:
    """Id -> the keys that differ, of the lines that differ; new lines have all theirs."""
    old, new = before.splitlines(), after.splitlines()
    known = records(before)
    found = records(b"\n".join(raw for raw in new if raw not in set(old)))
    return {one: {key for key in record.keys() | known.get(one, {}).keys()
                  if record.get(key) != known.get(one, {}).get(key)} for one, record in found.items()}  # fmt: skip


@pytest.fixture
def small(repo: GitRepo) -> TownHelper:
    """Four imported beads, of which gt-b waits for gt-a."""
    made = town(repo)
    lines = [
        line({**issue("gt-b", dependencies=[link("gt-b", "gt-a")]), **COUNTS, "dependency_count": 1}),
        line({"_type": "issue", **issue("gt-a"), **COUNTS, "dependent_count": 1}),
        b'{"title":"\\u0043","id":"gt-c","x":1.50,"priority":1}\n',
        line(issue("gt-d", status="tombstone", deleted_at="2025-12-01T00:00:00Z")),
    ]
    (made.path / "issues.jsonl").write_bytes(b"".join(lines))
    made.ok("import", "issues.jsonl")
    return made


def exported(made: TownHelper, *options: str) -> bytes:
    made.ok("export", "out.jsonl", *options)
    return (made.path / "out.jsonl").read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_a_real_history_comes_back_and_only_what_changed_differs(repo: GitRepo, name: str) -> None:
    source = DATA / f"{name}.jsonl"
    if not source.is_file():
        pytest.skip(f"no {source.name} at hand (GITCONVOY_DATA)")
    made = town(repo, prefix="zz")
    made.ok("import", str(source))
    raw = source.read_bytes()
    assert exported(made) == raw
    chosen = [one for one, record in records(raw).items() if record["status"] == "open"][:5]
    if not chosen:
        chosen = list(records(raw))[:5]
        made.ok("bead", "reopen", *chosen)
    made.ok("bead", "close", *chosen, "--reason", "Shipped")
    made.ok("dep", "add", chosen[0], chosen[1], "--type", "related")
    assert made.repo.status() == ["?? out.jsonl"]
    found = changes(raw, exported(made))
    assert found.keys() == set(chosen)
    allowed = {"status", "closed_at", "close_reason", "updated_at", "assignee", "dependencies"}
    assert all({"close_reason"} <= keys <= allowed for keys in found.values())
    assert [one for one, keys in found.items() if "dependencies" in keys] == [chosen[0]]


def test_the_export_into_another_repository_gives_the_same_files(
    small: TownHelper, make_repo: Callable[[str], GitRepo]
) -> None:
    (small.path / "issues.jsonl").write_bytes(exported(small))
    other = town(make_repo("other"))
    other.ok("import", str(small.path / "issues.jsonl"))
    folders = (".convoy/beads", ".convoy/archive")
    files = [
        {file.relative_to(made.path).as_posix(): file.read_bytes() for folder in folders
         for file in (made.path / folder).rglob("*.yaml")}
        for made in (small, other)
    ]  # fmt: skip
    assert files[0] == files[1]
    assert len(files[0]) == 4


def test_a_changed_line_changes_at_its_keys_alone(small: TownHelper) -> None:
    before = exported(small)
    assert before == (small.path / "issues.jsonl").read_bytes()
    small.ok("bead", "set", "gt-c", "priority=2")
    after = exported(small)
    assert changes(before, after) == {"gt-c": {"priority"}}
    assert b'{"title":"\\u0043","id":"gt-c","x":1.50,"priority":2}\n' in after


def test_links_count_where_the_line_counts_them(small: TownHelper) -> None:
    before = exported(small)
    small.ok("dep", "rm", "gt-b", "gt-a")
    found = changes(before, exported(small))
    assert found == {"gt-b": {"dependencies", "dependency_count", "updated_at"}, "gt-a": {"dependent_count"}}
    small.ok("dep", "add", "gt-b", "gt-a")
    now = records(exported(small))
    assert (now["gt-b"]["dependency_count"], now["gt-a"]["dependent_count"]) == (1, 1)


def test_what_only_the_ledger_knows_is_exported(small: TownHelper) -> None:
    before = exported(small)
    small.ok("sling", "gt-a")
    atwork = records(exported(small))["gt-a"]
    assert (atwork["status"], atwork["assignee"]) == ("in_progress", "gt/polecat-1")
    small.ok("--actor", "gt/polecat-1", "done", "gt-a", "--no-code")
    done = records(exported(small))["gt-a"]
    assert (done["status"], done["closed_at"]) == ("closed", done["updated_at"])
    assert changes(before, exported(small))["gt-a"] == {"status", "closed_at", "updated_at", "assignee"}
    assert "status: closed" not in (small.path / ".convoy/beads/gt-a.yaml").read_text()


def test_an_epic_whose_children_are_closed_is_left_to_the_reader(repo: GitRepo) -> None:
    made = town(repo)
    made.bead("gt-e", type="epic")
    made.bead("gt-1", parent="gt-e", status="closed")
    made.commit()
    found = records(made.ok("export"))
    assert found["gt-e"]["status"] == "open"
    assert found["gt-1"]["closed_at"] == found["gt-1"]["updated_at"]


def test_beads_made_here_are_written_as_each_tool_writes_them(repo: GitRepo) -> None:
    made = town(repo)
    made.bead("gt-a", title="A <b> & c")
    made.bead("gt-b", depends_on=["gt-a"], comments=[{"text": "hm"}])
    made.commit()
    bd, br = made.ok("export").splitlines(), made.ok("export", "--flavour", "br").splitlines()
    assert "A \\u003cb\\u003e \\u0026 c" in bd[0]
    assert "A <b> & c" in br[0]
    first, second = records("\n".join(bd)), records("\n".join(br))
    assert (first["gt-b"]["_type"], first["gt-b"]["dependency_count"], first["gt-a"]["dependent_count"]) == (
        "issue",
        1,
        1,
    )
    assert (first["gt-b"]["comment_count"], second["gt-b"]["compaction_level"]) == (1, 0)
    assert second["gt-b"]["dependencies"][0].keys() >= {"issue_id", "depends_on_id", "type", "created_at"}
    assert isinstance(second["gt-b"]["comments"][0]["id"], int)
    assert made.ok("export", "--flavour", "br").splitlines() == br


def test_selections(repo: GitRepo) -> None:
    made = town(repo)
    made.bead("gt-e", type="epic")
    made.bead("gt-1", parent="gt-e")
    made.bead("gt-2", parent="gt-1")
    made.bead("gt-x")
    made.convoy("hq-cv-1", "gt-x", "gt-2")
    made.commit()
    assert records(made.ok("export", "--epic", "gt-e")).keys() == {"gt-e", "gt-1", "gt-2"}
    assert records(made.ok("export", "--convoy", "hq-cv-1")).keys() == {"hq-cv-1", "gt-x", "gt-2"}
    assert made.error("export", "--epic", "gt-none")["code"] == "not-found"
    assert made.error("export", "--epic", "gt-e", "--convoy", "hq-cv-1", code=2)["code"] == "options-clash"
    assert made.error("export", "--flavour", "br", "--format", "csv", code=2)["code"] == "options-clash"


def test_an_earlier_state_can_be_exported(small: TownHelper) -> None:
    before = exported(small)
    small.ok("bead", "close", "gt-a")
    assert exported(small) != before
    assert exported(small, "--at", "HEAD~1") == before


def test_an_unreadable_file_is_named_instead_of_left_out(small: TownHelper) -> None:
    small.repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: [\n")
    small.commit()
    found = small.error("export", code=3)
    assert found["code"] == "bad-files"
    assert [problem["path"] for problem in found["problems"]] == [".convoy/beads/gt-a.yaml"]


def test_the_answer_for_programs(small: TownHelper) -> None:
    found = small.json("export")
    assert (found["records"], found["changed"], found["made"], found["file"]) == (4, [], [], None)
    assert found["content"].encode() == (small.path / "issues.jsonl").read_bytes()
    small.bead("gt-new")
    small.commit()
    found = small.json("export", "out.jsonl")
    assert (found["records"], found["made"], found["file"]) == (5, ["gt-new"], "out.jsonl")
    assert "content" not in found


def test_files_are_written_at_once_or_not_at_all(small: TownHelper) -> None:
    place = small.path / "out.jsonl"
    small.ok("export", "out.jsonl")
    written = place.stat().st_mtime_ns
    small.ok("export", "out.jsonl")
    assert place.stat().st_mtime_ns == written
    assert small.error("export", "no/such/folder.jsonl")["code"] == "not-a-file"
    assert small.error("export", ".convoy")["code"] == "not-a-file"
    link_to = small.path / "link.jsonl"
    link_to.symlink_to("real.jsonl")
    small.ok("export", "link.jsonl")
    assert link_to.is_symlink()
    assert (small.path / "real.jsonl").read_bytes() == place.read_bytes()


def test_a_sheet_is_safe_and_parses(repo: GitRepo) -> None:
    made = town(repo)
    titles = {"gt-a": '=HYPERLINK("x")', "gt-b": "+1", "gt-c": "-1", "gt-d": "@x", "gt-e": 'a, "b"'}
    for one, title in titles.items():
        made.bead(one, title=json.dumps(title), description=json.dumps("two\nlines"))
    made.bead("gt-f", type="epic", depends_on=["gt-a"], labels=["x", "y"], status="closed", outcome="failed")
    made.commit()
    text = made.json("export", "--format", "csv")["content"]
    assert text.endswith("\r\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["title"] for row in rows[:5]] == ['\'=HYPERLINK("x")', "'+1", "'-1", "'@x", 'a, "b"']
    assert rows[0]["description"] == "two\nlines"
    last = rows[-1]
    assert [last[key] for key in ("id", "type", "priority", "status", "outcome", "blocked_by", "labels")] == [
        "gt-f", "epic", "2", "closed", "failed", "gt-a", "x y",
    ]  # fmt: skip


def test_drawings_show_waves_and_links_and_take_titles_as_text(repo: GitRepo) -> None:
    made = town(repo)
    made.bead("gt-e", type="epic")
    made.bead("gt-a", parent="gt-e", title=json.dumps('x"]; end\\'))
    made.bead("gt-b", parent="gt-e", depends_on=["gt-a"], title=json.dumps("<script>&#35;"))
    made.commit()
    dot = made.ok("export", "--format", "dot", "--epic", "gt-e")
    assert 'label="wave 1"' in dot
    assert 'label="gt-a\\nx\\"]; end\\\\"' in dot
    assert "b1 -> b2 [style=solid];" in dot
    assert "b3 -> b1 [style=dotted, arrowhead=none];" in dot
    mermaid = made.ok("export", "--format", "mermaid")
    assert 'subgraph w2["wave 2"]' in mermaid
    assert 'b1["gt-a<br/>x#34;#93;#59; end#92;"]' in mermaid
    assert "<script>" not in mermaid
    assert "b1 --> b2" in mermaid
