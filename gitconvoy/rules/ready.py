"""The rules of "ready" as a list that one loop evaluates and `why` prints (SPEC 4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from gitconvoy.dataclass import dataclass
from gitconvoy.model.clock import iso
from gitconvoy.model.plan import Bead
from gitconvoy.rules.facts import Facts
from gitconvoy.rules.touches import overlaps

_Reason = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of a bead: passed or not, in words, and the ids behind it."""

    rule: str
    ok: bool
    message: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by name: `holds` decides, `explain(…, ok)` says why. Both get the bead and the actor, if there is one."""

    name: str
    holds: Callable[[Facts, Bead, str | None], bool]
    explain: Callable[[Facts, Bead, str | None, bool], _Reason]


def _tracked(facts: Facts, bead: Bead, _: str | None) -> bool:
    convoy = facts.convoy_of(bead.id)
    return convoy is not None and not facts.convoy_paused(convoy)


def _why_tracked(facts: Facts, bead: Bead, _: str | None, ok: bool) -> _Reason:
    ids = facts.tracking(bead.id)
    if ok:
        return f"{ids[0]} tracks it and is open", ids
    if not ids:
        return "no open convoy tracks it", ()
    if len(ids) > 1:
        return f"{len(ids)} convoys that are not closed track it ({', '.join(ids)}), so none may dispatch it", ids
    status = facts.convoy_status(ids[0])
    return f"{ids[0]} tracks it, but is {'paused' if status == 'open' else status + ', not open'}", ids


def _status(facts: Facts, bead: Bead, _: str | None) -> bool:
    return facts.effective(bead.id).category == "active"


def _why_status(facts: Facts, bead: Bead, _: str | None, ok: bool) -> _Reason:
    status = facts.effective(bead.id)
    if ok:
        return f"its status is {status.status}", ()
    origin = {
        "ledger": "says the ledger",
        "file": "says its file",
        "epic": "all its children are closed",
        "moot": "what it was to follow did not fail",
        "attempt": "an attempt is live",
    }.get(status.source, status.source)
    outcome = f" ({status.outcome})" if status.outcome else ""
    return f"its status is {status.status}{outcome}, not open: {origin}", ()


def _live(facts: Facts, bead: Bead, _: str | None) -> bool:
    return not facts.ledger.bead(bead.id).live


def _why_live(facts: Facts, bead: Bead, _: str | None, ok: bool) -> _Reason:
    if ok:
        return "no attempt is live", ()
    record = facts.ledger.bead(bead.id)
    state = "has handed in its work, which is not merged yet" if record.submitted else "is at it"
    return f"attempt {record.attempt} is live: {record.worker or 'a worker'} {state}", ()


def reserved(facts: Facts, bead: Bead, actor: str | None) -> bool:
    """Whether nobody has reserved the bead, or the actor has."""
    return not bead.assignee or bead.assignee == actor or facts.config.category(bead.status) != "active"


def _why_reserved(_: Facts, bead: Bead, actor: str | None, ok: bool) -> _Reason:
    if not ok:
        return f"it is reserved for {bead.assignee}", ()
    return (f"it is reserved for {actor}" if bead.assignee and bead.assignee == actor else "it is not reserved"), ()


def _slingable(facts: Facts, bead: Bead, _: str | None) -> bool:
    return facts.config.slingable(bead.type)


def _why_slingable(_: Facts, bead: Bead, __: str | None, ok: bool) -> _Reason:
    return f"beads of type {bead.type} are {'' if ok else 'never '}dispatched", ()


def _deferred(facts: Facts, bead: Bead, _: str | None) -> bool:
    return bead.defer_until is None or bead.defer_until <= facts.now


def _why_deferred(_: Facts, bead: Bead, __: str | None, ok: bool) -> _Reason:
    if bead.defer_until is None:
        return "it is not deferred", ()
    return f"it {'was' if ok else 'is'} deferred until {iso(bead.defer_until)}", ()


def _links(facts: Facts, bead: Bead, _: str | None) -> bool:
    return facts.passes(bead.id)


def _why_links(facts: Facts, bead: Bead, _: str | None, ok: bool) -> _Reason:
    if ok:
        return "every blocking link is satisfied", ()
    blockers = facts.blocked_by(bead.id)
    ids = tuple(dict.fromkeys(other for blocker in blockers for other in (blocker.target, *blocker.ids)))
    return "; ".join(blocker.message for blocker in blockers), ids


def _rig(facts: Facts, bead: Bead, _: str | None) -> bool:
    return facts.rig_of(bead.id) is not None and facts.plan.away_reason(bead.id) is None


def _why_rig(facts: Facts, bead: Bead, _: str | None, ok: bool) -> _Reason:
    rig = facts.rig_of(bead.id)
    if (away := facts.plan.away_reason(bead.id)) is not None:
        return away, ()
    return (f"its rig is {rig.name}" if rig is not None and ok else "no rig has a prefix that fits its id"), ()


def _parked(facts: Facts, bead: Bead, _: str | None) -> bool:
    rig = facts.rig_of(bead.id)
    return rig is None or not rig.parked


def _why_parked(facts: Facts, bead: Bead, _: str | None, ok: bool) -> _Reason:
    rig = facts.rig_of(bead.id)
    if rig is None:
        return "it has no rig that could be parked", ()
    return f"rig {rig.name} is {'not ' if ok else ''}parked", ()


def _attempts(facts: Facts, bead: Bead, _: str | None) -> bool:
    record = facts.ledger.bead(bead.id)
    return record.failures < facts.config.dispatch.max_attempts and record.conflict is None


def _why_attempts(facts: Facts, bead: Bead, _: str | None, ok: bool) -> _Reason:
    conflict = facts.ledger.bead(bead.id).conflict
    if conflict is not None:
        return f"it was given back to a person: {conflict}", ()
    text = f"{facts.ledger.bead(bead.id).failures} of {facts.config.dispatch.max_attempts} attempts have failed"
    return (text if ok else f"it is exhausted: {text}"), ()


def _backoff(facts: Facts, bead: Bead, _: str | None) -> bool:
    not_before = facts.ledger.bead(bead.id).not_before
    return not_before is None or not_before <= facts.now


def _why_backoff(facts: Facts, bead: Bead, _: str | None, ok: bool) -> _Reason:
    not_before = facts.ledger.bead(bead.id).not_before
    if ok or not_before is None:
        return "it need not wait after a failure", ()
    return f"after its last failure it waits until {iso(not_before)}", ()


def _overlapping(facts: Facts, bead: Bead) -> tuple[str, ...]:
    rig = facts.rig_of(bead.id)
    if rig is None or not bead.touches:
        return ()
    busy = (other for other in facts.busy_in(rig) if other.id != bead.id)
    return tuple(other.id for other in busy if overlaps(bead.touches, other.touches))


def _overlap(facts: Facts, bead: Bead, _: str | None) -> bool:
    return not _overlapping(facts, bead)


def _why_overlap(facts: Facts, bead: Bead, _: str | None, __: bool) -> _Reason:
    ids = _overlapping(facts, bead)
    if ids:
        return f"it may change the same files as {', '.join(ids)}, being worked on", ids
    return "nothing that is being worked on is expected to change the same files", ()


def _paused(facts: Facts, _: Bead, __: str | None) -> bool:
    return not (facts.ledger.paused or facts.config.dispatch.paused)


def _why_paused(facts: Facts, _: Bead, __: str | None, ok: bool) -> _Reason:
    if ok:
        return "dispatch is not paused", ()
    return f"dispatch is paused, says {'the ledger' if facts.ledger.paused else '.convoy/config.yaml'}", ()


def _obstacle(facts: Facts, bead: Bead) -> _Reason | None:
    """What makes the bead, or what decides on it, unfit to be judged: it is frozen until that is mended."""
    if facts.plan.config_broken:
        return "the settings (.convoy/config.yaml) cannot be read", ()
    if bead.id in facts.plan.broken:
        return "its file cannot be read", (bead.id,)
    if bead.archived or bead.tombstone:
        return "it is archived", ()
    if (ancestor := facts.unreadable_ancestor(bead.id)) is not None:
        if (away := facts.plan.unseen(ancestor)) is not None:
            return f"{ancestor}, which it belongs to, cannot be seen: {away}", (ancestor,)
        return f"the file of {ancestor}, which it belongs to, cannot be read", (ancestor,)
    for convoy in facts.tracking(bead.id):
        if broken := facts.convoy_frozen_by(convoy):
            return f"{convoy} is frozen: files that cannot be read: {', '.join(broken)}", (convoy, *broken)
    return _cycle(facts, bead)


def _cycle(facts: Facts, bead: Bead) -> _Reason | None:
    if bead.id in facts.graph.hierarchy.cyclic:
        cycle = next(cycle for cycle in facts.graph.parent_cycles if bead.id in cycle)
        return f"its parents form a cycle: {' -> '.join((*cycle, cycle[0]))}", cycle
    if bead.id in facts.graph.in_cycle:
        return "it is part of a dependency cycle", ()
    return None


def _readable(facts: Facts, bead: Bead, _: str | None) -> bool:
    return _obstacle(facts, bead) is None


def _why_readable(facts: Facts, bead: Bead, _: str | None, __: bool) -> _Reason:
    return _obstacle(facts, bead) or ("its file and its convoy are in order, and it is in no cycle", ())


RULES = (
    Rule("tracked", _tracked, _why_tracked),
    Rule("status", _status, _why_status),
    Rule("live", _live, _why_live),
    Rule("reserved", reserved, _why_reserved),
    Rule("slingable", _slingable, _why_slingable),
    Rule("deferred", _deferred, _why_deferred),
    Rule("links", _links, _why_links),
    Rule("rig", _rig, _why_rig),
    Rule("parked", _parked, _why_parked),
    Rule("attempts", _attempts, _why_attempts),
    Rule("backoff", _backoff, _why_backoff),
    Rule("overlap", _overlap, _why_overlap),
    Rule("paused", _paused, _why_paused),
    Rule("readable", _readable, _why_readable),
)
FORCED_RULES = frozenset({"reserved", "overlap", "parked"})
"""What `sling --force` waives beside capacity; never type, links or a live attempt (SPEC 7)."""
RULE_NAMES = tuple(rule.name for rule in RULES)


def verdicts(facts: Facts, bead_id: str, actor: str | None, waive: frozenset[str]) -> tuple[Verdict, ...]:
    """What every rule says of a bead, in the order of `RULES`; a rule that is waived passes and says so.

    For an id whose file does not exist or cannot be read there is one verdict, `readable`; for one whose repository
    cannot be used, `rig`.
    """
    bead = facts.plan.bead(bead_id)
    if bead is None and (away := facts.plan.unseen(bead_id)) is not None:
        return (Verdict("rig", False, away, (bead_id,)),)
    if bead is None:
        broken = bead_id in facts.plan.broken
        message = "its file cannot be read" if broken else f"there is no bead {bead_id}"
        return (Verdict("readable", False, message, (bead_id,)),)
    return tuple(_verdict(rule, facts, bead, actor, waive) for rule in RULES)


def failing(facts: Facts, bead_id: str, actor: str | None, waive: frozenset[str]) -> tuple[Verdict, ...]:
    """Those of the verdicts that are not passed: nothing is worded of the others."""
    bead = facts.plan.bead(bead_id)
    if bead is None:
        return verdicts(facts, bead_id, actor, waive)
    return tuple(
        Verdict(rule.name, False, *rule.explain(facts, bead, actor, False))
        for rule in RULES
        if rule.name not in waive and not rule.holds(facts, bead, actor)
    )


def _verdict(rule: Rule, facts: Facts, bead: Bead, actor: str | None, waive: frozenset[str]) -> Verdict:
    ok = rule.holds(facts, bead, actor)
    message, ids = rule.explain(facts, bead, actor, ok)
    if not ok and rule.name in waive:
        return Verdict(rule.name, True, f"waived: {message}", ids)
    return Verdict(rule.name, ok, message, ids)


def is_ready(facts: Facts, bead_id: str, actor: str | None, waive: frozenset[str]) -> bool:
    """Whether every rule that is not waived holds; the first that fails ends it."""
    bead = facts.plan.beads.get(bead_id)
    if bead is None:
        return False
    for holds in _not_waived(waive):  # noqa: SIM110 - what `all` iterates over costs as much as a rule
        if not holds(facts, bead, actor):
            return False
    return True


@lru_cache(maxsize=32)
def _not_waived(waive: frozenset[str]) -> tuple[Callable[[Facts, Bead, str | None], bool], ...]:
    return tuple(rule.holds for rule in RULES if rule.name not in waive)
