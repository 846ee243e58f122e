"""Plan files: the waves of each convoy as bytes, and which of them are stale (SPEC 3.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from gitconvoy.graph.build import Graph
from gitconvoy.graph.unseen import doubtful
from gitconvoy.graph.waves import plan_data, waves
from gitconvoy.model.ids import is_id
from gitconvoy.model.kinds import PLAN
from gitconvoy.model.ledger import CLOSED, Ledger
from gitconvoy.model.places import schema_url
from gitconvoy.model.plan import Convoy, Plan
from gitconvoy.model.state import State
from gitconvoy.planning.documents import plan_path
from gitconvoy.rules.view import View
from gitconvoy.yamlio.writer import dump


def plan_bytes(graph: Graph, convoy: Convoy) -> bytes:
    """The plan file of a convoy: a pure function of links, types and `tracks`."""
    data = plan_data(convoy.id, waves(graph, convoy.tracks))
    return dump(data, PLAN, schema_url(plan_path(convoy.id), PLAN))


def plan_files(
    plan: Plan, ledger: Ledger | None = None, only: Collection[str] | None = None, view: View | None = None
) -> dict[str, bytes]:
    """The plan file of each convoy that is not closed, by convoy id; `only` limits it to some.

    `view`: one of this plan and ledger, where there is one already.

    Closed (by effective status: the ledger's, where there is one) convoys are left out, as their plans are frozen, and
    so are convoys that track an unreadable bead, since its links are unknown, and convoys with beads that a repository
    leaves in doubt, because it is away (SPEC 7). With a broken config there are none.
    """
    if plan.config_broken:
        return {}
    view = view or View(State(plan, ledger or Ledger()))
    wanted = _unfrozen(view, only)
    if not wanted:
        return {}
    doubts = doubtful(view.graph)
    return {convoy.id: plan_bytes(view.graph, convoy) for convoy in wanted if not _in_doubt(plan, convoy, doubts)}


def _in_doubt(plan: Plan, convoy: Convoy, doubts: frozenset[str]) -> bool:
    """Whether waves could only be guessed; what is never in a wave makes no difference."""
    for one in convoy.tracks:
        bead = plan.bead(one)
        if plan.unseen(one) is not None or (one in doubts and bead and plan.config.slingable(bead.type)):
            return True
    return False


def stale(
    plan: Plan, ledger: Ledger | None = None, only: Collection[str] | None = None, view: View | None = None
) -> dict[str, bytes | None]:
    """What to write so that plan files say what they should: path -> new bytes, or None to delete.

    Only what differs is returned, by comparing blob ids; plans of deleted convoys go, plans of closed and of
    unreadable convoys stay as they are. `only` and `view`: as with `plan_files`.
    """
    changes: dict[str, bytes | None] = {}
    for convoy_id, data in plan_files(plan, ledger, only, view).items():
        if plan.plan_blobs.get(convoy_id) != blob_id(data):
            changes[plan_path(convoy_id)] = data
    for convoy_id in _left_behind(plan, plan.plan_blobs if only is None else only):
        changes[plan_path(convoy_id)] = None
    return dict(sorted(changes.items()))


def blob_id(data: bytes) -> str:
    """The id that git gives to these bytes."""
    return hashlib.sha1(b"blob %d\x00" % len(data) + data, usedforsecurity=False).hexdigest()


def _unfrozen(view: View, only: Collection[str] | None) -> list[Convoy]:
    """What is closed stays as it is; but for convoys that are going to be open again as soon as anybody reacts."""
    plan, ledger = view.plan, view.ledger
    readable = [
        convoy
        for convoy_id, convoy in sorted(plan.convoys.items())
        if (only is None or convoy_id in only) and plan.broken.isdisjoint(convoy.tracks)
    ]
    closed = {convoy.id for convoy in readable if view.convoy_status(convoy.id) == CLOSED}
    if any(ledger.convoy(convoy_id).completed_at is not None for convoy_id in closed):
        closed.difference_update(view.going_on())
    return [convoy for convoy in readable if convoy.id not in closed]


def frozen_are_right(view: View) -> bool:
    """Whether plan files say what they should also of completed convoys that go on where beads close.

    That may be where beads cannot close, as one before them has failed.
    """
    plan = view.plan
    frozen = [plan.convoys[each] for each in view.completed() if view.convoy_status(each) == CLOSED]
    return all(plan.plan_blobs.get(convoy.id) == blob_id(plan_bytes(view.graph, convoy)) for convoy in frozen)


def _left_behind(plan: Plan, candidates: Iterable[str]) -> list[str]:
    """Ids of plan files whose convoy was deleted. A name that is no id is not ours to delete."""
    return [
        convoy_id
        for convoy_id in sorted(candidates)
        if convoy_id in plan.plan_blobs
        and convoy_id not in plan.convoys
        and convoy_id not in plan.broken
        and is_id(convoy_id)
    ]
