"""The keys of git config that gitconvoy reads, to find those that it does not (SPEC 7, 9)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

TOWN = (
    "actor",
    "branchPrefix",
    "breaker",
    "copy",
    "dispatch",
    "dispatcher",
    "keepLogs",
    "logLimit",
    "machine",
    "maxWorkers",
    "notify",
    "notifyUrl",
    "onSubmit",
    "paused",
    "pushRemote",
    "pushTimeout",
    "setup",
    "setupTimeout",
    "submodules",
    "trunk",
    "wake",
    "worktrees",
)
"""`gitconvoy.KEY`."""
SERVER = ("python", "receiveMemory", "receiveTime", "requireSigned")
"""Likewise, read by the server's hook."""
DISPATCHER = ("command", "kind", "onExit", "stdin", "timeout", "workplace")
"""`gitconvoy.dispatcher.NAME.KEY`; those of plug-ins may have more."""
RIG = ("path", "verify", "verifyTimeout")
"""`gitconvoy.rig.NAME.KEY`."""
GROUPS = {"": (*TOWN, *SERVER), "dispatcher": DISPATCHER, "rig": RIG}


def unknown(keys: Iterable[str], plug_ins: frozenset[str] = frozenset()) -> dict[str, str]:
    """The keys below `gitconvoy.`, as git lists them, that nobody reads -> the known one that is nearest, or "".

    `plug_ins`: names of dispatchers whose own keys only they know.
    """
    found = {}
    for key in keys:
        _, group, middle, name = split(key)
        known = GROUPS.get(group, ())
        if name in {each.lower() for each in known} or (group == "dispatcher" and middle in plug_ins):
            continue
        near = _nearest(name, known)
        if group in GROUPS:
            prefix = f"gitconvoy.{group}.{middle}." if group else "gitconvoy."
            found[key] = f"{prefix}{near}" if near else ""
        else:
            meant = _nearest(group, filter(None, GROUPS))
            found[key] = f"gitconvoy.{meant}.{middle}.{name}" if meant else ""
    return found


class Parts(NamedTuple):
    """A key of git config below `gitconvoy.`: group and middle are empty where it is `gitconvoy.NAME`."""

    key: str
    group: str
    middle: str
    name: str


def split(key: str) -> Parts:
    """`gitconvoy.dispatcher.NAME.kind` -> group `dispatcher`, middle NAME, name `kind`."""
    rest, _, name = key.removeprefix("gitconvoy.").rpartition(".")
    group, _, middle = rest.partition(".")
    return Parts(key, group, middle, name)


def _nearest(word: str, known: Iterable[str]) -> str:
    spelt = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), spelt, n=1, cutoff=0.6)
    return spelt[near[0]] if near else ""
