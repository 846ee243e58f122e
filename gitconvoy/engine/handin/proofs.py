"""Proof that handed-in work is merged, whoever did it and in whatever form (SPEC 7).

`look` is quick and part of each decision, also of those in hooks. Work that was in its base branch for a while, until
later commits changed the same lines again, it does not find: that takes many merges, and `walk` does it in scans.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import facts
from gitconvoy.engine.attempts.places import base_of, base_tip
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.handin.branch import closes_only, common_base, paths_of
from gitconvoy.engine.local import Local
from gitconvoy.engine.town import Town
from gitconvoy.errors import GitError, Refused
from gitconvoy.git import commits, proofs, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.state import State
from gitconvoy.store.localfiles import local_folder, write_atomically

BUDGET = 10.0
"""Seconds of one walk, but for the work that it is at then."""
_WORDS = {
    "reachable": "its commit is reachable from {base}",
    "patch": "the same patch is in {base}",
    "contained": "merging it into {base} changes nothing any more",
}


@dataclass(frozen=True, slots=True)
class Proven:
    """Handed-in work that is in its base branch: the commit there, and how that is known."""

    bead: str
    submitted: str
    commit: str
    how: str


def waits_for(state: State, local: Local) -> dict[str, str]:
    """The base branch (short name) of each bead whose handed-in work is not known to be merged, where one can look."""
    found = {}
    for record in state.ledger.beads.values():
        if record.handed_in:
            try:
                found[record.id] = base_of(state.plan, local.places, record.id, record.convoy)
            except Refused:
                continue
    return found


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Handed-in work, and where one looks for it."""

    repo: Repo
    record: BeadRecord
    work: str
    base: str
    tip: str


def _waiting(town: Town, state: State, local: Local) -> Iterator[_Waiting]:
    repos = town.repos(state.plan)
    for bead, base in sorted(waits_for(state, local).items()):
        record, tip = state.ledger.bead(bead), base_tip(state.plan, local.places, bead, base)
        if tip is None:
            continue
        try:
            yield _Waiting(repos(bead), record, record.submitted or "", base, tip)
        except Refused:
            continue  # it was just moved away


def look(town: Town, state: State, local: Local) -> tuple[Proven, ...]:
    """What can be proven now. A commit that was not found in a branch is looked for again once the branch moves."""
    unproven = _recall(town.common_dir)
    known: dict[str, list[str]] = {}
    news: dict[tuple[str, str], _News | None] = {}
    found = []
    for each in _waiting(town, state, local):
        work, seen, walked = unproven.get(each.record.id, ("", "", ""))
        if work != each.work:
            seen, walked = "", ""
        if (seen, each.tip) not in news:
            news[seen, each.tip] = _news(each.repo, seen, each.tip)
        fresh = news[seen, each.tip]
        if fresh is not None and not fresh.concerns(each.repo, each.record):
            walked = each.tip if walked == seen else walked
        elif refs.resolve(each.repo, each.work) is None:
            continue  # it may still come
        else:
            proof = _prove(each.repo, each.record, each.tip)
            if proof is not None:
                found.append(_proven(each, proof))
                continue
            walked = walked if _earlier(each, walked) else each.tip
        known[each.record.id] = [each.work, each.tip, walked]
    if known != unproven:
        _remember(town.common_dir, known)
    return tuple(found)


def _proven(each: _Waiting, proof: proofs.Proof) -> Proven:
    return Proven(each.record.id, each.work, proof.commit or each.tip, _WORDS[proof.kind].format(base=each.base))


def owed(common_dir: Path) -> bool:
    """Whether there is something to `walk` through."""
    return any(tip != walked for _, tip, walked in _recall(common_dir).values())


@dataclass(frozen=True, slots=True)
class Walk:
    """What was found, and how far it was looked for: bead -> work, and the tip of the branch."""

    found: tuple[Proven, ...] = ()
    marks: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def walk(town: Town, seconds: float = BUDGET) -> Walk:
    """Look for work in the commits before the tips of base branches, as far as that gets in so many seconds.

    It takes long: call it without the town's lock. `conclude` keeps what comes of it, and the next walk goes on.
    """
    if not owed(town.common_dir):
        return Walk()
    state, end = town.state(), time.monotonic() + seconds
    unproven, found, marks = _recall(town.common_dir), [], {}
    for each in _waiting(town, state, town.local(state.plan, state.ledger)):
        work, tip, walked = unproven.get(each.record.id, ("", "", ""))
        if work != each.work or tip != each.tip or walked == tip:
            continue  # `look` comes first, or nothing is left
        proof = _prove_earlier(each, walked)
        if proof is not None:
            found.append(_proven(each, proof))
        marks[each.record.id] = (work, tip)
        if time.monotonic() >= end:
            break
    return Walk(tuple(found), marks)


def _earlier(each: _Waiting, walked: str) -> list[str]:
    return proofs.earlier(each.repo, each.tip, _code_of(each.repo, each.record, each.work), since=walked)


def _prove_earlier(each: _Waiting, walked: str) -> proofs.Proof | None:
    work = _code_of(each.repo, each.record, each.work)
    try:
        proof = proofs.contained_in(each.repo, _earlier(each, walked), work)
    except GitError:
        return None  # a git that cannot tell
    return proof if proof is not None and _says_something(each.repo, each.record, each.tip, work) else None


def conclude(town: Town, draft: Draft, walked: Walk) -> None:
    """Decide on what a walk has found, and note how far it got. Call it under the town's lock."""
    decide(draft, walked.found)
    known = _recall(town.common_dir)
    for bead, (work, tip) in walked.marks.items():
        if bead in known and known[bead][0] == work:
            known[bead] = [*known[bead][:2], tip]
    _remember(town.common_dir, known)


@dataclass(frozen=True, slots=True)
class _News:
    """What a branch got since it was looked at: commits, and the paths that they change."""

    commits: frozenset[str]
    paths: frozenset[str]

    def concerns(self, repo: Repo, record: BeadRecord) -> bool:
        """Whether this can be what brought the work in."""
        if not self.commits:
            return False
        work = refs.resolve(repo, record.submitted or "")
        start = refs.resolve(repo, record.base or "")
        if work is None or start is None:
            return True
        own = {work, *commits.commit(repo, work).parents}
        return bool(own & self.commits) or not self.paths.isdisjoint(trees.changed_paths(repo, start, work))


def _news(repo: Repo, old: str, new: str) -> _News | None:
    """None where all has to be looked at: history was rewritten, or there is too much of it."""
    if old == new:
        return _News(frozenset(), frozenset())
    if refs.resolve(repo, old) is None or not commits.is_ancestor(repo, old, new):
        return None
    options = (f"--max-count={proofs.LIMIT}", "-m", "-z", "--name-only", "--no-renames", "--format=commit:%H")
    said = os.fsdecode(repo.git("log", *options, new, f"^{old}", "--").stdout)
    words = [word.lstrip("\n") for word in said.split("\0") if word]
    new_commits = {word.removeprefix("commit:") for word in words if word.startswith("commit:")}
    if len(new_commits) >= proofs.LIMIT:
        return None
    return _News(frozenset(new_commits), frozenset(word for word in words if not word.startswith("commit:")))


def _prove(repo: Repo, record: BeadRecord, tip: str) -> proofs.Proof | None:
    work = record.submitted or ""
    code = _code_of(repo, record, work)
    base = record.base or code
    try:
        if commits.is_ancestor(repo, work, tip):
            return proofs.merged_by(repo, tip, work, base)
        proof = proofs.merged_by(repo, tip, code, base, earlier=False, also=work if work != code else None)
    except GitError:
        return None  # a git that cannot tell
    return proof if proof is not None and _says_something(repo, record, tip, code) else None


def _code_of(repo: Repo, record: BeadRecord, work: str) -> str:
    """The work without our closing commit: who takes that has taken the work."""
    return commits.commit(repo, work).parents[0] if closes_only(repo, work, record.id) else work


def _says_something(repo: Repo, record: BeadRecord, tip: str, commit: str) -> bool:
    """Whether the work changes more than the bead's own file: that nothing is in a branch proves nothing."""
    start = refs.resolve(repo, record.base or "") or common_base(repo, tip, commit)
    if start is None:
        return False
    return bool(set(trees.changed_paths(repo, start, commit)) - set(paths_of(repo, commit, record.id)))


def decide(draft: Draft, found: Iterable[Proven]) -> None:
    """Write the event `merged` for each piece of work that is proven to be merged, once."""
    for each in found:
        record = draft.record(each.bead)
        if record.handed_in and record.submitted == each.submitted:
            facts.merged(draft, each.bead, each.commit, each.how)


def _file(common_dir: Path) -> Path:
    return local_folder(common_dir) / "unproven"


def _recall(common_dir: Path) -> dict[str, list[str]]:
    """Bead -> the commit that was handed in, the tip in which it was not found, and the last one that was walked to."""
    try:
        data = json.loads(_file(common_dir).read_bytes())
    except (OSError, ValueError):
        return {}
    pairs = data.items() if isinstance(data, dict) else ()
    return {bead: marks for bead, marks in pairs if isinstance(marks, list) and len(marks) == 3}


def _remember(common_dir: Path, known: dict[str, list[str]]) -> None:
    try:
        write_atomically(_file(common_dir), json.dumps(known).encode())
    except OSError:
        return  # it is only looked at again sooner
