"""Claims of many processes at once: whoever has the town's lock decides for all that wait for it (SPEC 7).

A claim costs a ref that moves and a disk that is waited for, and only one process at a time can do that. So each one
leaves a wish with the token that its attempt shall have, and waits for the lock; the one that gets it grants all wishes
as one chain. The ledger is the answer: who finds its token there has its bead. A wish is locked by the process that
waits, so nobody claims for the dead; and one that was granted and not answered (the process died in between) is an
attempt like any, whose lease runs out.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from gitconvoy.engine import requests
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.react import Dispatched, Outcome, transact_alone
from gitconvoy.engine.requests import Claim
from gitconvoy.engine.settings import require_role
from gitconvoy.engine.settle import new_token
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.git import lock
from gitconvoy.ledger.read import history
from gitconvoy.store.localfiles import local_folder

_ROUNDS = 16
"""How often whoever has the lock grants what came meanwhile, before it goes about its own work."""
_NEAR = 1000
"""Commits among which an answer is looked for."""
_TOGETHER = 64
"""Wishes that are granted in one go."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants the next bead: of which rig (None: any), and the token that the attempt shall have."""

    actor: str
    rig: str | None
    token: str


@dataclass(frozen=True, slots=True)
class Granted:
    """What came of a wish, and the ledger commit that says so; `outcome` where this very process has decided it."""

    claim: Claim
    commit: str | None
    outcome: Outcome[Claim] | None


def claim(town: Town, rig: str | None = None) -> Granted:
    """Take the next ready bead for the town's actor, with a lease from the start; nothing ready is no error.

    Raises what `transact` does, and UsageError for an actor that cannot name a worker.
    """
    require_role(town.settings)
    wish = Wish(requests.worker_name(town.actor), rig, new_token())
    with _left(town, wish) as own, town.exclusive_unless(lambda: not own.exists()) as alone:
        if alone and own.exists():
            return _decide(town, wish, own)
    return _answer(town, wish.token) or claim(town, rig)


def _decide(town: Town, wish: Wish, own: Path) -> Granted:
    """Grant the own wish and those of others; theirs, too, that come meanwhile, as all is at hand now."""
    others = _others(own)
    rounds = iter(range(_ROUNDS))

    def onward(dispatched: tuple[Dispatched, ...]) -> Callable[[Draft], object] | None:
        for each in dispatched:
            if each.token != wish.token:
                (own.parent / each.token).unlink(missing_ok=True)  # which tells who waits for it
        waiting = _others(own) if dispatched and next(rounds, None) is not None else []
        return partial(_grant, others=waiting) if waiting else None

    done = transact_alone(town, lambda draft: _grant(draft, others, wish), onward=onward)
    commits = {each.token: each.commit for each in done.dispatched}
    return Granted(done.value, commits.get(wish.token), done)


def _grant(draft: Draft, others: Sequence[Wish], own: Wish | None = None) -> Claim:
    """Claims for all of them, in this order; the own one."""
    known = {record.token: record for record in draft.state.ledger.beads.values()}
    first = Claim()
    if own is not None and own.token in known:  # whoever granted it died before it could say so
        record = known[own.token]
        first = Claim(record.id, record.worker, record.attempt, record.token)
    elif own is not None:
        first = requests.claim(draft, own.actor, own.rig, own.token)
    requests.claims(draft, [(each.actor, each.rig, each.token) for each in others if each.token not in known])
    return first


def _answer(town: Town, token: str) -> Granted | None:
    """The attempt with this token by the ledger's newest commits; None where there is none, or it has ended."""
    for entry in islice(history(town.repo, town.ledger_tip()), _NEAR):
        if entry.token == token:
            if entry.event != "dispatch":
                return None
            return Granted(Claim(entry.bead, entry.worker, entry.attempt, token), entry.commit, None)
    return None


def _folder(common_dir: Path) -> Path:
    return local_folder(common_dir) / "wishes"


@contextmanager
def _left(town: Town, wish: Wish) -> Iterator[Path]:
    """The wish as a file that is there, and locked, while the block runs. OSError where none can be made."""
    place = _folder(town.common_dir)
    place.mkdir(parents=True, exist_ok=True)
    file = place / wish.token
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.write(handle, json.dumps([wish.actor, wish.rig]).encode() + b"\n")
        yield file
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)


def _others(own: Path) -> list[Wish]:
    """What others wait for; wishes of dead processes are cleared away."""
    found: list[Wish] = []
    for file in sorted(own.parent.iterdir()):
        if file == own or len(found) == _TOGETHER:
            continue
        if not lock.held(file):
            _clear(file)
            continue
        try:
            actor, rig = json.loads(file.read_bytes())
            name = requests.worker_name(str(actor))
        except (OSError, ValueError, ConvoyError):
            continue  # not written yet, or none of ours
        found.append(Wish(name, str(rig) if rig is not None else None, file.name))
    return found


def _clear(file: Path) -> None:
    try:
        if file.stat().st_size:  # else it was made a moment ago
            file.unlink(missing_ok=True)
    except OSError:
        return
