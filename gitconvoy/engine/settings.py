"""What is pinned on this machine in git config: trunk, role, machine, limits, actor (SPEC 7, 9)."""

from __future__ import annotations

import os
import re

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import ConvoyError, Refused, UsageError
from gitconvoy.git import config, identity, refs
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import REF

LOCAL, OFF, REMOTE = "local", "off", "remote"
HEADS = refs.HEADS


@dataclass(frozen=True, slots=True)
class Settings:
    """This machine's settings for one repository."""

    trunk: str
    """Full ref of the trunk; `refs/heads/main` or, where no such branch is here, a remote-tracking ref."""
    pinned: bool
    """Whether the trunk is pinned (by `init`), not guessed."""
    role: str
    """local, off or remote: who writes the ledger."""
    machine: str
    max_workers: int | None
    paused: bool
    wake: bool
    """Whether due times leave a detached scan behind."""


def load(repo: Repo) -> Settings:
    """Read the settings. UsageError for values that cannot be meant."""
    pinned = config.get(repo, "gitconvoy.trunk")
    return Settings(
        trunk=_trunk(repo, pinned),
        pinned=pinned is not None,
        role=_role(repo),
        machine=config.get(repo, "gitconvoy.machine") or os.uname().nodename,
        max_workers=_count(repo, "gitconvoy.maxWorkers"),
        paused=config.get_bool(repo, "gitconvoy.paused"),
        wake=config.get_bool(repo, "gitconvoy.wake", True),
    )


def _role(repo: Repo) -> str:
    role = config.get(repo, "gitconvoy.dispatch") or OFF
    if role not in (LOCAL, OFF, REMOTE):
        raise UsageError(f"gitconvoy.dispatch is {role!r}", hint="set it to local, off or remote", code="configuration")
    return role


def _count(repo: Repo, key: str) -> int | None:
    text = config.get(repo, key)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        raise UsageError(f"{key} is {text!r}, not a number", hint=f"git config {key} 4", code="configuration")
    return int(text)


def _trunk(repo: Repo, pinned: str | None) -> str:
    """The pinned branch, else the remote's default branch, else the branch that HEAD names."""
    wanted = pinned.removeprefix(HEADS) if pinned is not None else _default_branch(repo)
    if pinned is not None and wanted in ("", REF.removeprefix(HEADS)):
        said = f"gitconvoy.trunk is {pinned!r}" + (", the ledger's own branch" if wanted else "")
        raise UsageError(
            said, hint="git config gitconvoy.trunk main, or whichever holds the plan", code="configuration"
        )
    for ref in (HEADS + wanted, *(f"refs/remotes/{remote}/{wanted}" for remote in remotes(repo))):
        if refs.ref(repo, ref) is not None:
            return ref
    return HEADS + wanted


def _default_branch(repo: Repo) -> str:
    for remote in remotes(repo):
        done = repo.git("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD", ok=(0, 1, 128))
        target = done.text.strip()
        if done.returncode == 0 and target:
            return target.removeprefix(f"refs/remotes/{remote}/")
    named = refs.head_ref(repo)
    return named.removeprefix(HEADS) if named else "main"


def remotes(repo: Repo) -> list[str]:
    """Names of the remotes, `origin` first."""
    keys = config.get_all(repo, r"^remote\..*\.url$")
    names = sorted(key.removeprefix("remote.").removesuffix(".url") for key in keys)
    return sorted(names, key=lambda name: name != "origin")


def branch_places(repo: Repo) -> list[str]:
    """Where branches are: here, and as each remote has them."""
    return [HEADS, *(f"refs/remotes/{remote}/" for remote in remotes(repo))]


def trunk_branch(repo: Repo, ref: str) -> str:
    """The short name of the trunk's branch, also where only a remote-tracking ref of it is here."""
    return next((ref.removeprefix(place) for place in branch_places(repo) if ref.startswith(place)), ref)


def actor_of(repo: Repo, given: str | None) -> str:
    """Who acts: `--actor`, GITCONVOY_ACTOR, gitconvoy.actor, user.name, compared as given (SPEC 8)."""
    for name in (given, os.environ.get("GITCONVOY_ACTOR"), config.get(repo, "gitconvoy.actor")):
        if name:
            return name
    try:
        return identity.identity(repo)[0]
    except ConvoyError:
        return "unknown"


def require_role(settings: Settings) -> None:
    """Refused unless this clone writes the ledger itself."""
    if settings.role == LOCAL:
        return
    if settings.role == REMOTE:
        raise Refused(
            "gitconvoy.dispatch is remote, which this version cannot do yet",
            hint="one machine dispatches: git config gitconvoy.dispatch local there, off elsewhere",
            code="role",
        )
    raise Refused(
        "this clone does not dispatch (gitconvoy.dispatch is off), so it writes no ledger",
        hint="if it is the one that should: git config gitconvoy.dispatch local",
        code="role",
    )
