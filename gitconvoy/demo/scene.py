"""What the demo plans: one epic over two rigs, 15 beads in 5 waves, a gate, a diamond and an overlap."""

from __future__ import annotations

CONFIG = """\
format: 1
prefix: api
rigs:
  api:
    prefixes: [api]
    max_workers: 3
  web:
    prefixes: [web]
    max_workers: 3
dispatch:
  max_workers: 4
  backoff: 1s
"""

EPIC = "api-shop"
GATE = "api-terms"
STUMBLES = "api-price"
"""The bead whose first attempt fails."""
GATED = "api-pay"

_EPIC = ("api-shop", "epic", "Open the web shop", (), ())
_BEADS = (
    ("api-model", "task", "Tables for products, carts and orders", (), ("src/models/**",)),
    ("api-money", "task", "Amounts that never lose a cent", (), ("src/models/money.py",)),
    ("web-theme", "task", "Colours, type and spacing", (), ()),
    ("api-cart", "feature", "Put products into a cart", ("api-model",), ()),
    ("api-price", "feature", "Prices with taxes and discounts", ("api-model", "api-money"), ()),
    ("web-shell", "task", "Navigation and page frame", ("web-theme",), ()),
    ("api-order", "feature", "Turn a cart into an order", ("api-cart", "api-price"), ()),
    ("api-mail", "feature", "Mail a receipt", ("api-price",), ()),
    ("web-cart", "feature", "The cart page", ("web-shell", "api-cart"), ()),
    ("api-terms", "gate", "The lawyers agree to the terms of payment", (), ()),
    ("api-pay", "feature", "Take payments", ("api-order", "api-terms"), ()),
    ("web-order", "feature", "The order page", ("web-cart", "api-order"), ()),
    ("web-inbox", "feature", "Choose which mails to get", ("web-shell", "api-mail"), ()),
    ("web-pay", "feature", "The payment page", ("api-pay", "web-order"), ()),
    ("api-proof", "task", "Buy something from end to end", ("api-pay", "web-order"), ()),
    ("web-guide", "chore", "Help pages", ("web-order", "web-inbox"), ()),
)


def bead_files() -> dict[str, str]:
    """The beads as a person would write them: path from the repository's root -> YAML."""
    files = {}
    for name, kind, title, needs, touches in (_EPIC, *_BEADS):
        lines = [f"id: {name}", f"title: {title}", f"type: {kind}"]
        if name != EPIC:
            lines.append(f"parent: {EPIC}")
        for key, items in (("depends_on", needs), ("touches", touches)):
            if items:
                lines += [f"{key}:", *(f"  - {item!r}" if "*" in item else f"  - {item}" for item in sorted(items))]
        lines.append("status: open")
        files[f".convoy/beads/{name}.yaml"] = "\n".join(lines) + "\n"
    return files


def file_of(bead: str) -> str:
    """The file that the worker of a bead writes."""
    return f"src/{'models' if bead in _MODELS else bead.partition('-')[0]}/{bead.partition('-')[2]}.py"


_MODELS = ("api-model", "api-money")
WORKED_ON = tuple(name for name, kind, *_ in _BEADS if kind != "gate")
NEEDS = {name: needs for name, _, _, needs, _ in _BEADS}
