"""`close`, `reopen`, `land`, `pause`, `resume`: a person steers convoys (SPEC 7, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.outcome import dry_run_option, force_option
from gitconvoy.cli.output import note, say
from gitconvoy.errors import UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.react import Outcome
    from gitconvoy.model.ledger import Event


def _answer(app: App, outcome: Outcome[Event | None], convoy: str, word: str, already: str, **more: Any) -> int:
    """Answer about one convoy: `word` where an event was written, `already` where it was so before."""
    changed = outcome.value is not None
    commit = next((commit for event, commit in outcome.events if event is outcome.value), None) or None

    def text() -> None:
        say(word if changed else already, "green" if changed else None)
        told.tell(outcome, but=(outcome.value.kind,) if outcome.value else ())

    return told.answer(app, outcome, text, convoy_id=convoy, changed=changed, commit=commit, **more)


@command("close", "gitconvoy close hq-cv-x7k2p --reason 'overtaken by events'")
@click.argument("convoy")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@force_option("Although some of its beads are open; attempts that run may finish.")
def close(app: App, convoy: str, reason: str, force: bool) -> int:
    """Close a convoy. A staged one is thereby cancelled; one with open beads needs --force."""
    from gitconvoy.engine.convoys import convoy_requests
    from gitconvoy.engine.react import transact

    outcome = transact(app.town(), lambda draft: convoy_requests.close(draft, convoy, reason, force=force))
    return _answer(app, outcome, convoy, f"closed {convoy}", f"{convoy} is closed already", status="closed")


@command("reopen", "gitconvoy reopen hq-cv-x7k2p")
@click.argument("convoy")
def reopen(app: App, convoy: str) -> int:
    """Open a closed convoy again: by an event where the ledger closed it, in its file where that says closed."""
    from gitconvoy.engine.convoys.reopening import reopen as run

    done = run(app.town(), convoy)

    def text() -> None:
        say(f"reopened {convoy}" + (f" in its file, commit {done.commit[:10]}" if done.commit else ""), "green")
        if not done.on_trunk:
            note("it takes effect once this branch is merged into the trunk")
        told.tell(done.outcome, but=("reopen",))

    return told.answer(app, done.outcome, text, convoy_id=convoy, changed=True, commit=done.commit, file=done.path)


@command("land", "gitconvoy land hq-cv-x7k2p\ngitconvoy land hq-cv-x7k2p --dry-run")
@click.argument("convoy")
@force_option("Although it is not complete, or not owned.")
@click.option("--keep-worktrees", is_flag=True, help="Leave folders and worktrees where they are.")
@dry_run_option
def land(app: App, convoy: str, force: bool, keep_worktrees: bool, dry_run: bool) -> int:
    """Close an owned convoy that is complete, as its owner.

    The folders and worktrees of its ended attempts are removed, but for those that hold work which would be lost.
    """
    from gitconvoy.engine.convoys.landing import land as run

    landed = run(app.town(), convoy, force=force, keep=keep_worktrees, preview=dry_run)
    word = f"would land {convoy}" if dry_run else f"landed {convoy}"
    for folder in landed.removed:
        note(f"{'would remove' if dry_run else 'removed'} {folder}")
    for line in landed.kept:
        note(line)
    removed = [str(folder) for folder in landed.removed]
    more: dict[str, Any] = {"removed": removed, "kept": list(landed.kept), "dry_run": dry_run}
    return _answer(app, landed.outcome, convoy, word, f"{convoy} is closed already", **more)


def _target(convoy: str | None, everything: bool, verb: str) -> None:
    if (convoy is None) != everything:
        raise UsageError(
            f"{verb} what?", hint=f"gitconvoy {verb} CONVOY, or gitconvoy {verb} --all", code="nothing-named"
        )


@command("pause", "gitconvoy pause hq-cv-x7k2p --reason 'the fixture is broken'\ngitconvoy pause --all")
@click.argument("convoy", required=False)
@click.option("--all", "everything", is_flag=True, help="The whole town: nothing new is dispatched.")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
def pause(app: App, convoy: str | None, everything: bool, reason: str) -> int:
    """Dispatch nothing new, for one convoy or for all. What runs may finish."""
    from gitconvoy.engine.convoys import convoy_requests
    from gitconvoy.engine.react import transact

    _target(convoy, everything, "pause")
    outcome = transact(app.town(), lambda draft: convoy_requests.pause(draft, convoy, reason))
    what = convoy or "everything"
    return _answer(app, outcome, convoy or "", f"paused {what}", f"{what} is paused already", paused=True)


@command("resume", "gitconvoy resume hq-cv-x7k2p\ngitconvoy resume --all")
@click.argument("convoy", required=False)
@click.option("--all", "everything", is_flag=True, help="The whole town.")
def resume(app: App, convoy: str | None, everything: bool) -> int:
    """Clear the ledger's pause of one convoy, or of all, and dispatch what is ready. Names the file that pauses too."""
    from gitconvoy.engine.convoys import convoy_requests
    from gitconvoy.engine.react import transact

    _target(convoy, everything, "resume")
    outcome = transact(app.town(), lambda draft: convoy_requests.resume(draft, convoy))
    plan = outcome.state.plan
    still = []
    if convoy is not None and plan.convoys[convoy].paused:
        still.append(f"{plan.convoys[convoy].path} says paused: true; remove that and commit")
    if plan.config.dispatch.paused:
        still.append(".convoy/config.yaml says dispatch.paused; remove that and commit")
    if outcome.state.ledger.paused:
        still.append("everything is paused: gitconvoy resume --all")
    if app.town().settings.paused:
        still.append("gitconvoy.paused is set on this machine: git config --unset gitconvoy.paused")
    for line in still:
        note(f"still paused: {line}")
    what = convoy or "everything"
    word, already = f"resumed {what}", f"the ledger does not pause {what}"
    return _answer(app, outcome, convoy or "", word, already, paused=bool(still), still_paused_by=still)
