"""What an agent is told when it begins: its beads, what to read, how to finish; always short (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.plan import Bead
from gitconvoy.rules.view import View

MOST_LINES = 58
_WIDTH = 300
_WEIGHTS = {"description": 14, "design": 6, "acceptance_criteria": 8, "notes": 4}
"""How the texts share the lines that the rest leaves them; what is not shown is named, not hidden."""
_MOST_OTHERS = 5


def attempts_of(view: View, actor: str, bead: str | None) -> list[BeadRecord]:
    """The live attempts that this is about: of one bead, else all of the actor's, by id."""
    if bead is not None:
        return [view.ledger.bead(bead)]
    return [each for _, each in sorted(view.ledger.beads.items()) if each.live and each.worker == actor]


def lines(view: View, actor: str, records: Sequence[BeadRecord], env: Mapping[str, str]) -> list[str]:
    """The text, fewer than 60 lines: the first attempt in full, others by name. `env` tells where a worker works."""
    if not records:
        return list(_nothing(view, actor))
    record, others = records[0], [each.id for each in records[1:]]
    bead, mine = view.plan.bead(record.id), _is_mine(record, actor, env)
    head = list(_head(view, record, bead, mine=mine))
    tail = list(_links(view, bead)) if bead is not None else []
    tail += [*_reading(record, env if mine else {}), *_finish(record, mine=mine)]
    if others:
        named = ", ".join(others[:_MOST_OTHERS]) + (" ..." if len(others) > _MOST_OTHERS else "")
        tail += ["", f"You hold {len(others)} more: {named} (gitconvoy prime BEAD)"]
    texts = _texts(bead.data, MOST_LINES - len(head) - len(tail)) if bead is not None else []
    return [*head, *texts, *tail]


def _is_mine(record: BeadRecord, actor: str, env: Mapping[str, str]) -> bool:
    """Whether the attempt lives and is that of whoever asks: a started worker knows its token."""
    return record.live and (record.worker == actor or env.get("GITCONVOY_TOKEN") == record.token)


def _nothing(view: View, actor: str) -> Iterator[str]:
    ready = view.ready(actor=actor)
    yield "# gitconvoy"
    yield ""
    yield f"You ({actor}) hold no bead. {len(ready)} could be claimed now."
    yield ""
    yield "- gitconvoy ready               lists them, in the order in which they are wanted"
    yield "- gitconvoy next --claim        takes the first one, with a lease"
    yield "- gitconvoy prime               says then what it is and how to finish it"


def _head(view: View, record: BeadRecord, bead: Bead | None, *, mine: bool) -> Iterator[str]:
    if mine:
        yield f"# Your bead: {record.id}"
    elif record.live:
        yield f"# Bead {record.id}: {record.worker or 'somebody else'} works on it, not you"
    else:
        yield f"# Bead {record.id}: nobody works on it now"
    yield ""
    yield _cut(bead.title) if bead is not None else "It is not in the plan any more: stop, and ask."
    yield ", ".join(_facts(view, record, bead))


def _facts(view: View, record: BeadRecord, bead: Bead | None) -> Iterator[str]:
    if bead is not None:
        yield f"type {bead.type}"
        yield f"priority {bead.priority}"
    if record.convoy:
        yield f"convoy {record.convoy}"
    if record.live:
        yield f"attempt {record.attempt} of {view.config.dispatch.max_attempts}"
    else:
        yield f"status {view.effective(record.id).status}"


def _texts(data: Mapping[str, Any], room: int) -> list[str]:
    """The bead's long texts in `room` lines: by their weights, and what short ones do not need is for the others."""
    texts = {key: rows for key in _WEIGHTS if (rows := _rows(data.get(key)))}
    room -= 3 * len(texts)  # a blank line, the heading, and how much is left out
    weight, shown = sum(_WEIGHTS[key] for key in texts), {}
    for key in sorted(texts, key=lambda key: len(texts[key]) / _WEIGHTS[key]):
        shown[key] = min(len(texts[key]), room * _WEIGHTS[key] // weight)
        room, weight = room - shown[key], weight - _WEIGHTS[key]
    return [line for key, rows in texts.items() for line in _text(data, key, rows, shown[key])]


def _rows(text: object) -> list[str]:
    return text.strip("\n").splitlines() if isinstance(text, str) and text.strip() else []


def _text(data: Mapping[str, Any], key: str, rows: Sequence[str], most: int) -> Iterator[str]:
    yield ""
    yield f"## {key.replace('_', ' ').capitalize()}"
    yield from (_cut(row) for row in rows[:most])
    if len(rows) > most:
        yield f"(... {len(rows) - most} more lines: gitconvoy bead show {data['id']})"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[:_WIDTH] + " ..."


def _links(view: View, bead: Bead) -> Iterator[str]:
    if bead.touches:
        yield ""
        yield _cut(f"Expected to change: {', '.join(bead.touches)}")
    before = sorted({link.target for link in bead.links if link.blocking and view.effective(link.target).closed})
    if before:
        yield _cut(f"Done before it: {', '.join(before)}")


def _reading(record: BeadRecord, env: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield "## Where"
    if env.get("GITCONVOY_WORKTREE"):
        branch = f", branch {env['GITCONVOY_BRANCH']}" if env.get("GITCONVOY_BRANCH") else ""
        yield f"- work in {env['GITCONVOY_WORKTREE']}{branch}; nobody else is there"
    yield f"- gitconvoy bead show {record.id}    all of the bead, comments too"
    yield f"- gitconvoy why {record.id}    what it waited for, and what came before"
    yield "- AGENTS.md, CONTRIBUTING.md and README.md of the repository, where they exist"


def _finish(record: BeadRecord, *, mine: bool) -> Iterator[str]:
    yield ""
    yield "## How to finish"
    if record.submitted is not None:
        yield f"It is handed in and waits for being merged: nothing is left to do (gitconvoy why {record.id})."
        return
    if not mine:
        yield "It is not yours: gitconvoy next --claim takes what is ready."
        return
    yield f"1. Commit your work (leave .convoy/ alone), then: gitconvoy done {record.id}"
    yield f"   Nothing to commit: gitconvoy done {record.id} --no-code --reason 'what came of it'"
    yield f"2. You cannot do it: gitconvoy fail {record.id} --reason 'why'   (better than a guess)"
    yield f"3. It takes long and nobody supervises you: gitconvoy heartbeat {record.id}"
    yield f"4. You find other work: gitconvoy bead add 'Title' --parent {record.id}; do not do it now."


ONBOARD = """\
## Work with gitconvoy

Work items (beads) are YAML files below `.convoy/`; who works on what is decided by gitconvoy, not by editing files.

- Begin with `gitconvoy prime`: it says what your bead is, what to read and how to finish it.
- No bead? `gitconvoy next --claim` takes the next ready one; `gitconvoy ready` lists them.
- Commit your work on the branch that is checked out, then run `gitconvoy done BEAD`
  (`--no-code` where nothing was to be changed).
- If you cannot do it, run `gitconvoy fail BEAD --reason 'why'`. Never leave a bead without a word.
- Long work without a supervisor: `gitconvoy heartbeat BEAD` now and then keeps it yours.
- Found more to do? `gitconvoy bead add 'Title' --parent BEAD`; do not widen your own bead.
- Change nothing else below `.convoy/` on a worker's branch, and never touch the branch `convoy-ledger`.
- Every command answers with `--json`; `gitconvoy COMMAND --help` shows an example.
"""
"""What `onboard` prints."""
