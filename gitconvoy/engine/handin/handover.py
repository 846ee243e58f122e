"""What `merge: mr` does with a branch: pushes it, then tells the configured program, once (SPEC 7).

It runs in a process of its own, so that no hook waits for a network.
"""

from __future__ import annotations

import json
import time
from collections.abc import Container
from dataclasses import replace

from gitconvoy.dispatch import handins, program, registry, workplace_settings
from gitconvoy.dispatch.handins import Handin
from gitconvoy.engine import settings as settings_
from gitconvoy.engine.attempts.places import base_of, merge_of
from gitconvoy.engine.local import Local
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.engine.wake import spawn
from gitconvoy.errors import ConvoyError, GitError, LostRace, Refused
from gitconvoy.git import config, lock, personal, pushing, refs
from gitconvoy.git.env import clean_env
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.codec import one_line
from gitconvoy.model.plan import Bead
from gitconvoy.model.state import State
from gitconvoy.store.localfiles import write_atomically

KEY = "gitconvoy.onSubmit"
_KNOWN = frozenset({"bead", "branch", "base", "title_file", "body_file"})
_LIMIT = 600
_PUSH_LIMIT = 600
_LATE = 30
"""Seconds after which a push that reached its limit, and nobody ended, has lost whoever began it."""
_PATIENCE = 1.0
"""Seconds to wait for the lock of an attempt: whoever looks whether it is held holds it for a moment."""
_SECTIONS = (("design", "Design"), ("acceptance_criteria", "Acceptance criteria"), ("notes", "Notes"))


def leave_behind(town: Town, state: State, local: Local, *, retry: bool) -> None:
    """Start a process for the branches that have to be pushed or told of; with `retry` also where that failed before.

    With it also where one should be at it: it may have died. None for those that a process is at.
    """
    beads = []
    for note in to_do(town, state, local):
        waits = note.waits or note.pushing is not None
        due = retry or not waits or (note.retry_at is not None and note.retry_at <= state.now)
        if due and not lock.held(handins.lock_file(town.common_dir, note)):
            beads.append(note.bead)
    if beads:
        spawn(town, ["hand-over", *beads], town.home())


def to_do(town: Town, state: State, local: Local) -> list[Handin]:
    """The notes about branches that are not where they belong yet."""
    found = []
    repos = town.repos(state.plan)
    for note in local.handins.values():
        if not _waits_for_others(state, note):
            continue
        try:
            repo = repos(note.bead)
        except Refused:
            continue  # whoever asks for its base branch is told why
        if not _is_pushed(repo, note) or (note.told == handins.NOT_YET and config.get(town.repo, KEY)):
            found.append(note)
    return found


def _waits_for_others(state: State, note: Handin) -> bool:
    """Whether a note is about work that waits for being merged by others."""
    record = state.ledger.bead(note.bead)
    waits = record.live and record.token == note.token and record.submitted == note.commit
    return waits and merge_of(state.plan, note.bead, record.convoy) == "mr"


def _is_pushed(repo: Repo, note: Handin) -> bool:
    return note.pushed == note.commit or remote_of(repo, note.branch) is None


def remote_of(repo: Repo, branch: str) -> str | None:
    """Where a branch is pushed to: `gitconvoy.pushRemote` (empty: nowhere), the branch's own remote, else origin."""
    known = settings_.remotes(repo)
    chosen = config.get(repo, "gitconvoy.pushRemote")
    if chosen is not None:
        return chosen or None
    for key in (f"branch.{branch}.pushRemote", "remote.pushDefault", f"branch.{branch}.remote"):
        named = config.get(repo, key)
        if named in known:
            return named
    return "origin" if "origin" in known else None


def hand_over(town: Town, bead: str, *, again: bool = False) -> None:
    """Push the branch of a bead and run the configured program, as far as that was not done yet.

    What is handed in meanwhile by the same attempt is handed over too. With `again` the program is run although it was
    run, or begun, before: Refused where there is none, or nothing of the bead waits; LostRace where another process is
    at it.
    """
    first = handins.read_one(town.common_dir, bead)
    if first is None:
        if again:
            raise _nothing_waits(bead)
        return
    try:
        with lock.exclusive(handins.lock_file(town.common_dir, first), _PATIENCE):
            if again:
                _forget_told(town, bead, first.token)
            done: set[str] = set()
            while (commit := _hand_over(town, bead, first.token, done)) is not None:
                done.add(commit)
    except LostRace:
        if again:
            raise  # another process is at it


def _forget_told(town: Town, bead: str, token: str) -> None:
    """Let the program be run once more."""
    if not config.get(town.repo, KEY):
        raise Refused(f"{KEY} is not set: there is nothing to run", hint=f"git config {KEY} ARGV", code="configuration")
    note = handins.read_one(town.common_dir, bead)
    if note is None or note.token != token or not _waits_for_others(town.state(), note):
        raise _nothing_waits(bead)
    handins.write(town.common_dir, replace(note, told=handins.NOT_YET, complaint=""))


def _nothing_waits(bead: str) -> Refused:
    hint = "gitconvoy status lists what is submitted; only with merge: mr a program is told"
    return Refused(f"nothing of {bead} was handed in here for others to merge", hint=hint, code="not-submitted")


def _hand_over(town: Town, bead: str, token: str, but: Container[str]) -> str | None:
    """Hand over what this attempt has handed in, unless it is one of these commits; which one that was."""
    state = town.state()
    local = town.local(state.plan, state.ledger)
    note = next((each for each in to_do(town, state, local) if each.bead == bead and each.token == token), None)
    if note is None or note.commit in but:
        return None
    repo = town.repo_of(state.plan, bead)
    if not _is_pushed(repo, note):
        trouble = _push(town, repo, note)
        if trouble is not None:
            _keep(town, replace(note, **note.waiting(one_line(trouble), int(time.time()))))
            return note.commit
        note = replace(note, pushed=note.commit, **handins.FREE)
        _keep(town, note)
    if note.told == handins.NOT_YET and config.get(town.repo, KEY):
        _keep(town, replace(note, told=handins.BEGUN))  # not twice, whatever happens to us
        complaint = _tell(town, repo, state, local, note)
        _keep(town, replace(note, told=handins.ENDED, complaint=one_line(complaint)))
    return note.commit


def _keep(town: Town, note: Handin) -> None:
    """Write a note, unless its attempt is over and it was dropped meanwhile."""
    there = handins.read_one(town.common_dir, note.bead)
    if there is not None and there.token == note.token:
        handins.write(town.common_dir, note if there.commit == note.commit else replace(there, told=note.told))


def _push(town: Town, repo: Repo, note: Handin) -> str | None:
    """What went wrong; None where the remote has the branch now. Never forces.

    It ends at `gitconvoy.pushTimeout`, and once its attempt is over or has handed in something else.
    """
    remote = remote_of(repo, note.branch)
    if remote not in settings_.remotes(repo):
        return f"gitconvoy.pushRemote is {remote!r}, and there is no such remote"
    ref = HEADS + note.branch
    if refs.ref(repo, ref) != note.commit:
        return f"{note.branch} has moved since it was handed in: say done again"

    def wanted() -> bool:
        there = handins.read_one(town.common_dir, note.bead)
        return there is not None and (there.token, there.commit) == (note.token, note.commit)

    try:
        limit = push_limit(repo)
        now = int(time.time())
        _keep(town, replace(note, pushing=now, retry_at=now + limit + _LATE))
        if not pushing.push(repo, remote, ref, limit=limit, going=wanted):
            return "it is not to be pushed any more"
    except GitError as error:
        more = " (gitconvoy.pushTimeout)" if error.code == "time-limit" else ""
        return f"it cannot be pushed to {remote}: {' '.join(error.message.split())}{more}"
    except registry.ConfigurationError as error:
        return f"it cannot be pushed: {error.message}"
    return None


def push_limit(repo: Repo) -> int:
    """`gitconvoy.pushTimeout` of a repository, in seconds. ConfigurationError for what cannot be meant."""
    return workplace_settings.duration(repo, "gitconvoy.pushTimeout", _PUSH_LIMIT)


def _tell(town: Town, repo: Repo, state: State, local: Local, note: Handin) -> str:
    """Run the configured program in the branch's repository; what went wrong, empty where nothing did."""
    command = config.get(town.repo, KEY) or ""
    try:
        argv = registry.split(command, KEY, _KNOWN)
        base = base_of(state.plan, local.places, note.bead, state.ledger.bead(note.bead).convoy)
    except ConvoyError as error:
        return error.message
    bead = state.plan.bead(note.bead)
    title, body = (one_line(bead.title) if bead else note.bead), _body(bead, note)
    files = {}
    for suffix, text in (("title", title), ("body", body)):
        file = handins.own_file(town.common_dir, note, suffix)
        write_atomically(file, text.encode("utf-8", "replace") + b"\n")
        files[f"{suffix}_file"] = str(file)
    about = {"bead": note.bead, "branch": note.branch, "base": base}
    env = clean_env({f"GITCONVOY_{name.upper()}": value for name, value in about.items()})
    data = json.dumps({**about, "title": title, "body": body}, ensure_ascii=False).encode("utf-8", "replace")
    words = registry.fill(argv, {**about, **files})
    ran = program.run(words, cwd=personal.main_worktree(repo), env=env, stdin=data, timeout=_LIMIT)
    return "" if ran.ok else ran.how(KEY)


def _body(bead: Bead | None, note: Handin) -> str:
    parts = []
    if bead is not None:
        parts += [str(bead.data["description"]).strip()] if bead.data.get("description") else []
        parts += [f"## {title}\n\n{str(bead.data[key]).strip()}" for key, title in _SECTIONS if bead.data.get(key)]
    parts += [f"## Handed in\n\n{note.reason}"] if note.reason else []
    return "\n\n".join([*parts, f"Bead: {note.bead}"])
