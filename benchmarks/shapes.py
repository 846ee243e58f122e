"""Figures of three real histories of beads (7,294 records); of their text nothing is kept."""

from __future__ import annotations

from random import Random

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
TITLE = (4, 18, 25, 35, 50, 60, 90, 150)
"""Characters of a title at each of the quantiles."""
DESCRIPTION = (2, 20, 42, 90, 472, 1100, 2800, 6000)
DESCRIBED = 0.9
"""How many beads have a description."""
LINES = 40
"""Characters of a line of a long description."""
TYPES = (("task", 0.68), ("bug", 0.15), ("feature", 0.1), ("epic", 0.07))
PRIORITIES = ((2, 0.75), (1, 0.15), (3, 0.05), (0, 0.03), (4, 0.02))
LINKS = ((0, 0.55), (1, 0.25), (2, 0.12), (3, 0.06), (6, 0.02))
"""How many blocking links a bead has: about 0.8 in the mean."""
LABELS = ((0, 0.9), (1, 0.05), (2, 0.05))
CLOSED = 0.6
TOMBSTONES = 0.3
"""How many records of a history are of deleted beads."""
NOT_ASCII = 0.25
WORDS = (
    "add", "agent", "and", "branch", "build", "check", "cli", "close", "config", "convoy", "daemon", "error", "file",
    "fix", "flag", "for", "from", "git", "handle", "hook", "in", "input", "issue", "label", "list", "log", "merge",
    "missing", "name", "of", "on", "output", "path", "plan", "queue", "read", "refactor", "remove", "report", "run",
    "session", "show", "state", "status", "sync", "test", "the", "to", "update", "use", "when", "with", "worker",
)  # fmt: skip


def between(pick: Random, marks: tuple[int, ...]) -> int:
    """A number that lies as the quantiles say."""
    at = pick.random()
    place = next(number for number in range(1, len(marks)) if at <= QUANTILES[number])
    low, high = marks[place - 1], marks[place]
    share = (at - QUANTILES[place - 1]) / (QUANTILES[place] - QUANTILES[place - 1])
    return round(low + (high - low) * share)


def one_of(pick: Random, shares: tuple[tuple[object, float], ...]) -> object:
    """One of the values, as often as its share says."""
    values, weights = zip(*shares, strict=True)
    return pick.choices(values, weights)[0]


def words(pick: Random, length: int) -> str:
    """About so many characters of words on one line."""
    text = " ".join(pick.choices(WORDS, k=length // 5 + 1))[:length].strip() or "x"
    return f"{text} \u2192" if pick.random() < NOT_ASCII and length > 10 else text


def prose(pick: Random, length: int) -> str:
    """About so many characters, in lines where they are many."""
    if length <= 2 * LINES:
        return words(pick, length)
    return "\n".join(f"{'- ' if pick.random() < 0.3 else ''}{words(pick, LINES)}" for _ in range(length // LINES))
