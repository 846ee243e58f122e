"""git's merge drivers for plan files: set in the repository's git config beside the hooks, and taken out with them.

`.convoy/.gitattributes` names them; what they run says git config alone, so that nothing committed runs anything. Where
they are not set, git merges lines.
"""

from __future__ import annotations

import shlex

from gitconvoy.dataclass import dataclass
from gitconvoy.git import config
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import BEAD, CONFIG, CONFIG_PATH, CONVOY, PLAN, Kind

_SAMPLES = {
    BEAD: f"{BEAD.folder}/gt-x7k2p.yaml",
    CONVOY: f"{CONVOY.folder}/hq-cv-x7k2p.yaml",
    CONFIG: CONFIG_PATH,
    PLAN: f"{PLAN.folder}/hq-cv-x7k2p.yaml",
}
"""The kinds that have drivers, and a path of each."""


@dataclass(frozen=True, slots=True)
class DriverState:
    """One merge driver: what git config runs (empty: it is not set), and whether attributes name it for its files."""

    name: str
    command: str
    current: bool
    """Whether that is what this gitconvoy would set for the same interpreter."""
    declared: bool
    python: str | None = None
    """The interpreter that it runs; None where it runs none."""


def driver_name(kind: Kind) -> str:
    """The name of a kind's driver in attributes and git config."""
    return f"gitconvoy-{kind.name}"


def set_up(repo: Repo, python: str) -> bool:
    """Set the drivers, which will run the interpreter `python`; whether anything changed."""
    changed = False
    for kind in _SAMPLES:
        key = f"merge.{driver_name(kind)}"
        wanted = {"name": f"{kind.name} files of gitconvoy, by what they mean", "driver": command_line(kind, python)}
        for name, value in wanted.items():
            if config.get_values(repo, f"{key}.{name}") != [value]:
                config.set_local(repo, f"{key}.{name}", value)
                changed = True
    return changed


def take_out(repo: Repo) -> bool:
    """Remove the drivers from the repository's own configuration; whether any was there."""
    changed = False
    for kind in _SAMPLES:
        listed = repo.git("config", "--local", "--get-regexp", rf"^merge\.{driver_name(kind)}\.", ok=(0, 1))
        if listed.stdout:
            repo.git("config", "--local", "--remove-section", f"merge.{driver_name(kind)}")
            changed = True
    repo.memo.pop("config", None)
    return changed


def status(repo: Repo) -> list[DriverState]:
    """The state of each driver."""
    named = repo.git("check-attr", "-z", "merge", "--", *_SAMPLES.values()).text.split("\0")
    attributes = dict(zip(named[::3], named[2::3], strict=False))
    found = []
    for kind, path in _SAMPLES.items():
        command = config.get(repo, f"merge.{driver_name(kind)}.driver") or ""
        python = _python(command)
        current = command == command_line(kind, python or "")
        found.append(
            DriverState(driver_name(kind), command, current, attributes.get(path) == driver_name(kind), python)
        )
    return found


def command_line(kind: Kind, python: str) -> str:
    """What git gives to a shell to merge a file of a kind; git quotes what it puts in for `%P`, `%X` and `%Y`.

    Whatever goes wrong there (no such interpreter, a bug, files that cannot be read): git merges the lines, as it would
    without a driver. What has no lines (NUL in it) is a conflict: an exit code above 128 is an error for git, which
    then gives up the whole merge. Plan files are derived: ours stays, and the next commit makes it anew.
    """
    if kind is PLAN:
        return "true"
    words = (shlex.quote(python).replace("%", "%%"), "-I", "-m", "gitconvoy", "merge-driver", kind.name)
    return (
        " ".join((*words, "-- %O %A %B %L %P %X %Y; "))
        + "case $? in 0) exit 0;; 5) exit 1;; esac; "
        + "git merge-file -L ours -L base -L theirs --marker-size=%L %A %O %B || exit 1"
    )


def _python(command: str) -> str | None:
    try:
        words = shlex.split(command.partition(" -I ")[0])
    except ValueError:
        return None
    return words[0].replace("%%", "%") if len(words) == 1 and " -I " in command else None
