"""The plan on the trunk, and what git does with its files (SPEC 3)."""

from __future__ import annotations

from collections.abc import Iterator

from gitconvoy.doctor.findings import ERROR, NOTE, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.engine.settings import LOCAL
from gitconvoy.errors import Problem, UnsupportedRepository
from gitconvoy.model.kinds import CONFIG_PATH, ROOT
from gitconvoy.planning.start import ATTRIBUTES_PATH, schema_copies
from gitconvoy.store import load


def readable(scene: Scene) -> Iterator[Finding]:
    """Can every file of the plan be read?"""
    town, error = scene.town(), scene.plan_trouble()
    name = town.trunk_branch()
    if error is not None:
        hint = getattr(error, "hint", "")
        yield Finding(
            "plan",
            name,
            ERROR,
            str(error),
            "the plan can be read",
            hint or "nothing can be dispatched, and no command that needs the plan works",
            ("git fetch --refetch --no-filter",)
            if isinstance(error, UnsupportedRepository)
            else ("git fsck --connectivity-only",),
        )
        return
    plan = scene.plan()
    if not plan.exists:
        if town.trunk() is not None:
            yield _none(name, local=town.settings.role == LOCAL)
        return
    wrong = [each for each in plan.problems if each.severity == "error"]
    settings = [each for each in wrong if each.path == CONFIG_PATH]
    if plan.config_broken:
        first = settings[0].text() if settings else f"{ROOT} is no folder"
        yield Finding(
            "plan",
            CONFIG_PATH,
            ERROR,
            first,
            "the town's settings can be read",
            "nothing is dispatched as long as they cannot",
            _validate(name),
        )
    others = [each for each in wrong if each not in settings]
    if others:
        yield _broken(name, others)


def _none(name: str, *, local: bool) -> Finding:
    return Finding(
        "plan",
        name,
        WARNING if local else NOTE,
        f"the trunk has no {ROOT} folder",
        f"{ROOT}/ on the trunk",
        "there is nothing to dispatch; where the town is planned on another branch, that has yet to be merged",
        ("gitconvoy init",),
    )


def _broken(name: str, wrong: list[Problem]) -> Finding:
    files = len({each.path for each in wrong})
    return Finding(
        "plan",
        name,
        WARNING,
        f"{files} file{'' if files == 1 else 's'} with errors: {wrong[0].text()}",
        "every file is in order",
        "a bad file freezes itself, what depends on it, and the convoys that track it; all else goes on",
        _validate(name),
    )


def _validate(name: str) -> tuple[str, ...]:
    return (f"gitconvoy validate --at {name}",)


def files(scene: Scene) -> Iterator[Finding]:
    """Does git keep the files as they are, and can editors check them?"""
    town, plan = scene.town(), scene.plan()
    commit = town.trunk()
    if commit is None or not plan.exists:
        return
    reader = load.commit_reader(town.repo, commit)
    if reader(ATTRIBUTES_PATH) is None:
        yield Finding(
            "attributes",
            ATTRIBUTES_PATH,
            WARNING,
            "it is not on the trunk",
            "`* text eol=lf` for all files of the plan",
            "where git or an editor writes CR LF, files differ without a change",
            ("gitconvoy init",),
        )
    old = schema_copies(reader)
    if old:
        yield Finding(
            "schemas",
            ", ".join(sorted(old)),
            NOTE,
            "they are not those of this version",
            "copies of this version's schemas",
            "editors that check while one types look there",
            ("gitconvoy init",),
        )
    ignored = town.repo.git("check-ignore", "--quiet", "--no-index", "--", CONFIG_PATH, ok=(0, 1, 128))
    if ignored.returncode == 0:
        yield Finding(
            "ignored",
            ROOT,
            WARNING,
            "git ignores it",
            "files of the plan are committed",
            "new beads and convoys stay out of every commit unless they are added by force",
            (f"git check-ignore -v --no-index {CONFIG_PATH}",),
        )
