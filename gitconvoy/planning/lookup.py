"""Ids as people type them for reading: whole, or a unique beginning (SPEC 8)."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from gitconvoy.errors import NotFound, Refused

SHOWN = 5


def full_id(given: str, known: Collection[str], what: str) -> str:
    """The id of `known` that is `given`, or the only one that begins so. `what` (a bead, a convoy) is for messages.

    NotFound where there is none, Refused (`ambiguous`) where there are several; both name ids that come near.
    """
    if given in known:
        return given
    found = sorted(one for one in known if given and one.startswith(given))
    if len(found) == 1:
        return found[0]
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise Refused(
            f"{given} begins the ids of {len(found)} {what}s",
            hint=f"{', '.join(found[:SHOWN])}{more}",
            code="ambiguous",
        )
    near = get_close_matches(given, known, 1, cutoff=0.8)
    raise NotFound(f"there is no {what} {given}", hint=f"did you mean {near[0]}?" if near else "")
