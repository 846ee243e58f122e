"""What every command is given: where it runs, who asks, and how the answer is shown (SPEC 8)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gitconvoy.dataclass import dataclass

if TYPE_CHECKING:  # pygit2 and ruamel.yaml cost more than all the rest: only commands that need them load them
    from gitconvoy.engine.town import Town

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class App:
    """Options that stand before the command, and `--json` of the command itself."""

    directory: Path
    actor: str | None = None
    json: bool = False
    _town: Town | None = field(default=None, repr=False)

    def town(self) -> Town:
        """The town around the directory, opened once. GitError where there is no repository."""
        from gitconvoy.engine.town import Town

        if self._town is None:
            self._town = Town.open(self.directory, self.actor)
        return self._town


def start_directory(given: str | None) -> Path:
    """Where a command looks for its town: `-C`, else the town that started this worker, else here."""
    return Path(given or os.environ.get("GITCONVOY_TOWN") or ".").absolute()


_pass_app = click.make_pass_decorator(App)


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> bool:
    if value:
        context.ensure_object(App).json = True
    return value


def json_option(function: F) -> F:
    """`--json`: one object with `schema_version`, no human text on stdout."""
    return click.option(
        "--json", is_flag=True, expose_value=False, callback=_set_json, help="Answer with one JSON object."
    )(function)


def command(name: str, example: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A click command with `--json` and an example below its help.

    `example` is one or more lines without the leading `gitconvoy`-prompt; they are shown as they are.
    """
    lines = "\n".join(f"  $ {line}" for line in example.strip().splitlines())
    settings = {"context_settings": {"help_option_names": ["-h", "--help"]}, **attributes}

    def decorate(function: Callable[..., Any]) -> click.Command:
        made: Callable[[Callable[..., Any]], click.Command] = click.command(
            name, epilog=f"\b\nExample:\n{lines}", **settings
        )
        return made(_pass_app(json_option(function)))

    return decorate
