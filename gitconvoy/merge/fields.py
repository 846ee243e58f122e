"""Three versions of a document become one, field by field, as `policy` says; no side is the first (SPEC 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.merge.lines import merged_text
from gitconvoy.merge.order import merged_order
from gitconvoy.merge.policy import ENDING, How, how
from gitconvoy.model.kinds import CONFIG, CONVOY, DEFAULTS, Kind
from gitconvoy.model.plan import CONVOY_STATUSES
from gitconvoy.yamlio.canonical import canonical_value, fingerprint, same


class _Gone:
    """A key that is not there."""

    def __repr__(self) -> str:
        return "GONE"


GONE: Any = _Gone()


@dataclass(frozen=True, slots=True)
class Clash:
    """What both sides changed in different ways, for a person to decide.

    In a mapping it stands for a value (GONE where a side removed it), in a list for `items` of each side.
    """

    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class _Place:
    kind: Kind
    path: tuple[str, ...]

    @property
    def default(self) -> Any:
        return DEFAULTS.get(self.kind.name, {}).get(self.path[0], GONE) if len(self.path) == 1 else GONE

    def within(self, key: str) -> _Place:
        return _Place(self.kind, (*self.path, key))


def merge_documents(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    kind: Kind,
    finished: Callable[[str], bool],
) -> dict[str, Any]:
    """The merged document, in which a `Clash` stands wherever a person has to decide.

    All three are canonical; `base` is empty where both sides added the file. `finished` says of a bead's status whether
    it is of category done.
    """
    grouped = ENDING if kind is not CONFIG else ()
    place = _Place(kind, ())
    result = {
        key: _three(place.within(key), base.get(key, GONE), ours.get(key, GONE), theirs.get(key, GONE))
        for key in dict.fromkeys((*ours, *theirs))
        if key not in grouped
    }
    if grouped:
        sides = [{key: each.get(key, GONE) for key in ENDING} for each in (base, ours, theirs)]
        result |= _ending(sides[0], sides[1], sides[2], place, finished)
    return {key: value for key, value in result.items() if value is not GONE}


def clashes(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The key paths at which a merged value holds conflicts."""
    if isinstance(value, Clash):
        yield ".".join(path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from clashes(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, Clash) for item in value):
        yield ".".join(path)


def contested(value: Any) -> bool:
    """Whether a merged value holds a conflict."""
    return any(True for _ in clashes(value))


def resolved(value: Any, *, ours: bool) -> Any:
    """A merged value as it is once each conflict in it was decided for one side; GONE where nothing is left."""
    if isinstance(value, Clash):
        return value.ours if ours else value.theirs
    if isinstance(value, dict):
        found = {key: resolved(inner, ours=ours) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner is not GONE}
    if isinstance(value, list):
        items = (resolved(item, ours=ours) if isinstance(item, Clash) else [item] for item in value)
        return [item for part in items for item in part]
    return value


def _equal(left: Any, right: Any) -> bool:
    if left is GONE or right is GONE:
        return left is right
    return same(left, right)


def _three(place: _Place, old: Any, mine: Any, other: Any) -> Any:
    if _equal(mine, other) or _equal(other, old):
        return mine
    if _equal(mine, old):
        return other
    was, one, two = (place.default if each is GONE else each for each in (old, mine, other))
    if _equal(one, two):
        return two if mine is GONE else mine
    if _equal(one, was):
        return other
    if _equal(two, was):
        return mine
    mappings = isinstance(mine, dict) and isinstance(other, dict)
    return _WAYS[how(place.kind, place.path, mappings=mappings)](place, old, mine, other)


def _conflict(_place: _Place, _old: Any, mine: Any, other: Any) -> Any:
    return Clash(mine, other)


def _lines(_place: _Place, old: Any, mine: Any, other: Any) -> Any:
    if not all(isinstance(each, str) for each in (old, mine, other)):
        return Clash(mine, other)
    text = merged_text(old, mine, other, join=False)
    return Clash(mine, other) if text is None else text


def _join(_place: _Place, old: Any, mine: Any, other: Any) -> Any:
    if mine is GONE or other is GONE:
        return other if mine is GONE else mine
    if not isinstance(mine, str) or not isinstance(other, str):
        return Clash(mine, other)
    if not isinstance(old, str):
        old = ""
        mine, other = (each if each.endswith("\n") else each + "\n" for each in (mine, other))
    return merged_text(old, mine, other, join=True)


def _listed(*values: Any) -> tuple[list[Any], ...] | None:
    """The values as lists, one that is no list as the only item of one; None where one is a mapping."""
    if any(isinstance(each, dict) for each in values):
        return None
    return tuple([] if each is GONE else each if isinstance(each, list) else [each] for each in values)


def _set(place: _Place, old: Any, mine: Any, other: Any) -> Any:
    sides = _listed(old, mine, other)
    if sides is None:
        return Clash(mine, other)
    was, ours, theirs = ({fingerprint(item): item for item in each} for each in sides)
    kept = {
        print_: item
        for print_, item in (ours | theirs).items()
        if (print_ in ours or print_ not in was) and (print_ in theirs or print_ not in was)
    }
    return _filled(canonical_value(place.path[0], list(kept.values()), place.kind), mine, other)


def _filled(items: list[Any], mine: Any, other: Any) -> Any:
    """No empty list where a side has none at all."""
    return items if items or GONE not in (mine, other) else GONE


def _list(_place: _Place, old: Any, mine: Any, other: Any) -> Any:
    sides = _listed(old, mine, other)
    if sides is None:
        return Clash(mine, other)
    was, ours, theirs = ([fingerprint(item) for item in each] for each in sides)
    if any(len(set(each)) != len(each) for each in (was, ours, theirs)):
        return Clash(mine, other)
    out = {print_ for print_ in was if print_ not in ours or print_ not in theirs}
    ours, theirs = ([print_ for print_ in each if print_ not in out] for each in (ours, theirs))
    order = merged_order(was, ours, theirs, str)
    if order is None:
        return Clash(mine, other)
    by_print = {fingerprint(item): item for each in sides for item in each}
    items = [by_print[print_] for print_ in order]
    if len(items) == 1 and not isinstance(mine, list) and not isinstance(other, list):
        return items[0]
    return _filled(items, mine, other)


def _links(place: _Place, old: Any, mine: Any, other: Any) -> Any:
    sides = _listed(old, mine, other)
    if sides is None:
        return Clash(mine, other)
    was, ours, theirs = (_by_target(each) for each in sides)
    result: list[Any] = []
    for target in sorted(ours.keys() | theirs.keys()):
        before, one, two = (each.get(target, []) for each in (was, ours, theirs))
        if same(one, two) or same(two, before):
            result += one
        elif same(one, before):
            result += two
        elif not before:
            result += canonical_value(place.path[0], [*one, *two], place.kind)
        elif one and two:
            result.append(Clash(one, two))
    return _filled(result, mine, other)


def _by_target(links: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for link in links:
        found[str(link.get("id", "")) if isinstance(link, dict) else str(link)].append(link)
    return found


def _comments(place: _Place, old: Any, mine: Any, other: Any) -> Any:
    sides = _listed(old, mine, other)
    if sides is None:
        return Clash(mine, other)
    was, ours, theirs = (_by_identity(each) for each in sides)
    result: list[Any] = []
    added = (ours.keys() | theirs.keys()) - was.keys()
    for key in (*was, *sorted(added, key=lambda key: _age(key, ours, theirs))):
        found = _three(place.within("*"), *(each.get(key, GONE) for each in (was, ours, theirs)))
        if contested(found):
            sides_ = (resolved(found, ours=True), resolved(found, ours=False))
            result.append(Clash(*([] if item is GONE else [item] for item in sides_)))
        elif found is not GONE:
            result.append(found)
    return _filled(result, mine, other)


def _by_identity(comments: Sequence[Any]) -> dict[str, Any]:
    """By `id`, else by author, time and text; the second of two that are alike is another one."""
    found: dict[str, Any] = {}
    seen: dict[str, int] = defaultdict(int)
    for comment in comments:
        own = comment if isinstance(comment, dict) else {"text": comment}
        name = fingerprint(["id", own["id"]] if "id" in own else [own.get(k) for k in ("author", "created_at", "text")])
        seen[name] += 1
        found[f"{name} {seen[name]}"] = comment
    return found


def _age(key: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[tuple[bool, float, str], str]:
    """The time of a comment, the earlier one where both sides have it, then what it is."""
    sides = [side[key] for side in (ours, theirs) if key in side]
    return min(_moment(each.get("created_at", "") if isinstance(each, dict) else "") for each in sides), key


def _moment(time: Any) -> tuple[bool, float, str]:
    """What a time sorts by, whatever zone it is written in; texts that are none come last."""
    text = str(time)
    try:
        moment = datetime.fromisoformat(text)
        known = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return False, known.timestamp(), text
    except (ValueError, OverflowError):
        return True, 0.0, text


def _mapping(place: _Place, old: Any, mine: Any, other: Any) -> Any:
    if not isinstance(mine, dict) or not isinstance(other, dict):
        return Clash(mine, other)
    was = old if isinstance(old, dict) else {}
    found = {
        key: _three(place.within(key), was.get(key, GONE), mine.get(key, GONE), other.get(key, GONE))
        for key in dict.fromkeys((*mine, *other))
    }
    return {key: value for key, value in found.items() if value is not GONE}


def _by_rank(rank: Callable[[Any], Any]) -> Callable[[_Place, Any, Any, Any], Any]:
    """The side with the lower rank; where a side has nothing, its default counts, or else the other side."""

    def pick(place: _Place, _old: Any, mine: Any, other: Any) -> Any:
        if place.default is GONE and GONE in (mine, other):
            return other if mine is GONE else mine
        one, two = (rank(place.default if each is GONE else each) for each in (mine, other))
        try:
            return mine if one < two else other
        except TypeError:
            return Clash(mine, other)

    return pick


def _later(place: _Place, old: Any, mine: Any, other: Any) -> Any:
    earlier = _by_rank(_moment)(place, old, mine, other)
    return earlier if GONE in (mine, other) else other if earlier is mine else mine


def _ending(
    old: Mapping[str, Any], mine: Mapping[str, Any], other: Mapping[str, Any], place: _Place, finished: Any
) -> dict[str, Any]:
    """`status` and what belongs to it: closed wins, with the whole ending of the side that closed."""
    if _alike(mine, other) or _alike(other, old):
        return dict(mine)
    if _alike(mine, old):
        return dict(other)
    ranks = [_rank(each["status"], place, finished) for each in (old, mine, other)]
    closed = CONVOY_STATUSES.index("closed")
    if ranks[1] != ranks[2] and closed in ranks[1:]:
        if ranks[0] == closed:  # reopened by one side, while the other wrote something else about the ending
            return {k: mine[k] if _equal(mine[k], other[k]) else Clash(mine[k], other[k]) for k in ENDING}
        return dict(mine if ranks[1] == closed else other)
    keys = {key: _three(place.within(key), old[key], mine[key], other[key]) for key in ENDING}
    if place.kind is CONVOY and isinstance(keys["status"], Clash):
        keys["status"] = (mine if ranks[1] > ranks[2] else other)["status"]
    if ranks[1] == closed and ranks[0] != closed:  # what a base that was not closed says of an ending means nothing
        keys["outcome"] = _three(place.within("outcome"), _NOTHING, mine["outcome"], other["outcome"])
    return keys


def _alike(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return all(_equal(left[key], right[key]) for key in ENDING)


def _ending_key(place: _Place, old: Any, mine: Any, other: Any) -> Any:
    """One key of the group where both sides are closed, or neither is."""
    return {"closed_at": _by_rank(_moment), "close_reason": _join}.get(place.path[0], _conflict)(
        place, old, mine, other
    )


def _rank(status: Any, place: _Place, finished: Callable[[str], bool]) -> int:
    known = str(place.within("status").default if status is GONE else status)
    if place.kind is CONVOY:
        return CONVOY_STATUSES.index(known) if known in CONVOY_STATUSES else 0
    return CONVOY_STATUSES.index("closed") if finished(known) else 0


_NOTHING: Any = {"": None}
"""A value that no field has."""
_WAYS: Mapping[How, Callable[[_Place, Any, Any, Any], Any]] = {
    How.CONFLICT: _conflict,
    How.LINES: _lines,
    How.JOIN: _join,
    How.SET: _set,
    How.LINKS: _links,
    How.LIST: _list,
    How.COMMENTS: _comments,
    How.ENDING: _ending_key,
    How.MAPPING: _mapping,
    How.URGENT: _by_rank(lambda value: value),
    How.EARLIER: _by_rank(_moment),
    How.LATER: _later,
    How.TRUE: _by_rank(lambda value: value is not True),
}
