"""gitconvoy processes that die, as by `kill -9`, right before one of their writes.

    python dying.py N COUNT_FILE ARGUMENTS...

runs one command, which dies before its Nth write; the number of writes met goes to COUNT_FILE. `arm` is what a Python
that `mortal.py` has made calls as it starts: each of its gitconvoy processes, whoever starts it, dies before the first
write at a point where none has died so far.

Writes are files opened for writing, renamed, removed, made or locked, git commands that change something, processes
left behind, and objects and refs written through libgit2.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

_CALLS = {
    "os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.link": 1, "os.symlink": 1, "os.chmod": 0,
    "shutil.rmtree": 0,
}  # fmt: skip
"""Audit events that are writes, with the argument that says what is written."""
_GIT = frozenset(
    ("update-ref", "worktree", "read-tree", "update-index", "commit", "checkout", "push", "merge", "config",
     "merge-tree", "commit-tree", "index-pack")
)  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_TRIED = re.compile(r"/[a-z0-9_]{8}$")
"""What Python's tempfile tries out a folder with."""
_OBJECT = re.compile(r" \.git/objects/HEX(/|$)")
"""The words for a file of an object, or for the folder that it is the first one in."""
_FIRST_OBJECT = "mkdir .git/objects/HEX"
"""Whether it has to be made depends on ids; the file that is opened next is the same point."""
_INNER = ("write_blob", "edit_tree", "create_commit", "swap_ref", "stage_paths")
"""Functions of `gitconvoy.git.write` that write through libgit2, of which Python's audit hooks hear nothing."""
_PLACES = (
    (re.compile(r"^.*/\.git/(gitconvoy/)?"), r".git/\1"),
    (re.compile(r"(?<=^\.git/objects/)[0-9a-f]{2}(?=/|$)"), "HEX"),
    (re.compile(r"^/.*/(?=\.convoy/|src/)"), ""),
    (re.compile(r"^/.*/"), ""),
    (re.compile(r"(?<=\.)[a-z0-9_]{8}$"), "tmp"),
    (re.compile(r"(?<=gitconvoy-)(index|merge|paths)-.*"), r"\1"),
    (re.compile(r"\.aside-.*"), "aside"),
    (re.compile(r"\b(gt|hq-cv)-[a-z0-9]+(-\d+)?(?=\b|\.)"), "ID"),
    (re.compile(r"^[0-9a-f]{2}$|[0-9a-f]{8,}"), "HEX"),
    (re.compile(r"\d+"), "N"),
)
_TIMES = 2
"""How often the same point counts within one process: the second round of a loop finds another state."""


_armed = False


class Writes:
    """Tells `meet` of each write that is about to happen, with the words for it."""

    def __init__(self, meet: Callable[[str], None], *, objects: bool = True) -> None:
        """`objects`: the files of git objects, too. How many they are depends on ids, which are others each time."""
        self._meet = meet if objects else lambda what: None if _OBJECT.search(what) else meet(what)
        self._inner = False

    def begin(self) -> None:
        """Watch this process from now on."""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, given: tuple[Any, ...]) -> None:
        if not self._inner:
            self._look_inside()
        if event == "open":
            path, _mode, flags = given
            named = flags & _WRITES and isinstance(path, str | bytes) and not os.path.isdir(path)  # noqa: PTH112
            if named and not _stays_out(os.fsdecode(path)):
                self._meet(f"open {_place(path)}")
        elif event == "subprocess.Popen":
            argv = [os.fsdecode(word) for word in given[1]]
            changing = [word for word in argv if word in _GIT]
            if Path(argv[0]).name != "git":
                self._meet(f"start {' '.join(_place(word) for word in argv if not word.startswith('-'))[:60]}")
            elif changing and not {"list", "--get", "--list"} & {*argv}:
                about = next((word for word in argv if word.startswith("refs/")), "")
                self._meet(f"git {changing[0]} {_place(about)}".rstrip())
        elif event in _CALLS and not _stays_out(os.fsdecode(given[_CALLS[event]])):
            if event == "os.mkdir" and os.path.isdir(given[0]):  # noqa: PTH112 - nothing will happen
                return
            what = f"{event.partition('.')[2]} {_place(given[_CALLS[event]])}"
            if what != _FIRST_OBJECT:
                self._meet(what)

    def _look_inside(self) -> None:
        """As soon as it is loaded."""
        write = sys.modules.get("gitconvoy.git.write")
        if write is None or not all(hasattr(write, name) for name in _INNER):
            return
        self._inner = True
        for name in _INNER:
            setattr(write, name, self._watched(name, getattr(write, name)))

    def _watched(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **named: Any) -> Any:
            self._meet(f"{name} {_place(args[1])}" if name == "swap_ref" else name)
            return act(*args, **named)

        return watched


def _stays_out(path: str) -> bool:
    """Whether a write touches nothing of gitconvoy's: Python's own caches, and what its tempfile tries out."""
    return path == os.devnull or "__pycache__" in path or bool(_TRIED.search(path))


def _place(path: Any) -> str:
    """A path without what is another one each time."""
    text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else str(path)
    for pattern, word in _PLACES:
        text = pattern.sub(word, text)
    return text


def _callers() -> str:
    """The three functions of gitconvoy from which the write comes."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and len(found) < 3:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("gitconvoy.") and not module.endswith((".run", ".localfiles", ".lock")):
            found.append(f"{module.removeprefix('gitconvoy.')}.{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(found)


def arm(folder: Path | None = None) -> None:
    """Let this process die at a new point, if it is one of gitconvoy and `folder` has the file `every`.

    That file says how many new points one of them kills at. A line of JSON for each point goes to the file `points`.
    """
    global _armed
    folder = folder or Path(sys.prefix, "deaths")
    argv = sys.orig_argv
    if _armed or "gitconvoy" not in argv or not (folder / "every").exists():
        return
    _armed = True
    words = argv[argv.index("gitconvoy") + 1 :]
    words = words[2:] if words[:1] == ["-C"] else words
    words = words[2:] if words[:1] == ["--actor"] else words
    kind = " ".join(words[: 2 if words[:1] == ["hook-run"] else 1])
    Writes(_Mortal(folder, kind).meet).begin()


class _Mortal:
    """Dies at points that are new to all processes."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._every = int((folder / "every").read_text())
        self._known = set(self._points())
        self._met: Counter[str] = Counter()
        self._busy = False

    def _points(self) -> list[str]:
        try:
            lines = (self._folder / "points").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line)["point"] for line in lines]

    def meet(self, what: str) -> None:
        """A write is about to happen; if its point is new, that may have been it."""
        if self._busy:
            return
        self._busy = True
        try:
            place = f"{self._kind}: {what} < {_callers()}"
            self._met[place] += 1
            point = f"{place} #{min(self._met[place], _TIMES)}"
            if point not in self._known:
                self._claim(point, what)
        finally:
            self._busy = False

    def _claim(self, point: str, what: str) -> None:
        handle = os.open(self._folder / "points", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            points = self._points()
            self._known.update(points)
            if point in self._known:
                return
            dies = self._every > 0 and (len(points) + 1) % self._every == 0
            about = {"point": point, "kind": self._kind, "what": what, "pid": os.getpid(), "died": dies}
            os.write(handle, json.dumps(about).encode() + b"\n")
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            self._known.add(point)
        finally:
            os.close(handle)


def main() -> None:
    """As the module says."""
    last = int(sys.argv[1])
    note = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    met = 0

    def meet(_what: str) -> None:
        nonlocal met
        met += 1
        os.pwrite(note, str(met).encode(), 0)
        if met == last:
            os.kill(os.getpid(), signal.SIGKILL)

    from gitconvoy.cli.main import main as run
    from gitconvoy.git import write  # noqa: F401 - what writes is watched from the beginning

    sys.argv = ["gitconvoy", *sys.argv[3:]]
    Writes(meet).begin()
    run()


if __name__ == "__main__":
    main()
