"""Whatever the bytes of a plan file are: a document or complaints with places, in bounded work (SPEC 3.1)."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from fuzz_data import damaged, odd_values
from fuzzing import cases, complain, examples
from hypothesis import given
from hypothesis import strategies as st

from gitconvoy.errors import BadFiles, Problem, Refused
from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, PLAN, Kind
from gitconvoy.model.plan import Plan
from gitconvoy.schema import MAX_PROBLEMS as MAX_COMPLAINTS
from gitconvoy.schema import validate
from gitconvoy.store.build import build
from gitconvoy.store.reading import Source
from gitconvoy.yamlio.canonical import canonical, same
from gitconvoy.yamlio.complaints import MAX_SIZE
from gitconvoy.yamlio.reader import load
from gitconvoy.yamlio.strict import MAX_PROBLEMS
from gitconvoy.yamlio.writer import dump, edit

PATHS = {
    "bead": ".convoy/beads/gt-a.yaml",
    "convoy": ".convoy/convoys/hq-cv-1.yaml",
    "config": ".convoy/config.yaml",
    "plan": ".convoy/plans/hq-cv-1.yaml",
}
KINDS: dict[str, Kind] = {"bead": BEAD, "convoy": CONVOY, "config": CONFIG, "plan": PLAN}
GOOD = {
    "bead": b"""# yaml-language-server: $schema=../../x.json
id: gt-a   # the id
title: "A title: with a colon"
type: task
priority: 1
depends_on:
  - gt-b
  # a comment
  - {id: gt-c, type: waits-for, gate: any-children}
labels: [ui, "two words"]
touches:
  - src/**
description: |
  Two lines,
    one of them indented.
metadata:
  a: {b: [1, 2.5, null, true]}
due_at: 2030-01-31
comments:
  - author: someone
    created_at: 2025-01-01T00:00:00Z
    text: said
x-own: >-
  folded
  text
status: open
""",
    "convoy": b"""id: hq-cv-1
title: A convoy
tracks:
  - gt-a
owner: someone
max_workers: 2
merge: mr
base_branch: main
labels: [a, b]
status: open
""",
    "config": b"""format: 1
prefix: gt
rigs:
  gt:
    prefixes: [gt]
    workers: [gt/one, gt/two]
    max_workers: 2
dispatch:
  dispatcher: record
  max_workers: 4
  backoff: 1m
  lease: 30m
types:
  research: {slingable: true}
statuses:
  review: wip
layout: flat
""",
    "plan": b"""convoy: hq-cv-1
waves:
  - [gt-a]
  - [gt-b, gt-c]
gates: {}
outside:
  gt-b: [gt-x]
critical_path: [gt-a, gt-b]
""",
}


def plan_of(kind: str, data: bytes) -> Plan:
    """The plan that one file makes up; every complaint in it is in order."""
    plan = build([Source(PATHS[kind], "", lambda: data)])
    complain(plan.problems)
    return plan


def rewrite(kind: Kind, data: bytes) -> None:
    """A file that is read is written back the same, and edits of it are stable."""
    document = load(data, "f.yaml")
    try:
        written = dump(document, kind, None)
    except Refused:
        return
    assert same(load(written, "f.yaml"), canonical(document, kind))
    assert dump(load(written, "f.yaml"), kind, None) == written
    given_values = {key: value for key, value in document.items() if value is not None}
    assert edit(data, given_values, kind) == data
    changed = edit(data, {"title": "Another one", "x-new": [1, {"a": "b"}]}, kind)
    assert same(load(changed, "f.yaml"), {**document, "title": "Another one", "x-new": [1, {"a": "b"}]})
    assert edit(changed, {"title": "Another one"}, kind) == changed


def few(problems: tuple[Problem, ...], lines: int) -> None:
    """Complaints about lines that are there, and not too many."""
    complain(problems)
    assert 0 < len(problems) <= MAX_PROBLEMS + 3
    assert all(problem.line <= lines for problem in problems)


def look(kind: str, data: bytes) -> set[str]:
    """Read a file in every way; the codes of what is wrong with it."""
    plan = plan_of(kind, data)
    try:
        document = load(data, "f.yaml")
    except BadFiles as error:
        few(error.problems, data.count(b"\n") + 2)
        return {problem.code for problem in error.problems}
    complain(validate(KINDS[kind], document, "f.yaml"))
    rewrite(KINDS[kind], data)
    return {problem.code for problem in plan.problems}


@pytest.mark.parametrize(
    ("name", "expected", "data"), cases("bead"), ids=[f"{name}-{code}" for name, code, _ in cases("bead")]
)
def test_the_corpus(name: str, expected: str, data: bytes) -> None:
    assert expected in (look("bead", data) or {"ok"})
    for kind in ("convoy", "config", "plan"):
        look(kind, data)


@examples(90)
@given(st.data(), st.sampled_from(sorted(GOOD)))
def test_damaged_files(data: st.DataObject, kind: str) -> None:
    look(kind, data.draw(damaged(GOOD[kind])))


def _fields(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    known = dict.fromkeys(kind.keys, odd_values)
    good = load(GOOD[kind.name], "f.yaml")
    return st.builds(
        lambda odd, extra: {**good, **odd, **extra},
        st.fixed_dictionaries({}, optional=known).filter(bool),
        st.dictionaries(
            st.sampled_from(["x-a", "x-", "zz", "metadata", "<<", "ID", "depends-on"]), odd_values, max_size=1
        ),
    )


@examples(90)
@given(st.data(), st.sampled_from(sorted(KINDS)))
def test_any_type_of_value_in_every_field(data: st.DataObject, kind: str) -> None:
    document = data.draw(_fields(KINDS[kind]))
    complain(validate(KINDS[kind], document, "f.yaml"))
    try:
        written = dump(document, KINDS[kind], None)
    except Refused:
        return
    look(kind, written)


LARGE = {
    "keys": b"".join(b"x-%d: 1\n" % number for number in range(10_000)),
    "keys of their own kind": b"".join(b"k%d: 1\n" % number for number in range(10_000)),
    "a line": b"title: " + b"x" * 900_000 + b"\n",
    "a title of many lines": b"title: |\n" + b"  x\n" * 200_000,
    "items": b"labels:\n" + b"  - a\n" * 150_000,
    "odd items": b"labels:\n" + b"  - {}\n" * 100_000,
    "links": b"depends_on: [" + b"gt-a, " * 100_000 + b"]\n",
    "the same key": b"id: a\n" * 100_000,
    "conflicts": b"<<<<<<< a\n=======\n>>>>>>> b\n" * 30_000,
    "comments": b"# x\n" * 200_000,
    "brackets": b"a: " + b"[" * 900_000,
    "braces": b"{a: " * 200_000,
    "dashes": b"- " * 400_000,
    "question marks": b"? " * 400_000,
    "quotes": b"a: '" + b"''" * 400_000,
    "escapes": b'a: "' + b"\\n" * 400_000 + b'"\n',
    "digits": b"priority: " + b"9" * 900_000,
    "spaces": b" " * 900_000,
    "tabs": b"\t" * 900_000,
    "carriage returns": b"\r" * 900_000,
    "separators": b"\xe2\x80\xa8" * 300_000,
    "documents": b"---\n" * 200_000,
    "anchors": b"a: [" + b"&a x," * 150_000,
    "a key": b"k" * 900_000 + b": 1\n",
    "folded": b"a: >\n" + b"  x\n\n" * 150_000,
    "colons": b"a: b: " * 150_000,
    "laughs": b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 9_000)),
}


@pytest.mark.parametrize("name", sorted(LARGE))
def test_large_files_take_memory_in_proportion(name: str) -> None:
    data = LARGE[name][: MAX_SIZE // 8]
    tracemalloc.start()
    try:
        plan = plan_of("bead", data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert plan.problems
    assert len(plan.problems) <= MAX_COMPLAINTS + 10
    assert peak < 300 * len(data), f"{peak / len(data):.0f} bytes for each byte"
