"""The table of everything that `doctor` looks at, and the one loop that goes through it (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.doctor import attempts, drivers, environment, hooks, ledger, local, plan, repository, settings, worktrees
from gitconvoy.doctor.findings import ERROR, SEVERITIES, Finding
from gitconvoy.doctor.scene import OutOfReach, Scene
from gitconvoy.errors import ConvoyError

Look = Callable[[Scene], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One look at one thing; `group` is where people look for it. What it asks is the docstring of `look`."""

    group: str
    name: str
    look: Look

    @property
    def question(self) -> str:
        """What is asked, in one line."""
        return (self.look.__doc__ or "").strip().partition("\n")[0]


CHECKS = (
    Check("environment", "git", environment.git_there),
    Check("environment", "home", environment.home),
    Check("repository", "repository", repository.opened),
    Check("repository", "objects", repository.whole),
    Check("repository", "index", repository.index),
    Check("repository", "writable", repository.writable),
    Check("repository", "locks", repository.locks),
    Check("environment", "room", environment.room),
    Check("local files", "own-files", local.foreign),
    Check("local files", "damaged", local.damaged),
    Check("local files", "left-over", local.left_over),
    Check("local files", "bugs", local.met_bugs),
    Check("local files", "town-lock", local.busy),
    Check("settings", "config", settings.values),
    Check("settings", "keys", settings.spelling),
    Check("settings", "trunk", settings.trunk),
    Check("settings", "role", settings.role),
    Check("settings", "machine", settings.machine),
    Check("settings", "identity", settings.identity),
    Check("settings", "paused", settings.paused),
    Check("settings", "dispatcher", settings.dispatcher),
    Check("plan", "plan", plan.readable),
    Check("plan", "plan-files", plan.files),
    Check("ledger", "in-the-way", ledger.in_the_way),
    Check("ledger", "rewound", ledger.whole),
    Check("ledger", "ledger", ledger.readable),
    Check("ledger", "checked-out", ledger.checked_out),
    Check("ledger", "remote-ledger", ledger.remotes),
    Check("environment", "clock", environment.clock),
    Check("hooks", "hook-python", hooks.interpreter),
    Check("hooks", "hooks", hooks.reached),
    Check("hooks", "rig-hooks", hooks.rigs),
    Check("hooks", "server", hooks.server),
    Check("hooks", "merge-drivers", drivers.in_place),
    Check("attempts", "rigs", attempts.rig_repositories),
    Check("attempts", "ended", attempts.ended_attempts),
    Check("attempts", "gone-worktrees", worktrees.gone_worktrees),
    Check("attempts", "stray-worktrees", worktrees.stray_worktrees),
    Check("attempts", "attempt-folders", attempts.attempt_folders),
    Check("attempts", "supervisors", attempts.unattended),
    Check("attempts", "leases", attempts.ended_leases),
)
"""In this order: what others stand on comes first."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What came of it. `skipped` are checks that could not be made, for a reason that another one found."""

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    skipped: tuple[str, ...]
    groups: tuple[str, ...]
    """Those of `checked`."""
    unseen: tuple[str, ...] = ()
    """Groups of which some checks, or all, were skipped."""

    @property
    def ok(self) -> bool:
        """Whether nothing is left that somebody should mend."""
        return not any(each.open for each in self.findings)

    @property
    def errors(self) -> bool:
        """Whether an error is left."""
        return any(each.open and each.severity == ERROR for each in self.findings)


def examine(start: Path, actor: str | None = None, *, fix: bool = False) -> Examination:
    """Go through all checks, from the folder `start`; with `fix`, mend what loses nothing and look again.

    Never raises for what is wrong with the town: that is a finding. The worst findings come first.
    """
    scene = Scene(start, actor)
    findings: list[Finding] = []
    checked: list[Check] = []
    skipped: list[Check] = []
    for check in CHECKS:
        try:
            findings += _mended(scene, check) if fix else _found(scene, check)
        except OutOfReach:
            skipped.append(check)
        else:
            checked.append(check)
    findings.sort(key=lambda each: SEVERITIES.index(each.severity))
    return Examination(
        tuple(findings),
        tuple(each.name for each in checked),
        tuple(each.name for each in skipped),
        tuple(dict.fromkeys(each.group for each in checked)),
        tuple(dict.fromkeys(each.group for each in skipped)),
    )


def _found(scene: Scene, check: Check) -> list[Finding]:
    """All that a check finds; that it broke off is one more finding."""
    found: list[Finding] = []
    try:
        found.extend(check.look(scene))
    except (ConvoyError, OSError) as error:
        hint = getattr(error, "hint", "")
        found.append(
            Finding(
                "doctor",
                check.name,
                ERROR,
                f"this could not be looked at to the end: {error}",
                f"an answer to: {check.question}",
                hint or "what this would have found is not known",
                ("gitconvoy doctor",),
            )
        )
    return found


def _mended(scene: Scene, check: Check) -> list[Finding]:
    """The same, mended where it can be; what was mended is looked at once more."""
    found = _found(scene, check)
    tried = [each.mended() for each in found]
    if not any(each.fixed for each in tried):
        return tried
    scene.forget()
    again = {each.key: each for each in _found(scene, check)}
    known = {each.key for each in found}
    judged = [each.unmended() if each.fixed and each.key in again else each for each in tried]
    return [*judged, *(each for each in again.values() if each.key not in known)]
