"""A forge: a bare repository with a merge button, and clones that share one town; for tests of `sync`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitfixtures import GitRepo
from townfixtures import TownHelper

from gitconvoy.ledger.read import REF

PROTECTED = """\
#!/bin/sh
# Nobody but the merge button moves the trunk.
if [ "$1" = refs/heads/main ] && [ "$MERGE_BUTTON" != pressed ]; then
    echo 'main is protected: open a pull request' >&2
    exit 1
fi
"""


@dataclass(slots=True)
class Forge:
    """The bare repository. Its merge button is a clone of its own, which may push where the hook says no."""

    bare: GitRepo
    button: GitRepo

    def ledger(self) -> str | None:
        """Where its ledger branch stands."""
        return self.bare.head(REF) if self.bare.exists(REF) else None

    def protect(self) -> None:
        """From now on a push to the trunk is refused."""
        self.hook("update", PROTECTED)

    def hook(self, name: str, text: str) -> None:
        """Install a hook."""
        file = self.bare.path / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def merge(self, branch: str, how: str = "--no-ff") -> str:
        """Merge a pull request as a forge does: `--no-ff`, `--ff-only`, `--squash` or `rebase`; the new tip."""
        here = self.button
        here.git("fetch", "--quiet", "--prune", "origin")
        here.git("switch", "--quiet", "--force-create", "main", "origin/main")
        if how == "rebase":
            here.git("switch", "--quiet", "--force-create", "rebased", f"origin/{branch}")
            here.git("rebase", "--quiet", "main")
            here.git("switch", "--quiet", "main")
            here.git("merge", "--quiet", "--ff-only", "rebased")
        else:
            here.git("merge", "--quiet", how, f"origin/{branch}")
        if how == "--squash":
            here.git("commit", "--quiet", "-m", f"{branch} (#1)")
        here.git("push", "--quiet", "origin", "main", env={"MERGE_BUTTON": "pressed"})
        return here.head()


def clone(forge: GitRepo, path: Path) -> GitRepo:
    """A clone of the forge."""
    forge.git("clone", "--quiet", str(forge.path), str(path))
    return GitRepo(path)


def share(first: TownHelper, place: Path) -> Forge:
    """Put a town on a new forge below `place`."""
    place.mkdir(parents=True, exist_ok=True)
    first.repo.git("init", "--quiet", "--bare", "-b", "main", str(place / "forge.git"))
    bare = GitRepo(place / "forge.git")
    first.repo.git("remote", "add", "origin", str(bare.path))
    first.repo.git("push", "--quiet", "--set-upstream", "origin", "main")
    return Forge(bare, clone(bare, place / "button"))


def colleague(forge: Forge, path: Path, machine: str = "", role: str = "") -> TownHelper:
    """Another clone of the town; with a role it dispatches, too, as the machine of that name."""
    made = TownHelper(clone(forge.bare, path))
    made.repo.config("gitconvoy.wake", "false")
    if role:
        made.repo.config("gitconvoy.dispatch", role)
        made.repo.config("gitconvoy.machine", machine)
    return made
