"""`doctor` as a whole: its table, its answers, and that mending is looked at once more (SPEC 8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctoring import of, rows
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town

from gitconvoy.doctor import examine as room
from gitconvoy.doctor.examine import CHECKS, Check
from gitconvoy.doctor.findings import ERROR, NOTE, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.errors import GitError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo, hooks=True)


# --- the table ------------------------------------------------------------------------------------------------------


def test_each_check_asks_one_question_under_a_name_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert len({check.look for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.question, check.name


def findings_in_code() -> set[str]:
    """The kinds of findings that there are, as the code names them."""
    text = "".join(file.read_text() for file in (ROOT / "gitconvoy" / "doctor").glob("*.py"))
    return set(re.findall(r'Finding\(\s*"([a-z-]+)"', text))


def test_the_manual_names_each_finding_and_each_group() -> None:
    manual = (ROOT / "docs" / "doctor.md").read_text()
    named = re.findall(r"^\| `([a-z-]+)` \|", manual, re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) == findings_in_code()
    for group in dict.fromkeys(check.group for check in CHECKS):
        assert f"\n## {group.capitalize()}\n" in manual


def test_each_finding_has_a_test() -> None:
    tests = ROOT / "tests" / "repo"
    text = "".join(file.read_text() for file in (*tests.glob("test_doctor_*.py"), tests / "test_supervision_doctor.py"))
    others = ("test_rigs_code.py", "test_hooks_drivers.py", "../e2e/test_server_guard.py")
    text += "".join((tests / name).read_text() for name in others)
    assert [kind for kind in sorted(findings_in_code()) if f'"{kind}"' not in text] == []


# --- answers --------------------------------------------------------------------------------------------------------


def test_a_healthy_town(here: TownHelper) -> None:
    answer = here.json("doctor")
    assert (answer["ok"], answer["findings"], answer["skipped"]) == (True, [], [])
    assert answer["checked"] == [check.name for check in CHECKS]
    assert set(answer["versions"]) == {"gitconvoy", "git", "python", "pygit2", "libgit2"}
    assert all(answer["versions"].values())
    groups = ", ".join(dict.fromkeys(check.group for check in CHECKS))
    assert here.ok("doctor") == f"looked at {groups}: all is as it should be\n"


def test_a_healthy_town_at_work(repo: GitRepo) -> None:
    here = chain(repo)
    assert [row for row in rows(here) if row["severity"] != "note"] == []


def test_text_names_what_helps(here: TownHelper) -> None:
    here.repo.config("gitconvoy.trunk", "gone")
    answer = here.run("doctor")
    assert answer.code == 1
    assert answer.out.startswith(
        "error: gone: there is no such branch\n  expected: the trunk is a branch with commits\n"
    )
    assert "\n  because:  what it says is the plan" in answer.out
    assert "\n  $ git config gitconvoy.trunk BRANCH\n" in answer.out
    assert re.search(r"\nlooked at [a-z, ]+: 1 error\n$", answer.out)


def test_text_says_what_was_mended_and_what_can_be(here: TownHelper) -> None:
    (here.path / ".git" / "gitconvoy" / "breakers.json").write_text("{")
    assert "1 warning; `gitconvoy doctor --fix` mends some of it\n" in here.ok("doctor")
    mended = here.ok("doctor", "--fix")
    assert mended.startswith("mended: ")
    assert mended.endswith(": all is as it should be\n")


def test_text_says_what_it_could_not_look_at(tmp_path: Path) -> None:
    out = TownHelper(GitRepo(tmp_path)).run("doctor").out
    assert "because of what is said above, not or not wholly looked at: repository, environment, local files" in out


# --- checks that fail, fixes that do not help -----------------------------------------------------------------------


def only_these(patch: pytest.MonkeyPatch, *checks: Check) -> None:
    patch.setattr(room, "CHECKS", checks)


def finding(severity: str, fix: object = None) -> Finding:
    return Finding("x", "it", severity, "seen", "expected", "why", ("true",), fix)  # type: ignore[arg-type]


def test_one_check_that_fails_is_a_finding_and_stops_no_other(
    here: TownHelper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Scene) -> Iterator[Finding]:
        """Is it so?"""
        yield finding(NOTE)
        raise GitError("no such thing", hint="make one")

    def refuses(_: Scene) -> Iterator[Finding]:
        """Is it also so?"""
        raise PermissionError(13, "Permission denied")

    def goes_on(_: Scene) -> Iterator[Finding]:
        """And that?"""
        yield finding(WARNING)

    only_these(monkeypatch, Check("a", "first", fails), Check("a", "second", refuses), Check("b", "third", goes_on))
    found = rows(here, code=1)
    assert [(row["check"], row["subject"], row["severity"]) for row in found] == [
        ("doctor", "first", "error"),
        ("doctor", "second", "error"),
        ("x", "it", "warning"),
        ("x", "it", "note"),
    ]
    assert found[0]["observed"] == "this could not be looked at to the end: no such thing"
    assert (found[0]["expected"], found[0]["why"]) == ("an answer to: Is it so?", "make one")


@pytest.mark.parametrize("helps", [True, False])
def test_what_was_mended_is_looked_at_once_more(here: TownHelper, monkeypatch: pytest.MonkeyPatch, helps: bool) -> None:
    broken = {"it"}

    def look(_: Scene) -> Iterator[Finding]:
        """Is it so?"""
        if broken:
            yield finding(ERROR, lambda: broken.clear() if helps else None)

    only_these(monkeypatch, Check("a", "first", look))
    (row,) = rows(here, "--fix", code=0 if helps else 1)
    assert (row["fixed"], row["fixable"]) == (helps, True)
    assert row["observed"] == ("seen" if helps else "seen; what should mend it did not help")


def test_what_comes_up_while_mending_is_told(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ["first"]

    def look(_: Scene) -> Iterator[Finding]:
        """Is it so?"""
        for name in broken:
            yield Finding("x", name, ERROR, "seen", "expected", "why", ("true",), lambda: broken.__setitem__(0, "next"))

    only_these(monkeypatch, Check("a", "first", look))
    assert of(here, "x", "--fix", code=1) == [("error", "first", True), ("error", "next", False)]


def test_what_cannot_be_mended_says_why(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise GitError("not now")

    def look(_: Scene) -> Iterator[Finding]:
        """Is it so?"""
        yield finding(ERROR, refuse)

    only_these(monkeypatch, Check("a", "first", look))
    (row,) = rows(here, "--fix", code=1)
    assert (row["fixed"], row["observed"]) == (False, "seen; it could not be mended: not now")
