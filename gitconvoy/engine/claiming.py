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
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic, sleep

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import requests
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.react import Dispatched, Outcome, transact_alone
from gitconvoy.engine.requests import Claim, Claims
from gitconvoy.engine.settings import require_role
from gitconvoy.engine.settle import new_token
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.git import lock
from gitconvoy.ledger.read import history
from gitconvoy.store.localfiles import local_folder, make_folder

_ROUNDS = 16
"""How often whoever has the lock grants what came meanwhile, before it goes about its own work."""
_NEAR = 1000
"""Commits among which an answer is looked for."""
_TOGETHER = 64
"""Wishes that are granted in one go."""
_PATIENCE = 0.004
"""Seconds that are waited for the wishes of those who were answered a moment ago."""
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


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
    with _left(town, wish) as own:
        with town.exclusive_unless(own.is_answered) as alone:
            if alone and not own.is_answered():
                return _decide(town, wish, own.file)
        told = own.answer()
    return told or _answer(town, wish.token) or claim(town, rig)


def _decide(town: Town, wish: Wish, own: Path) -> Granted:
    """Grant the own wish and those of others; theirs, too, that come meanwhile, as all is at hand now."""
    others = _others(own)
    rounds = iter(range(_ROUNDS))
    more = _More()

    def onward(dispatched: tuple[Dispatched, ...]) -> Callable[[Draft], object] | None:
        theirs = [each for each in dispatched if each.token != wish.token]
        answered = sum(_tell(own.parent / each.token, each) for each in theirs)
        if not dispatched or next(rounds, None) is None:
            return None
        _gather(own.parent, answered)
        waiting = _others(own)
        return partial(more.grant, waiting=waiting) if waiting else None

    done = transact_alone(town, lambda draft: _grant(draft, others, wish), onward=onward)
    commits = {each.token: each.commit for each in done.dispatched}
    found = None
    if done.value.bead is not None and wish.token not in commits:  # granted by one who died before saying so, or failed
        found = _answer(town, wish.token)
    return found or Granted(done.value, commits.get(wish.token), done)


def _tell(file: Path, granted: Dispatched) -> bool:
    """Answer a wish: what came of it stands behind it, and then the file goes, which tells who waits. False: nobody.

    Of an attempt that has failed already nothing is said: who waits sees that in the ledger, and wishes again.
    """
    if granted.begun:
        _put_behind(file, json.dumps([granted.bead, granted.worker, granted.attempt, granted.commit]))
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def _put_behind(file: Path, answer: str) -> None:
    with suppress(OSError):  # where nothing more can be written, the ledger says it
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(handle, answer.encode() + b"\n")
        finally:
            os.close(handle)


def _gather(place: Path, answered: int) -> None:
    """Wait a moment for as many as have just been answered: they may be back at once, and a group costs as one does."""
    ends = monotonic() + _PATIENCE
    while sum(1 for _ in place.iterdir()) <= answered and monotonic() < ends:
        sleep(_PATIENCE / 8)


def _grant(draft: Draft, others: Sequence[Wish], own: Wish | None = None) -> Claim:
    """Claims for all of them, in this order; the own one."""
    known = {record.token: record for record in draft.state.ledger.beads.values()}
    if own is not None and own.token in known:  # whoever granted it died before it could say so
        record = known[own.token]
        return Claim(record.id, record.worker, record.attempt, record.token)  # others are served by themselves
    if own is None:
        first, pool = Claim(), Claims(draft.view, draft.local)
    else:
        pool = requests.ready_to_claim(draft, own.actor)
        first = pool.take(draft, own.actor, own.rig, own.token)
    for each in others:
        if each.token not in known:
            pool.take(draft, each.actor, each.rig, each.token)
    return first


class _More:
    """Grants what is wished for after that: nothing happens between but that this very process grants (`Onward`)."""

    def __init__(self) -> None:
        self._pool: Claims | None = None
        self._known: set[str | None] = set()

    def grant(self, draft: Draft, waiting: Sequence[Wish]) -> None:
        if self._pool is None:
            self._pool = Claims(draft.view, draft.local)
            self._known = {record.token for record in draft.state.ledger.beads.values()}
        for each in waiting:
            if each.token not in self._known:
                self._pool.take(draft, each.actor, each.rig, each.token)
        self._known |= {each.token for each in waiting}


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


@dataclass(frozen=True, slots=True)
class _Own:
    """The wish of this process: a file that is locked, and goes once it is answered."""

    file: Path
    handle: int

    def is_answered(self) -> bool:
        """Whether the file is gone."""
        return os.fstat(self.handle).st_nlink == 0

    def answer(self) -> Granted | None:
        """What whoever granted it has put behind it; None where nothing is there, which says nothing."""
        try:
            _, said = os.pread(self.handle, 1 << 16, 0).splitlines()
            bead, worker, attempt, commit = json.loads(said)
            return Granted(Claim(str(bead), str(worker), int(attempt), self.file.name), str(commit), None)
        except (OSError, ValueError, TypeError):
            return None


@contextmanager
def _left(town: Town, wish: Wish) -> Iterator[_Own]:
    """The wish as a file that is there, and locked, while the block runs. OSError where none can be made."""
    place = _folder(town.common_dir)
    file = place / wish.token
    try:
        handle = os.open(file, _NEW, 0o600)
    except FileNotFoundError:
        make_folder(place)
        handle = os.open(file, _NEW, 0o600)
    own = _Own(file, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.write(handle, json.dumps([wish.actor, wish.rig]).encode() + b"\n")
        yield own
    finally:
        if not own.is_answered():
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
            actor, rig = json.loads(file.read_bytes().partition(b"\n")[0])
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
