"""Installing hooks: ours run, other people's stay as they are, and it can all be undone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo

from gitconvoy.errors import GitError, Refused
from gitconvoy.git.repo import Repo
from gitconvoy.hooking.install import HookChange, block, install, uninstall
from gitconvoy.hooking.layout import CHECKING, END, HOOKS, REACTING, START, is_shell
from gitconvoy.hooking.status import HookStatus, status


class Interpreter:
    """A stand-in for Python that writes down how it was called and ends as it is told."""

    def __init__(self, folder: Path, name: str = "python that's fake") -> None:
        self.path = folder / name
        self.calls_file = folder / "calls"
        self.code_file = folder / "code"
        self.code_file.write_text("0")
        self.path.write_text(
            "#!/bin/sh\n"
            '[ "$2" = -c ] && exit 0\n'
            f"printf '%s|' \"$@\" >>'{self.calls_file}'\n"
            f"cat >>'{self.calls_file}'\n"
            f"echo >>'{self.calls_file}'\n"
            f"exit \"$(cat '{self.code_file}')\"\n"
        )
        self.path.chmod(0o755)

    def calls(self) -> list[str]:
        """The hooks (and their arguments) it was called for since the last look."""
        if not self.calls_file.exists():
            return []
        lines = self.calls_file.read_text().splitlines()
        self.calls_file.unlink()
        start = "-I|-m|gitconvoy|hook-run|"
        assert all(line.startswith(start) for line in lines)
        return [line.removeprefix(start).rstrip("|") for line in lines]

    def ends_with(self, code: int) -> None:
        """Let it exit with `code` from now on."""
        self.code_file.write_text(str(code))


@pytest.fixture
def python(tmp_path: Path) -> Interpreter:
    folder = tmp_path / "bin of $HOME"
    folder.mkdir()
    return Interpreter(folder)


@pytest.fixture
def installed(repo: GitRepo, python: Interpreter) -> GitRepo:
    """A repository with our hooks, where the ledger has looked at the trunk."""
    install(Repo.discover(repo.path), str(python.path))
    look(repo)
    return repo


def look(repo: GitRepo, *more: str) -> None:
    """Write down the trunk's .convoy tree, as the ledger does after each look."""
    tree = repo.run("rev-parse", "--quiet", "--verify", "refs/heads/main:.convoy").stdout.strip() or "-"
    common = Path(repo.git("rev-parse", "--path-format=absolute", "--git-common-dir"))
    lines = [f"refs/heads/main {tree}", f"{'1' * 40} {'2' * 40}", *more]
    (common / "gitconvoy" / "seen").write_text("\n".join(lines) + "\n")


def actions(changes: tuple[HookChange, ...]) -> dict[str, str]:
    return {change.name: change.action for change in changes}


def states(found: list[HookStatus]) -> set[tuple[bool, bool | None]]:
    return {(one.installed, one.reached) for one in found}


# --- the shims -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOOKS)
def test_blocks_are_posix_sh(name: str, tmp_path: Path) -> None:
    script = "#!/bin/sh\n" + block(name, "/opt/it's here/python")
    for shell in (["sh", "-n"], ["dash", "-n"], ["bash", "--posix", "-n"]):
        try:
            done = subprocess.run(shell, input=script, text=True, capture_output=True, check=False)
        except FileNotFoundError:
            continue
        assert (done.returncode, done.stderr) == (0, "")


def test_a_commit_elsewhere_starts_no_python(installed: GitRepo, python: Interpreter) -> None:
    installed.write("src/main.c", "x\n")
    installed.commit()
    assert python.calls() == []


def test_a_commit_under_convoy_is_checked_and_reacted_to(installed: GitRepo, python: Interpreter) -> None:
    installed.write(".convoy/config.yaml", "format: 1\n")
    installed.commit()
    assert python.calls() == ["pre-commit", "post-commit"]
    look(installed)
    installed.write("other", "x\n")
    installed.commit()
    assert python.calls() == []


@pytest.mark.parametrize("code", [1, 3, 70])
def test_a_refused_commit(installed: GitRepo, python: Interpreter, code: int) -> None:
    python.ends_with(code)
    installed.write(".convoy/config.yaml", "format: x\n")
    installed.git("add", "--all")
    before = installed.head()
    assert installed.run("commit", "-m", "x").returncode != 0
    assert installed.head() == before
    assert python.calls() == ["pre-commit"]
    installed.git("commit", "--quiet", "--no-verify", "-m", "x")
    assert python.calls() == ["post-commit"]


def test_first_commit_on_an_unborn_branch(tmp_path: Path, python: Interpreter) -> None:
    repo = GitRepo(tmp_path / "new")
    repo.path.mkdir()
    repo.git("init", "--quiet")
    install(Repo.discover(repo.path), str(python.path))
    look(repo)
    repo.write("a", "a\n")
    repo.commit("first")
    assert python.calls() == []
    repo.git("update-ref", "-d", "HEAD")
    repo.write(".convoy/x", "x\n")
    repo.commit("first again")
    assert python.calls() == ["pre-commit", "post-commit"]


def test_from_sub_directories_and_linked_worktrees(installed: GitRepo, python: Interpreter, tmp_path: Path) -> None:
    (installed.path / "sub").mkdir()
    installed.write(".convoy/x", "1\n")
    installed.git("add", "--all")
    installed.git("commit", "--quiet", "-m", "from below", cwd=installed.path / "sub")
    assert python.calls() == ["pre-commit", "post-commit"]
    look(installed)
    linked = installed.worktree(tmp_path / "linked", "topic")
    assert python.calls() == []
    linked.write("sub/y", "y\n")
    linked.commit("elsewhere")
    assert python.calls() == []
    linked.write(".convoy/x", "2\n")
    linked.git("add", "--all")
    linked.git("commit", "--quiet", "-m", "on a topic branch", cwd=linked.path / "sub")
    assert python.calls() == ["pre-commit"]
    installed.git("merge", "--quiet", "topic")
    assert [call.split("|")[0] for call in python.calls()] == ["post-merge"]


def test_true_merges(installed: GitRepo, python: Interpreter) -> None:
    installed.git("checkout", "--quiet", "-b", "topic")
    installed.write(".convoy/x", "1\n")
    installed.commit()
    installed.git("checkout", "--quiet", "main")
    installed.write("other", "1\n")
    installed.commit()
    python.calls()
    installed.git("merge", "--quiet", "--no-edit", "topic")
    assert python.calls() == ["pre-merge-commit", "post-merge|0"]
    python.ends_with(1)
    look(installed)
    installed.git("reset", "--quiet", "--hard", "HEAD~1")
    look(installed)
    assert installed.run("merge", "--no-edit", "topic").returncode != 0
    assert python.calls() == ["pre-merge-commit"]


def test_moves_of_the_trunk_without_its_plan(installed: GitRepo, python: Interpreter) -> None:
    """Rebase, amend and checkout of branches that leave .convoy/ as it is start no Python."""
    installed.git("checkout", "--quiet", "-b", "topic")
    installed.write("a", "a\n")
    installed.commit()
    installed.git("checkout", "--quiet", "main")
    installed.write("b", "b\n")
    installed.commit()
    installed.git("checkout", "--quiet", "topic")
    installed.git("rebase", "--quiet", "main")
    installed.git("commit", "--quiet", "--amend", "-m", "amended")
    installed.git("checkout", "--quiet", "HEAD~1", "--", "README.md")
    assert python.calls() == []


def test_rebase_of_the_trunk(installed: GitRepo, python: Interpreter) -> None:
    installed.git("checkout", "--quiet", "-b", "topic")
    installed.write(".convoy/x", "1\n")
    installed.commit()
    installed.git("checkout", "--quiet", "main")
    python.calls()
    old, new = installed.head(), installed.head("topic")
    installed.git("rebase", "--quiet", "topic")
    assert python.calls() == [f"post-checkout|{old}|{new}|1"]
    assert installed.head() == new


def test_checkout_that_resets_the_trunk(installed: GitRepo, python: Interpreter) -> None:
    installed.git("checkout", "--quiet", "-b", "topic")
    installed.write(".convoy/x", "1\n")
    installed.commit()
    python.calls()
    tip = installed.head()
    installed.git("checkout", "--quiet", "-B", "main")
    assert python.calls() == [f"post-checkout|{tip}|{tip}|1"]


def test_other_branches_that_are_waited_for(installed: GitRepo, python: Interpreter) -> None:
    installed.git("branch", "release")
    look(installed, f"refs/heads/release {installed.head()}")
    installed.write("a", "a\n")
    installed.commit()
    assert python.calls() == []
    installed.git("checkout", "--quiet", "release")
    installed.write("b", "b\n")
    installed.commit()
    assert python.calls() == ["post-commit"]


def test_state_file_that_is_missing_or_has_no_last_line_feed(installed: GitRepo, python: Interpreter) -> None:
    seen = installed.path / ".git" / "gitconvoy" / "seen"
    seen.write_text("refs/heads/main")
    installed.commit("empty")
    assert python.calls() == []
    seen.write_text("refs/heads/main " + "1" * 40)
    installed.commit("empty")
    assert python.calls() == ["post-commit"]
    seen.unlink()
    installed.commit("empty")
    assert python.calls() == ["post-commit"]


def test_index_that_is_to_be_mended(installed: GitRepo, python: Interpreter, tmp_path: Path) -> None:
    (installed.path / ".git" / "gitconvoy-repair").write_text(".convoy/plans/x.yaml\n")
    installed.commit("empty")
    assert python.calls() == ["post-commit"]
    linked = installed.worktree(tmp_path / "linked", "topic")
    assert python.calls() == []
    (installed.path / ".git/worktrees/linked/gitconvoy-repair").write_text("x\n")
    linked.commit("empty")
    assert python.calls() == ["post-commit"]


def test_a_repository_that_only_shares_the_hooks(
    installed: GitRepo, python: Interpreter, make_repo: Callable[[str], GitRepo]
) -> None:
    other = make_repo("other")
    other.config("core.hooksPath", str(installed.path / ".git" / "hooks"))
    other.commit("empty")
    assert python.calls() == []


def test_python_is_gone(installed: GitRepo, python: Interpreter) -> None:
    python.path.unlink()
    installed.write("elsewhere", "x\n")
    installed.commit()
    installed.write(".convoy/x", "x\n")
    installed.git("add", "--all")
    refused = installed.run("commit", "-m", "x")
    assert refused.returncode != 0
    assert "gitconvoy hooks install" in refused.stderr
    assert str(python.path) in refused.stderr
    done = installed.run("commit", "--no-verify", "-m", "x")
    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if "gitconvoy hooks install" in line]


def test_gitconvoy_is_gone_from_its_python(installed: GitRepo, python: Interpreter) -> None:
    python.path.write_text("#!/bin/sh\necho No module named gitconvoy >&2\nexit 1\n")
    installed.write(".convoy/x", "x\n")
    installed.git("add", "--all")
    refused = installed.run("commit", "-m", "x")
    assert refused.returncode != 0
    assert "no longer has gitconvoy" in refused.stderr
    done = installed.run("commit", "--no-verify", "-m", "x")
    assert done.returncode == 0
    assert "no longer has gitconvoy" in done.stderr


def test_a_failing_reaction_does_not_fail_the_command(installed: GitRepo, python: Interpreter) -> None:
    installed.git("checkout", "--quiet", "-b", "topic")
    installed.write(".convoy/x", "1\n")
    installed.commit()
    python.calls()
    python.ends_with(70)
    installed.git("checkout", "--quiet", "-B", "main")
    assert len(python.calls()) == 1


# --- other people's hooks --------------------------------------------------------------------------------------------

USERS = """\
#!/bin/bash -eu
# my own hook

set | grep -i -E 'gitconvoy|common_dir|concerned|rebased' >>'{out}' || echo clean >>'{out}'
echo "$# $- $(cat)" >>'{out}'
false || exit 7
"""


def _users_hook(repo: GitRepo, name: str, text: str, mode: int = 0o755) -> Path:
    file = repo.write(f".git/hooks/{name}", text)
    file.chmod(mode)
    return file


def test_a_shell_hook_is_chained_and_not_disturbed(repo: GitRepo, python: Interpreter, tmp_path: Path) -> None:
    out = tmp_path / "out"
    texts = {name: USERS.format(out=out) for name in ("post-rewrite", "pre-commit")}
    files = {name: _users_hook(repo, name, text) for name, text in texts.items()}
    done = actions(install(Repo.discover(repo.path), str(python.path)))
    assert done == {name: "chained" if name in texts else "created" for name in HOOKS}
    assert actions(install(Repo.discover(repo.path), str(python.path))) == dict.fromkeys(HOOKS, "unchanged")
    assert states(status(Repo.discover(repo.path))) == {(True, True)}
    assert not out.exists()

    repo.write(".convoy/x", "x\n")
    repo.git("add", "--all")
    assert repo.run("commit", "-m", "x").returncode != 0
    assert python.calls() == ["pre-commit"]
    assert out.read_text().splitlines()[0] == "clean"
    out.unlink()
    (repo.path / ".git/hooks/pre-commit").unlink()
    repo.git("commit", "--quiet", "-m", "x")
    look(repo)
    repo.write(".convoy/x", "y\n")
    repo.git("commit", "--quiet", "-a", "--amend", "-m", "y")
    users = out.read_text().splitlines()
    assert users[0] == "clean"
    old_and_new = f"{repo.git('rev-parse', 'HEAD@{1}')} {repo.head()}"
    assert users[1].startswith("1 ehuB")
    assert users[1].endswith(old_and_new)

    assert actions(uninstall(Repo.discover(repo.path)))["post-rewrite"] == "removed"
    assert files["post-rewrite"].read_text() == texts["post-rewrite"]
    assert sorted(file.name for file in (repo.path / ".git/hooks").iterdir()) == ["post-rewrite"]
    assert set(actions(uninstall(Repo.discover(repo.path))).values()) == {"absent"}


def test_our_refusal_ends_the_hook_before_the_user_s_part(repo: GitRepo, python: Interpreter, tmp_path: Path) -> None:
    _users_hook(repo, "pre-commit", f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    install(Repo.discover(repo.path), str(python.path))
    python.ends_with(1)
    repo.write(".convoy/x", "x\n")
    repo.git("add", "--all")
    assert repo.run("commit", "-m", "x").returncode != 0
    assert not (tmp_path / "ran").exists()


def test_reinstalling_replaces_only_our_block(repo: GitRepo, python: Interpreter, tmp_path: Path) -> None:
    hook = _users_hook(repo, "pre-commit", "#!/bin/sh\necho mine\n", 0o750)
    found = Repo.discover(repo.path)
    install(found, str(python.path))
    first = hook.read_text()
    moved = "#!/bin/sh\n# above\n" + first.removeprefix("#!/bin/sh\n") + "echo below\n"
    hook.write_text(moved)
    other = Interpreter(tmp_path, "second")
    assert actions(install(found, str(other.path))) == dict.fromkeys(HOOKS, "updated")
    assert hook.read_text() == moved.replace("'" + str(python.path).replace("'", "'\"'\"'") + "'", str(other.path))
    assert hook.stat().st_mode & 0o777 == 0o750
    assert states(status(found)) == {(True, True)}


def test_unchanged_files_are_not_written(installed: GitRepo, python: Interpreter) -> None:
    hooks = installed.path / ".git/hooks"
    before = {file.name: file.stat().st_ino for file in hooks.iterdir()}
    install(Repo.discover(installed.path), str(python.path))
    assert {file.name: file.stat().st_ino for file in hooks.iterdir()} == before
    assert set(before) == set(HOOKS)
    (hooks / "post-merge").chmod(0o644)
    assert actions(install(Repo.discover(installed.path), str(python.path)))["post-merge"] == "updated"
    assert os.access(hooks / "post-merge", os.X_OK)


def test_a_damaged_block_is_left_alone(installed: GitRepo, python: Interpreter) -> None:
    hook = installed.path / ".git/hooks/pre-commit"
    hook.write_text(hook.read_text().replace(END + "\n", "echo mine\n"))
    before = hook.read_bytes()
    found = Repo.discover(installed.path)
    for changes in (install(found, str(python.path)), uninstall(found)):
        (change,) = [change for change in changes if change.name == "pre-commit"]
        assert change.action == "left"
        assert END in change.reason
    assert hook.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "mode", "reason", "entry"),
    [
        ("#!/usr/bin/env python3\nprint('mine')\n", 0o755, "no shell script", "gitconvoy hook-run post-merge"),
        ("echo no first line\n", 0o755, "no shell script", "gitconvoy hook-run post-merge"),
        ("#!/bin/sh\necho mine\n", 0o644, "not executable", '"$@" </dev/null || :'),
        (
            "#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n",
            0o755,
            "pre-commit is in charge",
            "entry: gitconvoy hook-run post-merge\n",
        ),
        (
            "#!/bin/sh\ncall_lefthook() { :; }\n",
            0o755,
            "lefthook is in charge",
            "run: gitconvoy hook-run post-merge {0}",
        ),
    ],
)
def test_hooks_that_are_not_touched(
    repo: GitRepo, python: Interpreter, text: str, mode: int, reason: str, entry: str
) -> None:
    hook = _users_hook(repo, "post-merge", text, mode)
    found = Repo.discover(repo.path)
    (left,) = [change for change in install(found, str(python.path)) if change.action != "created"]
    assert (left.name, left.action) == ("post-merge", "left")
    assert reason in left.reason
    assert entry in left.entry
    assert hook.read_text() == text
    assert hook.stat().st_mode & 0o777 == mode
    (state,) = [state for state in status(found) if not state.installed]
    assert (state.name, state.reached) == ("post-merge", False)
    assert state.entry == left.entry
    uninstall(found)
    assert hook.read_text() == text


def test_a_hook_that_is_a_symbolic_link(repo: GitRepo, python: Interpreter, tmp_path: Path) -> None:
    target = tmp_path / "shared-hook"
    target.write_text("#!/bin/sh\n")
    target.chmod(0o755)
    (repo.path / ".git/hooks").mkdir()
    (repo.path / ".git/hooks/pre-commit").symlink_to(target)
    changes = install(Repo.discover(repo.path), str(python.path))
    assert actions(changes)["pre-commit"] == "left"
    assert target.read_text() == "#!/bin/sh\n"
    assert changes[0].entry_files == (target,)
    assert "</dev/null || exit $?" in changes[0].entry


def test_entries_that_were_added_elsewhere_are_seen(repo: GitRepo, python: Interpreter) -> None:
    _users_hook(repo, "pre-commit", "#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n")
    found = Repo.discover(repo.path)
    entry = install(found, str(python.path))[0].entry
    assert status(found)[0].installed is False
    repo.write(".pre-commit-config.yaml", "# entry: gitconvoy hook-run pre-commit\n")
    assert status(found)[0].installed is False
    repo.write(".pre-commit-config.yaml", entry)
    assert (status(found)[0].installed, status(found)[0].reached) == (True, None)
    assert ".pre-commit-config.yaml" in status(found)[0].note


@pytest.mark.parametrize("husky", [".husky", ".husky/_"])
def test_husky(repo: GitRepo, python: Interpreter, husky: str) -> None:
    mine = repo.write(".husky/pre-commit", "npm test\n")
    if husky != ".husky":
        repo.write(f"{husky}/.gitignore", "*\n")
        repo.write(f"{husky}/pre-commit", '#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n').chmod(0o755)
    repo.git("add", "--all")
    repo.config("core.hooksPath", husky)
    found = Repo.discover(repo.path)
    changes = install(found, str(python.path))
    assert set(actions(changes).values()) == {"left"}
    assert changes[0].entry_files == (mine,)
    assert mine.read_text() == "npm test\n"
    mine.write_text(mine.read_text() + changes[0].entry)
    state = status(found)
    assert (state[0].installed, state[0].reached) == (True, None)
    assert (state[1].installed, state[1].reached) == (False, False)
    assert "husky" in state[1].note
    assert repo.git("config", "core.hooksPath") == husky


def test_hooks_that_are_files_of_the_project(repo: GitRepo, python: Interpreter) -> None:
    mine = repo.write("tools/hooks/pre-commit", "#!/bin/sh\nexit 0\n")
    mine.chmod(0o755)
    repo.commit()
    repo.config("core.hooksPath", "tools/hooks")
    found = Repo.discover(repo.path / "tools")
    changes = install(found, str(python.path))
    assert set(actions(changes).values()) == {"left"}
    assert "tools/hooks/" in changes[0].reason
    assert repo.status() == []
    repo.config("core.hooksPath", "not-there-yet")
    assert set(actions(install(found, str(python.path))).values()) == {"left"}
    assert repo.status() == []


def test_hooks_folder_that_is_a_link_into_the_project(repo: GitRepo, python: Interpreter) -> None:
    repo.write("hooks/pre-commit", "#!/bin/sh\nexit 0\n").chmod(0o755)
    repo.commit()
    (repo.path / ".git/hooks").symlink_to("../hooks")
    assert set(actions(install(Repo.discover(repo.path), str(python.path))).values()) == {"left"}
    assert repo.status() == []


@pytest.mark.parametrize("relative", [True, False])
def test_hooks_path_is_respected(repo: GitRepo, python: Interpreter, tmp_path: Path, relative: bool) -> None:
    folder = repo.path / "my-hooks" if relative else tmp_path / "my hooks"
    repo.write(".gitignore", "my-hooks/\n")
    repo.commit()
    value = "my-hooks" if relative else str(folder)
    repo.config("core.hooksPath", value)
    (repo.path / "sub").mkdir()
    found = Repo.discover(repo.path / "sub")
    assert set(actions(install(found, str(python.path))).values()) == {"created"}
    assert sorted(file.name for file in folder.iterdir()) == sorted(HOOKS)
    assert not (repo.path / ".git/hooks").exists()
    assert repo.git("config", "core.hooksPath") == value
    assert states(status(found)) == {(True, True)}
    look(repo)
    repo.write(".convoy/x", "x\n")
    repo.commit()
    assert python.calls() == ["pre-commit", "post-commit"]


def test_hooks_that_are_switched_off(repo: GitRepo, python: Interpreter) -> None:
    repo.config("core.hooksPath", "/dev/null")
    found = Repo.discover(repo.path)
    assert set(actions(install(found, str(python.path))).values()) == {"left"}
    assert states(status(found)) == {(False, False)}
    assert "switched off" in status(found)[0].note


def test_linked_worktree_and_bare_repository(repo: GitRepo, python: Interpreter, tmp_path: Path) -> None:
    linked = repo.worktree(tmp_path / "linked", "topic")
    found = Repo.discover(linked.path)
    install(found, str(python.path))
    assert sorted(file.name for file in (repo.path / ".git/hooks").iterdir()) == sorted(HOOKS)
    assert states(status(found)) == states(status(Repo.discover(repo.path))) == {(True, True)}
    bare = Repo.discover(repo.clone(tmp_path / "bare.git", "--bare", "--template=").path)
    assert set(actions(install(bare, str(python.path))).values()) == {"created"}
    assert sorted(file.name for file in (bare.git_dir / "hooks").iterdir()) == sorted(HOOKS)
    assert states(status(bare)) == {(True, True)}


# --- status ----------------------------------------------------------------------------------------------------------


def test_status_before_installation(repo: GitRepo) -> None:
    found = status(Repo.discover(repo.path))
    assert [one.name for one in found] == list(HOOKS) == [*CHECKING, *REACTING]
    assert states(found) == {(False, False)}
    assert all("gitconvoy hooks install" in one.note for one in found)


def test_status_of_hooks_that_do_not_get_to_us(installed: GitRepo, tmp_path: Path) -> None:
    hooks = installed.path / ".git/hooks"
    (hooks / "post-merge").chmod(0o644)
    broken = hooks / "post-commit"
    broken.write_text(broken.read_text().replace("#!/bin/sh", "#!/nowhere/bash", 1))
    above = hooks / "pre-commit"
    above.write_text(above.read_text().replace(START, f"touch '{tmp_path}/ran'\n{START}", 1))
    found = {one.name: one for one in status(Repo.discover(installed.path))}
    assert (found["post-merge"].installed, found["post-merge"].reached) == (True, False)
    assert (found["post-commit"].installed, found["post-commit"].reached) == (True, False)
    assert (found["pre-commit"].installed, found["pre-commit"].reached) == (True, None)
    assert "move the block" in found["pre-commit"].note
    assert found["post-rewrite"].reached is True
    assert not (tmp_path / "ran").exists()


OLD_GIT = """\
#!/bin/sh
for word in "$@"; do
  if [ "$word" = hook ]; then
    echo "git: 'hook' is not a git command. See 'git --help'." >&2
    exit 1
  fi
done
exec '{git}' "$@"
"""


def test_status_with_a_git_that_cannot_run_hooks(
    installed: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("git")
    assert real is not None
    old = tmp_path / "old" / "git"
    old.parent.mkdir()
    old.write_text(OLD_GIT.format(git=real))
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}{os.pathsep}{os.environ['PATH']}")
    assert states(status(Repo.discover(installed.path))) == {(True, True)}
    (installed.path / ".git/hooks/post-merge").chmod(0o644)
    (broken,) = [one for one in status(Repo.discover(installed.path)) if not one.reached]
    assert (broken.name, broken.installed) == ("post-merge", True)
    assert "cannot be run" in broken.note


# --- refusals --------------------------------------------------------------------------------------------------------


def test_python_must_be_usable(repo: GitRepo, tmp_path: Path) -> None:
    found = Repo.discover(repo.path)
    with pytest.raises(Refused, match="absolute path"):
        install(found, "python3")
    with pytest.raises(Refused, match="cannot be run"):
        install(found, str(tmp_path / "none"))
    bad = tmp_path / "python"
    bad.write_text("#!/bin/sh\nexit 1\n")
    bad.chmod(0o755)
    with pytest.raises(Refused, match="finds no gitconvoy") as caught:
        install(found, str(bad))
    assert "pipx" in caught.value.hint
    assert not (repo.path / ".git/hooks").exists()


def test_folders_that_cannot_be_made(repo: GitRepo, python: Interpreter) -> None:
    repo.write(".git/gitconvoy", "a file in the way\n")
    with pytest.raises(GitError, match="cannot be written"):
        install(Repo.discover(repo.path), str(python.path))


@pytest.mark.parametrize(
    ("line", "shell"),
    [
        ("#!/bin/sh", True),
        ("#! /bin/sh -e", True),
        ("#!/usr/bin/env bash", True),
        ("#!/usr/bin/env -S bash -e", True),
        ("#!/usr/bin/env LC_ALL=C dash", True),
        ("#!/bin/busybox sh", True),
        ("#!/usr/local/bin/zsh", True),
        ("#!/usr/bin/env python3", False),
        ("#!/usr/bin/fish", False),
        ("#!/usr/bin/env", False),
        ("#!", False),
        ("#!/usr/bin/node sh", False),
        ("echo", False),
        ("", False),
    ],
)
def test_shells(line: str, shell: bool) -> None:
    assert is_shell(line + "\necho\n") is shell
