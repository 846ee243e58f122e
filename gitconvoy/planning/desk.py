"""One edit of the plan: what goes in (`Desk`), what comes out (`Changes`), and what holds of every edit (SPEC 6, 8)."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from difflib import get_close_matches
from typing import TypeVar

from gitconvoy.checks.compare import new_problems
from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.checks.transitions import check_transitions
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, ConvoyError, NotFound, Problem, Refused
from gitconvoy.model import kinds
from gitconvoy.model.kinds import Kind
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.places import moved
from gitconvoy.model.plan import Bead, Convoy, Plan
from gitconvoy.model.state import State
from gitconvoy.planning.affected import affected
from gitconvoy.planning.planfile import blob_id, plan_files, stale
from gitconvoy.rules.view import View
from gitconvoy.schema import validate
from gitconvoy.store import values
from gitconvoy.store.build import place
from gitconvoy.yamlio.reader import load
from gitconvoy.yamlio.writer import edit

_Value = TypeVar("_Value", Bead, Convoy)
_BACK = "bring that repository back, or say with git config gitconvoy.rig.NAME.path where it is"


@dataclass(frozen=True, slots=True)
class Changes:
    """What an edit makes of the plan; the caller writes the files and commits exactly those."""

    files: Mapping[str, bytes | None]
    """New bytes by path, None deletes; only what differs from what is there. Empty: nothing to do."""
    message: str
    """The commit's message, one line."""
    ids: tuple[str, ...] = ()
    """The beads and convoys that the edit is about; a new one first."""
    plan: Plan = field(default_factory=Plan, repr=False)
    """The plan as it is once the files are written."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What edits work on: the plan of the branch that is checked out, and the current bytes of its files.

    `read` gives a file's bytes or None; `ledger` None where there is none at hand; `now` in epoch seconds; `actor` is
    who edits, for `created_by` and comments.
    """

    plan: Plan
    read: Callable[[str], bytes | None]
    ledger: Ledger | None = None
    now: int = 0
    actor: str = ""

    def view(self) -> View:
        """The rules on this plan and ledger."""
        return View(State(self.plan, self.ledger or Ledger(), self.now))

    def bead(self, bead_id: str) -> Bead:
        """An active bead by its exact id. NotFound, Refused for archived ones, BadFiles for unreadable ones."""
        bead = self.plan.beads.get(bead_id)
        if bead is not None:
            return bead
        if bead_id in self.plan.archive:
            raise Refused(
                f"{bead_id} is archived", hint=f"reopen it first: `gitconvoy bead reopen {bead_id}`", code="archived"
            )
        raise self._missing(bead_id, "bead", self.plan.beads)

    def convoy(self, convoy_id: str) -> Convoy:
        """A convoy by its exact id. NotFound, BadFiles for an unreadable one."""
        convoy = self.plan.convoys.get(convoy_id)
        if convoy is not None:
            return convoy
        raise self._missing(convoy_id, "convoy", self.plan.convoys)

    def _missing(self, one: str, kind: str, known: Collection[str]) -> ConvoyError:
        if one in self.plan.broken:
            found = tuple(p for p in self.plan.problems if one in p.ids or kinds.stem(p.path) == one)
            return BadFiles(
                f"the file of {one} cannot be read", found, hint="mend it: see `gitconvoy validate`", code="unreadable"
            )
        if (unseen := self.plan.unseen(one)) is not None:
            return Refused(f"{one} cannot be seen: {unseen}", hint=_BACK, code="rig-away")
        if one in self.plan.beads or one in self.plan.archive:
            return NotFound(f"{one} is a bead, not a convoy", hint=f"gitconvoy bead show {one}", code="not-found")
        if one in self.plan.convoys:
            return NotFound(f"{one} is a convoy, not a bead", hint=f"gitconvoy status {one}", code="not-found")
        near = get_close_matches(one, known, 1, cutoff=0.8)
        return NotFound(f"there is no {kind} {one}", hint=f"did you mean {near[0]}?" if near else "")

    def bytes_of(self, value: Bead | Convoy) -> bytes:
        """The current bytes of the file of a bead or convoy. NotFound where it is not there any more.

        Refused (`other-repository`) for a bead that lives in the repository of its rig.
        """
        where = self.plan.abroad.get(value.id)
        if where is not None:
            hint = f"change it there: gitconvoy -C {shlex.quote(where.root)} bead ..."
            raise Refused(f"{value.id} lives in another repository: {value.path}", hint=hint, code="other-repository")
        data = self.read(value.path)
        if data is None:
            raise NotFound(f"{value.path} is not there", hint="it was deleted since the plan was read; try again")
        return data

    def edited(self, value: Bead | Convoy, changes: Mapping[str, object]) -> bytes:
        """The file of a bead or convoy with new values for some keys; None removes a key.

        The schema line of a file that was moved by hand is put right.
        """
        kind = kind_of_value(value)
        data = self.bytes_of(value)
        made = edit(data, changes, kind)
        return moved(made, kind, value.path) if made != data else made


def kind_of_value(value: Bead | Convoy) -> Kind:
    """The kind of file that holds a value."""
    return kinds.BEAD if isinstance(value, Bead) else kinds.CONVOY


def settle(desk: Desk, docs: Mapping[str, bytes | None], message: str, ids: tuple[str, ...]) -> Changes:
    """What all edits end with: documents of beads and convoys -> all files to write.

    Drops what does not differ; raises BadFiles where a document breaks its schema, Refused where the edit makes a
    problem that stood not before (a cycle, a dangling link, a bead tracked twice) or takes a convoy where SPEC 3.3
    does not let it go; adds the plan files of the convoys concerned.
    """
    differing = {path: data for path, data in docs.items() if desk.read(path) != data}
    if not differing:
        return Changes({}, message, ids, desk.plan)
    plan = _with_documents(desk.plan, differing)
    view = View(State(plan, desk.ledger or Ledger()))
    if _graph_changes(desk.plan, plan) or plan.convoys != desk.plan.convoys:
        _refuse_new(lambda: check_plan(desk.plan, desk.ledger), check_plan(plan, desk.ledger, view))
        _refuse_new(list, check_transitions(desk.plan, plan, desk.ledger or Ledger()))
    derived = _plan_changes(desk, view)
    blobs = dict(plan.plan_blobs)
    for path, data in derived.items():
        blobs.pop(kinds.stem(path), None)
        if data is not None:
            blobs[kinds.stem(path)] = blob_id(data)
    files = dict(sorted({**differing, **derived}.items()))
    return Changes(files, message, ids, replace(plan, plan_blobs=blobs))


def _refuse_new(before: Callable[[], list[Problem]], after: list[Problem]) -> None:
    errors = [problem for problem in after if problem.severity == "error"]
    errors = new_problems(before(), errors) if errors else []
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise Refused(errors[0].message + more, hint=errors[0].hint, code=errors[0].code)


def _with_documents(plan: Plan, docs: Mapping[str, bytes | None]) -> Plan:
    """The plan with some files new, changed (bytes) or gone (None). BadFiles names all that cannot be read."""
    beads, archive, convoys = dict(plan.beads), dict(plan.archive), dict(plan.convoys)
    problems: list[Problem] = []
    for path, data in docs.items():
        if data is None:
            _drop(beads, path)
            _drop(archive, path)
            _drop(convoys, path)
            continue
        value, found = _read(path, data)
        problems += found
        if isinstance(value, Convoy):
            convoys[value.id] = value
        elif value is not None:
            (archive if value.archived else beads)[value.id] = value
    if problems:
        placed = tuple(place(problems, docs.get))
        raise BadFiles(placed[0].message, placed, hint=placed[0].hint)
    return replace(plan, beads=beads, archive=archive, convoys=convoys)


def _drop(known: dict[str, _Value], path: str) -> None:
    one = kinds.stem(path)
    if one in known and known[one].path == path:
        del known[one]


def _read(path: str, data: bytes) -> tuple[Bead | Convoy | None, list[Problem]]:
    kind = kinds.CONVOY if kinds.kind_of(path) is kinds.CONVOY else kinds.BEAD
    document = load(data, path)
    problems = validate(kind, document, path)
    if not problems and document["id"] != kinds.stem(path):
        message = f"holds the id {document['id']}, but its name says {kinds.stem(path)}"
        problems = [Problem(path, "id-mismatch", message, "ids never change", at=("id",))]
    if problems:
        return None, problems
    try:
        return (values.convoy if kind is kinds.CONVOY else values.bead)(document, path), []
    except values.ValueProblem as error:
        return None, [error.problem(path)]


def _graph_changes(old: Plan, new: Plan) -> bool:
    """Whether links, parents, types or the set of beads differ, or a status is none that the config knows."""
    if old.beads.keys() != new.beads.keys() or old.archive.keys() != new.archive.keys():
        return True
    for bead_id, bead in new.beads.items():
        before = old.beads[bead_id]
        if before is bead:
            continue
        if (before.type, before.parent, before.links) != (bead.type, bead.parent, bead.links):
            return True
        if bead.status not in new.config.statuses:
            return True
    return False


def _plan_changes(desk: Desk, view: View) -> Mapping[str, bytes | None]:
    """The plan files that this edit makes stale; what was stale before without it is left to the pre-commit hook."""
    plan = view.plan
    edited = {c for c in {*desk.plan.convoys, *plan.convoys} if desk.plan.convoys.get(c) != plan.convoys.get(c)}
    changes = stale(plan, desk.ledger, affected(desk.plan, plan, view.graph) | edited, view)
    untouched = {*map(kinds.stem, changes)} - edited
    before = plan_files(desk.plan, desk.ledger, untouched) if untouched else {}
    return {path: data for path, data in changes.items() if data is None or before.get(kinds.stem(path)) != data}


def headline(verb: str, ids: tuple[str, ...], title: str = "") -> str:
    """One line for a commit: `Add gt-abcde: Title`, at most 100 characters.

    Titles and reasons are data: what would begin another line, and with it perhaps a trailer, becomes a space.
    """
    title = " ".join("".join(char if char.isprintable() else " " for char in title).split())
    named = ", ".join(ids[:4]) + (f" and {len(ids) - 4} more" if len(ids) > 4 else "")
    line = f"{verb} {named}" + (f": {title}" if title else "")
    return line if len(line) <= 100 else line[:97] + "..."
