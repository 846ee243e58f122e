"""An open town: the repository, this machine's settings, and the state read from both planes (SPEC 1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from gitconvoy.dispatch import attempts, breaker, handins, leases, notifying, registry, workplace
from gitconvoy.engine import joining, rigs
from gitconvoy.engine import settings as settings_
from gitconvoy.engine.attempts.places import Places
from gitconvoy.engine.attempts.standing import in_words, places_in, trunk_branch
from gitconvoy.engine.local import START, Local
from gitconvoy.engine.rigs import RigHome
from gitconvoy.engine.settings import Settings
from gitconvoy.errors import ConvoyError, Refused
from gitconvoy.git import config, lock, personal, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import REF, following
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.ledger import BeadRecord, Ledger
from gitconvoy.model.plan import Config, Plan
from gitconvoy.model.state import State
from gitconvoy.rules.view import View
from gitconvoy.store import load
from gitconvoy.store.localfiles import local_folder

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
        self._ledger = following(self.repo, self._ledger or Ledger(), self.ledger_tip())
        return self._ledger

    def state(self) -> State:
        """The state now: trunk, ledger, and the clock in whole seconds, never before the ledger's tip."""
        trunk = self.trunk()
        ledger = self.ledger()
        plan = self.joined(self._own_plan(trunk))
        return State(plan, ledger, max(int(time.time()), ledger.tip_time), trunk)

    def local(self, plan: Plan, ledger: Ledger | None = None) -> Local:
        """What only this machine knows; of the branches that were handed in only with the `ledger`."""
        notes = handins.read_all(self.common_dir)
        held = leases.read_all(self.common_dir)
        found = registry.find(self.repo, plan.config.dispatch.dispatcher)
        trouble = self._trouble(found)
        via = found.via if isinstance(found, registry.Dispatcher) and not trouble else None
        return Local(
            machine=self.settings.machine,
            leases=held,
            begun=self._begun(held, ledger.beads.values() if ledger is not None else ()),
            max_workers=self.settings.max_workers,
            paused=self.settings.paused,
            via=via,
            dispatcher=found.name,
            trouble=trouble,
            notifies=notifying.wanted(self.repo),
            places=self.places(plan),
            handins=notes,
            branches=self._branches(plan, notes.values(), ledger.beads.values() if ledger is not None else ()),
            worktrees=via == START and self._wants_worktrees(found.name),
            breakers=breaker.read_all(self.common_dir) if via == START else {},
            breaker_limit=breaker.limit_or_default(self.repo),
        )

    def _begun(self, held: Mapping[str, leases.Lease], records: Iterable[BeadRecord]) -> frozenset[str]:
        found = set()
        for each in records:
            token, lease = each.token, held.get(each.id)
            started = each.in_flight and each.via == START and each.machine == self.settings.machine
            if not started or token is None or (lease is not None and lease.token == token):
                continue
            if attempts.has_begun(attempts.attempt_folder(self.common_dir, each.id, each.attempt), token):
                found.add(token)
        return frozenset(found)

    def _branches(
        self, plan: Plan, notes: Iterable[handins.Handin], records: Iterable[BeadRecord]
    ) -> dict[tuple[str, str], str]:
        wanted = {(note.bead, note.branch) for note in notes}
        wanted |= {(each.id, each.branch) for each in records if each.handed_in and each.branch is not None}
        repos, found = self.repos(plan), {}
        for bead, name in sorted(wanted):
            try:
                tip = refs.ref(repos(bead), settings_.HEADS + name)
            except ConvoyError:
                continue  # whoever asks for its base branch is told why
            if tip is not None:
                found[bead, name] = tip
        return found

    def _trouble(self, found: registry.Dispatcher | registry.Undefined) -> str:
        """Why nothing can be started here, with the remedy: settings of this machine are no failures of beads.

        Those of a rig's own repository count for that rig alone (`Places.trouble_of`).
        """
        if isinstance(found, registry.Undefined):
            return in_words(found.error)
        if found.via != START:
            return ""
        try:
            workplace.check(self.repo)
            workplace.mode(self.repo, found.name)
            workplace.log_limit(self.repo)
            workplace.keep_logs(self.repo)
            breaker.limit(self.repo)
        except ConvoyError as error:
            return in_words(error)
        return ""

    def _wants_worktrees(self, dispatcher: str) -> bool:
        return workplace.mode(self.repo, dispatcher) == workplace.WORKTREE

    def trunk_branch(self) -> str:
        """The short name of the trunk's branch, also where only a remote-tracking ref of it is here."""
        return trunk_branch(self.repo, self.settings.trunk)

    def places(self, plan: Plan) -> Places:
        """Where attempts work: what their branches are called, and where each base branch stands."""
        homes = {
            rig: home for rig, home in self.homes(plan.config).items() if rig not in plan.away and not home.trouble
        }
        own = {rig: places_in(each.repo(), each.trunk, plan, root=str(each.root())) for rig, each in homes.items()}
        return places_in(self.repo, self.settings.trunk, plan, rigs=own)

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
