"""New documents of the plan plane: ids, paths, canonical bytes (SPEC 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.errors import UsageError
from gitconvoy.model import kinds, places
from gitconvoy.model.ids import is_id, new_id
from gitconvoy.model.kinds import Kind
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import FANOUT, Link, Plan
from gitconvoy.yamlio.writer import dump

MAX_TITLE = 500


def checked_id(text: str) -> str:
    """`text` itself, fit to name a file. UsageError where it cannot be an id (SPEC 3.1)."""
    if not is_id(text):
        raise UsageError(
            f"{text!r} cannot be an id",
            hint="ids have up to 64 letters, digits, `.`, `-` and `_`, without `..` or a final `.` or `.lock`",
            code="bad-id",
        )
    return text


def checked_title(text: str) -> str:
    """`text` itself, fit to be a title. UsageError where it is empty or too long (SPEC 3.2)."""
    if not text.strip():
        raise UsageError(
            "the title is empty", hint=f"say in 1 to {MAX_TITLE} characters what it is about", code="bad-title"
        )
    if len(text) > MAX_TITLE:
        message = f"the title has {len(text)} characters, allowed are 1 to {MAX_TITLE}"
        raise UsageError(
            message, hint="say it shorter; what else there is to say goes into the description", code="bad-title"
        )
    return text


def bead_path(bead_id: str, layout: str = "flat") -> str:
    """Where a new bead's file goes: `.convoy/beads/<id>.yaml`, or `.convoy/beads/<2 hex>/<id>.yaml` for fanout."""
    return places.bead_path(checked_id(bead_id), fanned=layout == FANOUT)


def convoy_path(convoy_id: str) -> str:
    """`.convoy/convoys/<id>.yaml`."""
    return places.convoy_path(checked_id(convoy_id))


def plan_path(convoy_id: str) -> str:
    """`.convoy/plans/<id>.yaml`."""
    return f"{kinds.PLAN.folder}/{checked_id(convoy_id)}.yaml"


def schema_path(kind: Kind) -> str:
    """Where `init` copies the schema of a kind."""
    return f"{places.SCHEMAS}/{kind.name}.schema.json"


def taken_ids(plan: Plan, ledger: Ledger | None = None) -> frozenset[str]:
    """All ids that ever named something, in lower case: beads, archive, convoys, unreadable files, plans, ledger."""
    places = [plan.beads, plan.archive, plan.convoys, plan.broken, plan.plan_blobs]
    if ledger is not None:
        places += [ledger.beads, ledger.convoys]
    return frozenset(name.lower() for place in places for name in place)


def fresh_bead_id(plan: Plan, ledger: Ledger | None = None, prefix: str | None = None) -> str:
    """A new random bead id: prefix (default: the config's) + `-` + 5 base-36 characters, never one that was used."""
    return checked_id(new_id(prefix or plan.config.prefix, taken_ids(plan, ledger)))


def fresh_convoy_id(plan: Plan, ledger: Ledger | None = None) -> str:
    """A new random convoy id with the config's prefix, never one that was used."""
    return checked_id(new_id(plan.config.convoy_prefix, taken_ids(plan, ledger)))


def link_entry(link: Link) -> str | dict[str, str]:
    """A link as `depends_on` writes it: a plain id for `blocks`, else the long form."""
    if link.type == "blocks" and link.gate is None:
        return link.target
    entry = {"id": link.target, "type": link.type}
    return entry if link.gate is None else {**entry, "gate": link.gate}


def new_document(kind: Kind, path: str, fields: Mapping[str, Any]) -> bytes:
    """Canonical bytes of a new file; None, empty text, empty lists and mappings, and defaults are left out."""
    defaults = kinds.DEFAULTS.get(kind.name, {})
    kept = {key: value for key, value in fields.items() if not _left_out(value, defaults.get(key))}
    return dump(kept, kind, places.schema_url(path, kind))


def _left_out(value: Any, default: Any) -> bool:
    if value is None or (isinstance(value, str | list | tuple | dict) and not value):
        return True
    return type(value) is type(default) and bool(value == default)
