"""What each hook says to whoever runs git, and how it ends: of itself, of errors, of bugs (SPEC 6, 9).

Nothing here needs click: hooks that react run at each commit of work, and without it they begin sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitconvoy.cli.output import note, open_streams, safe_line
from gitconvoy.errors import ConvoyError, Exit, GitError, Refused, fault_of, told

if TYPE_CHECKING:
    from gitconvoy.hooking.result import HookResult


def run(start: Path, actor: str | None, name: str, arguments: Sequence[str]) -> int:
    """Do what the hook `name` does, and tell of it; returns the exit code for git."""
    if name == "pre-receive":
        return _receive(start)
    if name.startswith("post-"):
        return _after_the_fact(start, actor, name, arguments)
    return _before(start, actor, name, arguments)


def react(name: str, arguments: Sequence[str]) -> int:
    """A hook that comes after the fact, as a whole process does it: where git started it. No failure but by ^C."""
    open_streams()
    try:
        return _after_the_fact(Path(), None, name, arguments)
    except KeyboardInterrupt:
        note("interrupted")
        return Exit.INTERRUPTED


def _before(start: Path, actor: str | None, name: str, arguments: Sequence[str]) -> int:
    """What cannot be checked is not let through; but the person is told how to go on without the check.

    A bug is told by `main`, with the same words.
    """
    without = f"`git {'merge' if 'merge' in name else 'commit'} --no-verify` leaves .convoy/ unchecked"
    try:
        return _run(start, actor, name, arguments)
    except GitError as error:
        error.hint = f"{error.hint}; {without}" if error.hint else without
        raise
    except OSError as error:
        fault = fault_of(error)
        hint = f"{fault.hint if fault else 'mend the cause and try again'}; {without}"
        raise Refused(told(error), hint=hint, code=fault.code if fault else "system") from error


def _receive(start: Path) -> int:
    """On a server: what cannot be looked at is not accepted, and the words go to whoever pushed."""
    import sys
    import time

    from gitconvoy.git.repo import Repo
    from gitconvoy.hooking.limits import limited
    from gitconvoy.hooking.receiving import receive, updates

    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    try:
        repo = Repo.discover(start).unreplaced()
        with limited(repo):
            result = receive(repo, updates(text), int(time.time()))
    except ConvoyError as error:
        note(f"gitconvoy: the push is refused, as it cannot be checked: {error.message}")
        note(f"hint: {error.hint or 'tell whoever owns this server'}")
        return Exit.REFUSED
    except Exception as error:  # noqa: BLE001 - a traceback is nothing for whoever pushed; the server keeps it
        from gitconvoy.cli import bugs

        file = bugs.note_bug(["hook-run", "pre-receive"], bugs.trace())
        note(f"gitconvoy: the push is refused, as its check met a bug ({type(error).__name__})")
        where = f"{file} there says more" if file is not None else bugs.trace()
        note(f"hint: tell whoever owns this server; {where}")
        return Exit.BUG
    _print(result)
    return result.code


def _run(start: Path, actor: str | None, name: str, arguments: Sequence[str]) -> int:
    from gitconvoy.engine.town import Town
    from gitconvoy.hooking.hook_impl import run_hook

    result = run_hook(Town.open(start.absolute(), actor), name, arguments)
    _print(result)
    return result.code


def _after_the_fact(start: Path, actor: str | None, name: str, arguments: Sequence[str]) -> int:
    """The commit is made, the branch has moved: nothing here may look like a failure of that."""
    try:
        _run(start, actor, name, arguments)
    except ConvoyError as error:
        note(f"gitconvoy: {error.message}")
        if error.hint:
            note(f"hint: {error.hint}")
    except OSError as error:
        later = f"`gitconvoy scan` does later what the {name} hook could not"
        note(f"gitconvoy: {told(error)}; your commit is safe, and {later}")
    except Exception as error:  # noqa: BLE001 - a bug here must not disturb git; it is noted, and `scan` meets it again
        from gitconvoy.cli import bugs

        file = bugs.note_bug(["hook-run", name], bugs.trace())
        where = f", noted in {file}" if file is not None else ""
        what = f"the {name} hook met a bug ({type(error).__name__}: {bugs.scrubbed(str(error))}){where}"
        note(f"gitconvoy: {what}; your commit is safe: run `gitconvoy scan`, which does what the hook would have done")
    return Exit.OK


def _print(result: HookResult) -> None:
    for problem in result.problems:
        note(_place(problem.text(), problem.severity))
        if problem.hint:
            note(f"  hint: {problem.hint}")
    for line in result.lines:
        note(safe_line(line))


def _place(text: str, severity: str) -> str:
    """`path:line:column: message`, as SPEC 6 has it: what is not marked as a warning is an error."""
    return text.replace(": error: ", ": ", 1) if severity == "error" else text
