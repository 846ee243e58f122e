"""Ready entries for systemd, cron and launchd that keep a town going; nothing is installed (SPEC 7)."""

from __future__ import annotations

import hashlib
import os
import plistlib
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Refused

SYSTEMD, CRON, LAUNCHD = "systemd", "cron", "launchd"
KINDS = (SYSTEMD, CRON, LAUNCHD)


@dataclass(frozen=True, slots=True)
class Unit:
    """What to install where: `steps` are for people, `name` is the file's, empty for cron."""

    kind: str
    name: str
    text: str
    steps: tuple[str, ...]


def unit(kind: str, town: Path, python: str, environ: Mapping[str, str] | None = None) -> Unit:
    """The entry that runs `gitconvoy daemon` (cron: `scan`, every minute) for the town at `town` with `python`.

    It gets the PATH of `environ` (that of this process when None), as workers are found there. Refused where a path
    holds a control character, which no such file can.
    """
    source = os.environ if environ is None else environ
    path = os.pathsep.join(dict.fromkeys(source.get("PATH", os.defpath).split(os.pathsep)))
    for text in (str(town), python, path):
        if re.search(r"[\x00-\x1f\x7f]", text):
            raise Refused(
                f"{text!r} holds a control character, which {kind} cannot have in a path",
                hint="rename the folder",
                code="bad-path",
            )
    call = [python, "-I", "-m", "gitconvoy", "-C", str(town)]
    return {SYSTEMD: _systemd, CRON: _cron, LAUNCHD: _launchd}[kind](town, call, path)


def _label(town: Path) -> str:
    """A name that no other town has on this machine."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", (town.parent if town.name == ".git" else town).name).strip("-")
    digest = hashlib.sha256(os.fsencode(town)).hexdigest()[:6]
    return f"gitconvoy-{name or 'town'}-{digest}"


def _systemd(town: Path, call: list[str], path: str) -> Unit:
    name = f"{_label(town)}.service"
    command = " ".join(_word(each) for each in [*call, "daemon"])
    text = f"""\
# ~/.config/systemd/user/{name}
[Unit]
Description=gitconvoy daemon of {_percent(str(town))}

[Service]
Environment={_word(f"PATH={path}")}
ExecStart=:{command}
Restart=on-failure
RestartSec=10
# Workers have lives of their own: they go on while the daemon is restarted.
KillMode=process

[Install]
WantedBy=default.target
"""
    file = f"~/.config/systemd/user/{name}"
    steps = (
        f"mkdir -p ~/.config/systemd/user; gitconvoy doctor --print-unit systemd > {file}",
        f"systemctl --user daemon-reload; systemctl --user enable --now {name}",
        'loginctl enable-linger "$USER"    # so that it also runs while nobody is logged in',
    )
    return Unit(SYSTEMD, name, text, steps)


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """A word of a systemd unit. `$` is left to the prefix `:`, by which systemd replaces no variables."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_percent(escaped)}"'


def _cron(town: Path, call: list[str], path: str) -> Unit:  # noqa: ARG001 - as the others
    command = f"PATH={shlex.quote(path)} {shlex.join([*call, 'scan'])} >/dev/null"
    text = "* * * * * " + command.replace("%", "\\%") + "\n"
    steps = (
        "crontab -e    # and add the line; or:",
        "(crontab -l; gitconvoy doctor --print-unit cron) | crontab -",
    )
    return Unit(CRON, "", text, steps)


def _launchd(town: Path, call: list[str], path: str) -> Unit:
    label = _label(town)
    settings = {
        "Label": label,
        "ProgramArguments": [*call, "daemon"],
        "EnvironmentVariables": {"PATH": path},
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "AbandonProcessGroup": True,
    }
    name = f"{label}.plist"
    steps = (
        f"gitconvoy doctor --print-unit launchd > ~/Library/LaunchAgents/{name}",
        f'launchctl bootstrap "gui/$(id -u)" ~/Library/LaunchAgents/{name}',
    )
    return Unit(LAUNCHD, name, plistlib.dumps(settings, sort_keys=False).decode(), steps)
