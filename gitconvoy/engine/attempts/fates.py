"""How an attempt has ended, told to whoever still speaks for it: it is fenced off, its work is kept (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, Refused
from gitconvoy.git import refs, trees
from gitconvoy.ledger import codec
from gitconvoy.ledger.codec import one_line
from gitconvoy.ledger.read import Entry, history
from gitconvoy.model.ledger import BeadRecord

LOOKED_BACK = 5000
"""Entries of the ledger that are searched for an attempt, at most."""
_FENCED = frozenset({"not-live", "stale-token", "not-yours"})
_HOW = {
    "unsling": "was taken back",
    "requeue": "was taken back",
    "expire": "has expired",
    "kill": "was killed",
    "dispatch-failed": "could not be started",
    "fail": "has failed",
    "done": "ended when its bead was closed",
    "merged": "ended when its work was merged",
}


@contextmanager
def explained(town: Town, bead: str, token: str | None) -> Iterator[None]:
    """What refuses a caller because an attempt is over says how that one ended, and what becomes of its branch."""
    try:
        yield
    except Refused as error:
        if error.code not in _FENCED:
            raise
        end = ending_of(town, bead, token)
        if end is None:
            raise
        raise Refused(_message(town, bead, end), hint=_hint(town, bead, end), code=error.code) from error


def ending_of(town: Town, bead: str, token: str | None) -> Entry | None:
    """The event that ended the caller's last attempt: by its token, without one as its worker. None while it lives."""
    for entry in islice(history(town.repo, town.ledger_tip()), LOOKED_BACK):
        own = entry.token == token if token is not None else entry.worker == town.actor
        if entry.bead == bead and own and entry.attempt is not None:
            return entry if entry.event in _HOW else None
    return None


def record_at(town: Town, entry: Entry) -> BeadRecord:
    """What the ledger knew of an entry's bead right after it."""
    path = codec.bead_path(entry.bead or "")
    data = trees.blob_at(town.repo, entry.commit, path)
    return codec.read_bead(data, path) if data is not None else BeadRecord(entry.bead or "")


def _message(town: Town, bead: str, end: Entry) -> str:
    reason = f" ({one_line(end.reason)})" if end.reason else ""
    now = town.ledger().bead(bead)
    other = now.live and now.attempt != end.attempt
    since = f"; attempt {now.attempt} is {now.worker}'s" if other else ""
    return f"attempt {end.attempt} of {bead} {_HOW[end.event]}{reason}{since}"


def _hint(town: Town, bead: str, end: Entry) -> str:
    if end.event == "merged":
        return f"gitconvoy why {bead} says more"
    branch = record_at(town, end).branch
    kept = f": {branch} is kept" if branch is not None and _exists(town, bead, branch) else ""
    return f"your branch and files are untouched{kept}; a person decides what becomes of that (gitconvoy why {bead})"


def _exists(town: Town, bead: str, branch: str) -> bool:
    try:
        return refs.ref(town.repo_of(town.plan(), bead), HEADS + branch) is not None
    except ConvoyError:
        return False  # its repository is away
