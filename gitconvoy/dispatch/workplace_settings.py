"""What git config says of where attempts work (SPEC 7): apart from `workplace`, which makes and removes places."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import logs, registry
from gitconvoy.git import config
from gitconvoy.git.repo import Repo
from gitconvoy.model.clock import parse_duration
from gitconvoy.model.kinds import BRANCH_PREFIX
from gitconvoy.store.localfiles import local_folder

WORKTREE, SCRATCH = "worktree", "scratch"
_SETUP_TIMEOUT = 600
_KEEP = 30 * 86400
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*[/._-]?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What git config says of workplaces."""

    prefix: str
    """What the names of attempts' branches begin with."""
    folder: Path
    """Where worktrees are made."""
    copies: tuple[str, ...] = ()
    """Untracked files and folders that a new worktree gets, relative to the main worktree."""
    submodules: bool = False
    setup: tuple[str, ...] = ()
    """A command that is run in each new worktree."""
    setup_timeout: int = _SETUP_TIMEOUT


def settings(repo: Repo, home: Path) -> Settings:
    """The settings of a repository whose main worktree is `home`. ConfigurationError for what cannot be meant."""
    folder = config.get(repo, "gitconvoy.worktrees")
    setup = config.get(repo, "gitconvoy.setup")
    return Settings(
        prefix=branch_prefix(repo),
        folder=_place(home, folder) if folder else default_folder(repo),
        copies=tuple(inside(text) for text in config.get_values(repo, "gitconvoy.copy")),
        submodules=config.get_bool(repo, "gitconvoy.submodules"),
        setup=registry.split(setup, "gitconvoy.setup") if setup else (),
        setup_timeout=duration(repo, "gitconvoy.setupTimeout", _SETUP_TIMEOUT),
    )


def default_folder(repo: Repo) -> Path:
    """Where worktrees are made if git config does not say where: nobody else has any there."""
    return local_folder(repo.common_dir) / "worktrees"


def _place(home: Path, text: str) -> Path:
    try:
        return home / Path(text).expanduser()
    except RuntimeError as error:  # ~NAME of nobody
        hint = "git config gitconvoy.worktrees DIR names a folder"
        raise registry.ConfigurationError(f"gitconvoy.worktrees is {text!r}: {error}", hint=hint) from None


def check(repo: Repo) -> None:
    """ConvoyError, with the remedy, where the settings of a repository cannot be meant."""
    settings(repo, repo.cwd)


def log_limit(repo: Repo) -> int:
    """How much of what a worker prints is kept, in bytes. ConfigurationError for what cannot be meant."""
    return _parsed(repo, "gitconvoy.logLimit", logs.parse_size, logs.LIMIT, "10m")


def keep_logs(repo: Repo) -> int:
    """For how long the folders of attempts that are over stay, in seconds. ConfigurationError as `log_limit`."""
    return _parsed(repo, "gitconvoy.keepLogs", parse_duration, _KEEP, "30d")


def branch_prefix(repo: Repo) -> str:
    """What the names of attempts' branches begin with. ConfigurationError where no branch can be named so."""
    prefix = config.get(repo, "gitconvoy.branchPrefix") or BRANCH_PREFIX
    bad = not _PREFIX.fullmatch(prefix) or ".." in prefix or ".lock/" in prefix or "./" in prefix or len(prefix) > 100
    if bad:
        raise registry.ConfigurationError(
            f"gitconvoy.branchPrefix is {prefix!r}, which branches cannot begin with",
            hint="git config gitconvoy.branchPrefix convoy/",
        )
    return prefix


def mode(repo: Repo, dispatcher: str) -> str:
    """`worktree` or `scratch`: where workers of this dispatcher work. ConfigurationError for other words."""
    key = f"gitconvoy.dispatcher.{dispatcher}.workplace"
    word = config.get(repo, key) or WORKTREE
    if word not in (WORKTREE, SCRATCH):
        raise registry.ConfigurationError(f"{key} is {word!r}", hint=f"one of {WORKTREE}, {SCRATCH}")
    return word


def duration(repo: Repo, key: str, default: int) -> int:
    """A duration in git config, in seconds. ConfigurationError for what cannot be meant."""
    return _parsed(repo, key, parse_duration, default, "10m")


def _parsed(repo: Repo, key: str, parse: Callable[[str], int], default: int, example: str) -> int:
    text = config.get(repo, key)
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise registry.ConfigurationError(f"{key}: {error}", hint=f"for example git config {key} {example}") from None


def inside(text: str) -> str:
    """A path below the main worktree, as `gitconvoy.copy` has it. ConfigurationError for any other."""
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or ".." in path.parts or ".git" in path.parts:
        raise registry.ConfigurationError(
            f"gitconvoy.copy is {text!r}, which is no path inside of the main worktree",
            hint="git config --add gitconvoy.copy .env",
        )
    return str(path)
