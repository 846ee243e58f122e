"""`doctor --print-unit`: entries for systemd, cron and launchd, ready to use wherever the town lies."""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.doctor.unit import CRON, LAUNCHD, SYSTEMD, unit
from gitconvoy.errors import Refused

ODD = 'the "50%" town\'s $HOME \\n'


@pytest.fixture
def odd(repo: GitRepo) -> TownHelper:
    place = repo.path.with_name(ODD)
    repo.path.rename(place)
    return town(GitRepo(place))


def call(here: TownHelper, command: str) -> list[str]:
    return [sys.executable, "-I", "-m", "gitconvoy", "-C", str(here.path), command]


def systemd_words(line: str) -> list[str]:
    """The words of a line of a unit, by the rules of systemd.syntax: quotes, backslashes, doubled percent signs."""
    words = [word.replace("%%", "\0") for word in shlex.split(line)]
    assert not any("%" in word for word in words)
    return [word.replace("\0", "%") for word in words]


def test_systemd_is_the_default(odd: TownHelper) -> None:
    answer = odd.run("doctor", "--print-unit")
    assert answer.code == 0
    lines = dict(line.split("=", 1) for line in answer.out.splitlines() if "=" in line)
    assert lines["ExecStart"].startswith(":/") or lines["ExecStart"].startswith(':"/')  # no variables are replaced
    assert systemd_words(lines["ExecStart"][1:]) == call(odd, "daemon")
    assert systemd_words(lines["Environment"])[0].startswith("PATH=")
    assert lines["KillMode"] == "process", "workers go on while the daemon is restarted"
    assert "nothing was installed" in answer.err
    assert "systemctl --user" in answer.err


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_takes_it(odd: TownHelper, tmp_path: Path) -> None:
    name = odd.json("doctor", "--print-unit", "systemd")["name"]
    file = tmp_path / name
    file.write_text(odd.run("doctor", "--print-unit", "systemd").out)
    command = ["systemd-analyze", "verify", "--user", str(file)]
    done = subprocess.run(
        command, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    if "Failed to initialize manager" in done.stderr:
        pytest.skip("systemd-analyze does not work here")
    assert name not in done.stderr, "no complaint about it"
    assert "fatal" not in done.stderr


def test_cron_does_what_it_says(odd: TownHelper, tmp_path: Path) -> None:
    odd.bead("gt-a")
    odd.convoy("hq-cv-1", "gt-a", status="open")
    odd.commit()
    line = odd.run("doctor", "--print-unit", "cron").out
    assert line.count("\n") == 1
    minute, command = line[:10], line[10:].rstrip("\n")
    assert minute == "* * * * * "
    shell = command.replace("\\%", "\0")  # what cron does with a line: a bare percent sign ends it
    assert "%" not in shell
    shell = shell.replace("\0", "%")
    done = subprocess.run(["/bin/sh", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert odd.events()[-1].startswith("dispatch gt-a")
    path, *words = shlex.split(shell.removesuffix(" >/dev/null"))
    assert (path.startswith("PATH="), words) == (True, call(odd, "scan"))


def test_launchd(odd: TownHelper) -> None:
    made = plistlib.loads(odd.run("doctor", "--print-unit", "launchd").out.encode())
    assert made["ProgramArguments"] == call(odd, "daemon")
    assert set(made["EnvironmentVariables"]) == {"PATH"}


def test_json_holds_the_steps_too(odd: TownHelper) -> None:
    answer = odd.json("doctor", "--print-unit", "cron")
    assert (answer["kind"], answer["name"]) == ("cron", "")
    assert answer["text"].startswith("* * * * * ")
    assert all(isinstance(step, str) for step in answer["steps"])


def test_from_a_linked_worktree_it_is_for_the_main_one(odd: TownHelper, tmp_path: Path) -> None:
    linked = TownHelper(odd.repo.worktree(tmp_path / "linked", "topic"))
    assert linked.run("doctor", "--print-unit").out == odd.run("doctor", "--print-unit").out


def test_towns_of_the_same_name_have_units_of_their_own() -> None:
    names = {
        unit(SYSTEMD, Path(place), "/p", {"PATH": "/bin"}).name for place in ("/a/shop", "/b/shop", "/c/shop/.git")
    }
    assert len(names) == 3
    assert all(name.startswith("gitconvoy-shop-") for name in names)


@pytest.mark.parametrize("kind", [SYSTEMD, CRON, LAUNCHD])
def test_a_path_that_no_entry_can_have(kind: str) -> None:
    for place, python, path in (("/a\nb", "/p", "/bin"), ("/a", "/p\0", "/bin"), ("/a", "/p", "/bin\n* * * * * rm")):
        with pytest.raises(Refused, match="control character"):
            unit(kind, Path(place), python, {"PATH": path})


def test_a_clone_that_does_not_dispatch_is_told(odd: TownHelper) -> None:
    odd.repo.config("gitconvoy.dispatch", "off")
    assert "does not dispatch" in odd.run("doctor", "--print-unit").err


@pytest.mark.parametrize(
    "words", [("--fix", "--print-unit"), ("--fix", "--accept-ledger"), ("--print-unit", "upstart")]
)
def test_what_cannot_be_meant(odd: TownHelper, words: tuple[str, ...]) -> None:
    assert odd.run("doctor", *words).code == 2
