"""What only this machine knows, looked up: leases, dispatchers, branches, where attempts work (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitconvoy.dispatch import breaker, handins, leases, outbox, registry, workplace_settings
from gitconvoy.engine.attempts.places import Places
from gitconvoy.engine.attempts.standing import in_words, places_in
from gitconvoy.engine.local import START, Local
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.git import refs
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import BeadRecord, Ledger
from gitconvoy.model.plan import Plan


def look(town: Town, plan: Plan, ledger: Ledger | None = None) -> Local:
    """What this machine knows of a town; of the branches that were handed in only with the `ledger`."""
    records = ledger.beads.values() if ledger is not None else ()
    notes = handins.read_all(town.common_dir)
    held = leases.read_all(town.common_dir)
    found = registry.find(town.repo, plan.config.dispatch.dispatcher)
    trouble = _trouble(town.repo, found)
    via = found.via if isinstance(found, registry.Dispatcher) and not trouble else None
    return Local(
        machine=town.settings.machine,
        leases=held,
        begun=_begun(town, held, records),
        max_workers=town.settings.max_workers,
        paused=town.settings.paused,
        via=via,
        dispatcher=found.name,
        trouble=trouble,
        notifies=outbox.wanted(town.repo),
        places=places(town, plan),
        handins=notes,
        branches=_branches(town, plan, notes.values(), records),
        worktrees=via == START and workplace_settings.mode(town.repo, found.name) == workplace_settings.WORKTREE,
        breakers=breaker.read_all(town.common_dir) if via == START else {},
        breaker_limit=breaker.limit_or_default(town.repo),
    )


def _begun(town: Town, held: Mapping[str, leases.Lease], records: Iterable[BeadRecord]) -> frozenset[str]:
    found = set()
    for each in records:
        token, lease = each.token, held.get(each.id)
        started = each.in_flight and each.via == START and each.machine == town.settings.machine
        if not started or token is None or (lease is not None and lease.token == token):
            continue
        from gitconvoy.dispatch import attempts  # seldom needed

        if attempts.has_begun(attempts.attempt_folder(town.common_dir, each.id, each.attempt), token):
            found.add(token)
    return frozenset(found)


def _branches(
    town: Town, plan: Plan, notes: Iterable[handins.Handin], records: Iterable[BeadRecord]
) -> dict[tuple[str, str], str]:
    wanted = {(note.bead, note.branch) for note in notes}
    wanted |= {(each.id, each.branch) for each in records if each.handed_in and each.branch is not None}
    repos, found = town.repos(plan), {}
    for bead, name in sorted(wanted):
        try:
            tip = refs.ref(repos(bead), HEADS + name)
        except ConvoyError:
            continue  # whoever asks for its base branch is told why
        if tip is not None:
            found[bead, name] = tip
    return found


def _trouble(repo: Repo, found: registry.Dispatcher | registry.Undefined) -> str:
    """Why nothing can be started here, with the remedy: settings of this machine are no failures of beads.

    Those of a rig's own repository count for that rig alone (`Places.trouble_of`).
    """
    if isinstance(found, registry.Undefined):
        return in_words(found.error)
    if found.via != START:
        return ""
    try:
        workplace_settings.check(repo)
        workplace_settings.mode(repo, found.name)
        workplace_settings.log_limit(repo)
        workplace_settings.keep_logs(repo)
        breaker.limit(repo)
    except ConvoyError as error:
        return in_words(error)
    return ""


def places(town: Town, plan: Plan) -> Places:
    """Where attempts work: what their branches are called, and where each base branch stands."""
    homes = {rig: home for rig, home in town.homes(plan.config).items() if rig not in plan.away and not home.trouble}
    own = {rig: places_in(each.repo(), each.trunk, plan, root=str(each.root())) for rig, each in homes.items()}
    return places_in(town.repo, town.settings.trunk, plan, rigs=own)
