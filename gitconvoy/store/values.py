"""Documents that passed their schema become values of the model (SPEC 3.2-3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.errors import Problem
from gitconvoy.model.clock import parse_duration, parse_iso
from gitconvoy.model.imported import imported_links, is_tombstone
from gitconvoy.model.kinds import ARCHIVE
from gitconvoy.model.plan import STATUSES, TYPES, Bead, Config, Convoy, Dispatch, Link, Rig


class ValueProblem(Exception):
    """A value that its schema lets pass but that means nothing; `at` is its key path."""

    def __init__(self, at: tuple[str | int, ...], message: str, hint: str) -> None:
        super().__init__(message)
        self.at, self.message, self.hint = at, message, hint

    def problem(self, path: str) -> Problem:
        """The same as a complaint about a file."""
        return Problem(path, "schema", self.message, self.hint, at=self.at)


def _time(data: Mapping[str, Any], key: str) -> int | None:
    text = data.get(key)
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError:
        raise ValueProblem(
            (key,), f"{key} {text!r} is no date or time", "write it as 2030-01-31 or 2030-01-31T12:00:00Z"
        ) from None


def _links(data: Mapping[str, Any]) -> tuple[Link, ...]:
    links = []
    for item in data.get("depends_on", ()):
        if isinstance(item, str):
            links.append(Link(item))
        else:
            links.append(Link(item["id"], item.get("type", "blocks"), item.get("gate")))
    return tuple(links)


def bead(data: Mapping[str, Any], path: str, kept: Mapping[str, Any] | None = None) -> Bead:
    """A bead's document as a value, which keeps it as `kept` where that is given.

    ValueProblem where a date cannot be read.
    """
    return Bead(
        id=data["id"],
        title=data["title"],
        path=path,
        type=data.get("type", "task"),
        priority=data.get("priority", 2),
        parent=data.get("parent"),
        links=_links(data),
        labels=tuple(data.get("labels", ())),
        touches=tuple(data.get("touches", ())),
        status=data.get("status", "open"),
        assignee=data.get("assignee"),
        outcome=data.get("outcome"),
        owner=data.get("owner"),
        defer_until=_time(data, "defer_until"),
        due_at=_time(data, "due_at"),
        archived=path.startswith(ARCHIVE + "/"),
        tombstone=is_tombstone(data),
        imported_links=imported_links(data),
        data=data if kept is None else kept,
    )


def convoy(data: Mapping[str, Any], path: str, kept: Mapping[str, Any] | None = None) -> Convoy:
    """A convoy's document as a value, which keeps it as `kept` where that is given."""
    return Convoy(
        id=data["id"],
        title=data["title"],
        path=path,
        tracks=tuple(data.get("tracks", ())),
        epic=data.get("epic"),
        status=data.get("status", "staged_ready"),
        paused=data.get("paused", False),
        owned=data.get("owned", False),
        mountain=data.get("mountain", False),
        priority=data.get("priority", 2),
        max_workers=data.get("max_workers"),
        merge=data.get("merge"),
        base_branch=data.get("base_branch"),
        owner=data.get("owner"),
        data=data if kept is None else kept,
    )


def _seconds(data: Mapping[str, Any], key: str, default: int) -> int:
    if key not in data:
        return default
    try:
        return parse_duration(data[key])
    except ValueError as error:
        raise ValueProblem(("dispatch", key), str(error), "for example 30m") from None


def _lease(data: Mapping[str, Any], default: int) -> int:
    seconds = _seconds(data, "lease", default)
    if seconds < 1:
        message = "a lease of no time would give each bead to everybody who asks"
        raise ValueProblem(("dispatch", "lease"), message, "write at least 1s; 30m is usual")
    return seconds


def _rigs(data: Mapping[str, Any], prefix: str) -> dict[str, Rig]:
    rigs: dict[str, Rig] = {}
    owners: dict[str, str] = {}
    for name, raw in (data.get("rigs") or {}).items():
        block = raw or {}
        prefixes = tuple(block.get("prefixes") or (name,))
        for index, own in enumerate(prefixes):
            if own in owners:
                raise ValueProblem(
                    ("rigs", name, "prefixes", index),
                    f"prefix {own!r} belongs to the rigs {owners[own]} and {name}",
                    "give each prefix to one rig",
                )
            owners[own] = name
        rigs[name] = Rig(
            name=name,
            prefixes=prefixes,
            parked=block.get("parked", False),
            base_branch=block.get("base_branch"),
            merge=block.get("merge", "mr"),
            workers=tuple(block.get("workers") or ()),
            max_workers=block.get("max_workers"),
            elsewhere=block.get("elsewhere", False),
        )
    return rigs or {prefix: Rig(prefix, (prefix,))}


def _slingable(value: Any) -> bool:
    return bool(value.get("slingable", False)) if isinstance(value, Mapping) else bool(value)


def config(data: Mapping[str, Any]) -> Config:
    """The settings with every default filled in. ValueProblem where a value means nothing."""
    prefix = data.get("prefix", "gt")
    block = data.get("dispatch") or {}
    standard = Dispatch()
    dispatch = Dispatch(
        dispatcher=block.get("dispatcher", standard.dispatcher),
        auto=block.get("auto", standard.auto),
        max_workers=block.get("max_workers", standard.max_workers),
        max_attempts=block.get("max_attempts", standard.max_attempts),
        backoff=_seconds(block, "backoff", standard.backoff),
        backoff_max=_seconds(block, "backoff_max", standard.backoff_max),
        lease=_lease(block, standard.lease),
        paused=block.get("paused", standard.paused),
    )
    types = {name: _slingable(value) for name, value in (data.get("types") or {}).items()}
    return Config(
        prefix=prefix,
        convoy_prefix=data.get("convoy_prefix", "hq-cv"),
        rigs=_rigs(data, prefix),
        dispatch=dispatch,
        auto_close_epics=(data.get("epics") or {}).get("auto_close", True),
        inherit_blockers=data.get("inherit_blockers", True),
        types={**types, **TYPES},
        statuses={**(data.get("statuses") or {}), **STATUSES},
        layout=data.get("layout", "flat"),
    )
