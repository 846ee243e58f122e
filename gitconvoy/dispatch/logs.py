"""What a worker printed, bounded on disk: its beginning and its newest part, in files that are dropped as a whole.

`log` holds the beginning. What follows lies in pieces of equal size, `log.0`, `log.1`, ...; only the last ones stay, so
that no byte is ever moved and a reader that is left behind sees by the number what it has missed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from gitconvoy.dataclass import dataclass

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
    """The log that is being written. Threads may share it, and other processes may write the same one."""

    def __init__(self, file: Path, limit: int = LIMIT) -> None:
        """A new log at `file` (its folder exists), or one that goes on."""
        self._file = file
        self._head, self._piece = _shares(limit)
        self._mutex = threading.Lock()
        self._guard = _appending(file)
        """The beginning, which stays as long as the log does: locked by the process that writes."""
        self._number: int | None = max((number for number, _ in _pieces(file)), default=None)
        """Of the piece that is written; None for the beginning."""
        self._here, self._next = self._places()
        self._stream = _appending(self._here)
        self._left = 0

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else writes while the block runs, and what others wrote before is known. OSError."""
        with self._mutex:
            if self._guard.closed:
                raise OSError(errno.EBADF, "the log is closed")
            fcntl.flock(self._guard, fcntl.LOCK_EX)
            try:
                self._catch_up()
                yield
            finally:
                fcntl.flock(self._guard, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        """Go on where others are by now."""
        if self._next.is_file() or not self._here.exists():  # dropped, if they are far ahead
            self._go_to(max((number for number, _ in _pieces(self._file)), default=None))
        self._left = self._room() - os.fstat(self._stream.fileno()).st_size

    def _go_to(self, number: int | None) -> None:
        stream = _appending(self._file if number is None else _piece(self._file, number))
        self._stream.close()
        self._stream, self._number = stream, number
        self._here, self._next = self._places()

    def _places(self) -> tuple[Path, Path]:
        """The file that is written, and the one after it."""
        if self._number is None:
            return self._file, _piece(self._file, 0)
        return _piece(self._file, self._number), _piece(self._file, self._number + 1)

    def _room(self) -> int:
        return self._head if self._number is None else self._piece

    def write(self, data: bytes) -> None:
        """Add output. A disk that takes no more loses it: the worker must not be held up."""
        with suppress(OSError), self._alone():
            while data:
                if self._left <= 0:
                    self._turn()
                written = self._stream.write(data[: self._left])
                self._left -= written
                data = data[written:]

    def note(self, line: str) -> None:
        """Add a line of our own."""
        self.write(f"gitconvoy: {line}\n".encode("utf-8", "replace"))

    def _turn(self) -> None:
        """Begin the next piece, and drop the oldest one."""
        following = 0 if self._number is None else self._number + 1
        for number, place in _pieces(self._file):
            if number <= following - _PIECES:
                place.unlink(missing_ok=True)
        self._go_to(following)
        self._left = self._room()

    def close(self) -> None:
        """Nothing more is written; what comes later is lost."""
        with self._mutex:
            self._stream.close()
            self._guard.close()


def _appending(file: Path) -> FileIO:
    return file.open("ab", buffering=0)


def _piece(file: Path, number: int) -> Path:
    return file.with_name(f"{file.name}.{number}")


def _pieces(file: Path) -> list[tuple[int, Path]]:
    """The pieces that are there, in order."""
    names = file.parent.glob(f"{file.name}.*") if file.parent.is_dir() else ()
    found = [(place.name[len(file.name) + 1 :], place) for place in names]
    return sorted((int(number), place) for number, place in found if re.fullmatch("[0-9]{1,9}", number))


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
