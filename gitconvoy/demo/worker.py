"""The demo's worker, run by the command dispatcher in its own worktree: edits, commits, says done; stumbles once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from gitconvoy.demo.scene import STUMBLES, file_of


def main() -> int:
    """Exit code 0 after `git commit` and `gitconvoy done`, 1 where the worker stumbles."""
    bead = json.load(sys.stdin)
    sys.stdout.write(f"working on {bead['id']}: {bead['title']}\n")
    sys.stdout.flush()
    if bead["id"] == STUMBLES and os.environ["GITCONVOY_ATTEMPT"] == "1":
        time.sleep(0.2)
        sys.stdout.write("the tax table is missing, giving up\n")
        return 1
    file = Path(file_of(bead["id"]))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'"""{bead["title"]}."""\n', encoding="utf-8")
    subprocess.run(["git", "add", "--", str(file)], check=True)
    subprocess.run(["git", "commit", "--quiet", "-m", bead["title"]], check=True)
    return subprocess.run([sys.executable, "-I", "-m", "gitconvoy", "done", bead["id"]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
