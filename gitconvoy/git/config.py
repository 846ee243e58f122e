"""git config: every scope that git itself would read, `git -c` and `GIT_CONFIG_COUNT` too. Read once per Repo."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from gitconvoy.errors import GitError

if TYPE_CHECKING:  # which reads the settings when it is opened
    from gitconvoy.git.repo import Repo

_TRUE = {"true", "yes", "on"}
_FALSE = {"false", "no", "off", ""}
_VALUELESS = "\0"


def _settings(repo: Repo) -> dict[str, list[str]]:
    if "config" not in repo.memo:
        _read(repo)
    return cast(dict[str, list[str]], repo.memo["config"])


def _read(repo: Repo) -> None:
    fields = repo.git("config", "--list", "-z", "--show-scope").text.split("\0")
    found, own = dict[str, list[str]](), dict[str, str]()
    for scope, item in zip(fields[::2], fields[1::2], strict=False):
        key, newline, value = item.partition("\n")
        found.setdefault(key, []).append(value if newline else _VALUELESS)
        if scope == "local":
            own[key] = value if newline else "true"
    repo.memo.update({"config": found, "own-config": own})


def own(repo: Repo) -> dict[str, str]:
    """What the repository's own file sets, by canonical key: settings that say how it is stored count nowhere else."""
    _settings(repo)
    return cast(dict[str, str], repo.memo["own-config"])


def _canonical(key: str) -> str:
    """Sections and names ignore case, what stands between them does not."""
    section, _, rest = key.partition(".")
    middle, dot, name = rest.rpartition(".")
    return f"{section.lower()}.{middle}{dot}{name.lower()}"


def get(repo: Repo, key: str) -> str | None:
    """The value that git would use for `key`; None if it is not set. A key without a value is `true`."""
    values = _settings(repo).get(_canonical(key))
    if not values:
        return None
    return "true" if values[-1] == _VALUELESS else values[-1]


def get_bool(repo: Repo, key: str, default: bool = False) -> bool:
    """As `get`, read as git reads booleans; GitError for other words."""
    value = get(repo, key)
    if value is None:
        return default
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    if re.fullmatch("[+-]?[0-9]+", word):
        return word.strip("+-0") != ""  # not by way of a number, which may have thousands of digits
    raise GitError(
        f"the git setting {key} is {value!r}, which is no boolean",
        hint=f"set it to true or to false; where it is not set, it is {str(default).lower()}",
        code="configuration",
    )


def get_values(repo: Repo, key: str) -> list[str]:
    """All values of a key that may be set several times, in git's order."""
    return ["true" if value == _VALUELESS else value for value in _settings(repo).get(_canonical(key), [])]


def get_all(repo: Repo, regexp: str) -> dict[str, str]:
    """The settings whose canonical key (section and name in lower case) matches somewhere, with the value git uses."""
    pattern = re.compile(regexp)
    found = ((key, get(repo, key)) for key in _settings(repo) if pattern.search(key))
    return {key: value for key, value in found if value is not None}


def set_local(repo: Repo, key: str, value: str) -> None:
    """Set a key in the repository's own configuration, for all its worktrees, in place of all values it had there."""
    repo.git("config", "--local", "--replace-all", key, value)
    repo.memo.pop("config", None)


def unset_local(repo: Repo, key: str) -> None:
    """Remove a key from the repository's own configuration; nothing happens if it is not there."""
    repo.git("config", "--local", "--unset-all", key, ok=(0, 5))
    repo.memo.pop("config", None)
