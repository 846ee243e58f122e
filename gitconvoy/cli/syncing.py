"""`sync`: this clone's ledger and a remote's become one (SPEC 7, 8)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.outcome import dry_run_option
from gitconvoy.cli.output import emit, note, say
from gitconvoy.errors import Exit

if TYPE_CHECKING:
    from gitconvoy.engine.react import Outcome
    from gitconvoy.engine.sync.replaying import Replay
    from gitconvoy.engine.sync.syncing import Synced
    from gitconvoy.engine.sync.trunks import TrunkStanding
    from gitconvoy.model.ledger import Event


@command("sync", "gitconvoy sync\ngitconvoy sync origin --dry-run\ngitconvoy sync --trunk")
@click.argument("remote", required=False)
@click.option("--trunk", "follow", is_flag=True, help="Also fast-forward the local trunk, as git pull --ff-only would.")
@dry_run_option
def sync(app: App, remote: str | None, follow: bool, dry_run: bool) -> int:
    """Fetch trunk and ledger of REMOTE, and bring the two ledgers together. Without REMOTE: the trunk's own, else
    origin, else the only one there is.

    What is only here is pushed, what is only there is taken over. Where both went on, what happened here is done again
    on top of what is there: each event's guards are checked once more, and what no longer holds is dropped, listed, and
    kept under refs/gitconvoy/kept/. Nothing is ever forced; the trunk is never pushed or merged. A clone that does not
    dispatch (gitconvoy.dispatch is off) fetches, and pushes nothing.

    Exit code 4 where others were faster each time, 5 where events were dropped, 1 where a clone that does not dispatch
    has a ledger that went another way.
    """
    from gitconvoy.engine.handin.handover import push_limit
    from gitconvoy.engine.react import react
    from gitconvoy.engine.sync import syncing, trunks
    from gitconvoy.git.remotes import Line

    town = app.town()
    line = Line(syncing.remote_of(town, remote), push_limit(town.repo), ask=_may_ask())
    found = syncing.sync(town, line, preview=dry_run)
    trunk = trunks.compare(town, found.fetched.get(town.trunk_branch()))
    outcome: Outcome[None] | None = None
    if follow and not dry_run:
        trunk = trunks.follow(town, trunk, line.remote)
        if trunk.moved and town.settings.role == "local":
            outcome = react(town, cause="command")
            if outcome.events:  # what the merged commits mean goes along at once
                syncing.sync(town, line)
    emit(app, _data(app, found, trunk, outcome, dry_run), lambda: _tell(app, found, trunk, outcome, dry_run))
    return _exit_code(app, found, short=follow and (bool(trunk.waits) or trunk.state == "diverged"))


def _may_ask() -> bool:
    """Whether somebody is there who could be asked for a password."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _exit_code(app: App, found: Synced, *, short: bool) -> int:
    """`short`: the trunk was to follow, and could not."""
    if found.before.state == "diverged" and app.town().settings.role != "local":
        return Exit.REFUSED
    return Exit.PARTLY if short or (found.replay is not None and found.replay.dropped) else Exit.OK


def _event(event: Event | None, commit: str, reason: str = "") -> dict[str, Any]:
    names = ("kind", "bead", "convoy", "worker", "attempt")
    row = {name: getattr(event, name) if event is not None else None for name in names}
    return {"commit": commit, "event": row.pop("kind"), **row, "reason": reason}


def _data(
    app: App, found: Synced, trunk: TrunkStanding, outcome: Outcome[None] | None, dry_run: bool
) -> dict[str, Any]:
    from gitconvoy.engine.sync.syncing import ahead_of_clock

    before, again = found.before, found.replay
    own = {"state": before.state, "ahead": before.ahead, "behind": before.behind, "before": before.own}
    ends = {"remote_before": before.theirs, "tip": found.tip, "ahead_of_clock": ahead_of_clock(app.town(), found)}
    names = ("branch", "state", "ahead", "behind", "moved")
    return {
        "remote": found.remote,
        "role": app.town().settings.role,
        "dry_run": dry_run,
        "fetched": dict(found.fetched),
        "ledger": {**own, **ends},
        "pushed": found.pushed,
        "moved": found.moved,
        "replayed": [_event(each.event, each.commit) for each in again.kept] if again else [],
        "known": again.known if again else 0,
        "dropped": [_event(each.event, each.commit, each.reason) for each in again.dropped] if again else [],
        "kept_as": found.kept_as,
        "fenced": [
            {"bead": each.bead, "worker": each.worker, "attempt": each.attempt, "branch": each.branch,
             "running": each.running}
            for each in found.lost
        ],
        "trunk": {**{name: getattr(trunk, name) for name in names}, "note": _trunk_note(found.remote, trunk)},
        "dispatched": told.dispatched_rows(outcome.dispatched) if outcome is not None else [],
    }  # fmt: skip


_CLOCKS_DIFFER = 60
"""Seconds that clocks may differ before it is worth a word."""
_FATES = {"start": "its worker was not begun yet"}


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _tell(app: App, found: Synced, trunk: TrunkStanding, outcome: Outcome[None] | None, dry_run: bool) -> None:
    from gitconvoy.engine.sync.syncing import ahead_of_clock
    from gitconvoy.model.clock import duration

    role = app.town().settings.role
    say(_ledger_line(found, role, dry_run))
    if found.replay is not None:
        _tell_replay(found.replay, dry_run)
        if found.pushed:
            say(f"pushed {_events(len(found.replay.kept))} to {found.remote}, and went on from there")
    if found.kept_as is not None:
        note(f"the chain as it was: git log {found.kept_as}")
    for each in found.lost:
        fate = "its worker is ended" if each.running else _FATES.get(each.via, "its worker is told so when it reports")
        kept = f"; what it committed stays on {each.branch}" if each.branch else ""
        note(f"attempt {each.attempt} of {each.bead} ({each.worker}) has lost its token: {fate}{kept}")
    if role != "local" and found.before.state in ("ahead", "diverged"):
        note(f"nothing is pushed: this clone writes no ledger (gitconvoy.dispatch is {role})")
    ahead = ahead_of_clock(app.town(), found)
    if ahead > _CLOCKS_DIFFER:
        note(
            f"warning: the ledger's newest event is dated {duration(ahead)} ahead of the clock here: until it "
            "has caught up, all that follows bears its date, and back-offs and leases wait"
        )
        note("hint: `date`, and `git log -1 --format='%cI %an' convoy-ledger`: set the clock right that is wrong")
    trunk_note = _trunk_note(found.remote, trunk)
    if trunk.moved:
        say(f"{trunk.branch} follows {found.remote}/{trunk.branch}: {_commits(trunk.behind)} further", "green")
    elif trunk_note:
        note(trunk_note)
    if outcome is not None:
        told.tell(outcome)


def _ledger_line(found: Synced, role: str, dry_run: bool) -> str:
    before, remote = found.before, found.remote
    would = "would " if dry_run else ""
    if before.state == "none":
        return f"neither this clone nor {remote} has a ledger yet"
    if before.state == "equal":
        return f"the ledger is that of {remote}"
    if before.state == "ahead":
        what = _events(before.ahead) if before.theirs else "the ledger"
        return f"{would}push{'' if dry_run else 'ed'} {what} to {remote}" if role == "local" else (
            f"fetched; {what} here that {remote} does not have"
        )  # fmt: skip
    if before.state == "behind":
        if before.own is None and role != "local":
            return f"fetched the ledger of {remote}"
        what = _events(before.behind) if before.own else "the ledger"
        return f"{would}take over {what} of {remote}" if dry_run else f"took over {what} of {remote}"
    both = f"{_events(before.ahead)} only here, {_events(before.behind)} only at {remote}"
    return f"both went on: {both}"


def _tell_replay(again: Replay, dry_run: bool) -> None:
    from gitconvoy.engine import news

    would = "would be done" if dry_run else "done"
    if again.known:
        say(f"{_events(again.known)} stood there already")
    for each in again.kept:
        line = news.of(each.event) or f"{each.event.kind} {each.event.bead or each.event.convoy or 'everything'}"
        say(f"  {would} again: {line}", "green")
    for drop in again.dropped:
        event = drop.event
        line = (news.of(event) or f"{event.kind} {event.bead or event.convoy or 'everything'}") if event else "a commit"
        say(f"  dropped: {line} ({drop.commit[:10]}): {drop.reason}", "yellow")


def _commits(count: int) -> str:
    return "1 commit" if count == 1 else f"{count} commits"


def _trunk_note(remote: str, trunk: TrunkStanding) -> str:
    """How the trunk here stands to the remote's, and what one does about it; empty where nothing is to be said."""
    name, there = trunk.branch, f"{remote}/{trunk.branch}"
    if trunk.moved or trunk.state in ("equal", "none"):
        return ""
    if trunk.waits:
        return f"{name} cannot follow {there}: {trunk.waits}"
    if trunk.state == "behind":
        how = "git pull --ff-only" if trunk.places else "gitconvoy sync --trunk"
        return f"{name} is {_commits(trunk.behind)} behind {there}: {how} brings it up to date"
    if trunk.state == "ahead":
        only = f"{name} has {_commits(trunk.ahead)} that {there} does not have"
        return (
            f"{only}: git push {remote} {name}; where that is refused, let them go through a pull request of a branch, "
            "and let convoys say merge: mr, not direct"
        )
    return (
        f"{name} and {there} have diverged ({_commits(trunk.ahead)} here, {_commits(trunk.behind)} there): "
        "git pull --rebase, or put yours on a branch of their own"
    )
