"""pre-commit and pre-merge-commit on the index: what is refused, how it is told, and plan files (SPEC 3, 5, 6)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.cli import hook_words

BEAD = ".convoy/beads/gt-new.yaml"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.convoy("hq-cv-1", "gt-a", "gt-b")
    made.commit("plan")
    made.ok("tidy")
    return made


BAD = {
    "schema": (b"id: gt-new\ntitle: N\npriority: high\n", "schema", 3),
    "unknown key": (b"id: gt-new\ntitle: N\ntitel: N\n", "unknown-key", 3),
    "missing title": (b"id: gt-new\n", "schema", 1),
    "wrong id": (b"title: N\nid: gt-other\n", "id-mismatch", 2),
    "dangling link": (b"id: gt-new\ntitle: N\ndepends_on: [gt-a, gt-nope]\n", "dangling", 3),
    "dangling parent": (b"id: gt-new\ntitle: N\nparent: gt-nope\n", "parent-dangling", 3),
    "self link": (b"id: gt-new\ntitle: N\ndepends_on: [gt-new]\n", "cycle", 3),
    "own parent": (b"id: gt-new\ntitle: N\nparent: gt-new\n", "parent-cycle", 3),
    "unknown status": (b"id: gt-new\ntitle: N\nstatus: wip\n", "unknown-status", 3),
    "unknown type": (b"id: gt-new\ntitle: N\ntype: tsk\n", "unknown-type", 3),
    "syntax": (b"id: gt-new\ntitle: [N\n", "yaml-syntax", 0),
    "tab": (b"id: gt-new\ntitle: N\nmetadata:\n\ta: 1\n", "yaml-tab", 4),
    "byte order mark": (b"\xef\xbb\xbfid: gt-new\ntitle: N\n", "yaml-bom", 1),
    "not UTF-8": (b"id: gt-new\ntitle: \xe9\n", "yaml-encoding", 2),
    "UTF-16": ("id: gt-new\ntitle: N\n".encode("utf-16"), "yaml-bom", 1),
    "conflict": (b"id: gt-new\n<<<<<<< ours\ntitle: N\n=======\ntitle: M\n>>>>>>> theirs\n", "yaml-conflict", 2),
    "alias bomb": (
        b"id: gt-new\ntitle: N\nx-a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n"
        + b"".join(b"x-%c: &%c [%s]\n" % (i, i, b", ".join([b"*%c" % (i - 1)] * 9)) for i in range(98, 118)),
        "yaml-anchor",
        3,
    ),
    "tag": (b"id: gt-new\ntitle: !!python/object/apply:os.system [id]\n", "yaml-tag", 2),
    "merge key": (b"id: gt-new\ntitle: N\nmetadata:\n  <<: {a: 1}\n", "yaml-merge-key", 4),
    "key twice": (b"id: gt-new\ntitle: N\ntitle: M\n", "yaml-duplicate-key", 3),
    "two documents": (b"id: gt-new\ntitle: N\n---\nid: gt-new\n", "yaml-documents", 3),
    "too deep": (b"id: gt-new\ntitle: N\nmetadata: " + b"{a: " * 40 + b"1" + b"}" * 40 + b"\n", "yaml-depth", 3),
    "no mapping": (b"- gt-new\n", "yaml-not-mapping", 1),
    "empty": (b"", "schema", 0),
    "bidi title": ("id: gt-new\ntitle: a\u202eb\n".encode(), "schema", 2),
    "control character": (b"id: gt-new\ntitle: a\x07b\n", "yaml-control", 2),
    "2 MiB": (b"id: gt-new\ntitle: N\ndescription: |\n" + b"  xxxxxxxxxxxxx\n" * 131072, "yaml-size", 0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_its_place(here: TownHelper, name: str) -> None:
    data, code, line = BAD[name]
    (here.path / BEAD).write_bytes(data)
    here.repo.git("add", ".")
    before = here.repo.status()
    answer = here.run("hook-run", "pre-commit")
    assert answer.code == 1
    result = here.hook("pre-commit")
    found = [problem for problem in result.problems if problem.code == code]
    assert found, [problem.text() for problem in result.problems]
    assert found[0].path == BEAD
    assert found[0].hint
    if line:
        assert found[0].line == line
        assert f"{BEAD}:{line}:{found[0].column}: {found[0].message}" in answer.err
    assert f"  hint: {found[0].hint}" in answer.err
    assert "commit is refused" in answer.err
    assert here.repo.status() == before


def test_cr_lf_is_mended_by_the_attributes_and_refused_without_them(here: TownHelper) -> None:
    (here.path / BEAD).write_bytes(b"id: gt-new\r\ntitle: N\r\n")
    here.repo.git("add", ".")
    assert here.hook("pre-commit").code == 0
    here.repo.git("rm", "--quiet", "--cached", ".convoy/.gitattributes", BEAD)
    (here.path / ".convoy/.gitattributes").unlink()
    here.repo.git("add", ".")
    (problem,) = here.hook("pre-commit").problems
    assert (problem.code, problem.line) == ("yaml-crlf", 1)


def test_cycle_names_all_ids_and_the_entry_to_cut(here: TownHelper) -> None:
    here.bead("gt-a", depends_on=["gt-b"])
    here.repo.git("add", ".")
    (problem,) = here.hook("pre-commit").problems
    assert (problem.code, problem.ids) == ("cycle", ("gt-a", "gt-b"))
    assert "gt-a -> gt-b -> gt-a" in problem.message
    assert (problem.path, problem.line) == (".convoy/beads/gt-b.yaml", 4)


def test_diamond_is_no_cycle(here: TownHelper) -> None:
    here.bead("gt-c", depends_on=["gt-a"])
    here.bead("gt-d", depends_on=["gt-b", "gt-c"])
    here.repo.git("add", ".")
    assert here.hook("pre-commit").code == 0


def test_duplicate_ids_also_ignoring_case_and_over_kinds(here: TownHelper) -> None:
    for path, text in (
        (".convoy/beads/deep/gt-a.yaml", "id: gt-a\ntitle: Again\n"),
        (".convoy/beads/GT-A.yaml", "id: GT-A\ntitle: Again\n"),
        (".convoy/convoys/gt-a.yaml", "id: gt-a\ntitle: Again\n"),
    ):
        file = here.repo.write(path, text)
        here.repo.git("add", ".")
        result = here.hook("pre-commit")
        assert (result.code, "duplicate-id" in [problem.code for problem in result.problems]) == (1, True)
        file.unlink()
        here.repo.git("add", ".")
    assert here.hook("pre-commit").code == 0


def test_symbolic_link_is_refused(here: TownHelper) -> None:
    (here.path / BEAD).symlink_to("/etc/passwd")
    here.repo.git("add", ".")
    (problem,) = here.hook("pre-commit").problems
    assert (problem.code, problem.path) == ("not-a-file", BEAD)


def test_illegal_transitions_are_refused(here: TownHelper) -> None:
    here.convoy("hq-cv-1", "gt-a", "gt-b", status="open")
    here.commit()
    here.ok("scan")
    here.convoy("hq-cv-1", "gt-a", "gt-b", status="staged_ready")
    here.repo.git("add", ".")
    (problem,) = here.hook("pre-commit").problems
    assert problem.code == "convoy-transition"
    assert "gt-a" in problem.message
    here.repo.git("restore", "--staged", "--worktree", ".")
    here.repo.git("rm", "--quiet", ".convoy/convoys/hq-cv-1.yaml")
    (problem,) = here.hook("pre-commit").problems
    assert "cannot be deleted" in problem.message


def test_a_new_convoy_cannot_begin_closed(here: TownHelper) -> None:
    here.convoy("hq-cv-2", status="closed")
    here.repo.git("add", ".")
    assert [problem.code for problem in here.hook("pre-commit").problems] == ["convoy-transition"]


def test_unfinished_merge_is_named(here: TownHelper) -> None:
    here.branch("side")
    here.bead("gt-a", title="Side")
    here.commit()
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-a", title="Main")
    here.commit()
    assert here.repo.run("merge", "side").returncode != 0
    (problem,) = here.hook("pre-commit").problems
    assert (problem.code, problem.path) == ("conflict", ".convoy/beads/gt-a.yaml")


def test_only_what_the_change_makes_is_refused(here: TownHelper) -> None:
    here.bead("gt-old", depends_on=["gt-nope"])
    here.repo.write(".convoy/beads/gt-bad.yaml", "id: gt-bad\nfoo: 1\n")
    here.commit("committed without hooks")
    here.bead("gt-fine")
    here.repo.git("add", ".")
    assert here.hook("pre-commit").code == 0
    here.repo.write(".convoy/beads/gt-bad.yaml", "id: gt-bad\nfoo: 1\nbar: 1\n")
    here.repo.git("add", ".")
    assert here.hook("pre-commit").code == 1


def test_the_index_counts_not_the_worktree(here: TownHelper) -> None:
    here.bead("gt-fine")
    here.repo.git("add", ".")
    here.bead("gt-fine", depends_on=["gt-nope"])
    assert here.hook("pre-commit").code == 0
    here.repo.git("add", ".")
    here.bead("gt-fine")
    assert here.hook("pre-commit").code == 1


def test_stale_plan_goes_into_the_index_and_the_worktree(here: TownHelper) -> None:
    path = ".convoy/plans/hq-cv-1.yaml"
    here.bead("gt-0")
    here.bead("gt-a", depends_on=["gt-0"])
    here.convoy("hq-cv-1", "gt-0", "gt-a", "gt-b")
    here.repo.git("add", ".")
    result = here.hook("pre-commit")
    assert (result.code, result.lines) == (0, (f"gitconvoy: rewrote {path}",))
    here.repo.git("commit", "--quiet", "-m", "more")
    assert path in here.files()
    assert here.repo.read(path) == here.repo.show("HEAD", path)
    assert here.json("plan")["waves"][0]["beads"] == ["gt-0"]
    assert here.repo.status() == []


def test_closing_a_bead_touches_no_plan(here: TownHelper) -> None:
    here.bead("gt-a", status="closed")
    here.repo.git("add", ".")
    assert here.hook("pre-commit").lines == ()


def test_plan_of_a_deleted_convoy_goes_with_it(here: TownHelper) -> None:
    here.repo.git("rm", "--quiet", ".convoy/convoys/hq-cv-1.yaml")
    assert here.hook("pre-commit").lines == ("gitconvoy: removed .convoy/plans/hq-cv-1.yaml",)
    here.repo.git("commit", "--quiet", "-m", "gone")
    assert not (here.path / ".convoy/plans/hq-cv-1.yaml").exists()
    assert here.repo.status() == []


def test_a_plan_file_that_a_person_edits_stays_in_the_worktree(here: TownHelper) -> None:
    path = ".convoy/plans/hq-cv-1.yaml"
    here.repo.write(path, "waves: []  # mine\n")
    here.bead("gt-c")
    here.convoy("hq-cv-1", "gt-a", "gt-b", "gt-c")
    here.repo.git("add", ".convoy/beads", ".convoy/convoys")
    assert here.hook("pre-commit").code == 0
    assert here.repo.read(path) == "waves: []  # mine\n"
    here.repo.git("commit", "--quiet", "-m", "more")
    assert here.repo.status() == [f" M {path}"]
    assert "gt-c" in here.repo.show("HEAD", path)


def test_only_the_staged_part_goes_into_the_plan(here: TownHelper) -> None:
    here.bead("gt-c")
    here.convoy("hq-cv-1", "gt-a", "gt-b", "gt-c")
    here.repo.git("add", ".")
    here.convoy("hq-cv-1", "gt-a")
    here.hook("pre-commit")
    here.repo.git("commit", "--quiet", "-m", "more")
    assert "gt-c" in here.repo.show("HEAD", ".convoy/plans/hq-cv-1.yaml")
    assert here.repo.status() == [" M .convoy/convoys/hq-cv-1.yaml"]


def test_clean_merge_is_judged_and_changes_no_files(here: TownHelper) -> None:
    here.branch("side")
    here.bead("gt-a", depends_on=["gt-c"])
    here.bead("gt-c")
    here.commit()
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-z")
    here.commit()
    assert here.repo.run("merge", "--no-commit", "--no-ff", "side").returncode == 0
    before = here.repo.status()
    assert here.hook("pre-merge-commit").code == 0
    assert here.repo.status() == before


def test_merge_that_makes_a_cycle_is_refused(here: TownHelper) -> None:
    here.bead("gt-c")
    here.commit()
    here.branch("side")
    here.bead("gt-c", depends_on=["gt-b"])
    here.commit()
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-a", depends_on=["gt-c"])
    here.commit()
    assert here.repo.run("merge", "--no-commit", "--no-ff", "side").returncode == 0
    result = here.hook("pre-merge-commit")
    assert (result.code, [problem.code for problem in result.problems]) == (1, ["cycle"])


def test_merge_that_tracks_a_bead_twice_is_refused(here: TownHelper) -> None:
    here.bead("gt-c")
    here.commit()
    here.branch("side")
    here.convoy("hq-cv-2", "gt-c")
    here.commit()
    here.repo.git("switch", "--quiet", "main")
    here.convoy("hq-cv-3", "gt-c")
    here.commit()
    assert here.repo.run("merge", "--no-commit", "--no-ff", "side").returncode == 0
    assert [problem.code for problem in here.hook("pre-merge-commit").problems] == ["tracked-twice"]


def test_merging_the_trunk_into_a_branch_is_always_legal(here: TownHelper) -> None:
    here.branch("topic")
    here.bead("gt-t")
    here.commit()
    here.repo.git("switch", "--quiet", "main")
    here.convoy("hq-cv-1", "gt-a", "gt-b", status="open")
    here.commit()
    here.ok("scan")
    here.convoy("hq-cv-1", "gt-a", "gt-b", status="staged_ready")
    here.commit("an illegal step, with --no-verify")
    here.repo.git("switch", "--quiet", "topic")
    assert here.repo.run("merge", "--no-commit", "--no-ff", "main").returncode == 0
    assert here.hook("pre-merge-commit").code == 0


def test_import_of_a_cycle_is_a_warning_and_a_new_one_is_not(here: TownHelper, tmp_path: Path) -> None:
    lines = [
        '{"id":"bd-1","title":"one","status":"open","dependencies":[{"issue_id":"bd-1","depends_on_id":"bd-2","type":"blocks"}]}',
        '{"id":"bd-2","title":"two","status":"open","dependencies":[{"issue_id":"bd-2","depends_on_id":"bd-1","type":"blocks"}]}',
    ]
    file = tmp_path / "issues.jsonl"
    file.write_text("\n".join(lines) + "\n")
    here.ok("import", str(file))
    found = here.json("validate")["problems"]
    assert [(p["code"], p["severity"]) for p in found] == [("cycle", "warning")]
    here.bead("bd-3", depends_on=["bd-1"])
    here.repo.git("add", ".")
    assert here.hook("pre-commit").code == 0
    here.repo.write(
        ".convoy/beads/bd-1.yaml", here.repo.read(".convoy/beads/bd-1.yaml").replace("- bd-2", "- bd-2\n  - bd-3")
    )
    here.repo.git("add", ".")
    assert here.hook("pre-commit").code == 1


def test_damaged_ledger_does_not_stand_in_the_way_of_commits(here: TownHelper) -> None:
    here.repo.git("branch", "convoy-ledger")
    here.bead("gt-c")
    here.repo.git("add", ".")
    assert here.hook("pre-commit").code == 0
    here.commit()
    result = here.hook("post-commit")
    assert result.code == 0
    assert "format" in result.lines[0]


def test_unknown_hooks_and_bugs(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    assert here.run("hook-run", "pre-rebase").code == 2

    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("gitconvoy.hooking.hook_impl.run_hook", broken)
    answer = here.run("hook-run", "post-commit")
    assert (answer.code, "Traceback" in answer.err, "your commit is safe" in answer.err) == (0, False, True)
    assert here.run("hook-run", "pre-commit").code == 70


def hooked(here: TownHelper, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A hook in a process of its own, as git starts it."""
    command = (sys.executable, "-m", "gitconvoy", "hook-run", *words)
    settings: dict[str, Any] = {"cwd": here.path, "capture_output": True, "text": True, "check": False, **options}
    return subprocess.run(command, **settings)


def test_a_process_of_post_checkout_does_nothing_for_files(here: TownHelper) -> None:
    here.convoy("hq-cv-1", "gt-a", "gt-b", status="open")
    here.commit()
    assert hooked(here, "post-checkout", "a", "a", "0").stderr == ""
    assert here.events() == []
    assert "gitconvoy: launched hq-cv-1" in hooked(here, "post-checkout", "a", "b", "1").stderr
    assert hooked(here, "post-commit").stderr == ""


def test_a_process_of_a_hook_whose_folder_is_gone_is_no_failure(here: TownHelper, tmp_path: Path) -> None:
    place = tmp_path / "gone"
    place.mkdir()
    done = hooked(here, "post-commit", cwd=place, preexec_fn=place.rmdir)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "your commit is safe" in done.stderr


def test_a_hook_that_is_interrupted_says_so(
    here: TownHelper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gitconvoy.hooking.hook_impl.run_hook", interrupted)
    monkeypatch.chdir(here.path)
    assert (hook_words.react("post-commit", []), capsys.readouterr().err) == (130, "interrupted\n")


def test_post_hooks_never_fail_outside_of_a_town(tmp_path: Path) -> None:
    (tmp_path / "nowhere").mkdir()
    answer = TownHelper(GitRepo(tmp_path / "nowhere")).run("hook-run", "post-checkout", "a", "b", "1")
    assert (answer.code, "hint:" in answer.err) == (0, True)


def test_post_checkout_of_files_does_nothing(here: TownHelper) -> None:
    here.convoy("hq-cv-1", "gt-a", "gt-b", status="open")
    here.commit()
    assert here.hook("post-checkout", "a", "a", "0").lines == ()
    assert here.events() == []
    told = here.hook("post-checkout", "a", "b", "1").lines
    assert "gitconvoy: launched hq-cv-1" in told
    assert here.hook("post-commit").lines == ()
