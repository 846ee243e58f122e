"""`gitconvoy dep`: what depends on what (SPEC 3.2, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import answer, carry_out, no_commit_option
from gitconvoy.cli.output import emit, safe_line, say
from gitconvoy.cli.reading import at_option, reading

if TYPE_CHECKING:
    from gitconvoy.model.plan import Link
    from gitconvoy.planning.dep_tree import Line


def link_of(text: str) -> Link:
    """`ID` is a blocks link, `TYPE:ID` names the type; what begins with `external:` is an id."""
    from gitconvoy.model.ids import is_external
    from gitconvoy.model.plan import Link

    kind, colon, target = text.partition(":")
    if not colon or is_external(text):
        return Link(text)
    return Link(target, kind)


@click.group("dep", context_settings={"help_option_names": ["-h", "--help"]})
def dep() -> None:
    """Link beads, and look at the links.

    Types that block: blocks (its target closes first), waits-for (the target's children close first),
    conditional-blocks (runs only if the target fails), merge-blocks (the target's work is merged first). Others, such
    as related, never block.
    """


@command("add", "gitconvoy dep add gt-x7k2p gt-aaaaa\ngitconvoy dep add gt-x7k2p gt-eeeee --type waits-for")
@click.argument("bead_id", metavar="ID")
@click.argument("target")
@click.option("-t", "--type", "type_", default="blocks", show_default=True, help="The type of the link.")
@click.option("--gate", type=click.Choice(["all-children", "any-children"]), help="For waits-for: which children.")
@no_commit_option
def add(app: App, bead_id: str, target: str, type_: str, gate: str | None, no_commit: bool) -> None:
    """Make bead ID depend on TARGET: a bead, or external:ANYTHING."""
    from gitconvoy.model.plan import Link
    from gitconvoy.planning.link_edits import add_link

    done = carry_out(app, lambda desk: add_link(desk, bead_id, Link(target, type_, gate)), no_commit)
    answer(app, done, f"{bead_id} depends on {target} ({type_})")


@command("rm", "gitconvoy dep rm gt-x7k2p gt-aaaaa")
@click.argument("bead_id", metavar="ID")
@click.argument("target")
@click.option("-t", "--type", "type_", help="Only links of this type.")
@no_commit_option
def rm(app: App, bead_id: str, target: str, type_: str | None, no_commit: bool) -> None:
    """Remove the links of bead ID to TARGET."""
    from gitconvoy.planning.link_edits import remove_link

    done = carry_out(app, lambda desk: remove_link(desk, bead_id, target, type_), no_commit)
    answer(app, done, f"{bead_id} no longer depends on {target}")


@command("tree", "gitconvoy dep tree gt-x7k2p\ngitconvoy dep tree gt-x7k2p --reverse --depth 2")
@click.argument("bead_id", metavar="ID")
@click.option("--reverse", is_flag=True, help="What depends on it, instead of what it depends on.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="How deep to go.")
@click.option("--all-types", is_flag=True, help="Also links that never block.")
@at_option
def tree(app: App, bead_id: str, reverse: bool, depth: int | None, all_types: bool, at: str | None) -> None:
    """Show what a bead depends on, links of its ancestors included; a bead that stands twice is opened once."""
    from gitconvoy.planning.dep_tree import dep_tree
    from gitconvoy.reports.ids import find_bead
    from gitconvoy.rules.view import View

    state = reading(app, at, [bead_id])
    root = find_bead(state.plan, bead_id)
    lines = dep_tree(View(state), root, reverse=reverse, depth=depth, all_types=all_types)
    data = {"bead": root, "reverse": reverse, "tree": [_as_dict(line) for line in lines]}

    def text() -> None:
        for line in lines:
            say("  " * line.depth + _shown(line), None if line.satisfied else "yellow")

    emit(app, data, text)


def _as_dict(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "depth": line.depth,
        "title": line.title,
        "status": line.status,
        "type": line.type,
        "holder": line.holder,
        "satisfied": line.satisfied,
        "again": line.again,
    }


def _shown(line: Line) -> str:
    kind = f" [{line.type}]" if line.type not in ("", "blocks") else ""
    holder = f" (a link of {line.holder})" if line.inherited else ""
    again = " (see above)" if line.again else ""
    return f"{line.id}  {line.status}  {safe_line(line.title)}{kind}{holder}{again}"


for each in (add, rm, tree):
    dep.add_command(each)
