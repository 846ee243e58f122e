"""What is known of the ledger, for what only reads (SPEC 1)."""

from __future__ import annotations

from gitconvoy.engine.settings import LOCAL
from gitconvoy.engine.town import Town
from gitconvoy.errors import BadFiles
from gitconvoy.model.ledger import Ledger


def known_ledger(town: Town) -> Ledger | None:
    """The ledger; None where there is none at hand, or where it cannot be read (audit and doctor name that).

    A clone that dispatches and has no ledger yet has an empty one: nothing has happened.
    """
    if town.ledger_tip() is None and town.settings.role != LOCAL:
        return None
    try:
        return town.ledger()
    except BadFiles:
        return None
