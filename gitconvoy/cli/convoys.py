"""`gitconvoy create`, `add`, `remove`, `set`: convoys in their files (SPEC 3.3, 6, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import answer, carry_out, no_commit_option
from gitconvoy.cli.output import say
from gitconvoy.errors import UsageError

if TYPE_CHECKING:
    from gitconvoy.planning.desk import Changes, Desk


@command(
    "create",
    'gitconvoy create "Shirts for the fair" gt-aaaaa gt-bbbbb --owner ada\n'
    "gitconvoy create --from-epic gt-eeeee --merge direct",
)
@click.argument("title", required=False)
@click.argument("beads", nargs=-1, metavar="[BEAD]...")
@click.option("--from-epic", "epic", metavar="ID", help="Track all beads below this epic that can be dispatched.")
@click.option("--id", "convoy_id", metavar="ID", help="Its id (default: prefix and 5 random characters).")
@click.option("--owner", help="Who answers for it.")
@click.option("--notify", help="Who is told when it is complete.")
@click.option("--watch", "watchers", multiple=True, help="Who else is told; repeat for more.")
@click.option("--molecule", help="The workflow that its beads follow.")
@click.option("--owned", is_flag=True, help="Its owner lands it; it does not close by itself.")
@click.option("--merge", type=click.Choice(["direct", "mr", "local"]), help="How finished work gets into the base.")
@click.option("--base-branch", metavar="BRANCH", help="The branch that work starts from and is merged into.")
@click.option("--max-workers", type=click.IntRange(1), metavar="N", help="Beads in flight at a time.")
@click.option("--mountain", is_flag=True, help="Go on past beads that fail.")
@click.option("-p", "--priority", type=click.IntRange(0, 4), help="0 is the highest, 4 the lowest (2).")
@click.option("--due", "due_at", metavar="TIME", help="When it is due.")
@click.option("-l", "--label", "labels", multiple=True, help="A word to find it by; repeat for more.")
@no_commit_option
def create(
    app: App,
    title: str | None,
    beads: tuple[str, ...],
    epic: str | None,
    convoy_id: str | None,
    no_commit: bool,
    **options: Any,
) -> None:
    """Make a convoy that tracks BEADs: a file, staged, which dispatches nothing before `launch`.

    `stage` does the same and analyses it.
    """
    from gitconvoy.planning.convoy_edits import create_convoy
    from gitconvoy.planning.selecting import from_epic

    fields = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}

    def edit(desk: Desk) -> Changes:
        name, tracks = title, list(beads)
        if epic is not None:
            chosen = from_epic(desk, epic)
            tracks += chosen.tracks
            name = name or chosen.title
            fields["epic"] = epic
        if not name:
            raise UsageError(
                "the convoy needs a title", hint='gitconvoy create "What it is for" BEAD...', code="bad-title"
            )
        return create_convoy(desk, name, list(dict.fromkeys(tracks)), fields, convoy_id=convoy_id)

    done = carry_out(app, edit, no_commit)
    made = done.changes.ids[0]
    tracks = done.changes.plan.convoys[made].tracks
    answer(app, done, f"created {made}, which tracks {len(tracks)} bead{'s' if len(tracks) != 1 else ''}", id=made)
    if not app.json:
        say(f"next: gitconvoy stage {made} (waves and findings), gitconvoy launch {made} (work begins)")


@command("add", "gitconvoy add hq-cv-x7k2p gt-aaaaa gt-bbbbb")
@click.argument("convoy_id", metavar="CONVOY")
@click.argument("beads", nargs=-1, required=True, metavar="BEAD...")
@no_commit_option
def add(app: App, convoy_id: str, beads: tuple[str, ...], no_commit: bool) -> None:
    """Track more beads in a convoy; where it is open, those that are ready begin."""
    from gitconvoy.planning.convoy_edits import track

    done = carry_out(app, lambda desk: track(desk, convoy_id, beads), no_commit)
    answer(app, done, f"{convoy_id} tracks {', '.join(beads)}")


@command("remove", "gitconvoy remove hq-cv-x7k2p gt-bbbbb")
@click.argument("convoy_id", metavar="CONVOY")
@click.argument("beads", nargs=-1, required=True, metavar="BEAD...")
@no_commit_option
def remove(app: App, convoy_id: str, beads: tuple[str, ...], no_commit: bool) -> None:
    """Stop tracking beads. What is in flight may finish; nothing of them begins any more."""
    from gitconvoy.planning.convoy_edits import untrack

    done = carry_out(app, lambda desk: untrack(desk, convoy_id, beads), no_commit)
    answer(app, done, f"{convoy_id} no longer tracks {', '.join(beads)}")


@command("set", "gitconvoy set hq-cv-x7k2p priority=0 merge=direct watchers+=ada")
@click.argument("convoy_id", metavar="CONVOY")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@no_commit_option
def set_(app: App, convoy_id: str, pairs: tuple[str, ...], no_commit: bool) -> None:
    """Give a convoy new values. KEY=VALUE sets, KEY= removes, LIST+=ITEM and LIST-=ITEM change one item."""
    from gitconvoy.planning.assign import set_fields

    def edit(desk: Desk) -> Changes:
        desk.convoy(convoy_id)
        return set_fields(desk, convoy_id, pairs)

    answer(app, carry_out(app, edit, no_commit), f"set {convoy_id}: {' '.join(pairs)}")
