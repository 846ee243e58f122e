"""What a worker printed, bounded on disk: its beginning and its newest part, in files that are dropped as a whole.

`log` holds the beginning. What follows lies in pieces of equal size, `log.0`, `log.1`, ...; only the last ones stay, so
that no byte is ever moved and a reader that is left behind sees by the number what it has missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

LIMIT = 10 << 20
LEAST = 4096
"""The smallest limit that is kept to."""
_PIECES = 3
"""Pieces that stay, the one that is being written among them."""
_SIZE = re.compile(r"(\d{1,12})\s*([kmg]?)i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_CHUNK = 1 << 16
_GAP = b"\n[... gitconvoy left out what was printed here: gitconvoy.logLimit ...]\n"


def parse_size(text: str) -> int:
    """Bytes of `10m`, `500k`, `1g`, `4096`. ValueError for anything else."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"not a size: {text!r} (write 500k, 10m or 1g)")
    return int(found[1]) * _UNITS[found[2].lower()]


def _shares(limit: int) -> tuple[int, int]:
    """Sizes of the beginning and of a piece; all files together never exceed the limit."""
    limit = max(limit, LEAST)
    head = limit // 4
    return head, (limit - head) // _PIECES


class Log:
    """The log that is being written; of one process."""

    def __init__(self, file: Path, limit: int = LIMIT) -> None:
        """A new log at `file` (its folder exists), or one that goes on."""
        self._file = file
        self._head, self._piece = _shares(limit)
        self._number: int | None = None
        """Of the piece that is written; None for the beginning."""
        numbers = [number for number, _ in _pieces(file)]
        if numbers:
            self._number = numbers[-1]
        self._stream: BinaryIO = self._place().open("ab")
        self._left = self._room() - self._stream.tell()

    def _place(self) -> Path:
        return self._file if self._number is None else _piece(self._file, self._number)

    def _room(self) -> int:
        return self._head if self._number is None else self._piece

    def write(self, data: bytes) -> None:
        """Add output. A disk that takes no more loses it: the worker must not be held up."""
        while data:
            try:
                if self._left <= 0:
                    self._turn()
                part = data[: self._left]
                self._stream.write(part)
                self._stream.flush()
            except OSError:
                return
            self._left -= len(part)
            data = data[len(part) :]

    def note(self, line: str) -> None:
        """Add a line of our own."""
        self.write(f"gitconvoy: {line}\n".encode("utf-8", "replace"))

    def _turn(self) -> None:
        """Begin the next piece, and drop the oldest one."""
        self._stream.close()
        self._number = 0 if self._number is None else self._number + 1
        for number, place in _pieces(self._file):
            if number <= self._number - _PIECES:
                place.unlink(missing_ok=True)
        self._stream = self._place().open("wb")
        self._left = self._room()

    def close(self) -> None:
        """Nothing more is written."""
        self._stream.close()


def _piece(file: Path, number: int) -> Path:
    return file.with_name(f"{file.name}.{number}")


def _pieces(file: Path) -> list[tuple[int, Path]]:
    """The pieces that are there, in order."""
    names = file.parent.glob(f"{file.name}.*") if file.parent.is_dir() else ()
    found = [(int(place.name[len(file.name) + 1 :]), place) for place in names if place.suffix[1:].isdecimal()]
    return sorted(found)


@dataclass(slots=True)
class Reader:
    """Reads a log from its beginning, as it grows."""

    file: Path
    _number: int | None = None
    _at: int = 0

    def read(self) -> Iterator[bytes]:
        """What came since the last call, in portions; a line says where something was left out."""
        while True:
            following = [number for number, _ in _pieces(self.file) if self._number is None or number > self._number]
            yield from self._rest()
            if not following:  # asked before reading: only then is what was read complete
                return
            expected = 0 if self._number is None else self._number + 1
            self._number, self._at = following[0], 0
            if following[0] > expected:
                yield _GAP

    def _rest(self) -> Iterator[bytes]:
        place = self.file if self._number is None else _piece(self.file, self._number)
        try:
            with place.open("rb") as stream:
                stream.seek(self._at)
                while chunk := stream.read(_CHUNK):
                    self._at += len(chunk)
                    yield chunk
        except OSError:
            if self._number is not None:
                yield _GAP


def text(file: Path) -> str:
    """The whole log as far as it was kept; bytes that are no UTF-8 are replaced."""
    return b"".join(Reader(file).read()).decode("utf-8", "replace")
