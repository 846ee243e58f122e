"""A bead's whole file replaced by what a person typed (SPEC 3.1, 8 `bead edit`)."""

from __future__ import annotations

from gitconvoy.errors import BadFiles, Problem
from gitconvoy.model.plan import Bead
from gitconvoy.planning.desk import Changes, Desk, headline, settle
from gitconvoy.yamlio.reader import load, locate


def replace_text(desk: Desk, bead: Bead, data: bytes) -> Changes:
    """The bead's file with the bytes `data`. BadFiles where they are no sound bead of this id, Refused as `settle`."""
    document = load(data, bead.path)
    if document.get("id") != bead.id:
        line, column = locate(data, ("id",))
        message = f"the id must stay {bead.id}, is {document.get('id')!r}"
        problem = Problem(bead.path, "id-mismatch", message, "ids never change", line=line, column=column)
        raise BadFiles(message, (problem,), hint=problem.hint, code="id-mismatch")
    return settle(desk, {bead.path: data}, headline("Edit", (bead.id,), bead.title), (bead.id,))
