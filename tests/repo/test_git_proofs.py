"""Proofs that a branch's work is in the base branch, whatever way it took."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gitfixtures import GitRepo

from gitconvoy.errors import GitError
from gitconvoy.git import proofs
from gitconvoy.git.proofs import Proof
from gitconvoy.git.repo import Repo

LINES = "".join(f"line {n}\n" for n in range(40))


@pytest.fixture
def forked(repo: GitRepo) -> GitRepo:
    """`work` has two commits on top of the commit `fork`; main has gone on by one."""
    repo.write("a", LINES)
    repo.write("b", LINES)
    repo.commit("fork")
    repo.git("tag", "fork")
    repo.git("checkout", "--quiet", "-b", "work")
    repo.write("a", LINES.replace("line 20\n", "line twenty\n"))
    repo.commit("one")
    repo.write("new", "new\n")
    repo.commit("two")
    repo.git("checkout", "--quiet", "main")
    repo.write("b", LINES + "meanwhile\n")
    repo.commit("meanwhile")
    return repo


def _proof(repo: GitRepo, commit: str = "work", limit: int = proofs.LIMIT) -> Proof | None:
    found = Repo.discover(repo.path)
    return proofs.merged_by(found, repo.head("main"), repo.head(commit), repo.head("fork"), limit=limit)


def _more(repo: GitRepo) -> None:
    """main goes on in the lines that the work had changed."""
    repo.write("a", LINES.replace("line 20\n", "line 20 in other words\n"))
    repo.write("new", "newer\n")
    repo.commit("later")


def test_nothing_of_it_is_there(forked: GitRepo) -> None:
    assert _proof(forked) is None
    forked.write("a", LINES.replace("line 20\n", "line twenty\n"))
    forked.commit("half of it")
    assert _proof(forked) is None


def test_a_merge(forked: GitRepo) -> None:
    forked.git("merge", "--quiet", "--no-edit", "work")
    merge = forked.head()
    assert _proof(forked) == Proof("reachable", merge)
    assert _proof(forked, "work~1") == Proof("reachable", merge)
    _more(forked)
    forked.git("branch", "elsewhere", "HEAD~1")
    forked.git("merge", "--quiet", "--no-edit", "--no-ff", "elsewhere")
    assert _proof(forked) == Proof("reachable", merge)
    assert _proof(forked, limit=1) == Proof("reachable", None)


def test_a_merge_by_way_of_another_branch(forked: GitRepo) -> None:
    forked.git("checkout", "--quiet", "-b", "other")
    forked.git("merge", "--quiet", "--no-edit", "work")
    forked.git("checkout", "--quiet", "main")
    forked.git("merge", "--quiet", "--no-ff", "--no-edit", "other")
    assert _proof(forked) == Proof("reachable", forked.head())


def test_a_fast_forward(forked: GitRepo) -> None:
    forked.git("reset", "--quiet", "--hard", "work")
    assert _proof(forked) == Proof("reachable", forked.head("work"))
    _more(forked)
    assert _proof(forked) == Proof("reachable", forked.head("work"))


@pytest.mark.parametrize("later", [False, True])
def test_a_squash(forked: GitRepo, later: bool) -> None:
    forked.git("merge", "--quiet", "--squash", "work")
    squash = forked.commit("squashed")
    if later:
        _more(forked)
    assert _proof(forked) == Proof("patch", squash)


@pytest.mark.parametrize("later", [False, True])
def test_rebased_or_cherry_picked_commits(forked: GitRepo, later: bool) -> None:
    forked.git("cherry-pick", "work~1")
    forked.write("between", "x\n")
    forked.commit("between")
    assert _proof(forked) is None
    forked.git("cherry-pick", "work")
    picked = forked.head()
    if later:
        _more(forked)
    assert _proof(forked) == Proof("patch", picked)


def test_rebased_in_a_merged_branch(forked: GitRepo) -> None:
    forked.git("checkout", "--quiet", "-b", "rebased", "work")
    forked.git("rebase", "--quiet", "main")
    rebased = forked.head()
    forked.git("checkout", "--quiet", "main")
    forked.git("merge", "--quiet", "--no-ff", "--no-edit", "rebased")
    assert _proof(forked) == Proof("patch", rebased)


def test_empty_commits_need_no_proof(forked: GitRepo) -> None:
    forked.git("checkout", "--quiet", "work")
    forked.commit("nothing at all")
    forked.git("checkout", "--quiet", "main")
    forked.git("cherry-pick", "work~2", "work~1")
    assert _proof(forked) == Proof("patch", forked.head())


@pytest.mark.parametrize("later", [False, True])
def test_a_squash_among_other_changes_is_contained(forked: GitRepo, later: bool) -> None:
    forked.git("merge", "--quiet", "--squash", "work")
    forked.write("extra", "by the reviewer\n")
    squash = forked.commit("squashed, and more")
    forked.write("README.md", "elsewhere\n")
    forked.commit("elsewhere")
    if later:
        _more(forked)
    assert _proof(forked) == Proof("contained", squash)


def test_the_base_was_merged_into_the_branch_before_it_was_squashed(forked: GitRepo) -> None:
    forked.git("checkout", "--quiet", "work")
    forked.git("merge", "--quiet", "--no-edit", "main")
    forked.write("last", "x\n")
    forked.commit("last")
    forked.git("checkout", "--quiet", "main")
    forked.write("README.md", "elsewhere\n")
    forked.commit("elsewhere")
    forked.git("merge", "--quiet", "--squash", "work")
    squash = forked.commit("squashed")
    _more(forked)
    assert _proof(forked) == Proof("patch", squash)


def test_what_a_merge_commit_of_the_branch_changed_by_itself_counts(forked: GitRepo) -> None:
    forked.git("checkout", "--quiet", "work")
    forked.git("merge", "--quiet", "--no-commit", "main")
    forked.write("evil", "only in the merge\n")
    forked.commit("merge main")
    forked.git("checkout", "--quiet", "main")
    forked.git("cherry-pick", "work~2", "work~1")
    assert _proof(forked) is None


def test_applied_twice_and_taken_back_once(forked: GitRepo) -> None:
    forked.git("checkout", "--quiet", "work")
    forked.git("revert", "--no-edit", "HEAD")
    forked.git("cherry-pick", "work~1")
    forked.git("checkout", "--quiet", "main")
    forked.git("cherry-pick", "work~3", "work~2", "work~1")
    assert forked.exists("main:a")
    assert not forked.exists("main:new")
    # What stood there before the revert was all of the work.
    assert _proof(forked) == Proof("contained", forked.head("main~1"))
    forked.git("reset", "--quiet", "--hard", "main~3")
    assert _proof(forked) is None


def test_other_whitespace_is_another_patch(forked: GitRepo) -> None:
    forked.git("cherry-pick", "work")
    forked.write("a", LINES.replace("line 20\n", "line  twenty\n"))
    forked.commit("nearly")
    assert _proof(forked) is None


def test_binary_files_are_told_apart(forked: GitRepo) -> None:
    def binary(text: str) -> None:
        (forked.path / "binary").write_bytes(b"\0" + text.encode())
        forked.commit("binary")

    forked.git("checkout", "--quiet", "-b", "data", "fork")
    binary("work")
    forked.git("checkout", "--quiet", "main")
    binary("other")
    assert _proof(forked, "data") is None
    forked.git("reset", "--quiet", "--hard", "HEAD~1")
    binary("work")
    picked = forked.head()
    binary("later")
    assert _proof(forked, "data") == Proof("patch", picked)


@pytest.mark.parametrize("path", ["-x", "odd\nname", "\udcff", ":(top)", "1" * 40, "sp ace/\u00e9"])
def test_odd_names_and_modes(forked: GitRepo, path: str) -> None:
    forked.git("checkout", "--quiet", "-b", "odd", "fork")
    forked.write(path, "").chmod(0o755)
    forked.commit("an empty file")
    forked.git("checkout", "--quiet", "main")
    forked.git("cherry-pick", "odd")
    picked = forked.head()
    forked.write(path, "later\n")
    forked.commit("later")
    assert _proof(forked, "odd") == Proof("patch", picked)


def test_the_person_s_settings_change_nothing(forked: GitRepo) -> None:
    for key, value in {
        "diff.external": "false",
        "diff.noprefix": "true",
        "diff.renames": "copies",
        "diff.context": "0",
        "color.ui": "always",
        "diff.submodule": "log",
        "diff.suppressBlankEmpty": "true",
        "log.showSignature": "true",
    }.items():
        forked.config(key, value)
    forked.git("cherry-pick", "work~1", "work")
    picked = forked.head()
    _more(forked)
    assert _proof(forked) == Proof("patch", picked)


def test_only_so_many_commits_are_looked_at(forked: GitRepo) -> None:
    forked.git("cherry-pick", "work~1", "work")
    picked = forked.head()
    _more(forked)
    for n in range(3):
        forked.commit(f"later {n}")
    assert _proof(forked) == Proof("patch", picked)
    assert _proof(forked, limit=3) != Proof("patch", picked)


def test_a_branch_that_changes_nothing_is_contained(forked: GitRepo) -> None:
    forked.git("checkout", "--quiet", "-b", "nothing", "fork")
    forked.commit("nothing")
    forked.git("checkout", "--quiet", "main")
    assert _proof(forked, "nothing") == Proof("contained", None)


def test_commits_that_are_not_here_prove_nothing(forked: GitRepo) -> None:
    found = Repo.discover(forked.path)
    tip, work, fork = (forked.head(rev) for rev in ("main", "work", "fork"))
    assert proofs.merged_by(found, tip, "1" * 40, fork) is None
    assert proofs.merged_by(found, "1" * 40, work, fork) is None
    assert proofs.merged_by(found, tip, "--all", fork) is None
    forked.git("cherry-pick", "work~1", "work")
    assert proofs.merged_by(found, forked.head(), work, "1" * 40) == Proof("patch", forked.head())
    forked.git("checkout", "--quiet", "--orphan", "alone")
    alone = forked.commit("alone")
    assert proofs.merged_by(found, tip, alone, fork) is None


def test_a_git_without_merging_in_memory(forked: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever needs no merge is proven all the same."""
    found = os.environ["PATH"].split(os.pathsep)
    real = next(Path(place, "git") for place in found if place and Path(place, "git").exists())
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "git"
    script.write_text(f'#!/bin/sh\nfor a; do [ "$a" = --write-tree ] && exit 129; done\nexec "{real}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(GitError) as caught:
        _proof(forked)
    assert caught.value.code == "git-too-old"
    forked.git("cherry-pick", "work~1", "work")
    assert _proof(forked) == Proof("patch", forked.head())
    forked.git("merge", "--quiet", "--no-edit", "work")
    assert _proof(forked) == Proof("reachable", forked.head())


@pytest.mark.parametrize("later", [False, True])
def test_earlier_commits_are_looked_at_where_there_is_time_for_it(forked: GitRepo, later: bool) -> None:
    forked.git("merge", "--quiet", "--squash", "work")
    forked.write("extra", "by the reviewer\n")
    squash = forked.commit("squashed, and more")
    if later:
        _more(forked)
    found = Repo.discover(forked.path)
    tip, work, fork = (forked.head(rev) for rev in ("main", "work", "fork"))
    quick = proofs.merged_by(found, tip, work, fork, earlier=False)
    assert quick == (None if later else Proof("contained", squash))
    line = proofs.earlier(found, tip, work)
    assert line == ([squash] if later else [])
    assert proofs.earlier(found, tip, work, since=squash) == []
    assert proofs.contained_in(found, line, work) == (Proof("contained", squash) if later else None)
