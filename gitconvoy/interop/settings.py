"""What an import adds to the config: custom types and statuses, rigs for prefixes, the layout (SPEC 3.5, 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gitconvoy.model.ids import longest_prefix
from gitconvoy.model.plan import FANOUT, Config

MAX_PREFIX = 58


def config_changes(
    config: Config,
    data: Mapping[str, Any],
    *,
    types: Iterable[str],
    statuses: Iterable[str],
    ids: Iterable[str],
    fanout: bool,
) -> dict[str, Any]:
    """New values for top-level keys of the config file; empty where it has all that the imported beads need.

    `data` is the file's document, `config` the same with its defaults. Types come in as not slingable, statuses as
    frozen; what the config already says of them stays.
    """
    changes: dict[str, Any] = {}
    new_types = {name: {"slingable": False} for name in sorted(set(types)) if name not in config.types}
    if new_types:
        changes["types"] = {**(data.get("types") or {}), **new_types}
    new_statuses = {name: "frozen" for name in sorted(set(statuses)) if name not in config.statuses}
    if new_statuses:
        changes["statuses"] = {**(data.get("statuses") or {}), **new_statuses}
    missing = prefixes([bead_id for bead_id in ids if config.rig_of(bead_id) is None])
    if missing:
        changes["rigs"] = _with_rigs(config, data, missing)
    if fanout and config.layout != FANOUT:
        changes["layout"] = FANOUT
    return changes


def prefixes(ids: Iterable[str]) -> list[str]:
    """Few prefixes that together fit all ids that have one, sorted.

    The prefix of an id is what stands before its last dash. One that a shorter prefix of several ids fits is left
    out (`gt-crew` beside `gt`); prefixes of a single id that begin alike are taken together (`fix-login`, `fix-db`).
    """
    counts = Counter(_prefix(bead_id) for bead_id in ids)
    counts.pop("", None)
    shared = _shortest(prefix for prefix, count in counts.items() if count > 1)
    single = [prefix for prefix in counts if longest_prefix(prefix + "-", shared) is None]
    heads = Counter(prefix.partition("-")[0] for prefix in single)
    widened = [head if heads[head := prefix.partition("-")[0]] > 1 else prefix for prefix in single]
    return _shortest([*shared, *widened])


def _prefix(bead_id: str) -> str:
    prefix = bead_id.rpartition("-")[0]
    while len(prefix) > MAX_PREFIX:
        prefix = prefix.rpartition("-")[0]
    return prefix


def _shortest(candidates: Iterable[str]) -> list[str]:
    """The candidates that no other one fits."""
    chosen: list[str] = []
    for prefix in sorted(set(candidates), key=lambda prefix: (len(prefix), prefix)):
        if longest_prefix(prefix + "-", chosen) is None:
            chosen.append(prefix)
    return sorted(chosen)


def rigs_of(config: Config, data: Mapping[str, Any]) -> dict[str, Any]:
    """The rigs as the config file has them, or would have the one that stands there by default."""
    return dict(data.get("rigs") or {name: {"prefixes": list(rig.prefixes)} for name, rig in config.rigs.items()})


def _with_rigs(config: Config, data: Mapping[str, Any], missing: list[str]) -> dict[str, Any]:
    """The rigs of the config, and one for each missing prefix."""
    rigs = rigs_of(config, data)
    for prefix in missing:
        names = (prefix if number == 1 else f"{prefix}-{number}" for number in range(1, len(rigs) + 2))
        rigs[next(name for name in names if name not in rigs)] = {"prefixes": [prefix]}
    return rigs
