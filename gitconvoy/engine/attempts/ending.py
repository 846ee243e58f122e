"""Ending what is left of an attempt on this machine: its processes, and a supervisor that hangs (SPEC 7)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from gitconvoy.dispatch import attempts, leases, processes
from gitconvoy.dispatch.attempts import AttemptFolder, Begun, Job
from gitconvoy.engine.attempts import releasing
from gitconvoy.engine.town import Town
from gitconvoy.engine.wake import spawn
from gitconvoy.model.ledger import Event

_TAKEN = frozenset({"expire", "unsling", "kill", "requeue"})
"""Events that take an attempt from its worker."""
_AT_ONCE = 200
"""Attempts that one process sees to; their folders are its arguments."""
_ENDED = frozenset({"done", "merged", "fail"})
"""Events after which nobody needs its worktree any more."""


def remains(folder: AttemptFolder, job: Job, *, supervisor: bool = False) -> set[int]:
    """Processes of the attempt that still live; with `supervisor` the one that watches over them, too."""
    begun = attempts.read_begun(folder)
    watcher = _supervisor(begun)
    found = attempts.processes_of(job, _session(begun), watcher)
    if supervisor and watcher is not None and watcher != os.getpid():
        found.add(watcher)
    return found


def _supervisor(begun: Begun | None) -> int | None:
    """The supervisor, if it lives."""
    if begun is None or not begun.supervisor_identity:
        return None
    return begun.supervisor if processes.identity(begun.supervisor) == begun.supervisor_identity else None


def _session(begun: Begun | None) -> int | None:
    """The worker's session, unless its number may be somebody else's by now."""
    if begun is None or begun.session is None or begun.boot != processes.boot():
        return None
    now = processes.identity(begun.session)
    return begun.session if now in (None, begun.identity) else None


def end(
    over: Iterable[tuple[AttemptFolder, Job]],
    *,
    supervisor: bool = False,
    meanwhile: Callable[[], object] = lambda: None,
) -> bool:
    """End the processes of these attempts until none is left; whether that worked. `meanwhile` is called often."""
    listed = list(over)
    ended = processes.end(
        lambda: {pid for each in listed for pid in remains(*each, supervisor=supervisor)}, reap=meanwhile
    )
    if listed:
        from gitconvoy.dispatch import tmux  # most decisions end nothing

        for folder, _ in listed:
            tmux.tidy(folder.root)
    return ended


def earlier(town: Town, job: Job) -> list[tuple[AttemptFolder, Job]]:
    """The attempts of the same bead before this one that have a folder here."""
    return _readable(
        attempts.attempt_folder(town.common_dir, job.bead, number).root for number in range(1, job.attempt)
    )


def leave_behind(town: Town, events: Iterable[Event]) -> None:
    """See to it that attempts which were just taken from their workers end, without waiting for it.

    A supervisor sees by itself that its attempt is over; where an attempt expired, it does not see anything any more.
    """
    found: dict[bool, list[str]] = {True: [], False: []}
    for event in events:
        if event.kind not in _TAKEN | _ENDED or event.bead is None or event.attempt is None:
            continue
        folder = attempts.attempt_folder(town.common_dir, event.bead, event.attempt)
        if folder.begun.exists() and (event.kind == "expire" or not attempts.supervised(folder)):
            found[event.kind in _ENDED].append(str(folder.root))
    for gently, roots in found.items():
        for start in range(0, len(roots), _AT_ONCE):
            words = ["reap", *(["--gently"] if gently else []), *roots[start : start + _AT_ONCE]]
            spawn(town, words, town.home())


def reap(roots: Iterable[Path], *, gently: bool = False) -> None:
    """End what is left of attempts of one town that are over, and let their worktrees go, where nothing would be lost.

    `gently`: who still runs in it is the worker that said so, and may end by itself; the next scan looks again.
    """
    listed = _readable(roots)
    if not listed:
        return
    town = Town.open(Path(listed[0][1].town), actor=listed[0][1].worker)
    ledger = town.ledger()
    over = [(folder, job) for folder, job in listed if not releasing.running(ledger.bead(job.bead), job)]
    if not gently:
        end(over, supervisor=True)
    state = town.state() if over else None
    for _, job in over:
        leases.drop(town.common_dir, job.bead, job.token)
        releasing.release(town, job.bead, job.attempt, state)


def _readable(roots: Iterable[Path]) -> list[tuple[AttemptFolder, Job]]:
    """Those attempts whose folders are still there: `land` removes them."""
    found = []
    for root in roots:
        try:
            found.append(attempts.read_job(root))
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return found
