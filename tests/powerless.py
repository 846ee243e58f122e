"""Commands as a process that may not do everything: root without its power over permissions, or under limits."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import tempfile
import traceback
from collections.abc import Sequence

import pytest
from townfixtures import Answer, TownHelper

STRANGER = 65534
"""The user whom files belong to that we may not write."""
_DAC_OVERRIDE, _DAC_READ_SEARCH, _FOWNER = 1, 2, 3
_PR_CAPBSET_DROP = 24
_VERSION = 0x20080522


def only_as_root() -> None:
    """Skip where files cannot be given to another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files to another user")


def drop_powers() -> None:
    """From now on permissions count for this process and its children, root though they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    dropped = (_DAC_OVERRIDE, _DAC_READ_SEARCH, _FOWNER)
    for power in dropped:
        if libc.prctl(_PR_CAPBSET_DROP, power, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()
    if libc.capget(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for at in range(3):
        data[at] &= ~sum(1 << power for power in dropped)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def run_all(
    here: TownHelper, commands: Sequence[Sequence[str]], *, powerless: bool = True, limits: dict[int, int] | None = None
) -> list[Answer]:
    """Run commands one after the other in a child of this process; what they answered."""
    with tempfile.TemporaryFile("w+") as answers:
        child = os.fork()
        if child == 0:
            _child(here, commands, answers.fileno(), powerless, limits or {})
        os.waitpid(child, 0)
        answers.seek(0)
        found = [Answer(*json.loads(line)) for line in answers]
    assert len(found) == len(commands), found
    return found


def _child(
    here: TownHelper, commands: Sequence[Sequence[str]], number: int, powerless: bool, limits: dict[int, int]
) -> None:
    try:
        if powerless:
            drop_powers()
        for words in commands:
            before = {which: resource.getrlimit(which) for which in limits}
            for which, limit in limits.items():
                resource.setrlimit(which, (limit, before[which][1]))
            try:
                answer = here.run(*words)
            finally:
                for which, old in before.items():
                    resource.setrlimit(which, old)
            os.write(number, json.dumps([int(answer.code), answer.out, answer.err]).encode() + b"\n")
    except BaseException:  # noqa: BLE001 - nothing of pytest may run in the child
        traceback.print_exc()
    finally:
        os._exit(0)
