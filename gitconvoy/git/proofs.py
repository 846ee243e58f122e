"""How the work of a commit got into a branch: merged, rebased, cherry-picked or squashed (SPEC 7)."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from gitconvoy.dataclass import dataclass
from gitconvoy.git import commits, refs, trees
from gitconvoy.git.merging import merge_trees
from gitconvoy.git.repo import Repo

Kind = Literal["reachable", "patch", "contained"]

LIMIT = 2000
_LOOKS = 20
_PATHSPECS = 500
_ID_LINE = re.compile(rb"[0-9a-f]{40}")
_DIFF = ("diff-tree", "-r", "--root", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")
_PATCH = ("-p", "-U3", "--full-index", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short")


@dataclass(frozen=True, slots=True)
class Proof:
    """The way in which work got into a branch, and the commit there that brought it, where that is known."""

    kind: Kind
    commit: str | None


def merged_by(
    repo: Repo,
    base_tip: str,
    commit: str,
    merge_base: str,
    *,
    limit: int = LIMIT,
    earlier: bool = True,
    also: str | None = None,
) -> Proof | None:
    """How the work of `merge_base..commit` got into the branch that ends in `base_tip`; None if that cannot be shown.

    `reachable`: the commit is an ancestor. `patch`: each of its commits, or all of them as one (or `also`, another
    commit that is as good, as one), is the same patch as a commit of the branch (to the letter: other whitespace is
    another patch). `contained`: a merge would change nothing, now or (only with `earlier`, as it takes long) at one of
    the last commits of the branch that touch the same files. At most `limit` commits of the branch are looked at,
    newest first. Commits that are not here prove nothing. Raises GitError with the code `git-too-old` where only a
    merge could tell and git is older than 2.38.
    """
    tip, work, start = (refs.resolve(repo, oid) for oid in (base_tip, commit, merge_base))
    if tip is None or work is None:
        return None
    if commits.is_ancestor(repo, work, tip):
        return Proof("reachable", _entrance(repo, tip, work, limit))
    fork = _fork(repo, tip, work)
    if fork is None:
        return None
    begin = start if start not in (None, fork) and commits.is_ancestor(repo, start, work) else fork
    ends = [work] if also is None else [work, also]
    return _patch(repo, tip, ends, begin, fork, limit) or _contained(repo, tip, work, fork, earlier)


def earlier(repo: Repo, base_tip: str, commit: str, *, since: str = "") -> list[str]:
    """The last commits before the tip of a branch at which the work may have been in it, newest first.

    They touch the same files, lie on the first-parent line, and are not in the commit `since`, if that is here.
    """
    fork = _fork(repo, base_tip, commit)
    if fork is None:
        return []
    return [oid for oid in _line(repo, base_tip, commit, fork, refs.resolve(repo, since)) if oid != base_tip]


def _fork(repo: Repo, one: str, other: str) -> str | None:
    """The best common ancestor of two commits; None where they have none. Asked once for each two."""
    known: dict[tuple[str, str], str] = repo.memo.setdefault("forks", {})
    if (one, other) not in known:
        known[one, other] = repo.git("merge-base", one, other, ok=(0, 1)).text
    return known[one, other] or None


def contained_in(repo: Repo, line: Iterable[str], commit: str) -> Proof | None:
    """The proof that one of these commits, newest first, has the work; it names the first of those that do."""
    brought: str | None = None
    for oid in line:
        if _brings_nothing(repo, oid, commit):
            brought = oid
        elif brought is not None:
            break
    return None if brought is None else Proof("contained", brought)


def _entrance(repo: Repo, tip: str, commit: str, limit: int) -> str | None:
    """The commit on the first-parent line of `tip` with which `commit` came: itself, or a merge."""
    line = _lines(repo, "rev-list", "--first-parent", "--parents", f"--max-count={limit}", tip, f"^{commit}", "--")
    between = set(_lines(repo, "rev-list", "--ancestry-path", tip, f"^{commit}", "--"))
    after = [ids for ids in (text.split(" ") for text in line) if ids[0] in between]
    if not after:
        return commit if tip == commit else None
    first, *parents = after[-1]
    if parents[:1] == [commit]:
        return commit
    return first if commit in parents or len(line) < limit else None


def _lines(repo: Repo, *args: str) -> list[str]:
    return repo.git(*args).text.splitlines()


def _patch(repo: Repo, tip: str, ends: Sequence[str], begin: str, fork: str, limit: int) -> Proof | None:
    """Rebased and cherry-picked commits, one by one; a squashed branch, up to any of its `ends`, as one patch."""
    commit, bounded = ends[0], f"--max-count={limit}"
    mine = _lines(repo, "rev-list", "--parents", bounded, commit, f"^{begin}", f"^{fork}", "--")
    own = [line.split(" ") for line in mine]
    # What a merge commit changes by itself is in no patch; then only the whole can be compared.
    single = [ids[0] for ids in own] if len(own) < limit and all(len(ids) <= 2 for ids in own) else []
    wholes = [_whole(repo, start, end) for end in ends for start in dict.fromkeys((begin, fork))]
    wanted = dict(_fingerprints(repo, single))
    wanted_paths = {paths for _, paths in _touched(repo, single)} | {paths for _, paths in wholes}
    theirs = _lines(repo, "rev-list", "--no-merges", bounded, tip, f"^{begin}", "--")
    alike = [oid for oid, paths in _touched(repo, theirs) if paths and paths in wanted_paths]
    there: dict[str, list[str]] = {}
    for oid, fingerprint in _fingerprints(repo, alike):
        there.setdefault(fingerprint, []).append(oid)
    for fingerprint, _ in wholes:
        if fingerprint and fingerprint in there:
            return Proof("patch", there[fingerprint][0])
    needed = Counter(wanted.values())
    if needed and all(len(there.get(fingerprint, ())) >= count for fingerprint, count in needed.items()):
        last = next(wanted[oid] for oid in single if oid in wanted)
        return Proof("patch", there[last][0])
    return None


def _touched(repo: Repo, commits: Sequence[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """The paths that each commit (no merge) changes. Asked once for each commit: many branches have the same base."""
    known: dict[str, frozenset[str]] = repo.memo.setdefault("touched", {})
    new = [oid for oid in commits if oid not in known]
    if new:
        known.update(dict.fromkeys(new, frozenset()) | dict(_touched_by(repo, new)))
    yield from ((oid, known[oid]) for oid in commits)


def _touched_by(repo: Repo, commits: Sequence[str]) -> Iterator[tuple[str, frozenset[str]]]:
    listed = repo.git(*_DIFF, "--raw", "-z", "--stdin", input=_stdin(commits))
    fields = iter(os.fsdecode(listed.stdout).split("\0"))
    current, paths = "", set[str]()
    for field in fields:
        if field.startswith(":"):
            paths.add(next(fields))
        elif field:
            if current:
                yield current, frozenset(paths)
            current, paths = field, set()
    if current:
        yield current, frozenset(paths)


def _stdin(commits: Iterable[str]) -> bytes:
    return "".join(f"{oid}\n" for oid in commits).encode()


def _whole(repo: Repo, start: str, commit: str) -> tuple[str, frozenset[str]]:
    """All that lies between two commits as one patch: its fingerprint (empty if there is nothing) and its paths."""
    lines = repo.git(*_DIFF, *_PATCH, start, commit).stdout.split(b"\n")
    return _fingerprint(lines), frozenset(trees.changed_paths(repo, start, commit))


def _fingerprints(repo: Repo, commits: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The fingerprint of each commit (no merge) that changes anything. Asked once for each, too."""
    known: dict[str, str] = repo.memo.setdefault("fingerprints", {})
    new = [oid for oid in commits if oid not in known]
    if new:
        known.update(dict.fromkeys(new, "") | dict(_fingerprints_of(repo, new)))
    yield from ((oid, known[oid]) for oid in commits if known[oid])


def _fingerprints_of(repo: Repo, commits: Sequence[str]) -> Iterator[tuple[str, str]]:
    current, lines = "", list[bytes]()
    for line in (*repo.git(*_DIFF, *_PATCH, "--stdin", input=_stdin(commits)).stdout.split(b"\n"), b"0" * 40):
        if not _ID_LINE.fullmatch(line):
            lines.append(line)
            continue
        if current:
            yield current, _fingerprint(lines)
        current, lines = line.decode(), []


def _fingerprint(lines: Iterable[bytes]) -> str:
    """What a patch is apart from where it applies, as `git patch-id --verbatim`; binary files by their object ids."""
    digest, index, empty = hashlib.sha256(), b"", True
    for line in lines:
        if not line:
            continue
        empty = False
        if line.startswith(b"index "):
            index = line
            continue
        if line.startswith(b"Binary files "):
            digest.update(index + b"\n")
        # A hunk's place and the function that git finds around it depend on the rest of the file.
        digest.update((b"@@" if line.startswith(b"@@ ") else line) + b"\n")
    return "" if empty else digest.hexdigest()


def _contained(repo: Repo, tip: str, commit: str, fork: str, earlier: bool) -> Proof | None:
    """A squash (or whatever it was) after which a merge brings nothing new."""
    if not trees.changed_paths(repo, fork, commit):
        return Proof("contained", None)
    now = _brings_nothing(repo, tip, commit)
    if not (now or earlier):
        return None
    found = contained_in(repo, _line(repo, tip, commit, fork), commit)
    return found or (Proof("contained", None) if now else None)


def _line(repo: Repo, tip: str, commit: str, fork: str, since: str | None = None) -> list[str]:
    """The last commits of a branch that touch the files of the work."""
    specs = [f":(top,literal){path}" for path in trees.changed_paths(repo, fork, commit)[:_PATHSPECS]]
    known = [f"^{oid}" for oid in (fork, since) if oid]
    return _lines(repo, "rev-list", "--first-parent", f"--max-count={_LOOKS}", tip, *known, "--", *specs)


def _brings_nothing(repo: Repo, tip: str, commit: str) -> bool:
    return merge_trees(repo, tip, commit, keep=False).tree == commits.commit(repo, tip).tree
