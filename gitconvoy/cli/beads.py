"""`gitconvoy bead`: add, change and close beads in their files (SPEC 3.2, 6, 8)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.bead_views import list_, show
from gitconvoy.cli.deps import link_of
from gitconvoy.cli.desk import Done, answer, carry_out, no_commit_option, tell
from gitconvoy.cli.output import note, say
from gitconvoy.errors import Exit, UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.react import Outcome
    from gitconvoy.model.plan import Plan
    from gitconvoy.planning.desk import Changes, Desk


@click.group("bead", context_settings={"help_option_names": ["-h", "--help"]})
def bead() -> None:
    """Add, show, change and close beads: the work items below .convoy/beads/."""


@command("add", 'gitconvoy bead add "Fix the login" --type bug --priority 1 --depends-on gt-x7k2p')
@click.argument("title")
@click.option("--id", "bead_id", metavar="ID", help="Its id (default: prefix and 5 random characters).")
@click.option("--prefix", help="Prefix of the new id, which tells the rig (default: the parent's, else the config's).")
@click.option("-t", "--type", "type_", metavar="TYPE", help="task, bug, feature, chore, epic, gate, ... (task).")
@click.option("-p", "--priority", type=click.IntRange(0, 4), help="0 is the highest, 4 the lowest (2).")
@click.option("--parent", metavar="ID", help="The epic or bead that it is a part of.")
@click.option(
    "-d",
    "--depends-on",
    "links",
    metavar="[TYPE:]ID",
    multiple=True,
    help="What must come first; repeat for more. TYPE as in `dep add`.",
)
@click.option("-l", "--label", "labels", multiple=True, help="A word to find it by; repeat for more.")
@click.option("--touches", multiple=True, metavar="PATTERN", help="Files it will change; repeat for more.")
@click.option("--description", metavar="TEXT", help="The work, as the worker gets it; - reads stdin.")
@click.option("--design", metavar="TEXT", help="How it is to be done.")
@click.option("--acceptance", metavar="TEXT", help="How one sees that it is done.")
@click.option("--notes", metavar="TEXT", help="Anything else.")
@click.option("--estimate", type=click.IntRange(0), metavar="MINUTES", help="Expected effort.")
@click.option("--due", metavar="TIME", help="When it is due: 2030-01-31 or 2030-01-31T12:00:00Z.")
@click.option("--defer-until", metavar="TIME", help="Not dispatched before.")
@click.option("--owner", help="Who answers for it.")
@click.option("--assignee", help="Reserve it for this person or worker.")
@click.option("--external-ref", metavar="REF", help="Its name elsewhere, such as an issue's.")
@click.option("--convoy", metavar="ID", help="The convoy that shall track it.")
@no_commit_option
def add(app: App, title: str, no_commit: bool, **options: Any) -> None:
    """Add a bead and commit it."""
    from gitconvoy.planning.bead_edits import add_bead

    links = [link_of(text) for text in options["links"]]
    keys = {"type_": "type", "acceptance": "acceptance_criteria", "estimate": "estimate_minutes", "due": "due_at"}
    taken = ("bead_id", "prefix", "links", "convoy")
    fields = {keys.get(key, key): value for key, value in options.items() if key not in taken}
    fields = {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}
    fields["description"] = _text(fields["description"])

    def edit(desk: Desk) -> Changes:
        return add_bead(
            desk,
            title,
            fields,
            links=links,
            bead_id=options["bead_id"],
            prefix=options["prefix"],
            convoy=options["convoy"],
        )

    done = carry_out(app, edit, no_commit)
    made = done.changes.ids[0]
    answer(app, done, f"added {made}: {title}", id=made)
    _warn_of_no_rig(done.changes.plan, made)


def _warn_of_no_rig(plan: Plan, made: str) -> None:
    from gitconvoy.model.ids import longest_prefix

    prefixes = [prefix for rig in plan.config.rigs.values() for prefix in rig.prefixes]
    if longest_prefix(made, prefixes) is None:
        note(f"warning: {made} belongs to no rig, so it is never dispatched; prefixes are {', '.join(prefixes)}")


def _text(given: str | None) -> str | None:
    return sys.stdin.read() if given == "-" else given


@command("set", "gitconvoy bead set gt-x7k2p priority=0 labels+=urgent assignee=")
@click.argument("bead_id", metavar="ID")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@no_commit_option
def set_(app: App, bead_id: str, pairs: tuple[str, ...], no_commit: bool) -> None:
    """Give a bead new values. KEY=VALUE sets, KEY= removes, LIST+=ITEM and LIST-=ITEM change one item."""
    from gitconvoy.planning.assign import set_fields

    def edit(desk: Desk) -> Changes:
        desk.bead(bead_id)
        return set_fields(desk, bead_id, pairs)

    answer(app, carry_out(app, edit, no_commit), f"set {bead_id}: {' '.join(pairs)}")


@command("close", 'gitconvoy bead close gt-x7k2p --reason "shipped in 1.4"')
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--outcome", default="done", show_default=True, help="done, failed, skipped, cancelled or duplicate.")
@click.option("-r", "--reason", metavar="TEXT", help="Why.")
@no_commit_option
def close(app: App, ids: tuple[str, ...], outcome: str, reason: str | None, no_commit: bool) -> None:
    """Close beads in their files. On the trunk this ends their attempts and frees what waits for them."""
    from gitconvoy.planning.bead_edits import close_beads

    done = carry_out(app, lambda desk: close_beads(desk, ids, outcome=outcome, reason=reason), no_commit)
    answer(app, done, f"closed {', '.join(ids)}" + (f" as {outcome}" if outcome != "done" else ""))


@command("reopen", "gitconvoy bead reopen gt-x7k2p")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@no_commit_option
def reopen(app: App, ids: tuple[str, ...], no_commit: bool) -> int:
    """Open closed beads again.

    In the file where it says closed (assignee, outcome, closed_at and close_reason go too), by an event where only
    the ledger does.
    """
    from gitconvoy.engine import requests, settings
    from gitconvoy.engine.react import transact
    from gitconvoy.planning.bead_edits import reopen_beads

    only_ledger: list[str] = []

    def edit(desk: Desk) -> Changes:
        changes = reopen_beads(desk, ids)
        here = {one: desk.plan.bead(one) for one in ids}
        only_ledger[:] = [one for one, value in here.items() if value and value.path not in changes.files]
        if only_ledger:
            settings.require_role(app.town().settings)
        return changes

    done = carry_out(app, edit, no_commit)
    if not only_ledger:
        answer(app, done, f"reopened {', '.join(ids)}")
        return Exit.OK
    outcome = transact(app.town(), lambda draft: [requests.reopen(draft, one) for one in only_ledger])
    return told.answer(app, outcome, lambda: _tell_reopened(done, outcome, ids), **done.as_dict())


def _tell_reopened(done: Done, outcome: Outcome[Any], ids: tuple[str, ...]) -> None:
    say(f"reopened {', '.join(ids)}", "green")
    if done.changes.files:
        tell(done)
    told.tell(outcome)


@command("retry", "gitconvoy bead retry gt-x7k2p")
@click.argument("bead_id", metavar="ID")
def retry(app: App, bead_id: str) -> int:
    """Forget a bead's failures. It is dispatched again then; this is an event of the ledger, no file changes."""
    from gitconvoy.engine import requests
    from gitconvoy.engine.react import transact

    outcome = transact(app.town(), lambda draft: requests.retry(draft, bead_id))
    return told.answer(app, outcome, lambda: told.tell(outcome), ids=[bead_id])


@command("defer", "gitconvoy bead defer gt-x7k2p --until 2030-01-31")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--until", metavar="TIME", help="Not dispatched before: 2030-01-31 or 2030-01-31T12:00:00Z.")
@click.option("--status", is_flag=True, help="Also set status deferred: frozen until a person changes it.")
@click.option("--clear", is_flag=True, help="Take the deferral back.")
@no_commit_option
def defer(app: App, ids: tuple[str, ...], until: str | None, status: bool, clear: bool, no_commit: bool) -> None:
    """Put beads off until a time. Without --until, until a person sets them open again."""
    from gitconvoy.planning.bead_edits import defer_beads

    if clear and (until is not None or status):
        raise UsageError(
            "--clear takes back what --until and --status set", hint="give one or the other", code="options-clash"
        )
    if clear:
        done = carry_out(app, lambda desk: defer_beads(desk, ids, None, status=True), no_commit)
        answer(app, done, f"no longer deferred: {', '.join(ids)}")
        return
    if until is None:
        done = carry_out(app, lambda desk: _freeze(desk, ids), no_commit)
        answer(app, done, f"deferred {', '.join(ids)}")
        return
    done = carry_out(app, lambda desk: defer_beads(desk, ids, until, status=status), no_commit)
    answer(app, done, f"deferred {', '.join(ids)} until {until}")


def _freeze(desk: Desk, ids: tuple[str, ...]) -> Changes:
    from gitconvoy.planning.desk import headline, settle

    docs = {desk.bead(one).path: desk.edited(desk.bead(one), {"status": "deferred"}) for one in ids}
    return settle(desk, docs, headline("Defer", ids), ids)


@command("comment", 'gitconvoy bead comment gt-x7k2p "Seen on staging too"')
@click.argument("bead_id", metavar="ID")
@click.argument("text")
@no_commit_option
def comment(app: App, bead_id: str, text: str, no_commit: bool) -> None:
    """Add a comment to a bead; TEXT - reads stdin."""
    from gitconvoy.planning.bead_edits import comment_bead

    said = _text(text) or ""
    answer(app, carry_out(app, lambda desk: comment_bead(desk, bead_id, said), no_commit), f"commented on {bead_id}")


@command("edit", "gitconvoy bead edit gt-x7k2p")
@click.argument("bead_id", metavar="ID")
@no_commit_option
def edit(app: App, bead_id: str, no_commit: bool) -> None:
    """Open a bead's file in your editor, check and commit it. The editor is git's: GIT_EDITOR, core.editor, EDITOR."""
    from gitconvoy.cli.editor import edited_text

    def change(desk: Desk) -> Changes:
        return edited_text(app, desk, bead_id)

    answer(app, carry_out(app, change, no_commit, tries=1), f"edited {bead_id}")


for each in (add, list_, show, set_, close, reopen, retry, defer, comment, edit):
    bead.add_command(each)
