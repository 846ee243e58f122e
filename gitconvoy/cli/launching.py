"""`launch`, `sling`, `unsling`, `feed`: dispatching, and taking it back (SPEC 7, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.outcome import dry_run_option, force_option
from gitconvoy.cli.output import note, say
from gitconvoy.errors import Exit

if TYPE_CHECKING:
    from gitconvoy.engine.convoys.slinging import Answer


@command("launch", "gitconvoy launch hq-cv-x7k2p\ngitconvoy launch gt-epic1")
@click.argument("ids", nargs=-1, required=True, metavar="CONVOY|EPIC|BEAD...")
@click.option("--title", metavar="TITLE", help="The title of the convoy that is made of an epic or beads.")
@force_option("Launch in spite of staged warnings and parked rigs.")
def launch(app: App, ids: tuple[str, ...], title: str | None, force: bool) -> int:
    """Open a staged convoy and dispatch what is ready. Given an epic or beads, a convoy of them is staged first."""
    from gitconvoy.engine.convoys.launching import launch as run

    convoy, outcome = run(app.town(), ids, title=title, force=force)
    warnings = [finding.as_dict() for finding in outcome.value]

    def text() -> None:
        opened = any(event.kind == "launch" and event.convoy == convoy for event, _ in outcome.events)
        say(f"launched {convoy}" if opened else f"{convoy} is open already", "green" if opened else None)
        for finding in warnings:
            note(f"warning: {finding['message']}")
        told.tell(outcome, but=("launch",))

    return told.answer(app, outcome, text, convoy_id=convoy, status="open", warnings=warnings)


@command(
    "sling", "gitconvoy sling gt-x7k2p\ngitconvoy sling gt-x7k2p gt-m3d9q gastown/nux --message 'the small one first'"
)
@click.argument("words", nargs=-1, required=True, metavar="BEAD... [WORKER]")
@click.option("--message", default="", metavar="TEXT", help="A word for the worker, kept in the ledger.")
@click.option("--merge", type=click.Choice(("direct", "mr", "local")), help="How the new convoy's work is merged.")
@click.option("--base-branch", metavar="BRANCH", help="What the new convoy's work is based on.")
@click.option("--no-convoy", is_flag=True, help="Dispatch although no convoy tracks it; make none.")
@force_option("Beyond capacity, reservations, overlaps and parked rigs; never type, links or a live attempt.")
@dry_run_option
def sling(
    app: App,
    words: tuple[str, ...],
    message: str,
    merge: str | None,
    base_branch: str | None,
    no_convoy: bool,
    force: bool,
    dry_run: bool,
) -> int:
    """Dispatch beads now, to WORKER if one is named. Beads that no convoy tracks get one; of several, some may wait.

    The last word names a worker if it holds a `/`, or if it is the id of no bead.
    """
    from gitconvoy.engine.convoys import slinging

    town = app.town()
    beads, worker = slinging.split_worker(town.plan(), words)
    wish = slinging.Wish(beads, worker, force, no_convoy, message, merge, base_branch)
    answer = slinging.sling(town, wish, preview=dry_run)
    own = {event.bead for event in answer.outcome.value.dispatched}
    code = told.answer(app, answer.outcome, lambda: _tell_sling(answer, dry_run), **_sling_data(answer, dry_run))
    started = {each.bead for each in answer.outcome.dispatched}
    return Exit.REFUSED if own and own.isdisjoint(started) and len(beads) == 1 else code


def _sling_data(answer: Answer, dry_run: bool) -> dict[str, Any]:
    waiting = [
        {"bead": bead, "rule": refusal.code, "reason": refusal.message}
        for bead, refusal in answer.outcome.value.waiting
    ]
    return {"convoy_id": answer.convoy, "convoy_title": answer.title, "waiting": waiting, "dry_run": dry_run}


def _tell_sling(answer: Answer, dry_run: bool) -> None:
    if answer.title is not None:
        say(f"would make the convoy {answer.title!r}" if dry_run else f"made {answer.convoy}: {answer.title}")
    if dry_run:
        for event in answer.outcome.value.dispatched:
            say(f"would dispatch {event.bead} to {event.worker} (attempt {event.attempt})")
    else:
        told.tell(answer.outcome, but=("launch",))
    for bead, refusal in answer.outcome.value.waiting:
        say(f"{bead} waits: {refusal.message}")


@command("unsling", "gitconvoy unsling gt-x7k2p --reason 'wrong worker'")
@click.argument("bead")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
def unsling(app: App, bead: str, reason: str) -> int:
    """Take a dispatch back, without counting it as a failure. A worker that was started for it is ended."""
    from gitconvoy.engine import requests
    from gitconvoy.engine.react import transact

    outcome = transact(app.town(), lambda draft: requests.unsling(draft, bead, reason), feed=False)

    def text() -> None:
        say(f"took {bead} back from {outcome.value.worker} (attempt {outcome.value.attempt})", "green")
        told.tell(outcome, but=("unsling",))

    more = {"bead": bead, "worker": outcome.value.worker, "attempt": outcome.value.attempt}
    return told.answer(app, outcome, text, **more)


@command("feed", "gitconvoy feed\ngitconvoy feed hq-cv-x7k2p")
@click.argument("convoys", nargs=-1, metavar="[CONVOY...]")
@dry_run_option
def feed(app: App, convoys: tuple[str, ...], dry_run: bool) -> int:
    """Dispatch what is ready, up to capacity, of all open convoys or those named; also where dispatch.auto is off."""
    from gitconvoy.engine.convoys.feeding import feed as run

    outcome = run(app.town(), convoys, preview=dry_run)

    def text() -> None:
        told.tell(outcome)
        if not outcome.dispatched:
            say("nothing to dispatch: nothing is ready, or there is no room (gitconvoy status)")

    return told.answer(app, outcome, text, dry_run=dry_run)
