"""A forge's API on this machine, as far as comments go, and the steps of action.yml and ci/gitlab-ci.yml under bash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PYTHON = """\
#!/bin/sh
# Stands in for the Python of a runner: makes "environments" of the one that runs the tests, and installs nothing.
[ "$1" = -I ] || {{ echo "python without -I" >&2; exit 9; }}
case "$2 $3" in
  "-m venv") for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
  "-m pip") echo "$*" >>{log} ;;
  *) GITCONVOY={gitconvoy} exec {python} "$@" ;;
esac
"""


def document(name: str) -> Any:
    """A YAML file of the project."""
    return YAML(typ="safe", pure=True).load((ROOT / name).read_text())


@dataclass
class Forge:
    """What the API was asked, and the comments that it keeps: {id, body, user}."""

    me: str = "github-actions[bot]"
    writes: bool = True
    """Whether the token may write."""
    knows_me: bool = False
    """Whether the token belongs to a user: those of jobs do not."""
    fails: Callable[[str, str], tuple[int, bytes, dict[str, str]] | None] = lambda _method, _path: None
    """What is answered instead: status, body, headers."""
    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and credentials."""
    address: str = ""

    def says(self, body: str, name: str, kind: str = "User") -> None:
        """Somebody's comment."""
        who = {"login": name, "username": name, "type": kind}
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": who, "author": who})

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        """What a forge would answer."""
        if path.endswith("/user"):
            return (200, {"login": self.me, "username": self.me}) if self.knows_me else (403, {})
        if method == "GET":
            page = int(path.rpartition("page=")[2])
            return 200, self.comments[(page - 1) * 100 : page * 100]
        if not self.writes:
            return 403, {"message": "Resource not accessible by integration"}
        if method == "POST":
            self.says(data["body"], self.me, "Bot")
            return 201, self.comments[-1]
        (found,) = [each for each in self.comments if each["id"] == int(path.rpartition("/")[2])]
        found["body"] = data["body"]
        return 200, found

    def done(self) -> list[str]:
        """The methods and paths of what changed something."""
        return [f"{method} {path}" for method, path, _ in self.asked if method != "GET"]


@contextmanager
def forge(**fields: Any) -> Iterator[Forge]:
    """A forge that answers on this machine as long as the context lasts."""
    made = Forge(**fields)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            data = json.loads(self.rfile.read(size)) if size else None
            credentials = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""
            made.asked.append((self.command, self.path, credentials))
            code, body, headers = made.fails(self.command, self.path) or (0, b"", {})
            if not code:
                code, said = made.answer(self.command, self.path, data)
                body = json.dumps(said).encode()
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815 - names of the library

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Runner:
    """A machine of CI: a checkout, a folder for files, and the environment of a job."""

    checkout: Path
    files: Path
    env: dict[str, str]

    @property
    def summary(self) -> str:
        """What the job's page shows."""
        file = self.files / "summary.md"
        return file.read_text() if file.exists() else ""

    def installed(self) -> list[str]:
        """What pip was called with."""
        file = self.files / "pip.log"
        return file.read_text().splitlines() if file.exists() else []

    def bash(self, script: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """As a runner runs a step."""
        full = {**os.environ, **self.env, **env}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.checkout,
            env=full,
            capture_output=True,
            text=True,
            check=False,
        )


def runner(checkout: Path, files: Path, env: Mapping[str, str]) -> Runner:
    """A runner on whose PATH a Python stands in."""
    (files / "bin").mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).with_name("gitconvoy")
    script = PYTHON.format(gitconvoy=program, log=files / "pip.log", python=sys.executable)
    for name in ("python", "python3"):
        file = files / "bin" / name
        file.write_text(script)
        file.chmod(0o755)
    path = f"{files / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return Runner(checkout, files, {"PATH": path, **env})


def github(made: Runner, event: Any, inputs: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the steps of action.yml for an event; the first that fails, else the last."""
    file = made.files / "event.json"
    file.write_text(json.dumps(event))
    made.env |= {
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_STEP_SUMMARY": str(made.files / "summary.md"),
        "RUNNER_TEMP": str(made.files),
    }
    action = document("action.yml")
    values = {name: str(each["default"]) for name, each in action["inputs"].items()}
    values |= {"token": made.env.get("TOKEN", ""), **(inputs or {})}
    known = {**{f"inputs.{name}": value for name, value in values.items()}, "github.action_path": str(ROOT)}
    done = subprocess.CompletedProcess([], 0, "", "")
    for step in action["runs"]["steps"]:
        if "run" in step:
            env = {key: known[value.removeprefix("${{ ").removesuffix(" }}")] for key, value in step["env"].items()}
            done = made.bash(step["run"], env)
            if done.returncode:
                break
    return done
