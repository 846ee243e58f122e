"""Which environment variables are git's own, and environments without them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

LOCAL_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
"""What `git rev-parse --local-env-vars` lists: these tie a process to one repository."""

_TRANSIENT = frozenset(
    {
        "GIT_AUTHOR_DATE",
        "GIT_CHERRY_PICK_HELP",
        "GIT_COMMITTER_DATE",
        "GIT_GLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NAMESPACE",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_QUARANTINE_PATH",
        "GIT_REFLOG_ACTION",
    }
)
"""What git hands to its hooks about the one operation that is running, or what changes the meaning of arguments."""

_NUMBERED = re.compile(r"GIT_CONFIG_(KEY|VALUE)_\d+|GIT_PUSH_OPTION_(COUNT|\d+)|GITHEAD_[0-9a-f]+")
_CONFIG = re.compile(r"GIT_CONFIG_(PARAMETERS|COUNT|(KEY|VALUE)_\d+)")


def clean_env(extra: Mapping[str, str] | None = None, *, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment (of this process, unless `environ` is given) without what is git's own, plus `extra`.

    For children that work on another repository, workers above all: `GIT_DIR` and its kin would point them here.
    """
    source = os.environ if environ is None else environ
    dropped = LOCAL_VARIABLES | _TRANSIENT
    if "GIT_AUTHOR_DATE" in source:
        # `git commit` exports the author of the commit it makes, all three together; a worker is somebody else.
        dropped |= {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"}
    # In hooks, `:` means that the command at hand opens no editor; children may want one.
    dropped |= {name for name in ("GIT_EDITOR", "GIT_SEQUENCE_EDITOR") if source.get(name) == ":"}
    kept = {name: value for name, value in source.items() if name not in dropped and not _NUMBERED.fullmatch(name)}
    return kept | dict(extra or {})


def config_env(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that carries `git -c` settings; it stays true for children in the same repository."""
    return {name: value for name, value in environ.items() if _CONFIG.fullmatch(name)}
