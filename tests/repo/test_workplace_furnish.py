"""What a new worktree is given: untracked files, never through a link or from outside; submodules; a set-up command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from workshops import hang_in_submodules

from gitconvoy.dispatch import attempts, logs, workplace, workplace_settings
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.dispatch.worker import environment
from gitconvoy.errors import ConvoyError, Refused
from gitconvoy.git.repo import Repo


def job_of(repo: GitRepo, attempt: int = 1) -> Job:
    place = repo.path / ".git/gitconvoy/worktrees" / f"gt-a-{attempt}"
    return Job(
        bead="gt-a",
        convoy="",
        attempt=attempt,
        token="0123456789abcdef",
        worker="gt/nux",
        dispatcher="script",
        argv=("true",),
        on_exit="ask",
        timeout=None,
        lease=60,
        town=str(repo.path),
        worktree=str(place),
        branch=f"convoy/gt-a-{attempt}",
        base=repo.head(),
    )


def prepare(repo: GitRepo, attempt: int = 1) -> tuple[AttemptFolder, Job, Path]:
    """Make the workplace of an attempt, as its supervisor does."""
    opened = Repo.at(repo.path)
    job = job_of(repo, attempt)
    folder = attempts.set_up(opened.common_dir, job, {"id": "gt-a", "title": "A"})
    log = logs.Log(folder.log)
    site = workplace.Site(job, folder, environment(job), log)
    try:
        site.prepare()
    finally:
        log.close()
    return folder, job, Path(job.worktree)


def copy(repo: GitRepo, *paths: str) -> None:
    for path in paths:
        repo.git("config", "--add", "gitconvoy.copy", path)


def test_untracked_files_and_folders_are_copied(repo: GitRepo) -> None:
    repo.write(".env", "SECRET=1\n").chmod(0o600)
    repo.write("config/local/a.toml", "a")
    repo.write("config/local/deep/b.toml", "b")
    copy(repo, ".env", "config/local", "not-there")
    folder, _, place = prepare(repo)
    assert (place / ".env").read_text() == "SECRET=1\n"
    assert (place / ".env").stat().st_mode & 0o777 == 0o600
    assert (place / "config/local/deep/b.toml").read_text() == "b"
    assert "there is no not-there to copy" in logs.text(folder.log)


def test_what_is_tracked_is_left_as_it_is(repo: GitRepo) -> None:
    repo.write("README.md", "changed, not committed")
    copy(repo, "README.md")
    folder, _, place = prepare(repo)
    assert (place / "README.md").read_text() == "A repository for tests.\n"
    assert "README.md is not copied" in logs.text(folder.log)


def test_links_are_not_followed(repo: GitRepo, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("outside")
    (repo.path / "link").symlink_to(secret)
    copy(repo, "link/key")
    with pytest.raises(Refused, match="link is a symbolic link"):
        prepare(repo)
    assert not repo.exists("convoy/gt-a-1"), "what was begun is taken back"
    assert not (repo.path / ".git/gitconvoy/worktrees/gt-a-1").exists()


def test_links_inside_of_a_copied_folder_are_left_out(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("outside")
    repo.write("local/own", "own")
    (repo.path / "local/link").symlink_to(tmp_path / "key")
    (repo.path / "local/folder").symlink_to(tmp_path)
    copy(repo, "local")
    _, _, place = prepare(repo)
    assert sorted(each.name for each in (place / "local").iterdir()) == ["own"]


def test_a_committed_link_leads_no_copy_out_of_the_worktree(repo: GitRepo, tmp_path: Path) -> None:
    """A pull request turns the folder into a link, to get at what is copied into it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (repo.path / "conf").symlink_to(outside)
    repo.commit("a link")
    (repo.path / "conf").unlink()
    repo.write("conf/.env", "SECRET=1")
    copy(repo, "conf/.env")
    with pytest.raises(Refused, match="conf is a symbolic link there"):
        prepare(repo)
    assert list(outside.iterdir()) == []


def test_unchanged_copies_are_no_loss_changed_ones_are(repo: GitRepo) -> None:
    repo.write(".env", "SECRET=1")
    copy(repo, ".env")
    opened = Repo.at(repo.path)
    folder, job, place = prepare(repo)
    (place / ".env").write_text("changed")
    assert "files that are not committed: .env" in workplace.dismantle(opened, folder, job, into=())[0]
    assert (place / ".env").read_text() == "changed"
    (place / ".env").write_text("SECRET=1")
    (place / "more").write_text("work")
    assert len(workplace.losses(folder, job, into=())) == 1
    assert (place / ".env").read_text() == "SECRET=1", "it is there again"
    (place / "more").unlink()
    assert workplace.dismantle(opened, folder, job, into=()) == ()
    assert not place.exists()
    workplace.drop_empty_branch(opened, job)
    assert not repo.exists("convoy/gt-a-1")


def test_submodules_are_checked_out_where_wanted(repo: GitRepo, make_repo: object, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    repo.clone(inner)
    repo.git("submodule", "--quiet", "add", f"file://{inner}", "lib")
    repo.commit("a submodule")
    _, _, place = prepare(repo)
    assert not (place / "lib/README.md").exists()
    repo.config("gitconvoy.submodules", "true")
    folder, job, place = prepare(repo, 2)
    assert (place / "lib/README.md").exists()
    assert workplace.dismantle(Repo.at(repo.path), folder, job, into=()) == ()
    assert not place.exists()


def test_checking_out_submodules_has_a_time_limit(repo: GitRepo) -> None:
    hang_in_submodules(repo)
    repo.config("gitconvoy.setupTimeout", "1s")
    with pytest.raises(ConvoyError, match="checking out submodules reached its time limit"):
        prepare(repo)
    assert not (repo.path / ".git/gitconvoy/worktrees/gt-a-1").exists()


def test_the_set_up_command_has_a_time_limit_and_no_shell(repo: GitRepo, tmp_path: Path) -> None:
    repo.config("gitconvoy.setup", "sleep 600")
    repo.config("gitconvoy.setupTimeout", "1s")
    with pytest.raises(ConvoyError, match=r"the set-up command \(sleep 600\) reached its time limit"):
        prepare(repo)
    repo.config("gitconvoy.setup", f"echo $(touch {tmp_path}/x) '; touch {tmp_path}/x' {{branch}}")
    folder, _, _ = prepare(repo, 2)
    assert not (tmp_path / "x").exists()
    assert logs.text(folder.log) == f"$(touch {tmp_path}/x) ; touch {tmp_path}/x convoy/gt-a-2\n"


def test_a_bare_repository_gets_worktrees_too(repo: GitRepo, tmp_path: Path) -> None:
    bare = repo.clone(tmp_path / "bare.git", "--bare")
    opened = Repo.at(bare.path)
    assert workplace_settings.settings(opened, bare.path).folder == bare.path / "gitconvoy/worktrees"
    assert os.path.lexists(opened.common_dir / "HEAD")
