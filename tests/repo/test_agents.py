"""`prime` and `onboard`: short, true, and harmless whatever stands in a bead (SPEC 8)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town

from gitconvoy.cli.registry import COMMANDS
from gitconvoy.dispatch.registry import PLACEHOLDERS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a is at work, assigned to gt/polecat-1."""
    return chain(repo)


def test_prime_tells_a_worker_its_bead_by_the_environment(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITCONVOY_BEAD", "gt-a")
    monkeypatch.setenv("GITCONVOY_TOKEN", here.ledger().bead("gt-a").token or "")
    monkeypatch.setenv("GITCONVOY_WORKTREE", "/somewhere")
    monkeypatch.setenv("GITCONVOY_BRANCH", "convoy/gt-a-1")
    said = here.ok("prime")
    assert said.startswith("# Your bead: gt-a\n\nTitle of gt-a\n")
    assert "attempt 1 of 3" in said
    assert "work in /somewhere, branch convoy/gt-a-1" in said
    assert "gitconvoy done gt-a" in said
    assert "gitconvoy fail gt-a --reason" in said
    assert len(said.splitlines()) < 60


def test_prime_tells_an_actor_what_it_holds(here: TownHelper) -> None:
    data = here.json("--actor", "gt/polecat-1", "prime")
    assert data["beads"] == ["gt-a"]
    assert data["actor"] == "gt/polecat-1"
    assert data["text"].startswith("# Your bead: gt-a")


def test_prime_of_someone_without_a_bead_says_how_to_get_one(here: TownHelper) -> None:
    data = here.json("--actor", "nobody", "prime")
    assert data["beads"] == []
    assert "gitconvoy next --claim" in data["text"]
    assert "hold no bead" in data["text"]


def test_prime_of_a_bead_that_nobody_has_says_so(here: TownHelper) -> None:
    said = here.ok("prime", "gt-b")
    assert "nobody works on it now" in said
    assert "gitconvoy done" not in said
    assert here.error("prime", "gt-nothing")["code"] == "not-found"


def test_prime_is_short_and_harmless_for_a_bead_of_any_size(repo: GitRepo) -> None:
    here = town(repo)
    long = "".join(f"  line {n} \\u001b[31m $(touch x)\n" for n in range(3000))
    fields = "".join(f"{key}: |\n{long}" for key in ("description", "design", "acceptance_criteria", "notes"))
    repo.write(
        ".convoy/beads/gt-a.yaml",
        f"id: gt-a\ntitle: {'very long ' * 40}\n{fields.replace(chr(92) + 'u001b', chr(0x2620))}",
    )
    here.convoy("hq-cv-1", "gt-a", status="open")
    here.commit("plan")
    here.ok("scan")
    said = here.ok("--actor", "gt/polecat-1", "prime")
    assert len(said.splitlines()) < 60
    assert max(len(line) for line in said.splitlines()) < 400
    assert "more lines: gitconvoy bead show gt-a" in said
    assert "gitconvoy done gt-a" in said
    assert "gitconvoy fail gt-a" in said


def test_prime_says_how_to_finish_whatever_else_there_is_to_say(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    here = town(repo)
    texts = ("description", "design", "acceptance_criteria", "notes")
    fields = "".join(f"{key}: |\n{''.join(f'  {key} {n}{chr(10)}' for n in range(99))}" for key in texts)
    for name in ("gt-a", "gt-b"):
        repo.write(
            f".convoy/beads/{name}.yaml",
            f"id: {name}\ntitle: T\n{fields}touches:\n  - src/{name}/**\ndepends_on:\n  - gt-before\n",
        )
    here.bead("gt-before", status="closed")
    here.convoy("hq-cv-1", "gt-a", "gt-b", status="open")
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n")
    here.commit("plan")
    for _ in range(2):
        here.ok("--actor", "ada", "next", "--claim")
    monkeypatch.setenv("GITCONVOY_WORKTREE", "/somewhere")
    monkeypatch.setenv("GITCONVOY_BRANCH", "convoy/gt-a-1")
    said = here.ok("--actor", "ada", "prime").splitlines()
    assert 50 < len(said) < 60
    for words in (
        "# Your bead: gt-a", "Expected to change: src/gt-a/**", "Done before it: gt-before", "- work in /somewhere",
        "## How to finish", "4. You find other work", "You hold 1 more: gt-b",
    ):  # fmt: skip
        assert any(line.startswith(words) for line in said), words
    assert all(f"{key} 0" in said for key in texts), "a few lines of each text"
    assert sum("more lines: gitconvoy bead show gt-a" in line for line in said) == 4


def test_prime_gives_a_long_text_what_short_ones_leave(repo: GitRepo) -> None:
    here = town(repo)
    long = "".join(f"  line {n}\n" for n in range(30))
    repo.write(".convoy/beads/gt-a.yaml", f"id: gt-a\ntitle: T\ndescription: |\n{long}notes: one line\n")
    here.commit("plan")
    said = here.ok("prime", "gt-a").splitlines()
    assert "line 29" in said
    assert "one line" in said
    assert not any("more lines" in line for line in said)


def test_prime_does_not_call_the_bead_of_somebody_else_yours(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITCONVOY_TOKEN", "that-of-another-attempt")
    monkeypatch.setenv("GITCONVOY_WORKTREE", "/somewhere")
    said = here.ok("--actor", "eve", "prime", "gt-a")
    assert said.startswith("# Bead gt-a: gt/polecat-1 works on it, not you\n")
    assert "gitconvoy done" not in said
    assert "/somewhere" not in said


def test_prime_names_further_beads_of_the_actor(here: TownHelper) -> None:
    here.ok("--actor", "gt/polecat-1", "sling", "gt-x", "polecat-2", "--no-convoy")
    here.ok("unsling", "gt-x")
    here.repo.config("gitconvoy.actor", "ada")
    here.convoy("hq-cv-2", "gt-x", status="open")
    here.commit("more")
    here.ok("feed")
    records = [bead for bead, record in here.ledger().beads.items() if record.live]
    assert records == ["gt-a", "gt-x"]


def test_onboard_prints_and_touches_nothing(here: TownHelper) -> None:
    before = here.repo.status(), here.events()
    said = here.ok("onboard")
    assert said.startswith("## ")
    assert "gitconvoy prime" in said
    assert said.strip() == here.json("onboard")["text"].strip()
    assert (here.repo.status(), here.events()) == before
    named = set(re.findall(r"`gitconvoy ([a-z]+)", said))
    assert named <= set(COMMANDS)


def test_onboard_needs_no_repository(tmp_path: Path, repo: GitRepo) -> None:
    assert TownHelper(GitRepo(tmp_path)).run("onboard").code == 0


@pytest.mark.parametrize("page", ["agents.md", "dispatchers.md", "notices.md"])
def test_the_pages_name_only_settings_and_placeholders_that_exist(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    source = "".join(file.read_text(encoding="utf-8") for file in (DOCS.parent / "gitconvoy").rglob("*.py")).lower()
    for key in set(re.findall(r"gitconvoy\.(?:dispatcher\.\w+\.)?(\w+)", text)) - {"dispatchers"}:
        assert f".{key.lower()}" in source or f'"{key.lower()}"' in source, key
    known = PLACEHOLDERS | {"event", "convoy", "to", "message_file"}
    assert set(re.findall(r"\{([a-z_]+)\}", text)) <= known


def test_each_documented_agent_command_is_accepted(here: TownHelper) -> None:
    """The git config lines of docs/agents.md, as they stand, make a dispatcher that this machine could use."""
    text = (DOCS / "agents.md").read_text(encoding="utf-8")
    lines = re.findall(r"^git config (gitconvoy\.dispatcher\.(\w+)\.command) '(.*)'$", text, re.MULTILINE)
    assert {name for _, name, _ in lines} >= {"claude", "codex", "gemini", "aider", "script"}
    for key, name, command in lines:
        here.repo.config(key, command)
        here.repo.config("gitconvoy.dispatcher", name)
        told = here.json("status")
        assert told["dispatcher"] == {"name": name, "defined": True}, told["notes"]
