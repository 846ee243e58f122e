"""A history of beads of any length, the same for the same seed: `tests/long_history.py 100000 > issues.jsonl`.

To see what an import costs: `time gitconvoy import issues.jsonl` in a new town.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator

SEED = 7
WHEN = "2025-11-26T22:13:53Z"
TYPES = ("task", "task", "bug", "feature", "epic")
STATUSES = ("open", "closed", "closed", "closed")


def lines(count: int, seed: int = SEED) -> Iterator[bytes]:
    """The lines of `count` issues, each about 500 bytes, with up to two links to earlier ones."""
    pick = random.Random(seed)
    for number in range(count):
        own = f"gt-{number:06x}"
        status = pick.choice(STATUSES)
        record = {
            "id": own,
            "title": f"Issue number {number}",
            "description": "word " * pick.randrange(60),
            "status": status,
            "priority": pick.randrange(5),
            "issue_type": pick.choice(TYPES),
            "created_at": WHEN,
            "updated_at": WHEN,
            **({"closed_at": WHEN} if status == "closed" else {}),
        }
        earlier = {f"gt-{pick.randrange(number):06x}" for _ in range(pick.randrange(3))} if number else set()
        links = [
            {"issue_id": own, "depends_on_id": one, "type": "blocks", "created_at": WHEN, "created_by": "ann"}
            for one in sorted(earlier)
        ]
        yield (
            json.dumps({**record, **({"dependencies": links} if links else {})}, separators=(",", ":")).encode() + b"\n"
        )


if __name__ == "__main__":
    sys.stdout.buffer.writelines(lines(int(sys.argv[1])))
