"""`gitconvoy hooks`: install, prove and remove the git hooks (SPEC 6)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, safe_line, say, table
from gitconvoy.errors import Exit, UsageError

if TYPE_CHECKING:
    from gitconvoy.hooking.drivers import DriverState
    from gitconvoy.hooking.guarding import Guard
    from gitconvoy.hooking.install import HookChange
    from gitconvoy.hooking.rigs import RigHooks, RigStatus
    from gitconvoy.hooking.status import HookStatus


@click.group("hooks", context_settings={"help_option_names": ["-h", "--help"]})
def hooks() -> None:
    """The git hooks: they check commits of .convoy/ and react to what lands on the trunk.

    Everything works without them too, only later: commands and `scan` do what a hook would have done.
    """


_server_option = click.option("--server", is_flag=True, help="The hook of a server, in the repository it pushes to.")


@command(
    "install", "gitconvoy hooks install\ngitconvoy hooks install --rigs\ngitconvoy -C town.git hooks install --server"
)
@click.option("--rigs", is_flag=True, help="Also in the repositories that rigs have of their own.")
@_server_option
@click.option(
    "--trunk", metavar="BRANCH", help="With --server: the branch that holds the plan (git config gitconvoy.trunk)."
)
@click.option(
    "--print", "shown", is_flag=True, help="With --server: print the hook, for a forge that keeps hooks elsewhere."
)
def install(app: App, rigs: bool, server: bool, trunk: str | None, shown: bool) -> int:
    """Install the hooks and merge drivers; what is somebody else's is left alone, and what to add there is shown.

    With --rigs also in the repository of each rig that git config names (gitconvoy.rig.NAME.path), so that what
    happens there wakes this town. With --server instead the one hook of a bare repository that others push to,
    which refuses pushes of a broken plan or of a ledger against the rules. It guards the branch that --trunk names,
    else the one that git config or HEAD names, or the only one that holds a plan.
    """
    from gitconvoy.git.repo import Repo
    from gitconvoy.hooking import drivers, guarding
    from gitconvoy.hooking import install as installer

    _require_fitting(rigs, server, shown, trunk)
    if shown:
        return _print_hook(app)
    repo = Repo.discover(app.directory)
    changes = (
        installer.install_server(repo, sys.executable, trunk) if server else installer.install(repo, sys.executable)
    )
    guard = guarding.guard(repo) if server else None
    there = _install_rigs(app) if rigs else ()
    states = [] if server else drivers.status(repo)
    data: dict[str, Any] = {"hooks": [_change(each) for each in changes], "drivers": [_driver(each) for each in states]}
    if rigs:
        data["rigs"] = [_rig(each) for each in there]
    data |= _guarded(guard)
    emit(app, data, lambda: _tell_all(changes, there, states, guard))
    complete = all(each.action != "left" for each in changes) and all(each.complete for each in there)
    return Exit.OK if complete else Exit.PARTLY


def _require_fitting(rigs: bool, server: bool, shown: bool = False, trunk: str | None = None) -> None:
    if server and rigs:
        raise UsageError("--server and --rigs are about different repositories", hint="give one of them", code="usage")
    if shown and not server:
        raise UsageError("--print goes with --server", hint="gitconvoy hooks install --server --print", code="usage")
    if trunk is not None and (shown or not server):
        hint = "at a desk: git config gitconvoy.trunk BRANCH"
        raise UsageError("--trunk goes with --server, and without --print", hint=hint, code="usage")


def _print_hook(app: App) -> int:
    from gitconvoy.hooking.layout import RECEIVING
    from gitconvoy.resources import hook_text

    (name,) = RECEIVING
    text = hook_text(name)
    emit(app, {"name": name, "text": text}, lambda: say(text.rstrip("\n")))
    return Exit.OK


def _install_rigs(app: App) -> tuple[RigHooks, ...]:
    from gitconvoy.hooking.rigs import install_rigs

    return install_rigs(app.town(), sys.executable)


def _rig(each: RigHooks) -> dict[str, Any]:
    hooks = [_change(change) for change in each.changes]
    return {"rig": each.rig, "path": str(each.path), "hooks": hooks, "trouble": each.trouble, "kept": each.kept}


def _tell_all(
    changes: tuple[HookChange, ...],
    there: tuple[RigHooks, ...],
    states: Sequence[DriverState] = (),
    guard: Guard | None = None,
) -> None:
    _tell_changes(changes)
    _tell_drivers(states)
    _tell_guard(guard)
    for each in there:
        say("")
        say(f"rig {each.rig}, {each.path}:")
        if each.trouble:
            note(f"nothing was done there: {each.trouble}")
        elif each.kept:
            say(each.kept)
        else:
            _tell_changes(each.changes)


@command("uninstall", "gitconvoy hooks uninstall\ngitconvoy hooks uninstall --rigs")
@click.option("--rigs", is_flag=True, help="Also in the repositories that rigs have of their own.")
@_server_option
def uninstall(app: App, rigs: bool, server: bool) -> int:
    """Take our part out of every hook again, and the merge drivers; all else stays.

    With --rigs also in the repository of each rig, unless somebody else needs it there; it wakes this town no more.
    With --server instead out of the hook of a server.
    """
    from gitconvoy.git.repo import Repo
    from gitconvoy.hooking import install as installer
    from gitconvoy.hooking.rigs import uninstall_rigs

    _require_fitting(rigs, server)
    changes = (installer.uninstall_server if server else installer.uninstall)(Repo.discover(app.directory))
    there = uninstall_rigs(app.town()) if rigs else ()
    data: dict[str, Any] = {"hooks": [_change(each) for each in changes]}
    if rigs:
        data["rigs"] = [_rig(each) for each in there]
    emit(app, data, lambda: _tell_all(changes, there))
    complete = all(each.action != "left" for each in changes) and all(each.complete for each in there)
    return Exit.OK if complete else Exit.PARTLY


def _guarded(guard: Guard | None) -> dict[str, Any]:
    if guard is None:
        return {}
    shown = {"trunk": guard.trunk, "pinned": guard.pinned, "exists": guard.exists, "candidates": list(guard.candidates)}
    return {"guards": shown}


def _tell_guard(guard: Guard | None) -> None:
    """What is guarded on a server, and what is wrong with that."""
    if guard is None:
        return
    say("")
    if not guard.trouble:
        by = "gitconvoy.trunk" if guard.pinned else "HEAD"
        say(f"guards {safe_line((guard.trunk or '').removeprefix('refs/heads/'))} (named by {by}) and convoy-ledger")
        return
    say("guards convoy-ledger")
    note(f"warning: {safe_line(guard.trouble)}")
    note(f"hint: {safe_line(guard.remedy)}")


def _change(each: HookChange) -> dict[str, Any]:
    return {
        "name": each.name,
        "path": str(each.path),
        "action": each.action,
        "reason": each.reason,
        "entry": each.entry,
        "entry_files": [str(file) for file in each.entry_files],
    }


def _tell_changes(changes: tuple[HookChange, ...]) -> None:
    table(("HOOK", "DONE", "FILE", "WHY"), [(each.name, each.action, each.path, each.reason) for each in changes])
    for each in changes:
        if each.action == "left" and each.entry:
            _tell_entry(each.name, each.entry, [str(file) for file in each.entry_files])


@command("status", "gitconvoy hooks status\ngitconvoy hooks status --rigs")
@click.option("--rigs", is_flag=True, help="Also in the repositories that rigs have of their own.")
@_server_option
def status(app: App, rigs: bool, server: bool) -> int:
    """Prove that git reaches each hook, and show the merge drivers. Exit code 1 where a hook is not reached.

    With --rigs also in the repository of each rig, and that what happens there wakes this town. With --server instead
    the hook of a server, and which branches it guards.
    """
    from gitconvoy.git.repo import Repo
    from gitconvoy.hooking import drivers, guarding
    from gitconvoy.hooking import status as prover
    from gitconvoy.hooking.layout import HOOKS, RECEIVING
    from gitconvoy.hooking.rigs import status_rigs

    _require_fitting(rigs, server)
    repo = Repo.discover(app.directory)
    found, states = prover.status(repo, RECEIVING if server else HOOKS), [] if server else drivers.status(repo)
    there = status_rigs(app.town()) if rigs else ()
    ok = all(each.reached is not False for each in found) and all(each.ok for each in there)
    data: dict[str, Any] = {
        "ok": ok,
        "hooks": [_status(each) for each in found],
        "drivers": [_driver(each) for each in states],
    }
    if rigs:
        data["rigs"] = [_rig_status(each) for each in there]
    guard = guarding.guard(repo) if server else None
    data |= _guarded(guard)
    emit(app, data, lambda: _tell_states(found, there, states, guard))
    return Exit.OK if ok else Exit.REFUSED


def _rig_status(each: RigStatus) -> dict[str, Any]:
    hooks = [_status(hook) for hook in each.hooks]
    return {"rig": each.rig, "path": str(each.path), "ok": each.ok, "hooks": hooks, "trouble": each.trouble}


def _tell_states(
    found: list[HookStatus], there: tuple[RigStatus, ...], states: Sequence[DriverState], guard: Guard | None
) -> None:
    _tell_status(found)
    _tell_drivers(states)
    _tell_guard(guard)
    for each in there:
        say("")
        say(f"rig {each.rig}, {each.path}:")
        if each.hooks:
            _tell_status(each.hooks)
        if each.trouble:
            note(each.trouble)


def _status(each: HookStatus) -> dict[str, Any]:
    return {
        "name": each.name,
        "path": str(each.path),
        "installed": each.installed,
        "reached": each.reached,
        "note": each.note,
        "entry": each.entry,
        "entry_files": [str(file) for file in each.entry_files],
    }


def _tell_status(found: Sequence[HookStatus]) -> None:
    words = {True: "reached", False: "not reached", None: "not proven"}
    rows = [(each.name, words[each.reached], each.path, each.note) for each in found]
    table(("HOOK", "STATE", "FILE", "NOTE"), rows)
    for each in found:
        if each.entry:
            _tell_entry(each.name, each.entry, [str(file) for file in each.entry_files])
    missing = [each.name for each in found if each.reached is False]
    if missing:
        note(f"hint: {len(missing)} of {len(found)} are not reached; see the notes above")


def _driver(each: DriverState) -> dict[str, Any]:
    return {"name": each.name, "command": each.command, "set": bool(each.command), "declared": each.declared}


def _tell_drivers(states: Sequence[DriverState]) -> None:
    if not states:
        return
    say("")
    rows = [
        (each.name, "set" if each.command else "not set", "declared" if each.declared else "not declared")
        for each in states
    ]
    table(("MERGE DRIVER", "GIT CONFIG", "ATTRIBUTES"), rows)
    if not all(each.command for each in states):
        note("hint: without merge drivers git merges lines; `gitconvoy hooks install` sets them")
    if not all(each.declared for each in states):
        note(
            "hint: .convoy/.gitattributes does not name the drivers; `gitconvoy tidy` adds the lines, "
            "unless the file says how to merge"
        )


def _tell_entry(name: str, entry: str, files: list[str]) -> None:
    say("")
    say(f"for {name}, add to {' or '.join(files) or 'it'}:")
    for line in entry.rstrip("\n").splitlines():
        say(f"  {line}")


for each_command in (install, uninstall, status):
    hooks.add_command(each_command)
