"""What a change does to files: beads, links, convoys and settings, field by field (SPEC 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from gitconvoy.model.kinds import BEAD, Kind, kind_of, stem
from gitconvoy.model.plan import Bead, Link, Plan
from gitconvoy.rules.view import View

_APART = frozenset({"id", "depends_on"})
"""Of beads: links are listed by themselves."""
_CONVOY_APART = frozenset({"id", "tracks"})

Row = dict[str, Any]


def bead_row(view: View, bead_id: str) -> Row:
    """{id, title, type, priority, status, rig, convoy}: a bead as it stands on one side; `status` is the effective one.

    Of a bead that does not exist or cannot be read there that side, the title is empty.
    """
    bead, rig = view.plan.bead(bead_id), view.rig_of(bead_id)
    tracking = view.tracking(bead_id)
    return {
        "id": bead_id,
        "title": bead.title if bead else "",
        "type": bead.type if bead else "",
        "priority": bead.priority if bead else None,
        "status": view.effective(bead_id).status,
        "rig": rig.name if rig else None,
        "convoy": tracking[0] if len(tracking) == 1 else None,
    }


def beads(before: View, after: View) -> dict[str, list[Row]]:
    """{added[], removed[], archived[], restored[], unreadable[], changed[]}, each sorted by id.

    Rows are those of `bead_row`; changed ones have `fields[]` of {field, before, after} (None: not there), where
    `file` stands for the path. `unreadable`: beads whose file could be read before; of those removed that could not,
    the title is empty.
    """
    old, new = before.plan, after.plan
    found: dict[str, list[Row]] = {
        name: [] for name in ("added", "removed", "archived", "restored", "unreadable", "changed")
    }
    ids = {
        one for one in {*old.beads, *old.archive, *new.beads, *new.archive} if _differs(old.bead(one), new.bead(one))
    }
    for one in sorted(ids | gone_unread(old, new, BEAD)):
        was, now = old.bead(one), new.bead(one)
        if now is None:
            kind = "unreadable" if one in new.broken else "removed"
        elif was is None:
            kind = "changed" if one in old.broken else "added"
        elif was.archived != now.archived:
            kind = "archived" if now.archived else "restored"
        else:
            kind = "changed"
        row = bead_row(before if now is None else after, one)
        if was is not None and now is not None:
            row["fields"] = bead_fields(was, now)
        elif kind == "changed":
            row["fields"] = [{"field": "file", "before": "unreadable", "after": now.path if now else ""}]
        found[kind].append(row)
    found["changed"] = [row for row in found["changed"] if row["fields"] or _other_links(old, new, row["id"])]
    return found


def gone_unread(old: Plan, new: Plan, kind: Kind) -> set[str]:
    """The ids of files of a kind that could not be read and are not there any more."""
    there = {*new.beads, *new.archive, *new.convoys, *new.broken}
    bad = {problem.path for problem in old.problems if kind_of(problem.path) is kind}
    return {stem(path) for path in bad} & old.broken - there


def _differs(was: Bead | None, now: Bead | None) -> bool:
    """Documents that were read from the same blob are one object: most beads of two plans."""
    if was is None or now is None:
        return was is not now
    return (was.data is not now.data and was.data != now.data) or was.path != now.path


def _other_links(old: Plan, new: Plan, bead_id: str) -> bool:
    was, now = old.bead(bead_id), new.bead(bead_id)
    return was is not None and now is not None and set(was.links) != set(now.links)


def bead_fields(was: Bead, now: Bead) -> list[Row]:
    """The fields of a bead's file that differ, links apart; a file that moved has the field `file`."""
    found = _fields(was.data, now.data, _APART)
    if was.path != now.path:
        found.append({"field": "file", "before": was.path, "after": now.path})
    return found


def _fields(was: Mapping[str, Any], now: Mapping[str, Any], apart: frozenset[str]) -> list[Row]:
    keys = [key for key in dict.fromkeys((*was, *now)) if key not in apart and was.get(key) != now.get(key)]
    return [{"field": key, "before": was.get(key), "after": now.get(key)} for key in sorted(keys)]


def links(old: Plan, new: Plan) -> dict[str, list[Row]]:
    """{added[], cut[]} of {bead, target, type, gate, blocking}, by bead and target.

    The links of added and removed beads are among them; the parent is a field of its bead.
    """
    ids = sorted({*old.beads, *new.beads})
    changed = [one for one in ids if _differs(old.beads.get(one), new.beads.get(one))]
    sides = [(set(_links(old, one)), set(_links(new, one)), one) for one in changed]
    return {
        "added": [_link_row(one, link) for was, now, one in sides for link in _sorted(now - was)],
        "cut": [_link_row(one, link) for was, now, one in sides for link in _sorted(was - now)],
    }


def _links(plan: Plan, bead_id: str) -> Iterable[Link]:
    bead = plan.beads.get(bead_id)
    return bead.links if bead is not None else ()


def _sorted(found: Iterable[Link]) -> list[Link]:
    return sorted(found, key=lambda link: (link.target, link.type, link.gate or ""))


def _link_row(bead_id: str, link: Link) -> Row:
    return {
        "bead": bead_id,
        "target": link.target,
        "type": link.type,
        "gate": link.gate,
        "blocking": link.blocking,
    }


def convoy_file(old: Plan, new: Plan, convoy_id: str) -> Row:
    """{change, fields[], tracks: {added[], removed[]}} of a convoy's file.

    `change`: added, removed, changed, unreadable, or none.
    """
    was, now = old.convoys.get(convoy_id), new.convoys.get(convoy_id)
    if now is None and convoy_id in new.broken:
        change = "unreadable"
    elif was is now is None:
        change = "removed"
    elif was is None:
        change = "added" if convoy_id not in old.broken else "changed"
    else:
        change = "removed" if now is None else "changed" if was.data != now.data else "none"
    known = (was, now) if change != "unreadable" else ()  # nobody knows what it tracks now
    tracked = [Counter(dict.fromkeys(one.tracks if one else (), 1)) for one in known] or [
        Counter[str](),
        Counter[str](),
    ]
    return {
        "change": change,
        "fields": _fields(was.data, now.data, _CONVOY_APART) if was and now and was.data is not now.data else [],
        "tracks": {"added": sorted(tracked[1] - tracked[0]), "removed": sorted(tracked[0] - tracked[1])},
    }


def settings(old: Plan, new: Plan) -> list[Row]:
    """[{field, before, after}] of the settings in force, defaults filled in; `rigs.gastown.parked` and the like.

    None where a side's cannot be read: the defaults that stand in for them there are in force nowhere.
    """
    if old.config == new.config or old.config_broken or new.config_broken:
        return []
    was, now = (dict(_flat(asdict(plan.config))) for plan in (old, new))
    keys = sorted(key for key in {*was, *now} if was.get(key) != now.get(key))
    return [{"field": key, "before": was.get(key), "after": now.get(key)} for key in keys]


def _flat(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif not (above.startswith("rigs.") and key == "name"):
            yield above + str(key), list(value) if isinstance(value, tuple) else value
