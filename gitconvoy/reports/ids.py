"""Which bead or convoy a person means: an exact id, or a unique prefix of one, for reading (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterable

from gitconvoy.engine.near import nearest
from gitconvoy.errors import ConvoyError, NotFound, Refused
from gitconvoy.model.plan import Plan

_SHOWN = 5


def find_bead(plan: Plan, text: str) -> str:
    """The id of an active, archived or unreadable bead, or one that is named and cannot be seen.

    NotFound names the nearest ids, Refused is for ambiguity.
    """
    if text in plan.convoys:
        raise NotFound(f"{text} is a convoy, not a bead", hint=f"gitconvoy status {text}")
    if plan.has(text):
        return text
    return _find(
        "bead",
        text,
        {*plan.beads, *plan.archive, *plan.left(), *(plan.broken - plan.convoys.keys()), *plan.unseen_ids()},
    )


def find_convoy(plan: Plan, text: str) -> str:
    """The id of a convoy. NotFound with the nearest ids, Refused where it is ambiguous."""
    if plan.bead(text) is not None:
        raise NotFound(f"{text} is a bead, not a convoy", hint=f"gitconvoy why {text}")
    return _find("convoy", text, plan.convoys.keys())


def _find(kind: str, text: str, known: Iterable[str]) -> str:
    ids = sorted(known)
    if text in ids:
        return text
    found = [one for one in ids if text and one.startswith(text)]
    if len(found) == 1:
        return found[0]
    raise ambiguous(kind, text, found) if found else unknown(kind, text, ids)


def ambiguous(kind: str, text: str, found: list[str]) -> ConvoyError:
    """The error for a beginning that several ids share."""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    message = f"{text!r} could be any of {len(found)} {kind}s: {', '.join(found[:_SHOWN])}{more}"
    return Refused(message, hint="write a longer part of the id", code="ambiguous")


def unknown(kind: str, text: str, known: Iterable[str]) -> NotFound:
    """The error for an id that does not exist, with the nearest ones that do."""
    where = "gitconvoy list --all" if kind == "convoy" else "gitconvoy bead list"
    return NotFound(f"there is no {kind} {text}", hint=nearest(text, known) or f"{where} names those that there are")
