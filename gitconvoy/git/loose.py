"""Loose objects: each in a file of its own, `objects/ab/cdef...`, as zlib writes `<kind> <size>\\0<content>`."""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterable
from contextlib import closing
from io import FileIO
from pathlib import Path

_HEAD = re.compile(rb"(blob|tree|commit|tag) ([0-9]{1,18})\0")
_SMALL, _PART = 1 << 12, 1 << 16
_LISTED = re.compile(rf'"((?:[^"\\]|\\.)*)"|([^{os.pathsep}"][^{os.pathsep}]*)')
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_SIGNS = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_DEPTH = 7
"""Folders behind one another that git reads, the first one counted."""


class CutOff(Exception):
    """The file ends before the object does, as after a loss of power. libgit2 would read on in it for ever."""


def folders(own: str, listed: str) -> list[str]:
    """Where git looks: its `own` folder, those of `GIT_ALTERNATE_OBJECT_DIRECTORIES` (`listed`), and theirs."""
    found, new = list[str](), [own, *paths(listed)]
    for _ in range(_DEPTH):
        found += [folder for folder in dict.fromkeys(new) if folder not in found]
        new = [each for folder in new for each in _alternates(folder)]
    return found


def paths(listed: str) -> list[str]:
    """The paths of a list as git takes it from the environment: one in quotes is quoted as git quotes names."""
    return [_unquoted(quoted) if quoted else plain for quoted, plain in _LISTED.findall(listed)]


def listing(paths: Iterable[str]) -> str:
    """Such a list."""
    return os.pathsep.join(_quoted(path) if os.pathsep in path or path.startswith('"') else path for path in paths)


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquoted(text: str) -> str:
    return os.fsdecode(_ESCAPED.sub(_meant, os.fsencode(text)))


def _meant(match: re.Match[bytes]) -> bytes:
    said = match[1]
    return bytes([int(said, 8) & 0xFF]) if len(said) == 3 else _SIGNS.get(said, said)


def _alternates(folder: str) -> list[str]:
    try:
        lines = Path(folder, "info", "alternates").read_bytes().splitlines()
    except OSError:
        return []
    return [os.path.join(folder, os.fsdecode(line)) for line in lines if line and not line.startswith(b"#")]  # noqa: PTH118


def read(objects: str, oid: str, most: int) -> tuple[str, int, bytes] | None:
    """Kind, size in bytes and content of the object with this full id in the folder `objects`.

    The content is empty where it is larger than `most`. None where there is no such file, or one that does not hold
    what it is named by. Raises CutOff.
    """
    try:
        file = FileIO(f"{objects}/{oid[:2]}/{oid[2:]}")
    except OSError:
        return None
    reading = zlib.decompressobj()
    with closing(file):
        try:
            packed = file.read(_SMALL) or b""
            data = reading.decompress(packed, _PART)
            head = _HEAD.match(data)
            size = int(head[2]) if head is not None else 0
            if head is not None and size > most:
                return head[1].decode(), size, b""
            if head is not None and not reading.eof:
                wanted = head.end() + size + 1 - len(data)
                data += reading.decompress(reading.unconsumed_tail + file.readall(), max(wanted, 1))
        except (OSError, zlib.error):
            return None
    if packed and not reading.eof and (head is None or len(data) <= head.end() + size):
        raise CutOff(oid)
    if head is None or len(data) != head.end() + size:
        return None
    if hashlib.sha1(data, usedforsecurity=False).hexdigest() != oid:
        return None
    return head[1].decode(), size, data[head.end() :]


def is_cut_off(objects: str, oid: str) -> bool:
    """Whether the object's file ends before the object does, however large it is."""
    reading, some = zlib.decompressobj(), False
    try:
        with FileIO(f"{objects}/{oid[:2]}/{oid[2:]}") as file:
            while part := file.read(_PART):
                some = True
                while part and not reading.eof:
                    reading.decompress(part, _PART)
                    part = reading.unconsumed_tail
    except (OSError, zlib.error):
        return False  # not there, or such that libgit2 sees it
    return some and not reading.eof
