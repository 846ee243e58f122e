"""Merges in memory, and branches that move together with the worktrees that have them checked out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo, new_repo

from gitconvoy.errors import GitError, LostRace
from gitconvoy.git import merging, refs, write
from gitconvoy.git.changes import local_changes
from gitconvoy.git.merging import Advanced, Merge, Waiting, advance, merge_trees
from gitconvoy.git.repo import Repo
from gitconvoy.git.transaction import prepared

MAIN = "refs/heads/main"
LINES = "".join(f"line {n}\n" for n in range(30))


def _on(repo: GitRepo, branch: str, files: dict[str, str | None], start: str = "main") -> str:
    """A commit on a new branch with these files (None: removed); main is checked out again afterwards."""
    repo.git("checkout", "--quiet", "-b", branch, start)
    for path, text in files.items():
        if text is None:
            (repo.path / path).unlink()
        else:
            repo.write(path, text)
    made = repo.commit(branch)
    repo.git("checkout", "--quiet", "main")
    return made


@pytest.fixture
def base(repo: GitRepo) -> GitRepo:
    """A repository with some files on main."""
    for path in ("a", "b", "c", "d/e", "d/f"):
        repo.write(path, LINES)
    repo.commit("base")
    return repo


# In memory


def _merged(repo: GitRepo, ours: str, theirs: str) -> str:
    """A merge commit, made in memory."""
    found = Repo.discover(repo.path)
    tree = merge_trees(found, ours, theirs).tree
    assert tree is not None
    return write.create_commit(found, tree, [ours, theirs], "x", 1700000000)


def test_a_merge_touches_nothing_and_is_what_git_would_make(base: GitRepo) -> None:
    work = _on(base, "work", {"a": LINES + "more\n", "new": "x\n", "d/e": None})
    base.write("b", "changed\n")
    tip = base.commit("meanwhile")
    base.write("untracked", "x\n")
    tree = merge_trees(Repo.discover(base.path), tip, work).tree
    assert base.head() == tip
    assert base.status() == ["?? untracked"]
    base.git("merge", "--quiet", "--no-edit", "work")
    assert base.head("HEAD^{tree}") == tree
    assert base.run("fsck", "--strict").returncode == 0


def test_what_is_only_to_be_known_is_not_written(base: GitRepo) -> None:
    work = _on(base, "work", {"a": LINES + "more\n"})
    base.write("a", "before\n" + LINES)
    tip = base.commit("meanwhile")
    found = Repo.discover(base.path)
    before = base.git("count-objects")
    told = merge_trees(found, tip, work, keep=False)
    assert base.git("count-objects") == before
    assert told == merge_trees(found, tip, work)
    assert base.git("count-objects") != before


def test_a_folder_with_a_colon(make_repo: Callable[[str], GitRepo]) -> None:
    """Paths in lists of object folders are quoted."""
    odd = make_repo('a:"b\\')
    work = _on(odd, "work", {"a": "x\n"})
    tip = odd.commit("meanwhile")
    assert merge_trees(Repo.discover(odd.path), tip, work, keep=False).tree == odd.head("work^{tree}")


def test_conflicts_are_named(base: GitRepo) -> None:
    work = _on(base, "work", {"a": "theirs\n", "b": None, "odd\nname": "1\n", "fine": "x\n"})
    base.write("a", "ours\n")
    base.write("b", "ours\n")
    base.write("odd\nname", "2\n")
    tip = base.commit("meanwhile")
    merged = merge_trees(Repo.discover(base.path), tip, work)
    assert merged == Merge(None, ("a", "b", "odd\nname"))


def test_renames_are_followed(base: GitRepo) -> None:
    work = _on(base, "work", {"a": LINES.replace("line 3\n", "line three\n")})
    base.git("mv", "a", "moved")
    tip = base.commit("renamed")
    merged = _merged(base, tip, work)
    assert "line three" in base.show(merged, "moved")
    assert not base.exists(f"{merged}:a")


def test_attributes_and_drivers_are_those_of_the_base_whatever_is_checked_out(base: GitRepo, tmp_path: Path) -> None:
    base.config("merge.mine.driver", "cat %B >>%A")
    base.write("d/.gitattributes", "e merge=mine\n")
    base.write("b", "odd\n")
    base.write(".gitattributes", "b -merge\n")
    base.commit("attributes")
    work = _on(base, "work", {"d/e": "theirs\n"})
    base.write("d/e", "ours\n")
    tip = base.commit("meanwhile")
    base.git("checkout", "--quiet", "--detach", "HEAD~2")
    for place in (base, base.clone(tmp_path / "bare", "--bare")):
        place.git("config", "merge.mine.driver", "cat %B >>%A")
        assert place.show(_merged(place, tip, work), "d/e") == "ours\ntheirs\n"


def test_histories_without_a_common_commit(base: GitRepo) -> None:
    base.git("checkout", "--quiet", "--orphan", "alone")
    alone = base.commit("alone")
    with pytest.raises(GitError, match="unrelated histories"):
        merge_trees(Repo.discover(base.path), base.head("main"), alone)
    with pytest.raises(GitError, match="is not in this repository"):
        merge_trees(Repo.discover(base.path), "1" * 40, alone)
    with pytest.raises(GitError, match="is not in this repository"):
        merge_trees(Repo.discover(base.path), "--help", alone)


def _old_git(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Put a git on PATH that knows merge-tree as it was before 2.38."""
    folder.mkdir()
    paths = [place for place in os.environ["PATH"].split(os.pathsep) if place]
    real = next(Path(place, "git") for place in paths if Path(place, "git").exists())
    script = f'#!/bin/sh\nfor a; do [ "$a" = --write-tree ] && exit 129; done\nexec "{real}" "$@"\n'
    (folder / "git").write_text(script)
    (folder / "git").chmod(0o755)
    patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_git_that_is_too_old_says_so(base: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = _on(base, "work", {"a": "x\n"})
    _old_git(tmp_path / "bin", monkeypatch)
    with pytest.raises(GitError) as caught:
        merge_trees(Repo.discover(base.path), base.head(), work)
    assert caught.value.code == "git-too-old"
    assert "2.38" in caught.value.hint


# Moving a branch that is checked out


@pytest.fixture
def move(base: GitRepo) -> tuple[GitRepo, str, str]:
    """main at `old`; `new` is a later commit that changes a, adds n/new, removes b, makes c executable."""
    old = base.head()
    base.git("checkout", "--quiet", "-b", "work")
    base.write("a", LINES.replace("line 3\n", "line three\n"))
    base.write("n/new", "new\n")
    (base.path / "b").unlink()
    (base.path / "c").chmod(0o755)
    new = base.commit("work")
    base.git("checkout", "--quiet", "main")
    return base, old, new


def _advance(repo: GitRepo, old: str, new: str) -> Advanced | Waiting:
    return advance(Repo.discover(repo.path), MAIN, old, new, "merge work")


def _index(repo: GitRepo) -> str:
    return repo.git("ls-files", "--stage")


def _files(repo: GitRepo) -> dict[str, tuple[str, int]]:
    places = (file for file in sorted(repo.path.rglob("*")) if ".git" not in file.relative_to(repo.path).parts)
    return {str(p.relative_to(repo.path)): (p.read_text(), p.stat().st_mode) for p in places if p.is_file()}


def _unmoved(repo: GitRepo, old: str, new: str, paths: tuple[str, ...], reason: str = "overlap") -> Waiting:
    """Advancing main waits for these paths and changes neither ref, index nor file."""
    before = (_index(repo), _files(repo), repo.status())
    answer = _advance(repo, old, new)
    assert isinstance(answer, Waiting)
    assert reason in answer.reason
    assert answer.paths == paths
    assert repo.head("main") == old
    assert (_index(repo), _files(repo), repo.status()) == before
    return answer


def test_a_clean_worktree_goes_along(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    ran = repo.path.parent / "ran"
    for hook in ("post-checkout", "post-merge", "post-index-change"):
        repo.write(f".git/hooks/{hook}", f"#!/bin/sh\necho {hook} >>{ran}\n").chmod(0o755)
    os.utime(repo.path / "a", (1, 1))
    assert _advance(repo, old, new) == Advanced((repo.path,))
    assert not ran.exists()
    assert repo.head() == new
    assert repo.status() == []
    assert not (repo.path / "b").exists()
    assert os.access(repo.path / "c", os.X_OK)
    assert repo.read("n/new") == "new\n"
    assert repo.git("reflog", "-1", "--format=%gs", "main") == "merge work"
    assert repo.git("reflog", "-1", "--format=%gs", "HEAD") == "merge work"
    assert _advance(repo, old, new) == Advanced((repo.path,))
    assert repo.status() == []


def test_changes_elsewhere_stay_as_they_are(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    repo.write("staged-new", "x\n")
    repo.git("add", "staged-new")
    repo.write("staged-new", "y\n")
    repo.write("announced", "x\n")
    repo.git("add", "--intent-to-add", "announced")
    repo.write("README.md", "unstaged\n")
    repo.git("rm", "--quiet", "d/e")
    (repo.path / "d/f").unlink()
    repo.write("n/untracked", "x\n")
    before = repo.status()
    assert before == [" M README.md", " A announced", "D  d/e", " D d/f", "AM staged-new", "?? n/untracked"]
    assert isinstance(_advance(repo, old, new), Advanced)
    assert repo.head() == new
    assert repo.status() == before
    assert repo.read("staged-new") == "y\n"
    assert repo.git("cat-file", "blob", ":staged-new") == "x"
    assert repo.git("diff", "--cached", "--name-only").split() == ["d/e", "staged-new"]


@pytest.mark.parametrize(
    ("path", "staged"), [("a", True), ("a", False), ("b", True), ("b", False), ("c", True), ("n/new", True)]
)
def test_changed_files_in_the_way(move: tuple[GitRepo, str, str], path: str, staged: bool) -> None:
    repo, old, new = move
    repo.write("README.md", "elsewhere\n")
    repo.write(path, "mine\n")
    if staged:
        repo.git("add", path)
    answer = _unmoved(repo, old, new, (path,))
    assert answer.path == repo.path
    assert repo.read(path) == "mine\n"


def test_all_that_is_in_the_way_is_named_at_once(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    repo.write("a", "mine\n")
    repo.write("n/new", "mine\n")
    (repo.path / "c").chmod(0o644)
    repo.git("rm", "--quiet", "--cached", "c")
    _unmoved(repo, old, new, ("a", "c", "n/new"))


def test_a_mode_in_the_way(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    (repo.path / "a").chmod(0o755)
    _unmoved(repo, old, new, ("a",))


def test_a_file_deleted_by_hand_comes_with_its_new_state_as_git_merge_does(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    (repo.path / "a").unlink()
    (repo.path / "b").unlink()
    assert isinstance(_advance(repo, old, new), Advanced)
    assert repo.status() == []
    assert "line three" in repo.read("a")


@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
def test_changes_that_are_hidden_from_git_are_in_the_way(move: tuple[GitRepo, str, str], option: str) -> None:
    repo, old, new = move
    repo.write("a", "mine\n")
    repo.git("update-index", option, "a")
    assert repo.status() == []
    _unmoved(repo, old, new, ("a",))


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize(("made", "blocking"), [("n/new", "n/new"), ("n/new/deep/file", "n/new/deep/file"), ("n", "n")])
def test_what_git_does_not_know_is_in_the_way(
    move: tuple[GitRepo, str, str], made: str, blocking: str, ignored: bool
) -> None:
    repo, old, new = move
    if ignored:
        repo.write(".git/info/exclude", "/n\n")
    repo.write(made, "precious\n")
    _unmoved(repo, old, new, (blocking,))
    assert repo.read(made) == "precious\n"


def test_links_in_the_way(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    (repo.path / "elsewhere").mkdir()
    (repo.path / "n").symlink_to("elsewhere")
    _unmoved(repo, old, new, ("n",))
    (repo.path / "n").unlink()
    (repo.path / "n").mkdir()
    (repo.path / "n/new").symlink_to("/nowhere")
    _unmoved(repo, old, new, ("n/new",))


def test_files_that_are_already_as_they_should_become(move: tuple[GitRepo, str, str]) -> None:
    """As after a crash in the midst of writing them: the index knows of none yet."""
    repo, old, new = move
    repo.write("n/new", "new\n")
    repo.write("a", LINES.replace("line 3\n", "line three\n"))
    (repo.path / "b").unlink()
    repo.write("README.md", "elsewhere\n")
    assert isinstance(_advance(repo, old, new), Advanced)
    assert repo.head() == new
    assert repo.status() == [" M README.md"]


def test_odd_names_and_links_that_are_already_there(base: GitRepo) -> None:
    old = base.head()
    base.git("checkout", "--quiet", "-b", "work")
    names = ["new\nline", '"quoted"', "back\\slash", "sp ace", ":(top)", "\udcff"]
    for name in names:
        (base.path / name).write_text("x\n")
    (base.path / "link").symlink_to("target\n")
    new = base.commit("work")
    base.git("checkout", "--quiet", "main")
    for name in names:
        (base.path / name).write_text("x\n")
    (base.path / "link").symlink_to("target\n")
    assert isinstance(_advance(base, old, new), Advanced)
    assert base.status() == []


def test_filters_are_applied_as_in_any_checkout(base: GitRepo) -> None:
    base.config("filter.rot.smudge", "tr a-z b-za")
    base.config("filter.rot.clean", "tr b-za a-z")
    base.write(".gitattributes", "f filter=rot\n")
    base.write("f", "one\n")
    old = base.commit("filtered")
    new = _on(base, "work", {"f": "two\n"})
    assert isinstance(_advance(base, old, new), Advanced)
    assert base.read("f") == "two\n"
    assert base.show("HEAD", "f") != "two\n"
    assert base.status() == []


def test_a_folder_takes_the_place_of_a_file_and_back(base: GitRepo) -> None:
    old = base.head()
    base.git("checkout", "--quiet", "-b", "work")
    base.git("rm", "--quiet", "-r", "a", "d")
    base.write("a/x", "x\n")
    base.write("d", "d\n")
    new = base.commit("work")
    base.git("checkout", "--quiet", "main")
    base.write("d/mine", "x\n")
    _unmoved(base, old, new, ("d/mine",))
    (base.path / "d/mine").unlink()
    assert isinstance(_advance(base, old, new), Advanced)
    assert base.status() == []
    assert (base.read("a/x"), base.read("d")) == ("x\n", "d\n")


@pytest.mark.parametrize("command", ["merge", "rebase", "cherry-pick", "bisect"])
def test_an_operation_in_progress(move: tuple[GitRepo, str, str], command: str) -> None:
    repo, _, new = move
    other = _on(repo, "other", {"d/e": "theirs\n"})
    repo.write("d/e", "ours\n")
    old = repo.commit("ours")
    if command == "bisect":
        repo.git("bisect", "start")
    else:
        assert repo.run(command, other).returncode == 1
    merged = _merged(repo, old, new)
    _unmoved(repo, old, merged, (), f"a {command}")
    if command == "rebase":
        repo.git("rebase", "--abort")
        assert isinstance(_advance(repo, old, merged), Advanced)


def test_conflicts_that_are_left_over(move: tuple[GitRepo, str, str]) -> None:
    repo, _, new = move
    repo.write("d/e", "stashed\n")
    repo.git("stash", "--quiet")
    repo.write("d/e", "ours\n")
    old = repo.commit("ours")
    assert repo.run("stash", "pop").returncode == 1
    merged = _merged(repo, old, new)
    _unmoved(repo, old, merged, ("d/e",), "conflicts are not resolved")


def test_a_locked_index(move: tuple[GitRepo, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    repo, old, new = move
    monkeypatch.setattr(merging, "_LOOKS", 1)
    repo.write(".git/index.lock", "")
    _unmoved(repo, old, new, (), "index.lock")
    (repo.path / ".git/index.lock").unlink()
    assert isinstance(_advance(repo, old, new), Advanced)


def test_linked_worktrees_and_the_same_branch_in_two(move: tuple[GitRepo, str, str], tmp_path: Path) -> None:
    repo, old, new = move
    twin = tmp_path / "twin"
    repo.git("worktree", "add", "--quiet", "--force", str(twin), "main")
    other = repo.worktree(tmp_path / "other", "topic")
    second = GitRepo(twin)
    second.write("a", "mine\n")
    answer = _unmoved(repo, old, new, ("a",))
    assert answer.path == twin
    assert second.status() == [" M a"]
    second.git("checkout", "--quiet", "a")
    assert _advance(other, old, new) == Advanced((repo.path, twin))
    for place in (repo, second):
        assert place.head() == new
        assert place.status() == []
    assert other.head() == old


def test_the_first_worktree_goes_back_when_the_second_cannot_go(move: tuple[GitRepo, str, str], tmp_path: Path) -> None:
    repo, old, new = move
    repo.write("n/new", "new\n")
    repo.write("README.md", "elsewhere\n")
    twin = tmp_path / "twin"
    repo.git("worktree", "add", "--quiet", "--force", str(twin), "main")
    before = (_index(repo), _files(repo), repo.status())
    # Between the look at all of them and the update of the last: a filter of the first writes into the second.
    repo.config("filter.late.smudge", f"echo mine >>'{twin}/a'; cat")
    repo.write(".git/info/attributes", "a filter=late\n")
    answer = _advance(repo, old, new)
    assert isinstance(answer, Waiting)
    assert (answer.path, answer.paths) == (twin, ("a",))
    repo.write(".git/info/attributes", "")
    assert repo.head("main") == old
    assert (_index(repo), _files(repo), repo.status()) == before


def test_nobody_has_the_branch(move: tuple[GitRepo, str, str], tmp_path: Path) -> None:
    repo, old, new = move
    repo.git("checkout", "--quiet", "--detach")
    repo.write("a", "mine\n")
    assert _advance(repo, old, new) == Advanced(())
    assert (repo.head("main"), repo.head()) == (new, old)
    assert repo.status() == [" M a"]
    bare = repo.clone(tmp_path / "bare", "--bare")
    bare.git("update-ref", MAIN, old)
    assert _advance(bare, old, new) == Advanced(())
    assert bare.head(MAIN) == new


def test_a_rebase_of_the_branch_elsewhere(move: tuple[GitRepo, str, str], tmp_path: Path) -> None:
    repo, _, _ = move
    linked = repo.worktree(tmp_path / "linked", "base")
    linked.write("d/e", "ours\n")
    old = linked.commit("ours")
    onto = _on(repo, "other", {"d/e": "theirs\n"})
    assert linked.run("rebase", onto).returncode == 1
    new = _on(repo, "later", {"x": "x\n"}, old)
    answer = advance(Repo.discover(repo.path), "refs/heads/base", old, new, "x")
    assert answer == Waiting(linked.path, "a rebase of this branch is in progress")
    assert repo.head("base") == old
    linked.git("rebase", "--abort")
    assert advance(Repo.discover(repo.path), "refs/heads/base", old, new, "x") == Advanced((linked.path,))


def test_worktrees_whose_folders_are_gone(move: tuple[GitRepo, str, str], tmp_path: Path) -> None:
    repo, old, new = move
    repo.git("checkout", "--quiet", "--detach")
    linked = tmp_path / "linked"
    repo.git("worktree", "add", "--quiet", str(linked), "main")
    linked.rename(tmp_path / "away")
    repo.git("worktree", "lock", str(linked))
    assert _unmoved(repo, old, new, (), "its folder is not there").path == linked
    repo.git("worktree", "unlock", str(linked))
    assert _advance(repo, old, new) == Advanced(())


def test_the_ref_was_moved_by_somebody_else(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    later = repo.commit("later")
    with pytest.raises(LostRace, match="was moved"):
        _advance(repo, old, new)
    assert repo.head() == later
    assert repo.status() == []


def test_a_hook_refuses_the_move(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    repo.write("n/new", "new\n")
    before = (_index(repo), _files(repo), repo.status())
    repo.write(".git/hooks/reference-transaction", '#!/bin/sh\n[ "$1" != prepared ]\n').chmod(0o755)
    with pytest.raises(GitError, match="aborted by hook"):
        _advance(repo, old, new)
    assert repo.head() == old
    assert (_index(repo), _files(repo), repo.status()) == before


def test_submodules_go_along_as_with_git_merge(base: GitRepo, make_repo: Callable[[str], GitRepo]) -> None:
    inner = make_repo("inner")
    base.git("submodule", "--quiet", "add", str(inner.path), "sub")
    old = base.commit("with a submodule")
    later = inner.commit("later")
    base.git("checkout", "--quiet", "-b", "work")
    GitRepo(base.path / "sub").git("fetch", "--quiet")
    GitRepo(base.path / "sub").git("checkout", "--quiet", later)
    base.git("submodule", "--quiet", "add", str(inner.path), "second")
    new = base.commit("newer submodule")
    base.git("checkout", "--quiet", "main")
    base.git("submodule", "--quiet", "update", "--checkout")
    base.write("sub/mine", "x\n")
    base.config("submodule.recurse", "true")
    assert isinstance(_advance(base, old, new), Advanced)
    assert base.read("sub/mine") == "x\n"
    assert base.git("ls-files", "--stage", "sub").split()[1] == later


def test_a_sparse_checkout_stays_sparse(base: GitRepo) -> None:
    old = base.head()
    new = _on(base, "work", {"a": "x\n", "d/e": "x\n", "d/new": "x\n"})
    base.git("sparse-checkout", "set", "--no-cone", "/a", "/b")
    assert isinstance(_advance(base, old, new), Advanced)
    assert base.status() == []
    assert base.read("a") == "x\n"
    assert not (base.path / "d").exists()


# Crashes


def test_a_crash_before_the_ref_moved(move: tuple[GitRepo, str, str]) -> None:
    """The files are there as staged changes: they block nobody's next merge, and the next call takes them in."""
    repo, old, new = move
    repo.write("README.md", "elsewhere\n")
    found = Repo.discover(repo.path)
    with prepared(found, MAIN, old, new, "never"):
        assert merging._go_along([found], old, new, []) is None
    assert repo.head() == old
    assert repo.status() == [" M README.md", "M  a", "D  b", "M  c", "A  n/new"]
    again = _merged(repo, old, new)  # the same work in another commit
    assert isinstance(_advance(repo, old, again), Advanced)
    assert repo.head() == again
    assert repo.status() == [" M README.md"]


def test_killed_in_the_midst_of_it(move: tuple[GitRepo, str, str], tmp_path: Path) -> None:
    repo, old, new = move
    pid = tmp_path / "pid"
    repo.config("filter.deadly.smudge", f"kill -9 $(cat '{pid}'); cat")
    repo.write(".git/info/attributes", "a filter=deadly\n")
    code = (
        "import os, sys; from pathlib import Path; from gitconvoy.git.merging import advance; "
        "from gitconvoy.git.repo import Repo; Path(sys.argv[1]).write_text(str(os.getpid())); "
        "advance(Repo.discover(Path.cwd()), *sys.argv[2:], 'merge')"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(pid), MAIN, old, new], cwd=repo.path, check=False)
    assert killed.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    locks = [repo.path / ".git" / name for name in ("refs/heads/main.lock", "index.lock")]
    while any(lock.exists() for lock in locks):
        assert time.monotonic() < deadline
    assert repo.head() == old
    repo.write(".git/info/attributes", "")
    assert isinstance(_advance(repo, old, new), Advanced)
    assert repo.head() == new
    assert repo.status() == []


def test_from_a_hook_in_a_linked_worktree(move: tuple[GitRepo, str, str], tmp_path: Path) -> None:
    repo, old, new = move
    linked = repo.worktree(tmp_path / "linked", "topic")
    linked.write("staged", "x\n")
    linked.git("add", "staged")
    git_dir = repo.path / ".git" / "worktrees" / "linked"
    environ = dict(os.environ) | {"GIT_DIR": str(git_dir), "GIT_INDEX_FILE": str(git_dir / "index")}
    found = Repo.discover(linked.path, environ)
    merged = _merged(repo, old, new)
    assert advance(found, MAIN, old, merged, "x") == Advanced((repo.path,))
    assert (repo.status(), linked.status()) == ([], ["A  staged"])


def test_a_crash_after_the_ref_moved(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    repo.write("README.md", "elsewhere\n")
    repo.git("update-ref", MAIN, new)
    repo.write("a", "mine\n")
    assert _advance(repo, old, new) == Waiting(repo.path, merging._OVERLAP, ("a",))
    repo.git("checkout", "--quiet", "--", "a")
    for _ in range(2):
        assert isinstance(_advance(repo, old, new), Advanced)
        assert repo.status() == [" M README.md"]


# Who switches meanwhile


def _meanwhile(patch: pytest.MonkeyPatch, name: str, act: Callable[[], object], calls: int = 1) -> None:
    """Do something right before `merging` calls one of its steps for the so-manieth time."""
    real, left = getattr(merging, name), [calls]

    def step(*args: object) -> object:
        left[0] -= 1
        if left[0] == 0:
            act()
        return real(*args)

    patch.setattr(merging, name, step)


@pytest.mark.parametrize("calls", [1, 2])
def test_a_switch_to_the_branch_before_it_moves(
    move: tuple[GitRepo, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    repo, old, new = move
    other = repo.worktree(tmp_path / "other", "topic")
    repo.git("switch", "--quiet", "--detach")
    _meanwhile(monkeypatch, "_switched", lambda: other.git("switch", "--quiet", "main"), calls)
    answer = _advance(repo, old, new)
    assert isinstance(answer, Waiting)
    assert answer.path == other.path
    assert (repo.head("main"), other.status()) == (old, [])
    assert isinstance(_advance(repo, old, new), Advanced)
    assert (other.head(), other.status(), other.read("n/new")) == (new, [], "new\n")


@pytest.mark.parametrize(("step", "calls"), [("prepared", 1), ("_switched", 1), ("_switched", 2)])
def test_a_switch_away_before_it_moves(
    move: tuple[GitRepo, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, calls: int
) -> None:
    """The files of the other branch stay as they are."""
    repo, old, new = move
    repo.git("branch", "topic", old)
    twin = GitRepo(tmp_path / "twin")
    repo.git("worktree", "add", "--quiet", "--force", str(twin.path), "main")
    _meanwhile(monkeypatch, step, lambda: twin.git("switch", "--quiet", "topic"), calls)
    answer = _advance(repo, old, new)
    assert isinstance(answer, Waiting)
    assert answer.path == twin.path
    assert [repo.head(branch) for branch in ("main", "topic")] == [old, old]
    assert (repo.status(), twin.status()) == ([], [])
    assert _advance(repo, old, new) == Advanced((repo.path,))
    assert (twin.status(), twin.read("a")) == ([], LINES)


def test_a_switch_to_the_branch_in_the_moment_of_the_move(
    move: tuple[GitRepo, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next `commit -a` undoes nothing: the worktree goes along a moment later."""
    repo, old, new = move
    repo.git("switch", "--quiet", "--detach")
    other = repo.worktree(tmp_path / "other", "topic")
    git_dir = Path(other.git("rev-parse", "--absolute-git-dir"))
    # As a switch that has brought the old files, and names the branch only after the move.
    _meanwhile(monkeypatch, "_switched", lambda: (git_dir / "HEAD").write_text(f"ref: {MAIN}\n"), 3)
    assert _advance(repo, old, new) == Advanced((other.path,))
    assert (other.head(), other.status(), other.read("n/new")) == (new, [], "new\n")


def test_a_prepared_ref_belongs_to_us_until_it_moves(move: tuple[GitRepo, str, str]) -> None:
    repo, old, new = move
    found = Repo.discover(repo.path)
    with prepared(found, MAIN, old, new, "two\nlines") as commit:
        assert repo.run("update-ref", MAIN, repo.head("work~1^{commit}"), old).returncode != 0
        assert refs.ref(found, MAIN) == old
        with pytest.raises(LostRace, match="locked"), prepared(found, MAIN, old, new, "second"):
            pass
        commit()
        assert refs.ref(found, MAIN) == new
    assert repo.git("reflog", "-1", "--format=%gs", "main") == "two lines"
    with pytest.raises(LostRace, match="moved"), prepared(found, MAIN, old, new, "stale"):
        pass
    with pytest.raises(GitError, match="nonexistent"), prepared(found, MAIN, new, "1" * 40, "no such commit"):
        pass
    assert not (repo.path / ".git/refs/heads/main.lock").exists()


def test_a_repository_whose_git_directory_lies_apart(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo")
    repo.write("a", "1\n")
    old = repo.commit("one")
    repo.git("init", "--quiet", f"--separate-git-dir={tmp_path / 'apart'}")
    repo.write("a", "2\n")
    new = repo.commit("two")
    repo.git("reset", "--quiet", "--hard", old)
    assert _advance(repo, old, new) == Advanced((repo.path,))
    assert (repo.read("a"), repo.status()) == ("2\n", [])


def test_local_changes_of_all_kinds(base: GitRepo) -> None:
    base.write("a", "staged\n")
    base.git("add", "a")
    base.write("b", "x\n")
    base.write("c", "x\n")
    base.git("update-index", "--assume-unchanged", "c")
    base.write("d/e", "x\n")
    base.git("update-index", "--skip-worktree", "d/e", "d/f")
    (base.path / "d/f").unlink()
    base.write("new", "x\n")
    base.write(".git/info/exclude", "ignored\n")
    base.write("ignored", "x\n")
    index = base.git("ls-files", "--stage", "-v")
    changes = local_changes(Repo.discover(base.path))
    assert (changes.staged, changes.unstaged, changes.untracked) == (("a",), ("b", "c", "d/e"), ("new",))
    assert base.git("ls-files", "--stage", "-v") == index
