"""Many files read by several processes at once: as a plan is read that nobody has read here before (SPEC 6).

Each child reads its share and gives back, as text, the documents that are in order. All others, those of a child that
died, and those of which there is no exact text, are left for the parent, which reads them as ever: nothing depends on
the children but the time.
"""

from __future__ import annotations

import marshal
import os
import resource
import select
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from typing import NoReturn, TypeVar

MUCH = 2000
"""Files below which one process is done before others have begun."""
_MOST = 8
"""Children; the parent takes in what they read, and is busy with so many."""
_TOGETHER = 200
"""Documents that are handed over at once, by `marshal`: between two forks of one process nothing is quicker."""
_HEAD = 4

Row = tuple[str, str, str]
"""Blob id, kind, text."""
_Item = TypeVar("_Item")


def rows(items: Sequence[_Item], read: Callable[[_Item], Row | None]) -> Generator[Row, None, None]:
    """What `read` makes of the items, in any order; not all of them, and none where there is nobody to share with."""
    share = _processes(len(items))
    children: dict[int, int] = {}
    try:
        for number in range(share):
            with suppress(OSError):  # no more processes, or files: fewer are enough
                _begin(items[number::share], read, children)
        yield from _received(list(children))
    finally:
        for pipe, child in children.items():
            os.close(pipe)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(child, 0)


def _processes(count: int) -> int:
    """How many children; none where there is little to do, or where they could do harm."""
    if count < MUCH or sys.platform != "linux" or threading.active_count() > 1:  # a fork takes one thread along
        return 0
    if resource.getrlimit(resource.RLIMIT_CPU)[0] != resource.RLIM_INFINITY:  # it would hold for each of them
        return 0
    free = len(os.sched_getaffinity(0))
    return min(free, _MOST) if free > 1 else 0


def _begin(items: Sequence[_Item], read: Callable[[_Item], Row | None], children: dict[int, int]) -> None:
    """A child at work on the items, among the children by where what it reads comes out.

    No signal comes in between: in the child it would unwind what is the parent's, in the parent it would leave one that
    nobody knows.
    """
    there, here = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        child = os.fork()
        if child == 0:
            _work(here, (there, *children), items, read)
        children[there] = child
    except OSError:
        os.close(there)
        raise
    finally:
        os.close(here)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(here: int, pipes: Sequence[int], items: Sequence[_Item], read: Callable[[_Item], Row | None]) -> NoReturn:
    """What a child does; nothing of the parent's is flushed, closed or told. The parent ends it, as no signal does."""
    code = 1
    try:
        for pipe in pipes:
            os.close(pipe)
        _hand_over(here, items, read)
        code = 0
    finally:
        os._exit(code)


def _hand_over(pipe: int, items: Sequence[_Item], read: Callable[[_Item], Row | None]) -> None:
    for start in range(0, len(items), _TOGETHER):
        found = [row for row in map(read, items[start : start + _TOGETHER]) if row is not None]
        data = marshal.dumps(found)
        left = memoryview(len(data).to_bytes(_HEAD, "big") + data)
        while left:
            left = left[os.write(pipe, left) :]


def _received(pipes: list[int]) -> Iterator[Row]:
    """All that comes out of the pipes until each of them ends; what was cut off is left out."""
    held, waiting = {pipe: bytearray() for pipe in pipes}, select.poll()
    for pipe in pipes:
        waiting.register(pipe, select.POLLIN)
    while pipes:
        for pipe, _ in waiting.poll():
            more = os.read(pipe, 1 << 20)
            if not more:
                waiting.unregister(pipe)
                pipes.remove(pipe)
            held[pipe] += more
            yield from _whole(held[pipe])


def _whole(held: bytearray) -> Iterator[Row]:
    """The rows that have come in full; they are taken away."""
    while len(held) >= _HEAD and len(held) >= (end := _HEAD + int.from_bytes(held[:_HEAD], "big")):
        found = marshal.loads(held[_HEAD:end])  # noqa: S302 - a fork of ours wrote it
        del held[:end]
        yield from found
