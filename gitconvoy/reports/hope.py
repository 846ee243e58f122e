"""Which waiting beads will move without anybody doing something about it: by time, or behind work that goes on."""

from __future__ import annotations

from gitconvoy.model.plan import Bead
from gitconvoy.rules.view import View

_PASS_BY_THEMSELVES = frozenset({"deferred", "backoff", "overlap"})
"""Rules that pass by time, or once what is being worked on has ended."""
_PASSABLE = _PASS_BY_THEMSELVES | {"links"}
Needs = tuple[str, ...]


class Hope:
    """Answers worked out once each, behind whatever they rest on; without recursion, and a cycle has no hope."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[str, bool] = {}

    def moves(self, bead_id: str) -> bool:
        """Whether the bead has ended, is being worked on, or will be once time has passed and others are done."""
        stack = [bead_id]
        under_way: dict[str, Needs] = {}
        while stack:
            one = stack[-1]
            if one in self._known:
                stack.pop()
            elif one in under_way:
                self._known[one] = all(self._known.get(other, False) for other in under_way[one])
                stack.pop()
            else:
                needs = self._needs(one)
                if needs is None:
                    self._known[one] = False
                else:
                    under_way[one] = needs
                    stack += [other for other in needs if other not in self._known and other not in under_way]
        return self._known[bead_id]

    def _needs(self, bead_id: str) -> Needs | None:
        """What has to end first; None where that is not enough."""
        view = self._view
        effective = view.effective(bead_id)
        if effective.closed or effective.category == "wip":
            return ()
        bead = view.plan.beads.get(bead_id)
        if bead is None:
            return None
        if not view.config.slingable(bead.type):
            return self._of_epic(bead)
        return self._blockers(bead_id) if view.is_ready(bead_id, waive=_PASSABLE) else None

    def _of_epic(self, bead: Bead) -> Needs | None:
        """An epic closes with its children; nobody closes a decision but a person."""
        children = self._view.graph.children(bead.id)
        if not (self._view.config.auto_close_epics and self._view.graph.is_epic(bead.id) and children):
            return None
        own = self._blockers(bead.id)
        return None if own is None else (*own, *children)

    def _blockers(self, bead_id: str) -> Needs | None:
        found: list[str] = []
        for blocker in self._view.blocked_by(bead_id):
            if self._view.effective(blocker.target).closed:
                return None  # it has ended, and not in the way that this bead waits for
            found += blocker.ids or (blocker.target,)
        return tuple(found)
