"""A Python of its own for tests, whose gitconvoy processes can be made to die (`dying.arm`), however they are started.

gitconvoy starts supervisors, scans and hooks with the Python that it runs in itself, isolated from the environment
(`-I`); workers find the `gitconvoy` command beside that Python. So this one is all that it takes.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gitconvoy

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Mortal:
    """That Python, at `root`."""

    root: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.root / "bin" / "python"

    @property
    def command(self) -> Sequence[str]:
        """The beginning of a command line of gitconvoy."""
        return [str(self.python), "-I", "-m", "gitconvoy"]

    @property
    def _deaths(self) -> Path:
        return self.root / "deaths"

    def arm(self, every: int) -> None:
        """From now on processes die at each new point (1), at each second one (2) and so on; 0: points are noted."""
        self._deaths.mkdir(exist_ok=True)
        (self._deaths / "every").write_text(str(every))

    def disarm(self) -> None:
        """From now on those that start live."""
        (self._deaths / "every").unlink(missing_ok=True)

    def points(self) -> list[dict[str, Any]]:
        """All points met so far: `point`, `kind` (of process), `what` was about to be written, `pid`, `died`."""
        try:
            lines = (self._deaths / "points").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]


def make(root: Path) -> Mortal:
    """Make it, with all that the Python of the tests has."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(root)
    made = Mortal(root)
    inside = Path(sysconfig.get_path("purelib", vars={"base": str(root), "platbase": str(root)}))
    (inside / "dying.py").symlink_to(_HERE / "dying.py")
    ours = [str(Path(gitconvoy.__file__).parents[1]), *(each for each in sys.path if "site-packages" in each)]
    (inside / "mortal.pth").write_text("".join(f"{each}\n" for each in ours) + "import dying; dying.arm()\n")
    script = root / "bin" / "gitconvoy"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(made.python))} -I -m gitconvoy "$@"\n')
    os.chmod(script, 0o755)  # noqa: PTH101 - of a plain file
    return made
