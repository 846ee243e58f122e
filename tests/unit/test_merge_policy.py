"""The table of merge policies: complete, and as the manual says."""

from __future__ import annotations

from pathlib import Path

from gitconvoy.merge.policy import POLICIES, How, how
from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, KINDS

MANUAL = Path(__file__).parents[2] / "docs" / "merging-files.md"


def rows() -> list[str]:
    found = []
    for kind, table in POLICIES.items():
        for way in dict.fromkeys(table.values()):
            keys = ", ".join(f"`{key}`" for key, each in table.items() if each is way)
            found.append(f"| {kind} | {keys} | {way.value} |")
    return found


def test_the_manual_says_what_the_table_says() -> None:
    lines = MANUAL.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(tuple(f"| {kind} |" for kind in POLICIES))] == rows()


def test_each_key_has_a_policy_and_sets_are_merged_as_sets() -> None:
    for name, table in POLICIES.items():
        kind = KINDS[name]
        assert {*kind.keys} <= {*table}, name
        assert {key for key in table if table[key] in (How.SET, How.LINKS)} == kind.sets


def test_nested_keys() -> None:
    assert how(CONFIG, ("rigs", "a", "prefixes"), mappings=False) is How.LIST
    assert how(CONFIG, ("rigs", "prefixes"), mappings=False) is How.CONFLICT
    assert how(CONFIG, ("rigs", "a", "metadata"), mappings=True) is How.MAPPING
    assert how(BEAD, ("metadata", "labels"), mappings=False) is How.CONFLICT
    assert how(CONVOY, ("x-a",), mappings=True) is How.MAPPING
