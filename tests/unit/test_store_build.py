"""A plan that follows another one by the files that differ is the plan of all files (SPEC 3.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitconvoy.model.plan import Plan
from gitconvoy.store.build import build, updated
from gitconvoy.store.reading import Source

PLACES = (
    ".convoy/config.yaml", ".convoy/beads/gt-a.yaml", ".convoy/beads/gt-b.yaml", ".convoy/beads/x/gt-b.yaml",
    ".convoy/beads/gt-c.yaml", ".convoy/beads/GT-C.yaml", ".convoy/archive/gt-a.yaml", ".convoy/convoys/hq-cv-1.yaml",
    ".convoy/convoys/gt-c.yaml", ".convoy/archive/convoys/hq-cv-1.yaml", ".convoy/plans/hq-cv-1.yaml",
    ".convoy/plans/hq-cv-2.yaml", ".convoy/plans/x/hq-cv-3.yaml", ".convoy/beads/notes.md", ".convoy/beads/gt-d.yml",
    ".convoy",
)  # fmt: skip
TEXTS = ("id: {0}\ntitle: One\n", "id: {0}\ntitle: Two\nstatus: closed\n", "id: {0}\n", "id: other\ntitle: One\n")
Files = Mapping[str, str]

files = st.dictionaries(st.sampled_from(PLACES), st.sampled_from(TEXTS))


def sources(content: Files) -> dict[str, Source]:
    """The files as a tree would give them."""
    found = {}
    for path, text in content.items():
        said = "format: 1\n" if path == PLACES[0] else text
        data = said.format(path.rsplit("/", 1)[-1].removesuffix(".yaml")).encode()
        oid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        found[path] = Source(path, oid, partial(bytes, data), path != ".convoy")
    return found


def listed(plan: Plan) -> list[list[str]]:
    """Ids in their order."""
    return [list(plan.beads), list(plan.archive), list(plan.convoys)]


@settings(max_examples=400)
@given(files, files, st.sets(st.sampled_from(PLACES)))
@example({PLACES[1]: TEXTS[0], PLACES[4]: TEXTS[0]}, {PLACES[2]: TEXTS[0]}, {PLACES[2]})
@example({PLACES[1]: TEXTS[0]}, {}, {PLACES[1]})
@example({PLACES[1]: TEXTS[0], PLACES[4]: TEXTS[0]}, {PLACES[5]: TEXTS[0]}, {PLACES[4], PLACES[5]})
def test_to_follow_is_to_build_anew(old: Files, other: Files, at: set[str]) -> None:
    new = {path: text for path in PLACES if (text := (other if path in at else old).get(path)) is not None}
    before, after = sources(old), sources(new)
    changed = {path: after.get(path) for path in PLACES if old.get(path) != new.get(path)}
    found = updated(build(before.values(), "1"), changed, "2")
    if found is not None:
        assert found == build(after.values(), "2")
        assert listed(found) == listed(build(after.values(), "2"))


def test_beads_that_come_and_go_are_followed() -> None:
    old = dict.fromkeys((PLACES[0], PLACES[1], PLACES[4]), TEXTS[0])
    came = sources({**old, PLACES[2]: TEXTS[0]})
    found = updated(build(sources(old).values()), {PLACES[2]: came[PLACES[2]]}, None)
    assert found is not None
    assert list(found.beads) == ["gt-a", "gt-b", "gt-c"]
    gone = updated(found, {PLACES[1]: None}, None)
    assert gone is not None
    assert list(gone.beads) == ["gt-b", "gt-c"]
