"""Signed ledgers: whoever signs commits signs these, and a server that demands signatures gets no others."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from forging import event, forge
from servers import LEDGER, Server, served
from townfixtures import TownHelper
from waiting import until

from gitconvoy.ledger.read import REF


@pytest.fixture
def there(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """gt-a <- gt-b <- gt-c in an open convoy, gt-a at work; the server has all of it, unsigned."""
    return served(tmp_path_factory.mktemp("served"), tmp_path)


def key(folder: Path, name: str, passphrase: str = "") -> Path:
    """A new ssh key; its public part."""
    file = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(file)], check=True)
    return file.with_suffix(".pub")


def signing(here: TownHelper, public: Path) -> None:
    """Sign commits from now on."""
    for name, value in {"gpg.format": "ssh", "user.signingkey": str(public), "commit.gpgsign": "true"}.items():
        here.repo.config(name, value)


def demanding(there: Server, *keys: Path, what: str = "true") -> None:
    """Let the server demand signatures by these keys."""
    allowed = there.repo.path / "allowed-signers"
    allowed.write_text("".join(f"test@example.org {each.read_text()}" for each in keys))
    there.repo.config("gpg.ssh.allowedSignersFile", str(allowed))
    there.repo.config("gitconvoy.requireSigned", what)


def unsigned(here: TownHelper, revs: str) -> list[str]:
    """The subjects of those ledger commits that hold no signature."""
    lines = here.repo.git("log", "--format=%H %s", revs).splitlines()
    return [line for line in lines if "gpgsig" not in here.repo.git("cat-file", "commit", line[:40])]


def test_signed_commits_are_taken_and_others_refused_by_name(there: Server, tmp_path: Path) -> None:
    here = there.town
    own, strange = key(tmp_path, "own"), key(tmp_path, "strange")
    demanding(there, own)
    before = here.repo.head("convoy-ledger")
    forge(here, event(here, "pause", town_changes={"paused": True}))
    told = there.refuses("convoy-ledger")
    commit = here.repo.head("convoy-ledger")
    assert f"{commit[:10]} pause: it is not signed [signature]" in told
    assert "hint: sign what you commit" in told

    here.repo.git("update-ref", REF, before)
    signing(here, strange)
    here.ok("pause", "--all")
    assert "a key that this server does not trust" in there.refuses("convoy-ledger")

    here.repo.git("update-ref", REF, before)
    here.ok("doctor", "--accept-ledger")
    signing(here, own)
    here.ok("pause", "--all")
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    assert unsigned(here, f"{before}..convoy-ledger") == []
    there.takes("convoy-ledger")


def test_a_commit_that_was_changed_after_it_was_signed(there: Server, tmp_path: Path) -> None:
    here = there.town
    own = key(tmp_path, "own")
    demanding(there, own)
    signing(here, own)
    here.ok("pause", "--all")
    text = here.repo.git("cat-file", "commit", "convoy-ledger", strip=False).replace(
        "Convoy-Actor: ", "Convoy-Actor: x"
    )
    forged = here.repo.git("hash-object", "-t", "commit", "-w", "--stdin", input=text)
    here.repo.git("update-ref", REF, forged)
    assert "its signature is bad" in there.refuses("convoy-ledger")


def test_a_signature_is_that_of_the_commit_itself(there: Server, tmp_path: Path) -> None:
    """Not of one that refs/replace/ puts in its place."""
    here = there.town
    own = key(tmp_path, "own")
    demanding(there, own)
    forged = str(forge(here, event(here, "pause", town_changes={"paused": True})))
    text = here.repo.git("cat-file", "commit", forged, strip=False)
    signing(here, own)
    tree, parent = (line.split()[1] for line in text.splitlines()[:2])
    signed = here.repo.git("commit-tree", "-S", "-p", parent, "-m", "signed", tree)
    here.repo.git("push", "--quiet", "origin", f"{signed}:refs/replace/{forged}")
    assert "it is not signed" in there.refuses("convoy-ledger")


def test_what_is_committed_decides_nothing(there: Server, tmp_path: Path) -> None:
    """A key that a push brings along is none that the server trusts."""
    here = there.town
    own, strange = key(tmp_path, "own"), key(tmp_path, "strange")
    demanding(there, own)
    signing(here, strange)
    here.repo.write("allowed-signers", f"test@example.org {strange.read_text()}")
    here.commit("trust me")
    here.ok("pause", "--all")
    assert "does not trust" in there.refuses("main", "convoy-ledger")


def test_the_trunk_too_where_all_is_demanded(there: Server, tmp_path: Path) -> None:
    here = there.town
    own = key(tmp_path, "own")
    demanding(there, own, what="all")
    here.repo.write("notes.txt", "one\n")
    commit = here.commit("notes")
    told = there.refuses("main")
    assert "refs/heads/main is refused: 1 commit without a good signature" in told
    assert f"{commit[:10]}: it is not signed [signature]" in told
    signing(here, own)
    here.repo.git("commit", "--quiet", "--amend", "--no-edit")
    there.takes("main")


def test_a_setting_that_cannot_be_meant_lets_nothing_through(there: Server) -> None:
    there.repo.config("gitconvoy.requireSigned", "sometimes")
    there.town.ok("pause", "--all")
    assert "gitconvoy.requireSigned is 'sometimes'" in there.refuses("convoy-ledger")


def test_where_signing_fails_nothing_is_dispatched_and_nothing_lost(there: Server, tmp_path: Path) -> None:
    """A key with a passphrase, and nobody who could be asked for it: as in a hook without a terminal."""
    here = there.town
    signing(here, key(tmp_path, "locked", "a long passphrase"))
    before = here.repo.head("convoy-ledger")
    replaced = here.repo.read(".convoy/beads/gt-a.yaml") + "status: closed\n"
    here.repo.write(".convoy/beads/gt-a.yaml", replaced)
    here.repo.git("-c", "commit.gpgsign=false", "commit", "--quiet", "-am", "done by hand")
    command = [sys.executable, "-m", "gitconvoy", "hook-run", "post-commit"]
    hook = subprocess.run(
        command, cwd=here.path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        start_new_session=True,
    )  # fmt: skip
    assert hook.returncode == 0
    assert "gitconvoy: a commit could not be signed: " in hook.stderr
    assert "hint: commit.gpgsign is on: see that signing works here" in hook.stderr
    assert here.repo.head("convoy-ledger") == before
    assert here.error("scan")["code"] == "not-signed"
    assert here.ledger().bead("gt-b").attempt == 0
    signing(here, key(tmp_path, "open"))
    here.ok("scan")
    assert [each.split()[0] for each in here.events()[-2:]] == ["done", "dispatch"]
    assert unsigned(here, f"{before}..convoy-ledger") == []
    there.takes("main", "convoy-ledger")
    assert there.tip(LEDGER) == here.repo.head("convoy-ledger")


def test_supervisors_sign_too(there: Server, tmp_path: Path) -> None:
    """What a detached process decides when a worker ends, in a worktree of its own."""
    here = there.town
    own = key(tmp_path, "own")
    demanding(there, own)
    signing(here, own)
    here.repo.config("gitconvoy.dispatcher", "runs")
    here.repo.config("gitconvoy.dispatcher.runs.command", f"{shlex.quote(sys.executable)} -c 'raise SystemExit(3)'")
    before = here.repo.head("convoy-ledger")
    here.ok("sling", "gt-x", "--no-convoy")
    until(lambda: here.events()[-1].startswith("fail gt-x"), "the end of the worker")
    assert [each.split()[0] for each in here.events()[-2:]] == ["dispatch", "fail"]
    assert unsigned(here, f"{before}..convoy-ledger") == []
    there.takes("convoy-ledger")
