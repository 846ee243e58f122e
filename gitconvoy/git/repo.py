"""Opening a repository as git does: from the environment, a linked worktree, a sub-directory, a bare one (SPEC 6)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError, UnsupportedRepository
from gitconvoy.git import config, loose, space
from gitconvoy.git.catfile import ENOUGH, LARGEST, CatFile
from gitconvoy.git.env import clean_env, config_env
from gitconvoy.git.run import Result, git

_DISCOVER = (
    "rev-parse",
    "--path-format=absolute",
    "--git-dir",
    "--git-common-dir",
    "--git-path",
    "index",
    "--is-bare-repository",
    "--show-toplevel",
)
_ABSOLUTE_DIRS = ("GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE")
_VERSIONS = ("0", "1")
_HARMLESS = ("extensions.noop", "extensions.preciousobjects", "extensions.worktreeconfig")
"""Extensions with which libgit2 opens a repository, whatever they are set to."""
_REMEDIES = {
    "objectformat": ("uses SHA-256 object names", "use a clone with SHA-1 object names"),
    "refstorage": ("keeps its refs in a reftable", "run `git refs migrate --ref-format=files`"),
    "partialclone": (
        "is a partial clone",
        "make a full clone; or `git fetch --refetch --no-filter`, then `git config --unset extensions.partialClone`",
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a repository is, as git says; also where libgit2 cannot open it. The fields are those of `Repo`."""

    git_dir: Path
    common_dir: Path
    worktree: Path | None
    index_file: Path
    env: Mapping[str, str]

    @property
    def cwd(self) -> Path:
        """Where git is started for this repository: the root of the worktree, else the git directory."""
        return self.worktree or self.git_dir


def locate(start: Path, environ: Mapping[str, str] | None = None) -> Place:
    """The place of the repository that git would use in the folder `start`; as `Repo.discover`, but nothing is opened.

    Raises GitError("not-a-repository"), UnsupportedRepository where git itself is too old for it.
    """
    source = os.environ if environ is None else environ
    found = git(*_DISCOVER, cwd=start, env=source, ok=(0, 128))
    lines = found.text.split("\n")
    bare = len(lines) == 4 and found.returncode == 128
    if not bare and (found.returncode or len(lines) != 5):
        raise _not_found(start, found, asked="GIT_DIR" in source)
    git_dir, common_dir, index_file = (Path(line) for line in lines[:3])
    worktree = None if bare else Path(lines[4])
    env = _child_env(source, start, git_dir, worktree, index_file)
    return Place(git_dir, common_dir, worktree, index_file, env)


@dataclass(frozen=True, slots=True, eq=False)
class Repo:
    """An open repository. Not to be shared between threads.

    `git_dir` is that of the worktree, `common_dir` the one all worktrees share; `worktree` is None in a bare
    repository; `index_file` is the index that git works with, `GIT_INDEX_FILE` in a hook. All paths are absolute.
    `env` is the environment for git in this repository.
    """

    git_dir: Path
    common_dir: Path
    worktree: Path | None
    index_file: Path
    env: Mapping[str, str]
    memo: dict[str, Any] = field(default_factory=dict, repr=False)
    """What the git layer has read once and keeps: settings and identity, and libgit2's repository once it is open."""

    @property
    def cwd(self) -> Path:
        """Where git is started for this repository: the root of the worktree, else the git directory."""
        return self.worktree or self.git_dir

    @classmethod
    def discover(cls, start: Path, environ: Mapping[str, str] | None = None) -> Repo:
        """The repository that git itself would use in the folder `start`.

        `environ` (that of this process when None) is honoured as git does: `GIT_DIR`, `GIT_WORK_TREE`,
        `GIT_INDEX_FILE` and the like, relative ones too. Raises GitError("not-a-repository"), UnsupportedRepository.
        """
        place = locate(start, environ)
        found = cls(place.git_dir, place.common_dir, place.worktree, place.index_file, place.env)
        if _is_odd(config.own(found)):
            found.raw  # noqa: B018 - libgit2 says whether it can read this
        return found

    @classmethod
    def at(cls, path: Path) -> Repo:
        """The repository in the folder `path`, whatever `GIT_*` says: for another repository or worktree."""
        return cls.discover(path, clean_env())

    def unreplaced(self) -> Repo:
        """The same, in which nothing that refs/replace/ names stands in for another object."""
        return replace(self, env={**self.env, "GIT_NO_REPLACE_OBJECTS": "1"})

    def with_objects(self, env: Mapping[str, str]) -> Repo:
        """The same repository, with the objects that `env` names (`GIT_OBJECT_DIRECTORY` and so on) beside its own."""
        full = {**self.env, **env}
        return replace(self, env=full, memo={})

    @property
    def raw(self) -> Any:
        """libgit2's repository, for the git layer alone. Loading it takes longer than most commands: see `plain`."""
        if "raw" not in self.memo:
            self.memo["raw"] = _open(self.git_dir, self.env)
            self.memo.pop("cat-file", None)
        return self.memo["raw"]

    @property
    def loaded(self) -> bool:
        """Whether libgit2 reads here already."""
        return "raw" in self.memo

    def plain(self, oid: str, most: int = LARGEST) -> tuple[str, bytes] | None:
        """Kind and content of an object without libgit2, for the git layer alone; None: ask `raw`.

        That is where it has more than `most` bytes, where it cannot be had in this way, in a partial clone (git would
        fetch), and where so many are asked for that libgit2 is worth its loading.
        """
        if self.loaded:
            return None
        if "cat-file" not in self.memo:
            self.memo["cat-file"] = CatFile(self.git_dir, self.env) if not self.promised else None
        reader: CatFile | None = self.memo["cat-file"]
        return reader.read(oid, min(most, LARGEST)) if reader is not None and reader.asked < ENOUGH else None

    @property
    def promised(self) -> bool:
        """Whether this is a partial clone, in which git would fetch what it is asked for."""
        return bool(config.get_all(self, r"^remote\..*\.promisor$"))

    def rest(self) -> None:
        """End the processes that read objects here: for whoever waits now. Others are started once they are needed."""
        for reader in (self.memo.get("cat-file"), self.memo.pop("ahead", None)):
            if reader is not None:
                reader.close()

    def git(
        self,
        *args: str,
        input: bytes | None = None,  # noqa: A002 - as in run.git
        check: bool = True,
        ok: tuple[int, ...] = (0,),
        extra: Mapping[str, str] | None = None,
        localized: bool = False,
    ) -> Result:
        """Run git in this repository: at its root, with its environment plus `extra`; else as `run.git`."""
        env = {**self.env, **(extra or {})}
        try:
            return git(*args, cwd=self.cwd, env=env, input=input, check=check, ok=ok, localized=localized)
        except GitError as error:
            raise space.named(self.git_dir, error) from error.__cause__


def _not_found(start: Path, found: Result, *, asked: bool) -> GitError:
    if "unknown repository extension" in found.stderr:
        name = found.stderr.split("found:", 1)[-1].split()[0].lower()
        return _unsupported(start, name, "this git is too old for the repository")
    if "not a git repository" in found.stderr:
        above = (start.absolute(), *start.absolute().parents)
        ruin = next((each for folder in above if (each := folder / ".git").exists()), None)
        if ruin is not None and not asked:
            return _ruined(ruin)
        return GitError(
            f"{start} is not in a git repository",
            hint="run `git init` first, or name a repository with -C",
            code="not-a-repository",
        )
    if "safe.directory" in found.stderr:
        remedy = found.stderr.splitlines()[-1].strip()  # with the folder that git means, quoted where need be
        hint = f"work as its owner; or, if you trust what is in it: {remedy}"
        return GitError(f"the repository of {start} belongs to another user", hint=hint, code="other-owner")
    return GitError(
        found.stderr or f"git cannot tell where the repository of {start} is",
        code="not-a-repository",
        hint="run `git status` there: it says more",
    )


def _ruined(place: Path) -> GitError:
    """What stands where git looks for a repository is none that it knows."""
    if place.is_file():
        with place.open(errors="replace") as file:
            said = file.read(200).strip()
        return GitError(
            f"{place} leads to a repository that is not there: {said!r}",
            hint="bring the repository back where it was; or run `git worktree repair` in it where it is now",
            code="lost-repository",
        )
    lost = [name for name in ("objects", "refs") if not (place / name).is_dir()]
    what = f"{' and '.join(lost)} is missing there" if lost else f"{place / 'HEAD'} names no branch and no commit"
    return GitError(
        f"git does not take {place} for a repository: {what}",
        hint="move a bad HEAD aside, then `git init --initial-branch=BRANCH` there: it keeps what is left",
        code="damaged-repository",
    )


def _child_env(
    source: Mapping[str, str], start: Path, git_dir: Path, worktree: Path | None, index_file: Path
) -> dict[str, str]:
    """The clean environment plus what ties children to the same repository, with absolute paths only."""
    env = clean_env(config_env(source), environ=source)
    if "GIT_DIR" in source or worktree is None:
        env["GIT_DIR"] = str(git_dir)
        if worktree is not None:
            env["GIT_WORK_TREE"] = str(worktree)
    elif "GIT_WORK_TREE" in source:
        env["GIT_WORK_TREE"] = str(worktree)
    if "GIT_INDEX_FILE" in source:
        env["GIT_INDEX_FILE"] = str(index_file)
    base = worktree or start
    for name in _ABSOLUTE_DIRS:
        if source.get(name):
            env[name] = str(base / source[name])
    alternates = source.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    if alternates:
        env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = loose.listing(str(base / path) for path in loose.paths(alternates))
    return env


def _is_odd(settings: Mapping[str, str]) -> bool:
    """Whether a repository may be one that libgit2 does not open, by its own settings."""
    extensions = {key: value for key, value in settings.items() if key.startswith("extensions.")}
    known = extensions.keys() <= {*_HARMLESS, "extensions.objectformat"}
    plain = extensions.get("extensions.objectformat", "sha1") == "sha1"
    return not (known and plain and settings.get("core.repositoryformatversion", "0") in _VERSIONS)


def _open(git_dir: Path, env: Mapping[str, str]) -> Any:
    import pygit2
    from pygit2.enums import Option, RepositoryOpenFlag

    # git has just vetted the owner of the folder, by settings (GIT_CONFIG_GLOBAL, `git -c`) that libgit2 does not see.
    pygit2.option(Option.SET_OWNER_VALIDATION, False)
    pygit2.option(Option.SET_CACHE_MAX_SIZE, 16 << 20)
    try:
        raw = pygit2.Repository(str(git_dir), RepositoryOpenFlag.NO_SEARCH)
    except (pygit2.GitError, ValueError) as error:
        raise _diagnose(git_dir, env, str(error)) from error
    objects = [env.get("GIT_OBJECT_DIRECTORY", "")]
    objects += loose.paths(env.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", ""))
    for folder in objects:
        if folder and Path(folder).is_dir():
            raw.odb.add_disk_alternate(folder)
    return raw


def _diagnose(git_dir: Path, env: Mapping[str, str], said: str) -> GitError:
    listed = git(
        "config", "--get-regexp", r"^extensions\.", cwd=git_dir, env={**env, "GIT_DIR": str(git_dir)}, ok=(0, 1)
    )
    settings = dict(line.lower().partition(" ")[::2] for line in listed.text.splitlines())
    for name in _REMEDIES:
        if settings.get(f"extensions.{name}", "sha1") not in ("sha1", "files"):
            return _unsupported(git_dir, name, said)
    return UnsupportedRepository(f"libgit2 cannot open {git_dir}: {said}", hint="use an ordinary clone")


def _unsupported(place: Path, extension: str, said: str) -> UnsupportedRepository:
    what, remedy = _REMEDIES.get(extension, (f"uses the extension {extension}: {said}", "use an ordinary clone"))
    return UnsupportedRepository(f"the repository of {place} {what}, which libgit2 cannot read", hint=remedy)
