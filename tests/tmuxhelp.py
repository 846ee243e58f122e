"""Towns whose workers run in tmux: whether there is one to test with, and what it says of our server."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitconvoy.dispatch.tmux import socket_name

_TMUX = shutil.which("tmux")
needs_tmux = pytest.mark.skipif(_TMUX is None, reason="tmux is not installed (apt-get install tmux)")


def tmux(common_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Ask the town's tmux server, whatever comes of it."""
    return subprocess.run(
        [_TMUX or "tmux", "-L", socket_name(common_dir), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def windows(common_dir: Path) -> list[str]:
    """Names of the windows that are open."""
    return tmux(common_dir, "list-windows", "-a", "-F", "#{window_name}").stdout.split()


@contextmanager
def server_of(common_dir: Path) -> Iterator[None]:
    """See to it that the town's own tmux server has ended afterwards."""
    try:
        yield
    finally:
        tmux(common_dir, "kill-server")
        place = Path(os.environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{os.getuid()}"
        (place / socket_name(common_dir)).unlink(missing_ok=True)  # which a server that was killed leaves behind


def script(folder: Path, text: str) -> str:
    """A Python worker with this text, as a command for git config."""
    file = folder / "worker.py"
    file.write_text(text)
    return shlex.join([sys.executable, str(file)])
