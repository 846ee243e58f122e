"""One record of beads <-> one document, losing nothing: decode, encode (SPEC 10).

What a document's own fields cannot hold stands under `x-beads`: `file` and `line` (where it came from), `sha` (of the
line), `base` (what each field was), and, only where needed, `id` (the raw one), `tombstone`, `style` (spelling of the
JSON), `keys` (their order), `absent` (keys the line left out), `raw` (values, unknown keys), `dependencies`,
`also` (other lines with the same id), and `line_raw` (the whole line, where nothing less gives it back).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.interop.convoys import LABELS, SPOKEN, described, labelled, spoken
from gitconvoy.interop.fields import BEAD_FIELDS, CONVOY_FIELDS, TOMBSTONE, Field, person, read_fields, write_fields
from gitconvoy.interop.jsonl import STYLES, USUAL, Line, keepable, parse, writable, write
from gitconvoy.interop.links import Links, write_links, written
from gitconvoy.interop.own import METADATA, packed, readers, unpacked
from gitconvoy.interop.splice import splice
from gitconvoy.model.imported import X_BEADS, is_tombstone, origin
from gitconvoy.model.kinds import BEAD, CONVOY, Kind

CONVOY_TYPE = "convoy"
_encode = json.JSONEncoder(sort_keys=True).encode
ORDER = (
    "_type", "id", "content_hash", "title", "description", "design", "acceptance_criteria", "notes", "spec_id",
    "status", "priority", "issue_type", "assignee", "owner", "estimated_minutes", "created_at", "created_by",
    "updated_at", "started_at", "closed_at", "close_reason", "closed_by_session", "lease_expires_at", "heartbeat_at",
    "due_at", "defer_until", "external_ref", "source_system", "metadata", "source_repo", "compaction_level",
    "compacted_at", "compacted_at_commit", "original_size", "labels", "dependencies", "comments", "deleted_at",
    "deleted_by", "delete_reason", "original_type", "sender", "ephemeral", "no_history", "wisp_type", "pinned",
    "is_template", "bonded_from", "creator", "validations", "quality_score", "crystallizes", "await_type", "await_id",
    "timeout", "waiters", "holder", "source_formula", "source_location", "hook_bead", "role_bead", "agent_state",
    "last_activity", "role_type", "rig", "mol_type", "work_type", "event_kind", "actor", "target", "payload",
    "dependency_count", "dependent_count", "comment_count",
)  # fmt: skip
"""The usual order of a record's keys; a line in this order needs no `keys`."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    BEAD.name: {"type": "task", "priority": 2, "status": "open"},
    CONVOY.name: {"status": "staged_ready", "priority": 2},
}
"""What a document means that leaves these keys out."""
_RANK = {key: rank for rank, key in enumerate(ORDER)}
_LAST = len(ORDER)
UNWATCHED = frozenset({"created_at", "created_by", "updated_at"})
"""Facts of the source: what a person makes of them is not told apart from what an import did."""


def same_id(bead_id: str) -> str:
    """The id itself: the raw id of a bead that was not renamed."""
    return bead_id


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line came from; `line` may be fractional for lines put between others later."""

    file: str
    line: int | float
    raw: bytes
    also: tuple[Line, ...] = ()
    """Other lines of the same id, which lost against this one; they are kept whole."""

    @property
    def sha(self) -> str:
        """A short hash of the lines, enough to see whether one changed."""
        return hashlib.sha256(b"\n".join([self.raw, *(line.raw for line in self.also)])).hexdigest()[:16]


def rows_of(kind: Kind) -> tuple[Field, ...]:
    """The table of fields of beads, or of convoys."""
    return CONVOY_FIELDS if kind is CONVOY else BEAD_FIELDS


def keys_of(kind: Kind) -> tuple[str, ...]:
    """Every key of a document, but for its id and its links, that a record can give it."""
    said = (*SPOKEN, *LABELS.values()) if kind is CONVOY else ()
    return tuple(dict.fromkeys((*(row.key for row in rows_of(kind)), *said, *readers(kind), "outcome")))


def digest(value: Any) -> str:
    """A short hash of a field's value, by which a merge sees whether a person changed it."""
    canonical = _encode(value)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:6]


def base_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Digest by key of the fields as the last import left them."""
    base = origin(document).get("base")
    return dict(part.rpartition(":")[::2] for part in base.split()) if isinstance(base, str) else {}


def decode(record: Mapping[str, Any], own: str, kind: Kind, links: Links, place: Place) -> dict[str, Any]:
    """The document of one record, with everything else that `encode` needs to give back the very line.

    `own` is its id in the plan. `links` are those read from it.
    """
    document = {"id": own, **_fields(record, own, kind, links)}
    block: dict[str, Any] = {"file": place.file, "line": place.line, "sha": place.sha}
    watched = [key for key in keys_of(kind) if key not in UNWATCHED and key in document]
    block["base"] = " ".join(f"{key}:{digest(document[key])}" for key in watched)
    if record.get("id") != own:
        block["id"] = record["id"]
    if record.get("status") == TOMBSTONE:
        block["tombstone"] = True
    if links.records:
        block["dependencies"] = list(links.records)
    if place.also:
        block["also"] = [{"line": line.number, "line_raw": line.raw.decode("utf-8")} for line in place.also]
    return {**document, X_BEADS: _complete(document, kind, block, record, place.raw)}


def other_record(record: Mapping[str, Any], own: str, raw_id: str, place: Place, what: str) -> dict[str, Any]:
    """The document of a record that is no issue but a `what`, such as a memory: closed, kept whole for `encode`."""
    issue = {"title": record.get("key"), "issue_type": what, "description": record.get("value")}
    fields = read_fields({**issue, "priority": DEFAULTS[BEAD.name]["priority"], "status": "closed"}, BEAD_FIELDS)
    document = {"id": own, "title": own, **fields}
    base = " ".join(f"{key}:{digest(value)}" for key, value in fields.items())
    block = {"file": place.file, "line": place.line, "sha": place.sha, "base": base, "id": raw_id, "record": True}
    return {**document, X_BEADS: {**block, "line_raw": place.raw.decode("utf-8")}}


def _fields(record: Mapping[str, Any], own: str, kind: Kind, links: Links) -> dict[str, Any]:
    fields = _meant(record, own, kind)
    if kind is CONVOY:
        return {**fields, "tracks": sorted({link.target for link in links.links})}
    if links.parent is not None:
        fields["parent"] = links.parent
    if links.links:
        ordered = sorted(links.links, key=lambda link: (link.target, link.type))
        fields["depends_on"] = [written(link) for link in ordered]
    if record.get("status") == TOMBSTONE:
        fields["outcome"] = "cancelled"
    return fields


def _meant(record: Mapping[str, Any], own: str, kind: Kind) -> dict[str, Any]:
    """The fields, all but links, that a record stands for."""
    fields = {"title": own, **unpacked(read_fields(record, rows_of(kind)), kind)}
    if fields.get("status") != "closed":
        fields.pop("outcome", None)
    if kind is CONVOY:
        owner = person(record.get("owner"))
        fields = {**({"owner": owner} if owner is not None else {}), **fields, **spoken(record)}
    return fields


def _complete(
    document: Mapping[str, Any], kind: Kind, block: Mapping[str, Any], record: Mapping[str, Any], raw: bytes
) -> dict[str, Any]:
    """The block with what it takes to get the line back: first sparingly, at worst the whole line."""
    plain = _plain({**document, X_BEADS: block}, kind, same_id)
    extra: dict[str, Any] = {}
    usual = sorted(record, key=_rank)
    if list(record) != usual:
        extra["keys"] = list(record)
    absent = [key for key in plain if key not in record]
    if absent:
        extra["absent"] = absent
    kept = {key: record[key] for key in usual if key not in plain or not _same(plain[key], record[key])}
    if kept:
        extra["raw"] = kept
    if keepable([kept, block, list(record)]):
        complete = {**block, **extra}
        restored = _restored({**document, X_BEADS: complete}, kind, same_id, {})
        for style, spell in STYLES.items():
            if spell(restored).encode("utf-8") == raw:
                return complete if style == USUAL else {**complete, "style": style}
    return {**_sparing(block), "line_raw": raw.decode("utf-8")}


def _sparing(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block without what the whole line, which is kept beside it, says too."""
    kept = {key: value for key, value in block.items() if key != "id" or keepable(value)}
    if "dependencies" in block:
        kept["dependencies"] = [_sparing_link(record) for record in block["dependencies"]]
    return kept


def _sparing_link(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("id", "type") if key in record}


def raw_id_of(document: Mapping[str, Any]) -> str:
    """The id that a document's record has in the file it was imported from."""
    block = origin(document)
    whole = None if "id" in block else _whole(block)
    return str(block.get("id", document["id"]) if whole is None else whole.get("id", document["id"]))


def encode(
    document: Mapping[str, Any],
    kind: Kind = BEAD,
    raw_id: Callable[[str], str] = same_id,
    *,
    more: Mapping[str, Any] | None = None,
    style: str = USUAL,
    stamp: str | None = None,
) -> bytes:
    """The line, without a line feed, that a document stands for.

    The very bytes that were imported, where no field changed since; changed fields take the place of the imported
    ones, all else stays. Documents that were never imported give a line in a `style`. `raw_id` gives the id by
    which the other tool knows a bead (an imported one may have another one here). `more` are further keys of the
    record, such as counts; `stamp` is the time of links that were added.
    """
    block = origin(document)
    whole = _whole(block)
    record = _restored(document, kind, raw_id, more or {}, stamp)
    if whole is None:
        return write(record, str(block.get("style", USUAL)) if block else style)
    if block.get("record") is True or json.dumps(record) == json.dumps(whole):
        return str(block["line_raw"]).encode("utf-8")
    return splice(str(block["line_raw"]), whole, record, writable).encode("utf-8")


def _whole(block: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The record of a line that is kept whole; None where none is, or where a person broke it."""
    if "line_raw" not in block:
        return None
    try:
        return parse(block["line_raw"].encode("utf-8"))
    except (AttributeError, ValueError):
        return None


def kept_record(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an import kept of the record beside the document's fields: unknown keys at least."""
    block = origin(document)
    whole = _whole(block)
    kept = block.get("raw") if whole is None else whole
    return kept if isinstance(kept, Mapping) else {}


def _plain(
    document: Mapping[str, Any], kind: Kind, raw_id: Callable[[str], str], stamp: str | None = None
) -> dict[str, Any]:
    """The record that the document's own fields and links give."""
    own = raw_id_of(document)
    record = {"id": own, **write_fields({**DEFAULTS[kind.name], **document}, rows_of(kind))}
    metadata = packed(document, kind, record.get(METADATA))
    if metadata:
        record[METADATA] = metadata
    if kind is CONVOY:
        record["issue_type"] = CONVOY_TYPE
        said = {"description": described(None, document), "labels": labelled(record.get("labels") or (), document)}
        record = {**record, **{key: value for key, value in said.items() if value}}
    elif document.get("outcome") == "failed":
        record.setdefault("close_reason", "failed")  # by which beads tells a failure from a success
    if "comments" in record:
        record["comments"] = [_comment(comment, own) for comment in record["comments"]]
    whole = _whole(origin(document))
    links = write_links(document, own, raw_id, None if whole is None else whole.get("dependencies"), stamp)
    return {**record, "dependencies": links} if links else record


def _comment(comment: Mapping[str, Any], own: str) -> dict[str, Any]:
    number = {"id": comment["id"]} if "id" in comment else {}
    rest = {key: comment[key] for key in ("author", "text", "created_at") if key in comment}
    return {**number, "issue_id": own, **rest}


def _restored(
    document: Mapping[str, Any],
    kind: Kind,
    raw_id: Callable[[str], str],
    more: Mapping[str, Any],
    stamp: str | None = None,
) -> dict[str, Any]:
    """The record with what the import kept, wherever the document's field still means the same."""
    block = origin(document)
    plain = _plain(document, kind, raw_id, stamp)
    whole = _whole(block)
    kept = kept_record(document)
    absent = frozenset(block.get("absent", ())) if whole is None else plain.keys() - whole.keys()
    record = {key: value for key, value in {**plain, **kept}.items() if key not in absent}
    meant = _meant(record, str(document["id"]), kind)
    changed = {key for key in keys_of(kind) if _value(meant, key, kind) != _value(document, key, kind)}
    for row in rows_of(kind):
        if row.key in changed:
            _put(record, row.record, plain)
    if changed & readers(kind).keys() and not (kind is BEAD and is_tombstone(document)):
        metadata = packed(document, kind, kept.get(METADATA, plain.get(METADATA)))
        _put(record, METADATA, {METADATA: metadata} if metadata else {})
    if kind is CONVOY:
        _speak(record, document, changed)
    if block.get("dependencies") or "dependencies" in plain:
        _put(record, "dependencies", plain)
    record |= {"id": plain["id"], **more}
    return {key: record[key] for key in _in_order(record, block.get("keys") or list(whole or ()))}


def _value(fields: Mapping[str, Any], key: str, kind: Kind) -> Any:
    value = fields.get(key, DEFAULTS[kind.name].get(key))
    return None if value is False or (key == "outcome" and value == "done") else value


def _speak(record: dict[str, Any], document: Mapping[str, Any], changed: set[str]) -> None:
    """Have the description and the labels of a convoy's record say what changed."""
    if said := changed.intersection(SPOKEN):
        description = described(record.get("description"), document, said)
        _put(record, "description", {"description": description} if description else {})
        if document.get("owner") is None:
            record.pop("owner", None)
    if changed.intersection(LABELS.values()) and "labels" not in changed:
        labels = labelled(document.get("labels") or (), document)
        _put(record, "labels", {"labels": labels} if labels else {})


def _put(record: dict[str, Any], key: str, plain: Mapping[str, Any]) -> None:
    if key in plain:
        record[key] = plain[key]
    else:
        record.pop(key, None)


def _rank(key: str) -> int:
    return _RANK.get(key, _LAST)


def _in_order(record: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """The record's keys: those of `keys` in that order, others where the usual order puts them."""
    order = [key for key in keys if key in record]
    known = frozenset(order)
    others = sorted((key for key in record if key not in known), key=_rank)
    if not order:
        return others
    for key in others:
        before = [number for number, other in enumerate(order, 1) if _rank(other) < _rank(key)]
        order.insert(before[-1] if before else 0, key)
    return order


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, str) or isinstance(right, str):
        return bool(left == right)
    return json.dumps(left) == json.dumps(right)
