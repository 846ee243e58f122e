"""A plan in memory for tests of edits: files by path, and what holds after every edit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from textwrap import dedent

from builders import NOW

from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Plan
from gitconvoy.planning.desk import Changes, Desk
from gitconvoy.planning.planfile import blob_id, stale
from gitconvoy.store.build import build
from gitconvoy.store.reading import Source

Files = dict[str, bytes]


def yaml(text: str) -> bytes:
    """A file's bytes from an indented literal."""
    return dedent(text).lstrip("\n").encode()


def bead_files(**beads: str) -> Files:
    """`gt_a="type: epic"` is `.convoy/beads/gt-a.yaml` with id, title and that line (`;` parts lines)."""
    files = {}
    for name, lines in beads.items():
        one = name.replace("_", "-")
        body = "".join(f"{line.strip()}\n" for line in lines.split(";") if line.strip())
        files[f".convoy/beads/{one}.yaml"] = f"id: {one}\ntitle: Title of {one}\n{body}".encode()
    return files


def convoy_file(convoy_id: str, *tracks: str, **fields: str) -> Files:
    """The file of a convoy with these beads; `fields` are lines of it."""
    body = f"id: {convoy_id}\ntitle: Title of {convoy_id}\n"
    if tracks:
        body += "tracks:\n" + "".join(f"  - {one}\n" for one in tracks)
    body += "".join(f"{key}: {value}\n" for key, value in fields.items())
    return {f".convoy/convoys/{convoy_id}.yaml": body.encode()}


def plan_of(files: Mapping[str, bytes]) -> Plan:
    """The plan that these files make up."""
    return build(Source(path, blob_id(data), partial(bytes, data)) for path, data in files.items())


def desk_of(files: Mapping[str, bytes], ledger: Ledger | None = None) -> Desk:
    """A desk on these files, of ada."""
    return Desk(plan_of(files), files.get, ledger, NOW, "ada")


def settled(files: Mapping[str, bytes]) -> Files:
    """The files and all plan files that belong to them."""
    return {**files, **{path: data for path, data in stale(plan_of(files)).items() if data is not None}}


def applied(files: Mapping[str, bytes], changes: Changes) -> Files:
    """The files after an edit. Asserts that they are what `changes.plan` says, and that it made no plan file stale."""
    after = {**files}
    for path, data in changes.files.items():
        assert after.get(path) != data, f"{path} does not differ"
        if data is None:
            del after[path]
        else:
            after[path] = data
    plan = plan_of(after)
    assert not plan.problems
    assert (plan.beads, plan.archive, plan.convoys) == (
        changes.plan.beads,
        changes.plan.archive,
        changes.plan.convoys,
    )
    assert plan.plan_blobs == changes.plan.plan_blobs
    assert stale(plan).keys() <= stale(plan_of(files)).keys()
    return after
