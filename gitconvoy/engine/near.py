"""What somebody may have meant by an id that does not exist."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(text: str, known: Iterable[str]) -> str:
    """`did you mean gt-a or gt-b?`, an empty text where nothing is near: ids that `text` begins come first."""
    ids = sorted(known)
    begun = [one for one in ids if text and one.startswith(text)][:3]
    from difflib import get_close_matches

    found = begun or get_close_matches(text, ids, 3, cutoff=0.6)
    return f"did you mean {' or '.join(found)}?" if found else ""
