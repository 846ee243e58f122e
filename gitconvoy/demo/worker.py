"""The demo's worker, run by the command dispatcher: reads its bead, works a moment, says done; stumbles once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from gitconvoy.demo.scene import STUMBLES


def main() -> int:
    """Exit code 0 after `gitconvoy done`, 1 where the worker stumbles."""
    bead = json.load(sys.stdin)
    sys.stdout.write(f"working on {bead['id']}: {bead['title']}\n")
    sys.stdout.flush()
    time.sleep(0.2)
    if bead["id"] == STUMBLES and os.environ["GITCONVOY_ATTEMPT"] == "1":
        sys.stdout.write("the tax table is missing, giving up\n")
        return 1
    return subprocess.run(
        [sys.executable, "-I", "-m", "gitconvoy", "done", bead["id"], "--no-code"], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
