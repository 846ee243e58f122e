"""What is set on this machine: values that can be meant, trunk, role, identity, dispatcher (SPEC 7, 9)."""

from __future__ import annotations

import shlex
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from gitconvoy.dispatch import plugins, registry
from gitconvoy.doctor import keys
from gitconvoy.doctor.findings import ERROR, NOTE, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.engine.settings import HEADS, LOCAL, OFF, REMOTE
from gitconvoy.engine.town import Town
from gitconvoy.git import config, personal, refs
from gitconvoy.model.ledger import START

_KIND = ("dispatcher", "kind")
_LIST = "git config --show-origin --get-regexp ^gitconvoy"


def values(scene: Scene) -> Iterator[Finding]:
    """Can all settings be meant?"""
    error = scene.town_trouble()
    if error is not None:
        hint = getattr(error, "hint", "")
        yield Finding(
            "config",
            "git config",
            ERROR,
            str(error),
            hint or "a value that can be meant",
            "no command works with it",
            (_LIST,),
        )


def spelling(scene: Scene) -> Iterator[Finding]:
    """Does somebody read each key below gitconvoy?"""
    repo = scene.repo()
    found = config.get_all(repo, r"^gitconvoy\.")
    kinds = {each.middle: found[each.key] for each in map(keys.split, found) if (each.group, each.name) == _KIND}
    built_in = (registry.RECORD, registry.COMMAND, registry.TMUX)
    plug_ins = plugins.names() | {name for name, kind in kinds.items() if kind not in built_in}
    for key, near in sorted(keys.unknown(found, plug_ins).items()):
        value = shlex.quote(found[key])
        commands = [f"git config --unset-all {shlex.quote(key)}"]
        if near and config.get(repo, near) is None:
            commands.insert(0, f"git config {shlex.quote(near)} {value}")
        yield Finding(
            "key",
            key,
            WARNING,
            f"it is set to {found[key]!r}, and there is no such key",
            f"{near}, perhaps" if near else "keys that gitconvoy knows",
            "nobody reads it: what it was meant to change is as if it were not set",
            tuple(commands),
        )


def trunk(scene: Scene) -> Iterator[Finding]:
    """Is the branch there that says what is planned?"""
    town = scene.town()
    ref, local = town.settings.trunk, town.settings.role == LOCAL
    name = ref.removeprefix(HEADS)
    pin = ("git branch --all", "git config gitconvoy.trunk BRANCH")
    if town.trunk() is None:
        pinned, empty = town.settings.pinned, refs.head(town.repo) is None
        yield Finding(
            "trunk",
            name,
            ERROR if pinned and not empty else NOTE,
            "there is no such branch" if pinned else "there is no such branch, and gitconvoy.trunk names no other",
            "the trunk is a branch with commits",
            "what it says is the plan: without it there is none",
            ("gitconvoy init",) if empty else pin,
        )
        return
    if not town.settings.pinned and local:
        yield Finding(
            "trunk",
            name,
            WARNING,
            "it was guessed, as gitconvoy.trunk is not set",
            "the clone that dispatches has its trunk pinned",
            "another guess, once another branch is checked out or the remote changes its default, is another plan",
            (f"git config gitconvoy.trunk {shlex.quote(town.trunk_branch())}",),
        )
    if not ref.startswith(HEADS) and local:
        yield Finding(
            "trunk",
            name,
            NOTE,
            "there is only the remote's branch of it",
            "a branch here, or a regular fetch",
            "what is merged elsewhere counts here after the next `git fetch`",
            ("git fetch", f"git branch {shlex.quote(town.trunk_branch())} {shlex.quote(ref)}"),
        )
    yield from _checked_out(town)


def _checked_out(town: Town) -> Iterator[Finding]:
    ref, places = town.settings.trunk, personal.worktrees(town.repo)
    there = [str(each.path) for each in places if each.branch == ref]
    name = town.trunk_branch()
    if len(there) > 1:
        yield Finding(
            "trunk",
            name,
            NOTE,
            f"it is checked out more than once: {', '.join(there)}",
            "one worktree has it",
            "a commit or merge in one of them makes the others look as if they took it back",
            tuple(f"git -C {shlex.quote(place)} switch --detach" for place in there[1:]),
        )
    if not there and town.repo.worktree is not None and ref.startswith(HEADS):
        yield Finding(
            "trunk",
            name,
            NOTE,
            "no worktree has it checked out",
            "nothing: this is only good to know",
            "planning commands commit to the branch that is checked out; the plan counts once that is merged",
            (f"git switch {shlex.quote(name)}",),
        )


def role(scene: Scene) -> Iterator[Finding]:
    """Who writes the ledger?"""
    town = scene.town()
    key = "gitconvoy.dispatch"
    if town.settings.role == REMOTE:
        yield Finding(
            "role",
            key,
            ERROR,
            "it is remote, which this version cannot do yet",
            "local in one clone, off in all others",
            "commands that write the ledger are refused",
            (f"git config {key} local", f"git config {key} off"),
        )
    elif town.settings.role == OFF and (scene.plan().exists or town.ledger_tip() is not None):
        said = "it is off" if config.get(town.repo, key) is not None else "it is not set, which means off"
        yield Finding(
            "role",
            key,
            NOTE,
            said,
            "local in the one clone that dispatches, off in all others",
            "this clone reads and plans; it writes no ledger and starts nothing",
            (f"git config {key} local",),
        )


def machine(scene: Scene) -> Iterator[Finding]:
    """Does this clone still bear the name of this machine?"""
    town, here = scene.town(), socket.gethostname()
    pinned = config.get(town.repo, "gitconvoy.machine")
    if pinned is not None and pinned != here and town.settings.role == LOCAL:
        yield Finding(
            "machine",
            "gitconvoy.machine",
            NOTE,
            f"it is {pinned}, and this machine is called {here}",
            "the name of the machine, or one that was chosen",
            "if this clone was copied from another machine, both dispatch: set gitconvoy.dispatch to off in one of "
            "them; leases of attempts are only ended by the machine whose name they bear",
            (f"git config gitconvoy.machine {shlex.quote(here)}", "git config gitconvoy.dispatch off"),
        )


def identity(scene: Scene) -> Iterator[Finding]:
    """Does git know who commits?"""
    said = scene.repo().git("var", "GIT_COMMITTER_IDENT", ok=(0, 128))
    if said.returncode:
        yield Finding(
            "identity",
            "user.name, user.email",
            WARNING,
            said.stderr.splitlines()[-1].removeprefix("fatal: ") if said.stderr else "git knows no identity",
            "git knows who commits",
            "planning commands cannot commit; the ledger's commits are signed gitconvoy@localhost",
            ('git config --global user.name "YOUR NAME"', "git config --global user.email YOU@EXAMPLE.ORG"),
        )


def paused(scene: Scene) -> Iterator[Finding]:
    """Is everything stopped on purpose?"""
    town = scene.town()
    expected, why = "work goes on", "nothing new is dispatched until it is resumed"
    if town.settings.paused:
        command = "git config --unset gitconvoy.paused"
        yield Finding("paused", "gitconvoy.paused", NOTE, "this machine is paused", expected, why, (command,))
    if scene.ledger_trouble() is None and town.ledger().paused:
        yield Finding("paused", "ledger", NOTE, "the town is paused", expected, why, ("gitconvoy resume --all",))


def dispatcher(scene: Scene) -> Iterator[Finding]:
    """Can this machine start what it is told to?"""
    town = scene.town()
    plan = scene.plan()
    if town.settings.role != LOCAL or not plan.exists:
        return
    local = town.local(plan)
    if local.trouble:
        yield Finding(
            "dispatcher",
            local.dispatcher,
            ERROR,
            local.trouble,
            "this machine defines the dispatcher that it is to use",
            "it dispatches nothing until then",
            (_LIST,),
        )
        return
    found = registry.find(town.repo, plan.config.dispatch.dispatcher)
    if isinstance(found, registry.Undefined) or found.via != START or not found.argv:
        return
    program = found.argv[0]
    relative = "/" in program and not Path(program).is_absolute()
    if "{" not in program and not relative and shutil.which(program) is None:
        yield Finding(
            "dispatcher",
            found.name,
            WARNING,
            f"its program {program} is not found, or cannot be run",
            "the program is there",
            "no worker can be started",
            (f"command -v {shlex.quote(program)}", f"git config gitconvoy.dispatcher.{found.name}.command 'ARGV'"),
        )
