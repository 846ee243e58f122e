"""`dependencies` of a record <-> `parent`, `depends_on` and `tracks` of a document (SPEC 3.2, 10).

What a document's links cannot hold (order, repetitions, who made them and when, raw spellings) stands in the records
under `x-beads: dependencies`, one for each entry of the line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.interop.fields import MAX_NAME, name
from gitconvoy.model.imported import PARENT, PARENT_CHILD, link_records
from gitconvoy.model.plan import Link

BLOCKS = "blocks"
TRACKS = "tracks"
_KEYS = ("issue_id", "depends_on_id", "type", "created_at", "created_by", "metadata", "thread_id")
_GATES = ("all-children", "any-children")


@dataclass(frozen=True, slots=True)
class Links:
    """What the `dependencies` of one line say; `records` go under `x-beads`."""

    parent: str | None
    links: tuple[Link, ...]
    """Without the parent and repetitions, in the order of the line; further parent-child links among them."""
    records: tuple[dict[str, Any], ...]
    keys: tuple[tuple[str, str], ...]
    """(type, target) of each entry that is a link, repetitions too; ("parent", target) for the parent."""


def any_link(_kind: str, _target: str) -> bool:
    """Beads take over each link."""
    return True


def read_links(
    entries: Any, own: str, resolve: Callable[[str], str], wanted: Callable[[str, str], bool] = any_link
) -> Links:
    """The links of one line.

    `own` is the raw id of the record; `resolve` gives the id that a raw target has in the plan. Entries that are no
    links, or whose type and target are not `wanted`, are kept in the records alone.
    """
    records = [_record(entry, own, resolve, wanted) for entry in entries] if isinstance(entries, list) else []
    found: dict[tuple[str, str], Link] = {}
    keys: list[tuple[str, str]] = []
    for key, record in link_records({"x-beads": {"dependencies": records}}):
        if key is not None:
            keys.append(key)
            found.setdefault(key, Link(key[1], key[0], _gate(key[0], record)))
    parent = next((target for kind, target in keys if kind == PARENT), None)
    return Links(parent, tuple(link for link in found.values() if link.type != PARENT), tuple(records), tuple(keys))


def _record(entry: Any, own: str, resolve: Callable[[str], str], wanted: Callable[[str, str], bool]) -> dict[str, Any]:
    known = {"depends_on_id": entry} if isinstance(entry, str) else entry
    raw_target = known.get("depends_on_id") if isinstance(known, dict) else None
    if not isinstance(raw_target, str) or not raw_target:
        return {"raw": entry}
    target, raw_kind = resolve(raw_target), known.get("type")
    kind = _kind(raw_kind)
    if not wanted(kind, target):
        return {"raw": entry}
    record = {"id": target} if kind == BLOCKS else {"id": target, "type": kind}
    usual = [key for key in _KEYS if key in known]
    if list(known) == usual and known is entry and usual[:3] == list(_KEYS[:3]):
        rest = {key: entry[key] for key in usual[3:]}
        if entry["issue_id"] == own and raw_target == target and raw_kind == kind:
            return {**record, **rest}
    return {**record, "raw": entry}


def _kind(raw: Any) -> str:
    """`parent_child` is read as parent-child; a missing type means blocks; others stay what they are."""
    if raw is None or raw == "":
        return BLOCKS
    if raw == "parent_child":
        return PARENT_CHILD
    mended = name(raw) or "unknown"
    # a spelling that had to be mended must not turn into one that blocks, nor pass for the parent
    return mended if mended == raw and mended != PARENT else f"x-{mended}"[:MAX_NAME]


def _gate(kind: str, record: Mapping[str, Any]) -> str | None:
    """The gate of a waits-for link; beads keeps it as JSON text in the link's metadata."""
    if kind != "waits-for":
        return None
    raw = record.get("raw")
    entry = raw if isinstance(raw, Mapping) else record
    metadata = entry.get("metadata")
    try:
        block = json.loads(metadata) if isinstance(metadata, str) else metadata
    except ValueError:
        return None
    gate = block.get("gate") if isinstance(block, Mapping) else None
    return gate if gate in _GATES else None


def written(link: Link) -> str | dict[str, str]:
    """A link as `depends_on` holds it: a plain id for `blocks`, else the long form."""
    if link.type == BLOCKS:
        return link.target
    long = {"id": link.target, "type": link.type}
    return {**long, "gate": link.gate} if link.gate else long


def link_of(item: Any) -> Link | None:
    """The link of one item of `depends_on`; None where it is none."""
    if isinstance(item, str):
        return Link(item)
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
        return None
    return Link(item["id"], item.get("type", BLOCKS), item.get("gate"))


def present(document: Mapping[str, Any]) -> dict[tuple[str, str], Link]:
    """The links that stand in a document now, by key; `tracks` of a convoy too."""
    links = [link for link in map(link_of, document.get("depends_on") or ()) if link is not None]
    links += [Link(target, TRACKS) for target in document.get("tracks") or ()]
    found = {(link.type, link.target): link for link in links}
    parent = document.get("parent")
    return {(PARENT, parent): Link(parent, PARENT), **found} if parent is not None else found


def write_links(
    document: Mapping[str, Any],
    own: str,
    raw_id: Callable[[str], str],
    originals: Any = None,
    stamp: str | None = None,
) -> list[Any]:
    """The `dependencies` that a document stands for.

    Entries of the imported line whose link is still there come first, as they were; then the links added since, which
    have the `stamp` for their time. `originals` are the entries of the line, where the records do not keep them.
    """
    left = present(document)
    standing = frozenset(left)
    whole = originals if isinstance(originals, list) else []
    entries = []
    for index, (key, record) in enumerate(link_records(document)):
        if key is None or key in standing:
            entries.append(whole[index] if index < len(whole) else _entry(key, record, own))
        left.pop(key or ("", ""), None)
    return entries + [_new_entry(link, own, raw_id, stamp) for link in left.values()]


def _entry(key: tuple[str, str] | None, record: Mapping[str, Any], own: str) -> Any:
    if key is None or "raw" in record:
        return record.get("raw")
    rest = {name: value for name, value in record.items() if name not in ("id", "type")}
    return {"issue_id": own, "depends_on_id": key[1], "type": record.get("type", BLOCKS), **rest}


def _new_entry(link: Link, own: str, raw_id: Callable[[str], str], stamp: str | None) -> dict[str, Any]:
    kind = PARENT_CHILD if link.type == PARENT else link.type
    entry = {"issue_id": own, "depends_on_id": raw_id(link.target), "type": kind}
    if stamp is not None:
        entry["created_at"] = stamp
    return {**entry, "metadata": json.dumps({"gate": link.gate})} if link.gate else entry
