"""Hermetic git for tests: nobody's configuration is read, and a new repository is a copy of a template."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pygit2
import pytest

NAME = "Test Person"
EMAIL = "test@example.org"

_GITCONFIG = f"""\
[user]
\tname = {NAME}
\temail = {EMAIL}
[init]
\tdefaultBranch = main
[core]
\tfsync = none
[commit]
\tgpgsign = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tdetachedHead = false
[protocol "file"]
\tallow = always
"""


def hermetic(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Point HOME and all of git's and libgit2's configuration at the new folder `home`; drop GIT_* and ours."""
    home.mkdir(parents=True, exist_ok=True)
    config = home / ".gitconfig"
    config.write_text(_GITCONFIG)
    for name in list(os.environ):
        if name.startswith(("GIT_", "GITCONVOY_", "GITHEAD_")):
            patch.delenv(name)
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
        "TZ": "UTC",
    }.items():
        patch.setenv(name, value)
    levels = pygit2.enums.ConfigLevel
    for level in (levels.SYSTEM, levels.XDG, levels.PROGRAMDATA):
        pygit2.settings.search_path[level] = str(home / "nowhere")
    pygit2.settings.search_path[levels.GLOBAL] = str(home)


@dataclass(slots=True)
class GitRepo:
    """A repository (or a worktree of one) on disk, driven by the git command."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)
    """Variables that are put on top of the test's environment."""

    def run(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - the name that subprocess gives it
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run git and return how it ended, whatever that is."""
        return subprocess.run(
            ["git", *args],
            cwd=cwd or self.path,
            env={**os.environ, **self.env, **(env or {})},
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            check=False,
        )

    def git(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002
        cwd: Path | None = None,
        strip: bool = True,
    ) -> str:
        """Run git, which must succeed, and return its stdout (without the last line feed, if `strip`)."""
        done = self.run(*args, env=env, input=input, cwd=cwd)
        assert done.returncode == 0, f"git {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.removesuffix("\n") if strip else done.stdout

    def write(self, path: str, text: str) -> Path:
        """Write a file of the worktree, folders too."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, newline="")
        return file

    def read(self, path: str) -> str:
        """The text of a file of the worktree."""
        return (self.path / path).read_text()

    def commit(self, message: str = "a commit", *, allow_empty: bool = True) -> str:
        """Commit everything in the worktree and return the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message, *(["--allow-empty"] if allow_empty else []))
        return self.head()

    def head(self, rev: str = "HEAD") -> str:
        """The id of a revision."""
        return self.git("rev-parse", "--verify", rev)

    def exists(self, rev: str) -> bool:
        """Whether a revision exists."""
        return self.run("rev-parse", "--verify", "--quiet", rev).returncode == 0

    def status(self) -> list[str]:
        """The lines of `git status --porcelain`, untracked files one by one."""
        return self.git("status", "--porcelain", "--untracked-files=all").splitlines()

    def show(self, rev: str, path: str) -> str:
        """The text of a file in a commit."""
        return self.git("cat-file", "blob", f"{rev}:{path}", strip=False)

    def config(self, key: str, value: str) -> None:
        """Set a key in the repository's own configuration."""
        self.git("config", key, value)

    def worktree(self, path: Path, branch: str) -> GitRepo:
        """A linked worktree on a new branch."""
        self.git("worktree", "add", "--quiet", "-b", branch, str(path))
        return GitRepo(path, dict(self.env))

    def clone(self, path: Path, *options: str) -> GitRepo:
        """A clone (through the ordinary protocol, so that `--depth` and `--bare` do what they say)."""
        self.git("clone", "--quiet", *options, f"file://{self.path}", str(path))
        return GitRepo(path, dict(self.env))


def build_template(path: Path) -> None:
    """Make the repository that all others are copies of: branch main, one commit with a README.md."""
    path.mkdir(parents=True)
    made = GitRepo(path)
    made.git("init", "--quiet")
    shutil.rmtree(path / ".git" / "hooks", ignore_errors=True)
    made.write("README.md", "A repository for tests.\n")
    made.git("add", "--all")
    made.git(
        "commit", "--quiet", "-m", "Begin", env={f"GIT_{w}_DATE": "@1700000000 +0000" for w in ("AUTHOR", "COMMITTER")}
    )


def copy_template(template: Path, target: Path) -> GitRepo:
    """A new repository with one commit at `target`."""
    shutil.copytree(template, target, symlinks=True)
    return GitRepo(target)


def new_repo(target: Path) -> GitRepo:
    """A new repository without commits at `target`."""
    target.mkdir(parents=True)
    made = GitRepo(target)
    made.git("init", "--quiet")
    return made
