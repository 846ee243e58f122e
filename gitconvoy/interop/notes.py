"""What an import has to tell, one line for each thing however often it happened (SPEC 10: kept, reported)."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 5
"""Examples that a warning names."""


class Notes:
    """Collects examples by topic; topics are told in the order in which they came up."""

    def __init__(self) -> None:
        self._topics: dict[str, list[str]] = {}

    def add(self, topic: str, example: str) -> None:
        """One more example of a topic, such as `dangling links` and `gt-a -> gt-b`."""
        self._topics.setdefault(topic, []).append(example)

    def extend(self, topic: str, examples: Iterable[str]) -> None:
        """Several examples of a topic."""
        for example in examples:
            self.add(topic, example)

    def warnings(self) -> list[str]:
        """One line for each topic: `dangling links (3): gt-a -> gt-b, ...`."""
        return [_sentence(topic, examples) for topic, examples in self._topics.items()]


def _sentence(topic: str, examples: list[str]) -> str:
    more = len(examples) - SHOWN
    tail = f" and {more} more" if more > 0 else ""
    return f"{topic} ({len(examples)}): {', '.join(examples[:SHOWN])}{tail}"
