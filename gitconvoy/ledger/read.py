"""The ledger's values from its branch, and its history (SPEC 1, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles
from gitconvoy.git import commits, objects, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger import codec
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Ledger
from gitconvoy.yamlio.complaints import MAX_SIZE

REF = "refs/heads/convoy-ledger"
PLAN, BOARD = "plan", "README.md"
"""What else lies at the root of the ledger's trees: the plan that was decided on, and a page for forges to show."""
_FEW = 1000
"""Changed records for which a ledger is not read anew."""


def read_ledger(repo: Repo, tip: str | None) -> Ledger:
    """The ledger at a commit of its branch; an empty one for None. BadFiles where it is damaged or newer than us."""
    if tip is None:
        return Ledger()
    about = _about(repo, tip)
    found: list[trees.Entry] = []
    for folder in ("beads", "convoys"):
        tree = trees.tree_at(repo, tip, folder)
        found += trees.entries(repo, tree, folder) if tree else ()
    objects.expect(repo, len(found))
    beads, convoys = _records(repo, found)
    return replace(about, beads=beads, convoys=convoys)


def following(repo: Repo, before: Ledger, tip: str | None) -> Ledger:
    """As `read_ledger`, and quick where little differs from `before`, the ledger at another commit."""
    if tip == before.tip:
        return before
    if tip is None or before.tip is None:
        return read_ledger(repo, tip)
    about = _about(repo, tip)
    roots = [commits.tree_of(repo, each) for each in (before.tip, tip)]
    changes = trees.changes(repo, roots[0], roots[1], skip=(PLAN, BOARD), limit=_FEW)
    found = [after for path, (_, after) in changes.items() if path.startswith(("beads/", "convoys/"))]
    entries = [each for each in found if each is not None]
    if len(changes) > _FEW or len(entries) < len(found):  # gitconvoy takes none away
        return read_ledger(repo, tip)
    beads, convoys = _records(repo, entries)
    return replace(
        about,
        beads={**before.beads, **beads} if beads else before.beads,
        convoys={**before.convoys, **convoys} if convoys else before.convoys,
    )


def _about(repo: Repo, tip: str) -> Ledger:
    """The ledger of a commit but for its records."""
    info = commits.commit(repo, tip)
    check_format(repo, tip)
    parsed = codec.parse_message(info.message)
    if parsed is None:
        raise _foreign_commit(repo, info)
    town = trees.blob_at(repo, tip, "town.yaml")
    paused = codec.read_town(town, "town.yaml") if town is not None else False
    return Ledger(tip, paused=paused, tip_time=info.time, trunk=parsed.trailers.get("Convoy-Trunk"))


def _records(repo: Repo, entries: Iterable[trees.Entry]) -> tuple[dict[str, BeadRecord], dict[str, ConvoyRecord]]:
    """The records that these files hold, of beads and of convoys, by id."""
    beads: dict[str, BeadRecord] = {}
    convoys: dict[str, ConvoyRecord] = {}
    for entry in entries:
        data = record_bytes(repo, entry)
        if entry.path.startswith("beads/"):
            bead = codec.read_bead(data, entry.path)
            beads[bead.id] = bead
        else:
            convoy = codec.read_convoy(data, entry.path)
            convoys[convoy.id] = convoy
    return beads, convoys


def record_bytes(repo: Repo, entry: trees.Entry) -> bytes:
    """A file of the ledger's tree. BadFiles where it is none, or larger than any record: it is not read then."""
    if not entry.is_file:
        raise codec.damaged(entry.path, "it is no plain file")
    size, data = objects.blob_within(repo, entry.oid, MAX_SIZE)
    if size > MAX_SIZE:
        raise codec.damaged(entry.path, f"it has {size:,} bytes, allowed are {MAX_SIZE:,}")
    return data


def _foreign_commit(repo: Repo, info: commits.CommitInfo) -> BadFiles:
    """Somebody committed on the ledger's branch: what its records say now is nobody's decision (SPEC 1)."""
    good = last_event(repo, info.id)
    remedy = f"git update-ref --no-deref {REF} {good}" if good else "fetch it from where it is whole"
    return BadFiles(
        f"the ledger ends in a commit that is no event ({info.id[:10]}): only gitconvoy writes {REF}",
        hint=f"keep that commit elsewhere if it is of use, then: {remedy}",
        code="ledger-foreign",
    )


def last_event(repo: Repo, tip: str) -> str | None:
    """The newest commit at or behind `tip` that is an event of ours; None where none is near."""
    near = islice(_newest_first(repo, tip), 1000)
    return next((each.id for each in near if codec.parse_message(each.message)), None)


def check_format(repo: Repo, tip: str) -> None:
    """BadFiles where the ledger at this commit is none, or newer than us."""
    data = trees.blob_at(repo, tip, "format")
    found = data.decode("utf-8", "replace").strip() if data is not None else "none"
    if found != codec.FORMAT:
        raise BadFiles(
            f"the ledger has format {found[:20]!r}; this gitconvoy reads format {codec.FORMAT}",
            hint="install a newer gitconvoy, or check that refs/heads/convoy-ledger is gitconvoy's own branch",
            code="ledger-format",
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger commit as `log` shows it. `before` and `after`: the status of its bead or convoy, if it changed."""

    commit: str
    at: int
    event: str
    convoy: str | None
    bead: str | None
    worker: str | None
    attempt: int | None
    cause: str | None
    actor: str | None
    reason: str = ""
    token: str | None = None
    trunk: str | None = None
    force: str | None = None
    before: str | None = None
    after: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape of SPEC 8 (`log`)."""
        return {
            "commit": self.commit,
            "at": iso(self.at),
            "event": self.event,
            "convoy": self.convoy,
            "bead": self.bead,
            "worker": self.worker,
            "attempt": self.attempt,
            "cause": self.cause,
            "actor": self.actor,
            "from": self.before,
            "to": self.after,
            "reason": self.reason,
        }


def _newest_first(repo: Repo, tip: str | None) -> Iterator[commits.CommitInfo]:
    """The branch is linear: its parents give the order, where commits of one second have no other."""
    while tip is not None:
        info = commits.commit(repo, tip)
        yield info
        tip = info.parents[0] if info.parents else None


def history(repo: Repo, tip: str | None) -> Iterator[Entry]:
    """The ledger's entries, newest first; commits that are none of gitconvoy's are left out."""
    return (entry for _, entry in commits_and_entries(repo, tip))


def commits_and_entries(repo: Repo, tip: str | None) -> Iterator[tuple[commits.CommitInfo, Entry]]:
    """The same, each with its commit."""
    for info in _newest_first(repo, tip):
        parsed = codec.parse_message(info.message)
        if parsed is None:
            continue
        trailers = parsed.trailers
        entry = Entry(
            commit=info.id,
            at=info.time,
            event=parsed.event,
            convoy=trailers.get("Convoy-Id"),
            bead=trailers.get("Convoy-Bead"),
            worker=trailers.get("Convoy-Worker"),
            attempt=parsed.attempt,
            cause=trailers.get("Convoy-Cause"),
            actor=trailers.get("Convoy-Actor"),
            reason=parsed.reason,
            token=trailers.get("Convoy-Token"),
            trunk=trailers.get("Convoy-Trunk"),
            force=trailers.get("Convoy-Force"),
        )
        yield info, entry
