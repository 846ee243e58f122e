"""Answers that nobody can read: full devices, closed pipes and closed streams (SPEC 8)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

GITCONVOY = (sys.executable, "-m", "gitconvoy")
FULL = Path("/dev/full")


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.convoy("hq-cv-1", "gt-a", "gt-b", status="open")
    made.commit("plan")
    repo.config("gitconvoy.maxWorkers", "9")
    return made


def shell(here: TownHelper, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `$G` is the command."""
    environ = {**os.environ, "G": f"{sys.executable} -m gitconvoy"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=here.path, env=environ, capture_output=True, text=True, check=False
    )


needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


@needs_full
def test_a_claim_whose_answer_is_lost_stands_and_is_not_to_be_made_again(here: TownHelper) -> None:
    here.repo.config("gitconvoy.maxWorkers", "1")
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n")
    here.commit("claims only")
    ended = shell(here, "$G --actor w1 next --claim --json >/dev/full")
    assert ended.returncode == 1
    error = json.loads(ended.stderr)["error"]
    assert error["code"] == "answer-lost"
    assert "the answer could not be written" in error["message"]
    assert "stands" in error["hint"]
    assert "half done" not in ended.stderr
    assert [bead for bead, record in here.ledger().beads.items() if record.live] == ["gt-a"]


@needs_full
def test_other_answers_on_a_full_device(here: TownHelper) -> None:
    for words in ("status", "status --json", "bead list", "schema bead", "--help"):
        ended = shell(here, f"$G {words} >/dev/full")
        assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr
        assert "No space left" in ended.stderr
    ended = shell(here, "$G bead add lost >/dev/full")
    assert ended.returncode == 1
    assert "lost" in here.repo.git("log", "-1", "--format=%s")
    assert here.repo.status() == []


@needs_full
def test_notes_that_cannot_be_written_change_nothing(here: TownHelper) -> None:
    assert shell(here, "$G nonsense 2>/dev/full").returncode == 2
    assert shell(here, "$G bead add x --id zz-1 --json 2>/dev/full").returncode == 0
    assert here.repo.status() == []


@pytest.mark.parametrize(
    "words",
    ["bead add more", "bead add more --json", "status", "bead list", "log", "--help", "scan --help", "schema bead", ""],
)
def test_a_pipe_that_nobody_reads_is_no_failure(here: TownHelper, words: str) -> None:
    ended = shell(here, f"$G {words} | true")
    assert (ended.returncode, "rror" in ended.stderr) == (0, False), ended.stderr
    if "more" in words:
        assert "more" in here.repo.git("log", "-1", "--format=%s")


def test_the_exit_code_of_what_was_found_survives_a_closed_pipe(here: TownHelper) -> None:
    here.bead("gt-a", depends_on=["gt-b"])
    assert shell(here, "$G validate | true").returncode == 1
    here.repo.write(".convoy/beads/gt-a.yaml", "id: [\n")
    assert shell(here, "$G validate --json | true").returncode == 3


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_like_ones_that_nobody_reads(here: TownHelper, closed: str) -> None:
    for words in ("status", "status --json", "bead list", "--help", "bead add more", "scan"):
        ended = shell(here, f"$G {words} {closed}")
        assert (ended.returncode, "Traceback" in ended.stderr + ended.stdout) == (0, False), ended.stderr
    assert here.repo.status() == []
    assert here.repo.git("fsck", "--strict") is not None


def test_an_interrupt_while_the_command_is_being_loaded_leaves_no_traceback(tmp_path: Path) -> None:
    """The finder stands for a person who is quick with ^C: it interrupts the import of the command line."""
    (tmp_path / "quick.py").write_text(
        "import runpy, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a caller in the background has it ignored\n"
        "class Quick:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'gitconvoy.cli.main':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Quick())\n"
        "sys.argv = ['gitconvoy', 'status']\n"
        "runpy.run_module('gitconvoy', run_name='__main__')\n"
    )
    ended = subprocess.run([sys.executable, str(tmp_path / "quick.py")], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
