"""What is told of a bug, and where errors are noted that nobody sees. None of it may fail itself."""

from __future__ import annotations

import os
import platform
import re
import time
import traceback
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from gitconvoy import __version__
from gitconvoy.cli.app import start_directory
from gitconvoy.cli.registry import COMMANDS, HIDDEN

_SECRET = re.compile(r"TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")
_BEHIND_HOST = re.compile(r"(\b[a-z]+s?://[^/\s'\"]+/)[^\s'\"]+")
"""The path of a webhook is its password."""
_LEAST = 6
PLACE = "report it to the maintainers of gitconvoy, with the lines above and what you ran"


def versions() -> dict[str, str]:
    """gitconvoy and what it runs on, as far as that can be found out."""
    try:
        from gitconvoy.git import health

        found = health.versions()
    except Exception as error:  # noqa: BLE001 - what they are of may be what is broken
        found = {"python": platform.python_version(), "git": f"unknown ({type(error).__name__})"}
    return {"gitconvoy": __version__, **found, "system": f"{platform.system()} {platform.release()}"}


def in_words(found: dict[str, str]) -> str:
    """`gitconvoy 0.1.0, python 3.11.2, ...`."""
    return ", ".join(f"{name} {version}" for name, version in found.items())


def trace() -> str:
    """The traceback of the error that is being handled, scrubbed."""
    return scrubbed(traceback.format_exc())


def scrubbed(text: str) -> str:
    """A text without what the environment holds in secret, and without what may be secret in URLs."""
    secrets = [value for name, value in os.environ.items() if len(value) >= _LEAST and _SECRET.search(name)]
    for value in sorted(secrets, key=len, reverse=True):  # one may begin another
        text = text.replace(value, "***")
    return _BEHIND_HOST.sub(r"\1***", _IN_URL.sub("***@", text))


def command_of(words: Sequence[str]) -> str:
    """The command that was run, without what it was given."""
    found = next((word for word in words if word in COMMANDS or word in HIDDEN), "gitconvoy")
    if found != "hook-run":
        return found
    hook = next((word for word in words[words.index(found) :] if word.startswith(("pre-", "post-"))), "")
    return f"{found}:{hook}" if hook else found


def remedy(words: Sequence[str]) -> str:
    """What is to be done about a bug; for a hook that refuses by it, how to go on without."""
    command = command_of(words)
    if command.startswith("hook-run:pre-"):
        return f"`git commit --no-verify` leaves .convoy/ unchecked, and `gitconvoy validate` checks it later; {PLACE}"
    return PLACE


def note_bug(words: Sequence[str], text: str) -> Path | None:
    """Note a bug in the repository that the command was about; the file, None where that cannot be."""
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    return _note(words, "bug", last, f"{text}{in_words(versions())}")


def note_error(words: Sequence[str], code: str, message: str) -> None:
    """Note the error of a detached process, whose words nobody reads."""
    from gitconvoy.dispatch.processes import DETACHED

    if os.environ.get(DETACHED):
        _note(words, "error", scrubbed(f"{message} [{code}]"), "")


def _note(words: Sequence[str], kind: str, said: str, details: str) -> Path | None:
    try:
        from gitconvoy.git.repo import locate
        from gitconvoy.model.clock import iso
        from gitconvoy.store import failures

        made = failures.Failure(iso(int(time.time())), kind, command_of(words), said)
        return failures.note(locate(_directory(words)).common_dir, made, details)
    except Exception:  # noqa: BLE001 - an error is being told already
        return None


def _directory(words: Sequence[str]) -> Path:
    """Where the command looks for its repository; `-C` stands before it."""
    command = command_of(words).partition(":")[0]
    options = list(words[: words.index(command)]) if command in words else list(words)
    given = next((value for option, value in pairwise(options) if option == "-C"), None)
    if command == "hook-run":  # see there: hooks run where git starts them
        return Path(given or ".").absolute()
    return start_directory(given)
