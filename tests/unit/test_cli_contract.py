"""What holds of every command: help with an example, `--json`, a line in the overview (SPEC 8)."""

from __future__ import annotations

import click
import pytest

from gitconvoy.cli.main import cli, run
from gitconvoy.cli.registry import COMMANDS, SECTIONS


def leaves() -> list[tuple[str, click.Command]]:
    found = []
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", each) for sub, each in command.commands.items()]
        else:
            found.append((name, command))
    return found


LEAVES = leaves()
WRITES = frozenset(
    {
        "init", "import", "hooks install", "hooks uninstall", "bead add", "bead set", "bead edit", "bead close",
        "bead reopen", "bead retry", "bead defer", "bead comment", "dep add", "dep rm", "create", "add", "remove",
        "set", "stage", "tidy", "done", "fail", "heartbeat", "hand-over", "sync", "watch", "unwatch", "launch", "sling",
        "unsling", "feed", "close", "reopen", "land", "kill", "pause", "resume", "scan", "daemon", "check",
    }
)  # fmt: skip
NOW_ONLY = {
    "demo": "plays in a repository of its own",
    "hooks status": "hooks are this machine's",
    "schema": "of this version, not of a state",
    "logs": "logs are this machine's, and are named by attempt",
    "attach": "a window that is open now",
    "prime": "what a worker does now",
    "onboard": "of this version, not of a state",
    "audit": "takes the ledger's commit as its argument",
    "doctor": "what this machine is like now",
    "diff": "names its commits itself",
}
"""Commands that read, and have no `--at`, with the reason."""


@pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
def test_each_command_has_help_an_example_and_json(
    name: str, command: click.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example:" in text
    assert f"$ gitconvoy {name}" in text
    assert "--json" in text
    assert command.help


def test_each_command_that_only_reads_takes_a_revision_or_a_date() -> None:
    """A new command either offers `--at`, or says in one of the two lists why it does not."""
    offer = {name for name, each in LEAVES if any("--at" in param.opts for param in each.params)}
    assert {name for name, _ in LEAVES} - WRITES - NOW_ONLY.keys() == offer - {"scan"}  # its --at waits for a time


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for name, (_, section, about) in COMMANDS.items():
        assert section in SECTIONS
        assert about.endswith(".")
        assert f"  {name} " in text


@pytest.mark.parametrize("words", [["nonsense"], ["status", "--nonsense"], ["done", "a", "b"], ["-C"]])
def test_a_call_that_cannot_be_meant_is_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert "hint:" in capsys.readouterr().err


def test_errors_are_objects_with_json(capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    assert run(["-C", str(tmp_path), "status", "--json"]) == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    assert '"code": "not-a-repository"' in streams.err
