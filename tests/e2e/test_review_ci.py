"""What CI runs: the steps of action.yml and of the GitLab job, with a forge on this machine (docs/review.md)."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import forgeapi
import pytest
from forgeapi import Runner, forge, github, runner
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

MARK = "<!-- gitconvoy review"
EVIL = '@everyone $(touch pwned) `touch pwned`"; touch pwned; ::error::x ${{ github.token }}'


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a and gt-b in an open convoy on main; on topic gt-b waits for gt-a, and its title is not nice."""
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b")
    made.convoy("hq-cv-1", "gt-a", "gt-b", status="open")
    made.commit("plan")
    made.branch("topic")
    made.bead("gt-b", depends_on=["gt-a"], title=f"'{EVIL}'")
    for name in ("venv.py", "pip.py", "json.py", "gitconvoy.py", "sitecustomize.py"):
        repo.write(name, "open('pwned', 'w').close()\n")
    made.commit("a link")
    return made


def pull(here: TownHelper) -> dict[str, Any]:
    """The event of a pull request from topic into main."""
    sides = {"base": {"sha": here.repo.head("main")}, "head": {"sha": here.repo.head("topic"), "ref": EVIL}}
    return {"action": "opened", "pull_request": {"number": 7, "title": EVIL, "body": EVIL, **sides}}


def machine(here: TownHelper, tmp_path: Path, address: str, token: str = "secret", *options: str) -> Runner:
    """A clone of what a forge has, with main merged into topic, as the forge's checkout is."""
    clone = here.repo.clone(tmp_path / "checkout", "--branch", "topic", *options)
    env = {"GITHUB_API_URL": address, "GITHUB_REPOSITORY": "ada/town", "TOKEN": token}
    return runner(clone.path, tmp_path / "files", env)


def comment(there: forgeapi.Forge, token: str = "secret") -> None:
    """Write a comment, as the last step of a review."""
    review = runpy.run_path(str(forgeapi.ROOT / "ci/review.py"))
    header = ("Authorization", f"Bearer {review['bearer']({'GITCONVOY_TOKEN': token})}")
    issues = f"{there.address}/repos/ada/town/issues"
    address = (f"{issues}/7/comments", f"{issues}/comments", f"{there.address}/user", "PATCH", header)
    review["tell"](review["upsert"], review["Forge"](*address), "text", create=True)


def test_a_comment_is_written_and_then_updated_in_place(here: TownHelper, tmp_path: Path) -> None:
    with forge() as there:
        for n in range(120):
            there.says(f"comment {n}", "ada")
        there.says(f"{MARK}: this comment is updated in place -->\nnot ours", "mallory")
        made = machine(here, tmp_path, there.address)
        done = github(made, pull(here))
        assert done.returncode == 0, done.stdout + done.stderr
        assert there.done() == ["POST /repos/ada/town/issues/7/comments"]
        body = there.comments[-1]["body"]
        assert body.startswith(MARK)
        assert "### Plan: 1 bead changed, 1 link added, 1 bead moves to another wave" in body
        assert "| added | `gt-b` | `gt-a` | blocks |" in body
        assert "@everyone" not in body
        assert body.partition("\n")[2] == made.summary
        here.bead("gt-b", depends_on=["gt-a"], priority=0)
        here.commit("another")
        GitRepo(made.checkout).git("fetch", "--quiet", "origin", "topic")
        GitRepo(made.checkout).git("reset", "--quiet", "--hard", "FETCH_HEAD")
        done = github(made, pull(here))
        assert done.returncode == 0, done.stdout + done.stderr
        assert there.done()[1:] == ["PATCH /repos/ada/town/issues/comments/122"]
        assert "`priority`: not set &rarr; 0" in there.comments[-1]["body"]
        assert len(there.comments) == 122
        assert there.comments[120]["body"].endswith("not ours")
        assert {credentials for _, _, credentials in there.asked} == {"Bearer secret"}
    assert not (made.checkout / "pwned").exists()
    assert made.installed()[-1].endswith(f"install --quiet --disable-pip-version-check {forgeapi.ROOT}")


def test_a_pull_request_of_a_fork_has_the_summary(here: TownHelper, tmp_path: Path) -> None:
    with forge(writes=False) as there:
        made = machine(here, tmp_path, there.address)
        done = github(made, pull(here))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "no comment (POST: 403" in done.stdout
        assert "1 link added" in made.summary
        assert there.comments == []


@pytest.mark.parametrize(("token", "inputs"), [("", {}), ("secret", {"comment": "false"})])
def test_without_a_token_or_wish_nobody_is_asked(
    here: TownHelper, tmp_path: Path, token: str, inputs: dict[str, str]
) -> None:
    with forge() as there:
        made = machine(here, tmp_path, there.address, token)
        assert github(made, pull(here), inputs).returncode == 0
        assert there.asked == []
        assert "1 link added" in made.summary


def test_a_forge_that_is_away_is_no_failure(here: TownHelper, tmp_path: Path) -> None:
    made = machine(here, tmp_path, "http://127.0.0.1:9")
    done = github(made, pull(here))
    assert done.returncode == 0
    assert "no comment (" in done.stdout
    assert "1 link added" in made.summary


@pytest.mark.parametrize(
    "answer",
    [
        (404, b"{}", {}),
        (422, b"{}", {}),
        (429, b"{}", {"Retry-After": "60"}),
        (500, b"<html>", {}),
        (200, b"<html>", {}),
        (200, b"null", {}),
        (200, b"[", {"Content-Length": "10"}),
    ],
)
def test_whatever_a_forge_answers_the_review_stands(
    answer: tuple[int, bytes, dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with forge(fails=lambda _method, _path: answer) as there:
        comment(there)
    assert "no comment (GET: " in capsys.readouterr().out


@pytest.mark.parametrize(("code", "method"), [(302, "GET"), (308, "GET"), (301, "POST"), (307, "POST")])
def test_the_token_goes_to_no_other_host(code: int, method: str, capsys: pytest.CaptureFixture[str]) -> None:
    with forge() as elsewhere:
        place = {"Location": f"{elsewhere.address}/repos/ada/town/issues/7/comments?per_page=100&page=1"}
        with forge(fails=lambda asked, _: (code, b"", place) if asked == method else None) as there:
            comment(there)
        assert elsewhere.asked == []
    assert f"no comment ({method}: {code}" in capsys.readouterr().out


@pytest.mark.parametrize(("token", "sent"), [("secret\n", "Bearer secret"), ("sec\nret", ""), ("secr\u00e9t", "")])
def test_a_token_that_is_copied_badly_is_not_shown(token: str, sent: str, capsys: pytest.CaptureFixture[str]) -> None:
    with forge() as there:
        comment(there, token)
        assert {credentials for _, _, credentials in there.asked} == ({sent} if sent else set())
    assert "sec" not in capsys.readouterr().out


def test_no_program_gets_the_token(here: TownHelper, tmp_path: Path) -> None:
    made = machine(here, tmp_path, "http://127.0.0.1:9", "for-the-forge-alone")
    real = shutil.which("git")
    (made.files / "bin/git").write_text(f'#!/bin/sh\nenv >>{made.files}/env\nexec {real} "$@"\n')
    (made.files / "bin/git").chmod(0o755)
    assert github(made, pull(here)).returncode == 0
    seen = (made.files / "env").read_text()
    assert "RUNNER_TEMP" in seen
    assert "GITCONVOY_TOKEN" not in seen


def test_what_breaks_the_plan_fails_the_job(here: TownHelper, tmp_path: Path) -> None:
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-a", depends_on=["gt-b"])
    here.commit("the other way round")
    with forge(knows_me=True, me="reviewer") as there:
        made = machine(here, tmp_path, there.address)
        done = github(made, pull(here))
        assert done.returncode == 1
        assert "neither side has it alone" in there.comments[0]["body"]
        assert "`cycle`" in done.stdout


def test_a_warning_fails_where_that_is_wished(here: TownHelper, tmp_path: Path) -> None:
    here.bead("gt-b", depends_on=["external:x"])
    here.commit("outside")
    made = machine(here, tmp_path, "http://127.0.0.1:9", "")
    assert github(made, pull(here), {"fail-on": "warning"}).returncode == 1
    assert "| **warning** | `outside-blocker` |" in made.summary


def test_files_that_cannot_be_read_are_named(here: TownHelper, tmp_path: Path) -> None:
    here.repo.write(".convoy/beads/gt-b.yaml", "id: gt-b\ntitle: ```@ada```\n")
    here.commit("broken")
    made = machine(here, tmp_path, "http://127.0.0.1:9", "")
    done = github(made, pull(here))
    assert done.returncode == 1
    assert "What `gitconvoy validate` says of all files" in made.summary
    assert ".convoy/beads/gt-b.yaml:" in made.summary


def test_the_log_is_no_command_to_the_runner(here: TownHelper, tmp_path: Path) -> None:
    made = machine(here, tmp_path, "http://127.0.0.1:9", "")
    lines = github(made, pull(here)).stdout.splitlines()
    stop = re.fullmatch("::stop-commands::([0-9a-f]{32})", lines[0])
    assert stop is not None
    end = lines.index(f"::{stop[1]}::")
    assert any("1 link added" in line for line in lines[1:end])
    assert [line for line in lines[end + 1 :] if not line.startswith("gitconvoy: ")] == []


def test_the_merge_that_the_forge_made_is_enough(here: TownHelper, tmp_path: Path) -> None:
    event = pull(here)
    here.repo.git("switch", "--quiet", "--detach", "main")
    here.repo.git("merge", "--quiet", "--no-ff", "-m", "Merge", "topic")
    here.repo.git("branch", "merged")
    clone = here.repo.clone(tmp_path / "checkout", "--depth", "2", "--branch", "merged")
    made = runner(clone.path, tmp_path / "files", {"GITHUB_API_URL": "x", "GITHUB_REPOSITORY": "ada/town"})
    done = github(made, event)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 link added" in made.summary


def test_a_clone_without_history_says_what_it_lacks(here: TownHelper, tmp_path: Path) -> None:
    made = machine(here, tmp_path, "x", "", "--depth", "1")
    done = github(made, pull(here))
    assert done.returncode == 1
    assert "fetch-depth: 0" in made.summary


def test_other_events(here: TownHelper, tmp_path: Path) -> None:
    review = runpy.run_path(str(forgeapi.ROOT / "ci/review.py"))
    before, after = here.repo.head("main"), here.repo.head("topic")
    file = tmp_path / "event.json"
    asked = review["Request"]

    def request(event: Any, **env: str) -> Any:
        file.write_text(json.dumps(event))
        return review["github"]({"GITHUB_EVENT_PATH": str(file), **env}, here.path)

    assert request({"before": before, "after": after}) == asked(before, after)
    assert request({"merge_group": {"base_sha": before, "head_sha": after}}) == asked(before, after)
    assert request({"before": "0" * 40, "after": after}) == asked(None, "HEAD")
    assert request({"before": "1" * 40, "after": after}) == asked(None, "HEAD")  # a forced push left it
    assert request({}) == asked(None, "HEAD")
    assert request({}, GITCONVOY_BASE="main") == asked(before, after, merge=True)
    with pytest.raises(SystemExit, match="names no commit"):
        request({"before": "--output=x", "after": after})
    shallow = here.repo.clone(tmp_path / "shallow", "--depth=1", "--branch=topic", "--single-branch")
    assert review["reachable"](shallow.path, before)
    assert shallow.git("rev-parse", "--is-shallow-repository").strip() == "true"
    made = machine(here, tmp_path, "x", "")
    done = github(made, {}, {"base": "topic"})
    assert (done.returncode, "Plan: no change" in made.summary) == (0, True)


def test_what_is_running_counts_in_a_clone_of_one_branch(here: TownHelper, tmp_path: Path) -> None:
    here.repo.git("switch", "--quiet", "main")
    here.ok("scan")
    here.repo.git("switch", "--quiet", "topic")
    made = machine(here, tmp_path, "x", "", "--single-branch")
    GitRepo(made.checkout).git("fetch", "--quiet", "origin", "main:main")
    assert github(made, pull(here)).returncode == 0
    assert "Attempts in flight that it concerns" in made.summary


def test_nothing_of_an_event_stands_in_a_script() -> None:
    action = forgeapi.document("action.yml")
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        for value in step.get("env", {}).values():
            assert re.fullmatch(r"\$\{\{ (inputs\.[a-z-]+|github\.action_path) \}\}", value)
    assert "github.event" not in (forgeapi.ROOT / "action.yml").read_text()


def test_every_input_is_documented() -> None:
    text = (forgeapi.ROOT / "docs/review.md").read_text()
    for name in forgeapi.document("action.yml")["inputs"]:
        assert f"`{name}`" in text
    for hook in forgeapi.document(".pre-commit-hooks.yaml"):
        assert f"id: {hook['id']}" in text


@pytest.mark.parametrize("token", ["secret", ""])
def test_the_gitlab_job(here: TownHelper, tmp_path: Path, token: str) -> None:
    job = forgeapi.document("ci/gitlab-ci.yml")["gitconvoy-review"]
    with forge(knows_me=True, me="project_1_bot") as there:
        clone = here.repo.clone(tmp_path / "checkout", "--branch", "topic", "--single-branch")
        source = tmp_path / "source"
        GitRepo(forgeapi.ROOT).git("clone", "--quiet", "--no-checkout", str(forgeapi.ROOT), str(source))
        GitRepo(source).git("switch", "--quiet", "-c", "published")
        (source / "ci").mkdir(exist_ok=True)
        (source / "ci/review.py").write_bytes((forgeapi.ROOT / "ci/review.py").read_bytes())
        GitRepo(source).git("add", "ci/review.py")
        GitRepo(source).git("commit", "--quiet", "--allow-empty", "-m", "as it is")
        env = {
            "GITCONVOY_SOURCE": str(source),
            "GITCONVOY_REF": "published",
            "GITCONVOY_TOKEN": token,
            "CI_API_V4_URL": f"{there.address}/api/v4",
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_TITLE": EVIL,
            "CI_COMMIT_SHA": here.repo.head("topic"),
        }
        made = runner(clone.path, tmp_path / "files", env)
        done = made.bash("\n".join(job["script"]), {})
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 link added" in (clone.path / "gitconvoy-review.md").read_text()
        notes = "/api/v4/projects/12/merge_requests/7/notes"
        assert there.done() == ([f"POST {notes}"] if token else [])
        assert {credentials for _, _, credentials in there.asked} == ({"secret"} if token else set())
        here.bead("gt-b", priority=0)
        here.commit("another")
        clone.git("pull", "--quiet")
        assert made.bash("\n".join(job["script"]), {"CI_COMMIT_SHA": here.repo.head("topic")}).returncode == 0
        assert there.done()[1:] == ([f"PUT {notes}/1"] if token else [])


def test_any_other_service(here: TownHelper, tmp_path: Path) -> None:
    clone = here.repo.clone(tmp_path / "checkout", "--branch", "topic")
    made = runner(clone.path, tmp_path / "files", {"GITCONVOY_BASE": "origin/main"})
    done = made.bash(f'python -I "{forgeapi.ROOT}/ci/review.py" plain', {})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 link added" in (clone.path / "gitconvoy-review.md").read_text()


def test_a_link_in_the_checkout_leads_nowhere(here: TownHelper, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched\n")
    (here.repo.path / "gitconvoy-review.md").symlink_to(outside)
    here.commit("a link in the file system")
    clone = here.repo.clone(tmp_path / "checkout", "--branch", "topic")
    made = runner(clone.path, tmp_path / "files", {"GITCONVOY_BASE": "origin/main"})
    done = made.bash(f'python -I "{forgeapi.ROOT}/ci/review.py" plain', {})
    assert done.returncode == 0, done.stdout + done.stderr
    assert outside.read_text() == "untouched\n"
    assert not (clone.path / "gitconvoy-review.md").is_symlink()
    assert "1 link added" in (clone.path / "gitconvoy-review.md").read_text()


def test_no_line_of_a_note_is_a_quick_action() -> None:
    fenced = runpy.run_path(str(forgeapi.ROOT / "ci/review.py"))["fenced"]
    assert fenced("/close\na\n/merge\n```\n/assign @ada\n") == "````text\n /close\na\n /merge\n```\n /assign @ada\n````"
