"""`sync`: this clone's ledger and a remote's become one, going forward only (SPEC 7).

What was pushed first stands. Where both went on, what happened here is done again on top of what the remote has (see
`replaying`); the new chain is pushed before the branch here moves, so nothing is given up that is not accepted there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import rewound, seen
from gitconvoy.engine import settings as settings_
from gitconvoy.engine.attempts import ending
from gitconvoy.engine.handin.branch import common_base
from gitconvoy.engine.settings import HEADS, LOCAL
from gitconvoy.engine.sync import losing
from gitconvoy.engine.sync.losing import Lost
from gitconvoy.engine.sync.replaying import Replay, replay, write
from gitconvoy.engine.town import Town
from gitconvoy.errors import BadFiles, LostRace, NotFound, Refused
from gitconvoy.git import commits, refs, remotes
from gitconvoy.git import write as gitwrite
from gitconvoy.git.remotes import Line
from gitconvoy.ledger import chain
from gitconvoy.ledger.read import REF, read_ledger
from gitconvoy.model.ledger import Event

TRIES = 5
"""How often a push that somebody else was faster than is decided anew."""
LEDGER = REF.removeprefix(HEADS)
KEPT = "refs/gitconvoy/kept/convoy-ledger-"
NONE, EQUAL, AHEAD, BEHIND, DIVERGED = "none", "equal", "ahead", "behind", "diverged"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where both ledgers stand: their tips (None: there is none), and how many commits each has for itself."""

    own: str | None
    theirs: str | None
    state: str
    ahead: int = 0
    behind: int = 0
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Synced:
    """What came of it. `before`: as both stood when they were fetched last; `tip`: the branch here after it."""

    remote: str
    fetched: Mapping[str, str]
    before: Standing
    tip: str | None
    pushed: bool
    moved: bool
    """Whether the branch here went on."""
    replay: Replay | None = None
    kept_as: str | None = None
    """The ref under which the old chain can be found."""
    lost: tuple[Lost, ...] = ()
    """Attempts of this machine that the ledger does not know any more."""


def ahead_of_clock(town: Town, found: Synced) -> int:
    """Seconds that the newest event, here or there, lies ahead of this machine's clock; 0 where it lies behind."""
    tips = {tip for tip in (found.tip, found.before.theirs) if tip is not None}
    newest = max((commits.commit(town.repo, tip).time for tip in tips), default=0)
    return max(newest - int(time.time()), 0)


def remote_of(town: Town, name: str | None) -> str:
    """The remote that is meant: by name, else the trunk's own, else `origin`, else the only one there is.

    NotFound; Refused (`no-remote`) where there is none, or nothing says which: a ledger is pushed nowhere by guess.
    """
    known = [each for each in settings_.remotes(town.repo) if not each.startswith("-")]  # git takes those for options
    if name is None:
        usual = [each for each in (town.own_remote(), "origin") if each in known] or known
        if not usual:
            raise Refused("there is no remote", hint="git remote add origin URL names one", code="no-remote")
        if "origin" not in known and len(usual) > 1:
            hint = f"gitconvoy sync NAME; git config branch.{town.trunk_branch()}.remote NAME settles it"
            raise Refused(f"there are several remotes: {', '.join(known)}", hint=hint, code="no-remote")
        name = usual[0]
    if name not in known:
        listed = f"known are {', '.join(known)}" if known else "there is none: git remote add origin URL names one"
        raise NotFound(f"there is no remote {name!r}", hint=listed)
    return name


def sync(town: Town, line: Line, *, preview: bool = False) -> Synced:
    """Fetch trunk and ledger of a remote, and bring the two ledgers together as far as this clone's role allows.

    Raises GitError (`remote`, `time-limit`), Refused (`ledgers-unrelated`, `ledger-rewound`, `push-refused`), BadFiles
    for a damaged ledger, LostRace where others were faster each time. What was not accepted there changes nothing here.
    """
    for _ in range(TRIES):
        fetched = remotes.fetch(town.repo, line, (LEDGER, town.trunk_branch()))
        standing = compare(town, fetched.get(LEDGER), line.remote)
        same = Synced(line.remote, fetched, standing, standing.own, pushed=False, moved=False)
        found = _carry_out(town, line, same, preview=preview)
        if found is not None:
            return found
    raise LostRace(
        f"{line.remote} or this clone has moved on each of {TRIES} times before the two could be brought together",
        hint="try again in a moment",
    )


def compare(town: Town, theirs: str | None, remote: str) -> Standing:
    """How the ledger here stands to another tip. Refused (`ledgers-unrelated`) where they never were one."""
    own = refs.ref(town.repo, REF)
    if own is None or theirs is None:
        state = NONE if own is theirs else AHEAD if theirs is None else BEHIND
        return Standing(own, theirs, state)
    if own == theirs:
        return Standing(own, theirs, EQUAL, base=own)
    base = common_base(town.repo, own, theirs)
    if base is None:
        raise _unrelated(town, own, theirs, remote)
    ahead, behind = count(town, base, own), count(town, base, theirs)
    state = DIVERGED if ahead and behind else AHEAD if ahead else BEHIND
    return Standing(own, theirs, state, ahead, behind, base)


def count(town: Town, old: str, new: str) -> int:
    """How many commits `new` holds that `old` does not."""
    return int(town.repo.git("rev-list", "--count", new, f"^{old}", "--").text)


def _unrelated(town: Town, own: str, theirs: str, remote: str) -> Refused:
    if (town.common_dir / "shallow").exists():
        hint = f"this clone is shallow: git fetch --unshallow {remote} {LEDGER} brings the rest, then try again"
        return Refused(f"nothing shows how the ledger here and that of {remote} belong together", hint=hint, code=CODE)
    return Refused(
        f"the ledger here ({own[:10]}) and that of {remote} ({theirs[:10]}) never were one: two towns were begun apart",
        hint=f"choose one. To go on with that of {remote}: {'; '.join(rewound.keeping(own))}; git branch -D {LEDGER}; "
        f"gitconvoy doctor --accept-ledger; gitconvoy sync {remote}. Nothing was changed",
        code=CODE,
    )


CODE = "ledgers-unrelated"


def _carry_out(town: Town, line: Line, found: Synced, *, preview: bool) -> Synced | None:
    """One try; None where somebody else was faster."""
    standing = found.before
    if standing.theirs is not None and standing.state != EQUAL:
        _require_readable(town, standing.theirs, line.remote)
    if town.settings.role != LOCAL:
        behind = standing.state == BEHIND and standing.own is not None
        return _follow(town, found, preview=preview) if behind else found
    _require_whole(town, standing)
    step = _STEPS.get(standing.state)
    return step(town, line, found, preview) if step is not None else found


def _require_readable(town: Town, theirs: str, remote: str) -> None:
    try:
        read_ledger(town.repo, theirs)
    except BadFiles as error:
        message = f"the ledger of {remote} cannot be used: {error.message}"
        hint = f"nothing was changed here; see git log {remotes.tracking(town.repo, remote, LEDGER)}"
        raise BadFiles(message, hint=hint, code=error.code) from error


def _require_whole(town: Town, standing: Standing) -> None:
    """Refused (`ledger-rewound`) where the branch was set back, and the remote's does not hold what it forgot."""
    found = rewound.look(town)
    if found is None:
        return
    holds = standing.theirs is not None and commits.is_ancestor(town.repo, found.last, standing.theirs)
    if not (holds and standing.state == BEHIND):
        raise found.refusal()


def _ahead(town: Town, line: Line, found: Synced, preview: bool) -> Synced | None:
    own = found.before.own
    if preview or own is None:
        return found
    return replace(found, pushed=True) if remotes.push(town.repo, line, own, LEDGER) else None


def _behind(town: Town, _: Line, found: Synced, preview: bool) -> Synced | None:
    return _follow(town, found, preview=preview)


def _follow(town: Town, found: Synced, *, preview: bool) -> Synced | None:
    """Go on to where the remote's ledger ends."""
    standing = found.before
    assert standing.theirs is not None
    if preview:
        return found
    with town.exclusive():
        lost = losing.attempts(town, standing.own, standing.theirs)
        if not chain.follow(town.repo, standing.own, standing.theirs, f"gitconvoy sync: ledger of {found.remote}"):
            return None
    _end(town, lost)
    return replace(found, tip=standing.theirs, moved=True, lost=lost)


def _diverged(town: Town, line: Line, found: Synced, preview: bool) -> Synced | None:
    standing = found.before
    own, theirs, base = standing.own, standing.theirs, standing.base
    assert own is not None
    assert theirs is not None
    assert base is not None
    again = replay(town, base, own, theirs)
    if preview:
        return replace(found, replay=again)
    tip = write(town, again)
    if tip != theirs and not remotes.push(town.repo, line, tip, LEDGER):
        return None
    kept_as = f"{KEPT}{own[:10]}"
    with town.exclusive():
        if refs.ref(town.repo, kept_as) is None:
            gitwrite.swap_ref(town.repo, kept_as, None, own, "gitconvoy sync: before it was done again")
        lost = losing.attempts(town, own, tip)
        if not _move(town, own, tip):
            return None
    _end(town, lost)
    moved = replace(found, tip=tip, pushed=tip != theirs, moved=True)
    return replace(moved, replay=again, kept_as=kept_as, lost=lost)


def _move(town: Town, own: str, tip: str) -> bool:
    """Let the branch here go over to the new chain; False where it moved meanwhile.

    The note of the last look names a commit that is on neither line any more, so it is taken back first: whoever dies
    in between leaves a branch that nobody takes for a forgotten one.
    """
    note = seen.recall(town.common_dir)
    if note is not None:
        seen.remember(town.common_dir, replace(note, ledger="-", tree="?"))
    reason = "gitconvoy sync: done again on top of the remote's"
    there = refs.ref(town.repo, REF) == tip  # where a mirror's refspec leads to this branch, git's push has moved it
    moved = there or gitwrite.swap_ref(town.repo, REF, own, tip, reason)
    if note is not None:
        seen.remember(town.common_dir, replace(note, ledger=tip, tree="?") if moved else note)
    return moved


def _end(town: Town, lost: tuple[Lost, ...]) -> None:
    """Supervisors see that their attempt is over; what has none is seen to."""
    ending.leave_behind(town, (Event("unsling", bead=each.bead, attempt=each.attempt) for each in lost))


_STEPS: Mapping[str, Callable[[Town, Line, Synced, bool], Synced | None]] = {
    AHEAD: _ahead,
    BEHIND: _behind,
    DIVERGED: _diverged,
}
