"""`daemon`: scan after scan, for machines where nothing else wakes up (SPEC 7). Nobody needs it.

Every hook and command does the same. It looks at the refs of trunk and ledger every second, which costs next to
nothing, and scans when one of them moved, when something is due, and after `interval` at the latest. What goes wrong is
told, and tried again after a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag

from gitconvoy.dataclass import dataclass
from gitconvoy.engine.attempts.releasing import sweep
from gitconvoy.engine.react import Outcome, react
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, LostRace, Refused
from gitconvoy.git import lock
from gitconvoy.store.localfiles import local_folder

LOOK = 1.0
"""Seconds between looks at the refs."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0
"""Seconds before the next try after an error: doubled with each one in a row."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one scan did."""

    outcome: Outcome[None]
    removed: list[str]
    kept: list[str]


@dataclass(slots=True)
class Daemon:
    """Scans until `stop` is set."""

    start: Path
    actor: str | None
    interval: float
    stop: Flag
    tell: Callable[[Scanned], None]
    complain: Callable[[ConvoyError | OSError, float], None]
    """Is told what went wrong, and how many seconds later it is tried again."""

    def run(self, *, once: bool = False) -> None:
        """Until `stop` is set, or (`once`) one scan has gone well. Refused (`daemon`) where another one runs here."""
        common_dir = Town.open(self.start, self.actor).common_dir
        with ExitStack() as alone:
            try:
                alone.enter_context(lock.exclusive(local_folder(common_dir) / "daemon.lock", 0))
            except LostRace as error:
                hint = "one is enough for all worktrees of a repository"
                raise Refused("a daemon runs for this repository already", hint=hint, code="daemon") from error
            self._rounds(once)

    def _rounds(self, once: bool) -> None:
        errors = 0
        while not self.stop.is_set():
            try:
                town = Town.open(self.start, self.actor)  # settings may have changed, and the repository come back
                town.settings = replace(town.settings, wake=False)  # it is awake itself
                scanned = Scanned(react(town), *sweep(town))
            except (ConvoyError, OSError) as error:
                wait = min(FIRST_WAIT * 2**errors, LONGEST_WAIT)
                errors = min(errors + 1, 20)
                self.complain(error, wait)
                self.stop.wait(wait)
                continue
            errors = 0
            self.tell(scanned)
            if once:
                return
            self._rest(town, scanned.outcome.next_wake)

    def _rest(self, town: Town, due: int | None) -> None:
        """Until something may be to do."""
        before = (town.trunk(), town.ledger_tip())
        town.repo.rest()
        ends = time.monotonic() + self.interval
        while not self.stop.wait(min(LOOK, self.interval)):
            moved = self._refs(town) != before
            if moved or time.monotonic() >= ends or (due is not None and time.time() >= due):
                return

    def _refs(self, town: Town) -> tuple[str | None, str | None] | None:
        try:
            return town.trunk(), town.ledger_tip()
        except ConvoyError:
            return None  # the next scan says what is the matter
