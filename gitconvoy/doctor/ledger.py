"""The ledger branch: there, readable, where it should be, and at one with the remotes' (SPEC 1, 7)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial

from gitconvoy.doctor.findings import ERROR, NOTE, WARNING, Finding
from gitconvoy.doctor.scene import OutOfReach, Scene, Trouble
from gitconvoy.engine import rewound, settings
from gitconvoy.engine.settings import LOCAL
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, UnsupportedRepository
from gitconvoy.git import commits, personal, refs
from gitconvoy.ledger.codec import parse_message
from gitconvoy.ledger.read import REF, last_event

BRANCH = REF.removeprefix(settings.HEADS)


def readable(scene: Scene) -> Iterator[Finding]:
    """Is there a ledger, and can it be read?"""
    town = scene.town()
    error = scene.ledger_trouble()
    if error is not None:
        hint = getattr(error, "hint", "")
        yield Finding(
            "ledger",
            BRANCH,
            ERROR,
            str(error),
            "a ledger that can be read, in which each commit is an event of gitconvoy",
            hint or "nothing can be decided on what cannot be read",
            _remedy(town, error),
        )
    elif refs.ref(town.repo, REF) is None and rewound.look(town) is None:
        yield from _missing(town, exists=scene.plan_trouble() is None and scene.plan().exists)


def _remedy(town: Town, error: Trouble) -> tuple[str, ...]:
    """What helps with a ledger that cannot be read: commits of a person that stand on top of it are kept elsewhere."""
    if isinstance(error, UnsupportedRepository):
        return ("git fetch --refetch --no-filter",)
    look = "git log --stat convoy-ledger"
    try:
        tip = refs.ref(town.repo, REF)
    except ConvoyError:
        folder = town.repo.common_dir
        words = ("mv", str(folder / REF), str(folder / f"{BRANCH}.damaged"))
        return (shlex.join(words), "gitconvoy doctor --fix")
    try:
        if tip is None or parse_message(commits.commit(town.repo, tip).message) is not None:
            return (look,)
        good = last_event(town.repo, tip)
    except ConvoyError:  # commits are missing
        return ("git fsck --connectivity-only", "git fetch origin convoy-ledger")
    return (look, *rewound.keeping(tip), f"git update-ref --no-deref {REF} {good}") if good else (look,)


def _missing(town: Town, *, exists: bool) -> Iterator[Finding]:
    tip, local = town.remote_ledger(), town.settings.role == LOCAL
    if tip is not None:
        yield Finding(
            "ledger",
            BRANCH,
            NOTE,
            f"there is only a remote's, at {tip[:10]}",
            "the clone that dispatches has one of its own" if local else "nothing: this is only good to know",
            "the next command that writes goes on from there" if local else "what is shown is as of the last fetch",
            ("gitconvoy scan",) if local else ("git fetch",),
        )
    elif exists and not local:  # where it is local, the first command that writes begins one
        yield Finding(
            "ledger",
            BRANCH,
            NOTE,
            "there is none, here or on a remote",
            "the ledger of the clone that dispatches, fetched",
            "nothing is known here of what was dispatched",
            (f"git fetch origin {BRANCH}",),
        )


def whole(scene: Scene) -> Iterator[Finding]:
    """Does the branch hold what was last decided here?"""
    town = scene.town()
    found = rewound.look(town)
    if found is None:
        return
    yield Finding(
        "rewound",
        BRANCH,
        ERROR,
        found.said,
        "the branch only ever grows",
        "attempts that it does not know any more may still run, and would be dispatched twice; nothing is written "
        "until it is put back, or accepted as it is",
        found.commands,
        partial(rewound.put_back, town) if found.mendable else None,
    )


def in_the_way(scene: Scene) -> Iterator[Finding]:
    """Can the branch be made where it is not there?"""
    town = scene.town()
    for name in sorted(refs.refs(town.repo, f"{REF}/")):
        branch = name.removeprefix(settings.HEADS)
        spare = shlex.quote(branch.replace("/", "-", 1))
        yield Finding(
            "in-the-way",
            branch,
            ERROR,
            f"there is a branch {branch}",
            f"no branch is named like one below {BRANCH}",
            f"git holds no branch {BRANCH} beside it, so nothing can be recorded",
            (f"git branch -m {shlex.quote(branch)} {spare}",),
        )


def checked_out(scene: Scene) -> Iterator[Finding]:
    """Has somebody checked the branch out?"""
    town = scene.town()
    for each in personal.worktrees(town.repo):
        if each.branch == REF:
            place = shlex.quote(str(each.path))
            yield Finding(
                "checked-out",
                str(each.path),
                ERROR,
                f"{BRANCH} is checked out there",
                "nobody checks it out",
                "the branch moves on beneath that worktree: a commit there takes back what was dispatched",
                (f"git -C {place} switch {shlex.quote(town.trunk_branch())}",),
            )


def remotes(scene: Scene) -> Iterator[Finding]:
    """Is it at one with the ledgers that remotes were last seen to have?"""
    town = scene.town()
    try:
        own = refs.ref(town.repo, REF)
    except ConvoyError as error:
        raise OutOfReach from error
    for remote in settings.remotes(town.repo) if own is not None else ():
        theirs = refs.ref(town.repo, f"refs/remotes/{remote}/{BRANCH}")
        if own is None or theirs is None or theirs == own:
            continue
        mine, other = (_count(town, theirs, own), _count(town, own, theirs))
        yield _compared(town, remote, own, mine, other)


def _count(town: Town, old: str, new: str) -> int:
    return int(town.repo.git("rev-list", "--count", new, f"^{old}", "--").text)


def _compared(town: Town, remote: str, own: str, mine: int, other: int) -> Finding:
    name, local = shlex.quote(remote), town.settings.role == LOCAL
    subject, together = f"{remote}/{BRANCH}", f"gitconvoy sync {name}"
    if mine and other:
        return _diverged(subject, own, f"{_commits(mine)} only here, {_commits(other)} only there", together, local)
    if other:
        return Finding(
            "remote-ledger",
            subject,
            WARNING,
            f"it is {_commits(other)} ahead of the branch here",
            "nobody but the clone that dispatches moves it" if local else "the branch here is as new as the remote's",
            "somebody else writes the ledger, too" if local else "what is shown here is old",
            (together,),
        )
    return Finding(
        "remote-ledger",
        subject,
        NOTE,
        f"it is {_commits(mine)} behind the branch here",
        "others see what happens here",
        "the ledger is pushed by whoever wants to share it: gitconvoy sync does",
        (together,) if local else (f"git push {name} {BRANCH}",),
    )


def _diverged(subject: str, own: str, counts: str, together: str, local: bool) -> Finding:
    look = f"git log --oneline --left-right {BRANCH}...{subject}"
    why = "this clone writes no ledger, and what is shown is its own: let the branch go where the other is"
    commands = (look, *rewound.keeping(own), f"git update-ref --no-deref {REF} refs/remotes/{subject}")
    if local:
        why = (
            "two clones dispatch, or one of the branches was rewritten: beads may have been dispatched twice. What "
            "happened here can be done again on top of the other, as far as it holds; in all clones but one, "
            "gitconvoy.dispatch is off"
        )
        commands = (look, together)
    observed = f"the two have diverged: {counts}"
    return Finding("remote-ledger", subject, ERROR, observed, "one ledger, in one line", why, commands)


def _commits(count: int) -> str:
    return "1 commit" if count == 1 else f"{count} commits"
