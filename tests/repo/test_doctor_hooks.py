"""`doctor` looks at hooks: there, reached, and able to run gitconvoy (SPEC 6)."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from doctoring import of, only, rows
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.hooking.layout import HOOKS

CHECKS = {"hooks", "hook-python", "hook-block", "rig-hooks"}


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo, hooks=True)


def hook(here: TownHelper, name: str) -> Path:
    return here.path / ".git" / "hooks" / name


def let_run(here: TownHelper, name: str, python: str) -> None:
    """As if the hook had been installed by another interpreter."""
    file = hook(here, name)
    file.write_text(file.read_text().replace(shlex.quote(sys.executable), shlex.quote(python)))


def test_installed_hooks_are_in_order(here: TownHelper) -> None:
    assert [row for row in rows(here) if row["check"] in CHECKS] == []


def test_none_is_only_a_note(here: TownHelper) -> None:
    here.ok("hooks", "uninstall")
    row = only(here, "hooks")
    assert (row["severity"], row["observed"]) == ("note", "no hooks are installed")
    here.repo.config("core.hooksPath", "/dev/null")
    assert "core.hooksPath is /dev/null" in only(here, "hooks")["observed"]


def test_one_that_is_missing(here: TownHelper) -> None:
    hook(here, "post-merge").unlink()
    assert of(here, "hooks", "--fix") == [("warning", "post-merge", False)]
    assert not hook(here, "post-merge").exists(), "somebody may not want it"


def test_some_that_git_does_not_get_to(here: TownHelper) -> None:
    for name in ("pre-commit", "post-commit"):
        hook(here, name).chmod(0o644)
    found = of(here, "hooks", code=1)
    assert found == [("error", "pre-commit", False), ("warning", "post-commit", False)]


def test_one_that_cannot_be_proven(here: TownHelper) -> None:
    file = hook(here, "post-commit")
    first, _, rest = file.read_text().partition("\n")
    file.write_text(f"{first}\ntrue\n{rest}")
    assert of(here, "hooks") == [("note", "post-commit", False)]


def test_those_of_another_tool(here: TownHelper) -> None:
    here.ok("hooks", "uninstall")
    here.repo.config("core.hooksPath", ".husky")
    (here.path / ".husky").mkdir()
    found = of(here, "hooks")
    assert found == [("warning", name, False) for name in HOOKS]
    assert ".husky/pre-commit" in rows(here)[0]["observed"]


def test_hooks_where_nothing_is_dispatched(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatch", "off")
    assert of(here, "hooks") == [("note", "role", False)]


@pytest.mark.parametrize("rest", [False, True])
def test_an_interpreter_that_is_gone_is_mended(here: TownHelper, tmp_path: Path, rest: bool) -> None:
    gone = str(tmp_path / "old venv's" / "python")
    for name in HOOKS if rest else ("pre-commit",):
        let_run(here, name, gone)
    hook(here, "post-merge").unlink()
    row = only(here, "hook-python", code=1)
    assert (row["subject"], row["severity"]) == (gone, "error")
    assert row["observed"].startswith("it is gone; it is called by pre-commit")
    assert of(here, "hook-python", "--fix") == [("error", gone, True)]
    assert f"gitconvoy_python={shlex.quote(sys.executable)}\n" in hook(here, "pre-commit").read_text()
    assert not hook(here, "post-merge").exists(), "only what was there is written anew"
    assert of(here, "hook-python") == []


def interpreter(folder: Path, script: str) -> str:
    folder.mkdir()
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def test_an_interpreter_without_gitconvoy_is_mended(here: TownHelper, tmp_path: Path) -> None:
    bare = interpreter(tmp_path / "bin", "exit 1")
    let_run(here, "post-commit", bare)
    assert only(here, "hook-python", code=1)["observed"].startswith("it no longer has gitconvoy")
    assert of(here, "hook-python", "--fix") == [("error", bare, True)]


def test_another_version_is_named_and_stays(here: TownHelper, tmp_path: Path) -> None:
    other = interpreter(tmp_path / "bin", "echo 99.1")
    let_run(here, "post-commit", other)
    row = only(here, "hook-python", "--fix")
    assert (row["severity"], row["fixed"]) == ("warning", False)
    assert "it has gitconvoy 99.1" in row["observed"]
    assert other in hook(here, "post-commit").read_text()


def test_a_block_that_was_edited_is_mended_and_the_rest_stays(here: TownHelper) -> None:
    file = hook(here, "post-commit")
    whole = file.read_text()
    mine = "echo mine\n"
    file.write_text(whole.replace("concerned || exit 0", "exit 0") + mine)
    assert of(here, "hook-block") == [("warning", "post-commit", False)]
    assert of(here, "hook-block", "--fix") == [("warning", "post-commit", True)]
    assert file.read_text() == whole + mine


def test_hooks_in_the_repository_of_a_rig(here: TownHelper, make_repo: Callable[[str], GitRepo]) -> None:
    api = make_repo("api")
    here.repo.config("gitconvoy.rig.api.path", str(api.path))
    here.repo.write(
        ".convoy/config.yaml", "format: 1\nprefix: gt\nrigs:\n  gt:\n    prefixes: [gt]\n  api:\n    prefixes: [api]\n"
    )
    here.commit("rigs")
    assert of(here, "rig-hooks") == [("note", f"rig api, {api.path}", False)]
    here.ok("hooks", "install", "--rigs")
    assert of(here, "rig-hooks") == []
    (api.path / ".git" / "hooks" / "post-merge").unlink()
    assert of(here, "rig-hooks") == [("warning", f"rig api, {api.path}", False)]
