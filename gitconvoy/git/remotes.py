"""Branches of a remote: what it has, fetching them, pushing one forward. Nothing is ever forced there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError, Refused
from gitconvoy.git import config, pushing
from gitconvoy.git.refs import HEADS, ref
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import Result, failure
from gitconvoy.git.write import swap_ref

_RACED = re.compile(
    "fetch first|non-fast-forward|stale info|failed to update ref|cannot lock ref|reference already exists"
    "|incorrect old value"
)
"""Why a push is refused where somebody else was faster: by git here, or by git there."""
_REFUSED = re.compile(r"!\t[^\t]*\t(\[.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """How a remote is spoken to: its name in git config, the seconds that one command may take, who may be asked."""

    remote: str
    limit: int
    ask: bool = False
    """Whether git may ask for a password on the terminal."""


def _talk(repo: Repo, line: Line, *args: str) -> Result:
    done = pushing.talk(repo, *args, limit=line.limit, ask=line.ask)
    assert done is not None  # it is wanted until it ends
    return done


def _unreachable(line: Line, args: tuple[str, ...], done: Result) -> GitError:
    said = failure(args, done)
    if said.code != "git":  # a full disk, say
        return said
    hint = f"nothing was changed here; see that `git ls-remote {line.remote}` works, then try again"
    return GitError(f"{line.remote} cannot be reached, or does not let us in: {said}", hint=hint, code="remote")


def branches(repo: Repo, line: Line, names: Sequence[str]) -> dict[str, str]:
    """The commits of those of these branches that the remote has now, by short name. GitError (`remote`)."""
    args = ("ls-remote", "--quiet", line.remote, *(HEADS + name for name in names))
    done = _talk(repo, line, *args)
    if done.returncode:
        raise _unreachable(line, args, done)
    rows = (row.split("\t", 1) for row in done.text.splitlines() if "\t" in row)
    found = {name.removeprefix(HEADS): oid for oid, name in rows if name.startswith(HEADS)}
    return {name: found[name] for name in names if name in found}


def tracking(repo: Repo, remote: str, name: str) -> str:
    """The ref that follows a branch of a remote: where its refspec says, or else the usual place.

    A mirror's refspec leads to the branches of this repository; what happens there is not for a fetch to decide.
    """
    for spec in config.get_values(repo, f"remote.{remote}.fetch"):
        source, _, target = spec.removeprefix("+").partition(":")
        found = _mapped(source, target, HEADS + name)
        if found is not None and not found.startswith(HEADS):
            return found
    return f"refs/remotes/{remote}/{name}"


def _mapped(source: str, target: str, full: str) -> str | None:
    if not target:
        return None
    if "*" not in source:
        return target if source in (full, full.removeprefix(HEADS)) else None
    before, _, after = source.partition("*")
    if not (full.startswith(before) and full.endswith(after)) or len(full) < len(before + after):
        return None
    return target.replace("*", full[len(before) : len(full) - len(after)], 1)


def fetch(repo: Repo, line: Line, names: Sequence[str]) -> Mapping[str, str]:
    """Bring the refs that follow these branches up to date; the commits they now name, by short name.

    Branches that the remote does not have are left out; refs that still follow them stay. Tags, submodules, FETCH_HEAD
    and all other refs are left alone. GitError (`remote`, `time-limit`).
    """
    there = branches(repo, line, names)
    if not there:
        return {}
    specs = [f"+{HEADS}{name}:{tracking(repo, line.remote, name)}" for name in there]
    options = ("--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules", "--no-auto-gc", "--no-write-fetch-head")
    args = ("fetch", *options, "--refmap=", line.remote, *specs)
    done = _talk(repo, line, *args)
    if done.returncode:
        raise _unreachable(line, args, done)
    return {name: ref(repo, tracking(repo, line.remote, name)) or oid for name, oid in there.items()}


def push(repo: Repo, line: Line, oid: str, name: str) -> bool:
    """Let a branch of the remote go forward to a commit; False where somebody else moved it first.

    Raises Refused (`push-refused`) with the server's words, GitError (`remote`, `time-limit`).
    """
    options = ("--porcelain", "--quiet", "--no-follow-tags", "--recurse-submodules=no")
    args = ("push", *options, line.remote, f"{oid}:{HEADS}{name}")
    done = _talk(repo, line, *args)
    if done.returncode == 0:
        _note(repo, line, oid, name)
        return True
    why = next((match[1] for row in done.text.splitlines() if (match := _REFUSED.match(row))), None)
    if why is None:
        raise _unreachable(line, args, Result(done.returncode, b"", done.stderr))
    if _RACED.search(why):
        return False
    words = [row.removeprefix("remote:").strip() for row in done.stderr.splitlines() if row.startswith("remote:")]
    said = "; ".join(word for word in words if word) or done.stderr
    raise Refused(
        f"{line.remote} refuses {name}: {why}: {said}",
        hint="these are the words of the server's hook or settings; nothing was changed here",
        code="push-refused",
    )


def _note(repo: Repo, line: Line, oid: str, name: str) -> None:
    """What follows the branch knows what it holds now, as git notes it where its refspec says."""
    follower = tracking(repo, line.remote, name)
    before = ref(repo, follower)
    if before != oid:
        swap_ref(repo, follower, before, oid, "gitconvoy sync: push")
