"""A pull request is data: whatever it commits, merging it makes no machine run anything (SPEC 9)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper
from waiting import until
from workshops import Workshop, close_workshop, open_workshop

CONFIG = "format: 1\nprefix: gt\n"
BEAD = "id: gt-new\ntitle: New\nstatus: open\n"
CONVOY = "id: hq-cv-new\ntitle: New\ntracks:\n  - gt-new\nstatus: open\n"
LAUNCHED = {".convoy/beads/gt-new.yaml": BEAD, ".convoy/convoys/hq-cv-new.yaml": CONVOY}


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    """A town with its hooks, whose workers note that they ran."""
    made = open_workshop(repo, tmp_path)
    made.worker('sys.exit(subprocess.run(["gitconvoy", "done", "--no-code"]).returncode)')
    made.here.ok("hooks", "install")
    yield made
    close_workshop(made)


def merge(here: TownHelper, files: dict[str, str], *, executable: bool = False) -> None:
    """A branch with these files, made by somebody without our hooks, is merged as it is."""
    repo = here.repo
    nobody = ("-c", "core.hooksPath=/dev/null")
    repo.git(*nobody, "switch", "--quiet", "-c", "pull-request")
    for path, text in files.items():
        file = repo.write(path, text)
        if executable:
            file.chmod(0o755)
    repo.git("add", "--all")
    repo.git(*nobody, "commit", "--quiet", "--no-verify", "-m", "please merge")
    repo.git(*nobody, "switch", "--quiet", "main")
    repo.git("merge", "--quiet", "--no-verify", "--no-ff", "-m", "merged", "pull-request")
    here.run("scan")


def nothing_ran(workshop: Workshop, *more: Path) -> None:
    """No worker was started, and none of the marks was made."""
    assert not list(workshop.out.iterdir())
    assert not [path for path in more if path.exists()]
    assert not [event for event in workshop.here.events() if event.startswith("dispatch ")]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("dispatch:\n  dispatcher: evil\n  command: touch {mark}\n", "command"),
        ("dispatch:\n  command: touch {mark}\n", "command"),
        ("trunk: pull-request\n", "trunk"),
        ("hooks: .convoy/hooks\n", "hooks"),
        ("rigs:\n  gt:\n    prefixes: [gt]\n    path: ../elsewhere\n", "path"),
        ("rigs:\n  gt:\n    prefixes: [gt]\n    verify: touch {mark}\n", "verify"),
        ("rigs:\n  ../gt:\n    prefixes: [gt]\n", "../gt"),
        ("rigs:\n  gt:\n    prefixes: [gt]\n    base_branch: --upload-pack=x\n", "base_branch"),
    ],
)
def test_settings_that_would_run_something_are_refused_and_freeze_dispatch(
    workshop: Workshop, tmp_path: Path, more: str, said: str
) -> None:
    mark = tmp_path / "mark"
    merge(workshop.here, {".convoy/config.yaml": CONFIG + more.format(mark=mark), **LAUNCHED})
    nothing_ran(workshop, mark)
    answer = workshop.here.run("validate")
    assert answer.code == 3
    assert ".convoy/config.yaml" in answer.out
    assert said in answer.out


def test_a_dispatcher_that_only_a_file_names_starts_nothing(workshop: Workshop) -> None:
    repo = workshop.here.repo
    command = repo.git("config", "gitconvoy.dispatcher.script.command")
    repo.git("config", "--unset", "gitconvoy.dispatcher")
    text = CONFIG + "dispatch:\n  dispatcher: evil\n"
    given = {".gitconfig": f'[gitconvoy "dispatcher.evil"]\n  command = {command}\n', ".convoy/gitconfig": "[x]\n"}
    merge(workshop.here, {".convoy/config.yaml": text, **LAUNCHED, **given})
    nothing_ran(workshop)
    assert "evil" in workshop.here.ok("status")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".convoy/convoys/hq-cv-new.yaml", CONVOY + "base_branch: -x\n"),
        (".convoy/convoys/hq-cv-new.yaml", CONVOY + "base_branch: refs/heads/../x\n"),
        (".convoy/convoys/hq-cv-new.yaml", CONVOY.replace("gt-new", "../gt-new")),
        (".convoy/beads/gt-new.yaml", BEAD.replace("gt-new", "../../gt-new")),
        (".convoy/beads/gt-new.yaml", BEAD.replace("gt-new", "-x")),
    ],
)
def test_names_that_are_paths_or_options_reach_neither_disk_nor_git(workshop: Workshop, path: str, text: str) -> None:
    merge(workshop.here, {**LAUNCHED, path: text})
    nothing_ran(workshop)
    assert workshop.here.run("validate").code == 3
    branches = workshop.here.repo.git("for-each-ref", "--format=%(refname)").splitlines()
    assert set(branches) <= {"refs/heads/convoy-ledger", "refs/heads/main", "refs/heads/pull-request"}


def test_programs_and_modules_in_the_tree_are_never_run(workshop: Workshop, tmp_path: Path) -> None:
    """Neither as hooks nor in place of what hooks, supervisors and workers of ours import or call."""
    mark = tmp_path / "mark"
    shell, python = f"#!/bin/sh\ntouch {mark}\n", f"open({str(mark)!r}, 'w')\n"
    programs = ("git", "git-convoy", "post-commit", "hooks/react.sh", ".githooks/post-merge", "bin/gitconvoy")
    modules = (
        "gitconvoy/__init__.py",
        "gitconvoy/__main__.py",
        "pygit2.py",
        "sitecustomize.py",
        "usercustomize.py",
        "json.py",
    )
    given = {**dict.fromkeys(programs, shell), **dict.fromkeys(modules, python)}
    given[".gitattributes"] = "*.yaml filter=evil merge=evil diff=evil\n"
    merge(workshop.here, {**given, **LAUNCHED}, executable=True)
    workshop.event("complete hq-cv-new")
    workshop.here.repo.git("commit", "--quiet", "--allow-empty", "-m", "a further look")
    assert (workshop.out / "gt-new-1").exists(), "the machine's own worker did run"
    workshop.quiet()
    assert not mark.exists()


def test_the_trunk_stays_the_one_that_was_pinned(workshop: Workshop) -> None:
    """A branch that calls itself the trunk, or is called like it, changes nothing before it is merged."""
    repo = workshop.here.repo
    repo.git("switch", "--quiet", "-c", "heads/main")
    for path, text in LAUNCHED.items():
        repo.write(path, text)
    repo.commit("launched on a branch")
    workshop.here.ok("scan")
    nothing_ran(workshop)
    repo.git("switch", "--quiet", "main")
    repo.git("merge", "--quiet", "--ff-only", "refs/heads/heads/main")
    until(lambda: "complete hq-cv-new" in workshop.here.events(), "the convoy, once it is merged")
