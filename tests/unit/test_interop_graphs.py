"""Graphs of nodes and edges, and routes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from interop_help import Town

from gitconvoy.errors import BadFiles
from gitconvoy.interop.graphs import read_graph
from gitconvoy.interop.report import Wishes
from gitconvoy.interop.routes import Route, read_routes
from gitconvoy.model.kinds import CONFIG_PATH

GRAPH: dict[str, Any] = {
    "commit_message": "a plan",
    "nodes": [
        {"key": "e", "title": "Epic", "type": "epic", "priority": 0},
        {"key": "a", "title": "A", "parent_key": "e", "labels": ["ui"], "metadata_refs": {"of": "e"}},
        {"key": "b", "title": "B", "parent_id": "gt-old", "assignee": "ann", "metadata": {"k": "v"}},
    ],
    "edges": [{"from_key": "b", "to_key": "a"}, {"from_key": "b", "to_id": "gt-old", "type": "related"}],
}


def test_a_graph_becomes_beads_with_parents_and_links() -> None:
    town = Town()
    town.files[".convoy/beads/gt-old.yaml"] = b"id: gt-old\ntitle: Old\ntype: epic\n"
    lines = read_graph(GRAPH, "gt", "g.json").lines
    found = town.bring(lines, "g.json")
    assert (found.created, town.complaints()) == (3, [])
    by_title = {bead.title: bead for bead in town.plan().beads.values()}
    epic, first, second = (by_title[title] for title in ("Epic", "A", "B"))
    assert (epic.type, epic.priority, first.parent, second.parent) == ("epic", 0, epic.id, "gt-old")
    assert {(link.type, link.target) for link in second.links} == {("related", "gt-old"), ("blocks", first.id)}
    assert (second.assignee, first.priority, first.labels) == ("ann", 2, ("ui",))
    assert first.data["metadata"] == {"of": epic.id}
    assert all(one.startswith("gt-") for one in town.plan().beads)
    assert town.bring(read_graph(GRAPH, "gt", "g.json").lines, "g.json").files == {}


def test_another_graph_with_the_same_keys_makes_other_beads() -> None:
    other = {**GRAPH, "commit_message": "another"}
    ids = [{json.loads(raw)["id"] for raw in read_graph(graph, "gt", "g").lines} for graph in (GRAPH, other)]
    assert ids[0].isdisjoint(ids[1])


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"nodes": [{"key": "a", "title": "A"}, {"key": "a", "title": "B"}]}, "node 2 has the key 'a'"),
        ({"nodes": [{"title": "A"}]}, "node 1 has no `key`"),
        ({"nodes": [{"key": "a"}]}, "node 1 has no `title`"),
        ({"nodes": [{"key": "a", "title": "A", "parent": "x"}]}, "unknown keys: parent"),
        ({"nodes": [{"key": "a", "title": "A", "parent_key": "x"}]}, "`parent_key` of no node: 'x'"),
        ({"nodes": [{"key": "a", "title": "A"}], "edges": [{"from_key": "a", "to_key": "x"}]}, "`to_key` of a node"),
        ({"nodes": [], "edges": [{"from_id": "gt-1", "to_key": "x"}]}, "`to_key` of a node"),
        ({"nodes": [7]}, "node 1 is no object"),
        ({"nodes": [{"key": "a", "title": "x" * 501}]}, "at most 500 characters"),
        ({"nodes": [{"key": "a", "title": "A", "metadata": 7}]}, "metadata"),
        ({"nodes": [{"key": "a", "title": "A", "metadata_refs": ["x"]}]}, "metadata_refs"),
    ],
)
def test_what_is_wrong_with_a_graph_is_named(graph: dict[str, Any], said: str) -> None:
    with pytest.raises(BadFiles) as error:
        read_graph(graph, "gt", "g.json")
    assert any(said in problem.message for problem in error.value.problems)


def test_routes_become_rigs() -> None:
    lines = [b"# towns\n", b'{"prefix":"hq-","path":"."}\n', b'{"prefix":"be-","path":"backend/mayor/rig"}\n',
             b'{"prefix":"bx-","path":"backend/other"}\n', b'{"prefix":"gt-","path":"gastown"}\n']  # fmt: skip
    town = Town()
    found = town.bring([], "routes.jsonl", Wishes(routes=tuple(read_routes(lines, "routes.jsonl"))))
    assert list(found.files) == [CONFIG_PATH]
    rigs = {name: rig.prefixes for name, rig in town.plan().config.rigs.items()}
    assert rigs == {"gt": ("gt",), "hq": ("hq",), "backend": ("be", "bx")}
    assert town.bring([], "routes.jsonl", Wishes(routes=(Route("be", "elsewhere"),))).files == {}


@pytest.mark.parametrize("raw", [b'{"prefix":"../x-","path":"."}\n', b'{"prefix":"","path":"."}\n', b'{"id":"gt-1"}\n'])
def test_a_line_that_is_no_route_is_named(raw: bytes) -> None:
    with pytest.raises(BadFiles) as error:
        read_routes([b'{"prefix":"a-","path":"a"}\n', raw], "routes.jsonl")
    assert [problem.line for problem in error.value.problems] == [2]
