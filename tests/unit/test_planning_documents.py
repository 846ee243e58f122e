"""SPEC 3.1: ids, paths and canonical bytes of new files."""

from __future__ import annotations

import hashlib
import re

import pytest
from builders import bead, convoy, ledger, plan, record

from gitconvoy.errors import UsageError
from gitconvoy.model import kinds
from gitconvoy.model.ids import is_id
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.places import moved, schema_url
from gitconvoy.model.plan import Config, Link
from gitconvoy.planning.documents import (
    bead_path,
    checked_id,
    convoy_path,
    fresh_bead_id,
    fresh_convoy_id,
    link_entry,
    new_document,
    plan_path,
    schema_path,
    taken_ids,
)

BAD_IDS = ["", "a b", "../x", "a..b", "a.", "a.lock", "-a", "a/b", "x" * 65, "a\n", "ä"]


@pytest.mark.parametrize("text", BAD_IDS)
def test_no_id_that_a_user_gives_gets_into_a_path_unchecked(text: str) -> None:
    for make in (checked_id, bead_path, convoy_path, plan_path):
        with pytest.raises(UsageError, match="cannot be an id"):
            make(text)


def test_paths_of_both_layouts() -> None:
    fan = hashlib.sha1(b"gt-abcde").hexdigest()[:2]
    assert bead_path("gt-abcde") == ".convoy/beads/gt-abcde.yaml"
    assert bead_path("gt-abcde", "fanout") == f".convoy/beads/{fan}/gt-abcde.yaml"
    assert convoy_path("hq-cv-1") == ".convoy/convoys/hq-cv-1.yaml"
    assert plan_path("hq-cv-1") == ".convoy/plans/hq-cv-1.yaml"


@pytest.mark.parametrize(
    ("path", "kind", "url"),
    [
        (".convoy/config.yaml", kinds.CONFIG, "schemas/config.schema.json"),
        (".convoy/beads/a.yaml", kinds.BEAD, "../schemas/bead.schema.json"),
        (".convoy/beads/3f/a.yaml", kinds.BEAD, "../../schemas/bead.schema.json"),
        (".convoy/plans/a.yaml", kinds.PLAN, "../schemas/plan.schema.json"),
    ],
)
def test_the_schema_line_points_at_the_copy_in_the_repository(path: str, kind: kinds.Kind, url: str) -> None:
    assert schema_url(path, kind) == url
    folder = path.rpartition("/")[0].split("/")
    for part in url.split("/"):
        folder = folder[:-1] if part == ".." else [*folder, part]
    assert "/".join(folder) == schema_path(kind)


def test_new_ids_are_a_prefix_and_five_base_36_characters() -> None:
    tested = plan(config=Config(prefix="web", convoy_prefix="cv"))
    assert re.fullmatch(r"web-[0-9a-z]{5}", fresh_bead_id(tested))
    assert re.fullmatch(r"api-[0-9a-z]{5}", fresh_bead_id(tested, prefix="api"))
    assert re.fullmatch(r"cv-[0-9a-z]{5}", fresh_convoy_id(tested))
    with pytest.raises(UsageError):
        fresh_bead_id(tested, prefix="../x")


def test_ids_are_never_used_again_also_ignoring_case() -> None:
    tested = plan(
        bead("gt-A"), bead("gt-old", archived=True), convoy("hq-cv-1"), broken=["gt-bad"], plan_blobs={"hq-cv-0": ""}
    )
    known = ledger(record("gt-gone"), ConvoyRecord("hq-cv-9"))
    assert taken_ids(tested, known) == {"gt-a", "gt-old", "hq-cv-1", "gt-bad", "hq-cv-0", "gt-gone", "hq-cv-9"}
    assert is_id(fresh_bead_id(tested, known))


def test_a_new_document_is_canonical_and_leaves_defaults_out() -> None:
    fields = {
        "title": "Do it",
        "status": "open",
        "priority": 2,
        "type": "task",
        "labels": ["b", "a"],
        "depends_on": [],
        "owner": None,
        "notes": "",
        "outcome": "done",
        "id": "gt-a",
    }
    assert new_document(kinds.BEAD, ".convoy/beads/gt-a.yaml", fields).decode() == (
        "# yaml-language-server: $schema=../schemas/bead.schema.json\nid: gt-a\ntitle: Do it\nlabels:\n  - a\n  - b\n"
    )


def test_values_that_only_resemble_a_default_are_kept() -> None:
    data = new_document(kinds.CONVOY, convoy_path("hq-cv-1"), {"id": "hq-cv-1", "priority": 0, "owned": True})
    assert b"priority: 0\n" in data
    assert b"owned: true\n" in data
    assert b"paused" not in new_document(kinds.CONVOY, convoy_path("hq-cv-1"), {"id": "hq-cv-1", "paused": False})


def test_a_blocks_link_is_a_plain_id_and_others_name_their_type() -> None:
    assert link_entry(Link("gt-a")) == "gt-a"
    assert link_entry(Link("gt-a", "related")) == {"id": "gt-a", "type": "related"}
    gate = {"id": "gt-a", "type": "waits-for", "gate": "any-children"}
    assert link_entry(Link("gt-a", "waits-for", "any-children")) == gate


def test_a_file_that_moves_keeps_its_schema() -> None:
    data = b"# yaml-language-server: $schema=../schemas/bead.schema.json\nid: a\n"
    other = moved(data, kinds.BEAD, ".convoy/beads/3f/a.yaml")
    assert other == b"# yaml-language-server: $schema=../../schemas/bead.schema.json\nid: a\n"
    assert moved(b"# mine\nid: a\n", kinds.BEAD, ".convoy/beads/3f/a.yaml") == b"# mine\nid: a\n"
