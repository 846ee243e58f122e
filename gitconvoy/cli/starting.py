"""`gitconvoy init`: a town begins in this repository."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, say
from gitconvoy.errors import ConvoyError, Exit

if TYPE_CHECKING:
    from gitconvoy.engine.plans.starting_up import Beginning
    from gitconvoy.hooking.install import HookChange


@command("init", "gitconvoy init\ngitconvoy init --prefix shop --trunk main")
@click.option("--prefix", metavar="PREFIX", help="Ids of new beads begin with it (default: from the folder's name).")
@click.option("--trunk", metavar="BRANCH", help="The branch whose plan counts (default: the one checked out).")
@click.option("--no-hooks", is_flag=True, help="Install no git hooks.")
@click.option("--no-commit", is_flag=True, help="Leave the new files in the worktree, uncommitted.")
def init(app: App, prefix: str | None, trunk: str | None, no_hooks: bool, no_commit: bool) -> int:
    """Begin a town in this repository, or join the one that it holds.

    Writes config, attributes, schemas and folders below .convoy/ and commits them; notes trunk, role and machine in
    git config; installs the git hooks. What is there already stays: it is safe to run again.
    """
    from gitconvoy.engine.plans.starting_up import begin_town
    from gitconvoy.git.repo import Repo
    from gitconvoy.hooking.install import install

    repo = Repo.discover(app.directory)
    made = begin_town(repo, prefix, trunk, commit=not no_commit)
    changes: tuple[HookChange, ...] = ()
    refused: ConvoyError | None = None
    if not no_hooks:
        try:
            changes = install(repo, sys.executable)
        except ConvoyError as error:
            refused = error
    emit(app, _as_dict(made, changes), lambda: _tell(made, changes, no_hooks or refused is not None))
    if refused is not None:
        note(f"the town is there, but no hooks are installed: {refused.message}")
        note(f"hint: {refused.hint or 'gitconvoy hooks install tries again'}")
        return Exit.PARTLY
    return Exit.OK


def _as_dict(made: Beginning, changes: tuple[HookChange, ...]) -> dict[str, Any]:
    return {
        "prefix": made.prefix,
        "trunk": made.trunk,
        "branch": made.branch,
        "role": made.role,
        "role_because": made.role_because,
        "files": list(made.files),
        "commit": made.commit,
        "pinned": list(made.pinned),
        "hooks": [{"name": change.name, "action": change.action, "reason": change.reason} for change in changes],
    }


def _tell(made: Beginning, changes: tuple[HookChange, ...], no_hooks: bool) -> None:
    began = ".convoy/config.yaml" in made.files
    say(f"{'This is a gitconvoy town now' if began else 'This is a gitconvoy town'}.", "green")
    say(f"  files     {_files(made)}")
    say(f"  beads     get ids like {made.prefix}-x7k2p (.convoy/config.yaml)")
    say(f"  trunk     {made.trunk}: what it says counts (git config gitconvoy.trunk)")
    say(f"  dispatch  {_role(made)}")
    say(f"  hooks     {_hooks(changes, no_hooks)}")
    for change in changes:
        if change.action == "left":
            note(f"{change.name}: {change.reason}; `gitconvoy hooks install` shows what to add")
    if made.prefix_kept:
        note("the config is there already and keeps its prefix; edit .convoy/config.yaml to change it")
    if made.ignored:
        note(".convoy/ is ignored by a .gitignore: take that line out, or nobody's beads get committed")
    if made.branch != made.trunk and made.commit is not None:
        note(f"{made.branch or 'HEAD'} is not the trunk: the plan counts once it is merged into {made.trunk}")
    say("")
    say("Next:")
    say('  gitconvoy bead add "Draw the logo"                     # or write .convoy/beads/<id>.yaml by hand')
    say('  gitconvoy bead add "Print the shirts" --depends-on ID')
    say("  gitconvoy stage ID ID --launch                         # one convoy of both; work begins")
    say("  gitconvoy status")


def _files(made: Beginning) -> str:
    if not made.files:
        return "nothing to write, all is there"
    where = f"committed as {made.commit[:10]}" if made.commit else "not committed yet"
    return f"{made.files[0]} and {len(made.files) - 1} more, {where}"


def _role(made: Beginning) -> str:
    if made.role == "local":
        return "this clone gives out work (git config gitconvoy.dispatch local)"
    if made.role == "off":
        why = f", as {made.role_because}" if made.role_because else ""
        return f"off{why}; if this clone is the one that shall: git config gitconvoy.dispatch local"
    return f"{made.role} (git config gitconvoy.dispatch)"


def _hooks(changes: tuple[HookChange, ...], no_hooks: bool) -> str:
    if no_hooks:
        return "none installed; commands react by themselves, commits do not (gitconvoy hooks install)"
    ours = [change.name for change in changes if change.action != "left"]
    new = any(change.action in ("created", "chained", "updated") for change in changes)
    return f"{', '.join(ours) or 'none'}{'' if new else ' (as before)'}"
