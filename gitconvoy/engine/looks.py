"""What was looked at, noted for the hooks: here, and in the repositories of rigs (SPEC 6, 7). Disposable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitconvoy.engine import joining, rigs, seen
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.handin import proofs
from gitconvoy.engine.rigs import RigHome
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.git import refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.plan import Plan


def note(town: Town, draft: Draft, tip: str | None) -> None:
    """Note what a decision has looked at; `tip` is the ledger's after it. Nothing where trunk or ledger is not there.

    What it waits for is noted where it will happen, so that the hooks there can leave at once when it does not.
    """
    plan, commit = draft.state.plan, draft.state.trunk
    if commit is None or tip is None:
        return
    homes = {rig: home for rig, home in town.homes(plan.config).items() if rig in plan.homes and not home.trouble}
    awaited = _awaited(draft, homes)
    waits = _stand(town.repo, awaited.get(None, ()))
    seen.remember(town.common_dir, seen.Seen(town.settings.trunk, plan.tree or "-", commit, tip, waits))
    for rig, home in homes.items():
        try:
            _watch(town, plan, home, awaited.get(rig, ()))
        except (ConvoyError, OSError):
            continue  # it was just moved away
    if homes:
        rigs.remember(town.repo, homes, joining.parents_elsewhere(plan))


def _awaited(draft: Draft, homes: Mapping[str, RigHome]) -> dict[str | None, set[str]]:
    """Rig with a repository of its own (None: all others) -> the branches that handed-in work of it waits for."""
    found: dict[str | None, set[str]] = {}
    for bead, base in proofs.waits_for(draft.state, draft.local).items():
        rig = draft.view.rig_of(bead)
        found.setdefault(rig.name if rig is not None and rig.name in homes else None, set()).add(f"{HEADS}{base}")
    return found


def _stand(repo: Repo, names: Iterable[str]) -> dict[str, str]:
    return {name: refs.ref(repo, name) or "-" for name in sorted(names)}


def _watch(town: Town, plan: Plan, home: RigHome, names: Iterable[str]) -> None:
    """Let the hooks of a rig's repository know what this town has seen of it."""
    repo = home.repo()
    tree = trees.tree_at(repo, plan.homes[home.rig].commit, ROOT)
    wanted = seen.Watch(town.home(), home.trunk, tree or "-", _stand(repo, names))
    seen.watch(repo.common_dir, town.common_dir, wanted)
