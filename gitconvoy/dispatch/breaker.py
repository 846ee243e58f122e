"""Failures to start in a row, for each rig, on this machine: a small file that may be deleted at any time (SPEC 7)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch.registry import ConfigurationError
from gitconvoy.errors import ConvoyError
from gitconvoy.git import config
from gitconvoy.git.repo import Repo
from gitconvoy.store.localfiles import local_folder, write_atomically

LIMIT = 5
_OWN_FAULTS = frozenset({"base-branch", "bad-branch", "branch-exists", "worktree-exists", "rig-away", "not-in-plan"})
"""Codes of what keeps one bead from being started, and says nothing of the dispatcher."""
REST = 600
"""Seconds after the last failure until one bead is tried again."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """A rig's failures to start in a row, since none was started."""

    failures: int
    last: int
    """When the last one was, epoch seconds."""
    reason: str = ""
    limit: int = LIMIT
    """How many open the breaker; 0: none do."""

    @property
    def open(self) -> bool:
        """Whether the rig gets no work, but for a trial after `again`."""
        return 0 < self.limit <= self.failures

    @property
    def again(self) -> int:
        """From when on one bead is tried, epoch seconds."""
        return self.last + REST


def _file(common_dir: Path) -> Path:
    return local_folder(common_dir) / "breakers.json"


def read_all(common_dir: Path) -> dict[str, Breaker]:
    """The breaker of each rig with failures since its last start; a damaged file counts as none."""
    try:
        rows = json.loads(_file(common_dir).read_bytes())
        return {
            str(rig): Breaker(int(row["failures"]), int(row["last"]), str(row["reason"]), int(row["limit"]))
            for rig, row in rows.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def own_fault(error: BaseException) -> bool:
    """Whether it is due to the bead alone that its worker could not be started: no breaker counts that."""
    return isinstance(error, ConvoyError) and error.code in _OWN_FAULTS


def count(repo: Repo, rig: str, now: int, reason: str) -> None:
    """One more failure to start. To be called under the town's lock."""
    found = read_all(repo.common_dir)
    before = found.get(rig)
    failures = 1 + (before.failures if before else 0)
    found[rig] = Breaker(failures, now, reason[:300], limit_or_default(repo))
    _write(repo.common_dir, found)


def reset(common_dir: Path, rig: str) -> None:
    """A worker was started. To be called under the town's lock."""
    found = read_all(common_dir)
    if found.pop(rig, None) is not None:
        _write(common_dir, found)


def _write(common_dir: Path, found: Mapping[str, Breaker]) -> None:
    rows = {rig: asdict(each) for rig, each in sorted(found.items())}
    write_atomically(_file(common_dir), json.dumps(rows).encode() + b"\n")


def limit_or_default(repo: Repo) -> int:
    """As `limit`; a setting that cannot be meant is told by whoever starts workers."""
    try:
        return limit(repo)
    except ConfigurationError:
        return LIMIT


def limit(repo: Repo) -> int:
    """`gitconvoy.breaker`: how many failures to start in a row stop a rig; 0: none do."""
    text = config.get(repo, "gitconvoy.breaker")
    if text is None:
        return LIMIT
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ConfigurationError(f"gitconvoy.breaker is {text!r}, not a number", hint="git config gitconvoy.breaker 5")
    return int(text)
