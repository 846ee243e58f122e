"""A ledger branch that is not where this machine last left it: deleted, set back, or replaced (SPEC 1, 7).

Attempts that such a ledger does not know any more may still run, so whoever went on from it would dispatch twice. The
note of the last look (`seen`) names the last commit that was decided on; the branch has to hold it. Until it does, or a
person says that the branch is right as it is, nothing is written.
"""

from __future__ import annotations

from dataclasses import replace

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import seen
from gitconvoy.engine.settings import LOCAL, require_role
from gitconvoy.engine.town import Town
from gitconvoy.errors import GitError, Refused
from gitconvoy.git import commits, refs
from gitconvoy.ledger.read import REF

GONE, BACK, REPLACED = "is gone", "was set back", "was replaced"
ACCEPT = "gitconvoy doctor --accept-ledger"
CODE = "ledger-rewound"


@dataclass(frozen=True, slots=True)
class Rewound:
    """What the matter is: `last` is the commit that the branch should hold, `tip` what it holds (None: no branch)."""

    how: str
    last: str
    tip: str | None
    kept: bool
    """Whether `last` is still in this repository, so that the branch can be put back to it."""

    @property
    def mendable(self) -> bool:
        """Whether putting the branch back loses nothing."""
        return self.kept and self.how != REPLACED

    @property
    def said(self) -> str:
        """One sentence on it."""
        now = f" and is now at {self.tip[:10]}" if self.tip else ""
        return f"the branch convoy-ledger {self.how}: it held {self.last[:10]}{now}"

    @property
    def commands(self) -> tuple[str, ...]:
        """What a person may run, the safest first."""
        if self.mendable:
            return ("gitconvoy doctor --fix", ACCEPT)
        if self.kept:
            return (*keeping(self.tip), f"git update-ref --no-deref {REF} {self.last}", ACCEPT)
        return ("git fetch --all", "gitconvoy doctor --fix", ACCEPT)

    def refusal(self) -> Refused:
        """The error for commands that would write the ledger."""
        first = "; ".join(self.commands[:-1])
        hint = f"{first}; or, if it is right as it stands: {ACCEPT} (attempts that still run may be dispatched again)"
        return Refused(self.said, hint=hint, code=CODE)


def keeping(tip: str | None) -> tuple[str, ...]:
    """The command that keeps what a ledger branch holds before it is moved elsewhere."""
    return (f"git branch convoy-ledger-{tip[:10]} {tip}",) if tip is not None else ()


def look(town: Town) -> Rewound | None:
    """What is wrong with where the ledger branch stands; None where it holds what was last decided here.

    Without a branch of its own, a clone goes on from the remote-tracking one, which then has to hold it.
    """
    if town.settings.role != LOCAL:
        return None  # it follows whatever it fetches
    note = seen.recall(town.common_dir)  # read before the branch: it is written after that has moved
    if note is None or note.ledger == "-":
        return None
    own = refs.ref(town.repo, REF)
    tip = own if own is not None else town.remote_ledger()
    if tip == note.ledger:
        return None
    kept = _has(town, note.ledger)
    if tip is None:
        return Rewound(GONE, note.ledger, None, kept)
    if kept and commits.is_ancestor(town.repo, note.ledger, tip):
        return None
    if kept and commits.is_ancestor(town.repo, tip, note.ledger):
        return Rewound(GONE if own is None else BACK, note.ledger, own, kept)
    return Rewound(GONE if own is None else REPLACED, note.ledger, own, kept)


def require_writable(town: Town) -> None:
    """Refused (`role`, `ledger-rewound`) where this clone writes no ledger, or not on top of this one."""
    require_role(town.settings)
    require_whole(town)


def require_whole(town: Town) -> None:
    """Refused (`ledger-rewound`) where the branch does not hold what was last decided here."""
    found = look(town)
    if found is not None:
        raise found.refusal()


def put_back(town: Town) -> None:
    """Set the branch to the last commit that was decided on here. Refused where that would lose something."""
    from gitconvoy.git import write  # every look at a town comes by here, and none of them writes

    with town.exclusive():
        found = look(town)
        if found is None:
            return
        if not found.mendable or not write.swap_ref(town.repo, REF, found.tip, found.last, "convoy: put back"):
            raise found.refusal()


def accept(town: Town) -> Rewound | None:
    """Go on from where the branch stands; what it was taken for before, None where nothing was wrong.

    BadFiles, GitError where it cannot be read: then nobody could go on from it.
    """
    with town.exclusive():
        town.ledger()
        found, note = look(town), seen.recall(town.common_dir)
        if found is not None and note is not None:
            seen.remember(town.common_dir, replace(note, ledger=found.tip or "-", tree="?"))
        return found


def _has(town: Town, commit: str) -> bool:
    try:
        commits.commit(town.repo, commit)
    except GitError:
        return False
    return True
