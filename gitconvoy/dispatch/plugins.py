"""Dispatchers that other packages bring along, by the entry-point group `gitconvoy.dispatchers` (SPEC 7).

An entry point names something that, called without arguments, gives an object with `start(work)`, `alive()` and
`stop()` (see `running`). Whatever goes wrong in it is told as an error of the configuration, with the plug-in's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from gitconvoy.dispatch.logs import Log
from gitconvoy.dispatch.running import ConfigurationError, Running, Work
from gitconvoy.errors import ConvoyError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "gitconvoy.dispatchers"
METHODS = ("start", "alive", "stop")


def names() -> frozenset[str]:
    """The plug-ins that are installed."""
    return frozenset(found.name for found in _entry_points())


def _entry_points() -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points  # as slow as all of this package: only where plug-ins are asked for

    return entry_points(group=GROUP)


def load(name: str) -> Callable[[], object]:
    """What makes the plug-in's objects. ConfigurationError where it is not installed or cannot be loaded."""
    made = _entry(name)
    try:
        factory = made.load()
    except (Exception, SystemExit) as error:
        raise _failed(name, f"cannot be loaded from {made.value}", error) from error
    if not callable(factory):
        raise ConfigurationError(
            f"the dispatcher plug-in {name}: {made.value} cannot be called", hint=_REMEDY, code="plug-in"
        )
    missing = [each for each in METHODS if isinstance(factory, type) and not callable(getattr(factory, each, None))]
    if missing:
        raise _incomplete(name, missing)
    return factory  # type: ignore[no-any-return]


def make(name: str) -> Running:
    """One attempt's object, guarded: nothing that the plug-in raises reaches anybody as a traceback."""
    factory = load(name)
    try:
        inner = factory()
    except (Exception, SystemExit) as error:
        raise _failed(name, "failed when it was called", error) from error
    missing = [each for each in METHODS if not callable(getattr(inner, each, None))]
    if missing:
        raise _incomplete(name, missing)
    return Guarded(name, inner)


class Guarded:
    """A plug-in's object as a `Running` that keeps the promises of that interface."""

    def __init__(self, name: str, inner: object) -> None:
        self.exit_code: int | None = None
        self.ended = ""
        self._name = name
        self._inner = inner
        self._work: Work | None = None

    def start(self, work: Work) -> None:
        """Start the worker. ConvoyError where the plug-in raises one, ConfigurationError for all else."""
        self._work = work
        try:
            self._inner.start(work)  # type: ignore[attr-defined]
        except ConvoyError:
            raise
        except (Exception, SystemExit) as error:
            raise _failed(self._name, "failed in start", error) from error

    def alive(self) -> bool:
        """Whether the worker runs; one whose plug-in cannot tell has ended, and `ended` says why."""
        try:
            if self._inner.alive():  # type: ignore[attr-defined]
                return True
            code = getattr(self._inner, "exit_code", None)
            self.exit_code = int(code) if code is not None else None
            self.ended = str(getattr(self._inner, "ended", "") or "")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plug-in does, it is told with its name
            self.exit_code, self.ended = None, _failed(self._name, "failed in alive", error).message
        return False

    def stop(self) -> None:
        """End the worker; where the plug-in fails in it, the worker's log says so."""
        try:
            self._inner.stop()  # type: ignore[attr-defined]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plug-in does, it is told with its name
            if self._work is not None:
                log = Log(self._work.log, self._work.log_limit)
                log.note(_failed(self._name, "failed in stop", error).message)
                log.close()


_REMEDY = "docs/dispatchers.md describes the interface; ask who wrote the plug-in, or update it"


def _entry(name: str) -> EntryPoint:
    found = [each for each in _entry_points() if each.name == name]
    if not found:
        installed = ", ".join(sorted(names())) or "none is installed"
        raise ConfigurationError(
            f"there is no dispatcher of kind {name!r}",
            hint=f"built in are command, record and tmux; plug-ins here: {installed}",
            code="no-dispatcher",
        )
    return next(iter(found))


def _failed(name: str, what: str, error: BaseException) -> ConfigurationError:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ConfigurationError(f"the dispatcher plug-in {name} {what} ({said})", hint=_REMEDY, code="plug-in")


def _incomplete(name: str, missing: list[str]) -> ConfigurationError:
    return ConfigurationError(
        f"the dispatcher plug-in {name} has no {' and no '.join(missing)}", hint=_REMEDY, code="plug-in"
    )
