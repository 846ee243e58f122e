"""What is measured inside of one process: floors that are Python too, and the library. Prints JSON."""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROUNDS = 3


def timed(thing: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Seconds of wall and processor time of a call (of the processes that it starts, too), and what it gave."""
    wall, cpu = time.perf_counter(), _processor_time()
    value = thing()
    return {"wall": time.perf_counter() - wall, "cpu": _processor_time() - cpu}, value


def load(root: Path) -> dict[str, Any]:
    """Reading a whole plan without index or cache, and PyYAML's C loader over the same bytes."""
    import yaml

    from gitconvoy.git import refs
    from gitconvoy.git.repo import Repo
    from gitconvoy.store import load as store

    found: dict[str, Any] = {"floor": [], "thing": []}
    files = [file.read_bytes() for file in sorted((root / ".convoy").rglob("*.yaml"))]
    for _ in range(ROUNDS):
        cost, documents = timed(lambda: [yaml.load(data, yaml.CSafeLoader) for data in files])
        ids = {document["id"] for document in documents if "id" in document}
        found["floor"].append(cost)
        del documents
        repo = Repo.discover(root)
        store.keep_nothing(repo)
        repo.raw  # noqa: B018 - what PyYAML takes to load is not counted either
        head = refs.head(repo)
        cost, plan = timed(partial(store.from_commit, repo, head))
        found["thing"].append(cost)
        found["same"] = ids == {*plan.beads, *plan.convoys} and not plan.problems
        del plan
    return found


def write_blobs(root: Path, source: str, target: str) -> dict[str, Any]:
    """Parsing JSON lines and writing the blobs and the tree that an import of them made, with pygit2."""
    import pygit2

    made: Any = pygit2.Repository(str(root))
    index = pygit2.Index()
    index.read_tree(made.revparse_single("HEAD^{tree}"))
    contents = [(entry.path, made[entry.id].data, entry.mode) for entry in index]

    def floor() -> None:
        with Path(source).open("rb") as stream:
            for line in stream:
                json.loads(line)
        fresh = pygit2.init_repository(target, bare=True)
        tree = pygit2.Index()
        for path, data, mode in contents:
            tree.add(pygit2.IndexEntry(path, fresh.create_blob(data), mode))
        tree.write_tree(fresh)

    cost, _ = timed(floor)
    return {"floor": [cost]}


def board(root: Path, rounds: str) -> dict[str, Any]:
    """One transaction that ends an attempt and begins the next, with the page in the ledger and without it."""
    from unittest import mock

    from gitconvoy.engine import react, requests
    from gitconvoy.engine.telling import board as page
    from gitconvoy.engine.town import Town

    town = Town.open(root)
    react.react(town)
    found: dict[str, Any] = {"floor": [], "thing": []}
    for number in range(2 * int(rounds) + 2):
        ledger = town.ledger()
        held = min(bead for bead, record in ledger.beads.items() if record.live)
        token = ledger.bead(held).token
        with mock.patch.object(page, "render", page.render if number % 2 else lambda _: None):
            cost, _ = timed(lambda: react.transact(town, lambda draft: requests.done(draft, held, token)))  # noqa: B023
        if number > 1:
            found["thing" if number % 2 else "floor"].append(cost)
    return found


def claims(root: Path, processes: str, each: str) -> dict[str, Any]:
    """Claims per second of several long-lived processes that use the library; `cpu`: of all of them together."""
    count = int(processes)
    ready, go, first = multiprocessing.Barrier(count + 1), multiprocessing.Event(), multiprocessing.Lock()
    queue: Any = multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=_claim, args=(root, int(each), f"worker-{number}", ready, go, first, queue))
        for number in range(count)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    begin = time.perf_counter()
    go.set()
    parts = [queue.get() for _ in workers]
    seconds = time.perf_counter() - begin
    for worker in workers:
        worker.join()
    claimed = [bead for found, _ in parts for bead in found]
    return {"seconds": seconds, "claimed": claimed, "cpu": sum(cpu for _, cpu in parts)}


def _claim(root: Path, wanted: int, actor: str, ready: Any, go: Any, first: Any, queue: Any) -> None:
    from gitconvoy.worker import Worker

    worker = Worker.open(root, actor)
    with first:
        worker.claim()  # one that lives long has read the plan, and judged it
    ready.wait()
    go.wait()
    begin = _processor_time()
    found = []
    for _ in range(wanted):
        task = worker.claim()
        if task is None:
            break
        found.append(task.bead)
    queue.put((found, _processor_time() - begin))


def _processor_time() -> float:
    """Seconds that this process and its children have taken, user and system."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


_FUNCTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "load": load,
    "write-blobs": write_blobs,
    "claims": claims,
    "board": board,
}


def main() -> None:
    """Call the function that the first argument names, in the working directory."""
    print(json.dumps(_FUNCTIONS[sys.argv[1]](Path.cwd(), *sys.argv[2:])))


if __name__ == "__main__":
    main()
