"""A town whose branches meet: commits on branches without hooks, and real merges with the drivers."""

from __future__ import annotations

from collections.abc import Callable

from hookedtowns import NO_HOOKS, HookedTown

Edit = Callable[[], object]


def on_branch(here: HookedTown, name: str, edit: Edit, start: str = "main") -> str:
    """A branch on which somebody did something, unseen by hooks; main is checked out again. The branch's commit."""
    here.quietly("switch", "--quiet", "-c", name, start)
    edit()
    commit = here.saved(name)
    here.quietly("switch", "--quiet", "main")
    return commit


def replaced(here: HookedTown, path: str, old: str, new: str) -> None:
    """Edit a file as an editor would."""
    text = here.repo.read(path)
    assert old in text
    here.repo.write(path, text.replace(old, new))


def merged(here: HookedTown, *branches: str, onto: str = "main", code: int = 0, drivers: bool = True) -> str:
    """Merge branches into a fresh copy of another, by git alone; what it says. `result` is checked out then."""
    here.quietly("switch", "--quiet", "-C", "result", onto)
    options = () if drivers else without_drivers()
    return here.does(*NO_HOOKS, *options, "merge", "--no-edit", *branches, code=code)


def without_drivers() -> tuple[str, ...]:
    """Options of git with which a merge goes as in a clone that never installed anything."""
    return tuple(
        word
        for kind in ("bead", "convoy", "config", "plan")
        for word in ("-c", f"merge.gitconvoy-{kind}.driver=git merge-file --marker-size=%L %A %O %B")
    )
