"""`gitconvoy tidy`: the ledger's facts into the files, as one ordinary commit (SPEC 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import answer, carry_out, no_commit_option
from gitconvoy.cli.output import emit, note, say
from gitconvoy.errors import ConvoyError, UsageError

if TYPE_CHECKING:
    from gitconvoy.planning.desk import Changes, Desk


@command(
    "tidy",
    "gitconvoy tidy\ngitconvoy tidy --archive\ngitconvoy tidy --branch tidy-june\ngitconvoy tidy --layout fanout",
)
@click.option("--archive", is_flag=True, help="Also move closed convoys, and closed beads, that have ended for good.")
@click.option(
    "--layout", type=click.Choice(["flat", "fanout"]), help="Move all beads to that layout, and set it; nothing else."
)
@click.option("--branch", metavar="NAME", help="Commit on a new branch that begins at the trunk; nothing else changes.")
@no_commit_option
def tidy(app: App, archive: bool, layout: str | None, branch: str | None, no_commit: bool) -> None:
    """Write what the ledger knows into the files: beads and convoys that it closed; renew stale plan files.

    One ordinary commit on the branch that is checked out; on a topic branch it can go through a pull request. With
    --branch it is made on top of the trunk without touching what is checked out, for a trunk that is protected.

    --archive moves what has ended out of the folders in which people look: it is still found by id, and counts as it
    did; reopening it brings it back. --layout spreads beads over sub-folders (fanout), or takes them together again.
    """
    from gitconvoy.engine.plans.tidying import closing_times
    from gitconvoy.planning.tidy_edits import Tidied, facts_to_write, lay_out
    from gitconvoy.planning.tidy_edits import tidy as tidied

    if branch is not None and no_commit:
        raise UsageError("--branch is about the commit", hint="leave out --no-commit", code="options-clash")
    if layout is not None and archive:
        raise UsageError("--layout moves beads and does nothing else", hint="two commands", code="options-clash")
    made: list[Tidied] = []

    def edit(desk: Desk) -> Changes:
        if layout is not None:
            made[:] = [Tidied(lay_out(desk, layout), (), (), ())]
            return made[0].changes
        if desk.ledger is None:
            note("there is no ledger at hand, so there are no facts to write")
        made[:] = [tidied(desk, closing_times(app.town(), *facts_to_write(desk)), archive=archive)]
        return made[0].changes

    done = carry_out(app, edit, no_commit) if branch is None else None
    changes, commit = (done.changes, done.commit) if done is not None else _on_branch(app, branch or "", edit)
    plans = [path for path in changes.files if path.startswith(".convoy/plans/")]
    counts = {
        "beads": made[0].beads,
        "convoys": made[0].convoys,
        "archived": made[0].archived,
        "archived_convoys": made[0].archived_convoys,
        "plans": tuple(plans),
    }
    told = [f"{len(ids)} {what.replace('_', ' ')}" for what, ids in counts.items() if ids]
    line = f"tidied {', '.join(told)}" if told else "all is tidy"
    if layout is not None:
        moves = sum(data is None for data in changes.files.values())
        line = f"{moves} beads moved, the layout is {layout}" if changes.files else f"the layout is {layout}"
    if done is not None:
        answer(app, done, line, **_lists(counts))
        return
    _answer(app, changes, commit, branch or "", line, _lists(counts))


def _on_branch(app: App, branch: str, edit: Callable[[Desk], Changes]) -> tuple[Changes, str | None]:
    from gitconvoy.engine.plans.tidying import on_branch

    return on_branch(app.town(), branch, edit)


def _answer(
    app: App, changes: Changes, commit: str | None, branch: str, line: str, lists: dict[str, list[str]]
) -> None:
    """Answer with a commit on a branch of its own, and how it becomes a pull request."""
    from gitconvoy.engine.sync.syncing import remote_of

    trunk = app.town().trunk_branch()
    steps = []
    if commit is not None:
        try:
            remote = remote_of(app.town(), None)
        except ConvoyError:
            steps = [f"git merge {branch}"]
        else:
            steps = [f"git push --set-upstream {remote} {branch}"]

    def text() -> None:
        say(line, "green" if commit else None)
        if commit is None:
            return
        say(f"committed {commit[:10]} on {branch}")
        opened = f", then open a pull request of {branch} into {trunk}" if steps[0].startswith("git push") else ""
        say(f"next: {steps[0]}{opened}")

    done = {"ids": list(changes.ids), "changed": bool(changes.files), "files": sorted(changes.files)}
    emit(app, {**done, "commit": commit, "branch": branch, "base": trunk, "next": steps, **lists}, text)


def _lists(counts: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {what: list(ids) for what, ids in counts.items()}
