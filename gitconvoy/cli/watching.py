"""`watch`, `unwatch`, and the detached delivery of notices (SPEC 7, 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import note, say
from gitconvoy.errors import Exit

if TYPE_CHECKING:
    from gitconvoy.engine.draft import Draft
    from gitconvoy.model.ledger import Event


@command("watch", "gitconvoy watch hq-cv-x7k2p\ngitconvoy watch hq-cv-x7k2p ada@example.org")
@click.argument("convoy")
@click.argument("who", required=False)
def watch(app: App, convoy: str, who: str | None) -> int:
    """Tell WHO (else you) of a convoy: when it completes or does not move, when a bead of it is stuck."""
    from gitconvoy.engine.telling import watching

    name = who or app.town().actor
    word, already = f"{name} watches {convoy}", f"{name} watches {convoy} already"
    return _change(app, convoy, name, lambda draft: watching.watch(draft, convoy, name), word, already)


@command("unwatch", "gitconvoy unwatch hq-cv-x7k2p\ngitconvoy unwatch hq-cv-x7k2p ada@example.org")
@click.argument("convoy")
@click.argument("who", required=False)
def unwatch(app: App, convoy: str, who: str | None) -> int:
    """Tell WHO (else you) no more of a convoy."""
    from gitconvoy.engine.telling import watching

    name = who or app.town().actor
    word, already = f"{name} watches {convoy} no more", f"{name} does not watch {convoy}"
    return _change(app, convoy, name, lambda draft: watching.unwatch(draft, convoy, name), word, already)


def _change(app: App, convoy: str, who: str, request: Callable[[Draft], Event | None], word: str, already: str) -> int:
    from gitconvoy.dispatch.outbox import wanted
    from gitconvoy.engine.react import transact
    from gitconvoy.engine.telling.notices import watchers
    from gitconvoy.rules.view import View

    town = app.town()
    outcome = transact(town, request)
    changed = outcome.value is not None
    commit = next((commit for event, commit in outcome.events if event is outcome.value), None)
    everybody = list(watchers(View(outcome.state), convoy))

    def text() -> None:
        say(word if changed else already, "green" if changed else None)
        told.tell(outcome, but=("watch",))

    if not wanted(town.repo) and not app.json:
        note("nobody is told anything here yet: git config gitconvoy.notify or gitconvoy.notifyUrl (docs/notices.md)")
    return told.answer(
        app, outcome, text, convoy_id=convoy, who=who, changed=changed, commit=commit, watchers=everybody
    )


@command("deliver", "gitconvoy deliver", hidden=True)
def deliver(app: App) -> int:
    """Deliver the notices that were recorded, and try those again that could not be delivered."""
    from gitconvoy.engine.telling.delivering import deliver as run
    from gitconvoy.reports.stranded import stuck

    return Exit.PARTLY if run(app.town(), stuck) else Exit.OK
