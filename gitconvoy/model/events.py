"""The event table: what each event may change and which trailers it needs (SPEC 7).

The writer is held to it by `ledger.apply`; whoever checks a ledger later uses the same table.
"""

from __future__ import annotations

from gitconvoy.dataclass import dataclass

ATTEMPT = frozenset({"status", "token", "submitted", "since", "machine", "via", "worker"})
"""Fields of a bead's record that belong to its attempt: whoever begins or ends one sets them all."""
_FACT = frozenset({"status", "outcome", "file_status", "conflict"})
_COUNT = frozenset({"failures", "not_before"})
_CONVOY_FACT = frozenset({"status", "outcome", "file_status", "close_reason", "completed_at"})


@dataclass(frozen=True, slots=True)
class EventKind:
    """One row: fields of the bead's, the convoy's and the town's record that may change, and needed trailers."""

    name: str
    bead: frozenset[str] = frozenset()
    convoy: frozenset[str] = frozenset()
    town: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    """Names of `Event` attributes that must be set: bead, convoy, worker, attempt, token."""
    about: str = ""


_ROWS = (
    EventKind("init", about="the ledger begins"),
    EventKind("launch", convoy=_CONVOY_FACT | {"launched_at"}, needs=frozenset({"convoy"}), about="convoy opened"),
    EventKind(
        "dispatch",
        bead=ATTEMPT | _FACT | {"convoy", "attempt", "branch", "base", "merged_as", "not_before"},
        needs=frozenset({"bead", "worker", "attempt", "token"}),
        about="a bead given to a worker",
    ),
    EventKind(
        "dispatch-failed",
        bead=ATTEMPT | _COUNT | _FACT,
        needs=frozenset({"bead", "attempt", "token"}),
        about="the dispatcher could not start the worker",
    ),
    EventKind(
        "submit",
        bead=frozenset({"submitted", "branch", "base"}),
        needs=frozenset({"bead", "attempt"}),
        about="work handed in, not merged yet",
    ),
    EventKind(
        "merged",
        bead=ATTEMPT | _FACT | {"merged_as"},
        needs=frozenset({"bead"}),
        about="handed-in work is in the base branch",
    ),
    EventKind("done", bead=ATTEMPT | _FACT, needs=frozenset({"bead"}), about="a bead closed"),
    EventKind(
        "fail",
        bead=ATTEMPT | _COUNT | _FACT,
        needs=frozenset({"bead", "attempt"}),
        about="an attempt failed",
    ),
    EventKind("requeue", bead=ATTEMPT, needs=frozenset({"bead", "attempt"}), about="an attempt that never began"),
    EventKind(
        "expire",
        bead=ATTEMPT | _COUNT | _FACT,
        needs=frozenset({"bead", "attempt"}),
        about="an attempt whose lease ran out",
    ),
    EventKind("unsling", bead=ATTEMPT, needs=frozenset({"bead", "attempt"}), about="an attempt taken back"),
    EventKind(
        "retry", bead=_FACT | _COUNT | {"submitted"}, needs=frozenset({"bead"}), about="failures forgotten by a person"
    ),
    EventKind("reopen", bead=_FACT | ATTEMPT, convoy=_CONVOY_FACT, about="a bead or convoy is open again"),
    EventKind(
        "pause",
        convoy=frozenset({"paused", "status", "file_status"}),
        town=frozenset({"paused"}),
        about="no new work",
    ),
    EventKind("resume", convoy=frozenset({"paused"}), town=frozenset({"paused"}), about="work goes on"),
    EventKind("complete", convoy=_CONVOY_FACT, needs=frozenset({"convoy"}), about="everything tracked has ended"),
    EventKind("close", convoy=_CONVOY_FACT, needs=frozenset({"convoy"}), about="convoy closed by a person"),
    EventKind("land", convoy=_CONVOY_FACT, needs=frozenset({"convoy"}), about="owned convoy landed by its owner"),
    EventKind(
        "kill",
        bead=ATTEMPT | _COUNT | _FACT,
        needs=frozenset({"bead", "attempt"}),
        about="a worker killed by a person",
    ),
    EventKind("watch", convoy=frozenset({"watchers"}), needs=frozenset({"convoy"}), about="watchers changed"),
    EventKind("notify", convoy=frozenset({"told"}), about="somebody is to be told of something"),
)

EVENTS = {row.name: row for row in _ROWS}
