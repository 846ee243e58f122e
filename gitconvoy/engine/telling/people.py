"""Who can be told: names and addresses that are fit to be handed to programs (SPEC 9). Pure."""

from __future__ import annotations

from gitconvoy.model.kinds import CONVOY
from gitconvoy.schema import validate


def complaint(who: str) -> str | None:
    """Why the schema does not take `who` for a person; None where it does."""
    problems = validate(CONVOY, {"id": "x", "title": "x", "watchers": [who]}, "")
    return problems[0].message if problems else None
