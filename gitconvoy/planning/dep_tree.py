"""The tree of links from one bead on, as lines; pure and without recursion (SPEC 4, 8 `dep tree`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from gitconvoy.dataclass import dataclass
from gitconvoy.model.plan import Link
from gitconvoy.rules.links import satisfied
from gitconvoy.rules.view import View


@dataclass(frozen=True, slots=True)
class Line:
    """One bead in the tree.

    `type` and `holder` are those of the link that leads here (empty for the root); `again`: it was opened above.
    """

    id: str
    depth: int
    title: str
    status: str
    type: str = ""
    holder: str = ""
    satisfied: bool = True
    again: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    """A link from a bead that is shown to `to`: `of` is the bead that it concerns, `holder` has it in its file."""

    to: str
    of: str
    holder: str
    link: Link


def dep_tree(
    view: View, root: str, *, reverse: bool = False, depth: int | None = None, all_types: bool = False
) -> list[Line]:
    """What `root` depends on, or with `reverse` what depends on it, down to `depth`; each bead is opened once.

    Blocking links, own and inherited; `all_types`: also own links that never block.
    """
    onward = partial(_dependents, _reversed(view, all_types)) if reverse else partial(_dependencies, view, all_types)
    lines: list[Line] = []
    opened: set[str] = set()
    todo: list[tuple[int, _Step | None]] = [(0, None)]
    while todo:
        level, step = todo.pop()
        bead_id = step.to if step else root
        following = [] if bead_id in opened or (depth is not None and level >= depth) else onward(bead_id)
        again = bead_id in opened and bool(onward(bead_id))
        lines.append(_line(view, bead_id, level, step, again))
        opened.add(bead_id)
        todo += [(level + 1, each) for each in reversed(following)]
    return lines


def _dependencies(view: View, all_types: bool, bead_id: str) -> list[_Step]:
    steps = [_Step(entry.link.target, bead_id, entry.holder, entry.link) for entry in view.graph.blockers_of(bead_id)]
    bead = view.plan.bead(bead_id)
    if all_types and bead is not None:
        steps += [_Step(link.target, bead_id, bead_id, link) for link in bead.links if not link.blocking]
    return steps


def _reversed(view: View, all_types: bool) -> Mapping[str, list[_Step]]:
    """Target -> the links to it, as their holders have them; heirs are left out, their ancestor is there."""
    found: dict[str, list[_Step]] = {}
    for bead_id in sorted(view.graph.nodes):
        for link in view.graph.nodes[bead_id].links:
            if link.blocking or all_types:
                found.setdefault(link.target, []).append(_Step(bead_id, bead_id, bead_id, link))
    return found


def _dependents(table: Mapping[str, list[_Step]], bead_id: str) -> list[_Step]:
    return table.get(bead_id, [])


def _line(view: View, bead_id: str, level: int, step: _Step | None, again: bool) -> Line:
    bead = view.plan.bead(bead_id)
    title, status = bead.title if bead else "", view.effective(bead_id).status
    if step is None:
        return Line(bead_id, level, title, status)
    passes = not step.link.blocking or satisfied(view.closed, step.of, step.link)
    return Line(bead_id, level, title, status, step.link.type, step.holder, passes, again, step.holder != step.of)
