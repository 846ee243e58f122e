"""Answers as JSON and as text for terminals (SPEC 8)."""

from __future__ import annotations

import errno
import io
import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconvoy.cli import output


def strict(text: str) -> Any:
    """As programs read JSON: without Python's own NaN and Infinity."""
    return json.loads(text, parse_constant=pytest.fail)


def test_numbers_that_json_does_not_have_become_their_text_in_yaml() -> None:
    data = {"metadata": {"a": float("nan"), "b": [float("inf"), (float("-inf"), 1.5)]}, "c": 1}
    assert strict(output.as_json(data)) == {"metadata": {"a": ".nan", "b": [".inf", ["-.inf", 1.5]]}, "c": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_every_answer_is_json(data: dict[str, Any]) -> None:
    assert strict(output.as_json(data)).keys() == data.keys()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\x1b[0m", r"a\x1b[0m"), ("a\u202eb", r"a\u202eb"), ("\u2028", r"\u2028"), ("tab\tand\n", "tab\tand\n")],
)
def test_characters_that_act_are_named_as_one_writes_them(text: str, shown: str) -> None:
    assert output.safe(text) == shown


class Broken(io.StringIO):
    """A stream that cannot be written to."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, _text: str) -> int:
        raise OSError(self.number, "broken") if self.number != errno.EPIPE else BrokenPipeError(errno.EPIPE, "broken")


@pytest.mark.parametrize(("number", "lost"), [(errno.ENOSPC, True), (errno.EIO, True), (errno.EPIPE, False)])
def test_only_an_answer_that_somebody_waits_for_is_lost(
    monkeypatch: pytest.MonkeyPatch, number: int, lost: bool
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(number))
    assert output.write("an answer") is False
    found = output.lost_answer()
    assert (found is not None) is lost
    assert output.lost_answer() is None


def test_notes_that_cannot_be_written_are_no_lost_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(errno.ENOSPC))
    output.note("beside")
    assert output.lost_answer() is None


class Terminal(io.StringIO):
    """What a terminal is shown."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("plain", [True, False])
def test_no_colour_means_no_escape_at_all(monkeypatch: pytest.MonkeyPatch, plain: bool) -> None:
    monkeypatch.setenv("NO_COLOR", "1" if plain else "")
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    output.table(("ID", "STATE"), [("gt-a", "ready")], lambda _: "bold green")
    output.say("all is well", "green")
    assert "gt-a" in shown.getvalue()
    assert ("\x1b" in shown.getvalue()) is not plain


class Shown(io.TextIOWrapper):
    """A stdout of some encoding, which may be a terminal."""

    def __init__(self, encoding: str, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


ROWS = [
    {"id": "gt-a", "from": None, "reason": 'two\nlines, "quoted", [{}], \u00e9'},
    {"id": "gt-b", "reason": "\u2713 \U0001f600", "list": [], "count": 1.5},
    {"id": "gt-c", "reason": "half \udc80", "when": float("inf")},
]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS[:2], ROWS])
def test_rows_are_told_as_the_whole_object_would_be(
    monkeypatch: pytest.MonkeyPatch, encoding: str, terminal: bool, rows: list[dict[str, object]]
) -> None:
    told = []
    app: Any = SimpleNamespace(json=True)
    for apart in (False, True):
        shown = Shown(encoding, terminal)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", shown)
            if apart:
                output.emit_rows(app, "rows", iter(rows), lambda _: None)
            else:
                output.emit(app, {"rows": rows}, pytest.fail)
        told.append(shown.buffer.getvalue())  # type: ignore[attr-defined]
    assert told[0] == told[1]
    assert told[0].endswith(b"}\n")
