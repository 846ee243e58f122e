"""Due times: when something is next due, and the detached scan that is left behind for it (SPEC 7)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from gitconvoy.dispatch.leases import NEVER
from gitconvoy.engine.attempts.breaking import next_trial
from gitconvoy.engine.local import Local, lease_end
from gitconvoy.engine.town import Town
from gitconvoy.rules.batch import untracked_retries
from gitconvoy.rules.due import next_due
from gitconvoy.rules.view import View
from gitconvoy.store.localfiles import local_folder, write_atomically

_children: list[subprocess.Popen[bytes]] = []


def next_wake(view: View, local: Local) -> int | None:
    """The next time at which something is due: retries (of merging and pushing too), deferrals, leases of this machine.

    Epoch seconds. What waits for a person has no time.
    """
    lease = view.config.dispatch.lease
    times = [lease_end(record, local, lease) for record in view.in_flight]
    times += [view.ledger.bead(bead).not_before for bead in untracked_retries(view, waiting=True)]
    times += [next_due(view), next_trial(view, local)]
    times += [note.retry_at for note in local.handins.values() if view.ledger.bead(note.bead).token == note.token]
    return min((at for at in times if at is not None and view.now < at < NEVER), default=None)


def _file(common_dir: Path) -> Path:
    return local_folder(common_dir) / "wake"


def _pending(common_dir: Path) -> int | None:
    """When the waiting scan wakes; None where none waits."""
    try:
        at, pid = _file(common_dir).read_text(encoding="ascii").split()
        os.kill(int(pid), 0)
        return int(at)
    except (OSError, ValueError, OverflowError):
        return None


def leave_behind(town: Town, at: int) -> None:
    """See to it that a scan runs at `at`, unless one does earlier. It outlives us and holds none of our files open."""
    pending = _pending(town.common_dir)
    if not town.settings.wake or (pending is not None and time.time() < pending <= at):
        return
    note = _file(town.common_dir)
    child = spawn(town, ["scan", "--at", str(at), "--relieved-by", str(note)], town.home())
    write_atomically(note, f"{at} {child}\n".encode())


def spawn(town: Town, command: list[str], place: Path | None = None) -> int:
    """Start a detached `gitconvoy` command for this town, at `place` (else where we are); returns its process id."""
    from gitconvoy.dispatch.worker import detached_environment  # most decisions leave nobody behind

    where = str(place or town.repo.worktree or town.common_dir)
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "gitconvoy", "-C", where, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=detached_environment(),
        start_new_session=True,
        close_fds=True,
    )
    _children[:] = [each for each in _children if each.poll() is None]  # a long-lived caller keeps no zombies
    _children.append(child)
    return child.pid
