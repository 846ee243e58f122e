"""The parser: YAML text to events, fast, with a second opinion where libyaml is older than YAML 1.2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined] # from one of two C extensions
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import StreamEndEvent

T = TypeVar("T")

MAX_SECOND_OPINION = 1 << 16
"""Characters up to which the slow parser is asked: it takes about a second for that many."""

_OLD_RULES = ("found unexpected ':'", "did not find expected ',' or '}'", "did not find expected ',' or ']'")


def parse(text: str, use: Callable[[Iterator[Any]], T]) -> T:
    """What `use` makes of the events of a text. Raises ruamel's YAMLError as the parser does.

    libyaml 0.1 refuses `[area:ui]` and `{a: what?}`, which YAML 1.2 allows: such texts are parsed again, by the
    Python parser; `use` is then called a second time.
    """
    try:
        return use(_fast(text))
    except YAMLError as error:
        if getattr(error, "problem", None) not in _OLD_RULES or len(text) > MAX_SECOND_OPINION:
            raise
        try:
            return use(iter(YAML(typ="safe", pure=True).parse(text)))
        except YAMLError:
            raise error from None


def _fast(text: str) -> Iterator[Any]:
    get = CParser(text).get_event
    while True:
        event = get()
        yield event
        if type(event) is StreamEndEvent:
            return
