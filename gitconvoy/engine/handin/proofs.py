"""Proof that handed-in work is merged, whoever did it and in whatever form (SPEC 7)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitconvoy.engine import facts
from gitconvoy.engine.attempts.places import base_of, base_tip
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.handin.branch import closes_only, common_base, paths_of
from gitconvoy.engine.local import Local
from gitconvoy.engine.town import Town
from gitconvoy.errors import GitError, Refused
from gitconvoy.git import proofs, read
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.state import State
from gitconvoy.store.localfiles import local_folder, write_atomically

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


def look(town: Town, state: State, local: Local) -> tuple[Proven, ...]:
    """What can be proven now. A commit that was not found in a branch is looked for again once the branch moves."""
    unproven, repos = _recall(town.common_dir), town.repos(state.plan)
    known: dict[str, list[str]] = {}
    news: dict[tuple[str, str], _News | None] = {}
    found = []
    for bead, base in sorted(waits_for(state, local).items()):
        record, tip = state.ledger.bead(bead), base_tip(state.plan, local.places, bead, base)
        work = record.submitted or ""
        if tip is None:
            continue
        try:
            repo = repos(bead)
        except Refused:
            continue  # it was just moved away
        last, seen = unproven.get(bead, ("", ""))
        if last == work and (seen, tip) not in news:
            news[seen, tip] = _news(repo, seen, tip)
        fresh = news[seen, tip] if last == work else None
        proof = _prove(repo, record, tip) if fresh is None or fresh.concerns(repo, record) else None
        if proof is None:
            known[bead] = [work, tip]
        else:
            found.append(Proven(bead, work, proof.commit or tip, _WORDS[proof.kind].format(base=base)))
    if known != unproven:
        _remember(town.common_dir, known)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _News:
    """What a branch got since it was looked at: commits, and the paths that they change."""

    commits: frozenset[str]
    paths: frozenset[str]

    def concerns(self, repo: Repo, record: BeadRecord) -> bool:
        """Whether this can be what brought the work in."""
        work = read.resolve(repo, record.submitted or "")
        start = read.resolve(repo, record.base or "")
        if work is None or start is None:
            return True
        own = {work, *read.commit(repo, work).parents}
        return bool(own & self.commits) or not self.paths.isdisjoint(read.changed_paths(repo, start, work))


def _news(repo: Repo, old: str, new: str) -> _News | None:
    """None where all has to be looked at: history was rewritten, or there is too much of it."""
    if old == new:
        return _News(frozenset(), frozenset())
    if read.resolve(repo, old) is None or not read.is_ancestor(repo, old, new):
        return None
    options = (f"--max-count={proofs.LIMIT}", "-m", "-z", "--name-only", "--no-renames", "--format=commit:%H")
    said = os.fsdecode(repo.git("log", *options, new, f"^{old}", "--").stdout)
    words = [word.lstrip("\n") for word in said.split("\0") if word]
    commits = {word.removeprefix("commit:") for word in words if word.startswith("commit:")}
    if len(commits) >= proofs.LIMIT:
        return None
    return _News(frozenset(commits), frozenset(word for word in words if not word.startswith("commit:")))


def _prove(repo: Repo, record: BeadRecord, tip: str) -> proofs.Proof | None:
    work = read.resolve(repo, record.submitted or "")
    if work is None:
        return None
    tried = [work]
    if closes_only(repo, work, record.id):  # who takes the code alone has taken the work
        tried.append(read.commit(repo, work).parents[0])
    for commit in tried:
        try:
            proof = proofs.merged_by(repo, tip, commit, record.base or commit)
        except GitError:
            continue  # no common history, or a git that cannot tell
        whole = proof is not None and proof.kind == "reachable" and commit == work
        if whole or (proof is not None and _says_something(repo, record, tip, commit)):
            return proof
    return None


def _says_something(repo: Repo, record: BeadRecord, tip: str, commit: str) -> bool:
    """Whether the work changes more than the bead's own file: that nothing is in a branch proves nothing."""
    start = read.resolve(repo, record.base or "") or common_base(repo, tip, commit)
    if start is None:
        return False
    return bool(set(read.changed_paths(repo, start, commit)) - set(paths_of(repo, commit, record.id)))


def decide(draft: Draft, found: Iterable[Proven]) -> None:
    """Write the event `merged` for each piece of work that is proven to be merged, once."""
    for each in found:
        record = draft.record(each.bead)
        if record.handed_in and record.submitted == each.submitted:
            facts.merged(draft, each.bead, each.commit, each.how)


def _file(common_dir: Path) -> Path:
    return local_folder(common_dir) / "unproven"


def _recall(common_dir: Path) -> dict[str, list[str]]:
    """Bead -> the commit that was handed in, and the tip in which it was not found."""
    try:
        data = json.loads(_file(common_dir).read_bytes())
    except (OSError, ValueError):
        return {}
    pairs = data.items() if isinstance(data, dict) else ()
    return {bead: pair for bead, pair in pairs if isinstance(pair, list) and len(pair) == 2}


def _remember(common_dir: Path, known: dict[str, list[str]]) -> None:
    try:
        write_atomically(_file(common_dir), json.dumps(known).encode())
    except OSError:
        return  # it is only looked at again sooner
