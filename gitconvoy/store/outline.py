"""What each bead of one plan is, in few words: so that commands read what they need (`store.part`).

The outline is of one `.convoy` tree at a time, the trunk's, and follows it by the files that differ. Only plans in
which nothing is wrong and nothing runs in a circle are outlined. As disposable as the cache of documents
(`store.cache`), and beside it: with the file deleted, damaged, locked or not writable every answer is the same, only
later.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gitconvoy.dataclass import dataclass
from gitconvoy.graph.shape import Shape
from gitconvoy.model.plan import Bead, Config, Convoy
from gitconvoy.store.cache import connected, drop_damaged, generation
from gitconvoy.store.digest import Digested, convoy_digest, digest

_AT_ONCE = 500
"""No SQLite takes fewer values in one statement."""
_CANCELLED, _DONE = "cancelled", "done"
_WAITS_FOR, _CONDITIONAL, _EPIC = "waits-for", "conditional-blocks", "epic"
# Each question is answered from an index alone: where rows have to be looked up, it takes ten times as long.
TABLES = """
CREATE TABLE IF NOT EXISTS beads (
    id TEXT PRIMARY KEY, parent TEXT, status TEXT, outcome TEXT,
    derived TEXT, fit INTEGER, deferred INTEGER, targets TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS standing ON beads (outcome, id);
CREATE INDEX IF NOT EXISTS families ON beads (outcome, parent);
CREATE INDEX IF NOT EXISTS derived ON beads (outcome, derived, id, parent);
CREATE INDEX IF NOT EXISTS fit ON beads (outcome, fit, deferred, id, targets);
CREATE INDEX IF NOT EXISTS children ON beads (parent);
CREATE TABLE IF NOT EXISTS contents (id TEXT PRIMARY KEY, path TEXT, blob TEXT, said TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, blob TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS convoys (id TEXT PRIMARY KEY, path TEXT, blob TEXT, said TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outline (
    tree TEXT, beads INTEGER, convoys INTEGER, files INTEGER, parts TEXT, ends BLOB, before BLOB
);
"""
_NUMBERS = "I"
_COUNTS = "(SELECT count(*) FROM beads), (SELECT count(*) FROM convoys), (SELECT count(*) FROM files)"


class Unusable(Exception):
    """The outline does not hold what it should: the plan is read without it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A bead in the outline, but for what is read of it (`put`)."""

    id: str
    parent: str | None
    status: str
    """That of its file."""
    outcome: str | None
    """None where its file does not close it."""
    derived: str | None
    """What else could close it: `epic` (its children), `condition` (a link that its file holds); None: nothing."""
    fit: bool
    """Whether it could be dispatched, as far as its own file says."""
    deferred: bool
    """Whether its file names a time before which it is not dispatched."""
    targets: str | None
    """The beads one of which keeps it waiting as long as that is not closed, separated by slashes; None: no such."""


class Waiting(NamedTuple):
    """Of a row whose outcome is None what tells what may close the bead all the same. Columns of `Row`."""

    id: str
    parent: str | None
    derived: str | None


def row_of(bead: Bead, config: Config) -> Row:
    """How a bead is outlined."""
    outcome = bead.outcome or _DONE if config.category(bead.status) == "done" else None
    gone = bead.tombstone and bead.archived
    links = [link for link in bead.links if link.blocking]
    conditional = any(link.type == _CONDITIONAL for link in links)
    active = config.category(bead.status) == "active"
    return Row(
        bead.id,
        bead.parent,
        bead.status,
        _CANCELLED if gone else outcome,
        "condition" if conditional else _EPIC if bead.type == _EPIC else None,
        active and config.slingable(bead.type) and not bead.archived and not bead.tombstone,
        bead.defer_until is not None,
        "/".join(link.target for link in links if link.type != _WAITS_FOR) or None,  # ids hold no slash
    )


class Outline:
    """The outline of this repository. `Unusable` ends every use that its file does not stand."""

    def __init__(self, folder: Path) -> None:
        """`folder`: this machine's own folder of the repository."""
        self._file = folder / f"outline-{generation(TABLES)}.sqlite3"
        self._db: sqlite3.Connection | None = None

    @contextmanager
    def open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction over what one process wrote as a whole. Unusable where there can be none."""
        try:
            if self._db is None:
                self._db = connected(self._file)
            if write:
                self._db.executescript(TABLES)
            self._db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield self._db
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)
            raise Unusable(str(error)) from error
        except UnicodeError as error:  # a file whose name no database takes
            raise Unusable(str(error)) from error
        finally:
            if self._db is not None and self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _give_up(self, error: sqlite3.Error) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        drop_damaged(self._file, error)

    def there(self) -> bool:
        """Whether anybody has written one."""
        return self._file.exists()


def tree_of(db: sqlite3.Connection) -> str | None:
    """The tree whose outline this is; None where what was written as a whole is not all there."""
    found = db.execute(f"SELECT tree, beads, convoys, files, {_COUNTS} FROM outline").fetchall()  # noqa: S608 - no value
    if len(found) != 1 or found[0][1:4] != found[0][4:7]:
        return None
    return str(found[0][0])


def unsettled(db: sqlite3.Connection) -> set[str]:
    """The beads that their files do not close."""
    ids = db.execute("SELECT group_concat(id, '/') FROM beads WHERE outcome IS NULL").fetchone()[0]  # one by one: slow
    return set(ids.split("/")) if ids else set()


def families(db: sqlite3.Connection) -> dict[str, int]:
    """How many children each parent has among these."""
    query = "SELECT parent, count(*) FROM beads WHERE outcome IS NULL AND parent IS NOT NULL GROUP BY parent"
    return dict(db.execute(query))


def derived(db: sqlite3.Connection, ids: Sequence[str]) -> list[Waiting]:
    """Those among these that something else may close, and those among these that are named."""
    query = "SELECT id, parent, derived FROM beads WHERE outcome IS NULL AND"
    return [
        Waiting._make(row) for row in (*db.execute(f"{query} derived IS NOT NULL"), *_some(db, f"{query} id IN", ids))
    ]


def fit(db: sqlite3.Connection, *, deferred: bool) -> list[tuple[str, str | None]]:
    """Those among these that could be dispatched as far as their files say, or only the deferred ones; with targets."""
    more = " AND deferred = 1" if deferred else ""
    return db.execute(f"SELECT id, targets FROM beads WHERE outcome IS NULL AND fit = 1{more}").fetchall()  # noqa: S608


def settled(db: sqlite3.Connection) -> dict[str, str]:
    """All others, with their outcomes."""
    joined = "SELECT group_concat(id, '/') FROM beads WHERE outcome = ?"
    ids = db.execute(joined, (_DONE,)).fetchone()[0]
    found = dict.fromkeys(ids.split("/") if ids else (), _DONE)
    found.update(db.execute("SELECT id, outcome FROM beads WHERE outcome <> ?", (_DONE,)))
    return found


def statuses(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, str]:
    """What the files of beads say of how they stand."""
    return dict(_some(db, "SELECT id, status FROM beads WHERE id IN", ids))


def contents(db: sqlite3.Connection, ids: Sequence[str]) -> list[Digested]:
    """What the files of beads say."""
    query = "SELECT id, path, blob, said FROM beads LEFT JOIN contents USING (id) WHERE id IN"
    return list(map(Digested._make, _some(db, query, ids)))


def children(db: sqlite3.Connection, parents: Sequence[str]) -> list[str]:
    """The ids of all children of beads."""
    return [bead_id for (bead_id,) in _some(db, "SELECT id FROM beads WHERE parent IN", parents)]


def parents_among(db: sqlite3.Connection, ids: Sequence[str]) -> set[str]:
    """Those that have children."""
    return {parent for (parent,) in _some(db, "SELECT DISTINCT parent FROM beads WHERE parent IN", ids)}


def shape(db: sqlite3.Connection) -> Shape:
    """The shape of the plan's graph. Unusable."""
    parts, *numbers = db.execute("SELECT parts, ends, before FROM outline").fetchone()
    ends, before = array(_NUMBERS), array(_NUMBERS)
    try:
        ends.frombytes(numbers[0])
        before.frombytes(numbers[1])
        found = Shape(parts.split("\n") if ends else [], ends, before)
    except (ValueError, TypeError, AttributeError) as error:
        raise Unusable("the shape is not what it should be") from error
    if len(found.parts) != len(ends) or list(ends[-1:]) != [len(before)][: len(ends)]:
        raise Unusable("the shape is not all there")
    return found


def append_to_shape(db: sqlite3.Connection, bead_id: str, targets: Sequence[str]) -> None:
    """Behind all others a bead that is preceded by the targets, as far as they are beads, and by nothing else."""
    known = shape(db)
    place = {part: number for number, part in enumerate(known.parts)}
    preceding = sorted({place[target] for target in targets if target in place})
    parts = "\n".join([*known.parts, bead_id])
    before = array(_NUMBERS, [*known.before, *preceding])
    ends = array(_NUMBERS, [*known.ends, len(before)])
    db.execute("UPDATE outline SET parts = ?, ends = ?, before = ?", (parts, ends.tobytes(), before.tobytes()))


def is_named(db: sqlite3.Connection, bead_id: str) -> bool:
    """Whether a bead may name this one, as its parent or in a link."""
    said = json.dumps(bead_id)
    found = db.execute("SELECT 1 FROM contents WHERE instr(said, ?) LIMIT 1", (said,)).fetchone()
    return found is not None


def files(db: sqlite3.Connection) -> dict[str, str]:
    """Path -> blob of settings and plan files."""
    return dict(db.execute("SELECT path, blob FROM files ORDER BY path"))


def convoys(db: sqlite3.Connection) -> list[Digested]:
    """What the files of all convoys say."""
    return list(map(Digested._make, db.execute("SELECT id, path, blob, said FROM convoys")))


def path_of(db: sqlite3.Connection, bead_id: str) -> str | None:
    """Where a bead lies."""
    found = db.execute("SELECT path FROM contents WHERE id = ?", (bead_id,)).fetchone()
    return str(found[0]) if found is not None else None


def is_taken(db: sqlite3.Connection, name: str, path: str) -> bool:
    """Whether a bead, or another convoy than the one at `path`, has this id, be it in other letters."""
    bead = db.execute("SELECT 1 FROM beads WHERE id = ? COLLATE NOCASE LIMIT 1", (name,)).fetchone()
    other = "SELECT 1 FROM convoys WHERE id = ? COLLATE NOCASE AND path <> ? LIMIT 1"
    return bead is not None or db.execute(other, (name, path)).fetchone() is not None


def begin_anew(
    db: sqlite3.Connection,
    tree: str,
    beads: Iterable[tuple[Bead, str]],
    convoys: Iterable[tuple[Convoy, str]],
    others: Mapping[str, str],
    config: Config,
    shape: Shape,
) -> None:
    """Write the outline of a tree: of its beads and convoys with their blobs, and of all other files."""
    for table in ("beads", "contents", "convoys", "files", "outline"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own tables
    for bead, blob in sorted(beads, key=lambda each: each[0].id):
        put(db, bead, blob, config)
    for convoy, blob in convoys:
        put_convoy(db, convoy, blob)
    db.executemany("INSERT INTO files VALUES (?, ?)", sorted(others.items()))
    numbers = [array(_NUMBERS, listed).tobytes() for listed in (shape.ends, shape.before)]
    db.execute(f"INSERT INTO outline SELECT ?, {_COUNTS}, ?, ?, ?", (tree, "\n".join(shape.parts), *numbers))


def put(db: sqlite3.Connection, bead: Bead, blob: str, config: Config) -> None:
    """Outline one bead."""
    row = row_of(bead, config)
    said = (row.parent, row.status, row.outcome, row.derived, row.fit, row.deferred, row.targets)
    db.execute("INSERT OR REPLACE INTO beads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (row.id, *said))
    db.execute("INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?)", (bead.id, bead.path, blob, digest(bead)))


def put_convoy(db: sqlite3.Connection, convoy: Convoy, blob: str) -> None:
    """Outline one convoy."""
    row = (convoy.id, convoy.path, blob, convoy_digest(convoy))
    db.execute("INSERT OR REPLACE INTO convoys VALUES (?, ?, ?, ?)", row)


def forget_convoy(db: sqlite3.Connection, path: str) -> None:
    """The convoy that lay there is gone."""
    db.execute("DELETE FROM convoys WHERE path = ?", (path,))


def put_file(db: sqlite3.Connection, path: str, blob: str | None) -> None:
    """Note another file; None: it is gone."""
    db.execute("DELETE FROM files WHERE path = ?", (path,))
    if blob is not None:
        db.execute("INSERT INTO files VALUES (?, ?)", (path, blob))


def note(db: sqlite3.Connection, tree: str) -> None:
    """What was written is the outline of this tree, whose graph is the one that was known."""
    db.execute(f"UPDATE outline SET (tree, beads, convoys, files) = (SELECT ?, {_COUNTS})", (tree,))  # noqa: S608 - no value


def _some(db: sqlite3.Connection, query: str, values: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        yield from db.execute(f"{query} ({', '.join('?' * len(some))})", some)
