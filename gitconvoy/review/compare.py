"""The meaning of a change: two plans, the ledger and the time -> one plain value (SPEC 8, `diff`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.checks.transitions import check_merge_transitions, check_transitions
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Problem
from gitconvoy.graph.waves import WavePlan, waves
from gitconvoy.model.kinds import CONVOY
from gitconvoy.model.ledger import CLOSED, OPEN, Ledger
from gitconvoy.model.plan import Plan
from gitconvoy.model.state import State
from gitconvoy.review import effects, files, findings
from gitconvoy.review.picture import draw
from gitconvoy.rules.view import View

Row = dict[str, Any]
_NO_WAVES = WavePlan()
_MARKS = {
    **{name: name for name in ("added", "removed", "changed")},
    "archived": "removed",
    "restored": "added",
    "unreadable": "changed",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the plan as the rules see it: both sides with the same ledger, None where none is at hand, and time.

    `parts`: what `after` is made of, beside `before`: the head and what is merged into it; empty for files that are not
    committed yet. `conflicts`: what a merge could not decide. `branch_exists` as for `stage.analyse`.
    """

    before: Plan
    after: Plan
    ledger: Ledger | None
    now: int
    parts: Sequence[Plan] = ()
    conflicts: Sequence[Problem] = ()
    branch_exists: findings.BranchExists | None = None
    placed: Callable[[Sequence[Problem]], Sequence[Problem]] = field(default=list)
    """Looks up the lines of problems of `after`."""


class _Side:
    """One plan, its answers and its waves."""

    def __init__(self, plan: Plan, ledger: Ledger, now: int) -> None:
        self.plan = plan
        self.view = View(effects.settled(State(plan, ledger, now)))
        self.waves: dict[str, WavePlan] = {}
        self._found: findings.Found | None = None

    def lay(self, convoys: Sequence[str]) -> None:
        """Work out the waves of those of these convoys that there are."""
        for convoy_id in convoys:
            if convoy_id in self.plan.convoys and convoy_id not in self.waves:
                self.waves[convoy_id] = waves(self.view.graph, self.plan.convoys[convoy_id].tracks)

    def found(self, change: Change) -> findings.Found:
        """What is wrong, worked out once."""
        if self._found is None:
            self._found = findings.find(self.view, change.ledger, self.waves, change.branch_exists)
        return self._found

    def status(self, convoy_id: str) -> str | None:
        known = convoy_id in self.plan.convoys or convoy_id in self.plan.broken
        return self.view.convoy_status(convoy_id) if known else None

    def longest_chain(self, convoy_id: str) -> int:
        tracks = self.plan.convoys[convoy_id].tracks if convoy_id in self.plan.convoys else ()
        return max((self.view.remaining(one) for one in tracks), default=0)


def compare(change: Change) -> Row:
    """The change in full. Ids are sorted where nothing else is said.

    - `beads`, `links`, `settings`: as of `files`; `convoys[]`: those that the change concerns, as of `_convoy`
    - `ready` {added[], removed[]}, `dispatch[]` with `order` and `new`, `waiting[]`, `attempts[]`: as of `effects`;
      `held`: why nothing is dispatched by itself, or ""
    - `findings[]`: new ones, as of `findings.rows`, each with `together` (True: neither part has it alone); `mended[]`
    - `ok`: no new finding is an error; `changed`: whether there is anything to say at all
    """
    ledger = change.ledger or Ledger()
    before = _Side(change.before, ledger, change.now)
    after = before if change.after is change.before else _Side(change.after, ledger, change.now)
    ids = _convoys(before, after)
    before.lay(ids)
    after.lay(ids)
    queued = effects.queues(before.view, after.view)
    placed, waiting = effects.dispatches(after.view, queued["after"])
    earlier, _ = effects.dispatches(before.view, queued["before"])
    found = _findings(change, before, after)
    convoys = [row for one in ids if (row := _convoy(before, after, one)) is not None]
    beads = files.beads(before.view, after.view)
    ready = effects.ready(before.view, after.view, queued)
    marks = {row["id"]: _MARKS[kind] for kind, rows in beads.items() for row in rows}
    for row in convoys:
        row["picture"] = draw(before.view, after.view, row, marks, [each["id"] for each in ready["added"]])
    data: Row = {
        "beads": beads,
        "links": files.links(change.before, change.after),
        "settings": files.settings(change.before, change.after),
        "convoys": convoys,
        "ready": ready,
        "dispatch": effects.fresh(placed, {row["id"] for row in earlier}),
        "waiting": waiting,
        "held": _held(after.view),
        "attempts": effects.attempts(before.view, after.view, ledger),
        **found,
    }
    data["ok"] = all(row["severity"] != "error" for row in data["findings"])
    data["changed"] = _says_something(data)
    return data


def _says_something(data: Mapping[str, Any]) -> bool:
    lists = [*data["beads"].values(), *data["links"].values(), *data["ready"].values()]
    lists += [data[name] for name in ("settings", "convoys", "attempts", "findings", "mended")]
    return any(lists) or any(row["new"] for row in data["dispatch"])


def _held(view: View) -> str:
    """Why ready beads stay where they are whatever room there is; paused dispatch makes none ready."""
    if view.config.dispatch.auto:
        return ""
    return "dispatch.auto is false in .convoy/config.yaml: nothing is dispatched by itself"


def _convoys(before: _Side, after: _Side) -> list[str]:
    """The convoys to look at: all but those that are closed on both sides with the same file."""
    ids = {*before.plan.convoys, *after.plan.convoys}
    concerned = {
        one
        for one in ids
        if {before.status(one), after.status(one)} != {CLOSED}
        or before.plan.convoys[one].data != after.plan.convoys[one].data
    }
    return sorted(concerned | files.gone_unread(before.plan, after.plan, CONVOY))


def _findings(change: Change, before: _Side, after: _Side) -> Row:
    was, now = (side.found(change) for side in (before, after))
    unread = {problem.path for problem in change.conflicts}
    moves = _transitions(change)
    problems = [*change.conflicts, *(each for each in now.problems if each.path not in unread), *moves]
    new = findings.fresh(was, findings.Found(tuple(problems), now.staged))
    together = _together(change, new.problems)
    marked = [(each, each in together) for each in new.problems]
    rows = [
        {**findings.rows(findings.Found(tuple(change.placed([each])), {}))[0], "together": both}
        for each, both in marked
    ]
    rows += [{**row, "together": False} for row in findings.rows(findings.Found((), new.staged))]
    return {
        "findings": sorted(rows, key=lambda row: (row["severity"] != "error", not row["together"])),
        "mended": [row for row in findings.rows(findings.fresh(now, was)) if _is_there(change.after, row["ids"])],
    }


def _is_there(plan: Plan, ids: Sequence[str]) -> bool:
    """Whether a finding went away by itself, not with all that it was about."""
    return not ids or any(plan.bead(one) is not None or one in plan.convoys for one in ids)


def _transitions(change: Change) -> list[Problem]:
    """Where each step of a branch was checked when it was made, the result is compared as a merge is (SPEC 3.3).

    What the base says already is not the change's doing, however far behind it the parts are.
    """
    ledger = change.ledger or Ledger()
    if not change.parts:
        return check_transitions(change.before, change.after, ledger)
    return check_merge_transitions([change.before, *change.parts], change.after, ledger, trunk=change.before)


def _together(change: Change, problems: Sequence[Problem]) -> list[Problem]:
    """The problems that no part of a merge has alone: two clean branches can make a cycle."""
    if len(change.parts) < 2:
        return []
    found = list(problems)
    for part in change.parts:
        if found:
            known = findings.Found((*part.problems, *check_plan(part, change.ledger)), {})
            found = list(findings.fresh(known, findings.Found(tuple(found), {})).problems)
    return found


def _convoy(before: _Side, after: _Side, convoy_id: str) -> Row | None:
    """What happens to a convoy, or None where that is nothing.

    {id, title, change, fields[], tracks{}, status{}, paused{}, beads, waves{}, moves[], critical_path{},
    longest_chain{}, in_cycle[], completes}, to which `picture` (of `picture.draw`) comes later. Pairs have `before` and
    `after`; where the convoy is not, its status is None there and its lists are empty. `waves`: lists of ids; `moves`:
    {bead, title, before, after}, numbers of waves, None: none; `longest_chain`: how many beads that are not closed the
    longest chain still has; `beads`: how many it tracks.
    """
    file = files.convoy_file(before.plan, after.plan, convoy_id)
    row = {"id": convoy_id, "title": "", **file, "beads": 0}
    for side in (before, after):
        convoy = side.plan.convoys.get(convoy_id)
        if convoy is not None:
            row |= {"title": convoy.title, "beads": len(set(convoy.tracks))}
    laid = [side.waves.get(convoy_id, _NO_WAVES) for side in (before, after)]
    row |= {
        "status": _pair([side.status(convoy_id) for side in (before, after)]),
        "paused": _pair([side.view.convoy_paused(convoy_id) for side in (before, after)]),
        "waves": _pair([[list(wave) for wave in each.waves] for each in laid]),
        "moves": _moves(laid, [after.plan, before.plan], file["change"]),
        "critical_path": _pair([list(each.critical_path) for each in laid]),
        "longest_chain": _pair([side.longest_chain(convoy_id) for side in (before, after)]),
        "in_cycle": sorted(laid[1].in_cycle - laid[0].in_cycle),
        "completes": _completes(after, convoy_id) and not _completes(before, convoy_id),
    }
    return row if file["change"] != "none" or row["completes"] or _moved(row) else None


def _moved(row: Row) -> bool:
    pairs = (row[name] for name in ("status", "paused", "waves", "critical_path", "longest_chain"))
    return any(pair["before"] != pair["after"] for pair in pairs)


def _completes(side: _Side, convoy_id: str) -> bool:
    return side.status(convoy_id) == OPEN and side.view.completion(convoy_id) is not None


def _pair(both: Sequence[Any]) -> Row:
    return dict(zip(("before", "after"), both, strict=True))


def _moves(laid: Sequence[WavePlan], plans: Sequence[Plan], change: str) -> list[Row]:
    if change in ("added", "removed", "unreadable"):
        return []
    was, now = ({one: n for n, wave in enumerate(each.waves, 1) for one in wave} for each in laid)
    found = []
    for one in sorted({*was, *now}):
        if was.get(one) != now.get(one):
            title = next((bead.title for plan in plans if (bead := plan.bead(one)) is not None), "")
            found.append({"bead": one, "title": title, "before": was.get(one), "after": now.get(one)})
    return sorted(found, key=lambda row: (row["after"] or 0, row["bead"]))
