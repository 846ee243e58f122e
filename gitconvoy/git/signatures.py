"""Whether commits are signed by keys that this machine's own git config trusts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gitconvoy.dataclass import dataclass
from gitconvoy.git.repo import Repo

GOOD = "G"
_WORDS = {
    "N": "it is not signed",
    "B": "its signature is bad: it was changed after it was signed",
    "U": "it is signed by a key that this server does not trust",
    "X": "its signature has expired",
    "Y": "it is signed by a key that has expired",
    "R": "it is signed by a key that was revoked",
    "E": "its signature cannot be checked here: the key is unknown, or the program that checks it is missing",
}
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Signature:
    """What git says of one commit's signature. `signer` is as git's settings name it, empty where it names nobody."""

    commit: str
    grade: str
    """One letter, as `git log --format=%G?` has it."""
    signer: str = ""

    @property
    def good(self) -> bool:
        """Made by a key that git's settings name, which is valid."""
        return self.grade == GOOD

    @property
    def words(self) -> str:
        """What is wrong with it."""
        who = f" ({self.signer})" if self.signer else ""
        return _WORDS.get(self.grade, f"git says {self.grade!r} of its signature") + who


def signatures(repo: Repo, commits: Sequence[str]) -> list[Signature]:
    """The signatures of commits, in their order, judged by `gpg.ssh.allowedSignersFile`, `gpg.*` and GnuPG's keys.

    git starts a program or two for each commit, one after the other: the commits are shared out among as many
    processes as there are processors. Raises GitError where git cannot tell.
    """
    batches = [commits[at : at + _BATCH] for at in range(0, len(commits), _BATCH)]
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        return [each for found in pool.map(lambda batch: _graded(repo, batch), batches) for each in found]


def _graded(repo: Repo, commits: Sequence[str]) -> list[Signature]:
    options = ("--no-walk=unsorted", "--stdin", "--no-show-signature", "--no-patch", "--no-color", "--no-mailmap")
    listed = repo.git("log", *options, "--format=%H%x00%G?%x00%GS", input="".join(f"{c}\n" for c in commits).encode())
    found = []
    for line in listed.text.splitlines():
        commit, grade, signer = line.split("\0", 2)
        found.append(Signature(commit, grade, signer))
    return found
