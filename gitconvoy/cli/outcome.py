"""What a transaction did, for programs and for people; its exit code (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gitconvoy.cli.app import App
from gitconvoy.cli.output import emit, note, say
from gitconvoy.errors import Exit

if TYPE_CHECKING:
    from gitconvoy.engine.react import Dispatched, Outcome
    from gitconvoy.model.ledger import Event

F = TypeVar("F", bound=Callable[..., Any])


def dry_run_option(function: F) -> F:
    """`--dry-run`: what would be done, and nothing is."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")(function)


def force_option(text: str) -> Callable[[F], F]:
    """`--force`, with a line about what it waives."""
    return click.option("--force", is_flag=True, help=text)


def dispatched_rows(dispatched: Iterable[Dispatched]) -> list[dict[str, Any]]:
    """`dispatched[]` of SPEC 8: {bead, worker, attempt, commit}, and the convoy."""
    return [
        {
            "bead": each.bead,
            "worker": each.worker,
            "attempt": each.attempt,
            "commit": each.commit or None,
            "convoy": each.convoy,
        }
        for each in dispatched
    ]


def as_data(outcome: Outcome[Any]) -> dict[str, Any]:
    """`dispatched`, `failed`, the `events` written, and when something is next due."""
    from gitconvoy.reports.rows import when

    return {
        "dispatched": dispatched_rows(outcome.dispatched),
        "failed": [{"bead": bead, "reason": reason} for bead, reason in outcome.failed],
        "events": [
            {
                "event": event.kind,
                "convoy": event.convoy,
                "bead": event.bead,
                "worker": event.worker,
                "attempt": event.attempt,
                "reason": event.reason,
                "commit": commit or None,
            }
            for event, commit in outcome.events
            if event.kind != "init"
        ],
        "next_wake": when(outcome.next_wake),
    }


def tell(outcome: Outcome[Any], *, but: Iterable[str] = ()) -> None:
    """One line for each event, dispatches last; kinds in `but` were told already."""
    skipped = {"init", "notify", *but}
    for event, _ in sorted(outcome.events, key=lambda pair: pair[0].kind == "dispatch"):
        if event.kind not in skipped:
            say(_line(event), "green" if event.kind in ("dispatch", "complete", "done") else None)


def _line(event: Event) -> str:
    from gitconvoy.engine import news

    return news.of(event) or f"{event.kind} {event.bead or event.convoy or 'town'}"


def exit_code(outcome: Outcome[Any]) -> int:
    """Partly done where a worker could not be started; what was recorded stays recorded."""
    return Exit.PARTLY if outcome.failed else Exit.OK


def answer(app: App, outcome: Outcome[Any], text: Callable[[], None], **more: Any) -> int:
    """Answer with a transaction: `more` keys before its own; `text` is what people read. Returns the exit code."""
    emit(app, {**more, **as_data(outcome)}, text)
    if outcome.failed:
        note("hint: gitconvoy log shows the failed starts; they are tried again after a while")
    return exit_code(outcome)
