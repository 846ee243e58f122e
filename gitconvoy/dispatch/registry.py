"""Which dispatcher this machine has under a name: set in git config, never in a committed file (SPEC 7, 9)."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from gitconvoy.errors import ConvoyError, UsageError
from gitconvoy.git import config
from gitconvoy.git.repo import Repo
from gitconvoy.model.clock import parse_duration
from gitconvoy.model.ledger import PUSH, START

PLACEHOLDERS = frozenset({"bead", "branch", "worktree", "prompt_file"})
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.:!<>-]+)\}")
"""Anything in braces that looks like one, so that a wrong one is named; JSON and shell braces are left alone."""
ON_EXIT = ("ask", "done", "fail")


class ConfigurationError(UsageError):
    """A dispatcher's settings in git config that cannot be meant."""

    code = "configuration"


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """A dispatcher as this machine defines it. `argv` is empty for `record`, which only assigns."""

    name: str
    via: str
    argv: tuple[str, ...] = ()
    on_exit: str = "ask"
    timeout: int | None = None
    """Seconds, or None for no limit."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """A named dispatcher that this machine cannot use, and why."""

    name: str
    error: ConvoyError


def find(repo: Repo, committed: str) -> Dispatcher | Undefined:
    """The dispatcher in force: `gitconvoy.dispatcher`, else the committed name."""
    name = config.get(repo, "gitconvoy.dispatcher") or committed
    try:
        return Dispatcher(name, PUSH) if name == "record" else _configured(repo, name)
    except ConvoyError as error:
        return Undefined(name, error)


def _configured(repo: Repo, name: str) -> Dispatcher:
    key = f"gitconvoy.dispatcher.{name}"
    kind = config.get(repo, f"{key}.kind") or "command"
    if kind == "record":
        return Dispatcher(name, PUSH)
    if kind != "command":
        raise ConfigurationError(f"{key}.kind is {kind!r}", hint="set it to command or record")
    command = config.get(repo, f"{key}.command")
    if not command:
        raise ConfigurationError(
            f"this machine does not define the dispatcher {name!r}",
            hint=f"git config {key}.command 'ARGV', or git config gitconvoy.dispatcher record",
        )
    on_exit = config.get(repo, f"{key}.onExit") or "ask"
    if on_exit not in ON_EXIT:
        raise ConfigurationError(f"{key}.onExit is {on_exit!r}", hint=f"one of {', '.join(ON_EXIT)}")
    return Dispatcher(name, START, _split(command, key), on_exit, _timeout(repo, key))


def _split(command: str, key: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigurationError(
            f"{key}.command cannot be split into words: {error}", hint="check its quotes"
        ) from None
    if not words:
        raise ConfigurationError(f"{key}.command is empty", hint=f"git config {key}.command 'ARGV'")
    unknown = sorted({name for word in words for name in _PLACEHOLDER.findall(word)} - PLACEHOLDERS)
    if unknown:
        known = ", ".join("{" + name + "}" for name in sorted(PLACEHOLDERS))
        raise ConfigurationError(
            f"{key}.command has the unknown placeholder {{{unknown[0]}}}", hint=f"known are {known}"
        )
    return words


def _timeout(repo: Repo, key: str) -> int | None:
    text = config.get(repo, f"{key}.timeout")
    if not text:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"{key}.timeout: {error}", hint="for example 45m") from None


def fill(argv: tuple[str, ...], values: dict[str, str]) -> list[str]:
    """The words with their placeholders replaced, inside each word, in one pass: a value is never read again."""
    return [_PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), word) for word in argv]
