"""What the checks look at, opened as far as it can be: a check that cannot have what it needs is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import rewound, settings
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.git.repo import Place, Repo, locate
from gitconvoy.model.plan import Plan
from gitconvoy.model.state import State

T = TypeVar("T")
Trouble = ConvoyError | OSError


class OutOfReach(Exception):
    """A check cannot be made, and another one says why."""


@dataclass(slots=True)
class Scene:
    """A folder in which `doctor` was started; everything is opened once, when it is first asked for."""

    start: Path
    actor: str | None = None
    _kept: dict[str, Any] = field(default_factory=dict)

    def forget(self) -> None:
        """Read everything anew from now on: something was mended."""
        self._kept.clear()

    def place(self) -> Place:
        """Where git says that the repository is. OutOfReach."""
        return _there(self._asked("place", lambda: locate(self.start)))

    def repo(self) -> Repo:
        """The open repository. OutOfReach where `repo_trouble` is something."""
        return _there(self._asked("repo", lambda: Repo.discover(self.start)))

    def repo_trouble(self) -> Trouble | None:
        """Why the repository cannot be opened."""
        return _wrong(self._asked("repo", lambda: Repo.discover(self.start)))

    def town(self) -> Town:
        """The town. OutOfReach where `town_trouble` is something."""
        return _there(self._asked("town", self._town))

    def town_trouble(self) -> Trouble | None:
        """Why its settings cannot be read, where its repository can."""
        self.repo()
        return _wrong(self._asked("town", self._town))

    def _town(self) -> Town:
        repo = self.repo()
        return Town(repo, settings.load(repo), settings.actor_of(repo, self.actor))

    def plan(self) -> Plan:
        """The plan on the trunk. OutOfReach where `plan_trouble` is something."""
        return _there(self._asked("plan", lambda: self.town().plan()))

    def plan_trouble(self) -> Trouble | None:
        """Why the plan cannot be read at all."""
        self.town()
        return _wrong(self._asked("plan", lambda: self.town().plan()))

    def ledger_trouble(self) -> Trouble | None:
        """Why the ledger cannot be read."""
        self.town()
        return _wrong(self._asked("ledger", lambda: self.town().ledger()))

    def state(self) -> State:
        """Plan and ledger. OutOfReach where one of them cannot be read, or the ledger is not what it was.

        By a ledger that was set back or is gone, living attempts are none, and whoever mended that would end them.
        """
        unsure = self.plan_trouble() is not None or self.ledger_trouble() is not None
        if unsure or rewound.look(self.town()) is not None:
            raise OutOfReach
        return _there(self._asked("state", lambda: self.town().state()))

    def _asked(self, name: str, make: Callable[[], T]) -> T | Trouble:
        if name not in self._kept:
            try:
                self._kept[name] = make()
            except (ConvoyError, OSError) as error:
                self._kept[name] = error
        found: T | Trouble = self._kept[name]
        return found


def _there(found: T | Trouble) -> T:
    if isinstance(found, ConvoyError | OSError):
        raise OutOfReach from found
    return found


def _wrong(found: object) -> Trouble | None:
    return found if isinstance(found, ConvoyError | OSError) else None
