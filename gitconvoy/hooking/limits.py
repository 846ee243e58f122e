"""How much processor time and memory the server's hook may take, so that no push holds the server up (SPEC 9)."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gitconvoy.dispatch.logs import parse_size
from gitconvoy.errors import Refused, UsageError
from gitconvoy.git import config
from gitconvoy.git.repo import Repo
from gitconvoy.model.clock import parse_duration

TIME_KEY, MEMORY_KEY = "gitconvoy.receiveTime", "gitconvoy.receiveMemory"
TIME = 300
"""Seconds of processor time of the hook, and of each git process that it starts."""
MEMORY = 2 << 30
"""Bytes of memory that each of them may ask for, files that are mapped not counted."""
_GRACE = 30
"""Seconds until a process that does not end by itself is killed."""
_SPARE = 64 << 20
"""Bytes to say with that there was no more memory."""


class _Enough(BaseException):
    """The time is over. No Exception: nothing on the way may take it for one of its own."""


@contextmanager
def limited(repo: Repo) -> Iterator[None]:
    """Do something within the limits that the server's git config sets.

    Raises Refused (`push-too-costly`) at a limit, UsageError for settings that cannot be meant. The limits hold for the
    rest of the process.
    """
    seconds = _setting(repo, TIME_KEY, parse_duration, TIME, "5m")
    size = _setting(repo, MEMORY_KEY, parse_size, MEMORY, "2g")
    signal.signal(signal.SIGXCPU, _stop)
    _lower(resource.RLIMIT_CPU, max(seconds, 1), max(seconds, 1) + _GRACE)
    _lower(resource.RLIMIT_DATA, size, size + _SPARE)
    try:
        yield
    except _Enough:
        raise _too_costly(f"it takes more than {seconds} s of processor time", TIME_KEY) from None
    except MemoryError:
        most = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        raise _too_costly(f"it takes more than {size >> 20} MiB of memory", MEMORY_KEY) from None


def _too_costly(why: str, key: str) -> Refused:
    hint = f"push less at once; whoever owns this server may set another limit: git config {key}"
    return Refused(why, hint=hint, code="push-too-costly")


def _stop(_number: int, _frame: Any) -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)  # it comes again each second
    raise _Enough


def _lower(what: int, soft: int, hard: int) -> None:
    """Set a limit, unless a lower one holds already."""
    limits = [each for each in resource.getrlimit(what) if each != resource.RLIM_INFINITY]
    resource.setrlimit(what, (min([soft, *limits]), min([hard, *limits[1:]])))


def _setting(repo: Repo, key: str, parse: Callable[[str], int], default: int, example: str) -> int:
    text = config.get(repo, key)
    try:
        return parse(text) if text else default
    except ValueError as error:
        raise UsageError(
            f"{key}: {error}", hint=f"for example git config {key} {example}", code="configuration"
        ) from None
