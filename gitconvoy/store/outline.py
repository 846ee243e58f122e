"""Where each bead of one plan lies, whether it is closed, and whose child it is: so that commands read what they need.

The outline is of one `.convoy` tree at a time, the trunk's, and follows it by the files that differ. Only plans in
which nothing is wrong are outlined. As disposable as the cache of documents (`store.cache`), and beside it: with the
file deleted, damaged, locked or not writable every answer is the same, only later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitconvoy.model.plan import Bead, Config
from gitconvoy.store.cache import PATIENCE, generation

_AT_ONCE = 500
"""No SQLite takes fewer values in one statement."""
_CANCELLED, _DONE = "cancelled", "done"
TABLES = """
CREATE TABLE IF NOT EXISTS beads (id TEXT PRIMARY KEY, path TEXT, blob TEXT, parent TEXT, outcome TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unsettled ON beads (id) WHERE outcome IS NULL;
CREATE INDEX IF NOT EXISTS children ON beads (parent) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, blob TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outline (tree TEXT, beads INTEGER, files INTEGER);
"""
_INSERT = "INSERT OR REPLACE INTO beads VALUES (?, ?, ?, ?, ?)"
_COUNTS = "(SELECT count(*) FROM beads), (SELECT count(*) FROM files)"


class Unusable(Exception):
    """The outline does not hold what it should: the plan is read without it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A bead in the outline. `outcome` is None where its file does not close it."""

    id: str
    path: str
    blob: str
    parent: str | None
    outcome: str | None


def row_of(bead: Bead, blob: str, config: Config) -> Row:
    """How a bead is outlined."""
    outcome = bead.outcome or _DONE if config.category(bead.status) == "done" else None
    gone = bead.tombstone and bead.archived
    return Row(bead.id, bead.path, blob, bead.parent, _CANCELLED if gone else outcome)


class Outline:
    """The outline of this repository. `Unusable` ends every use that its file does not stand."""

    def __init__(self, folder: Path) -> None:
        """`folder`: this machine's own folder of the repository."""
        self._file = folder / f"outline-{generation()}.sqlite3"
        self._db: sqlite3.Connection | None = None

    @contextmanager
    def open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction over what one process wrote as a whole. Unusable where there can be none."""
        try:
            if self._db is None:
                self._db = sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None)
                self._db.execute("PRAGMA synchronous=NORMAL")
            if write:
                self._db.executescript(TABLES)
            self._db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield self._db
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)
            raise Unusable(str(error)) from error
        finally:
            if self._db is not None and self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _give_up(self, error: sqlite3.Error) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            for file in self._file.parent.glob(self._file.name + "*"):
                file.unlink(missing_ok=True)  # damaged: the next process begins anew

    def there(self) -> bool:
        """Whether anybody has written one."""
        return self._file.exists()


def tree_of(db: sqlite3.Connection) -> str | None:
    """The tree whose outline this is; None where what was written as a whole is not all there."""
    found = db.execute(f"SELECT tree, beads, files, {_COUNTS} FROM outline").fetchall()  # noqa: S608 - no value
    if len(found) != 1 or found[0][1:3] != found[0][3:5]:
        return None
    return str(found[0][0])


def unsettled(db: sqlite3.Connection) -> list[Row]:
    """The beads that their files do not close."""
    return [Row(*row) for row in db.execute("SELECT * FROM beads WHERE outcome IS NULL")]


def settled(db: sqlite3.Connection) -> dict[str, str]:
    """All others, with their outcomes."""
    joined = "SELECT group_concat(id, '/') FROM beads WHERE outcome = ?"  # ids hold no slash
    ids = db.execute(joined, (_DONE,)).fetchone()[0]
    found = dict.fromkeys(ids.split("/") if ids else (), _DONE)
    found.update(db.execute("SELECT id, outcome FROM beads WHERE outcome <> ?", (_DONE,)))
    return found


def rows(db: sqlite3.Connection, column: str, values: Sequence[str]) -> list[Row]:
    """The beads with one of these values in a column: `id` or `parent`."""
    found = _some(db, f"SELECT * FROM beads WHERE {column} IN", values)  # noqa: S608 - our own columns
    return [Row(*row) for row in found]


def parents_among(db: sqlite3.Connection, ids: Sequence[str]) -> set[str]:
    """Those that have children."""
    return {parent for (parent,) in _some(db, "SELECT DISTINCT parent FROM beads WHERE parent IN", ids)}


def files(db: sqlite3.Connection) -> dict[str, str]:
    """Path -> blob of settings, convoys and plan files."""
    return dict(db.execute("SELECT path, blob FROM files ORDER BY path"))


def path_of(db: sqlite3.Connection, bead_id: str) -> str | None:
    """Where a bead lies."""
    found = db.execute("SELECT path FROM beads WHERE id = ?", (bead_id,)).fetchone()
    return str(found[0]) if found is not None else None


def is_taken(db: sqlite3.Connection, name: str, path: str) -> bool:
    """Whether a bead, or another convoy than the one at `path`, has this id, be it in other letters."""
    bead = db.execute("SELECT 1 FROM beads WHERE id = ? COLLATE NOCASE LIMIT 1", (name,)).fetchone()
    folder = path.rpartition("/")[0]
    other = "SELECT 1 FROM files WHERE path = ? COLLATE NOCASE AND path <> ? LIMIT 1"
    return bead is not None or db.execute(other, (f"{folder}/{name}.yaml", path)).fetchone() is not None


def begin_anew(db: sqlite3.Connection, tree: str, beads: Iterable[Row], others: Mapping[str, str]) -> None:
    """Write the outline of a tree."""
    db.execute("DELETE FROM beads")
    db.execute("DELETE FROM files")
    db.executemany(_INSERT, sorted((each.id, each.path, each.blob, each.parent, each.outcome) for each in beads))
    db.executemany("INSERT INTO files VALUES (?, ?)", sorted(others.items()))
    note(db, tree)


def put(db: sqlite3.Connection, row: Row) -> None:
    """Outline one bead."""
    db.execute(_INSERT, (row.id, row.path, row.blob, row.parent, row.outcome))


def put_file(db: sqlite3.Connection, path: str, blob: str | None) -> None:
    """Note another file; None: it is gone."""
    db.execute("DELETE FROM files WHERE path = ?", (path,))
    if blob is not None:
        db.execute("INSERT INTO files VALUES (?, ?)", (path, blob))


def note(db: sqlite3.Connection, tree: str) -> None:
    """What was written is the outline of this tree."""
    db.execute("DELETE FROM outline")
    db.execute(f"INSERT INTO outline SELECT ?, {_COUNTS}", (tree,))


def _some(db: sqlite3.Connection, query: str, values: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        yield from db.execute(f"{query} ({', '.join('?' * len(some))})", some)
