"""Ledger commits that no rule was asked about, as somebody could write them who means no good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from townfixtures import TownHelper

from gitconvoy.git import commits, refs, write
from gitconvoy.ledger import chain as links
from gitconvoy.ledger.read import REF
from gitconvoy.model.ledger import Event

FLOW = "hq-cv-1"


def event(here: TownHelper, kind: str, bead: str | None = None, **given: Any) -> Event:
    """An event as the engine would write it now, with whatever is given instead."""
    state = here.state()
    record = state.ledger.bead(bead or "")
    about = {"token": record.token, "attempt": record.attempt, "worker": record.worker} if bead else {}
    usual = {"at": state.now, "actor": "mallory", "cause": "command", "trunk": state.trunk, "bead": bead, **about}
    return Event(kind, **{**usual, **given})


def dispatch(here: TownHelper, bead: str, **changes: Any) -> Event:
    """A dispatch that is well-formed in itself."""
    state = here.state()
    fields = {
        "convoy": FLOW,
        "worker": "gt/polecat-9",
        "machine": "here",
        "via": "push",
        "attempt": state.ledger.bead(bead).attempt + 1,
        "token": "f" * 16,
        "since": state.now,
        "status": "in_progress",
        "file_status": "open",
        **changes,
    }
    names = {name: fields[name] for name in ("convoy", "worker", "attempt", "token")}
    return event(here, "dispatch", bead, at=state.now, **names, bead_changes=fields)


def forge(here: TownHelper, *events: Event, plan: str | None = None) -> str:
    """Write events onto the ledger without asking any rule; the last one's commit."""
    repo = here.open().repo
    ledger = here.ledger()
    base = commits.commit(repo, ledger.tip or "").tree
    made = links.prepare(repo, ledger, base, plan or here.state().plan.tree, events)
    assert links.publish(repo, made, "forged")
    return made.tip


def rewrite(
    here: TownHelper, message: Callable[[str], str] = str, tree: dict[str, Any] | None = None, **more: Any
) -> str:
    """The ledger's last commit once more, changed; its new id."""
    repo = here.open().repo
    tip = refs.ref(repo, REF) or ""
    info = commits.commit(repo, tip)
    changed = write.edit_tree(repo, info.tree, tree) if tree else info.tree
    made = write.create_commit(
        repo, changed, more.get("parents", info.parents), message(info.message), more.get("time", info.time)
    )
    assert write.swap_ref(repo, REF, tip, made, "forged")
    return made
