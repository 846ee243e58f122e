"""Putting our marked block into git's hooks, and taking it out again (SPEC 6).

`core.hooksPath` is respected and never set; a hook of somebody else is never overwritten, copied or switched on: in
shell scripts the block goes right below the first line, everywhere else the entry to add is reported.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError, Refused
from gitconvoy.git import config
from gitconvoy.git.env import clean_env
from gitconvoy.git.repo import Repo
from gitconvoy.hooking import drivers, guarding
from gitconvoy.hooking.layout import CHECKING, END, RECEIVING, START, Place, survey
from gitconvoy.resources import hook_text
from gitconvoy.store.localfiles import new_file_mode

_SHEBANG = "#!/bin/sh\n"
_PYTHON = "gitconvoy_python="
PYTHON_KEY = "gitconvoy.python"
"""Where a server's git config names the interpreter that has gitconvoy."""


@dataclass(frozen=True, slots=True)
class HookChange:
    """What was done to one hook.

    `action` is created, chained (into a script that was there), updated, unchanged, removed, absent or left (`reason`
    says why, `entry` what to add to one of `entry_files`).
    """

    name: str
    path: Path
    action: str
    reason: str = ""
    entry: str = ""
    entry_files: tuple[Path, ...] = ()


def install(repo: Repo, python: str) -> tuple[HookChange, ...]:
    """Install all hooks and the merge drivers, which will run the interpreter `python`; safe to repeat.

    `python` is an absolute path, and must find gitconvoy without the environment's help (`-I`), else Refused.
    """
    _prove(python)
    _make_folder(repo.common_dir / "gitconvoy")
    changes = tuple(_install(place, python) for place in survey(repo))
    drivers.set_up(repo, python)  # last: where hooks cannot be written, git config stays as it was
    return changes


def install_server(repo: Repo, python: str, trunk: str | None = None) -> tuple[HookChange, ...]:
    """Install the hook that judges what is pushed here; name its interpreter `python` and the trunk in git config.

    Safe to repeat; Refused as `install` and `guarding.pin`, which says what becomes of `trunk`.
    """
    _prove(python)
    guarding.pin(repo, trunk)
    _make_folder(repo.common_dir / "gitconvoy")
    config.set_local(repo, PYTHON_KEY, python)
    return tuple(_install(place, python) for place in survey(repo, RECEIVING))


def uninstall_server(repo: Repo) -> tuple[HookChange, ...]:
    """Take it out again. The trunk stays named: a town here, or a later installation, goes by it."""
    changes = tuple(_uninstall(place) for place in survey(repo, RECEIVING))
    config.unset_local(repo, PYTHON_KEY)
    return changes


def renew(repo: Repo, python: str, instead_of: str) -> tuple[HookChange, ...]:
    """Let what runs the interpreter `instead_of` run `python`; nothing else changes. Refused as `install`."""
    _prove(python)
    if any(each.python == instead_of for each in drivers.status(repo)):
        drivers.set_up(repo, python)
    return tuple(_install(place, python) for place in survey(repo) if written_for(place.text) == instead_of)


def uninstall(repo: Repo) -> tuple[HookChange, ...]:
    """Take our blocks out again, and the merge drivers; a file in which nothing else is left is removed."""
    drivers.take_out(repo)
    return tuple(_uninstall(place) for place in survey(repo))


def block(name: str, python: str) -> str:
    """The marked block of a hook. A subshell keeps its variables, its options and the hook's stdin to itself."""
    if name in RECEIVING:
        return _receiving_block(name)
    body = hook_text("check.sh" if name in CHECKING else "react.sh")
    end = "exit $?" if name in CHECKING else ":"
    return (
        f"{START}\n"
        "# Made by `gitconvoy hooks install`, taken out by `gitconvoy hooks uninstall`; changes here are lost.\n"
        'if [ -n "${GITCONVOY_HOOK_PROBE-}" ]; then\n'
        f'  echo {name} >>"$GITCONVOY_HOOK_PROBE"\n'
        "  exit 0\n"
        "fi\n"
        "(\n"
        f"gitconvoy_hook={name}\n"
        f"{_PYTHON}{shlex.quote(python)}\n"
        f"{body}"
        f") </dev/null || {end}\n"
        f"{END}\n"
    )


def _receiving_block(name: str) -> str:
    """What git tells on stdin is read once, and is there again for what follows in the script."""
    body = hook_text(name).partition("\n")[2]
    return (
        f"{START}\n"
        "# Made by `gitconvoy hooks install --server`, taken out by `gitconvoy hooks uninstall --server`.\n"
        'if [ -n "${GITCONVOY_HOOK_PROBE-}" ]; then\n'
        f'  echo {name} >>"$GITCONVOY_HOOK_PROBE"\n'
        "  exit 0\n"
        "fi\n"
        "gitconvoy_refs=$(cat)\n"
        "printf '%s\\n' \"$gitconvoy_refs\" | (\n"
        f"{body}"
        ") || exit $?\n"
        "exec <<gitconvoy_refs_end\n"
        "$gitconvoy_refs\n"
        "gitconvoy_refs_end\n"
        f"{END}\n"
    )


def written_for(text: str) -> str | None:
    """The interpreter that the block in a hook's text runs; None where it names none."""
    lines = [line for line in text.splitlines() if line.startswith(_PYTHON)]
    try:
        words = shlex.split(lines[0].removeprefix(_PYTHON)) if lines else []
    except ValueError:
        return None
    return words[0] if words else None


def without_block(text: str) -> str | None:
    """A hook's text without our block; None when the end of a block is missing."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        mark = line.rstrip("\r\n")
        if mark == START and not inside:
            inside = True
        elif mark == END and inside:
            inside = False
        elif not inside:
            kept.append(line)
    return None if inside else "".join(kept)


def with_block(text: str, made: str) -> str | None:
    """A shell script with the block `made`: where ours was, else below the first line; None when ours is damaged."""
    rest = without_block(text)
    if rest is None:
        return None
    at = text.find(START + "\n")
    if at < 0:
        first, _, below = text.partition("\n")
        return (first + "\n" if first else _SHEBANG) + made + below
    return rest[:at] + made + rest[at:]


def _install(place: Place, python: str) -> HookChange:
    if not place.writable:
        return _left(place, place.reason)
    made = block(place.name, python)
    wanted = with_block(place.text, made)
    if wanted is None:
        return _left(place, _DAMAGED)
    if place.text == wanted and os.access(place.path, os.X_OK):
        return HookChange(place.name, place.path, "unchanged")
    _make_folder(place.path.parent)
    _write(place.path, wanted)
    action = "created" if not place.text else "updated" if place.ours else "chained"
    return HookChange(place.name, place.path, action)


def _uninstall(place: Place) -> HookChange:
    if not place.ours:
        return HookChange(place.name, place.path, "absent", place.reason)
    rest = without_block(place.text)
    if rest is None:
        return _left(place, _DAMAGED)
    try:
        if rest.strip() in ("", _SHEBANG.strip()):
            place.path.unlink()
        else:
            _write(place.path, rest)
    except OSError as error:
        raise _unwritable(place.path, error) from error
    return HookChange(place.name, place.path, "removed")


_DAMAGED = f"the end of our block (`{END}`) is missing: take the rest of the block out by hand"


def _left(place: Place, reason: str) -> HookChange:
    return HookChange(place.name, place.path, "left", reason, place.entry, place.entry_files)


def _prove(python: str) -> None:
    if not Path(python).is_absolute():
        raise Refused(
            f"hooks need the absolute path of a Python, not {python!r}",
            hint="run it by the full path of a Python that has gitconvoy: /path/to/python3 -m gitconvoy hooks install",
            code="bad-python",
        )
    try:
        done = subprocess.run(
            [python, "-I", "-c", "import gitconvoy"],
            cwd="/",
            env=clean_env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise Refused(
            f"{python} cannot be run: {error.strerror}", hint="name a Python that has gitconvoy", code="bad-python"
        ) from error
    if done.returncode != 0:
        raise Refused(
            f"{python} finds no gitconvoy when it runs as hooks run it (`-I`, which leaves out PYTHONPATH and "
            "packages installed with --user)",
            hint="install gitconvoy with pipx or into a virtual environment, and run `gitconvoy hooks install` there",
            code="bad-python",
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _write(path: Path, text: str) -> None:
    """Put `text` in place of the file at once; it keeps its mode and is executable."""
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else new_file_mode()
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
            Path(temporary).chmod(mode | (mode & 0o444) >> 2)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> GitError:
    return GitError(
        f"{path} cannot be written: {error.strerror}", hint="check who owns the hooks folder", code="not-writable"
    )
