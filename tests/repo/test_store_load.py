"""The plan plane is the same however it is loaded, and one bad file never hides the others (SPEC 1, 3.1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitfixtures import GitRepo

from gitconvoy.errors import Problem
from gitconvoy.git.repo import Repo
from gitconvoy.model.plan import Link, Plan
from gitconvoy.store import load

CONFIG = """\
format: 1
prefix: gt
rigs:
  gt: {prefixes: [gt], max_workers: 2}
  web: {prefixes: [web, www], parked: true, workers: [nux, ace], base_branch: main, merge: direct}
dispatch: {max_workers: 7, backoff: 30s, lease: 5m, auto: false}
types: {incident: {slingable: true}, memo: false}
statuses: {triage: frozen}
epics: {auto_close: false}
"""
BEAD = """\
id: gt-aaaaa
title: "Colons: and # signs"
priority: 0
parent: gt-epic0
depends_on:
  - gt-bbbbb
  - {id: gt-epic0, type: waits-for, gate: any-children}
defer_until: 2030-01-31
labels: [b, a]
"""
CONVOY = "id: hq-cv-00001\ntitle: Work\ntracks: [gt-aaaaa, gt-bbbbb]\nmountain: true\nstatus: open\n"


def fill(repo: GitRepo) -> None:
    repo.write(".convoy/config.yaml", CONFIG)
    repo.write(".convoy/beads/gt-aaaaa.yaml", BEAD)
    repo.write(".convoy/beads/deep/er/gt-bbbbb.yaml", "id: gt-bbbbb\ntitle: B\nstatus: closed\noutcome: failed\n")
    repo.write(".convoy/beads/gt-epic0.yaml", "id: gt-epic0\ntitle: E\ntype: epic\n")
    repo.write(".convoy/convoys/hq-cv-00001.yaml", CONVOY)
    repo.write(".convoy/plans/hq-cv-00001.yaml", "convoy: hq-cv-00001\nwaves: []\n")
    repo.write(".convoy/archive/gt-old00.yaml", "id: gt-old00\ntitle: Old\nstatus: closed\n")
    repo.write(".convoy/README.md", "People may keep notes here.\n")


def codes(plan: Plan) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in plan.problems]


def test_commit_index_and_worktree_say_the_same(repo: GitRepo) -> None:
    fill(repo)
    opened = Repo.discover(repo.path)
    from_disk = load.from_worktree(opened)
    repo.git("add", ".")
    from_index = load.from_index(Repo.discover(repo.path))
    commit = repo.commit("plan")
    from_commit = load.from_commit(opened, commit)
    assert from_commit.tree == repo.head("HEAD:.convoy")
    for other in (from_disk, from_index):
        assert other.beads == from_commit.beads
        assert other.convoys == from_commit.convoys
        assert other.archive == from_commit.archive
        assert other.config == from_commit.config
        assert other.plan_blobs == from_commit.plan_blobs
        assert other.problems == from_commit.problems == ()


def test_documents_become_values(repo: GitRepo) -> None:
    fill(repo)
    plan = load.from_commit(Repo.discover(repo.path), repo.commit("plan"))
    bead = plan.beads["gt-aaaaa"]
    assert (bead.title, bead.priority, bead.parent, bead.status, bead.type) == (
        "Colons: and # signs",
        0,
        "gt-epic0",
        "open",
        "task",
    )
    assert bead.links == (Link("gt-bbbbb"), Link("gt-epic0", "waits-for", "any-children"))
    assert bead.defer_until == 1896048000
    assert plan.beads["gt-bbbbb"].path == ".convoy/beads/deep/er/gt-bbbbb.yaml"
    assert plan.archive["gt-old00"].archived
    assert plan.convoys["hq-cv-00001"].mountain
    config = plan.config
    assert config.dispatch.max_workers == 7
    assert (config.dispatch.backoff, config.dispatch.lease, config.dispatch.auto) == (30, 300, False)
    assert config.slingable("incident")
    assert not config.slingable("memo")
    assert config.category("triage") == "frozen"
    assert not config.auto_close_epics
    rig = config.rig_of("www-1")
    assert rig is not None
    assert (rig.name, rig.parked, rig.merge, rig.base_branch) == ("web", True, "direct", "main")


def test_an_empty_config_works_and_so_does_none(repo: GitRepo) -> None:
    repo.write(".convoy/config.yaml", "format: 1\nprefix: shop\n")
    opened = Repo.discover(repo.path)
    plan = load.from_commit(opened, repo.commit("plan"))
    assert list(plan.config.rigs) == ["shop"]
    assert plan.config.workers_of(plan.config.rigs["shop"])[0] == "shop/polecat-1"
    nothing = load.from_commit(opened, repo.head("HEAD~1"))
    assert not nothing.exists
    assert nothing.config.dispatch.max_workers == 4
    assert load.from_commit(opened, None).beads == {}


@pytest.mark.parametrize(
    ("path", "text", "code", "broken"),
    [
        (".convoy/beads/gt-bad00.yaml", "id: gt-bad00\n", "schema", "gt-bad00"),
        (".convoy/beads/gt-bad00.yaml", "id: gt-other\ntitle: T\n", "id-mismatch", "gt-bad00"),
        (".convoy/beads/gt-bad00.yaml", "id: gt-bad00\ntitle: T\ncolour: red\n", "unknown-key", "gt-bad00"),
        (".convoy/beads/gt-bad00.yaml", "id: gt-bad00\ntitle: T\ndefer_until: tomorrow\n", "schema", "gt-bad00"),
        (".convoy/beads/x/GT-AAAAA.yaml", "id: GT-AAAAA\ntitle: T\n", "duplicate-id", "gt-aaaaa"),
        (".convoy/beads/x/gt-aaaaa.yaml", "id: gt-aaaaa\ntitle: T\n", "duplicate-id", "gt-aaaaa"),
        (".convoy/archive/gt-aaaaa.yaml", "id: gt-aaaaa\ntitle: T\n", "duplicate-id", "gt-aaaaa"),
        (".convoy/convoys/gt-aaaaa.yaml", "id: gt-aaaaa\ntitle: T\n", "duplicate-id", "gt-aaaaa"),
    ],
)
def test_a_bad_file_freezes_itself_and_is_named(repo: GitRepo, path: str, text: str, code: str, broken: str) -> None:
    fill(repo)
    repo.write(path, text)
    plan = load.from_commit(Repo.discover(repo.path), repo.commit("bad"))
    assert [found for _, found in codes(plan)] == [code]
    assert broken in plan.broken
    assert broken not in plan.beads
    assert broken not in plan.archive
    assert {"gt-bbbbb", "gt-epic0"} <= plan.beads.keys()
    assert not plan.config_broken


def test_problems_have_line_and_column(repo: GitRepo) -> None:
    fill(repo)
    repo.write(".convoy/beads/gt-bad00.yaml", "id: gt-bad00\ntitle: T\npriority: 9\n")
    plan = load.from_commit(Repo.discover(repo.path), repo.commit("bad"))
    (problem,) = plan.problems
    assert isinstance(problem, Problem)
    assert (problem.path, problem.line) == (".convoy/beads/gt-bad00.yaml", 3)
    assert problem.column > 0


def test_a_bad_config_freezes_dispatch_only(repo: GitRepo) -> None:
    fill(repo)
    repo.write(".convoy/config.yaml", "format: 1\ndispatch: {lease: soon}\n")
    plan = load.from_commit(Repo.discover(repo.path), repo.commit("bad"))
    assert plan.config_broken
    assert "gt-aaaaa" in plan.beads


def test_one_prefix_belongs_to_one_rig(repo: GitRepo) -> None:
    fill(repo)
    repo.write(".convoy/config.yaml", "format: 1\nrigs:\n  a: {prefixes: [x]}\n  b: {prefixes: [x]}\n")
    plan = load.from_commit(Repo.discover(repo.path), repo.commit("bad"))
    assert plan.config_broken
    assert "belongs to the rigs a and b" in plan.problems[0].message


def test_links_and_huge_files_are_never_read(repo: GitRepo, tmp_path: Path) -> None:
    fill(repo)
    secret = tmp_path / "secret.yaml"
    secret.write_text("id: gt-link0\ntitle: Secret\n")
    (repo.path / ".convoy/beads/gt-link0.yaml").symlink_to(secret)
    repo.write(".convoy/beads/gt-huge0.yaml", "id: gt-huge0\ntitle: T\ndescription: " + "x" * 2_100_000 + "\n")
    opened = Repo.discover(repo.path)
    expected = [(".convoy/beads/gt-huge0.yaml", "yaml-size"), (".convoy/beads/gt-link0.yaml", "not-a-file")]
    assert codes(load.from_worktree(opened)) == expected
    plan = load.from_commit(opened, repo.commit("odd"))
    assert codes(plan) == expected
    assert {"gt-link0", "gt-huge0"} <= plan.broken


def test_yml_files_are_pointed_out(repo: GitRepo) -> None:
    fill(repo)
    repo.write(".convoy/beads/gt-ccccc.yml", "id: gt-ccccc\ntitle: T\n")
    plan = load.from_commit(Repo.discover(repo.path), repo.commit("yml"))
    assert codes(plan) == [(".convoy/beads/gt-ccccc.yml", "file-name")]
    assert plan.problems[0].severity == "warning"


@pytest.mark.parametrize(
    "change",
    [
        {"beads/gt-a.yaml": "id: gt-a\ntitle: Other\nstatus: closed\ndepends_on:\n  - gt-b\n"},
        {"beads/gt-a.yaml": None},
        {"beads/gt-c.yaml": "id: gt-c\ntitle: C\n"},
        {"beads/gt-a.yaml": None, "beads/deep/gt-a.yaml": "id: gt-a\ntitle: A\n"},
        {"beads/gt-a.yaml": "id: gt-a\n"},
        {"beads/gt-a.yaml": "id: gt-b\ntitle: A\n"},
        {"beads/gt-a.yaml": None, "beads/gt-a.yaml/gt-a.yaml": "id: gt-a\ntitle: A\n"},
        {"archive/gt-z.yaml": "id: gt-z\ntitle: Z\nstatus: closed\n", "beads/gt-b.yaml": "id: gt-b\ntitle: B2\n"},
        {"convoys/hq-cv-1.yaml": "id: hq-cv-1\ntitle: Flow\ntracks:\n  - gt-a\nstatus: closed\n"},
        {"convoys/gt-a.yaml": "id: gt-a\ntitle: Twice\n"},
        {"plans/hq-cv-1.yaml": None},
        {"plans/hq-cv-1.yaml": "convoy: hq-cv-1\nwaves: []\n", "plans/hq-cv-2.yaml": "convoy: hq-cv-2\nwaves: []\n"},
        {"config.yaml": "format: 1\nprefix: gt\ntypes:\n  ritual: {slingable: false}\n"},
        {"config.yaml": "nonsense"},
        {"notes.txt": "nothing of a plan\n"},
        {"beads/gt-d.yml": "id: gt-d\ntitle: D\n"},
    ],
)
def test_a_plan_that_follows_another_is_as_if_read_anew(repo: GitRepo, change: dict[str, str | None]) -> None:
    files = {
        "config.yaml": "format: 1\nprefix: gt\n",
        "beads/gt-a.yaml": "id: gt-a\ntitle: A\n",
        "beads/gt-b.yaml": "id: gt-b\ntitle: B\n",
        "archive/gt-z.yaml": "id: gt-z\ntitle: Z\nstatus: closed\noutcome: failed\n",
        "convoys/hq-cv-1.yaml": "id: hq-cv-1\ntitle: Flow\ntracks:\n  - gt-a\n",
        "plans/hq-cv-1.yaml": "convoy: hq-cv-1\nwaves:\n  - [gt-a]\n",
    }
    for path, text in files.items():
        repo.write(f".convoy/{path}", text)
    before = repo.head(f"{repo.commit('before')}:.convoy")
    for path, changed in change.items():
        if changed is None:
            (repo.path / ".convoy" / path).unlink()
        else:
            repo.write(f".convoy/{path}", changed)
    after = repo.head(f"{repo.commit('after')}:.convoy")
    here = Repo.at(repo.path)
    for one, other in ((before, after), (after, before)):
        assert load.following(here, load.from_tree(here, one), other) == load.from_tree(Repo.at(repo.path), other)
