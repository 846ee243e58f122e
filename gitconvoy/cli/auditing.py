"""`audit`: replay the ledger and check each commit against the rules (SPEC 7, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, progress_bar, say
from gitconvoy.errors import Exit, NotFound, Refused

if TYPE_CHECKING:
    from gitconvoy.audit.run import Report

_SHOWN = 50


@command("audit", "gitconvoy audit\ngitconvoy audit origin/convoy-ledger")
@click.argument("rev", required=False)
def audit(app: App, rev: str | None) -> int:
    """Replay the ledger from its root, and check each commit against the event table and the rules.

    Works in any clone that has the ledger branch, and writes nothing. Of what the ledger alone cannot prove (leases,
    limits of machines, proofs in other repositories) only the form is checked. Exit code 1 where something is wrong.
    """
    from gitconvoy.audit.run import audit as check
    from gitconvoy.git import refs

    town = app.town()
    tip = refs.resolve(town.repo, rev) if rev is not None else town.ledger_tip()
    if tip is None and rev is not None:
        raise NotFound(f"there is no commit {rev!r}", hint="name a ledger branch, such as origin/convoy-ledger")
    if tip is None:
        hint = "git fetch origin convoy-ledger:convoy-ledger brings a shared one"
        raise Refused("there is no ledger here: nothing was checked", hint=hint, code="no-ledger")
    with progress_bar("auditing") as tell:
        report = check(town.repo, tip, tell)
    emit(app, report.as_dict(), lambda: _tell(report))
    return Exit.OK if report.ok else Exit.REFUSED


def _tell(report: Report) -> None:
    for finding in report.findings[:_SHOWN]:
        colour = "red" if finding.severity == "error" else "yellow"
        about = f" ({', '.join(finding.ids)})" if finding.ids else ""
        say(
            f"{finding.commit[:10]} {finding.event}: {finding.severity}: {finding.message}{about} [{finding.rule}]",
            colour,
        )
    if len(report.findings) > _SHOWN:
        say(f"... and {len(report.findings) - _SHOWN} more; --json has all")
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    if report.findings:
        say(f"{report.checked} commits checked: {errors} errors, {warnings} warnings")
    else:
        say(f"{report.checked} commits checked: all of them follow from the rules")
