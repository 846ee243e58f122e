"""Random states for property tests: small, with every kind of link, parent and oddity."""

from __future__ import annotations

from builders import NOW, bead, config, convoy, fact, live, record, state
from hypothesis import strategies as st

from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.plan import OUTCOMES, Bead, Link
from gitconvoy.model.state import State

_LINK_TYPES = ("blocks", "blocks", "waits-for", "waits-for", "conditional-blocks", "merge-blocks", "related")
_TYPES = ("task", "task", "task", "bug", "epic", "epic", "decision")
_STATUSES = ("open", "open", "open", "open", "closed", "in_progress", "blocked")
_NOWHERE = ("gt-none", "external:else-1")


@st.composite
def states(draw: st.DrawFn, most: int = 8) -> State:
    """A state of up to `most` beads: links and parents at random, so with cycles of both, and a convoy of some."""
    ids = [f"gt-{number}" for number in range(draw(st.integers(1, most)))]
    wild = draw(st.integers(0, 4)) == 0
    beads = [_bead(draw, bead_id, ids, ids if wild else ids[:at]) for at, bead_id in enumerate(ids)]
    records = [known for bead_id in ids if (known := _record(draw, bead_id)) is not None]
    return state(
        *beads,
        *records,
        convoy("hq-cv-1", *draw(st.lists(st.sampled_from([*ids, *ids, "gt-none"]), unique=True))),
        config=config(inherit_blockers=draw(st.integers(0, 3)) > 0, auto_close_epics=draw(st.integers(0, 4)) > 0),
        broken=draw(st.sets(st.sampled_from(ids), max_size=1)) if draw(st.integers(0, 3)) == 0 else (),
    )


def _bead(draw: st.DrawFn, bead_id: str, ids: list[str], parents: list[str]) -> Bead:
    targets = st.sampled_from([*ids, *ids, *ids, *_NOWHERE])
    gates = st.sampled_from([None, None, "any-children"])
    oddity = draw(st.integers(0, 15))
    return bead(
        bead_id,
        *draw(st.lists(st.builds(Link, targets, st.sampled_from(_LINK_TYPES), gates), max_size=3)),
        type=draw(st.sampled_from(_TYPES)),
        parent=draw(st.sampled_from([None, *parents, *parents, "gt-none"])),
        status=draw(st.sampled_from(_STATUSES)),
        outcome=draw(st.sampled_from([None, None, *OUTCOMES, "failed"])),
        assignee=draw(st.sampled_from([None, None, None, "somebody"])),
        defer_until=draw(st.sampled_from([None, None, None, None, 1, NOW + 60])),
        archived=oddity in (1, 2),
        tombstone=oddity == 3,
    )


def _record(draw: st.DrawFn, bead_id: str) -> BeadRecord | None:
    match draw(st.integers(0, 9)):
        case 0:
            return fact(bead_id, draw(st.sampled_from(OUTCOMES)), draw(st.sampled_from(["open", "closed"])))
        case 1:
            return live(bead_id, submitted=draw(st.sampled_from([None, "c0ffee"])))
        case 2:
            return record(bead_id, submitted="c0ffee", merged_as=draw(st.sampled_from([None, "cafe"])))
        case 3:
            return record(
                bead_id, failures=draw(st.integers(0, 4)), not_before=draw(st.sampled_from([None, 1, NOW + 60]))
            )
        case _:
            return None
