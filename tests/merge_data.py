"""Three versions of plan files for property tests of merging: texts in the layouts that people and editors write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, Kind
from gitconvoy.yamlio.layout import entry

_IDS = ("gt-a", "gt-b", "gt-c", "gt-d")
_WORDS = ("x", "y", "z", "w")
_LINES = ("one", "two", "three", "", "# no comment", "a: b")
_texts = st.lists(st.sampled_from(_LINES), min_size=1, max_size=4).map(lambda lines: "\n".join(lines) + "\n")
_words = st.lists(st.sampled_from(_WORDS), unique=True, max_size=3)
_times = st.sampled_from(("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", "2025-03-01"))
_links = st.lists(
    st.one_of(
        st.sampled_from(_IDS),
        st.builds(
            lambda one, kind: {"id": one, "type": kind},
            st.sampled_from(_IDS),
            st.sampled_from(_LINK_TYPES := ("waits-for", "related")),
        ),
    ),
    max_size=3,
)
_extra = st.one_of(
    st.integers(0, 3), st.sampled_from(_WORDS), _words, st.dictionaries(st.sampled_from(_WORDS), st.integers(0, 2))
)
_mapping = st.dictionaries(st.sampled_from(_WORDS), _extra, max_size=3)
_comments = st.lists(
    st.fixed_dictionaries(
        {"text": st.sampled_from(_WORDS)},
        optional={"id": st.integers(1, 3), "author": st.sampled_from(_WORDS), "created_at": _times},
    ),
    max_size=3,
)
_shared = {
    "owner": st.sampled_from(_WORDS),
    "priority": st.integers(0, 4),
    "labels": _words,
    "created_at": _times,
    "updated_at": _times,
    "metadata": _mapping,
    "x-note": _extra,
    "closed_at": _times,
    "close_reason": _texts,
}
_FIELDS: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    BEAD.name: {
        **_shared,
        "type": st.sampled_from(("task", "bug")),
        "depends_on": _links,
        "touches": _words,
        "description": _texts,
        "notes": _texts,
        "comments": _comments,
        "status": st.sampled_from(("open", "open", "in_progress", "closed")),
        "assignee": st.sampled_from(_WORDS),
        "outcome": st.sampled_from(("done", "failed")),
    },
    CONVOY.name: {
        **_shared,
        "tracks": st.lists(st.sampled_from(_IDS), unique=True, max_size=3),
        "notify": st.one_of(st.sampled_from(_WORDS), _words),
        "watchers": _words,
        "paused": st.booleans(),
        "status": st.sampled_from(("staged_ready", "staged_warnings", "open", "closed")),
    },
    CONFIG.name: {
        "prefix": st.sampled_from(("gt", "web")),
        "rigs": st.dictionaries(
            st.sampled_from(_WORDS),
            st.fixed_dictionaries(
                {},
                optional={"prefixes": _words.filter(bool), "parked": st.booleans(), "max_workers": st.integers(1, 3)},
            ),
            max_size=2,
        ),
        "dispatch": st.fixed_dictionaries({}, optional={"paused": st.booleans(), "max_workers": st.integers(1, 3)}),
        "types": st.dictionaries(st.sampled_from(_WORDS), st.booleans(), max_size=2),
        "statuses": st.dictionaries(st.sampled_from(_WORDS), st.sampled_from(("wip", "done")), max_size=2),
        "metadata": _mapping,
    },
}
_NAMED: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    BEAD.name: {"id": st.just("gt-x"), "title": st.sampled_from(("A", "B"))},
    CONVOY.name: {"id": st.just("hq-cv-1"), "title": st.sampled_from(("A", "B"))},
    CONFIG.name: {"format": st.just(1)},
}


def documents(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    """Documents of a kind that mostly fit its schema."""
    return st.fixed_dictionaries(dict(_NAMED[kind.name]), optional=dict(_FIELDS[kind.name]))


@st.composite
def texts(draw: st.DrawFn, kind: Kind, document: Mapping[str, Any]) -> str:
    """A document as some person's editor has it: own comments, blank lines, order of keys, flow style."""
    keys = list(document)
    if draw(st.integers(0, 3)) == 0:
        keys = draw(st.permutations(keys))
    lines = []
    for key in keys:
        if draw(st.integers(0, 5)) == 0:
            lines.append(draw(st.sampled_from(("", "# a", "# b", "# c", "  # d"))))
        value = document[key]
        if isinstance(value, list) and draw(st.integers(0, 3)) == 0 and all(isinstance(item, str) for item in value):
            own = [f"{key}: [{', '.join(value)}]"]
        else:
            own = entry(key, value, "", flow_items=key in kind.sets)
            if len(own) > 1 and own[0].endswith(":") and draw(st.integers(0, 5)) == 0:
                own.insert(1, "  # inside")
        if len(own) == 1 and '"' not in own[0] and draw(st.integers(0, 5)) == 0:
            own[0] += draw(st.sampled_from(("  # e", " # f")))
        lines += own
    return "".join(f"{line}\n" for line in lines)


@st.composite
def versions(draw: st.DrawFn, kind: Kind) -> tuple[str | None, str, str]:
    """Base, ours, theirs; two sides that share most with their base, or none."""
    old = draw(documents(kind))
    base = draw(texts(kind, old))
    if draw(st.integers(0, 5)) == 0:
        return None, draw(texts(kind, old)), draw(texts(kind, draw(documents(kind))))
    return base, _changed(draw, kind, old, base), _changed(draw, kind, old, base)


def _changed(draw: st.DrawFn, kind: Kind, old: Mapping[str, Any], base: str) -> str:
    fresh = draw(documents(kind))
    keys = draw(st.sets(st.sampled_from(sorted({*old, *fresh})), max_size=3)) - {"id", "format"}
    if not keys:
        return base
    new = {
        key: (fresh if key in keys else old)[key]
        for key in dict.fromkeys((*old, *fresh))
        if key in (fresh if key in keys else old)
    }
    if "title" in old:
        new.setdefault("title", old["title"])
    return draw(texts(kind, new))
