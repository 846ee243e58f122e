"""Hooks in the repository of a rig: towns that keep work there hear of what happens to it (SPEC 6, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import rigs, seen, settings, wake
from gitconvoy.engine.settings import LOCAL
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, GitError
from gitconvoy.git import refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import ROOT

if TYPE_CHECKING:
    from gitconvoy.hooking.install import HookChange
    from gitconvoy.hooking.status import HookStatus


@dataclass(frozen=True, slots=True)
class RigHooks:
    """What was done in the repository of one rig; `trouble` says why nothing could be, `kept` why hooks stay."""

    rig: str
    path: Path
    changes: tuple[HookChange, ...] = ()
    trouble: str = ""
    kept: str = ""

    @property
    def complete(self) -> bool:
        """Whether every hook calls us now."""
        return not self.trouble and all(change.action != "left" for change in self.changes)


def install_rigs(town: Town, python: str) -> tuple[RigHooks, ...]:
    """Install all hooks in the repository of each rig that has one, so that they wake this town; safe to repeat.

    Refused where hooks cannot run `python`. What a person has to do by hand is in the changes, as with `install`.
    """
    from gitconvoy.hooking.install import install

    plan = town.plan()
    found = []
    for home in town.homes(plan.config).values():
        if home.trouble:
            found.append(RigHooks(home.rig, home.path, trouble=home.trouble))
            continue
        repo = home.repo()
        changes = install(repo, python)
        _make_folder(seen.watches_folder(repo.common_dir))
        if town.settings.role == LOCAL:  # the next look notes what handed-in work waits for, too
            tree = trees.tree_at(repo, refs.ref(repo, home.trunk) or "HEAD", ROOT) or "-"
            seen.watch(repo.common_dir, town.common_dir, seen.Watch(town.home(), home.trunk, tree))
        found.append(RigHooks(home.rig, home.path, changes))
    return tuple(found)


def uninstall_rigs(town: Town) -> tuple[RigHooks, ...]:
    """Let what happens in the repositories of rigs wake this town no more; hooks that nobody else needs are taken out.

    They stay where another town waits too, and where the repository is a town itself.
    """
    from gitconvoy.hooking.install import uninstall

    found = []
    for home in town.homes(town.plan().config).values():
        if home.trouble:
            found.append(RigHooks(home.rig, home.path, trouble=home.trouble))
            continue
        repo = home.repo()
        try:
            seen.unwatch(repo.common_dir, town.common_dir)
        except OSError as error:
            found.append(RigHooks(home.rig, home.path, trouble=f"its note about this town stays: {error.strerror}"))
            continue
        needed = _needed(repo)
        found.append(RigHooks(home.rig, home.path, () if needed else uninstall(repo), kept=needed))
    return tuple(found)


def _needed(repo: Repo) -> str:
    """Who else needs the hooks there; empty where nobody does."""
    others = sorted(str(watch.town) for watch in seen.watches(repo.common_dir).values())
    if others:
        return f"they stay, because the town {others[0]} waits for what happens there too"
    own = settings.load(repo).role != settings.OFF
    return "they stay, because it is a town itself: gitconvoy hooks uninstall there takes them out" if own else ""


@dataclass(frozen=True, slots=True)
class RigStatus:
    """The hooks in the repository of one rig; `trouble` says why nothing can be said of them."""

    rig: str
    path: Path
    hooks: tuple[HookStatus, ...] = ()
    trouble: str = ""

    @property
    def ok(self) -> bool:
        """Whether each hook is reached, or nothing speaks against it, and this town is woken."""
        return not self.trouble and all(each.reached is not False for each in self.hooks)


def status_rigs(town: Town) -> tuple[RigStatus, ...]:
    """Prove of the hooks in each rig's repository that git reaches them, and that they wake this town."""
    from gitconvoy.hooking.status import status

    found = []
    for home in town.homes(town.plan().config).values():
        if home.trouble:
            found.append(RigStatus(home.rig, home.path, trouble=home.trouble))
            continue
        repo = home.repo()
        waits = any(watch.town == town.home() for watch in seen.watches(repo.common_dir).values())
        trouble = "" if waits else "they do not wake this town: run `gitconvoy hooks install --rigs`"
        found.append(RigStatus(home.rig, home.path, tuple(status(repo)), trouble))
    return tuple(found)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GitError(
            f"{folder} cannot be made: {error.strerror}", hint="give it the right permissions", code="not-writable"
        ) from error


def wake_towns(repo: Repo) -> tuple[Path, ...]:
    """Leave a scan behind for each town that waits for something here which is not any more as it was.

    Only notes of this machine tell of towns. A note that its town would not write any more is dropped.
    """
    woken = []
    for file, watch in seen.watches(repo.common_dir).items():
        if not _moved(repo, watch):
            continue
        town = _town(watch.town)
        if town is not None and _waits_here(town, repo):
            wake.spawn(town, ["scan"], watch.town)
            woken.append(watch.town)
        else:
            file.unlink(missing_ok=True)
    return tuple(woken)


def _moved(repo: Repo, watch: seen.Watch) -> bool:
    tip = refs.ref(repo, watch.ref)
    tree = trees.tree_at(repo, tip, ROOT) if tip else None
    return (tree or "-") != watch.tree or _stands(repo, watch.waits)


def _stands(repo: Repo, waits: Mapping[str, str]) -> bool:
    return any((refs.ref(repo, ref) or "-") != commit for ref, commit in waits.items())


def _town(place: Path) -> Town | None:
    """The town at a place; hooks have variables of git that lead elsewhere, so these are not looked at."""
    try:
        repo = Repo.at(place)
        return Town(repo, settings.load(repo), "")
    except (ConvoyError, OSError):
        return None


def _waits_here(town: Town, repo: Repo) -> bool:
    """Whether the town writes a ledger, and still has a rig in this repository."""
    if town.settings.role != LOCAL:
        return False
    return any(repo.common_dir == home for home in rigs.places(town.repo, town.home()))
