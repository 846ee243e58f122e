"""`why`: the verdict of every rule on a bead, the commits and ids behind it, and what to do next (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitconvoy.engine.local import Local
from gitconvoy.ledger.read import Entry
from gitconvoy.model.clock import iso
from gitconvoy.reports import failures
from gitconvoy.reports.attempt_rows import attempt_note
from gitconvoy.reports.handed_in import wait_of
from gitconvoy.reports.rows import bead_row
from gitconvoy.rules.facts import Blocker
from gitconvoy.rules.ready import Verdict
from gitconvoy.rules.view import View

_EVENTS: Mapping[str, frozenset[str]] = {
    "tracked": frozenset({"launch", "complete", "close", "land", "reopen", "pause", "resume"}),
    "status": frozenset({"dispatch", "done", "merged", "reopen", "fail"}),
    "live": frozenset({"dispatch", "submit"}),
    "attempts": failures.EVENTS | {"retry"},
    "backoff": failures.EVENTS,
    "paused": frozenset({"pause", "resume"}),
}
"""Rule -> the events that it rests on."""
_SHOWN = 10


def why(
    view: View,
    local: Local,
    bead_id: str,
    entries: Sequence[Entry] = (),
    *,
    actor: str | None = None,
    introduced: Callable[[Sequence[Blocker]], Mapping[Blocker, dict[str, Any] | None]] = dict.fromkeys,
) -> dict[str, Any]:
    """{bead, ready, rules[], next_step} and more.

    `entries` are the ledger's, newest first: those of the bead, of the convoys that track it, and of the town. Each
    rule names the `commits` that it rests on; `history` holds the bead's last events. `blocked_by` holds the links that
    are not satisfied, each with what `introduced` says of it: the commit that wrote it.
    """
    verdicts = view.verdicts(bead_id, actor=actor)
    own = [entry for entry in entries if entry.bead == bead_id]
    effective = view.effective(bead_id)
    blockers = view.blocked_by(bead_id)
    written = introduced(blockers) if blockers else {}
    return {
        "bead": bead_id,
        "ready": all(verdict.ok for verdict in verdicts),
        "status": effective.status,
        "outcome": effective.outcome,
        "source": effective.source,
        "about": bead_row(view, bead_id),
        "rules": [_rule(verdict, bead_id, view.tracking(bead_id), entries, written) for verdict in verdicts],
        "blocked_by": [
            {
                "id": each.target,
                "type": each.type,
                "holder": each.holder,
                "message": each.message,
                "introduced": written.get(each),
            }
            for each in blockers
        ],
        "unreachable_by": list(view.unreachable().get(bead_id, ())),
        "next_step": next_step(view, local, bead_id, verdicts),
        "history": [entry.as_dict() for entry in own[:_SHOWN]],
        "trunk": view.state.trunk,
        "ledger": view.ledger.tip,
    }


def _rule(
    verdict: Verdict,
    bead: str,
    convoys: Sequence[str],
    entries: Sequence[Entry],
    written: Mapping[Blocker, dict[str, Any] | None],
) -> dict[str, Any]:
    wanted = _EVENTS.get(verdict.rule, frozenset())
    abouts: dict[str, set[str | None]] = {"tracked": {*convoys}, "paused": {None, *convoys}}
    about = abouts.get(verdict.rule)
    commits = [
        entry.commit
        for entry in entries
        if entry.event in wanted and (entry.bead == bead if about is None else not entry.bead and entry.convoy in about)
    ]
    if verdict.rule in ("tracked", "paused", "live", "status"):
        commits = commits[:1]  # the last word is what counts
    if verdict.rule == "links":
        commits = list(dict.fromkeys(each["commit"] for each in written.values() if each is not None))
    message = verdict.message
    if verdict.rule in ("attempts", "backoff") and not verdict.ok:
        message = failures.with_last(message, failures.last_failures([bead], entries).get(bead))
    return {
        "rule": verdict.rule,
        "ok": verdict.ok,
        "message": message,
        "ids": list(verdict.ids),
        "commits": commits[:_SHOWN],
    }


def next_step(view: View, local: Local, bead_id: str, verdicts: Sequence[Verdict]) -> str:
    """One sentence: what somebody can do now, or that nobody has to."""
    effective = view.effective(bead_id)
    record = view.ledger.bead(bead_id)
    failed = {verdict.rule: verdict for verdict in verdicts if not verdict.ok}
    if effective.closed:
        return _closed(bead_id, effective.source, effective.outcome)
    if record.live:
        doing = f"{record.worker} has it (attempt {record.attempt})"
        if record.submitted:
            wait = wait_of(view.plan, local, record)
            return f"{record.worker} has handed it in (attempt {record.attempt}): {wait.reason}"
        note = attempt_note(view, local, record)
        return f"{doing}: wait for done or fail{'; ' + note if note else ''}; gitconvoy unsling {bead_id} takes it back"
    if causes := view.unreachable().get(bead_id):
        return f"it is behind {causes[0]}, which failed: gitconvoy bead retry {causes[0]}, or reopen it"
    for rule, step in _STEPS.items():
        if rule in failed:
            return step(view, bead_id, failed[rule])
    return _ready(view, local, bead_id)


def _closed(bead: str, source: str, outcome: str | None) -> str:
    if source in ("epic", "moot", "tombstone"):
        return f"nothing: it is closed ({outcome}) by what it consists of or depends on"
    return f"nothing: it is closed ({outcome}); gitconvoy bead reopen {bead} opens it again"


def _ready(view: View, local: Local, bead: str) -> str:
    if local.paused:
        return "dispatch is paused on this machine: git config --unset gitconvoy.paused"
    if local.via is None:
        return f"gitconvoy next --claim takes it; this machine starts nothing: {local.trouble}"
    if not view.config.dispatch.auto:
        return f"gitconvoy sling {bead}, gitconvoy feed, or gitconvoy next --claim (dispatch.auto is off)"
    return "gitconvoy scan dispatches it as soon as there is room"


def _tracked(view: View, bead: str, _: Verdict) -> str:
    ids = view.tracking(bead)
    if not ids:
        return f"gitconvoy sling {bead} makes a convoy for it, gitconvoy add CONVOY {bead} adds it to one"
    if len(ids) > 1:
        return f"remove it from all but one of them: gitconvoy remove {ids[-1]} {bead}"
    status = view.convoy_status(ids[0])
    if status != "open":
        return f"gitconvoy launch {ids[0]}"
    if view.plan.convoys[ids[0]].paused:
        return f"remove `paused` from {view.plan.convoys[ids[0]].path} and commit"
    return f"gitconvoy resume {ids[0]}"


def _status(view: View, bead: str, _: Verdict) -> str:
    effective = view.effective(bead)
    if effective.category == "wip":
        return (
            f"a person is at it by its file: gitconvoy bead close {bead} when it is done, bead reopen to give it back"
        )
    return f"set its status to open when it may go on: gitconvoy bead set {bead} status=open"


def _links(view: View, bead: str, verdict: Verdict) -> str:
    first = verdict.ids[0] if verdict.ids else bead
    return f"see what holds up {first}: gitconvoy why {first}" if view.plan.bead(first) else f"{verdict.message}"


def _paused(view: View, _: str, __: Verdict) -> str:
    return "gitconvoy resume --all" if view.ledger.paused else "remove dispatch.paused from .convoy/config.yaml"


def _attempts(view: View, bead: str, _: Verdict) -> str:
    record = view.ledger.bead(bead)
    if record.conflict is None:
        return f"gitconvoy bead retry {bead} forgets its failures"
    branch = record.branch or record.submitted
    return f"merge {branch} by hand and resolve what conflicts, or begin anew: gitconvoy bead retry {bead}"


def _backoff(view: View, bead: str, _: Verdict) -> str:
    due = view.ledger.bead(bead).not_before
    return f"wait until {iso(due) if due else 'then'}, or forget its failures: gitconvoy bead retry {bead}"


def _rig_step(view: View, bead: str, _: Verdict) -> str:
    rig = view.rig_of(bead)
    if rig is None:
        return "add its prefix to a rig in .convoy/config.yaml"
    return f"bring that repository back, or git config gitconvoy.rig.{rig.name}.path DIR names where it is now"


_STEPS: Mapping[str, Callable[[View, str, Verdict], str]] = {
    "readable": lambda _, __, verdict: f"gitconvoy validate: {verdict.message}",
    "slingable": lambda _, bead, __: f"nobody is dispatched for it: gitconvoy bead close {bead} when it is settled",
    "status": _status,
    "tracked": _tracked,
    "rig": _rig_step,
    "links": _links,
    "attempts": _attempts,
    "reserved": lambda _, bead, verdict: (
        f"{verdict.message}: that person claims it, or gitconvoy bead set {bead} assignee="
    ),
    "parked": lambda _, bead, __: f"un-park its rig in .convoy/config.yaml, or gitconvoy sling {bead} --force",
    "deferred": lambda _, bead, verdict: f"{verdict.message}: wait, or gitconvoy bead set {bead} defer_until=",
    "backoff": _backoff,
    "overlap": lambda _, bead, verdict: f"{verdict.message}: wait, or gitconvoy sling {bead} --force",
    "paused": _paused,
}
"""Rule -> what to do about it; the first that failed is told, worst first."""
