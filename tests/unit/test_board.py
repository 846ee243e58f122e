"""The board in the ledger's tree: what it says, that it is bounded, and that text in it stays text (SPEC 1, 9)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from builders import NOW, bead, config, convoy, fact, live, record, state
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from plan_strategies import states

from gitconvoy.engine.telling import board
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.markdown_text import code, plain
from gitconvoy.model.plan import Dispatch
from gitconvoy.model.state import State
from gitconvoy.rules.view import View

CONVOY = "hq-cv-1"
HOSTILE = [
    "<script>alert(1)</script>",
    "</td></table><h1>x",
    "a | b | c",
    "`code` and ``more``",
    "[link](https://evil.example)",
    "![](https://evil.example/pixel.png)",
    "https://evil.example and www.evil.example",
    "@everyone please look, @org/team too",
    "fixes #1, GH-12, !3 and ~label %2 ^x $9 &4",
    "**bold** _it_ ~~gone~~ :tada:",
    "\\| \\` \\<b>",
    "&lt;b&gt; &#60; &amp;",
    "line\nbreak\r\n| row |",
    "bidi \u202egnp.exe\u2066 \x1b[31mred\x07\x00",
    "$$x^2$$ and $x$",
    "half \ud800 a pair",
    "# head",
    "- item",
]


def parsed(page: bytes) -> list[Any]:
    """The page's tokens, as a renderer of GitHub's tables reads them."""
    tokens = []
    for token in MarkdownIt("commonmark").enable("table").parse(page.decode()):
        tokens += [token, *(token.children or ())]
    return tokens


def kinds(page: bytes) -> set[str]:
    return {token.type for token in parsed(page)}


def cells(page: bytes) -> list[str]:
    return [token.content for token in parsed(page) if token.type in ("text", "code_inline", "text_special")]


def render(*items: Any, **fields: Any) -> str:
    return board.render(View(state(*items, **fields))).decode()


BUSY = (
    bead("gt-a"),
    bead("gt-b", title="Write the parser"),
    bead("gt-c", title="Write the printer"),
    bead("gt-d", "gt-b"),
    bead("gt-e"),
    convoy(CONVOY, "gt-a", "gt-b", "gt-c", "gt-d", title="Busy"),
    convoy("hq-cv-2", "gt-e", title="Staged", status="staged_ready"),
    fact("gt-a", attempt=1),
    live("gt-b", convoy=CONVOY, attempt=2, since=NOW - 3600),
    live("gt-c", "gt/polecat-2", convoy=CONVOY, submitted="c" * 40, branch="convoy/gt-c-1", since=NOW - 60),
    ConvoyRecord(CONVOY, status="open", file_status="open", launched_at=NOW - 60),
)


def test_what_happens_now() -> None:
    page = render(*BUSY)
    assert page.startswith("# Convoys\n\ngitconvoy writes this page into the commits that it adds to this branch")
    assert "| `hq-cv-1` | Busy | `█████░░░░░░░░░░░░░░░` 1/4 | 1 at work, 1 to merge |" in page
    assert "| `gt-b` | Write the parser | `gt/polecat-1` | 2 | " in page
    assert "| `gt-c` | Write the printer | `gt/polecat-2` | `convoy/gt-c-1` | `cccccccccc` | the trunk |" in page
    assert "1 convoy is staged: nothing of it is dispatched before `gitconvoy launch`." in page
    assert "Stuck" not in page


def test_a_town_at_rest() -> None:
    assert "No convoy is open." in render(bead("gt-a"))


@pytest.mark.parametrize(
    ("closed", "total", "wanted"),
    [(0, 0, 0), (0, 5, 0), (1, 1000, 1), (999, 1000, 19), (1000, 1000, 20), (1, 2, 10)],
)
def test_only_what_is_all_done_is_full(closed: int, total: int, wanted: int) -> None:
    assert board.bar(closed, total) == f"`{'█' * wanted}{'░' * (20 - wanted)}` {closed}/{total}"


def stuck(*items: Any, **fields: Any) -> list[str]:
    page = render(*items, **fields)
    return page.partition("## Stuck\n\n| What | Why |\n| --- | --- |\n")[2].partition("\n\n")[0].splitlines()


def test_what_is_stuck_and_why() -> None:
    opened = ConvoyRecord(CONVOY, status="open", file_status="staged_ready")
    flow = convoy(CONVOY, "gt-a", "gt-b", status="staged_ready")
    beads = (bead("gt-a"), bead("gt-b", "gt-a"))
    rows = stuck(*beads, flow, opened, record("gt-a", attempt=3, failures=3))
    assert rows[0] == "| `gt-a` | 3 attempts have failed: `gitconvoy bead retry` tries again |"
    assert rows[1].startswith(f"| `{CONVOY}` | `gt-a`: ")
    conflict = record("gt-a", attempt=1, failures=1, submitted="c" * 40, conflict="a|b.txt")
    assert stuck(*beads, flow, opened, conflict)[0] == "| `gt-a` | it cannot be merged: a&#124;b.txt |"
    paused = ConvoyRecord(CONVOY, status="open", file_status="staged_ready", paused=True)
    assert stuck(*beads, flow, paused) == [f"| `{CONVOY}` | it is paused |"]
    assert stuck(*beads, flow, opened) == [f"| `{CONVOY}` | `gt-a` is ready, and waits for a worker |"]
    outside = (bead("gt-a", "gt-x"), bead("gt-b", "gt-a"), bead("gt-x"))
    (row,) = stuck(*outside, flow, opened)
    assert row.startswith(f"| `{CONVOY}` | `gt-a`: ")
    assert "gt-x" in row
    empty = convoy(CONVOY, status="open")
    assert stuck(empty) == [f"| `{CONVOY}` | it tracks nothing |"]
    owned = convoy(CONVOY, "gt-a", status="open", owned=True)
    assert "its owner lands it" in stuck(bead("gt-a", status="closed"), owned)[0]


def test_what_is_paused() -> None:
    assert "**Everything is paused:**" in render(bead("gt-a"), paused=True)
    assert "**Dispatch is paused**" in render(config=config(dispatch=Dispatch(paused=True)))


def test_closed_convoys_the_last_first() -> None:
    page = render(
        bead("gt-a", status="closed"),
        convoy("hq-cv-1", "gt-a", status="closed", data={"closed_at": "1970-01-02T00:00:00Z"}),
        convoy("hq-cv-2", "gt-a", status="open"),
        convoy("hq-cv-3", "gt-b", status="closed", data={"outcome": "partial", "closed_at": "no time"}),
        ConvoyRecord("hq-cv-2", status="closed", file_status="open", completed_at=NOW, outcome="done"),
    )
    rows = [line for line in page.partition("## Closed")[2].splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == ["hq-cv-2", "hq-cv-1", "hq-cv-3"]
    assert rows[1].endswith("| done | 1/1 | 1970-01-02T00:00:00Z |")
    assert rows[2].endswith("| partial | 0/1 |  |")


# --- text stays text ------------------------------------------------------------------------------------------------

QUIET = kinds(render(*BUSY).encode())


@pytest.mark.parametrize("title", HOSTILE)
def test_text_of_people_is_nothing_but_text(title: str) -> None:
    page = render(
        bead("gt-b", title=title),
        convoy(CONVOY, "gt-b", title=title, status="open"),
        live("gt-b", title, convoy=CONVOY, since=NOW),
    ).encode()
    assert kinds(page) <= QUIET, "no markup but the page's own"
    assert not re.search(rb"[<>]|https?://|www\.|@[A-Za-z]|#[0-9A-Za-z]+(?![0-9;])|!\[", page.replace(b"&#", b""))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page.decode())
    rows = [line for line in page.decode().splitlines() if line.startswith("| ")]
    assert {line.count(" | ") for line in rows} == {3, 5}


@given(st.text(max_size=120))
def test_any_text_comes_back_as_it_was_but_for_what_is_hidden(title: str) -> None:
    page = f"| a | b |\n| --- | --- |\n| x | {plain(title)} |\n".encode("utf-8", "replace")
    found = kinds(page) - {"table_open", "thead_open", "tr_open", "th_open", "inline", "th_close", "tr_close"}
    assert found <= {
        "thead_close",
        "tbody_open",
        "td_open",
        "td_close",
        "tbody_close",
        "table_close",
        "text",
        "text_special",
    }
    rows = page.decode().splitlines()
    assert len(rows) == 3


def test_words_can_still_be_read() -> None:
    title = "Fix: 50% of *.txt [a] <b> | c_d"
    shown = "".join(cells(f"| a |\n| --- |\n| {plain(title)} |\n".encode())).removeprefix("a")
    assert shown.replace("\u200b", "") == title


def test_long_text_is_cut() -> None:
    assert len(plain("x" * 500)) == 80
    assert len(code("x" * 500)) == 80


# --- bounded --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title", ["Short", "|" * 500, "\U0001f4a5" * 500, "@a" * 250], ids=["short", "pipes", "wide", "at"]
)
def test_a_large_town_has_a_small_page(title: str) -> None:
    beads = [bead(f"gt-{number:04d}", title=title) for number in range(1000)]
    convoys = [
        convoy(f"hq-cv-{n:03d}", *(b.id for b in beads[n * 5 : n * 5 + 5]), title=title, status="open")
        for n in range(200)
    ]
    lives = [
        live(each.id, title, convoy=None, submitted="c" * 40 if n % 2 else None, branch=title)
        for n, each in enumerate(beads[:300])
    ]
    stopped = [record(each.id, failures=3, conflict=title) for each in beads[300:600]]
    closed = [convoy(f"hq-cv-x{n:03d}", "gt-0000", title=title, status="closed") for n in range(50)]
    page = render(*beads, *convoys, *lives, *stopped, *closed).encode()
    assert len(page) <= 64 * 1024
    assert page.decode().count("... and ") == 4
    if title == "Short":
        assert "... and 160 more." in page.decode()


def test_the_same_state_gives_the_same_bytes() -> None:
    turned = (*BUSY[:-4][::-1], *BUSY[-4:][::-1])
    assert render(*BUSY) == render(*turned)


@given(states())
def test_any_state_has_a_page(found: State) -> None:
    page = board.render(View(found))
    assert len(page) <= 64 * 1024
    assert kinds(page) <= QUIET
    assert page == board.render(View(found))
