"""Dispatchers of other packages: the example is installed and run by the command line; errors are told (SPEC 7)."""

from __future__ import annotations

import json
import os
import shlex
import site
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from waiting import until

ROOT = Path(__file__).parents[2]
FLOW = "hq-cv-flow"
WORKER = """
import json, os, subprocess, sys
print("niceness", os.nice(0), json.load(sys.stdin)["id"], flush=True)
sys.exit(subprocess.run([sys.executable, "-I", "-m", "gitconvoy", "done", "--no-code"]).returncode)
"""
BROKEN = {
    "fails-to-load": "raise RuntimeError('no licence')",
    "fails-to-make": "def Dispatcher():\n    raise SystemExit(3)",
    "fails-to-start": "class Dispatcher:\n    def start(self, work): raise KeyError('region')\n"
    "    def alive(self): return True\n    def stop(self): pass",
    "fails-in-alive": "class Dispatcher:\n    def start(self, work): pass\n"
    "    def alive(self): return 1 / 0\n    def stop(self): raise ValueError('twice')",
    "has-no-stop": "class Dispatcher:\n    def start(self, work): pass\n    def alive(self): return False",
}


@dataclass(slots=True)
class Installed:
    """A Python in which gitconvoy and plug-ins are installed."""

    python: Path
    packages: Path

    def run(self, repo: GitRepo, *words: str) -> subprocess.CompletedProcess[str]:
        """Run gitconvoy in a repository, whatever comes of it."""
        command = [str(self.python), "-I", "-m", "gitconvoy", "-C", str(repo.path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **repo.env})

    def ok(self, repo: GitRepo, *words: str) -> str:
        """Run gitconvoy, which must succeed; its stdout."""
        done = self.run(repo, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def json(self, repo: GitRepo, *words: str) -> dict[str, Any]:
        """Its answer as data."""
        return dict(json.loads(self.ok(repo, *words, "--json")))

    def plug_in(self, name: str, text: str) -> None:
        """Install a plug-in by hand: a module and the metadata that names it."""
        module = "plugin_" + name.replace("-", "_")
        (self.packages / f"{module}.py").write_text(text)
        info = self.packages / f"{module}-1.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[gitconvoy.dispatchers]\n{name} = {module}:Dispatcher\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A Python of its own that sees this one's packages, with the example installed as its page says."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)}))
    ours = [path for path in [*site.getsitepackages(), sysconfig.get_path("purelib")] if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})" for path in dict.fromkeys(ours)]
    (packages / "base.pth").write_text("\n".join([*lines, str(ROOT), ""]))
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(packages), str(_copy(tmp_path_factory))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Installed(python, packages)


def _copy(factory: pytest.TempPathFactory) -> Path:
    """The example's files elsewhere: a build leaves things behind."""
    target = factory.mktemp("example")
    for name in ("pyproject.toml", "gitconvoy_nice.py", "README.md"):
        (target / name).write_bytes((ROOT / "docs" / "plugin-example" / name).read_bytes())
    return target


def begin(installed: Installed, repo: GitRepo, **fields: str) -> None:
    """A town with one bead in an open convoy."""
    repo.config("gitconvoy.wake", "false")
    installed.ok(repo, "init", "--prefix", "gt", "--no-hooks")
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  backoff: 1h\n")
    repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: A\n")
    repo.write(f".convoy/convoys/{FLOW}.yaml", f"id: {FLOW}\ntitle: Flow\ntracks:\n  - gt-a\nstatus: open\n")
    repo.commit("plan")


def events(repo: GitRepo) -> list[str]:
    if not repo.exists("refs/heads/convoy-ledger"):
        return []
    lines = repo.git("log", "--reverse", "--format=%s", "convoy-ledger").splitlines()
    return [line.removeprefix("convoy: ") for line in lines]


def test_the_example_runs_a_worker(installed: Installed, repo: GitRepo, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    repo.config("gitconvoy.dispatcher", "nice")
    repo.config("gitconvoy.dispatcher.nice.command", shlex.join([str(installed.python), str(script), "{bead}"]))
    repo.config("gitconvoy.dispatcher.nice.level", "7")
    begin(installed, repo)
    assert installed.json(repo, "status")["dispatcher"] == {"name": "nice", "defined": True}
    installed.ok(repo, "scan")
    until(lambda: f"complete {FLOW}" in events(repo), "completion")
    assert f"niceness {os.nice(0) + 7} gt-a" in installed.ok(repo, "logs", "gt-a")


def test_the_log_of_the_example_is_bounded(installed: Installed, repo: GitRepo, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(
        "import os\nprint('the beginning', flush=True)\n"
        "for _ in range(40):\n    os.write(1, b'x' * (1 << 19) + b'\\n')\n"
        "print('the end', flush=True)\nraise SystemExit(3)\n"
    )
    repo.config("gitconvoy.logLimit", "100k")
    repo.config("gitconvoy.dispatcher", "nice")
    repo.config("gitconvoy.dispatcher.nice.command", shlex.join([str(installed.python), str(script)]))
    begin(installed, repo)
    installed.ok(repo, "scan")
    until(lambda: "fail gt-a" in events(repo), "the failure")
    folder = repo.path / ".git" / "gitconvoy" / "attempts" / "gt-a-1"
    assert sum(file.stat().st_size for file in folder.glob("log*")) <= 100 << 10
    told = installed.ok(repo, "logs", "gt-a").splitlines()
    assert (told[0], told[-1]) == ("the beginning", "the end")


def test_the_example_ends_its_worker(installed: Installed, repo: GitRepo, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text("import time; print('waiting', flush=True); time.sleep(600)")
    repo.config("gitconvoy.dispatcher", "calm")
    repo.config("gitconvoy.dispatcher.calm.kind", "nice")
    repo.config("gitconvoy.dispatcher.calm.timeout", "1s")
    repo.config("gitconvoy.dispatcher.calm.command", shlex.join([str(installed.python), str(script)]))
    begin(installed, repo)
    installed.ok(repo, "scan")
    until(lambda: "fail gt-a" in events(repo), "the failure")
    entry = installed.json(repo, "log", "--event", "fail")["entries"][0]
    assert "time limit" in entry["reason"]


def test_a_committed_name_selects_no_plug_in(installed: Installed, repo: GitRepo) -> None:
    begin(installed, repo)
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  dispatcher: nice\n")
    repo.commit("a pull request")
    installed.ok(repo, "scan")
    assert not any(event.startswith("dispatch") for event in events(repo))
    told = installed.json(repo, "status")
    assert told["dispatcher"]["defined"] is False
    assert any("does not define the dispatcher 'nice'" in note for note in told["notes"])


@pytest.mark.parametrize(("name", "said"), [("fails-to-load", "no licence"), ("has-no-stop", "has no stop")])
def test_a_plug_in_that_cannot_be_used_dispatches_nothing(
    installed: Installed, repo: GitRepo, name: str, said: str
) -> None:
    installed.plug_in(name, BROKEN[name])
    repo.config("gitconvoy.dispatcher", name)
    begin(installed, repo)
    done = installed.run(repo, "scan")
    assert "Traceback" not in done.stdout + done.stderr
    assert not any(event.startswith("dispatch") for event in events(repo))
    (note,) = [note for note in installed.json(repo, "status")["notes"] if f"plug-in {name}" in note]
    assert said in note


@pytest.mark.parametrize(
    ("name", "event", "said"),
    [
        ("fails-to-make", "dispatch-failed", "SystemExit"),
        ("fails-to-start", "dispatch-failed", "failed in start (KeyError: 'region')"),
        ("fails-in-alive", "fail", "failed in alive (ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_in_a_plug_in_is_told_with_its_name(
    installed: Installed, repo: GitRepo, name: str, event: str, said: str
) -> None:
    installed.plug_in(name, BROKEN[name])
    repo.config("gitconvoy.dispatcher", name)
    begin(installed, repo)
    installed.ok(repo, "scan")
    until(lambda: f"{event} gt-a" in events(repo), event)
    reason = installed.json(repo, "log", "--event", event)["entries"][0]["reason"]
    assert f"plug-in {name}" in reason
    assert said in reason
    assert "Traceback" not in reason + installed.run(repo, "logs", "gt-a").stdout


def test_an_unknown_kind_names_what_there_is(installed: Installed, repo: GitRepo) -> None:
    repo.config("gitconvoy.dispatcher", "mine")
    repo.config("gitconvoy.dispatcher.mine.kind", "no-such-kind")
    begin(installed, repo)
    notes = " ".join(installed.json(repo, "status")["notes"])
    assert "'no-such-kind'" in notes
    assert "nice" in notes
