"""`done`: guards, the closing commit on the worker's branch, the event; in this order, and harmless twice (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import handins
from gitconvoy.engine import facts, requests
from gitconvoy.engine.attempts.fates import explained
from gitconvoy.engine.attempts.places import base_of, base_tip
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.handin import guards
from gitconvoy.engine.handin.branch import checkouts, common_base, paths_of
from gitconvoy.engine.handin.known import taken_up, was_done
from gitconvoy.engine.handin.merging import plan_in
from gitconvoy.engine.handin.own import Own, forget_vanished, own_worktree, refuse_left_out
from gitconvoy.engine.handin.resuming import go_on
from gitconvoy.engine.handin.verify import Check, check_of, verify
from gitconvoy.engine.handin.word import refuse_code
from gitconvoy.engine.local import Local
from gitconvoy.engine.react import Outcome, transact
from gitconvoy.engine.rewound import require_writable
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, LostRace, NotFound, Refused
from gitconvoy.git import admin, commits, merging, refs, write
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import REF
from gitconvoy.model.kinds import RECORD_BEAD
from gitconvoy.model.ledger import BeadRecord, Event
from gitconvoy.model.state import State
from gitconvoy.planning.bead_edits import close_beads
from gitconvoy.planning.desk import Desk, headline
from gitconvoy.schema import validate
from gitconvoy.store import load

_FORCED = ("--force",)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody says is done, and how."""

    bead: str
    token: str | None = None
    reason: str = ""
    no_code: bool = False
    force: bool = False
    merged: str | None = None
    """A commit that brought the work into the base branch: somebody's word for it."""
    branch: str | None = None
    """The branch of a worker that was given none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. `event` is None where it had been done before, or another process has just done it."""

    outcome: Outcome[Any]
    event: Event | None
    again: int = 0
    """The attempt that had been done before, which need not be the last one by now; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """A branch that is handed in."""

    repo: Repo
    name: str
    ref: str
    tip: str
    base: str
    """The name of its base branch."""
    base_tip: str
    fork: str
    place: Path | None
    """A worktree in which it is checked out."""
    own: Own | None
    """The worktree that the attempt was given."""

    @property
    def places(self) -> list[Path]:
        """Where something may have been left that no commit has."""
        own = self.own.path if self.own is not None and self.own.place is not None else None
        return list({admin.real(path): path for path in (self.place, own) if path is not None}.values())


def hand_in(town: Town, wish: Wish) -> Answer:
    """Say that an attempt is done. Refused, with nothing changed, where a guard says no."""
    require_writable(town)
    with explained(town, wish.bead, wish.token):
        return _hand_in(town, wish)


def _hand_in(town: Town, wish: Wish) -> Answer:
    if wish.merged is not None:
        return _plain(transact(town, lambda draft: _merged(town, draft, wish)))
    state = town.state()
    local = town.local(state.plan, state.ledger)
    record = state.ledger.bead(wish.bead)
    if was_done(town, wish.token, record):
        return Answer(transact(town, lambda _: None), None, again=record.attempt)
    requests.own_attempt(Draft(state, local, cause="command", actor=town.actor), wish.bead, wish.token)
    name = None if wish.no_code else wish.branch or record.branch
    if name is None:
        if not wish.force:
            refuse_code(town, state, local, record)
        guards.refuse_unchecked(state.plan.bead(wish.bead), wish.force)
        force = _FORCED if wish.force else ()
        return _plain(transact(town, lambda draft: requests.done(draft, wish.bead, wish.token, wish.reason, force)))
    with _told_where_it_vanishes(town, wish.bead):
        go_on(town, town.repo_of(state.plan, wish.bead), record, name)
        branch = _branch(town, state, local, record, name)
        if record.submitted == branch.tip:
            return Answer(transact(town, lambda _: None), None, again=record.attempt)
        said = _guard(town, state, wish, record, branch)
        forget_vanished(branch.repo, branch.own, branch.ref)
        note = _close(town, state, wish, record, branch, said)
        return _plain(transact(town, lambda draft: _submitted(town, draft, wish, note, branch)))


@contextmanager
def _told_where_it_vanishes(town: Town, bead: str) -> Iterator[None]:
    """What goes wrong while the rig's repository is away, as during a long check, is refused for that (`rig-away`)."""
    try:
        yield
    except (ConvoyError, OSError):
        town.repo_of(town.plan(), bead)
        raise


def _plain(outcome: Outcome[Any]) -> Answer:
    return Answer(outcome, outcome.value)


def _merged(town: Town, draft: Draft, wish: Wish) -> Event:
    """`done --merged COMMIT`: whoever merged the work says so; the branch it went into has to know the commit."""
    record = draft.record(wish.bead)
    if not record.handed_in:
        requests.own_attempt(draft, wish.bead, wish.token)
    repo = town.repo_of(draft.state.plan, wish.bead)
    commit = refs.resolve(repo, wish.merged or "")
    if commit is None:
        raise NotFound(f"there is no commit {wish.merged!r}", hint="name the commit that brought the work in")
    base = base_of(draft.state.plan, draft.local.places, wish.bead, record.convoy)
    tip = base_tip(draft.state.plan, draft.local.places, wish.bead, base)
    if not wish.force and (tip is None or not commits.is_ancestor(repo, commit, tip)):
        hint = f"fetch or pull {base} first; --force takes your word for it"
        raise Refused(f"{commit[:10]} is not in {base}", hint=hint, code="not-merged")
    reason = wish.reason or f"{town.actor} says so"
    return facts.merged(draft, wish.bead, commit, reason, _FORCED if wish.force else ())


def _branch(town: Town, state: State, local: Local, record: BeadRecord, name: str) -> _Branch:
    _refuse_bad_name(name)
    repo, ref = town.repo_of(state.plan, record.id), HEADS + name
    tip, own = refs.ref(repo, ref), own_worktree(town, repo, record)
    if tip is None:
        other = own.branch if own is not None and own.tip is not None else None
        hint = f"--branch {other or 'NAME'} names another one, --no-code hands nothing in"
        raise Refused(f"there is no branch {name}", hint=hint, code="no-branch")
    base = base_of(state.plan, local.places, record.id, record.convoy)
    stands_on = base_tip(state.plan, local.places, record.id, base)
    if stands_on is None:
        raise Refused(f"the base branch {base} does not exist", hint="make or fetch it", code="base-branch")
    if ref == REF or name == base:
        raise Refused(
            f"{name} is no worker's branch: {'the base branch itself' if name == base else 'the ledger'}",
            hint="what is committed there already needs no merging: --no-code",
            code="bad-branch",
        )
    holder = _holder(state, local, record.id, name)
    if holder is not None:
        raise Refused(f"{name} is the branch of {holder}", hint="name your own branch", code="bad-branch")
    fork = common_base(repo, stands_on, tip)
    if fork is None:
        raise Refused(f"{name} and {base} have no commit in common", hint=f"start from {base}", code="unrelated")
    places = checkouts(repo, ref)
    return _Branch(repo, name, ref, tip, base, stands_on, fork, places[0] if places else None, own)


def _refuse_bad_name(name: str) -> None:
    """Refused where records cannot hold the name: it also becomes an argument of the check and of programs."""
    problems = [each for each in validate(RECORD_BEAD, {"branch": name}, "") if each.at == ("branch",)]
    if problems:
        raise Refused(
            f"{name!r} cannot be handed in: {problems[0].message}",
            hint="git branch -m OLD NEW renames a branch",
            code="bad-branch",
        )


def _holder(state: State, local: Local, bead: str, branch: str) -> str | None:
    """Another bead that has this branch, in the same repository."""
    here = local.places.of(state.plan, bead).root
    for each in state.ledger.beads.values():
        holds = each.branch == branch and (each.live or each.handed_in) and each.id != bead
        if holds and local.places.of(state.plan, each.id).root == here:
            return each.id
    return None


def _guard(town: Town, state: State, wish: Wish, record: BeadRecord, branch: _Branch) -> str:
    """All guards, the check last; what is to be said of it. Refused by the first that says no."""
    repo = branch.repo
    _refuse_elsewhere(wish, branch)
    guards.refuse_no_commits(repo, branch.base, branch.base_tip, branch.name, branch.tip, wish.bead)
    for place in branch.places:
        guards.refuse_unfinished(town.common_dir, place, wish.bead, record.attempt)
    guards.refuse_foreign_changes(repo, branch.fork, branch.tip, wish.bead, state.plan)
    plan = plan_in(town, repo, state, branch.tip)
    guards.refuse_unchecked(plan.bead(wish.bead) or state.plan.bead(wish.bead), wish.force)
    rig = state.plan.config.rig_of(wish.bead)
    check = check_of(town, rig.name) if rig is not None else None
    if check is None:
        return ""
    if branch.place is None:
        into = f"git checkout {branch.name} in {branch.own.path}" if branch.own and branch.own.place else ""
        hint = f"{into or f'git worktree add -f DIR {branch.name}'}, and say done again"
        raise Refused(f"{check.key} has to run, but {branch.name} is checked out nowhere", hint=hint, code="verify")
    said = verify(town, check, record, branch.name, branch.base, branch.place, state.plan.config.dispatch.lease)
    _refuse_traces(town, wish, record, branch, check)
    return said


def _refuse_elsewhere(wish: Wish, branch: _Branch) -> None:
    named = wish.branch is not None
    refuse_left_out(branch.repo, branch.own, branch.name, branch.tip, branch.base, branch.base_tip, named)


def _refuse_traces(town: Town, wish: Wish, record: BeadRecord, branch: _Branch, check: Check) -> None:
    """Look again: what the check has left behind would be in no commit, what it committed was never looked at.

    It may have taken long: the attempt may be over by now.
    """
    state = town.state()
    draft = Draft(state, town.local(state.plan, state.ledger), cause="command", actor=town.actor)
    requests.own_attempt(draft, wish.bead, wish.token)
    tip = refs.ref(branch.repo, branch.ref)
    if tip != branch.tip:
        raise Refused(
            f"the check ({check.key}), or somebody beside it, has moved {branch.name} from {branch.tip[:10]}"
            f" to {tip[:10] if tip is not None else 'nowhere'}",
            hint="look at what was committed, and say done again; a check should only look",
            code="verify",
        )
    try:
        _refuse_elsewhere(wish, replace(branch, own=own_worktree(town, branch.repo, record)))
        for place in branch.places:
            guards.refuse_unfinished(town.common_dir, place, wish.bead, record.attempt)
    except Refused as error:
        raise Refused(
            f"after the check ({check.key}) {error.message}",
            hint="a check should leave nothing behind: let it clean up, or name what it makes in .gitignore and commit",
            code="verify",
        ) from error


def _close(town: Town, state: State, wish: Wish, record: BeadRecord, branch: _Branch, said: str) -> handins.Handin:
    """The bead is closed in its file on the branch. Noted before, so that what dies in between is taken up again."""
    place = Repo.at(branch.place) if branch.place is not None else branch.repo
    commit = _closing_commit(town, place, state, wish, branch)
    reason = "\n".join(part for part in (wish.reason, said) if part)
    before = handins.read_one(town.common_dir, wish.bead)
    note = handins.Handin(
        wish.bead, record.token or "", branch.name, commit, branch.fork, reason, _FORCED if wish.force else ()
    )
    if before is not None and before.token == note.token:
        note = replace(note, told=before.told, complaint=before.complaint)
    handins.write(town.common_dir, note)
    if commit != branch.tip:
        done = merging.advance(branch.repo, branch.ref, branch.tip, commit, f"gitconvoy: close {wish.bead}")
        if isinstance(done, merging.Waiting):
            paths = f": {', '.join(done.paths)}" if done.paths else ""
            raise Refused(
                f"{wish.bead} cannot be closed on {branch.name}: {done.reason} in {done.path}{paths}",
                hint=_remedy(done.path),
                code="in-progress",
            )
    return note


def _remedy(place: Path) -> str:
    if place.is_dir():
        return "end that and say done again"
    return f"bring that folder back, or git worktree remove -f -f {place}; then say done again"


def _closing_commit(town: Town, place: Repo, state: State, wish: Wish, branch: _Branch) -> str:
    """The tip as it shall be: with the bead closed in its file, if the branch has that; the tip where it is so."""
    if not paths_of(place, branch.tip, wish.bead):
        return branch.tip
    desk = Desk(
        plan_in(town, branch.repo, state, branch.tip),
        load.commit_reader(place, branch.tip),
        state.ledger,
        state.now,
        town.actor,
    )
    changes = close_beads(desk, [wish.bead], reason=wish.reason or None)
    if not changes.files:
        return branch.tip
    about = commits.commit(place, branch.tip)
    tree = write.edit_tree(place, about.tree, dict(changes.files))
    message = headline("Close", (wish.bead,), desk.bead(wish.bead).title)
    return write.create_commit(place, tree, [branch.tip], message + "\n", max(state.now, about.time))


def _submitted(town: Town, draft: Draft, wish: Wish, note: handins.Handin, branch: _Branch) -> Event | None:
    """The event, which was decided from the note; None where another process was faster and has decided it.

    Refused where the attempt was lost or the branch moved meanwhile.
    """
    for event in draft.events:
        if event.kind == "submit" and event.token == note.token and event.bead_changes["submitted"] == note.commit:
            return event
    tip = base_tip(draft.state.plan, draft.local.places, wish.bead, branch.base)
    if taken_up(town, draft, note, branch.repo, tip):
        return None
    requests.own_attempt(draft, wish.bead, wish.token)
    raise LostRace(f"{note.branch} moved while it was handed in", hint="say done again", code="moved")
