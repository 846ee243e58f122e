"""Ids of beads and convoys (SPEC 3.1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

MAX_ID = 64
ID_PATTERN = r"^(?!.*\.\.)(?!.*\.lock$)(?!.*\.$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_ID = re.compile(ID_PATTERN.replace("$)[", r"\Z)[").removesuffix("$") + r"\Z")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
EXTERNAL = "external:"


def is_id(text: str) -> bool:
    """Whether `text` may name a bead or a convoy (and with it a file, a branch and a lease)."""
    return _ID.fullmatch(text) is not None


def is_external(target: str) -> bool:
    """Whether a link's target lies outside of every plan; such targets block and are never read."""
    return target.startswith(EXTERNAL)


def new_id(prefix: str, taken: Collection[str]) -> str:
    """`prefix` + `-` + 5 random base-36 characters, not in `taken` (ids in lower case)."""
    import secrets

    while True:
        candidate = prefix + "-" + "".join(secrets.choice(_ALPHABET) for _ in range(5))
        if candidate.lower() not in taken:
            return candidate


def longest_prefix(bead_id: str, prefixes: Iterable[str]) -> str | None:
    """The longest P of `prefixes` such that the id starts with `P-`, or None."""
    fits = [prefix for prefix in prefixes if bead_id.startswith(prefix + "-")]
    return max(fits, key=len, default=None)
