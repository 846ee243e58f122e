"""`.pre-commit-hooks.yaml` under the real pre-commit framework."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import forgeapi
import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

pytest.importorskip("pre_commit", reason="the pre-commit framework is not installed (pip install 'gitconvoy[test]')")
PLAN = ".convoy/plans/hq-cv-1.yaml"


@pytest.fixture
def here(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TownHelper:
    """A town in which the framework runs our two hooks, by this very Python instead of one that it would make."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    programs = Path(sys.executable).parent
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b")
    made.convoy("hq-cv-1", "gt-a", "gt-b")
    hooks = [
        {**hook, "language": "system", "entry": f"{programs}/{hook['entry']}"}
        for hook in forgeapi.document(".pre-commit-hooks.yaml")
    ]
    repo.write(".pre-commit-config.yaml", json.dumps({"repos": [{"repo": "local", "hooks": hooks}]}))
    made.commit("plan")
    made.ok("tidy")
    tool = shutil.which("pre-commit", path=str(programs))
    assert tool is not None
    repo.git("-c", f"alias.tool=!{tool} install", "tool")
    return made


def test_a_stale_plan_file_is_rewritten_into_the_commit(here: TownHelper) -> None:
    before = here.repo.read(PLAN)
    here.bead("gt-b", depends_on=["gt-a"])
    here.repo.write("code.txt", "not staged\n")
    here.repo.git("add", ".convoy")
    done = here.repo.run("commit", "--quiet", "-m", "a link")
    assert done.returncode == 0, done.stdout + done.stderr
    assert here.repo.show("HEAD", PLAN) != before
    assert here.json("validate")["problems"] == []
    assert here.repo.status() == ["?? code.txt"]


def test_what_is_wrong_is_refused_also_where_a_file_is_deleted(here: TownHelper) -> None:
    here.bead("gt-b", depends_on=["gt-a"])
    here.repo.git("add", "--all")
    here.repo.git("commit", "--quiet", "-m", "a link")
    head = here.repo.head()
    here.repo.git("rm", "--quiet", ".convoy/beads/gt-a.yaml")
    done = here.repo.run("commit", "--quiet", "-m", "gone")
    assert done.returncode == 1
    assert "gt-b depends on gt-a (blocks), which does not exist" in done.stdout + done.stderr
    assert here.repo.head() == head
