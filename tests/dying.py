"""Run a gitconvoy command that dies, as by `kill -9`, right before its Nth write.

    python dying.py N COUNT_FILE ARGUMENTS...

Writes are files opened for writing, renamed, removed, made or locked, git commands that change something, processes
left behind, and objects and refs written through libgit2. The number of writes met goes to COUNT_FILE.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CALLS = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "shutil.rmtree"}
)
_GIT = frozenset(
    ("update-ref", "worktree", "read-tree", "update-index", "commit", "checkout", "push", "merge", "config")
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Writes:
    """Counts, and ends the process when the count is reached."""

    def __init__(self, last: int, note: Path) -> None:
        self._last = last
        self._note = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self.met = 0

    def meet(self) -> None:
        """One write is about to happen."""
        self.met += 1
        os.pwrite(self._note, str(self.met).encode(), 0)
        if self.met == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(self, event: str, given: tuple[Any, ...]) -> None:
        """For sys.addaudithook."""
        if event == "open":
            path, _mode, flags = given
            if flags & _WRITES and path != os.devnull:
                self.meet()
        elif event == "subprocess.Popen":
            argv = [str(word) for word in given[1]]
            if Path(argv[0]).name != "git" or _GIT.intersection(argv):
                self.meet()
        elif event in _CALLS:
            self.meet()


def _watched(act: Callable[..., Any], writes: Writes) -> Callable[..., Any]:
    def watched(*args: Any, **named: Any) -> Any:
        writes.meet()
        return act(*args, **named)

    return watched


def main() -> None:
    """As the module says."""
    writes = Writes(int(sys.argv[1]), Path(sys.argv[2]))
    from gitconvoy.cli.main import main as run
    from gitconvoy.git import write

    for name in ("write_blob", "edit_tree", "create_commit", "swap_ref", "stage_paths"):
        setattr(write, name, _watched(getattr(write, name), writes))
    sys.addaudithook(writes.hook)
    sys.argv = ["gitconvoy", *sys.argv[3:]]
    run()


if __name__ == "__main__":
    main()
