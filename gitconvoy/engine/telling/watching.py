"""`watch` and `unwatch`: who is told of a convoy beside its owner, kept in the ledger. Pure (SPEC 7)."""

from __future__ import annotations

from gitconvoy.engine.convoys.convoy_requests import known_convoy
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.telling.people import complaint
from gitconvoy.errors import Refused, UsageError
from gitconvoy.model.ledger import Event


def person(who: str) -> str:
    """`who`, fit to be handed to programs. UsageError for what the schema does not take for a person."""
    wrong = complaint(who)
    if wrong is not None:
        raise UsageError(f"{who!r} {wrong}", hint="for example gastown/nux or ada@example.org", code="person")
    return who


def watch(draft: Draft, convoy: str, who: str) -> Event | None:
    """Tell `who` of the convoy from now on; None where that is so already, by the ledger or the convoy's file."""
    known = known_convoy(draft, convoy)
    person(who)
    recorded = draft.convoy_record(convoy).watchers or ()
    if who in recorded or who in (known.data.get("watchers") or ()):
        return None
    return _put(draft, convoy, {*recorded, who}, f"{who} watches it")


def unwatch(draft: Draft, convoy: str, who: str) -> Event | None:
    """Tell `who` no more; None where the ledger does not anyway. Refused where the convoy's file names them."""
    known = known_convoy(draft, convoy)
    if who in (known.data.get("watchers") or ()):
        raise Refused(
            f"{known.path} names {who} among its watchers", hint="take it out there and commit", code="in-file"
        )
    recorded = draft.convoy_record(convoy).watchers or ()
    return _put(draft, convoy, {*recorded} - {who}, f"{who} watches it no more") if who in recorded else None


def _put(draft: Draft, convoy: str, watchers: set[str], reason: str) -> Event:
    return draft.add(
        "watch", convoy=convoy, reason=reason, convoy_changes={"watchers": tuple(sorted(watchers)) or None}
    )
