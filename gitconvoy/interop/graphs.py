"""A graph of nodes and edges, as `bd create --graph` takes it, as records of beads (SPEC 10)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, Problem
from gitconvoy.interop.fields import MAX_TITLE, one_line
from gitconvoy.interop.jsonl import write
from gitconvoy.model.plan import Link

_NODE = ("key", "title", "type", "description", "assignee", "assign_after_create", "priority", "labels", "metadata",
         "metadata_refs", "parent_key", "parent_id")  # fmt: skip
_EDGE = ("from_key", "from_id", "to_key", "to_id", "type")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 8
_HINT = "mend the graph; nothing was imported"


@dataclass(frozen=True, slots=True)
class Graph:
    """What a graph stands for: a line of JSON for each new bead, and links of beads that exist, as (id, link)."""

    lines: tuple[bytes, ...]
    links: tuple[tuple[str, Link], ...] = ()


def read_graph(graph: Mapping[str, Any], prefix: str, source: str) -> Graph:
    """The new beads and links of a graph, in its order.

    The ids of new beads begin with `prefix` and follow from the graph's content, so that importing the same graph
    again finds the same beads. BadFiles names all that is wrong with nodes and edges.
    """
    return _Reading(graph, prefix, source).result()


class _Reading:
    def __init__(self, graph: Mapping[str, Any], prefix: str, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.nodes = self._objects(graph.get("nodes"), "node", _NODE)
        self.edges = self._objects(graph.get("edges") or [], "edge", _EDGE)
        self.seed = json.dumps(graph, sort_keys=True)
        self.ids: dict[str, str] = {}
        for number, node in self.nodes:
            key = node.get("key")
            if not isinstance(key, str) or not key:
                self._bad("node", number, "has no `key`")
            elif key in self.ids:
                self._bad("node", number, f"has the key {key!r}, as another one has")
            else:
                self.ids[key] = f"{prefix}-{_digest(self.seed + key)}"

    def result(self) -> Graph:
        links, outer = self._links()
        records = [self._record(number, node, links) for number, node in self.nodes]
        if self.problems:
            count = len(self.problems)
            message = f"{self.source}: the graph cannot be imported ({count} problems)"
            raise BadFiles(message, tuple(self.problems), hint=_HINT, code="bad-import")
        return Graph(tuple(write(record) + b"\n" for record in records), tuple(outer))

    def _objects(self, items: Any, what: str, known: Collection[str]) -> list[tuple[int, Mapping[str, Any]]]:
        found: list[tuple[int, Mapping[str, Any]]] = []
        for number, item in enumerate(items if isinstance(items, list) else [None]):
            if not isinstance(item, dict):
                self._bad(what, number, "is no object")
                continue
            unknown = sorted(item.keys() - set(known))
            if unknown:
                self._bad(what, number, f"has unknown keys: {', '.join(unknown)} (known are {', '.join(known)})")
            found.append((number, item))
        return found

    def _bad(self, what: str, number: int, message: str) -> None:
        self.problems.append(Problem(self.source, "jsonl", f"{what} {number + 1} {message}", _HINT, line=1, column=1))

    def _links(self) -> tuple[Mapping[str, list[dict[str, str]]], list[tuple[str, Link]]]:
        """The links of each new bead, from edges, and those of beads that exist."""
        found: dict[str, list[dict[str, str]]] = {}
        outer = []
        for number, edge in self.edges:
            own = self._end(number, edge, "from")
            target = self._end(number, edge, "to")
            if own is None or target is None:
                continue
            kind = str(edge.get("type") or "blocks")
            if edge.get("from_id"):
                outer.append((own, Link(target, kind)))
            else:
                found.setdefault(own, []).append({"issue_id": own, "depends_on_id": target, "type": kind})
        return found, outer

    def _end(self, number: int, edge: Mapping[str, Any], side: str) -> str | None:
        key, given = edge.get(f"{side}_key"), edge.get(f"{side}_id")
        if isinstance(given, str) and given:
            return given
        if isinstance(key, str) and key in self.ids:
            return self.ids[key]
        self._bad("edge", number, f"has no `{side}_key` of a node: {key!r}")
        return None

    def _record(
        self, number: int, node: Mapping[str, Any], links: Mapping[str, list[dict[str, str]]]
    ) -> dict[str, Any]:
        own = self.ids.get(str(node.get("key")), "")
        title = node.get("title")
        if not isinstance(title, str) or not title.strip():
            self._bad("node", number, "has no `title`")
        elif one_line(title, MAX_TITLE) != title:
            self._bad("node", number, f"has a `title` that is not one line of at most {MAX_TITLE} characters")
        parents = [*self._parent(number, node, own), *links.get(own, ())]
        priority = node.get("priority")
        fields = {
            "id": own,
            "title": title,
            "description": node.get("description"),
            "status": "open",
            "priority": 2 if priority is None else priority,
            "issue_type": node.get("type") or "task",
            "assignee": node.get("assignee"),
            "metadata": {**self._mapping(number, node, "metadata"), **dict(self._refs(number, node))},
            "labels": node.get("labels"),
            "dependencies": parents,
        }
        return {key: value for key, value in fields.items() if value is not None and value not in ("", [], {})}

    def _parent(self, number: int, node: Mapping[str, Any], own: str) -> Iterator[dict[str, str]]:
        key, given = node.get("parent_key"), node.get("parent_id")
        if key and str(key) not in self.ids:
            self._bad("node", number, f"has a `parent_key` of no node: {key!r}")
        target = given or self.ids.get(str(key)) if key or given else None
        if target:
            yield {"issue_id": own, "depends_on_id": str(target), "type": "parent-child"}

    def _mapping(self, number: int, node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = node.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        self._bad("node", number, f"has `{name}` that is no object")
        return {}

    def _refs(self, number: int, node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Metadata whose values are ids of other nodes."""
        for name, key in self._mapping(number, node, "metadata_refs").items():
            if isinstance(key, str) and key in self.ids:
                yield name, self.ids[key]
            else:
                self._bad("node", number, f"has `metadata_refs` to no node: {key!r}")


def _digest(text: str) -> str:
    number = int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), 16)
    digits = ""
    while len(digits) < _LENGTH:
        number, digit = divmod(number, len(_DIGITS))
        digits += _DIGITS[digit]
    return digits
