"""Which dispatcher this machine has under a name: set in git config, never in a committed file (SPEC 7, 9).

`find` says which one is in force and what it was configured to do. A started attempt (`via` is START) has a kind:
`command` is the supervisor's own child, for every other kind `running` makes the object that the supervisor drives
(see `running.Running`): start, alive, stop.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import field
from types import ModuleType
from typing import cast

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import plugins
from gitconvoy.dispatch.running import ConfigurationError, Running, Work
from gitconvoy.errors import ConvoyError
from gitconvoy.git import config
from gitconvoy.git.repo import Repo
from gitconvoy.model.clock import parse_duration
from gitconvoy.model.ledger import PUSH, START

__all__ = ["ConfigurationError", "Dispatcher", "Running", "Undefined", "Work", "fill", "find", "running", "split"]

PLACEHOLDERS = frozenset({"bead", "branch", "worktree", "prompt_file"})
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.:!<>-]+)\}")
"""Anything in braces that looks like one, so that a wrong one is named; JSON and shell braces are left alone."""
ON_EXIT = ("ask", "done", "fail")
STDIN = ("bead", "terminal")
RECORD, COMMAND, TMUX = "record", "command", "tmux"
"""The kinds that are built in; any other is a plug-in's name."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """A dispatcher as this machine defines it. `argv` is empty for `record`, which only assigns."""

    name: str
    via: str
    argv: tuple[str, ...] = ()
    on_exit: str = "ask"
    timeout: int | None = None
    """Seconds, or None for no limit."""
    kind: str = COMMAND
    settings: Mapping[str, str] = field(default_factory=dict)
    """All of `gitconvoy.dispatcher.NAME.*`, keys in lower case without that prefix."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """A named dispatcher that this machine cannot use, and why."""

    name: str
    error: ConvoyError


def find(repo: Repo, committed: str) -> Dispatcher | Undefined:
    """The dispatcher in force: `gitconvoy.dispatcher`, else the committed name."""
    chosen = config.get(repo, "gitconvoy.dispatcher")
    name = chosen or committed
    try:
        return Dispatcher(name, PUSH, kind=RECORD) if name == RECORD else _configured(repo, name, chosen is not None)
    except ConvoyError as error:
        return Undefined(name, error)


def running(kind: str) -> Running:
    """The object that starts, watches and ends one worker of this kind. ConfigurationError for a plug-in that is gone.

    Not for `command`: that kind is the supervisor's own.
    """
    return _tmux().TmuxWindow() if kind == TMUX else plugins.make(kind)


def _tmux() -> ModuleType:
    from gitconvoy.dispatch import tmux  # most machines have another dispatcher, and each hook asks which

    return tmux


def _configured(repo: Repo, name: str, chosen: bool) -> Dispatcher:
    key = f"gitconvoy.dispatcher.{name}"
    kind = config.get(repo, f"{key}.kind") or _kind_by_name(repo, name, chosen)
    if kind == RECORD:
        return Dispatcher(name, PUSH, kind=RECORD)
    plug_in = kind not in (COMMAND, TMUX)
    if plug_in:
        _require_plug_in(repo, kind, f"{key}.kind")
    elif kind == TMUX:
        _tmux().program()
    command = config.get(repo, f"{key}.command")
    if not command and not plug_in:
        raise ConfigurationError(
            f"this machine does not define the dispatcher {name!r}",
            hint=f"git config {key}.command 'ARGV', or git config gitconvoy.dispatcher record",
            code="no-dispatcher",
        )
    argv = split(command, f"{key}.command") if command else ()
    return Dispatcher(
        name,
        START,
        argv,
        _one_of(repo, f"{key}.onExit", ON_EXIT),
        _timeout(repo, key),
        kind,
        {**_settings(repo, key), "stdin": _one_of(repo, f"{key}.stdin", STDIN)},
    )


def _plug_ins(repo: Repo) -> frozenset[str]:
    """The plug-ins that are installed. To ask for them means to read something of every package: once per Repo."""
    if "plug-ins" not in repo.memo:
        repo.memo["plug-ins"] = plugins.names()
    return cast(frozenset[str], repo.memo["plug-ins"])


def _require_plug_in(repo: Repo, kind: str, key: str) -> None:
    installed_here = _plug_ins(repo)
    if kind not in installed_here:
        installed = ", ".join(sorted(installed_here)) or "none is installed"
        hint = f"built in are command, record and tmux; plug-ins here: {installed}"
        raise ConfigurationError(
            f"{key} is {kind!r}, and there is no such kind of dispatcher", hint=hint, code="no-dispatcher"
        )
    plugins.load(kind)


def _kind_by_name(repo: Repo, name: str, chosen: bool) -> str:
    """`tmux` is called like its kind; so is a plug-in, where this machine's git config has chosen it by that name.

    A committed name alone never selects a plug-in: a pull request starts nothing (SPEC 9).
    """
    if name == TMUX:
        return TMUX
    return name if chosen and name in _plug_ins(repo) else COMMAND


def _settings(repo: Repo, key: str) -> dict[str, str]:
    section, _, name = key.partition(".dispatcher.")
    prefix = f"{section}.dispatcher.{name}."
    found = config.get_all(repo, "^" + re.escape(prefix))
    return {full.removeprefix(prefix): value for full, value in found.items()}


def _one_of(repo: Repo, key: str, allowed: tuple[str, ...]) -> str:
    """The value of a key, the first of `allowed` where it is not set."""
    value = config.get(repo, key) or allowed[0]
    if value not in allowed:
        raise ConfigurationError(f"{key} is {value!r}", hint=f"one of {', '.join(allowed)}")
    return value


def split(command: str, key: str, known: frozenset[str] = PLACEHOLDERS) -> tuple[str, ...]:
    """A configured command, split once as a shell would. ConfigurationError, naming `key`, for what cannot be meant.

    Placeholders stay as they are, for `fill`; one that is not in `known` is an error.
    """
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigurationError(f"{key} cannot be split into words: {error}", hint="check its quotes") from None
    if not words:
        raise ConfigurationError(f"{key} is empty", hint=f"git config {key} 'ARGV'")
    unknown = sorted({name for word in words for name in _PLACEHOLDER.findall(word)} - known)
    if unknown:
        listed = ", ".join("{" + name + "}" for name in sorted(known))
        raise ConfigurationError(f"{key} has the unknown placeholder {{{unknown[0]}}}", hint=f"known are {listed}")
    return words


def _timeout(repo: Repo, key: str) -> int | None:
    text = config.get(repo, f"{key}.timeout")
    if not text:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"{key}.timeout: {error}", hint="for example 45m") from None


def fill(argv: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """The words with their placeholders replaced, inside each word, in one pass: a value is never read again."""
    return [_PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), word) for word in argv]
