"""What every kind of dispatcher is given and how it is spoken to; the interface of plug-ins too (SPEC 7).

The supervisor of an attempt makes one `Running` for it (`registry.running`) and calls `start` once, then `alive` about
twice a second, then `stop` once, whether the worker still lives or not: `stop` ends all that is left of it. A `Running`
belongs to one attempt and to one process; leases, time limits, outcomes and the ledger are the supervisor's business.

What a plug-in must have is `start`, `alive` and `stop`; `exit_code` and `ended` count where it has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Protocol

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch.logs import LIMIT, Log
from gitconvoy.dispatch.output import Output
from gitconvoy.errors import UsageError


class ConfigurationError(UsageError):
    """Something configured in git config, or a plug-in named there, that cannot be used."""

    code = "configuration"


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt, ready to be started. Nothing in it needs a shell, and nothing of it may be given to one."""

    bead: str
    convoy: str
    """Empty where no convoy tracks the bead."""
    attempt: int
    token: str
    worker: str
    """The address, such as `gastown/nux`."""
    argv: tuple[str, ...]
    """The configured command, placeholders replaced; empty where none is configured."""
    cwd: Path
    """Where the worker runs: its worktree."""
    env: Mapping[str, str]
    """The worker's whole environment, `GITCONVOY_BEAD` and its kin included."""
    stdin: Path
    """The file that is the worker's standard input: the bead as JSON."""
    prompt: Path
    """The bead as text for an agent."""
    log: Path
    """Where output goes, bounded (see `output`); `gitconvoy logs` shows it."""
    folder: Path
    """The attempt's own folder, for whatever a dispatcher wants to remember there; private to this user."""
    common_dir: Path
    """The git directory that all worktrees share."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """All of `gitconvoy.dispatcher.NAME.*` in git config, keys in lower case."""
    log_limit: int = LIMIT
    """Bytes of output that are kept."""

    @property
    def name(self) -> str:
        """`<bead>-<attempt>`: unique in this repository, and free of characters that mean something elsewhere."""
        return f"{self.bead}-{self.attempt}"

    def output(self) -> Output:
        """A pipe into the log, for the standard output and error of a process that is started here. OSError."""
        return Output(Log(self.log, self.log_limit))


class Running(Protocol):
    """A worker as its supervisor sees it."""

    exit_code: int | None
    """Once `alive` has said False: 0..255, minus the number of the signal that ended it, None if nobody knows."""
    ended: str
    """Why it ended, in words, where the exit code does not say it; else empty."""

    def start(self, work: Work) -> None:
        """Start the worker. OSError or ConvoyError if it cannot be: the attempt is counted as `dispatch-failed`."""

    def alive(self) -> bool:
        """Whether the worker still runs. Quick: it is called about twice a second."""

    def stop(self) -> None:
        """End the worker and all that it started; no error where nothing is left. May take a few seconds."""
