"""An open town: the repository, this machine's settings, and the state read from both planes (SPEC 1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import joining, rigs
from gitconvoy.engine import settings as settings_
from gitconvoy.engine.rigs import RigHome
from gitconvoy.engine.settings import Settings
from gitconvoy.errors import Refused
from gitconvoy.git import config, lock, personal, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.kept import ledger_at
from gitconvoy.ledger.read import REF, following
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Config, Plan
from gitconvoy.model.state import Asked, State
from gitconvoy.store import load, trunk
from gitconvoy.store.localfiles import local_folder

if TYPE_CHECKING:
    from gitconvoy.engine.local import Local
    from gitconvoy.rules.view import View

LOCK_SECONDS = 60.0


@dataclass(slots=True)
class Town:
    """What commands work on. Looks at the refs each time it is asked: nothing here goes stale within a race."""

    repo: Repo
    settings: Settings
    actor: str
    _plan: Plan | None = None
    """What was read last; only what differs from it is read anew."""
    _ledger: Ledger | None = None
    last_view: View | None = None
    """The rules over what was decided last."""

    @classmethod
    def open(cls, start: Path, actor: str | None = None) -> Town:
        """The town of the repository around `start`. GitError where there is none."""
        repo = Repo.discover(start)
        return cls(repo, settings_.load(repo), settings_.actor_of(repo, actor))

    @property
    def common_dir(self) -> Path:
        """The git directory that all worktrees share."""
        return self.repo.common_dir

    def home(self) -> Path:
        """Where detached processes find this town: its main worktree, or the git directory of a bare repository.

        A linked worktree may be gone before they are done.
        """
        return personal.main_worktree(self.repo)

    def trunk(self) -> str | None:
        """The trunk's tip, None where the branch is unborn."""
        return refs.ref(self.repo, self.settings.trunk)

    def ledger_tip(self) -> str | None:
        """The ledger's tip: the local branch, else a remote-tracking one (SPEC 1)."""
        local = refs.ref(self.repo, REF)
        return local if local is not None else self.remote_ledger()

    def own_remote(self) -> str | None:
        """The remote that the trunk's branch follows, as git config says; None where that names none there is."""
        name = config.get(self.repo, f"branch.{self.trunk_branch()}.remote")
        return name if name in settings_.remotes(self.repo) else None

    def remote_ledger(self) -> str | None:
        """The tip of a remote-tracking ledger branch, the trunk's own remote first; None where no remote has one."""
        own = self.own_remote()
        for remote in sorted(settings_.remotes(self.repo), key=lambda name: name != own):
            tip = refs.ref(self.repo, f"refs/remotes/{remote}/convoy-ledger")
            if tip is not None:
                return tip
        return None

    def plan(self) -> Plan:
        """The plan on the trunk's tip, with the beads of rigs that keep them in their own repositories."""
        return self.joined(self._own_plan(self.trunk()))

    def _own_plan(self, trunk: str | None) -> Plan:
        tree = trees.tree_at(self.repo, trunk, ROOT) if trunk is not None else None
        if self._plan is None or self._plan.tree is None or self._plan.tree != tree:
            self._plan = load.following(self.repo, self._plan or Plan(), tree)
        return self._plan

    def joined(self, plan: Plan, at: int | None = None) -> Plan:
        """A plan of this repository, with the beads that rigs keep in their own repositories, as their trunks say.

        `at`: as those said at that time, in epoch seconds; None: now.
        """
        return joining.join(plan, self.homes(plan.config), at)

    def homes(self, config: Config) -> dict[str, RigHome]:
        """The rigs with repositories of their own, by name, as git config says."""
        return rigs.homes(self.repo, self.home, config)

    def repo_of(self, plan: Plan, bead: str) -> Repo:
        """The repository in which a bead is worked on. Refused (`rig-away`) where that cannot be read."""
        return self.repos(plan)(bead)

    def repos(self, plan: Plan) -> Callable[[str], Repo]:
        """As `repo_of`, for many beads."""
        homes = self.homes(plan.config)

        def repo_of(bead: str) -> Repo:
            rig = plan.config.rig_of(bead)
            home = homes.get(rig.name) if rig is not None else None
            if home is not None:
                return home.repo()
            away = plan.away_reason(bead)
            if away is not None:
                raise Refused(away, hint="bring the repository back, or say where it is", code="rig-away")
            return self.repo

        return repo_of

    def keepers(self, plan: Plan) -> Callable[[str], Repo]:
        """From a bead to the repository that keeps its file; it may be worked on in another. Refused as `repo_of`."""
        homes = self.homes(plan.config) if plan.abroad else {}

        def keeper_of(bead: str) -> Repo:
            where = plan.abroad.get(bead)
            return homes[where.rig].repo() if where is not None else self.repo

        return keeper_of

    def ledger(self) -> Ledger:
        """The ledger as it stands."""
        tip = self.ledger_tip()
        known = self._ledger
        self._ledger = ledger_at(self.repo, tip) if known is None else following(self.repo, known, tip)
        return self._ledger

    def state(self, asked: Asked | None = None) -> State:
        """The state now: trunk, ledger, and the clock in whole seconds, never before the ledger's tip.

        With `asked` its plan may hold no more than is needed for that (`Plan.rest`).
        """
        tip = self.trunk()
        ledger = self.ledger()
        plan = self._needed(tip, ledger, asked) if asked is not None and self._plan is None else None
        plan = self.joined(self._own_plan(tip) if plan is None else plan)
        return State(plan, ledger, max(int(time.time()), ledger.tip_time), tip)

    def _needed(self, tip: str | None, ledger: Ledger, asked: Asked) -> Plan | None:
        """What is needed of the plan; None where rigs have repositories of their own, whose beads all count."""
        tree = trees.tree_at(self.repo, tip, ROOT) if tip is not None else None
        found = trunk.plan(self.repo, tree, asked, ledger)
        return found if found.rest is None or not self.homes(found.config) else None

    def local(self, plan: Plan, ledger: Ledger | None = None) -> Local:
        """What only this machine knows; of the branches that were handed in only with the `ledger`."""
        from gitconvoy.engine import here  # whoever only reads the plan needs no dispatchers

        return here.look(self, plan, ledger)

    def trunk_branch(self) -> str:
        """The short name of the trunk's branch, also where only a remote-tracking ref of it is here."""
        return settings_.trunk_branch(self.repo, self.settings.trunk)

    def exclusive(self) -> AbstractContextManager[None]:
        """One writer at a time among ourselves. LostRace after a minute of waiting."""
        return lock.exclusive(self._lock(), LOCK_SECONDS)

    def exclusive_unless(self, needless: Callable[[], bool]) -> AbstractContextManager[bool]:
        """The same, as long as it is not `needless`; whether we are that one writer."""
        return lock.exclusive_unless(self._lock(), LOCK_SECONDS, needless)

    def _lock(self) -> Path:
        return local_folder(self.common_dir) / "lock"

    def know(self, ledger: Ledger) -> None:
        """What we have just published need not be read."""
        self._ledger = ledger

    def require_plan(self, plan: Plan) -> None:
        """Refused where the trunk holds no `.convoy` folder."""
        if not plan.exists:
            name = self.settings.trunk.removeprefix(settings_.HEADS)
            raise Refused(
                f"the trunk ({name}) has no .convoy folder",
                hint="gitconvoy init begins one; where it is planned on another branch, merge that branch",
                code="no-plan",
            )
