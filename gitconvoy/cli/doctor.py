"""`doctor`: what is not as it should be on this machine, and what mends it (SPEC 8)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, say
from gitconvoy.errors import Exit, UsageError

if TYPE_CHECKING:
    from gitconvoy.doctor.examine import Examination

_STYLES = {"error": "red", "warning": "yellow", "note": None}
_UNITS = ("systemd", "cron", "launchd")


@command("doctor", "gitconvoy doctor\ngitconvoy doctor --fix\ngitconvoy doctor --print-unit cron")
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything.")
@click.option(
    "--print-unit",
    "unit",
    type=click.Choice(_UNITS),
    is_flag=False,
    flag_value=_UNITS[0],
    help="Print an entry for systemd (the default), cron or launchd that keeps this town going; nothing is installed.",
)
@click.option(
    "--accept-ledger", is_flag=True, help="The ledger branch was set back or replaced, and is right as it is."
)
def doctor(app: App, fix: bool, unit: str | None, accept_ledger: bool) -> int:
    """Look at this machine, the repository, hooks, settings, plan, ledger, and what is left of attempts.

    Each finding says what was seen, what should be, why, and which command helps. Work is never thrown away, settings
    are never changed. Exit code 1 where an error is left. docs/doctor.md lists all that is looked at.
    """
    if (unit is not None) + fix + accept_ledger > 1:
        raise UsageError(
            "--fix, --print-unit and --accept-ledger exclude each other", hint="give one of them", code="options-clash"
        )
    if unit is not None:
        return _print_unit(app, unit)
    if accept_ledger:
        return _accept(app)
    from gitconvoy.doctor.environment import versions
    from gitconvoy.doctor.examine import examine

    found = examine(app.directory, app.actor, fix=fix)
    data = {
        "ok": found.ok,
        "findings": [each.as_dict() for each in found.findings],
        "checked": list(found.checked),
        "skipped": list(found.skipped),
        "versions": versions(),
    }
    emit(app, data, lambda: _tell(found))
    return Exit.REFUSED if found.errors else Exit.OK


def _tell(found: Examination) -> None:
    for each in found.findings:
        mark = "mended" if each.fixed else each.severity
        say(f"{mark}: {each.subject}: {each.observed}", "green" if each.fixed else _STYLES[each.severity])
        if each.fixed:
            continue
        say(f"  expected: {each.expected}")
        say(f"  because:  {each.why}")
        for line in each.commands:
            say(f"  $ {line}")
    if found.findings:
        say()
    say(f"looked at {', '.join(found.groups) or 'nothing'}: {_verdict(found)}", "green" if found.ok else None)
    if found.skipped:
        say(f"because of what is said above, not or not wholly looked at: {', '.join(found.unseen)}")


def _verdict(found: Examination) -> str:
    left = [each.severity for each in found.findings if not each.fixed]
    counts = [f"{left.count(kind)} {kind}{'s' if left.count(kind) > 1 else ''}" for kind in _STYLES if kind in left]
    if found.ok:
        return "all is as it should be" + (f" ({', '.join(counts)})" if counts else "")
    mendable = any(each.open and each.fix is not None for each in found.findings)
    return ", ".join(counts) + ("; `gitconvoy doctor --fix` mends some of it" if mendable else "")


def _print_unit(app: App, kind: str) -> int:
    from gitconvoy.doctor.unit import unit
    from gitconvoy.engine.settings import LOCAL

    town = app.town()
    made = unit(kind, town.home(), sys.executable)
    data = {"kind": made.kind, "name": made.name, "text": made.text, "steps": list(made.steps)}
    emit(app, data, lambda: say(made.text.removesuffix("\n")))
    if not app.json:
        note("nothing was installed; to do that:")
        for step in made.steps:
            note(f"  $ {step}")
        if town.settings.role != LOCAL:
            note("this clone does not dispatch (gitconvoy.dispatch is not local): a scan here is refused")
    return Exit.OK


def _accept(app: App) -> int:
    from gitconvoy.engine import rewound
    from gitconvoy.engine.settings import require_role

    town = app.town()
    require_role(town.settings)
    found = rewound.accept(town)
    data = {
        "accepted": found is not None,
        "tip": town.ledger_tip(),
        "before": found.last if found is not None else None,
    }
    said = (
        f"the ledger counts as it stands; before, it held {found.last[:10]}" if found else "nothing was wrong with it"
    )
    emit(app, data, lambda: say(said))
    return Exit.OK
