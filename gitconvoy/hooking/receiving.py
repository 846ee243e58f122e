"""What the server's `pre-receive` hook does: it accepts a push, or refuses it and says why (SPEC 9).

Objects that are pushed lie in a quarantine, which git throws away where the push is refused. Nothing is written here,
no ref is moved, nothing that was pushed is run; what may be pushed is said by the server's own git config alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gitconvoy.audit.values import ERROR, Finding
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, ConvoyError, Exit, GitError, Problem
from gitconvoy.git import commits, config, reach, refs
from gitconvoy.git.repo import Repo
from gitconvoy.git.signatures import signatures
from gitconvoy.hooking.guarding import trunk_of
from gitconvoy.hooking.ledger_push import judge_ledger
from gitconvoy.hooking.result import HookResult
from gitconvoy.hooking.trunk_push import judge_trunk
from gitconvoy.ledger.read import REF, read_ledger
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.ledger import Ledger
from gitconvoy.store import load

_LINE = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (.+)")
_SHOWN = 20
_WARNINGS = 5
_HINTS = {
    "signature": "sign what you commit: git config commit.gpgsign true; the server's owner says which keys count",
    "time": "set the clock of the machine that wrote it right",
    "plan": "push the trunk along: git push REMOTE TRUNK convoy-ledger; an invented plan is never accepted",
    "outdated": "bring the trunk up to date where work is dispatched (git pull), before anything is",
    "cause": "push the trunk along: git push REMOTE TRUNK convoy-ledger",
}
_FORGED = (
    "nobody but gitconvoy writes this branch, and it writes no such thing; `gitconvoy audit` looks at all of your copy"
)
_LATER = frozenset({"plan", "cause", "time"})
"""What another push may mend."""
_GO_ON = (
    "to go on from what is here: git branch refused-{new} convoy-ledger; git update-ref {ref} {old}; "
    "gitconvoy doctor --accept-ledger"
)
_DELETE = "to begin anew, whoever owns this server moves it away there: git branch -m convoy-ledger NAME"
_OF_LEDGER = frozenset({"tracked-twice", "convoy-transition"})
_BEHIND = "what the ledger says counts too, and the one here may be behind yours: push both at once"
_NONE, _LEDGER, _ALL = "none", "ledger", "all"
_AGAIN = "git fetch, bring what you have on top of it, and push again"
_KEPT = "nothing was changed here; what you pushed is still in your clone"


@dataclass(frozen=True, slots=True)
class Update:
    """One ref of a push: where it stands, and where it is to stand; None: there is none."""

    ref: str
    old: str | None
    new: str | None


def updates(text: str) -> list[Update]:
    """What git tells the hook on stdin. GitError where that is something else."""
    found = []
    for line in text.removesuffix("\n").split("\n"):  # names of branches may hold what else ends lines
        match = _LINE.fullmatch(line)
        if match is None:
            raise GitError(
                f"{line[:80]!r} is not what git tells a pre-receive hook",
                hint="let git start it, which gives it `old new ref` lines",
                code="hook-input",
            )
        found.append(Update(match[3], _id(match[1]), _id(match[2])))
    return found


def _id(text: str) -> str | None:
    return text if text.strip("0") else None


def receive(repo: Repo, pushed: Sequence[Update], now: int) -> HookResult:
    """Judge a push at the time `now`: git takes or refuses it whole, so all that is wrong with it is told at once."""
    name = trunk_of(repo)
    pushed = [replace(each, ref=refs.end_of(repo, each.ref)) for each in pushed]
    trunk = next((each for each in pushed if each.ref == name), None)
    ledger = next((each for each in pushed if each.ref == refs.end_of(repo, REF) and each is not trunk), None)
    if trunk is None and ledger is None:
        return HookResult()
    stale = [verdict for each in (trunk, ledger) if each is not None and (verdict := _stale(repo, each)) is not None]
    if stale:
        return HookResult(Exit.REFUSED, lines=(*(line for each in stale for line in each.lines), f"hint: {_KEPT}"))
    load.keep_nothing(repo)
    verdicts = []
    known = refs.ref(repo, REF)
    if ledger is not None:
        here = refs.ref(repo, name) if name is not None and trunk is None else None
        tips = [each for each in ((trunk.old, trunk.new) if trunk is not None else (here,)) if each is not None]
        verdicts.append(_ledger(repo, ledger, tips, now))
        known = ledger.new if verdicts[0].accepted else known
    if trunk is not None:
        verdicts.insert(0, _trunk(repo, trunk, known, along=ledger is not None))
    lines = [line for each in verdicts for line in each.lines]
    if all(each.accepted for each in verdicts):
        return HookResult(lines=tuple(lines))
    return HookResult(Exit.REFUSED, lines=(*lines, f"hint: {_KEPT}"))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is said about one ref."""

    accepted: bool = True
    lines: tuple[str, ...] = ()


def _stale(repo: Repo, update: Update) -> _Verdict | None:
    """What git will not do after this hook is refused by it: the rest of the push may count on it (SPEC 9).

    Where the branch stands is what whoever pushes says; git compares it with the truth only afterwards.
    """
    if refs.ref(repo, update.ref) != update.old:
        return _refused(update.ref, "it moved meanwhile, or is not where the push says that it is", (), [_AGAIN])
    forced = update.old is not None and update.new is not None and not commits.is_ancestor(repo, update.old, update.new)
    if forced and update.ref != REF and config.get_bool(repo, "receive.denyNonFastForwards"):
        return _refused(update.ref, "this server takes no force pushes (receive.denyNonFastForwards)")
    return None


def _refused(ref: str, why: str, lines: Sequence[str] = (), hints: Sequence[str] = ()) -> _Verdict:
    said = (f"gitconvoy: {ref} is refused: {why}", *lines, *(f"hint: {each}" for each in dict.fromkeys(hints)))
    return _Verdict(False, said)


def _failed(ref: str, error: ConvoyError) -> _Verdict:
    if error.code == "out-of-memory":
        raise MemoryError from error  # a git process of ours has met the limit that holds for us, too
    problems = error.problems if isinstance(error, BadFiles) else ()
    return _refused(ref, error.message, _lines(problems), [error.hint] if error.hint else [])


def _trunk(repo: Repo, update: Update, ledger: str | None, *, along: bool) -> _Verdict:
    """`ledger`: where it stands after the push; `along`: it is part of the push."""
    if update.new is None:
        return _Verdict()  # git's own settings say whether branches may be deleted
    try:
        if _demanded(repo) == _ALL:
            known = [update.old] if update.old else []
            commits = [commit for commit, _ in reach.new_commits(repo, update.new, known)]
            unsigned = [each for each in signatures(repo, commits) if not each.good]
            if unsigned:
                lines = [f"{each.commit[:10]}: {each.words} [signature]" for each in unsigned]
                return _refused(
                    update.ref,
                    _counted(len(unsigned), "commit without a good signature"),
                    _cut(lines),
                    [_HINTS["signature"]],
                )
        problems = judge_trunk(repo, update.old, update.new, _known(repo, ledger))
    except ConvoyError as error:
        return _failed(update.ref, error)
    errors = [each for each in problems if each.severity == ERROR]
    if not errors:
        return _Verdict(lines=(*_lines(problems[:_WARNINGS]), *_rest(len(problems), _WARNINGS)))
    hints = [] if along or not _OF_LEDGER.intersection(each.code for each in errors) else [_BEHIND]
    return _refused(
        update.ref, f"{_counted(len(errors), 'error')} that this push brings to {ROOT}/", _lines(errors), hints
    )


def _ledger(repo: Repo, update: Update, trunks: Sequence[str], now: int) -> _Verdict:
    """`trunks`: the trunk's tips before and after the push."""
    if update.new is None:
        return _refused(update.ref, "the ledger is what happened, and is never deleted", (), [_DELETE])
    try:
        signed = _demanded(repo) != _NONE
        judged = judge_ledger(repo, update.old, update.new, trunks=trunks, now=now, signed=signed)
    except ConvoyError as error:
        if update.old is not None and isinstance(error, BadFiles) and _known(repo, update.old) is None:
            error.message = f"it cannot be told what follows the one that stands here: {error.message}"
            error.hint = f"whoever owns this server has to mend it there: {error.hint}"
        return _failed(update.ref, error)
    warnings = [_line(each) for each in judged.findings if each.severity != ERROR]
    if not judged.errors:
        return _Verdict(lines=tuple(_cut(warnings, _WARNINGS)))
    why = f"{_counted(len(judged.errors), 'error')} in {_counted(judged.commits, 'new commit')}"
    hints = [_HINTS.get(each.rule, _FORGED) for each in judged.errors]
    if update.old is not None and any(each.rule not in _LATER for each in judged.errors):
        hints.append(_GO_ON.format(ref=REF, old=update.old, new=update.new[:10]))
    return _refused(update.ref, why, _cut([_line(each) for each in judged.errors]), hints)


def _demanded(repo: Repo) -> str:
    """Which commits have to be signed, as the server's own config says."""
    value = (config.get(repo, "gitconvoy.requireSigned") or _NONE).lower()
    if value in (_ALL, _LEDGER, _NONE):
        return value
    return _LEDGER if config.get_bool(repo, "gitconvoy.requireSigned") else _NONE


def _known(repo: Repo, tip: str | None) -> Ledger | None:
    """The ledger; None where there is none at hand, or where it cannot be read."""
    try:
        return read_ledger(repo, tip) if tip is not None else None
    except BadFiles:
        return None


def _line(finding: Finding) -> str:
    about = f" ({', '.join(finding.ids)})" if finding.ids else ""
    severity = "" if finding.severity == ERROR else f"{finding.severity}: "
    return f"{finding.commit[:10]} {finding.event or 'no event'}: {severity}{finding.message}{about} [{finding.rule}]"


def _lines(problems: Sequence[Problem]) -> list[str]:
    """`path:line:column: message`, and below each what to do."""
    lines = []
    for each in problems[:_SHOWN]:
        lines.append(each.text().replace(": error: ", ": ", 1))
        lines += [f"  hint: {each.hint}"] if each.hint else []
    return lines + _rest(len(problems), _SHOWN)


def _cut(lines: Sequence[str], limit: int = _SHOWN) -> list[str]:
    return [*lines[:limit], *_rest(len(lines), limit)]


def _rest(count: int, limit: int) -> list[str]:
    return [f"... and {count - limit} more"] if count > limit else []


def _counted(count: int, what: str) -> str:
    first, _, rest = what.partition(" ")
    plural = "" if count == 1 else "s"
    if rest.startswith("commit"):
        return f"{count} {first} commit{plural}"
    return f"{count} {first}{plural}{' ' + rest if rest else ''}"
