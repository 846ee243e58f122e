"""Pushes that nobody makes by accident: odd trees, odd refs, stale claims, and servers that are set up halfway."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from forging import event, forge
from gitfixtures import GitRepo
from servers import LEDGER, Server, served
from townfixtures import TownHelper

from gitconvoy.git import commits
from gitconvoy.ledger import codec

MAIN = "refs/heads/main"


@pytest.fixture
def there(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """gt-a <- gt-b <- gt-c in an open convoy, gt-a at work, gt-x in none; the server has all of it."""
    return served(tmp_path_factory.mktemp("served"), tmp_path)


def tree_of(repo: GitRepo, *entries: tuple[str, bytes, str]) -> str:
    """A tree object of exactly these entries (mode, name, id), in this order, however wrong they are."""
    data = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    done = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        cwd=repo.path, input=data, capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout.decode().strip()


def listed(repo: GitRepo, tree: str) -> list[tuple[str, bytes, str]]:
    """What a tree holds."""
    rows = [line.split(None, 3) for line in repo.git("ls-tree", tree).splitlines()]
    return [(mode.lstrip("0"), name.encode(), oid) for mode, _, oid, name in rows]


def blob(repo: GitRepo, text: str) -> str:
    """A blob with this text."""
    return repo.git("hash-object", "-w", "--stdin", input=text)


def cyclic(here: TownHelper) -> None:
    """gt-a waits for gt-c, which waits for gt-a."""
    here.bead("gt-a", depends_on=["gt-c"])


def asked(there: Server, *lines: str, **env: str) -> subprocess.CompletedProcess[str]:
    """What the hook says to these lines, as git would start it."""
    return subprocess.run(
        ["sh", "hooks/pre-receive"],
        cwd=there.repo.path, env={**os.environ, "GIT_DIR": ".", **env}, input="".join(f"{each}\n" for each in lines),
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def handed_over(there: Server) -> None:
    """Bring what the clone has to the server, on a branch that nobody looks at."""
    there.takes("HEAD:refs/heads/elsewhere")


# Other names of the same branch


def test_another_name_of_the_trunk_is_the_trunk(there: Server) -> None:
    there.repo.git("symbolic-ref", "refs/heads/master", MAIN)
    cyclic(there.town)
    there.town.commit("a cycle")
    assert "[cycle]" in there.refuses("main:refs/heads/master")


def test_another_name_of_the_ledger_is_the_ledger(there: Server) -> None:
    there.repo.git("symbolic-ref", "refs/heads/alias", LEDGER)
    forge(there.town, event(there.town, "launch", convoy="hq-cv-1", actor=""))
    assert "who acted" in there.refuses(f"{LEDGER}:refs/heads/alias")


def test_the_branch_behind_the_name_of_the_trunk_is_the_trunk(there: Server) -> None:
    there.repo.git("update-ref", "refs/heads/real", MAIN)
    there.repo.git("symbolic-ref", MAIN, "refs/heads/real")
    cyclic(there.town)
    there.town.commit("a cycle")
    assert "[cycle]" in there.refuses("main:refs/heads/real")


@pytest.mark.parametrize("head", ["ref:\trefs/heads/main\n", "ref:refs/heads/main\n", "ref:  refs/heads/main  \n"])
def test_head_as_git_takes_it(there: Server, head: str) -> None:
    (there.repo.path / "HEAD").write_text(head)
    cyclic(there.town)
    there.town.commit("a cycle")
    assert "[cycle]" in there.refuses("main")


def test_a_pinned_trunk_of_no_name(there: Server) -> None:
    there.repo.config("gitconvoy.trunk", "")
    cyclic(there.town)
    there.town.commit("a cycle")
    assert "[cycle]" in there.refuses("main")


def test_a_name_with_a_line_separator_in_it(there: Server) -> None:
    there.town.bead("gt-y")
    there.town.commit("more")
    there.takes("main", "main:refs/heads/a\u2028b", "main:refs/heads/c\x85d")


# Claims about what stands here


def test_what_git_will_not_take_is_no_trunk_for_the_ledger(there: Server) -> None:
    """The plan is on a trunk that git refuses afterwards: the ledger alone would have been taken."""
    here = there.town
    there.repo.config("receive.denyNonFastForwards", "true")
    here.repo.git("switch", "--quiet", "-C", "other", "main~1")
    here.bead("gt-b")
    here.commit("no link")
    here.repo.git("branch", "--force", "main", "other")
    here.repo.git("switch", "--quiet", "main")
    here.ok("sling", "gt-b", "--force")
    assert "no force pushes (receive.denyNonFastForwards)" in there.refuses("+main", "convoy-ledger")


def test_a_push_that_is_wrong_about_what_stands_here(there: Server) -> None:
    here = there.town
    cyclic(here)
    new = here.commit("a cycle")
    handed_over(there)
    done = asked(there, f"{new} {new} {MAIN}")
    assert (done.returncode, "moved" in done.stderr) == (1, True), done.stderr


# Trees that git's own commands never make


def pushed(there: Server, tree: str) -> str:
    """A commit on the trunk with this root."""
    return there.town.repo.git("commit-tree", "-p", "main", "-m", "odd", tree)


def odd_trunk(there: Server, make: str) -> str:
    repo = there.town.repo
    root = listed(repo, "main")
    town = listed(repo, "main:.convoy")
    beads = listed(repo, "main:.convoy/beads")
    bad = ("100644", b"gt-z.yaml", blob(repo, "id: gt-z\ntitle: [\n"))

    def rooted(tree: str, mode: str = "40000") -> str:
        return tree_of(repo, *((mode, n, tree) if n == b".convoy" else (m, n, o) for m, n, o in root))

    def with_beads(tree: str, mode: str = "40000") -> str:
        return rooted(tree_of(repo, *((mode, n, tree) if n == b"beads" else (m, n, o) for m, n, o in town)))

    plain = ("100644", b"zz", blob(repo, "x"))

    def disordered() -> str:
        return tree_of(repo, plain, *reversed(listed(repo, rooted(tree_of(repo, *town, plain)))))

    def nested() -> str:
        tree = tree_of(repo, plain)
        for _ in range(300):
            tree = tree_of(repo, ("40000", b"d", tree), plain)
        return with_beads(tree_of(repo, ("40000", b"!", tree), *beads))

    makers: dict[str, Callable[[], str]] = {
        "file": lambda: rooted(blob(repo, "x"), "100644"),
        "link": lambda: rooted(blob(repo, "elsewhere"), "120000"),
        "submodule": lambda: rooted(repo.head("main"), "160000"),
        "unsorted root": disordered,
        "twice in the root": lambda: tree_of(repo, *(each for each in root for _ in (1, 2))),
        "twice": lambda: with_beads(tree_of(repo, beads[0], *beads)),
        "slash": lambda: with_beads(
            tree_of(repo, *beads, ("100644", b"x/gt-z.yaml", blob(repo, "id: gt-z\ntitle: x\n")))
        ),
        "dots": lambda: with_beads(tree_of(repo, ("40000", b"..", tree_of(repo, bad)), *beads)),
        "padded": lambda: with_beads(tree_of(repo, *beads, bad), "040000"),
        "nested": nested,
    }
    return makers[make]()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ("file", "no folder"),
        ("link", "no folder"),
        ("submodule", "no folder"),
        ("unsorted root", "is malformed"),
        ("twice in the root", "is malformed"),
        ("twice", "is malformed"),
        ("slash", "is malformed"),
        ("dots", "is malformed"),
        ("padded", "gt-z"),
        ("nested", "deep"),
    ],
)
def test_a_trunk_that_git_itself_would_not_write(there: Server, make: str, said: str) -> None:
    root = odd_trunk(there, make)
    assert said in there.refuses(f"{pushed(there, root)}:{MAIN}")


def test_two_records_under_one_name(there: Server) -> None:
    """One of them is looked at, the other one is read."""
    here = there.town
    repo = here.repo
    here.ok("sling", "gt-x", "--no-convoy")
    tip = commits.commit(here.open().repo, repo.head("convoy-ledger"))
    path = codec.bead_path("gt-x")
    folder, name = path.rsplit("/", 1)
    forged = blob(repo, "id: gt-x\nstatus: closed\noutcome: done\n")
    entries = listed(repo, f"{tip.id}:{folder}")
    leaf = tree_of(
        repo, *(e for each in entries for e in (each, (each[0], each[1], forged)) if each[1] == name.encode())
    )
    fan = folder.rsplit("/", 1)[1].encode()
    beads = tree_of(repo, *((m, n, leaf if n == fan else o) for m, n, o in listed(repo, f"{tip.id}:beads")))
    root = tree_of(repo, *((m, n, beads if n == b"beads" else o) for m, n, o in listed(repo, tip.id)))
    made = repo.run(
        "commit-tree", "-p", tip.parents[0], "-F", "-", root, input=tip.message,
        env={"GIT_COMMITTER_DATE": f"{tip.time} +0000"},
    ).stdout.strip()  # fmt: skip
    assert "is malformed" in there.refuses(f"{made}:{LEDGER}")


# What is said


def test_nothing_that_is_pushed_acts_on_the_terminal(there: Server) -> None:
    here = there.town
    repo = here.repo
    name = b"gt-\x1b]0;x\x07\nremote: all is well\xff.yaml"
    beads = sorted([*listed(repo, "main:.convoy/beads"), ("100644", name, blob(repo, "id: [\n"))], key=lambda e: e[1])
    tree = tree_of(repo, *beads)
    town = tree_of(repo, *((m, n, tree if n == b"beads" else o) for m, n, o in listed(repo, "main:.convoy")))
    root = tree_of(repo, *((m, n, town if n == b".convoy" else o) for m, n, o in listed(repo, "main")))
    said = asked_raw(there, pushed(there, root))
    assert b"\x1b" not in said
    assert b"\nremote: all is well" not in said


def asked_raw(there: Server, commit: str) -> bytes:
    there.takes(f"{commit}:refs/heads/elsewhere")
    done = subprocess.run(
        ["sh", "hooks/pre-receive"],
        cwd=there.repo.path, env={**os.environ, "GIT_DIR": "."},
        input=f"{there.tip(MAIN)} {commit} {MAIN}\n".encode(), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    return done.stderr


# A server that is set up halfway


@pytest.mark.parametrize("python", ["folder", "missing", "without gitconvoy", "", "relative"])
def test_a_python_that_cannot_be_it(there: Server, tmp_path: Path, python: str) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho No module named gitconvoy >&2; exit 1\n")
    script.chmod(0o755)
    place = {"folder": str(tmp_path), "missing": "/nowhere/python", "without gitconvoy": str(script), "": ""}
    there.repo.config("gitconvoy.python", place.get(python, "python3"))
    there.town.bead("gt-y")
    there.town.commit("more")
    said = there.refuses("main")
    assert "Whoever owns this server has to install gitconvoy there" in said
