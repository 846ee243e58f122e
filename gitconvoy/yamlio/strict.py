"""A parser of all of YAML behind the strict subset of SPEC 3.1; `reader` comes here where `quick` does not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from gitconvoy.errors import Problem
from gitconvoy.yamlio.complaints import MAX_DEPTH, bad, syntax_problem
from gitconvoy.yamlio.events import parse
from gitconvoy.yamlio.scalars import resolve, shown

MAX_PROBLEMS = 20
"""More are not collected: a hostile file shall cost neither time nor memory."""

_NO_KEY: Any = object()


def strict(text: str, path: str) -> dict[str, Any]:
    """`load` of a text whose bytes are in order, through a parser of all of YAML. Raises BadFiles."""
    found: list[Problem] = []
    try:
        root = parse(text, lambda events: _Builder(path, found).read(events))
    except YAMLError as error:
        raise bad(path, [*found, syntax_problem(error, text, path)]) from None
    if found:
        raise bad(path, found)
    return root


class _Stop(Exception):
    """Reading on would cost more than it tells."""


class _Builder:
    """Builds data from events in one pass without recursion, and complains of what the subset leaves out."""

    __slots__ = ("_container", "_found", "_handlers", "_key", "_path", "_root", "_stack")

    def __init__(self, path: str, found: list[Problem]) -> None:
        found.clear()
        self._found = found
        self._path = path
        self._root: Any = _NO_KEY
        self._container: Any = None
        self._key: Any = _NO_KEY
        self._stack: list[tuple[Any, Any]] = []
        self._handlers: dict[type, Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._mapping,
            SequenceStartEvent: self._sequence,
            MappingEndEvent: self._end,
            SequenceEndEvent: self._end,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
        }

    def read(self, events: Iterator[Any]) -> dict[str, Any]:
        """The document's mapping; what is wrong is in the list that the builder was given."""
        handler = self._handlers.get
        try:
            for event in events:
                handle = handler(type(event))
                if handle is not None:
                    handle(event)
        except _Stop:
            return {}
        if self._root is _NO_KEY:
            return {}
        if not isinstance(self._root, dict):
            self._found.insert(
                0,
                Problem(
                    self._path,
                    "yaml-not-mapping",
                    f"the file holds {_name(self._root)} instead of `key: value` lines",
                    "Write one `key: value` a line, such as `title: Fix the login`.",
                    line=1,
                    column=1,
                ),
            )
            return {}
        return self._root

    def _complain(self, event: Any, code: str, message: str, hint: str) -> None:
        mark = event.start_mark
        self._found.append(Problem(self._path, code, message, hint, line=mark.line + 1, column=mark.column + 1))
        if len(self._found) >= MAX_PROBLEMS:
            raise _Stop

    def _scalar(self, event: Any) -> None:
        value = event.value
        if event.anchor is not None or event.tag is not None:
            self._marked(event)
        if event.implicit[0]:
            if value == "<<" and self._key is _NO_KEY and type(self._container) is dict:
                self._complain(event, "yaml-merge-key", "merge keys (`<<`) are not allowed", "Write the keys out.")
            try:
                value = resolve(value)
            except ValueError as error:
                self._complain(event, "yaml-number", f"{error} is too long", "Put it in quotes to keep it as text.")
        container = self._container
        if type(container) is dict:
            if self._key is _NO_KEY:
                self._name_key(event, value)
            else:
                container[self._key] = value
                self._key = _NO_KEY
        elif container is None:
            self._root = value
        else:
            container.append(value)

    def _name_key(self, event: Any, value: Any) -> None:
        if type(value) is not str:
            name = event.value
            message = f"the key `{shown(name)}` is no text but {_name(value)}" if name else "a key is missing"
            self._complain(event, "yaml-key", message, f'Put the key in quotes: "{shown(name)}".')
            value = name
        if value in self._container:
            hint = "Keep one of them; a key may stand only once in a mapping."
            self._complain(event, "yaml-duplicate-key", f"the key `{shown(value)}` stands here a second time", hint)
        self._key = value

    def _mapping(self, event: Any) -> None:
        self._begin(event, {})

    def _sequence(self, event: Any) -> None:
        self._begin(event, [])

    def _begin(self, event: Any, value: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._marked(event)
        if len(self._stack) >= MAX_DEPTH:
            hint = "Flatten the data, or keep it in a file of its own and name that."
            self._complain(event, "yaml-depth", f"nested deeper than {MAX_DEPTH} levels", hint)
            raise _Stop
        container = self._container
        if container is None:
            self._root = value
        elif type(container) is list:
            container.append(value)
        elif self._key is _NO_KEY:
            self._complain(event, "yaml-key", f"a key cannot be {_name(value)}", "Write keys as plain words.")
            self._key = "?"
        else:
            container[self._key] = value
            self._key = _NO_KEY
        self._stack.append((container, self._key))
        self._container, self._key = value, _NO_KEY

    def _end(self, event: Any) -> None:  # noqa: ARG002 - the handlers' common shape
        self._container, self._key = self._stack.pop()

    def _alias(self, event: Any) -> None:
        hint = f"Write the value out, or put it in quotes if it is text: '*{event.anchor}'."
        self._complain(event, "yaml-alias", f"aliases (`*{event.anchor}`) are not allowed", hint)
        container = self._container
        if type(container) is list:
            container.append(None)
        elif type(container) is dict:
            self._key = "*" if self._key is _NO_KEY else _NO_KEY

    def _marked(self, event: Any) -> None:
        if event.anchor is not None:
            hint = "Write the value out where it is needed; put text that begins with `&` in quotes."
            self._complain(event, "yaml-anchor", f"anchors (`&{event.anchor}`) are not allowed", hint)
        if event.tag is not None:
            hint = "Leave the tag out; put text that begins with `!` in quotes."
            self._complain(event, "yaml-tag", f"tags (`{shown(str(event.tag))}`) are not allowed", hint)

    def _document(self, event: Any) -> None:
        if self._root is not _NO_KEY:
            hint = "Put the second document in a file of its own."
            self._complain(event, "yaml-documents", "a file holds one document, a second one begins here", hint)
            raise _Stop
        if event.tags or (event.version and tuple(event.version) != (1, 2)):
            hint = "Remove the `%` lines at the top."
            self._complain(event, "yaml-directive", "directives other than `%YAML 1.2` are not allowed", hint)


def _name(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
