"""Odd input: damaged bytes, texts and values that programs get wrong."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from yaml_data import NASTY

ODD_BYTES = (
    b"\xff", b"\xc3", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\0",
    b"\r", b"\r\n",
    b"\t", b"\n", b"\n\n", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xe2\x80\xae", b"\x1b[31m", b"\x7f", b" ",
    b": ", b":", b"- ", b"-", b"#", b"&a ", b"*a", b"!!python/object:os.system ", b"!", b"<<: ", b"<<: *a", b"%TAG ! x",
    b"---\n", b"...\n", b"|", b">-\n", b"? ", b"[", b"]", b"{", b"}", b",", b'"', b"'", b"\\", b"\\ud800", b"@", b"`",
    b"<<<<<<< ours\n", b"=======\n", b">>>>>>> theirs\n", b".inf", b"-.INF", b".nan", b"0o17", b"0x1f", b"1e999",
    b"9" * 400, b"9" * 5000, b"2024-13-45", b"9999-12-31T23:59:59-23:59", b"null", b"~", b"true",
    b"x" * 3000, b"[" * 40,
    b"{a: " * 40, b"- " * 40, "\u00e9\U0001f680".encode(),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, *originals: bytes) -> bytes:
    """A file that was in order until a few bytes of it were cut, doubled, swapped, put in or changed."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        how = draw(st.integers(0, 6))
        if how == 0:
            data = data[:start] + data[end:]
        elif how == 1:
            data = data[:end] + data[start:]
        elif how == 2:
            data = data[:start] + data[start:end][::-1] + data[end:]
        elif how == 3:
            data = data[:start]
        elif how == 4:
            data = data[:start] + draw(st.binary(max_size=4)) + data[end:]
        elif how == 5:
            data = data[:start] + draw(st.sampled_from(ODD_BYTES)) + data[end:]
        else:
            data = data[:start] + draw(st.sampled_from(ODD_BYTES)) + data[start:]
    return data


ODD_TEXTS = (
    *NASTY, "\ud800", "\udcff", "a\udcff", "-", "--", "-x", "--json", "--help", "..", "../x", "/", "/etc/passwd",
    "a/../b",
    ".lock", "a.lock", "@", "@{", "@{u}", "HEAD", "HEAD~999999999", "HEAD^{tree}", "a..b", "a...b", ":/foo", ":/(", ":",
    "refs/heads/main", "main:.convoy", "^main", "main^{/(}", "gt-a", "gt-x", "gt-none", "GT-A", "hq-cv-1",
    "HQ-CV-1", "gt",
    "gt-", "g", "0", "-1", "1", "4", "5", "99999999999999999999", "9" * 5000, "\u0663", "\u00b2", "1e9", "1h",
    "30m", "0s", "999999d",
    "999999d999999h", "2024-01-01", "1969-12-31", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+23:59",
    "10000-01-01",
    "2024-W01-1", "20240101T000000Z", "title=x", "status=closed", "status=", "=", "=x", "x-y=1", "metadata=[[[[",
    "priority=9",
    "priority=\u0663", "depends_on=gt-a", "labels=a,b", "{bead}", "{}", "{0}", "%s", "%", "\n", "a\nb", "a\tb",
    "*", "**/**/*", "[", "!",
    "convoy-ledger", "main", "x" * 5000, "\U0001f680" * 300, "a b", " ", "external:x", "external:", "@person",
    "gt/polecat-1",
)  # fmt: skip
odd_texts = st.one_of(
    st.sampled_from(ODD_TEXTS), st.text(max_size=8), st.text(st.characters(categories=["Cs", "Cc", "Cf"]), max_size=4)
)
"""Texts with anything in them, halves of surrogate pairs and control characters above all."""

odd_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from([0, -1, 1, 2**31, 2**63, -(2**64), 10**300, 0.5, -0.0, 1e308, float("inf"), float("nan")]),
        st.integers(-3, 9),
        st.sampled_from([text for text in ODD_TEXTS if not any("\ud800" <= char <= "\udfff" for char in text)]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "type", "gate", "a", "", "x-y", "gt-a", "0"]), inner, max_size=3),
    ),
    max_leaves=6,
)
"""Values of every type that YAML and JSON know, most of them of the wrong one wherever they are put."""
