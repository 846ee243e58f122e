"""`doctor` looks at the plan on the trunk (SPEC 3)."""

from __future__ import annotations

import pytest
from doctoring import of, only, rows
from gitfixtures import GitRepo
from townfixtures import TownHelper, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo)


def test_settings_that_cannot_be_read(here: TownHelper) -> None:
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: [\n")
    here.commit()
    row = only(here, "plan", code=1)
    assert (row["severity"], row["subject"]) == ("error", ".convoy/config.yaml")
    assert ".convoy/config.yaml:" in row["observed"]
    assert row["commands"] == ["gitconvoy validate --at main"]


def test_a_plan_that_is_no_folder(here: TownHelper) -> None:
    here.repo.git("rm", "-r", "--quiet", ".convoy")
    here.repo.write(".convoy", "no folder\n")
    here.commit()
    assert of(here, "plan") == [("warning", "main", False)]


def test_files_with_errors(here: TownHelper) -> None:
    here.repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitel: x\n")
    here.repo.write(".convoy/beads/gt-b.yaml", "id: gt-c\ntitle: x\n")
    here.commit()
    row = only(here, "plan")
    assert (row["severity"], row["subject"]) == ("warning", "main")
    assert row["observed"].startswith("2 files with errors: .convoy/beads/gt-a.yaml:")


def test_what_is_not_committed_is_nobodys_business(here: TownHelper) -> None:
    here.repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitel: x\n")
    assert of(here, "plan") == []


def test_no_plan(here: TownHelper) -> None:
    here.repo.git("rm", "-r", "--quiet", ".convoy")
    here.commit()
    assert of(here, "plan") == [("warning", "main", False)]
    here.repo.config("gitconvoy.dispatch", "off")
    assert of(here, "plan") == [("note", "main", False)]


@pytest.mark.parametrize(
    ("path", "check", "severity"),
    [
        (".convoy/.gitattributes", "attributes", "warning"),
        (".convoy/schemas/bead.schema.json", "schemas", "note"),
    ],
)
def test_files_beside_the_plan(here: TownHelper, path: str, check: str, severity: str) -> None:
    assert (here.path / path).exists()
    here.repo.git("rm", "--quiet", path)
    here.commit()
    assert of(here, check) == [(severity, path, False)]
    here.ok("init")
    assert of(here, check) == []


def test_a_plan_that_git_ignores(here: TownHelper) -> None:
    here.repo.write(".gitignore", ".convoy\n")
    row = only(here, "ignored")
    assert row["severity"] == "warning"
    assert here.repo.git(*row["commands"][0].split()[1:]).startswith(".gitignore:1:.convoy")


def test_objects_that_are_missing(here: TownHelper) -> None:
    tree = here.repo.git("rev-parse", "HEAD:.convoy")
    (here.path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert of(here, "plan", code=1) == [("error", "main", False)]
    assert "is not in this repository" in rows(here, code=1)[0]["observed"]
    assert "leases" in here.json("doctor", "--fix", code=1)["skipped"]
