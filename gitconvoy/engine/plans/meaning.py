"""Which statuses mean that a bead is done: what a merge of files has to know of the town's settings (SPEC 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitconvoy.engine import settings
from gitconvoy.errors import ConvoyError
from gitconvoy.git import refs
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import CONFIG_PATH
from gitconvoy.model.plan import Config
from gitconvoy.store import load, values
from gitconvoy.yamlio.reader import load as read_yaml


def finished(start: Path) -> Callable[[str], bool]:
    """A function that says of a status whether it is of category done, as the trunk of the town around `start` has it.

    What cannot be read adds none to those that are built in.
    """

    try:
        repo = Repo.discover(start)
        tip = refs.ref(repo, settings.load(repo).trunk)
        config = values.config(read_yaml(load.commit_reader(repo, tip)(CONFIG_PATH) or b"", CONFIG_PATH))
    except (ConvoyError, OSError, values.ValueProblem, AttributeError, TypeError):
        config = Config()
    return lambda status: config.category(status) == "done"
