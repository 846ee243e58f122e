"""Where blocking links come from: the commit that wrote each, with its author and date (SPEC 8 `why`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles
from gitconvoy.git import commits, objects, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.git.versions import Version, versions
from gitconvoy.model import kinds
from gitconvoy.model.clock import iso
from gitconvoy.model.plan import Plan
from gitconvoy.rules.facts import Blocker
from gitconvoy.yamlio.reader import load

_MOST = 200
"""How many versions of a file are looked at."""
_BLOCKS = "blocks"
"""The type of a link that names none."""


def origins(
    plan: Plan, trunk: str | None, repo_of: Callable[[str], Repo], blockers: Iterable[Blocker]
) -> dict[Blocker, dict[str, Any] | None]:
    """Blocker -> {commit, at, author, subject} of the commit that wrote the link into its holder's file.

    None where history does not say: it ends before (a shallow clone), or the trunk of then is gone. `trunk` is the
    commit that the plan was read from, `repo_of` gives the repository that keeps a bead's file.
    """
    histories: dict[str, _History] = {}
    found: dict[Blocker, dict[str, Any] | None] = {}
    for blocker in blockers:
        holder = blocker.holder
        if holder not in histories:
            histories[holder] = _history(plan, trunk, repo_of(holder), holder)
        commit = histories[holder].introduced(blocker.target, blocker.type)
        found[blocker] = _told(histories[holder].repo, commit) if commit is not None else None
    return found


def _history(plan: Plan, trunk: str | None, repo: Repo, bead: str) -> _History:
    known, where = plan.bead(bead), plan.abroad.get(bead)
    path, tip = known.path if known is not None else "", trunk
    if where is not None:
        path, tip = path.removeprefix(f"{where.root}/"), where.commit
    here = tip is not None and refs.resolve(repo, tip) == tip
    return _History(repo, _Place(tip, path) if here and tip is not None else None, bead)


def _told(repo: Repo, commit: str) -> dict[str, Any]:
    info = commits.commit(repo, commit)
    return {
        "commit": commit,
        "at": iso(info.time),
        "author": info.author,
        "subject": info.message.partition("\n")[0],
    }


@dataclass(frozen=True, slots=True)
class _Place:
    """A file as a commit has it."""

    commit: str
    path: str


class _History:
    """The versions of one bead's file, wherever in the plan it lay: its name is the bead's id."""

    def __init__(self, repo: Repo, place: _Place | None, bead: str) -> None:
        self.repo = repo
        self._place = place
        self._bead = bead
        self._versions: dict[_Place, list[Version]] = {}
        self._read: dict[str, Mapping[str, Any] | bytes] = {}

    def introduced(self, target: str, type_: str) -> str | None:
        """The newest commit that has the link where none of its parents does."""
        place, version = self._place, None
        while place is not None:
            version = self._first(place, target, type_)
            place = self._elsewhere(version, place.path, target, type_) if version is not None else None
        return version.commit if version is not None and version.whole else None

    def _first(self, place: _Place, target: str, type_: str) -> Version | None:
        """The same, as far as the file lay in one place."""
        if place not in self._versions:
            self._versions[place] = versions(self.repo, place.commit, place.path, _MOST)
        for version in self._versions[place]:
            before = (self._has(blob, target, type_) for blob in version.before)
            if self._has(version.after, target, type_) and not any(before):
                return version
        return None

    def _elsewhere(self, version: Version, path: str, target: str, type_: str) -> _Place | None:
        """Where the file lay, link and all, before it was moved to `path`; None where it was not moved."""
        if any(blob is not None for blob in version.before) or not version.whole:
            return None
        for parent in commits.commit(self.repo, version.commit).parents:
            for old in trees.changed_paths(self.repo, parent, version.commit, kinds.ROOT):
                if old == path or kinds.kind_of(old) is not kinds.BEAD or kinds.stem(old) != self._bead:
                    continue
                data = trees.blob_at(self.repo, parent, old)
                if data is not None and _holds(self._document(data), target, type_):
                    return _Place(parent, old)
        return None

    def _has(self, blob: str | None, target: str, type_: str) -> bool:
        if blob is None:
            return False
        if blob not in self._read:
            self._read[blob] = self._document(objects.blob(self.repo, blob))
        return _holds(self._read[blob], target, type_)

    def _document(self, data: bytes) -> Mapping[str, Any] | bytes:
        """The bytes themselves where they cannot be read, as in the middle of a conflict."""
        try:
            return load(data, self._bead)
        except BadFiles:
            return data


def _holds(document: Mapping[str, Any] | bytes, target: str, type_: str) -> bool:
    if isinstance(document, bytes):
        return target.encode() in document  # who named the bead there is near enough
    return (target, type_) in _links(document)


def _links(document: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    """(target, type) of each link of a document, whatever else is wrong with it."""
    listed = document.get("depends_on")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, Mapping):
            yield item.get("id"), item.get("type", _BLOCKS)
        else:
            yield item, _BLOCKS
