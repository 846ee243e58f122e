"""The check that a rig's work has to pass: a command from git config, run in the worktree before `done` (SPEC 7)."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import leases, program, registry
from gitconvoy.engine.town import Town
from gitconvoy.errors import Refused
from gitconvoy.git import config
from gitconvoy.git.env import clean_env
from gitconvoy.model.clock import duration, parse_duration
from gitconvoy.model.ledger import BeadRecord

_TIMEOUT = 1800
_KNOWN = frozenset({"bead", "branch", "base", "worktree"})


@dataclass(frozen=True, slots=True)
class Check:
    """The command that a rig's work has to pass."""

    key: str
    argv: tuple[str, ...]
    timeout: int


def check_of(town: Town, rig: str) -> Check | None:
    """What `gitconvoy.rig.NAME.verify` says; None where nothing is set. ConfigurationError for what cannot be meant."""
    key = f"gitconvoy.rig.{rig}.verify"
    command = config.get(town.repo, key)
    if not command or not command.strip():
        return None
    limit = config.get(town.repo, f"gitconvoy.rig.{rig}.verifyTimeout")
    try:
        timeout = parse_duration(limit) if limit else _TIMEOUT
    except ValueError as error:
        raise registry.ConfigurationError(f"{key}Timeout: {error}", hint="for example 30m") from None
    return Check(key, registry.split(command, key, _KNOWN), timeout)


def verify(town: Town, check: Check, record: BeadRecord, branch: str, base: str, place: Path, lease: int) -> str:
    """Run the check; what came of it, for the event. Refused, with the end of its output, where it does not pass.

    The attempt's lease is renewed meanwhile.
    """
    values = {"bead": record.id, "branch": branch, "base": base, "worktree": str(place)}
    argv = registry.fill(check.argv, values)
    env = clean_env(
        {
            "GITCONVOY_BEAD": record.id,
            "GITCONVOY_BRANCH": branch,
            "GITCONVOY_WORKTREE": str(place),
            "GITCONVOY_TOWN": str(town.home()),
        }
    )
    began = time.monotonic()
    with _renewing(town, record, lease):
        ran = program.run(argv, cwd=place, env=env, timeout=check.timeout)
    took = duration(round(time.monotonic() - began))
    shown = shlex.join(argv)[:200]
    if ran.ok:
        return f"verified in {took}: {shown}"
    raise Refused(
        ran.how(f"the check `{shown}`") + (f" (after {took})" if ran.timed_out else ""),
        hint=f"mend what it complains about, commit, and say done again; its output ended with:\n{ran.output.rstrip()}",
        code="verify",
    )


@contextmanager
def _renewing(town: Town, record: BeadRecord, lease: int) -> Iterator[None]:
    """Keep the attempt's lease alive, where it has one: nobody takes the bead away while its work is checked."""
    held = leases.read_all(town.common_dir).get(record.id)
    if held is None or held.token != record.token:
        yield
        return
    over = threading.Event()

    def renew() -> None:
        while True:
            until = max(int(time.time()) + lease, held.expires)
            if not leases.renew(town.common_dir, replace(held, expires=until)) or over.wait(lease / 3):
                return

    keeper = threading.Thread(target=renew, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
