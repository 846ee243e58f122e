"""A town with the rigs `gt` (its own) and `web`, which has a repository of its own beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitfixtures import GitRepo
from townfixtures import TownHelper, town

FLOW = "hq-cv-flow"
CONFIG = "format: 1\nprefix: gt\nrigs:\n  gt: {prefixes: [gt]}\n  web:\n    prefixes: [web]\n"


@dataclass(slots=True)
class RigTown:
    """The town and the rig's repository; `web` writes files there as a person would."""

    here: TownHelper
    web: TownHelper

    @property
    def there(self) -> GitRepo:
        """The rig's repository."""
        return self.web.repo

    def away(self) -> Path:
        """Move the rig's repository to another place; that place."""
        return self.web.path.rename(self.web.path.with_name("moved"))

    def back(self) -> None:
        """Move it back."""
        self.web.path.with_name("moved").rename(self.web.path)


def rig_town(make_repo: Callable[[str], GitRepo], *, hooks: bool = False, elsewhere: bool = False) -> RigTown:
    """The town in `repo` and the rig `web` in `web`, which has no `.convoy` yet; nothing is planned."""
    here = town(make_repo("repo"), hooks=hooks)
    there = make_repo("web")
    here.repo.config("gitconvoy.rig.web.path", "../web")
    here.repo.write(".convoy/config.yaml", CONFIG + ("    elsewhere: true\n" if elsewhere else ""))
    here.commit("rigs")
    return RigTown(here, TownHelper(there))


def two_beads(made: RigTown, **convoy: str) -> None:
    """web-a in the rig's repository, gt-b behind it in the town, in one convoy; open unless `convoy` says otherwise."""
    made.web.bead("web-a")
    made.web.commit("plan of the rig")
    made.here.bead("gt-b", depends_on=["web-a"])
    made.here.convoy(FLOW, "web-a", "gt-b", **{"status": "open", **convoy})
    made.here.commit("plan")
