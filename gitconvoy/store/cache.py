"""Documents that were read and found in order, by blob id: so that a big plan is not parsed again for each command.

Disposable: with the file deleted, damaged, locked or not writable every answer is the same, only later. It is used
where this machine keeps its own files already (`<common git dir>/gitconvoy/`, made by `init` and the hook installer).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from gitconvoy import __version__
from gitconvoy.resources import schema_names, schema_text

READER = 1
"""To be raised when the same bytes are read or judged differently by the same schemas."""
PATIENCE = 0.25
"""Seconds to wait for another process before going on without the cache."""
_CACHES = ("index-*.sqlite3*", "outline-*.sqlite3*", "ledger-*.json", ".ledger-*.json.*")
_MONTH = 30 * 24 * 3600
"""Seconds."""
_AT_ONCE = 500
"""No SQLite takes fewer values in one statement."""
_SOME = f"SELECT blob, kind, data FROM documents WHERE blob IN ({', '.join('?' * _AT_ONCE)})"  # noqa: S608 - no value


class Stored(Mapping[str, Any]):
    """A document as the text that the cache keeps, read when it is asked for: a third of what its objects take."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """`text`: JSON."""
        self._text = text

    def __getitem__(self, key: str) -> Any:
        return _document(self._text)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_document(self._text))

    def __len__(self) -> int:
        return len(_document(self._text))


@lru_cache(maxsize=16)
def _document(text: str) -> dict[str, Any]:
    """Who asks for one key of a document mostly asks for others at once."""
    found: dict[str, Any] = json.loads(text)
    return found


class Cache:
    """Blob id and kind -> the document. Every failure turns it off for the rest of the process."""

    def __init__(self, folder: Path) -> None:
        """`folder`: this machine's own folder of the repository; without it nothing is cached."""
        self._file = folder / f"index-{generation()}.sqlite3"
        self._new: list[tuple[str, str, str]] = []
        self._found: dict[tuple[str, str], str] = {}
        self._db: sqlite3.Connection | None = None
        if folder.is_dir():
            self._open()

    def _open(self) -> None:
        try:
            self._db = connected(self._file)
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS documents "
                "(blob TEXT, kind TEXT, data TEXT, PRIMARY KEY (blob, kind)) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: sqlite3.Error) -> None:
        self.close()
        drop_damaged(self._file, error)

    def expect(self, blobs: Sequence[str]) -> None:
        """Fetch what is known of these blobs at once: a question for each costs more than its answer."""
        if self._db is None:
            return
        try:
            for start in range(0, len(blobs), _AT_ONCE):
                some = blobs[start : start + _AT_ONCE]
                rows = self._db.execute(_SOME, [*some, *[""] * (_AT_ONCE - len(some))])
                self._found.update(((blob, kind), data) for blob, kind, data in rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def has(self, blob: str, kind: str) -> bool:
        """Whether a document was found among those that were expected."""
        return (blob, kind) in self._found

    def get(self, blob: str, kind: str) -> tuple[dict[str, Any], Stored] | None:
        """The document of a blob, one of those that were expected, that was in order as this kind; or None."""
        text = self._found.pop((blob, kind), "null")
        try:
            found = json.loads(text)
        except (ValueError, TypeError):
            return None
        return (found, Stored(text)) if isinstance(found, dict) else None

    def put(self, blob: str, kind: str, data: dict[str, Any]) -> Stored | None:
        """Remember a document until `save`; None for one that JSON cannot hold exactly: it is left out."""
        if self._db is None:
            return None
        text = json.dumps(data, ensure_ascii=False)
        if json.loads(text) != data or _surrogates(text):
            return None
        self._new.append((blob, kind, text))
        return Stored(text)

    def save(self) -> None:
        """Write what is new, in one transaction; without complaint where that cannot be."""
        if self._db is None or not self._new:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR IGNORE INTO documents VALUES (?, ?, ?)", self._new)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)
        self._new.clear()

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            self._db.close()
            self._db = None


def connected(file: Path) -> sqlite3.Connection:
    """A cache's database, made where there is none. sqlite3.Error where it cannot be had."""
    db = sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)
    db.execute("PRAGMA synchronous=NORMAL")
    return db


def drop_damaged(file: Path, error: sqlite3.Error) -> None:
    """Remove a cache whose database is damaged, as the error says: the next process begins anew."""
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        for each in file.parent.glob(file.name + "*"):
            each.unlink(missing_ok=True)


def _surrogates(text: str) -> bool:
    """Whether a database cannot take the text: it holds half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def forget_old(folder: Path) -> None:
    """Remove caches, mostly of other versions, that nobody has used for a month; two versions may be in use."""
    long_ago = time.time() - _MONTH
    for file in (each for pattern in _CACHES for each in folder.glob(pattern)):
        with suppress(OSError):
            if max(file.stat().st_mtime, file.stat().st_atime) < long_ago:
                file.unlink()


def generation(more: str = "") -> str:
    """A name that changes with everything that decides how a file is read and judged, and with `more`."""
    digest = hashlib.sha256(f"{__version__} {READER} {more}".encode())
    for name in schema_names():
        digest.update(schema_text(name).encode())
    return digest.hexdigest()[:12]
