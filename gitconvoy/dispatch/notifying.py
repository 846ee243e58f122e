"""How this machine tells people: a configured program, and the URLs of apprise; from git config only (SPEC 9)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import outbox, program
from gitconvoy.dispatch.outbox import COMMAND_KEY, URL_KEY, Notice
from gitconvoy.dispatch.registry import fill, split
from gitconvoy.git import config
from gitconvoy.git.repo import Repo
from gitconvoy.model.clock import iso
from gitconvoy.store.localfiles import write_atomically

PLACEHOLDERS = frozenset({"event", "convoy", "bead", "to", "message_file"})
SECONDS = 60
"""How long one program may take."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The ways in which notices leave this machine."""

    argv: tuple[str, ...] = ()
    """The configured program, placeholders not yet replaced."""
    urls: tuple[str, ...] = ()

    def names(self, to: Iterable[str]) -> tuple[str, ...]:
        """What one notice goes through, one name for each delivery. The names hold no secret."""
        found = []
        if self.argv:
            each = any("{to}" in word for word in self.argv)
            found = ([f"command {who}" for who in to] if each else []) or ["command"]
        return (*found, *(f"url {_digest(url)}" for url in self.urls))


def channels(repo: Repo) -> Channels:
    """What is configured. ConfigurationError for what cannot be meant."""
    command = config.get(repo, COMMAND_KEY)
    argv = split(command, COMMAND_KEY, PLACEHOLDERS) if command else ()
    return Channels(argv, tuple(dict.fromkeys(config.get_values(repo, URL_KEY))))


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def deliver(known: Channels, notice: Notice, name: str, common_dir: Path, home: Path) -> str | None:
    """Deliver a notice through one of its channels; why it failed, or None. A channel that is gone delivers nothing.

    Nothing of a notice meets a shell, and nothing of it is an option: persons (`recipients`) never begin with `-`.
    """
    if name == "command" or name.startswith("command "):
        if not known.argv:
            return None
        return _run(known.argv, notice, name.partition(" ")[2], common_dir, home)
    url = next((each for each in known.urls if name == f"url {_digest(each)}"), None)
    return _by_apprise(url, notice) if url is not None else None


def _run(argv: tuple[str, ...], notice: Notice, who: str, common_dir: Path, home: Path) -> str | None:
    from gitconvoy.dispatch.worker import detached_environment  # most who ask whether anybody is told tell nobody

    file = outbox.message_file(common_dir, notice)
    write_atomically(file, f"{notice.title}\n\n{notice.message}\n".encode())
    values = {
        "event": notice.event,
        "convoy": notice.convoy,
        "bead": notice.bead,
        "to": who,
        "message_file": str(file),
    }
    to = [who] if who else list(notice.to)
    try:
        ran = program.run(
            fill(argv, values),
            cwd=home,
            env=detached_environment(),
            stdin=json.dumps(document(notice, to), ensure_ascii=False).encode() + b"\n",
            timeout=SECONDS,
        )
    finally:
        file.unlink(missing_ok=True)
    return None if ran.ok else ran.how(f"{argv[0]} ({COMMAND_KEY})")


def document(notice: Notice, to: list[str]) -> dict[str, Any]:
    """A notice as the program gets it on standard input."""
    return {
        "schema_version": 1,
        "id": notice.id,
        "event": notice.event,
        "at": iso(notice.at),
        "convoy": notice.convoy or None,
        "convoy_title": notice.convoy_title or None,
        "bead": notice.bead or None,
        "bead_title": notice.bead_title or None,
        "attempt": notice.attempt,
        "to": to,
        "title": notice.title,
        "message": notice.message,
    }


def _by_apprise(url: str, notice: Notice) -> str | None:
    """Through one URL, which may hold a secret: errors name its scheme only."""
    try:
        import apprise
    except ImportError:
        return "apprise is not installed: pip install 'gitconvoy[notify]'"
    scheme = url.partition(":")[0][:20]
    target = apprise.Apprise()
    if not target.add(url):
        return f"apprise cannot read one URL of {URL_KEY}, which begins with {scheme}:"
    body = f"{notice.message}\n\nTo: {', '.join(notice.to)}\n{notice.id}"
    sent = target.notify(title=notice.title, body=body, body_format=apprise.NotifyFormat.TEXT)
    return None if sent else f"apprise could not deliver it by {scheme}: ({URL_KEY})"
