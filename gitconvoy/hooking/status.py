"""Proving that git reaches each of our hooks, without running anybody else's (SPEC 6)."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.git.repo import Repo
from gitconvoy.hooking.layout import END, HOOKS, RECEIVING, START, Place, survey

PROBE = "GITCONVOY_HOOK_PROBE"
_NOT_A_COMMAND = 1


@dataclass(frozen=True, slots=True)
class HookStatus:
    """One hook: is our call in it, and does git get there?

    `reached` None: another tool is in charge and has our entry, which cannot be proven without running its hooks.
    `note` says what is wrong, `entry` what to add to one of `entry_files`.
    """

    name: str
    path: Path
    installed: bool
    reached: bool | None
    note: str = ""
    entry: str = ""
    entry_files: tuple[Path, ...] = ()


def status(repo: Repo, names: Sequence[str] = HOOKS) -> list[HookStatus]:
    """The state of the hooks with these names: each that holds our block is run with a probe that stops in it."""
    return [_status(repo, place) for place in survey(repo, names)]


def _status(repo: Repo, place: Place) -> HookStatus:
    if not place.writable:
        return _entrusted(place)
    if not place.ours:
        note = f"not installed: run `gitconvoy hooks install{' --server' if place.name in RECEIVING else ''}`"
        return HookStatus(place.name, place.path, False, False, note)
    if place.runner:
        return HookStatus(place.name, place.path, True, None, f"{place.runner} is in charge, and starts it")
    if not _leads(place.text):
        note = "other commands stand above our block, so it was not run to prove it: move the block to the top"
        return HookStatus(place.name, place.path, True, None, note)
    said = _probe(repo, place)
    if said is None:
        return HookStatus(place.name, place.path, True, True)
    return HookStatus(place.name, place.path, True, False, said or "git does not get to it: is it executable?")


def _entrusted(place: Place) -> HookStatus:
    """A hook that somebody else is in charge of: is our call written down where they keep theirs?"""
    call = f"gitconvoy hook-run {place.name}"
    for file in place.entry_files:
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        if any(_calls(line, call) for line in lines):
            return HookStatus(place.name, place.path, True, None, f"{place.reason}; our call is in {file}")
    return HookStatus(place.name, place.path, False, False, place.reason, place.entry, place.entry_files)


def _calls(line: str, call: str) -> bool:
    code = line.strip()
    return not code.startswith("#") and (call + " " in code + " ")


def _leads(text: str) -> bool:
    """Whether nothing but comments stands above our block."""
    for line in text.splitlines():
        if line == START:
            return END in text.splitlines()
        if line.strip() and not line.startswith("#"):
            return False
    return False


def _probe(repo: Repo, place: Place) -> str | None:
    """Run the hook as git would, with the probe set. None: it was reached; else what was said."""
    with tempfile.TemporaryDirectory(prefix="gitconvoy-probe-") as folder:
        seen = Path(folder) / "seen"
        extra = {PROBE: str(seen)}
        done = repo.git("hook", "run", "--ignore-missing", place.name, check=False, extra=extra)
        said = done.stderr
        if done.returncode == _NOT_A_COMMAND and "is not a git command" in said:  # before git 2.36
            said = _run_directly(repo, place, extra)
        if seen.exists() and place.name in seen.read_text().split():
            return None
    return said


def _run_directly(repo: Repo, place: Place, extra: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            [str(place.path)],
            cwd=repo.cwd,
            env={**repo.env, **extra},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        return f"it cannot be run: {error.strerror}"
    return done.stderr.decode("utf-8", "replace").strip()
