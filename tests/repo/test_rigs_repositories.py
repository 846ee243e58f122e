"""Repositories of rigs that are odd, shared, or not any more what they were (SPEC 7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from rigfixtures import FLOW, Rigs, rigs
from rigtowns import RigTown, rig_town, two_beads

from gitconvoy.dispatch import attempts, workplace, workplace_settings
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.dispatch.registry import ConfigurationError
from gitconvoy.engine.attempts import releasing
from gitconvoy.git import personal
from gitconvoy.git.repo import Repo

MakeRepo = Callable[[str], GitRepo]


@pytest.fixture
def place(make_repo: MakeRepo) -> Rigs:
    """A town with the rig api, whose beads only claims take."""
    return rigs(make_repo, "api", auto="false")


@pytest.fixture
def made(make_repo: MakeRepo) -> RigTown:
    """A town with a rig in whose repository beads live."""
    made = rig_town(make_repo)
    two_beads(made)
    return made


def reason(made: RigTown) -> str:
    """Why web-a is blocked for its rig's sake; empty where it is not."""
    rows = made.here.json("why", "web-a")["rules"]
    return next((row["message"] for row in rows if row["rule"] == "rig" and not row["ok"]), "")


# --- worktrees of others -------------------------------------------------------------------------------------------


def attempt(place: Rigs, *, lock: str | None, branch: str = "convoy/api-a-1") -> tuple[AttemptFolder, Job]:
    """An attempt of this town that is over, and at its place a worktree with this lock and branch."""
    api, path = place["api"], place.worktree("api-a")
    base = api.head("main")
    job = Job(
        "api-a", FLOW, 1, "token", "ada", "script", (), "ask", None, 60, str(place.here.path),
        worktree=str(path), branch="convoy/api-a-1", base=base, repository=str(api.path),
    )  # fmt: skip
    api.git("worktree", "add", "--quiet", "-b", branch, str(path))
    if lock is not None:
        api.git("worktree", "lock", "--reason", lock.format(own=workplace.reason(job)), str(path))
    return attempts.set_up(place.here.path / ".git", job, {"id": "api-a"}), job


@pytest.mark.parametrize(
    ("lock", "branch", "goes"),
    [
        ("{own}", "convoy/api-a-1", True),
        ("{own}", "of-the-worker", True),
        (None, "convoy/api-a-1", True),
        (None, "of-a-person", False),
        ("gitconvoy: api-a is worked on for /other/town", "convoy/api-a-1", False),
        ("gitconvoy: api-a is worked on", "convoy/api-a-2", False),
        ("mine", "convoy/api-a-1", False),
    ],
)
def test_only_the_attempts_own_worktree_is_removed(place: Rigs, lock: str | None, branch: str, goes: bool) -> None:
    place.plan("api-a")
    folder, job = attempt(place, lock=lock, branch=branch)
    town = place.here.open()
    preview = releasing.would_keep(town, "api-a", 1, town.state())
    kept = releasing.let_go(town, folder, job)
    assert workplace.there(job) is not goes
    assert (kept is None, preview is None) == (goes, goes)
    assert goes or "it is not the worktree of attempt 1 of api-a" in f"{kept}"
    if not goes:
        assert releasing.sweep(town) == ([], [kept])
        place.here.ok("doctor", "--fix") if lock is None else place.here.run("doctor", "--fix")
        assert workplace.there(job)


def test_a_repository_that_moved_for_good_is_swept_where_it_is_now(place: Rigs) -> None:
    place.plan("api-a")
    _, job = attempt(place, lock="{own}")
    town = place.here.open()
    place.move("api")
    assert releasing.sweep(town) == ([], []), "it is only away"
    new = place["api"].path.with_name("repo of api.away")
    place.here.repo.config("gitconvoy.rig.api.path", str(new))
    tree = new / Path(job.worktree).relative_to(place["api"].path)
    GitRepo(new).git("worktree", "repair", str(tree))
    assert releasing.sweep(place.here.open()) == ([str(tree)], [])
    assert len(GitRepo(new).git("worktree", "list").splitlines()) == 1


# --- trunks that go ------------------------------------------------------------------------------------------------


def test_a_trunk_that_is_renamed_is_not_replaced_by_what_is_checked_out(made: RigTown) -> None:
    made.here.ok("scan")
    made.web.branch("topic")
    made.there.git("branch", "--move", "main", "trunk")
    assert "its trunk (main) is gone" in reason(made)
    assert f"git -C {made.web.path} config gitconvoy.trunk BRANCH" in reason(made)
    made.here.ok("scan")
    assert "its trunk (main) is gone" in reason(made), "the guess is not remembered"
    made.there.config("gitconvoy.trunk", "trunk")
    assert reason(made) == ""
    made.here.ok("scan")
    made.there.git("config", "--unset", "gitconvoy.trunk")
    made.there.git("switch", "--quiet", "trunk")
    assert reason(made) == ""


def test_a_trunk_that_is_renamed_closes_no_epic(made: RigTown) -> None:
    made.web.branch("topic")
    made.there.git("switch", "--quiet", "main")
    made.web.bead("web-kid", parent="gt-epic")
    made.web.commit("a child")
    made.here.bead("gt-epic", type="epic")
    made.here.bead("gt-kid", parent="gt-epic", status="closed")
    made.here.bead("gt-z", depends_on=["gt-epic"])
    made.here.convoy("hq-cv-z", "gt-z", status="open")
    made.here.commit("plan")
    made.here.ok("scan")
    made.there.git("switch", "--quiet", "topic")
    made.there.git("branch", "--move", "main", "trunk")
    made.here.ok("scan")
    assert not [event for event in made.here.events() if event.startswith("dispatch gt-z")]
    assert made.here.json("why", "gt-epic")["status"] == "open"


def test_another_repository_at_another_path_has_a_trunk_of_its_own(made: RigTown, tmp_path: Path) -> None:
    made.here.ok("scan")
    other = made.there.clone(tmp_path / "other")
    other.git("branch", "--move", "main", "trunk")
    other.git("remote", "remove", "origin")
    made.here.repo.config("gitconvoy.rig.web.path", str(tmp_path / "other"))
    assert reason(made) == ""


def test_a_damaged_note_of_trunks_is_none(made: RigTown) -> None:
    made.here.ok("scan")
    (made.here.path / ".git" / "gitconvoy" / "rig-trunks").write_text('{"web": ["x"]}')
    assert reason(made) == ""


# --- settings that cannot be meant ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "said"), [("~nobody-here/web", "is no path"), ("", "is empty"), (" ", "is empty")])
def test_a_path_that_is_none(made: RigTown, path: str, said: str) -> None:
    made.here.repo.config("gitconvoy.rig.web.path", path)
    assert said in reason(made)
    for words in (("scan",), ("status",), ("validate",), ("doctor",), ("hooks", "status", "--rigs")):
        assert "Traceback" not in "".join(map(str, made.here.run(*words)))


def test_a_folder_for_worktrees_that_is_none(made: RigTown) -> None:
    made.there.config("gitconvoy.worktrees", "~nobody-here/trees")
    with pytest.raises(ConfigurationError, match=r"gitconvoy\.worktrees is '~nobody-here/trees'"):
        workplace_settings.settings(Repo.at(made.web.path), made.web.path)


# --- git directories that lie apart --------------------------------------------------------------------------------


def apart(made: RigTown) -> Path:
    made.there.git("init", "--quiet", f"--separate-git-dir={made.web.path.with_name('git-dir')}")
    return made.web.path


def submodule(made: RigTown) -> Path:
    sub = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(made.web.path), "sub")
    made.here.repo.git(*sub)
    made.here.commit("a submodule")
    made.here.repo.config("gitconvoy.rig.web.path", "sub")
    return made.here.path / "sub"


@pytest.mark.parametrize("make", [apart, submodule])
def test_the_main_worktree_of_a_git_directory_that_lies_apart(
    made: RigTown, make: Callable[[RigTown], Path], tmp_path: Path
) -> None:
    place = make(made)
    (main,) = personal.worktrees(Repo.at(place))
    assert (main.path, main.branch) == (place, "refs/heads/main")
    assert made.here.json("bead", "show", "web-a")["bead"]["path"] == str(place / ".convoy/beads/web-a.yaml")
    linked = GitRepo(place).worktree(tmp_path / "linked", "side")
    assert [tree.path for tree in personal.worktrees(Repo.at(place))] == [place, linked.path]
    if make is submodule:
        assert personal.main_worktree(Repo.at(linked.path)) == place


# --- what is said --------------------------------------------------------------------------------------------------


def test_import_refuses_what_lives_there(made: RigTown, tmp_path: Path) -> None:
    file = tmp_path / "issues.jsonl"
    lines = [{"id": one, "title": "x", "status": "open", "issue_type": "task"} for one in ("gt-new", "web-a")]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    error = made.here.error("import", str(file), code=3)
    (problem,) = error["problems"]
    assert problem["message"] == f"web-a lives in another repository: {made.web.path}"
    assert (problem["line"], made.here.repo.status()) == (2, [])


def test_import_links_to_what_lives_there(made: RigTown, tmp_path: Path) -> None:
    file = tmp_path / "issues.jsonl"
    link = {"issue_id": "gt-new", "depends_on_id": "web-a", "type": "blocks"}
    file.write_text(json.dumps({"id": "gt-new", "title": "x", "status": "open", "dependencies": [link]}) + "\n")
    found = made.here.json("import", str(file))
    assert (found["created"], found["kept_links"]["dangling"], found["warnings"]) == (1, 0, [])


def test_a_live_attempt_whose_file_there_is_broken(made: RigTown) -> None:
    made.here.ok("scan")
    made.there.write(".convoy/beads/web-a.yaml", "id: [\n")
    made.there.commit("broken", allow_empty=False)
    said = made.here.ok("status")
    assert "the file of its bead cannot be read" in said
    assert "not in the plan any more" not in said
