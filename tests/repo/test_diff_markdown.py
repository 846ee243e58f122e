"""What a reviewer sees: Markdown that shows just what moves, is never too long, and in which nothing of a bead acts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.model.markdown_text import code, plain
from gitconvoy.review.markdown import LIMIT
from gitconvoy.review.mermaid import label

NASTY = (
    "@everyone #1 !2 GH-3 <img src=x onerror=alert(1)> [a](http://b) | `c` ``` ~d~ $e$ www.f.g h@i.j *k* _l_ \\ {m} :n:"
)


def big(repo: GitRepo, beads: int, waves: int) -> TownHelper:
    """A convoy of many beads in waves of the same width; each but the first waits for the one a wave before it."""
    here = town(repo)
    width = beads // waves
    for n in range(beads):
        here.bead(f"gt-{n:04}", depends_on=[f"gt-{n - width:04}"] if n >= width else [])
    here.convoy("hq-cv-1", *(f"gt-{n:04}" for n in range(beads)), status="open")
    here.commit("plan")
    here.ok("scan")
    here.branch("topic")
    return here


def shown(here: TownHelper, *words: str) -> str:
    answer = here.run("diff", *words, "--format", "markdown")
    assert answer.code in (0, 1)
    assert len(answer.out.encode()) <= LIMIT
    return answer.out


def graph(text: str) -> list[str]:
    found = re.search(r"```mermaid\n(.*?)```", text, re.DOTALL)
    return found[1].splitlines() if found else []


def test_one_link_in_a_convoy_of_a_hundred_shows_just_what_moves(repo: GitRepo) -> None:
    here = big(repo, 100, 10)
    here.bead("gt-0075", depends_on=["gt-0065", "gt-0074"])
    here.commit("one link")
    text = shown(here, "main..topic")
    assert text.startswith("### Plan: 1 bead changed, 1 link added, 3 beads move to other waves\n")
    rows = re.findall(r"^\| `(gt-\d+)` \| .* \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    assert rows == [("gt-0075", "8", "9"), ("gt-0085", "9", "10"), ("gt-0095", "10", "11")]
    assert "| added | `gt-0075` | `gt-0074` | blocks |" in text
    named = {"gt-0064", "gt-0065", "gt-0074", "gt-0075", "gt-0084", "gt-0085", "gt-0095"}
    assert set(re.findall(r"gt-\d+", re.sub(r"- critical path.*", "", text))) == named
    lines = graph(text)
    assert len([line for line in lines if re.match(r" +b\d+\[", line)]) == 7
    assert '  f1(["waves 1 to 6<br/>60 beads"]):::rest' in lines
    assert [line for line in lines if "==>" in line] == ['  b2 ==>|"added"| b3']


@pytest.mark.parametrize(("beads", "nodes", "folded"), [(60, 60, 0), (64, 0, 4)])
def test_sixty_beads_are_drawn_and_more_are_folded(repo: GitRepo, beads: int, nodes: int, folded: int) -> None:
    here = big(repo, beads, 4)
    here.repo.git("switch", "--quiet", "--orphan", "empty")
    here.repo.git("commit", "--quiet", "--allow-empty", "-m", "empty")
    lines = graph(shown(here, "empty..main"))
    assert len([line for line in lines if re.match(r" +b\d+\[", line)]) == nodes
    assert len([line for line in lines if re.match(r" +f\d+\(", line)]) == folded
    assert len(lines) < 200


def test_nothing_in_a_bead_acts(repo: GitRepo) -> None:
    here = town(repo)
    here.branch("topic")
    quoted = NASTY.replace("'", "''")
    for one in ("gt-a", "gt-b"):
        here.bead(one, title=f"'{quoted}'", description=f"'{quoted}'", labels=[f"'{quoted[:60]}'"])
    here.bead("gt-c", depends_on=["gt-a"], type="'x|`y`@z'")
    here.convoy("hq-cv-1", "gt-a", "gt-b", "gt-c", title=f"'{quoted}'", status="open")
    here.commit("nasty")
    text = shown(here, "main..topic")
    prose = re.sub(r"```mermaid\n.*?```", "", text, flags=re.DOTALL)
    bare = re.sub(r"`[A-Za-z0-9._:/ -]+`", "", prose)
    told = re.sub(r"&#\d+;", "_", bare)
    for word in ("@everyone", "#1", "!2", "GH-3", "<img", "](", "`c`", "www.f", "h@i", "http://", "~d~", "$e$", "*k*"):
        assert word not in told
    assert "@&#8203;everyone" in bare
    for row in re.findall(r"^\|.*\|$", bare, re.MULTILINE):
        assert row.count("|") in (4, 5, 6)
    drawn = "\n".join(graph(text))
    labels = re.findall(r'\["(.*?)"\]', drawn)
    assert len(labels) >= 4
    assert all(re.fullmatch(r"(?:[\w .,-]|#\d+;|<br/>|…)*", each) for each in labels)
    assert "@" not in drawn
    assert "`" not in drawn


def test_what_is_too_long_is_folded_and_said(repo: GitRepo) -> None:
    here = town(repo)
    here.branch("topic")
    for n in range(400):
        here.bead(f"gt-{n:04}", title="'" + "<|@`" * 100 + "'", touches=["src/"])
    for n in range(20):
        here.convoy(f"hq-cv-{n}", *(f"gt-{each:04}" for each in range(n * 20, n * 20 + 20)), status="open")
    here.commit("much")
    text = shown(here, "main..topic")
    assert "This is not all: it would be too long for a comment." in text
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("plain words", "plain words"),
        ("a|b", "a&#124;b"),
        ("@ada", "@&#8203;ada"),
        (":100: at 10:30", ":&#8203;100: at 10:30"),
        ("see #12", "see #&#8203;12"),
        ("https://x", "https:&#8203;//x"),
        ("two\nlines\x1b[31m", "two&#92;nlines&#92;x1b&#91;&#8203;31m"),
        ("x" * 100, "x" * 79 + "…"),
        ("\u202eevil", "&#92;u202eevil"),
    ],
)
def test_text(given: str, wanted: str) -> None:
    assert plain(given) == wanted


def test_ids_and_labels() -> None:
    assert code("gt-a.b") == "`gt-a.b`"
    assert code("a`b") == "a&#96;b"
    assert code("") == ""
    assert label("1. Install 2.0") == "1#46; Install 2.0"
    assert label("- a-b") == "#45; a-b"
    assert label('"]; click b0 "javascript:x"') == "#34;#93;#59; click b0 #34;javascript#58;x#34;"


def test_it_says_the_same_as_json(repo: GitRepo) -> None:
    here = big(repo, 20, 4)
    here.bead("gt-0012", depends_on=["gt-0017"])
    here.commit("a cycle")
    found: dict[str, Any] = here.json("diff", "main", code=1)
    text = shown(here, "main")
    assert found["findings"][0]["code"] == "cycle"
    assert "| **error** | `cycle` | these beads wait for each other" in text
    assert "`beads/gt-0012.yaml` line 4" in text or "`beads/gt-0017.yaml` line 4" in text
