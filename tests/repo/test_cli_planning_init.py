"""`gitconvoy init`: what it writes, pins and installs, and that it destroys nothing (SPEC 7, 8)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gitfixtures
import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    repo.config("gitconvoy.wake", "false")
    return TownHelper(repo)


def config(repo: GitRepo, key: str) -> str:
    return repo.git("config", key)


def test_begins_a_town_in_one_commit(here: TownHelper) -> None:
    before = here.repo.head()
    found = here.json("init", "--no-hooks")
    assert here.repo.head("HEAD^") == before
    assert found["commit"] == here.repo.head()
    assert here.files() == sorted(found["files"])
    assert ".convoy/config.yaml" in found["files"]
    assert here.repo.read(".convoy/.gitattributes").startswith("* text eol=lf\n")
    assert here.repo.status() == []
    assert (found["trunk"], found["role"], found["branch"]) == ("main", "local", "main")
    assert config(here.repo, "gitconvoy.trunk") == "main"
    assert config(here.repo, "gitconvoy.dispatch") == "local"
    assert config(here.repo, "gitconvoy.machine")


def test_tells_what_was_made_and_what_is_next(here: TownHelper) -> None:
    said = here.ok("init", "--prefix", "shop")
    for word in ("config.yaml", "shop-", "main", "gitconvoy.dispatch", "pre-commit", "gitconvoy bead add"):
        assert word in said


def test_again_changes_nothing(here: TownHelper) -> None:
    here.ok("init")
    head, settings = here.repo.head(), here.repo.git("config", "--local", "--list")
    found = here.json("init")
    assert (found["files"], found["commit"], found["pinned"]) == ([], None, [])
    assert {hook["action"] for hook in found["hooks"]} == {"unchanged"}
    assert here.repo.head() == head
    assert here.repo.git("config", "--local", "--list") == settings


def test_keeps_what_is_there(here: TownHelper) -> None:
    mine = "prefix: own  # mine\n"
    here.repo.write(".convoy/config.yaml", mine)
    here.repo.write(".convoy/.gitattributes", "*.yaml text -merge\n")
    here.bead("own-a")
    here.commit()
    found = here.json("init", "--prefix", "other", "--no-hooks")
    assert found["prefix"] == "own"
    assert here.repo.read(".convoy/config.yaml") == mine
    assert here.repo.read(".convoy/.gitattributes") == "*.yaml text -merge\n"
    assert {path.split("/")[1] for path in found["files"]} == {"schemas"}


def test_leaves_other_changes_alone(here: TownHelper) -> None:
    here.repo.write("staged.txt", "a")
    here.repo.git("add", "staged.txt")
    here.repo.write("README.md", "changed")
    here.ok("init", "--no-hooks")
    assert sorted(here.repo.status()) == [" M README.md", "A  staged.txt"]


def test_on_an_unborn_branch(tmp_path: Path) -> None:
    here = TownHelper(gitfixtures.new_repo(tmp_path / "fresh"))
    found = here.json("init", "--no-hooks")
    assert found["prefix"] == "fresh"
    assert here.repo.git("rev-list", "--count", "HEAD") == "1"
    assert (found["trunk"], found["role"]) == ("main", "local")


@pytest.mark.parametrize(
    ("folder", "prefix"),
    [
        ("Shop", "shop"),
        ("my app_2", "my-app-2"),
        ("日本", "gt"),
        ("--x--", "x"),
        ("a" * 60, "a" * 24),
        ("a..lock", "a-lock"),
    ],
)
def test_prefix_from_the_folder_is_always_valid(tmp_path: Path, folder: str, prefix: str) -> None:
    here = TownHelper(gitfixtures.new_repo(tmp_path / folder))
    assert here.json("init", "--no-hooks")["prefix"] == prefix
    made = here.json("bead", "add", "First")["id"]
    assert made.startswith(f"{prefix}-")
    assert here.json("validate")["problems"] == []


def test_refuses_a_prefix_that_cannot_begin_ids(here: TownHelper) -> None:
    assert here.error("init", "--prefix", "a b", code=2)["hint"]
    assert here.repo.status() == []
    assert here.repo.run("config", "gitconvoy.trunk").returncode == 1


def test_no_commit_leaves_the_files(here: TownHelper) -> None:
    head = here.repo.head()
    found = here.json("init", "--no-hooks", "--no-commit")
    assert here.repo.head() == head
    assert found["commit"] is None
    assert "?? .convoy/config.yaml" in here.repo.status()


def test_refuses_a_bare_repository_with_the_remedy(repo: GitRepo, tmp_path: Path) -> None:
    bare = repo.clone(tmp_path / "bare.git", "--bare")
    error = TownHelper(bare).error("init")
    assert error["code"] == "bare"
    assert "clone" in error["hint"]
    assert "in a clone" in error["hint"]


def test_outside_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "nowhere").mkdir()
    error = TownHelper(GitRepo(tmp_path / "nowhere")).error("init")
    assert error["code"] == "not-a-repository"
    assert "git init" in error["hint"]


def test_second_clone_dispatches_nothing(repo: GitRepo, tmp_path: Path) -> None:
    town(repo)
    other = TownHelper(repo.clone(tmp_path / "clone"))
    found = other.json("init", "--no-hooks")
    assert found["role"] == "off"
    assert ".convoy/" in found["role_because"]
    assert config(other.repo, "gitconvoy.dispatch") == "off"
    assert "git config gitconvoy.dispatch local" in other.ok("init", "--no-hooks")


def test_town_on_a_remote_branch_alone_makes_role_off_and_its_trunk_ours(repo: GitRepo, tmp_path: Path) -> None:
    plain = repo.clone(tmp_path / "clone")
    town(repo)
    plain.git("fetch", "--quiet")
    plain.git("switch", "--quiet", "-c", "topic")
    found = TownHelper(plain).json("init", "--no-hooks")
    assert (found["role"], found["trunk"], found["branch"]) == ("off", "main", "topic")
    assert "origin/main" in found["role_because"]


def test_ledger_on_a_remote_makes_role_off(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("branch", "convoy-ledger")
    found = TownHelper(repo.clone(tmp_path / "clone")).json("init", "--no-hooks")
    assert found["role"] == "off"
    assert "ledger" in found["role_because"]


def test_role_that_was_chosen_stays(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatch", "off")
    assert here.json("init", "--no-hooks")["role"] == "off"
    here.repo.config("gitconvoy.dispatch", "local")
    found = here.json("init", "--no-hooks")
    assert (found["role"], found["pinned"]) == ("local", [])


def test_trunk_can_be_named(here: TownHelper) -> None:
    here.repo.git("branch", "develop")
    assert here.error("init", "--trunk", "nope", "--no-hooks")["code"] == "no-trunk"
    assert here.repo.status() == []
    answer = here.run("init", "--trunk", "develop", "--no-hooks")
    assert answer.code == 0
    assert "merged into develop" in answer.err
    assert config(here.repo, "gitconvoy.trunk") == "develop"


def test_detached_head_needs_a_trunk(here: TownHelper) -> None:
    here.repo.git("switch", "--quiet", "--detach")
    error = here.error("init", "--no-hooks")
    assert (error["code"], "--trunk" in error["hint"]) == ("no-trunk", True)
    assert here.json("init", "--trunk", "main", "--no-hooks")["trunk"] == "main"


def test_failing_commit_leaves_nothing_behind(here: TownHelper) -> None:
    hook = here.repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho no, says the hook >&2\nexit 1\n")
    hook.chmod(0o755)
    error = here.error("init")
    assert "says the hook" in error["message"]
    assert here.repo.status() == []
    assert not (here.path / ".convoy").exists()
    assert here.repo.run("config", "gitconvoy.dispatch").returncode == 1
    assert "gitconvoy" not in hook.read_text()


def test_during_a_merge_nothing_is_touched(here: TownHelper) -> None:
    here.repo.git("switch", "--quiet", "-c", "side")
    here.repo.write("README.md", "side")
    here.repo.commit()
    here.repo.git("switch", "--quiet", "main")
    here.repo.write("README.md", "main")
    here.repo.commit()
    assert here.repo.run("merge", "side").returncode != 0
    before = here.repo.status()
    assert "merge" in here.error("init", "--no-hooks")["message"]
    assert here.repo.status() == before


def test_says_where_git_ignores_the_files(here: TownHelper) -> None:
    here.repo.write(".gitignore", ".convoy/\n")
    here.repo.commit()
    answer = here.run("init", "--no-hooks")
    assert answer.code == 0
    assert ".gitignore" in answer.err
    assert ".convoy/config.yaml" in here.files()


def test_in_a_linked_worktree_and_a_sub_directory(here: TownHelper, tmp_path: Path) -> None:
    linked = TownHelper(here.repo.worktree(tmp_path / "linked", "topic"))
    assert linked.json("init", "--no-hooks", "--prefix", "gt")["trunk"] == "topic"
    (linked.path / "deep" / "er").mkdir(parents=True)
    deep = TownHelper(GitRepo(linked.path / "deep" / "er"))
    made = deep.json("bead", "add", "From below")
    assert made["files"] == [f".convoy/beads/{made['id']}.yaml"]
    assert linked.repo.status() == []


def test_hooks_are_installed_unless_told_not_to(make_repo: Callable[[str], GitRepo]) -> None:
    without, with_ = TownHelper(make_repo("a")), TownHelper(make_repo("b"))
    without.ok("init", "--no-hooks")
    assert not (without.path / ".git/hooks/pre-commit").exists()
    found = with_.json("init")
    assert {hook["action"] for hook in found["hooks"]} == {"created"}
    assert with_.json("hooks", "status")["ok"] is True
    assert without.run("hooks", "status").code == 1
    with_.ok("hooks", "uninstall")
    assert with_.run("hooks", "status").code == 1


def test_hooks_of_another_tool_are_left_alone_and_the_entry_is_shown(here: TownHelper) -> None:
    hook = here.repo.write(
        ".git/hooks/pre-commit", "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\n"
    )
    hook.chmod(0o755)
    assert here.run("init").code == 0
    assert "gitconvoy" not in hook.read_text()
    answer = here.run("hooks", "install")
    assert answer.code == 5
    assert "entry: gitconvoy hook-run pre-commit" in answer.out
    found = here.json("hooks", "status", code=1)
    assert [each["name"] for each in found["hooks"] if each["reached"] is False] == ["pre-commit"]


def test_without_an_identity_nothing_is_left_behind(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    here.repo.config("user.useConfigOnly", "true")
    assert "user.email" in here.error("init")["message"]
    assert here.repo.status() == []
    assert here.repo.run("config", "gitconvoy.trunk").returncode == 1
