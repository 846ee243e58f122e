"""What must hold whatever happens, looked at after each step, by other ways than gitconvoy's own where there are some.

* Nothing is dispatched before its blockers, while its convoy is not open, or while an attempt at it lives.
* A convoy completes once, and again only after it was opened again.
* The ledger only grows; `audit` finds nothing; `git fsck` finds nothing (at the end).
* What a fact says in the face of a file was decided after the file was edited last.
* Commands touch no file, no staged change and no branch of a person's; planning commands only what they say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from histories import History
from oracles import Oracle

from gitconvoy.engine import time_travel
from gitconvoy.ledger.read import REF
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.planning.planfile import stale
from gitconvoy.store import load

ENDS = frozenset({"done", "merged", "fail", "requeue", "expire", "unsling", "kill", "dispatch-failed"})
_SUBJECT = re.compile(r"convoy: (?P<event>[a-z-]+)( (?P<id>[A-Za-z0-9.-]+))?")


@dataclass
class Witness:
    """Remembers what has happened so far."""

    tip: str | None = None
    live: set[str] = field(default_factory=set)
    complete: set[str] = field(default_factory=set)
    dispatches: int = 0
    completions: int = 0

    def look(self, history: History) -> None:
        """After a step."""
        repo = history.repo
        tip = repo.git("rev-parse", "--verify", REF)
        if tip == self.tip:
            return
        new = repo.git(
            "rev-list", "--reverse", "--parents", "--format=%s", *([f"^{self.tip}"] if self.tip else []), REF
        )
        lines = new.splitlines()
        for head, subject in zip(lines[::2], lines[1::2], strict=True):
            _, commit, *parents = head.split()
            assert parents == ([self.tip] if self.tip else []), f"{commit} does not follow {self.tip}"
            self._event(history, commit, subject)
            self.tip = commit
        assert self.tip == tip

    def _event(self, history: History, commit: str, subject: str) -> None:
        found = _SUBJECT.match(subject)
        assert found is not None, subject
        event, about = found["event"], found["id"] or ""
        if event == "dispatch":
            assert about not in self.live, f"{about} is dispatched while an attempt at it lives: {commit}"
            self.live.add(about)
            self.dispatches += 1
            _rightly(history, commit, about)
        elif event in ENDS or (event == "reopen" and about in self.live):
            self.live.discard(about)
        if event in ("complete", "land"):
            assert about not in self.complete, f"{about} ends twice: {commit}"
            self.complete.add(about)
            self.completions += event == "complete"
        elif event in ("launch", "reopen"):
            self.complete.discard(about)


def _rightly(history: History, commit: str, bead_id: str) -> None:
    """A dispatch by what was known before it, judged word by word as the specification has it."""
    town = history.here.open()
    now = time_travel.state_at(town, commit)
    before = time_travel.state_at(town, f"{commit}~1")
    state = type(now)(now.plan, before.ledger, now.now, now.trunk)
    oracle = Oracle(state)
    bead = state.plan.beads[bead_id]
    assert bead_id not in oracle.closed, f"{bead_id} is closed"
    assert bead.status == "open", f"{bead_id} is {bead.status}"
    assert state.plan.config.slingable(bead.type)
    for holder, _, link in oracle.blockers(bead_id):
        assert oracle.satisfied(oracle.closed, bead_id, link), f"{bead_id} is blocked by {link.target} of {holder}"
    convoys = [each for each in state.plan.convoys.values() if bead_id in each.tracks]
    for convoy in convoys:
        record = state.ledger.convoy(convoy.id)
        fact = record.status if record.status is not None and record.file_status == convoy.status else convoy.status
        assert fact != "closed" or len(convoys) > 1, f"{convoy.id} is closed"


def facts_follow_files(history: History) -> None:
    """No fact in force was decided before a trunk commit that changed the status in the bead's file."""
    if not history.looked:
        return
    state, repo = history.here.state(), history.repo
    for bead_id, record in state.ledger.beads.items():
        bead = state.plan.beads.get(bead_id)
        if bead is None or record.status != "closed" or record.file_status != bead.status:
            continue
        trunk = _decided_on(history, record)
        if trunk is None or repo.run("merge-base", "--is-ancestor", trunk, "main").returncode:
            continue  # amended or thrown away: only the tip is compared then
        path = bead.path
        changes = repo.git("log", "--first-parent", "-m", "--format=", "-U0", f"{trunk}..main", "--", path)
        said = [line for line in changes.splitlines() if re.match(r"[+-]status:", line)]
        assert not said, f"{bead_id}: a fact of before {said}"


def _decided_on(history: History, record: BeadRecord) -> str | None:
    """The trunk commit on which the event that closed a bead was decided."""
    trailer = "%(trailers:key=Convoy-Trunk,valueonly,separator=)"
    listed = history.repo.git("log", f"--format=%s%x00{trailer}", REF)
    for line in listed.splitlines():
        subject, _, trunk = line.partition("\0")
        found = _SUBJECT.match(subject)
        if found is not None and found["id"] == record.id and found["event"] in {"done", "merged", "fail", "close"}:
            return trunk or None
    return None


@dataclass(frozen=True)
class Belongings:
    """What is a person's: branches, staged changes, files, what `git status` says."""

    refs: dict[str, str]
    staged: dict[str, str]
    files: dict[str, bytes]
    status: tuple[str, ...]

    @classmethod
    def of(cls, history: History) -> Belongings:
        """As they are now."""
        repo = history.repo
        listed = repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/stash").splitlines()
        refs = dict(line.split(" ") for line in listed)
        refs.pop(REF, None)
        refs["HEAD"] = repo.git("symbolic-ref", "HEAD")
        staged = {line.split("\t")[1]: line.split("\t")[0] for line in repo.git("ls-files", "-s").splitlines()}
        files = {
            str(path.relative_to(repo.path)): path.read_bytes()
            for path in repo.path.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(repo.path).parts
        }
        return cls(refs, staged, files, tuple(repo.status()))


def untouched(before: Belongings, after: Belongings, history: History) -> None:
    """After a command: branches only grew, and what else changed is what the commits on them say."""
    repo = history.repo
    changed: set[str] = set()
    for ref, old in before.refs.items():
        new = after.refs.get(ref)
        assert new is not None, f"{ref} is gone"
        if new == old:
            continue
        assert repo.run("merge-base", "--is-ancestor", old, new).returncode == 0, f"{ref} went from {old} to {new}"
        if ref == before.refs["HEAD"]:
            changed = set(repo.git("diff", "--name-only", "--no-renames", old, new).splitlines())
    for name, one, other in (("staged", before.staged, after.staged), ("files", before.files, after.files)):
        differ = {path for path in {*one, *other} if one.get(path) != other.get(path)}
        assert differ <= changed, f"{name}: {sorted(differ - changed)}, where {sorted(changed)} were committed"
    new_lines = set(after.status) - set(before.status)
    assert not new_lines, f"git status: {sorted(new_lines)}"


def plans_are_right(history: History) -> None:
    """After a commit that the hooks made."""
    town = history.here.open()
    plan = load.from_commit(town.repo, history.repo.head())
    assert not stale(plan, town.ledger()), "the commit has stale plan files"


def whole(history: History) -> None:
    """At the end of a history."""
    assert history.here.json("audit")["findings"] == []
    fsck = history.repo.run("fsck", "--strict", "--no-dangling")
    assert fsck.returncode == 0, fsck.stderr
