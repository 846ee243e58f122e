"""The git hooks: there, reached, and able to run gitconvoy (SPEC 6)."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gitconvoy import __version__
from gitconvoy.doctor.findings import ERROR, NOTE, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.engine.settings import LOCAL
from gitconvoy.git.env import clean_env
from gitconvoy.git.repo import Repo
from gitconvoy.hooking import rigs as rig_hooks
from gitconvoy.hooking.guarding import guard
from gitconvoy.hooking.install import block, renew, with_block, written_for
from gitconvoy.hooking.layout import CHECKING, RECEIVING, Place, survey
from gitconvoy.hooking.status import HookStatus, status

_INSTALL = "gitconvoy hooks install"
_ASK = "import gitconvoy; print(gitconvoy.__version__)"
_PATIENCE = 60
_GONE, _EMPTY = "it is gone", "it no longer has gitconvoy"
"""What is wrong with an interpreter for good; one that is slow or cannot be started once is not replaced."""


def reached(scene: Scene) -> Iterator[Finding]:
    """Does git get to each of our hooks?"""
    repo, local = scene.repo(), scene.town().settings.role == LOCAL
    found = status(repo)
    missing = [each for each in found if not each.installed]
    if len(missing) == len(found) and not any(each.entry for each in missing):
        if local or scene.plan().exists:
            yield _absent(repo, missing[0].note)
        return
    for each in missing:
        yield _missing(each)
    for each in found:
        if each.installed and each.reached is False:
            yield Finding(
                "hooks",
                each.name,
                ERROR if each.name in CHECKING else WARNING,
                f"our block is in {each.path}, and git does not get to it: {each.note}",
                "git reaches each hook",
                _why(each.name),
                ("gitconvoy hooks status", f"ls -l {shlex.quote(str(each.path))}"),
            )
        elif each.installed and each.reached is None:
            yield Finding(
                "hooks",
                each.name,
                NOTE,
                f"it cannot be proven that git gets to our call: {each.note}",
                "git reaches each hook",
                _why(each.name),
                ("gitconvoy hooks status",),
            )
    if not local and len(missing) < len(found):
        yield Finding(
            "hooks",
            "role",
            NOTE,
            "hooks are installed in a clone that does not dispatch",
            "hooks check commits here; they react only where gitconvoy.dispatch is local",
            "that is as it should be, unless this clone was meant to dispatch",
            ("git config gitconvoy.dispatch local",),
        )


def _why(name: str) -> str:
    if name in CHECKING:
        return "without it a commit of .convoy/ is not checked, and plan files are not brought up to date"
    return "without it what lands on the trunk is seen only by the next command or scan"


def _absent(repo: Repo, note: str) -> Finding:
    off = "" if note.startswith("not installed") else f": {note}"
    return Finding(
        "hooks",
        str(repo.common_dir),
        NOTE,
        f"no hooks are installed{off}",
        "hooks check commits of .convoy/ and react at once",
        "everything works without them, only later: by commands, `scan` or `daemon`",
        (_INSTALL, "gitconvoy doctor --print-unit"),
    )


def _missing(each: HookStatus) -> Finding:
    files = [str(file) for file in each.entry_files]
    where = f" (add our call to {' or '.join(files)})" if files else ""
    return Finding(
        "hooks",
        each.name,
        WARNING,
        f"it does not call us: {each.note}{where}",
        "each hook calls us, or none does",
        _why(each.name),
        ("gitconvoy hooks status", _INSTALL),
    )


def interpreter(scene: Scene) -> Iterator[Finding]:
    """Can what the hooks run still be run, and is it this gitconvoy?"""
    repo = scene.repo()
    for python, places in _by_python(repo).items():
        names = ", ".join(place.name for place in places)
        observed, severity = _trouble(python)
        if observed:
            yield Finding(
                "hook-python",
                python,
                severity,
                f"{observed}; it is called by {names}",
                f"hooks run a Python that has gitconvoy {__version__}",
                "a hook that cannot run gitconvoy refuses commits of .convoy/ and reacts to nothing"
                if severity == ERROR
                else "hooks and commands should decide by the same rules",
                (f"{shlex.quote(sys.executable)} -I -m gitconvoy hooks install",),
                partial(renew, repo, sys.executable, python) if observed in (_GONE, _EMPTY) else None,
            )
            continue
        old = [place.name for place in places if with_block(place.text, block(place.name, python)) != place.text]
        if old:
            yield Finding(
                "hook-block",
                ", ".join(old),
                WARNING,
                "our block is not what this gitconvoy writes",
                "the block of the version that is installed",
                "it is of another version, or was edited",
                (_INSTALL,),
                partial(renew, repo, python, python),
            )


def _by_python(repo: Repo) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in survey(repo):
        python = written_for(place.text) if place.ours else None
        if python is not None:
            found.setdefault(python, []).append(place)
    return found


def _trouble(python: str) -> tuple[str, str]:
    """What is wrong with an interpreter, and how bad that is."""
    if not os.access(python, os.X_OK) or not Path(python).is_file():
        return _GONE, ERROR
    try:
        done = subprocess.run(
            [python, "-I", "-c", _ASK],
            cwd="/",
            env=clean_env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it cannot be run: {error}", ERROR
    if done.returncode:
        return _EMPTY, ERROR
    other = done.stdout.strip()
    return (f"it has gitconvoy {other}", WARNING) if other != __version__ else ("", NOTE)


def server(scene: Scene) -> Iterator[Finding]:
    """Where others push to: does git get to the hook, and does it guard a branch that is there?"""
    repo = scene.repo()
    if not any(place.ours for place in survey(repo, RECEIVING)):
        return
    for each in status(repo, RECEIVING):
        if each.reached is False:
            yield Finding(
                "server",
                each.name,
                ERROR,
                f"our block is in {each.path}, and git does not get to it: {each.note}",
                "git reaches the hook of the server",
                "whatever is pushed is taken",
                ("gitconvoy hooks status --server", f"{_INSTALL} --server"),
            )
    found = guard(repo)
    if found.trouble:
        yield Finding(
            "server",
            (found.trunk or "HEAD").removeprefix("refs/heads/"),
            WARNING,
            found.trouble,
            "the hook of the server guards the branch that people push",
            "a broken plan is taken without a word",
            (found.remedy,),
        )


def rigs(scene: Scene) -> Iterator[Finding]:
    """Does what happens in the repositories of rigs wake this town?"""
    town = scene.town()
    if town.settings.role != LOCAL or not scene.plan().exists:
        return
    here = any(place.ours for place in survey(town.repo))
    for each in rig_hooks.status_rigs(town):
        there = [hook for hook in each.hooks if hook.installed]
        if each.hooks and not each.ok and (here or there):
            missed = ", ".join(hook.name for hook in each.hooks if hook.reached is False)
            yield Finding(
                "rig-hooks",
                f"rig {each.rig}, {each.path}",
                NOTE if not there else WARNING,
                each.trouble.partition(": run ")[0] if there and each.trouble else f"no hook there calls us: {missed}",
                "what happens in a rig's repository wakes the town",
                "without that, merged work and changed beads there are seen by the next command or scan here",
                (f"{_INSTALL} --rigs", "gitconvoy hooks status --rigs"),
            )
