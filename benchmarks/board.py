"""What the board costs a reaction: the same dispatch with the page and without it, paired in one run.

    python benchmarks/board.py [--beads N] [--rounds N]

Prints medians in milliseconds of one transaction (read, decide, write, publish) that ends one attempt and begins the
next, of rendering the page alone, and the page's size.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from unittest import mock

from gitconvoy.engine import react, requests
from gitconvoy.engine.telling import board
from gitconvoy.engine.town import Town
from gitconvoy.git.env import clean_env
from gitconvoy.rules.view import View

ENV = clean_env({"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"})
PER_CONVOY = 100


def git(root: Path, *words: str) -> None:
    """Run git in the repository; CalledProcessError where it fails."""
    subprocess.run(["git", *words], cwd=root, env=ENV, check=True, capture_output=True)


def build(root: Path, beads: int) -> Town:
    """A town whose open convoys hold 100 beads each, in chains of ten."""
    git(root, "init", "-q", "-b", "main")
    settings = {"user.name": "Bench", "user.email": "bench@example.invalid"}
    ours = {"gitconvoy.wake": "false", "gitconvoy.dispatch": "local", "gitconvoy.trunk": "main"}
    for key, value in (settings | ours).items():
        git(root, "config", key, value)
    for folder in ("beads", "convoys"):
        (root / ".convoy" / folder).mkdir(parents=True)
    (root / ".convoy" / "config.yaml").write_text("format: 1\nprefix: gt\nlayout: fanout\n")
    for number in range(beads):
        after = f"depends_on:\n  - gt-{number - 1:05d}\n" if number % 10 else ""
        text = f"id: gt-{number:05d}\ntitle: Bead number {number} of the benchmark\n{after}status: open\n"
        (root / ".convoy" / "beads" / f"gt-{number:05d}.yaml").write_text(text)
    for first in range(0, beads, PER_CONVOY):
        tracks = "".join(f"  - gt-{each:05d}\n" for each in range(first, min(first + PER_CONVOY, beads)))
        name = f"hq-cv-{first // PER_CONVOY:05d}"
        text = f"id: {name}\ntitle: Convoy {name}\ntracks:\n{tracks}status: open\n"
        (root / ".convoy" / "convoys" / f"{name}.yaml").write_text(text)
    git(root, "add", ".")
    git(root, "commit", "-qm", "plan")
    return Town.open(root)


def step(town: Town) -> float:
    """Milliseconds of one transaction that ends an attempt and begins the next."""
    held = min(bead for bead, record in town.ledger().beads.items() if record.live)
    token = town.ledger().bead(held).token
    begin = time.perf_counter()
    react.transact(town, lambda draft: requests.done(draft, held, token))
    return (time.perf_counter() - begin) * 1000


def main() -> None:
    """Measure with and without the page, alternating."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--beads", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gitconvoy-bench-") as name:
        town = build(Path(name), options.beads)
        react.react(town)
        for _ in range(3):
            step(town)
        found: dict[bool, list[float]] = {True: [], False: []}
        for number in range(2 * options.rounds):
            with_page = number % 2 == 0
            with mock.patch.object(board, "render", board.render if with_page else lambda _: None):
                found[with_page].append(step(town))
        view = View(town.state())
        view.ready()  # what a reaction has asked before
        begin = time.perf_counter()
        page = board.render(view)
        alone = (time.perf_counter() - begin) * 1000
    on, off = statistics.median(found[True]), statistics.median(found[False])
    print(
        f"{options.beads} beads: without the board {off:7.1f} ms   with {on:7.1f} ms   ratio {on / off:5.2f}   "
        f"the page alone {alone:6.1f} ms, {len(page)} bytes"
    )


if __name__ == "__main__":
    main()
