"""What workers say: `next`, `mine`, `done`, `fail`, `heartbeat` (SPEC 7, 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.lists import known_rig
from gitconvoy.cli.output import emit, say, table
from gitconvoy.cli.reading import at_option, moment, require_plan
from gitconvoy.errors import Exit, UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.draft import Draft
    from gitconvoy.engine.react import Outcome
    from gitconvoy.engine.requests import Claim
    from gitconvoy.model.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])


def attempt_arguments(function: F) -> F:
    """BEAD and `--token`, which a started worker need not name: they are in its environment."""
    bead = click.argument("bead", envvar="GITCONVOY_BEAD")
    token = click.option(
        "--token", envvar="GITCONVOY_TOKEN", metavar="TOKEN", help="The attempt's token (else GITCONVOY_TOKEN)."
    )
    return bead(token(function))


@command("next", "gitconvoy next\ngitconvoy next --claim --json")
@click.option("--claim", is_flag=True, help="Take it: a dispatch to you, with a lease.")
@click.option("--rig", metavar="RIG", help="Only beads of this rig.")
@at_option
def next_(app: App, claim: bool, rig: str | None, at: str | None) -> int:
    """Show the next bead that you could claim; --claim takes it. Nothing ready is no error."""
    from gitconvoy.engine import requests
    from gitconvoy.engine.react import transact
    from gitconvoy.model.state import Asked

    if claim and at is not None:
        raise UsageError("what was ready then cannot be claimed", hint="leave out --at", code="options-clash")
    town = app.town()
    if not claim:
        found = moment(app, at, asked=Asked(ready=True))
        known_rig(found.plan.config.rigs, rig)
        bead = requests.next_ready(found.view, found.local, town.actor, rig)
        data = _next_data(found.plan, requests.Claim(bead), None)
        emit(app, data, lambda: _tell_next(data, claimed=False))
        return Exit.OK

    def request(draft: Draft) -> Claim:
        require_plan(town, draft.state.plan)
        known_rig(draft.state.plan.config.rigs, rig)
        return requests.claim(draft, town.actor, rig)

    done = transact(town, request, asked=Asked(due=True))
    commits = {each.token: each.commit for each in done.dispatched}
    data = _next_data(done.state.plan, done.value, commits.get(done.value.token or ""))
    return told.answer(app, done, lambda: _tell_next(data, claimed=True), **data)


def _next_data(plan: Plan, found: Claim, commit: str | None) -> dict[str, Any]:
    bead = plan.bead(found.bead) if found.bead is not None else None
    return {
        "bead": dict(bead.data) if bead is not None else None,
        "worker": found.worker,
        "attempt": found.attempt,
        "token": found.token,
        "commit": commit,
    }


def _tell_next(data: dict[str, Any], *, claimed: bool) -> None:
    bead = data["bead"]
    if bead is None:
        say("nothing is ready for you; gitconvoy blocked says what waits")
        return
    say(f"{bead['id']}  {bead['title']}", "green")
    if bead.get("description"):
        say(bead["description"].rstrip("\n"))
    if claimed:
        say(
            f"yours (attempt {data['attempt']}): end it with gitconvoy done {bead['id']} or gitconvoy fail {bead['id']}"
        )
    else:
        say("gitconvoy next --claim takes it")


@command("mine", "gitconvoy mine\ngitconvoy --actor gastown/nux mine --json")
@at_option
def mine(app: App, at: str | None) -> None:
    """List the beads that you hold: those whose live attempt is yours."""
    from gitconvoy.reports.overview import held_by

    found = moment(app, at)
    data = held_by(found.view, found.local, app.town().actor)

    def text() -> None:
        rows = [
            (row["id"], row["attempt"], row["lease_until"] or "", row["title"], row["note"]) for row in data["beads"]
        ]
        table(("BEAD", "ATTEMPT", "LEASE", "TITLE", ""), rows)
        if not rows:
            say(f"{app.town().actor} holds nothing; gitconvoy next --claim takes the next ready bead")

    emit(app, data, text)


@command(
    "done",
    "gitconvoy done gt-x7k2p\ngitconvoy done --reason 'all green' --branch my-branch\n"
    "gitconvoy done gt-x7k2p --merged 1f2e3d4",
)
@attempt_arguments
@click.option("--no-code", is_flag=True, help="Nothing is to be merged: it is done with this word.")
@click.option("--reason", default="", metavar="TEXT", help="What came of it.")
@click.option("--branch", metavar="NAME", help="The branch of your work, where the attempt was given none.")
@click.option("--merged", metavar="COMMIT", help="The work is merged already: this commit brought it in.")
@told.force_option("Although acceptance criteria are not ticked; with --merged, although the commit is not there.")
def done(
    app: App,
    bead: str,
    token: str | None,
    no_code: bool,
    reason: str,
    branch: str | None,
    merged: str | None,
    force: bool,
) -> int:
    """Say that an attempt is done: yours, or the one whose token you have. What waited for it goes on.

    The work on its branch is handed in: the bead is closed in its file there, and how the branch gets into its base
    branch is a matter of the convoy's merge strategy. Without a branch the word is enough. Harmless twice.
    """
    from gitconvoy.engine.handin.done import Wish, hand_in
    from gitconvoy.reports.handed_in import result

    if sum((no_code, branch is not None, merged is not None)) > 1:
        raise UsageError(
            "--no-code, --branch and --merged exclude each other", hint="name one of them", code="options-clash"
        )
    wish = Wish(bead, token, reason, no_code, force, merged, branch)
    town = app.town()
    answer = hand_in(town, wish)
    state = answer.outcome.state
    data = result(state, town.local(state.plan, state.ledger), bead)
    own = next((commit for event, commit in answer.outcome.events if event is answer.event), None)
    data |= {"commit": own, "again": bool(answer.again), "attempt": answer.again or data["attempt"]}
    code = told.answer(app, answer.outcome, lambda: _tell_done(answer.outcome, data), **data)
    return Exit.PARTLY if data["conflict"] else code


def _tell_done(outcome: Outcome[Any], data: dict[str, Any]) -> None:
    bead, attempt = data["bead"], data["attempt"]
    if data["conflict"]:
        say(f"{bead} is handed in, but given back to a person: {data['conflict']}", "red")
    elif data["status"] == "submitted":
        say(f"{bead} is handed in (attempt {attempt}): {data['note']}", "green")
    else:
        already = " already" if data["again"] else ""
        how = f", merged as {data['merged_as'][:10]}" if data["merged_as"] else ""
        say(f"{bead} is done{already} (attempt {attempt}{how})", "green")
    told.tell(outcome, but=("done", "submit", "merged") if not data["again"] else ())


@command("hand-over", "gitconvoy hand-over gt-x7k2p\ngitconvoy hand-over gt-x7k2p --again")
@click.argument("beads", metavar="BEAD...", nargs=-1, required=True)
@click.option("--again", is_flag=True, help="Run gitconvoy.onSubmit although it was run, or begun, before.")
def hand_over(app: App, beads: tuple[str, ...], again: bool) -> int:
    """Push the branches of handed-in work and run gitconvoy.onSubmit, as far as that was not done yet.

    This happens by itself. Where the program has failed, or what ran it has died, only --again runs it once more: look
    first whether it has done its work.
    """
    from gitconvoy.dispatch import handins
    from gitconvoy.engine.handin.handover import hand_over as run

    town = app.town()
    rows = []
    for bead in beads:
        run(town, bead, again=again)
        note = handins.read_all(town.common_dir).get(bead)
        rows.append(
            {
                "bead": bead,
                "pushed": note.pushed if note is not None else None,
                "told": note.told if note is not None else handins.NOT_YET,
                "complaint": (note.waits or note.complaint) if note is not None else "",
            }
        )

    def text() -> None:
        for row in rows:
            say(f"{row['bead']}: {row['complaint'] or 'nothing is left to hand over'}")

    emit(app, {"beads": rows}, text)
    return Exit.PARTLY if any(row["complaint"] for row in rows) else Exit.OK


@command("fail", "gitconvoy fail gt-x7k2p --reason 'the fixture is missing'")
@attempt_arguments
@click.option("--reason", default="", metavar="TEXT", help="What went wrong.")
def fail(app: App, bead: str, token: str | None, reason: str) -> int:
    """Say that an attempt failed: it is counted, and tried again after a while until there were too many."""
    from gitconvoy.engine import requests
    from gitconvoy.engine.attempts.fates import explained

    with explained(app.town(), bead, token):
        return _end(app, lambda draft: requests.fail(draft, bead, token, reason), bead, "failed")


def _end(app: App, request: Callable[[Draft], Any], bead: str, verb: str) -> int:
    from gitconvoy.engine.react import transact
    from gitconvoy.model.state import Asked
    from gitconvoy.reports.rows import when

    ended = transact(app.town(), request, asked=Asked([bead], due=True))
    record = ended.state.ledger.bead(bead)
    own = next((commit for event, commit in ended.events if event is ended.value), None)
    data = {
        "bead": bead,
        "attempt": ended.value.attempt,
        "status": record.status or "open",
        "failures": record.failures,
        "not_before": when(record.not_before),
        "commit": own,
    }

    def text() -> None:
        say(f"{bead} {verb} (attempt {ended.value.attempt})", "yellow")
        if record.not_before is not None:
            say(f"it is tried again from {data['not_before']} on")
        told.tell(ended, but=("fail",))

    return told.answer(app, ended, text, **data)


@command("heartbeat", "gitconvoy heartbeat gt-x7k2p")
@attempt_arguments
def heartbeat(app: App, bead: str, token: str | None) -> None:
    """Say that an attempt still lives: renews its lease. Nothing is written to the ledger."""
    from gitconvoy.engine.attempts.beating import heartbeat as beat
    from gitconvoy.reports.rows import when

    lease = beat(app.town(), bead, token)
    until = when(lease.expires) if lease is not None else None
    text = f"{bead}: lease until {until}" if until else f"{bead} is handed in and needs no lease"
    emit(app, {"bead": bead, "lease_until": until}, lambda: say(text))
