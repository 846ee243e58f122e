"""Data for property tests of the YAML layer: bead-like documents full of texts that YAML readers get wrong."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gitconvoy.model.kinds import BEAD

NASTY = (
    "", " ", "  x", "x  ", "\t", "a\tb", "\ttab first", "'", '"', "it's", 'say "x"', "\\", "a\\b", "'\"\\", ":",
    "a:", "a: b", ":a", "a:b", "#", "# x", "a #b", "a#b", "-", "- a", "-a", "--- x", "---", "...", "? a", "?",
    "&a", "*a", "!a", "|", ">", "%x", "@x", "`x`", "<<", "[a]", "{a}", "a, b", "a]", "yes", "no", "on", "Off",
    "null", "Null", "~", "true", "TRUE", "1e3", "0x1f", "0o17", "017", "1_000", "1.", ".5", "+1", "-0", "1:30",
    ".inf", "-.INF", ".nan", "2024-01-01", "2024-01-01T00:00:00Z", "9" * 400, "=", "é", "日本語",
    "👩‍🚀", "\u200bzero", "\x85", "a\u2028b", "a\u2029b", "\ufeffbom", "\x1b[31mred\x1b[0m", "\x00",
    "\x7f", "\x9f", "\u202eabc", "\ufffe", "\U0001ffff", "\U000e0001", "a\nb", "a\nb\n", "a\nb\n\n",
    "a\n\n\nb\n\n\n", "\n", "\n\n", "\na", "\n\n a\n", " a\nb", "a\n  b\n", "a\n \nb", "a\n  ", "a\n  \n",
    "a \nb ", "\n  \na", "\ta\nb", "a\n\tb", "a\n\t", "# a\n# b\n", "---\na\n...\n", "a\r\nb\r\n", "a\rb",
    "\r\n", "a\r\n b", "a\n\x1b\n", "a\n\x85b\n", "\n\x1b", "<<<<<<< ours\nb", "a: |\n  b\n", "- a\n- b",
    "x\n\u2028\ny", "\u3000wide\n\u3000", "a" * 2000, "k" * 600 + ": v",
)  # fmt: skip

characters = st.characters(exclude_categories=["Cs"])
"""All characters but halves of surrogate pairs, which no file can hold."""
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(characters, max_size=20),
    st.text(st.sampled_from("ab \n\t:#-'\"\\|>\r\x1b{}[],&*?!%@"), max_size=12),
    st.lists(st.sampled_from(NASTY), min_size=2, max_size=4).map("\n".join),
)
lines = texts.map(lambda text: text.replace("\n", " "))
scalars = st.one_of(
    texts,
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
ids = st.from_regex(r"\A[a-z]{1,3}-[a-z0-9]{1,5}\Z")
links = st.one_of(
    ids,
    texts,
    st.fixed_dictionaries({"id": st.one_of(ids, texts)}, optional={"type": texts, "gate": texts, "x-note": values}),
)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "depends_on": st.lists(links, max_size=5),
    "labels": st.lists(texts, max_size=5),
    "touches": st.lists(texts, max_size=3),
    "metadata": st.dictionaries(texts, values, max_size=4),
    "comments": st.lists(
        st.fixed_dictionaries({"author": lines, "text": texts}, optional={"metadata": values}), max_size=3
    ),
    "priority": st.integers(0, 4),
    "estimate_minutes": st.integers(0, 10**6),
}
fields = {key: _FIELDS.get(key, texts) for key in BEAD.keys if key != "id"}
extra_keys = texts.filter(lambda text: len(text) < 500).map(lambda text: f"x-{text}")


@st.composite
def beads(draw: st.DrawFn) -> dict[str, Any]:
    """A bead-like document in any key order, with keys of its own."""
    bead: dict[str, Any] = {"id": draw(ids)}
    bead |= draw(st.fixed_dictionaries({}, optional=fields))
    bead |= draw(st.dictionaries(extra_keys, values, max_size=2))
    return dict(draw(st.permutations(list(bead.items()))))


changes = st.builds(
    lambda known, extra: {**known, **extra},
    st.fixed_dictionaries({}, optional={key: st.none() | strategy for key, strategy in fields.items()}),
    st.dictionaries(extra_keys, values, max_size=2),
)
