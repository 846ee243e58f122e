"""How a town begins in a repository: first files, and what is pinned on this machine (SPEC 7, 8 `init`)."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import settings
from gitconvoy.engine.plans.editing import refuse_uncommitted, written
from gitconvoy.engine.settings import HEADS, LOCAL, OFF
from gitconvoy.errors import BadFiles, Refused
from gitconvoy.git import config, index, personal, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import REF
from gitconvoy.model.ids import is_id
from gitconvoy.model.kinds import CONFIG_PATH, ROOT
from gitconvoy.planning.start import start_files
from gitconvoy.store import load, values
from gitconvoy.yamlio.reader import load as read_yaml

_MAX_PREFIX = 24
FALLBACK_PREFIX = "gt"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What `init` did and found; `files` were written, `pinned` are the git settings that were set."""

    prefix: str
    trunk: str
    """Name of the trunk's branch."""
    branch: str | None
    """Name of the branch that is checked out, on which the files were committed."""
    role: str
    role_because: str
    """Why the role is off; empty where it is not, or was chosen before."""
    files: tuple[str, ...] = ()
    commit: str | None = None
    pinned: tuple[str, ...] = ()
    prefix_kept: bool = False
    """Another prefix was asked for, and the config that was there stays."""
    ignored: bool = False
    """git is told to ignore the new files."""


def begin_town(repo: Repo, prefix: str | None = None, trunk: str | None = None, *, commit: bool = True) -> Beginning:
    """Write and commit what is missing of a town, then pin trunk, role and machine; changes nothing that is there.

    `prefix` default: the one of the config, else made of the folder's name. `trunk` default: the one that is pinned,
    else that of the town that a remote has, else the branch that is checked out. Refused in a bare repository and
    where no trunk can be told; nothing is pinned where the commit fails.
    """
    if repo.worktree is None:
        raise Refused(
            "a bare repository has no files to begin with",
            hint="run `gitconvoy init` in a clone and push",
            code="bare",
        )
    seen = _trace(repo)
    chosen = _trunk(repo, trunk, seen)
    role, because = _role(repo, seen)
    current = _config_prefix(repo)
    own = prefix or current or prefix_of_folder(repo)
    files = start_files(own, load.worktree_reader(repo))
    made = _write(repo, files, own, commit)
    return Beginning(
        prefix=current or own,
        trunk=chosen,
        branch=(refs.head_ref(repo) or "").removeprefix(HEADS) or None,
        role=role,
        role_because=because,
        files=tuple(sorted(files)),
        commit=made,
        pinned=tuple(_pin(repo, chosen, trunk is not None, role)),
        prefix_kept=current is not None and own != current,
        ignored=repo.git("check-ignore", "--quiet", "--no-index", "--", CONFIG_PATH, ok=(0, 1)).returncode == 0,
    )


def _trace(repo: Repo) -> str | None:
    """Where a town is already: the name of a branch with `.convoy/` or of a ledger; None where there is none."""
    if any(True for _ in index.worktree_entries(repo, ROOT)):
        return f"{ROOT}/ is here already"
    for name in (HEADS, "refs/remotes/"):
        for ref, commit in refs.refs(repo, name).items():
            short = ref.removeprefix(HEADS).removeprefix("refs/remotes/")
            if ref == REF or (ref.startswith("refs/remotes/") and short.endswith("/convoy-ledger")):
                return f"{short} is a ledger"
            if not short.endswith("/HEAD") and trees.tree_at(repo, commit, ROOT) is not None:
                return f"{short} has {ROOT}/"
    return None


def _role(repo: Repo, seen: str | None) -> tuple[str, str]:
    known = config.get(repo, "gitconvoy.dispatch")
    if known is not None:
        return known, ""
    return (LOCAL, "") if seen is None else (OFF, seen)


def _trunk(repo: Repo, asked: str | None, seen: str | None) -> str:
    if asked is not None:
        return _known_branch(repo, asked.removeprefix(HEADS))
    pinned = config.get(repo, "gitconvoy.trunk")
    if pinned is not None:
        return pinned.removeprefix(HEADS)
    here = refs.head_ref(repo)
    default = _short(repo, settings.load(repo).trunk)
    commits = [refs.ref(repo, ref) for ref in _refs(repo, default)]
    if seen is not None and any(commit and trees.tree_at(repo, commit, ROOT) for commit in commits):
        return default  # joining a town that a remote has, whatever branch is checked out
    if here is None:
        raise Refused(
            "HEAD is detached, so the trunk cannot be told",
            hint="check out the branch that shall be the trunk, or name it with --trunk",
            code="no-trunk",
        )
    return here.removeprefix(HEADS)


def _known_branch(repo: Repo, name: str) -> str:
    if refs.head_ref(repo) == HEADS + name or any(refs.ref(repo, ref) is not None for ref in _refs(repo, name)):
        return name
    raise Refused(f"there is no branch {name}", hint=f"git branch {name}, or name another one", code="no-trunk")


def _refs(repo: Repo, name: str) -> list[str]:
    """Where a branch of this name may stand: here, or as a remote has it."""
    return [HEADS + name, *(f"refs/remotes/{remote}/{name}" for remote in settings.remotes(repo))]


def _short(repo: Repo, ref: str) -> str:
    for remote in settings.remotes(repo):
        ref = ref.removeprefix(f"refs/remotes/{remote}/")
    return ref.removeprefix(HEADS)


def _config_prefix(repo: Repo) -> str | None:
    """The prefix of the config in the worktree; None where there is no config, or none that can be read."""
    data = load.worktree_reader(repo)(CONFIG_PATH)
    if data is None:
        return None
    try:
        return values.config(read_yaml(data, CONFIG_PATH)).prefix
    except (BadFiles, values.ValueProblem, AttributeError, TypeError):
        return values.config({}).prefix  # a config that breaks its schema stays as it is; validate names it


def prefix_of_folder(repo: Repo) -> str:
    """A prefix of ids made of the name of the repository's folder."""
    common = repo.common_dir
    folder = common.parent.name if common.name == ".git" else (repo.worktree or common).name
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")[:_MAX_PREFIX].strip("-")
    return name if name and is_id(f"{name}-aaaaa") else FALLBACK_PREFIX


def _write(repo: Repo, files: dict[str, bytes], prefix: str, commit: bool) -> str | None:
    if not files:
        return None
    if commit:
        refuse_uncommitted(repo, sorted(files))
    message = f"Begin a gitconvoy town with prefix {prefix}" if CONFIG_PATH in files else "Renew files of gitconvoy"
    with written(repo, files):
        return personal.commit_paths(repo, sorted(files), message) if commit else None


def _pin(repo: Repo, trunk: str, asked: bool, role: str) -> Iterator[str]:
    """Set what is not set yet; a trunk that was asked for is set anew. Yields the keys."""
    wanted = {"gitconvoy.trunk": trunk, "gitconvoy.dispatch": role, "gitconvoy.machine": socket.gethostname()}
    for key, value in wanted.items():
        known = config.get(repo, key)
        anew = key == "gitconvoy.trunk" and asked and known != value
        if known is None or anew:
            config.set_local(repo, key, value)
            yield key
