"""The bytes of a pack and its index: many objects as one file, a tree as its difference from the one before. Pure."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from gitconvoy.dataclass import dataclass

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
_OFS_DELTA = 6
_DEEP = 50
"""Deltas upon each other at most, as git's own packs have."""
_COPY, _INSERT = 0xFFFF, 127
"""Bytes that one instruction of a delta moves at most."""
LEVEL = 1
"""Of compression, as git has it for loose objects: what is packed in haste is packed anew by `git gc`."""


@dataclass(frozen=True, slots=True)
class Item:
    """An object to be packed; `like` is the id of an earlier one of its kind that it resembles."""

    kind: str
    data: bytes
    like: str | None = None


def pack(items: Iterable[tuple[str, Item]], count: int) -> bytes:
    """A pack (version 2) of `count` objects, given with their ids; each may lean on those before it."""
    return whole(b"".join(entry for _, entry in entries(items)), count)


def whole(body: bytes, count: int) -> bytes:
    """The file of a pack of `count` entries that stand one behind the other."""
    data = struct.pack(">4sII", b"PACK", 2, count) + body
    return data + hashlib.sha1(data, usedforsecurity=False).digest()


def entries(items: Iterable[tuple[str, Item]]) -> Iterator[tuple[str, bytes]]:
    """What stands in a pack for each object, by id; in this order, wherever in a pack, with nothing in between."""
    at, known = 0, dict[str, tuple[int, int, bytes]]()
    for oid, item in items:
        base = known.get(item.like) if item.like is not None else None
        change = delta(base[2], item.data) if base is not None and base[1] < _DEEP else None
        if base is not None and change is not None:
            head, body, depth = _head(_OFS_DELTA, len(change)) + _back(at - base[0]), change, base[1] + 1
        else:
            head, body, depth = _head(_TYPES[item.kind], len(item.data)), item.data, 0
        part = head + zlib.compress(body, LEVEL)
        known[oid] = at, depth, item.data
        yield oid, part
        at += len(part)


def index(places: Mapping[bytes, tuple[int, int]], checksum: bytes) -> bytes:
    """The index (version 2) of a pack with that checksum: raw ids with the CRC of each entry and where it begins."""
    ids = sorted(places)
    first = [0] * 256
    for oid in ids:
        first[oid[0]] += 1
    crcs, offsets = zip(*(places[oid] for oid in ids), strict=True)
    data = b"".join(
        (
            struct.pack(">4sI", b"\xfftOc", 2),
            struct.pack(">256I", *accumulate(first)),
            *ids,
            struct.pack(f">{len(ids)}I", *crcs),
            struct.pack(f">{len(ids)}I", *offsets),
            checksum,
        )
    )
    return data + hashlib.sha1(data, usedforsecurity=False).digest()


def delta(old: bytes, new: bytes) -> bytes | None:
    """Instructions that make `new` of `old` by what both begin and end with; None where that saves hardly anything."""
    head = _same(old, new)
    tail = _same(old[head:][::-1], new[head:][::-1])
    middle = new[head : len(new) - tail]
    if 2 * len(middle) > len(new):
        return None
    inserts = [middle[at : at + _INSERT] for at in range(0, len(middle), _INSERT)]
    return b"".join(
        (
            _size(len(old)),
            _size(len(new)),
            *_copies(0, head),
            *(bytes((len(part),)) + part for part in inserts),
            *_copies(len(old) - tail, tail),
        )
    )


def _same(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _copies(start: int, length: int) -> Iterable[bytes]:
    for at in range(start, start + length, _COPY):
        yield struct.pack("<BIH", 0xBF, at, min(_COPY, start + length - at))


def _size(number: int) -> bytes:
    """Seven bits a byte, the low ones first."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes((*found, number))


def _head(kind: int, size: int) -> bytes:
    first, rest = kind << 4 | size & 15, size >> 4
    return bytes((first | 128,)) + _size(rest) if rest else bytes((first,))


def _back(distance: int) -> bytes:
    """How far back a delta's base begins: seven bits a byte, the high ones first, each but the last one less by one."""
    found = [distance & 127]
    while distance := distance >> 7:
        distance -= 1
        found.append(distance & 127 | 128)
    return bytes(reversed(found))
