"""SPEC 3.1, 3.5, 8: the files that `init` writes."""

from __future__ import annotations

import json

import pytest
from desks import plan_of

from gitconvoy.errors import UsageError
from gitconvoy.model import kinds
from gitconvoy.planning.start import ATTRIBUTES_PATH, schema_copies, start_files
from gitconvoy.resources import schema_text
from gitconvoy.schema import validate
from gitconvoy.yamlio.reader import load


def nothing(_: str) -> None:
    return None


def test_a_fresh_town_can_be_read_without_a_problem() -> None:
    files = start_files("web", nothing)
    made = plan_of(files)
    assert not made.problems
    assert not made.config_broken
    assert (made.config.prefix, list(made.config.rigs)) == ("web", ["web"])


def test_what_is_in_it() -> None:
    files = start_files("gt", nothing)
    assert sorted(files) == [
        ".convoy/.gitattributes",
        ".convoy/beads/.gitkeep",
        ".convoy/config.yaml",
        ".convoy/convoys/.gitkeep",
        ".convoy/schemas/bead.schema.json",
        ".convoy/schemas/config.schema.json",
        ".convoy/schemas/convoy.schema.json",
        ".convoy/schemas/plan.schema.json",
    ]
    assert files[ATTRIBUTES_PATH].startswith(b"* text eol=lf\n")
    assert b"/beads/**/*.yaml merge=gitconvoy-bead\n" in files[ATTRIBUTES_PATH]
    assert load(files[kinds.CONFIG_PATH], "c") == {"format": 1, "prefix": "gt"}
    assert files[kinds.CONFIG_PATH].startswith(b"# yaml-language-server: $schema=schemas/config.schema.json\n")
    assert json.loads(files[".convoy/schemas/bead.schema.json"]) == json.loads(schema_text("bead"))


def test_the_settings_in_comments_are_valid_once_uncommented() -> None:
    lines = start_files("web", nothing)[kinds.CONFIG_PATH].decode().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("# rigs:"))
    text = "\n".join([*lines[:first], *(line.removeprefix("# ") for line in lines[first:]), ""])
    data = load(text.encode(), "c")
    assert {"rigs", "dispatch"} <= set(data)
    assert validate(kinds.CONFIG, data, "c") == []


def test_a_second_time_there_is_nothing_to_do() -> None:
    files = start_files("gt", nothing)
    assert start_files("gt", files.get) == {}


def test_a_config_and_attributes_that_exist_are_never_overwritten() -> None:
    mine = {kinds.CONFIG_PATH: b"format: 1\nprefix: mine\n", ATTRIBUTES_PATH: b"*.yaml text"}
    files = start_files("gt", mine.get)
    assert kinds.CONFIG_PATH not in files
    assert files[ATTRIBUTES_PATH].startswith(b"*.yaml text\n/beads/")
    assert ATTRIBUTES_PATH not in start_files("gt", {**mine, ATTRIBUTES_PATH: b"*.yaml merge=mine\n"}.get)
    assert ".convoy/beads/.gitkeep" not in files


def test_schemas_follow_the_installed_version() -> None:
    files = start_files("gt", nothing)
    old = {**files, ".convoy/schemas/bead.schema.json": b"{}"}
    assert list(schema_copies(old.get)) == [".convoy/schemas/bead.schema.json"]


@pytest.mark.parametrize("prefix", ["1e5", "123", "true", "null", "0x1f", "no"])
def test_a_prefix_is_text_whatever_it_looks_like(prefix: str) -> None:
    assert load(start_files(prefix, nothing)[kinds.CONFIG_PATH], "c")["prefix"] == prefix


@pytest.mark.parametrize("prefix", ["", "a b", "../x", "a: b", "x" * 64, "-a"])
def test_a_prefix_that_cannot_begin_an_id_is_refused(prefix: str) -> None:
    with pytest.raises(UsageError, match="cannot be a prefix"):
        start_files(prefix, nothing)
