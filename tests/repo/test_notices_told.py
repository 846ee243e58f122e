"""Notices delivered by a program and by apprise: once each, tried again, never by a committed file (SPEC 4, 7, 9)."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from handing import claim, try_again_now
from rigtowns import CONFIG, rig_town, two_beads
from townfixtures import TownHelper, town
from waiting import until
from workshops import processes_of

from gitconvoy.dispatch import notifying, outbox
from gitconvoy.engine.telling import notices
from gitconvoy.engine.telling.delivering import deliver, take_in
from gitconvoy.reports.stranded import stuck

FLOW = "hq-cv-flow"
TELL = """
import json, os, pathlib, sys, uuid
out = pathlib.Path(sys.argv[1])
if (out / "broken").exists():
    print("the mail server is down")
    sys.exit(1)
note = {"argv": sys.argv[2:], "stdin": json.load(sys.stdin), "text": None,
        "env": [name for name in os.environ if name.startswith(("GIT_DIR", "GITCONVOY_"))]}
if len(sys.argv) > 5:
    note["text"] = pathlib.Path(sys.argv[6]).read_text()
name = str(uuid.uuid4())
(out / ("." + name)).write_text(json.dumps(note))
(out / ("." + name)).rename(out / (name + ".json"))
"""


@dataclass(slots=True)
class Post:
    """A town whose notices go to a program that keeps them."""

    here: TownHelper
    out: Path

    def notes(self) -> list[dict[str, Any]]:
        """What the program was given, in no order."""
        return [json.loads(file.read_text()) for file in sorted(self.out.glob("*.json"))]

    def told(self) -> list[tuple[str, str]]:
        """(event, what about), sorted."""
        return sorted(
            (note["stdin"]["event"], note["stdin"]["bead"] or note["stdin"]["convoy"]) for note in self.notes()
        )

    def quiet(self) -> None:
        """Wait until everything that was recorded is taken in, and nothing that could be delivered is left."""
        common = self.here.path / ".git"

        def at_rest() -> bool:
            left = [each for each in outbox.read_all(common) if not each.failures]
            return not left and outbox.cursor(common) == self.here.open().ledger_tip()

        until(at_rest, "the end of delivery")

    def deliver(self) -> int:
        """What the detached process does, in this one."""
        return deliver(self.here.open(), stuck)


def post_of(here: TownHelper, place: Path) -> Post:
    """Have what a town tells kept below `place`."""
    (place / "out").mkdir()
    (place / "tell.py").write_text(TELL)
    command = shlex.join([sys.executable, str(place / "tell.py"), str(place / "out")])
    here.repo.config("gitconvoy.notify", f"{command} {{event}} {{convoy}} {{bead}} {{to}} {{message_file}}")
    return Post(here, place / "out")


@pytest.fixture
def post(repo: GitRepo, tmp_path: Path) -> Post:
    """gt-a and gt-b in an open convoy of ada, watched by bob."""
    made = post_of(town(repo), tmp_path)
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  max_attempts: 2\n  backoff: 1h\n")
    made.here.bead("gt-a")
    made.here.bead("gt-b")
    made.here.convoy(FLOW, "gt-a", "gt-b", status="open", owner="ada", watchers=["bob"])
    made.here.commit("plan")
    made.here.ok("scan")
    return made


def due(notice: outbox.Notice) -> outbox.Notice:
    """The same notice, to be tried now."""
    return replace(notice, not_before=0)


def end(post: Post, bead: str, how: str, *more: str) -> None:
    worker = post.here.ledger().bead(bead).worker or ""
    post.here.ok("--actor", worker, how, bead, *more)


def test_completion_is_told_to_each_once(post: Post) -> None:
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    until(lambda: len(post.notes()) == 2, "the notices")
    post.quiet()
    assert sorted(note["argv"][:4] for note in post.notes()) == [
        ["completion", FLOW, "", "ada"],
        ["completion", FLOW, "", "bob"],
    ]
    recorded = post.here.json("log", "--event", "notify")["entries"]
    assert {note["stdin"]["id"] for note in post.notes()} == {entry["commit"] for entry in recorded}
    assert len(recorded) == 1
    note = post.notes()[0]
    assert note["text"].startswith(f"completion: {FLOW} (Title of {FLOW})\n")
    assert set(note["env"]) <= {"GITCONVOY_DETACHED"}, "nothing of an attempt"
    for _ in range(3):
        post.here.ok("scan")
        post.deliver()
    assert len(post.notes()) == 2
    assert post.here.repo.status() == []


def test_a_bead_that_is_given_up_is_told_with_its_last_reason(post: Post) -> None:
    post.here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  max_attempts: 1\n")
    post.here.commit("one attempt is enough")
    end(post, "gt-b", "done", "--no-code")
    end(post, "gt-a", "fail", "--reason", "no fixture $(touch x)")
    until(lambda: len(post.notes()) >= 2, "the notices")
    post.quiet()
    post.deliver()
    told = [note for note in post.notes() if note["stdin"]["event"] == "exhausted"]
    assert [note["argv"][1:4] for note in sorted(told, key=lambda note: str(note["argv"]))] == [
        [FLOW, "gt-a", "ada"],
        [FLOW, "gt-a", "bob"],
    ]
    assert "no fixture $(touch x)" in told[0]["stdin"]["message"]
    # Beside it the convoy completes as partial, or stands still: one of them, and once.
    others = {note["stdin"]["event"] for note in post.notes()} - {"exhausted"}
    assert others <= {"completion", "stranded"}
    assert len(post.told()) == 2 + 2 * len(others)


# Standstills that no event of the ledger goes with


def asleep(post: Post) -> str:
    """Wait until nobody looks and delivers any more; the tip of the ledger."""
    until(lambda: not processes_of(post.here.path), "the end of all processes")
    return post.here.open().ledger_tip() or ""


def test_nobody_looks_again_where_nothing_has_changed(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.here.ok("scan")
    asleep(post)
    spawned: list[list[str]] = []
    monkeypatch.setattr(notices, "spawn", lambda _, command, *__: spawned.append(command))
    for _ in range(3):
        post.here.ok("scan")
    assert spawned == []
    post.here.repo.config("gitconvoy.paused", "true")
    post.here.ok("scan")
    assert spawned == [["deliver"]]


def test_a_dispatcher_that_is_gone_is_told(post: Post) -> None:
    end(post, "gt-a", "unsling")
    end(post, "gt-b", "unsling")
    before = asleep(post)
    post.here.repo.config("gitconvoy.dispatcher", "nowhere")
    post.here.ok("scan")
    until(lambda: len(post.notes()) == 2, "the notices")
    asleep(post)
    assert "'nowhere' cannot be used here" in post.notes()[0]["stdin"]["message"]
    assert post.here.repo.git("rev-list", "--count", f"{before}..convoy-ledger") == "1", "only the notice"


def test_a_repository_that_is_away_is_told_once(make_repo: Callable[[str], GitRepo], tmp_path: Path) -> None:
    made = rig_town(make_repo)
    post = post_of(made.here, tmp_path)
    made.here.repo.write(".convoy/config.yaml", CONFIG + "dispatch:\n  auto: false\n")
    two_beads(made, owner="ada")
    made.here.ok("scan")
    before = asleep(post)
    made.away()
    for _ in range(2):
        made.here.ok("scan")
    until(lambda: len(post.notes()) == 1, "the notice")
    asleep(post)
    assert post.told() == [("stranded", FLOW)]
    assert "web" in post.notes()[0]["stdin"]["message"]
    assert made.here.repo.git("rev-list", "--count", f"{before}..convoy-ledger") == "1"


def test_a_worker_that_said_nothing_is_told(post: Post) -> None:
    here = post.here
    for bead in ("gt-a", "gt-b"):
        end(post, bead, "done", "--no-code")
    here.repo.config("gitconvoy.dispatcher", "script")
    here.repo.config("gitconvoy.dispatcher.script.command", shlex.join([sys.executable, "-c", "pass"]))
    here.bead("gt-c")
    here.convoy("hq-cv-2", "gt-c", status="open", owner="eve")
    here.commit("a worker that only ends")
    here.ok("scan")
    until(lambda: ("stranded", "hq-cv-2") in post.told(), "the notice")
    (told,) = [note["stdin"] for note in post.notes() if note["stdin"]["event"] == "stranded"]
    assert "neither done nor fail" in told["message"]
    asleep(post)


def test_local_changes_in_the_way_of_a_merge_are_told_once_whatever_they_are(post: Post) -> None:
    here = post.here
    for bead in ("gt-a", "gt-b"):
        end(post, bead, "done", "--no-code")
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n")
    here.bead("gt-c")
    here.convoy("hq-cv-2", "gt-c", status="open", merge="direct", owner="eve")
    here.repo.write("one.txt", "1\n")
    here.repo.write("two.txt", "2\n")
    here.commit("plan")
    here.ok("scan")
    worker = claim(here)
    worker.edit("one.txt", "changed\n")
    worker.edit("two.txt", "changed\n")
    here.repo.write("one.txt", "being edited\n")
    assert worker.done()["status"] == "submitted"
    asleep(post)
    assert ("stranded", "hq-cv-2") not in post.told(), "one try says little"
    try_again_now(here)
    here.ok("scan")
    until(lambda: ("stranded", "hq-cv-2") in post.told(), "the notice")
    here.repo.write("two.txt", "being edited, too\n")
    here.ok("scan")
    assert "two.txt" in here.json("why", "gt-c")["next_step"]
    asleep(post)
    post.deliver()
    assert post.told().count(("stranded", "hq-cv-2")) == 1


def test_what_a_lower_limit_exhausts_is_told_once(post: Post) -> None:
    end(post, "gt-a", "fail", "--reason", "no fixture")
    post.here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  max_attempts: 1\n")
    post.here.commit("one attempt is enough")
    for _ in range(2):
        post.here.ok("scan")
    until(lambda: len(post.notes()) == 2, "the notices")
    asleep(post)
    assert post.told() == [("exhausted", "gt-a")] * 2
    assert "max_attempts is 1 now, it was 2" in post.notes()[0]["stdin"]["message"]


def test_who_made_a_bead_is_no_option_of_the_program(post: Post) -> None:
    here = post.here
    here.bead("gt-c", created_by="--exec=sh")
    here.convoy("hq-cv-2", "gt-c", status="open", created_by="-x")
    here.commit("a pull request")
    here.ok("scan")
    end(post, "gt-c", "done", "--no-code")
    until(lambda: ("completion", "hq-cv-2") in post.told(), "the notice")
    post.quiet()
    assert not any(word.startswith("-") for note in post.notes() for word in note["argv"])


def test_a_standstill_is_told_once_by_whoever_sees_it(post: Post) -> None:
    here = post.here
    here.bead("gt-gate", type="gate")
    here.bead("gt-c", depends_on=["gt-gate"])
    here.convoy("hq-cv-2", "gt-c", status="open", owner="eve")
    here.commit("behind a gate")
    here.ok("scan")
    until(lambda: ("stranded", "hq-cv-2") in post.told(), "the notice")
    for _ in range(2):
        here.ok("scan")
        post.deliver()
    post.quiet()
    assert post.told() == [("stranded", "hq-cv-2")]
    assert "gt-gate" in post.notes()[0]["stdin"]["message"]
    assert post.notes()[0]["stdin"]["to"] == ["eve"]


def test_what_fails_is_shown_and_tried_again(post: Post) -> None:
    here, common = post.here, post.here.path / ".git"
    (post.out / "broken").touch()
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    (waiting,) = until(lambda: [each for each in outbox.read_all(common) if each.failures], "a try")
    assert "the mail server is down" in waiting.error
    notes = here.json("status")["notes"]
    assert any(f"completion of {FLOW}" in note and "mail server" in note for note in notes), notes
    (post.out / "broken").unlink()
    assert post.deliver() == 0, "not before its time"
    assert post.notes() == []
    outbox.put(common, due(waiting))
    here.ok("scan")
    until(lambda: len(post.notes()) == 2, "the delivery")
    post.quiet()
    assert {note["stdin"]["id"] for note in post.notes()} == {waiting.id}
    until(lambda: not outbox.read_all(common), "the note of it")
    assert not any("could not be delivered" in note for note in here.json("status")["notes"])


def test_of_several_only_what_failed_is_repeated(post: Post, tmp_path: Path) -> None:
    once = tmp_path / "once.py"
    once.write_text(
        "import pathlib, sys\n"
        "seen = pathlib.Path(sys.argv[1]) / ('seen-' + sys.argv[2])\n"
        "with seen.open('a') as stream: stream.write('x')\n"
        "sys.exit(1 if sys.argv[2] == 'bob' and len(seen.read_text()) == 1 else 0)\n"
    )
    post.here.repo.config("gitconvoy.notify", shlex.join([sys.executable, str(once), str(post.out), "{to}"]))
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    common = post.here.path / ".git"
    (waiting,) = until(lambda: [each for each in outbox.read_all(common) if each.failures], "a try")
    assert waiting.pending == ("command bob",)
    outbox.put(common, due(waiting))
    until(lambda: post.deliver() == 0 and (post.out / "seen-bob").read_text() == "xx", "the second try")
    assert (post.out / "seen-ada").read_text() == "x"


def test_a_crash_between_record_and_act_loses_nothing(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "leave_behind", lambda *_: None)  # killed right after the ledger has moved
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    monkeypatch.undo()
    assert post.notes() == []
    post.here.ok("scan")
    until(lambda: len(post.notes()) == 2, "the notices")
    post.quiet()
    assert post.told() == [("completion", FLOW)] * 2


def test_many_at_once_deliver_once(post: Post) -> None:
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: post.deliver(), range(6)))
    until(lambda: len(post.notes()) == 2, "the notices")
    post.quiet()
    assert post.told() == [("completion", FLOW)] * 2


def test_nothing_is_there_to_be_told_in_a_repository_that_nobody_has_used(repo: GitRepo) -> None:
    here = town(repo)
    assert here.run("deliver").code == 0


def test_what_happened_before_is_not_told_later(repo: GitRepo, tmp_path: Path) -> None:
    here = town(repo)
    here.bead("gt-a", status="closed")
    here.convoy(FLOW, "gt-a", status="open", owner="ada")
    here.commit("plan")
    here.ok("scan")
    assert here.events()[-1] == f"complete {FLOW}"
    script = tmp_path / "touch.py"
    script.write_text(f"import pathlib; pathlib.Path({str(tmp_path / 'told')!r}).touch()")
    repo.config("gitconvoy.notify", shlex.join([sys.executable, str(script)]))
    here.ok("scan")
    deliver(here.open(), stuck)
    assert not (tmp_path / "told").exists()
    assert "notify" not in " ".join(here.events())


def test_a_ledger_that_is_another_one_tells_nothing_old(post: Post) -> None:
    common = post.here.path / ".git"
    outbox.move_cursor(common, post.here.repo.head())
    take_in(post.here.open())
    assert outbox.read_all(common) == []
    assert outbox.cursor(common) == post.here.open().ledger_tip()


def test_settings_that_cannot_be_meant_are_shown_and_lose_nothing(post: Post) -> None:
    good = notifying.channels(post.here.open().repo).argv
    post.here.repo.config("gitconvoy.notify", "tell {secret}")
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    common = post.here.path / ".git"
    (waiting,) = until(lambda: [each for each in outbox.read_all(common) if each.failures], "a try")
    assert "unknown placeholder {secret}" in waiting.error
    asleep(post)
    post.here.repo.config("gitconvoy.notify", shlex.join(good))
    outbox.put(common, due(waiting))
    post.deliver()
    assert post.told() == [("completion", FLOW)] * 2


def test_no_hook_waits_for_a_program_that_hangs(post: Post, tmp_path: Path) -> None:
    """The commit that completes the convoy is back while the program still runs."""
    gate = tmp_path / "gate"
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import pathlib, sys, time\n"
        f"gate, begun = pathlib.Path({str(gate)!r}), pathlib.Path({str(tmp_path / 'begun')!r})\n"
        "begun.touch()\n"
        "while not gate.exists(): time.sleep(0.05)\n"
        f"pathlib.Path({str(tmp_path / 'ended')!r}).touch()\n"
    )
    post.here.repo.config("gitconvoy.notify", shlex.join([sys.executable, str(slow)]))
    post.here.bead("gt-a", status="closed")
    post.here.bead("gt-b", status="closed")
    post.here.commit("by hand")
    post.here.hook("post-commit")
    assert f"complete {FLOW}" in post.here.events()
    until((tmp_path / "begun").exists, "the program")
    assert not (tmp_path / "ended").exists()
    gate.touch()
    until((tmp_path / "ended").exists, "its end")
    post.quiet()


def test_watch_and_unwatch(post: Post) -> None:
    here = post.here
    data = here.json("watch", FLOW, "gastown/nux")
    assert (data["changed"], data["watchers"]) == (True, ["bob", "gastown/nux"])
    assert here.json("watch", FLOW, "gastown/nux")["changed"] is False
    assert here.json("--actor", "carl", "watch", FLOW)["watchers"] == ["bob", "carl", "gastown/nux"]
    assert here.error("unwatch", FLOW, "bob")["code"] == "in-file"
    assert here.json("unwatch", FLOW, "carl")["watchers"] == ["bob", "gastown/nux"]
    assert here.error("watch", FLOW, "--evil", code=2)["code"] in ("usage", "person")
    assert here.error("watch", "hq-cv-none", "ada")["code"] == "not-found"
    assert here.events().count(f"watch {FLOW}") == 3
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    until(lambda: len(post.notes()) == 3, "the notices")
    assert sorted(note["argv"][3] for note in post.notes()) == ["ada", "bob", "gastown/nux"]
    post.quiet()


def test_watch_says_where_nobody_is_told_anything(repo: GitRepo) -> None:
    here = town(repo)
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a")
    here.commit("plan")
    answer = here.run("watch", FLOW, "ada")
    assert answer.code == 0
    assert "gitconvoy.notify" in answer.err


def test_a_committed_file_can_name_no_program_and_no_target(post: Post) -> None:
    """A pull request can name people; a name that could fool the program does not pass the schema."""
    here = post.here
    here.repo.write(".convoy/convoys/hq-cv-evil.yaml", "id: hq-cv-evil\ntitle: E\nowner: --exec=sh\nstatus: open\n")
    assert any("owner" in problem["message"] for problem in here.json("validate", code=3)["problems"])
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\nnotify: touch x\n")
    assert here.json("validate", code=3)["ok"] is False


def test_a_conflict_is_told_once_with_what_conflicts(post: Post, tmp_path: Path) -> None:
    here, work = post.here, tmp_path / "work.py"
    work.write_text(
        "import json, pathlib, subprocess, sys\n"
        "bead = json.load(sys.stdin)['id']\n"
        "pathlib.Path('same.txt').write_text(bead)\n"
        "subprocess.run(['git', 'add', '.'], check=True)\n"
        "subprocess.run(['git', 'commit', '--quiet', '-m', f'Do {bead}'], check=True)\n"
        f"mine = pathlib.Path({str(tmp_path)!r}) / bead\n"
        "mine.touch()\n"
        "import time\n"
        f"while not (pathlib.Path({str(tmp_path)!r}) / 'go').exists(): time.sleep(0.05)\n"
        "subprocess.run([sys.executable, '-m', 'gitconvoy', 'done'])\n"
    )
    here.repo.config("gitconvoy.dispatcher", "script")
    here.repo.config("gitconvoy.dispatcher.script.command", shlex.join([sys.executable, str(work)]))
    here.bead("gt-c")
    here.bead("gt-d")
    here.convoy("hq-cv-2", "gt-c", "gt-d", status="open", merge="direct", owner="eve")
    here.commit("two that meet")
    here.ok("scan")
    until(lambda: (tmp_path / "gt-c").exists() and (tmp_path / "gt-d").exists(), "both commits")
    (tmp_path / "go").touch()
    until(lambda: any(event == "conflict" for event, _ in post.told()), "the notice")
    post.quiet()
    here.ok("scan")
    post.quiet()
    (told,) = [note["stdin"] for note in post.notes() if note["stdin"]["event"] == "conflict"]
    assert told["bead"] in ("gt-c", "gt-d")
    assert told["to"] == ["eve"]
    assert "same.txt" in told["message"]


# apprise


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A web server on this machine that keeps what is posted to it: (its `host:port`, what came)."""
    came: list[dict[str, Any]] = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Keep)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}", came
    server.shutdown()
    thread.join()
    server.server_close()


needs_apprise = pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None, reason="apprise is not installed (pip install 'gitconvoy[notify]')"
)


@needs_apprise
def test_apprise_delivers_to_each_url(post: Post, inbox: tuple[str, list[dict[str, Any]]]) -> None:
    post.here.repo.git("config", "--unset", "gitconvoy.notify")
    place, came = inbox
    for path in ("one", "two"):
        post.here.repo.git("config", "--add", "gitconvoy.notifyUrl", f"json://ada:secret@{place}/{path}")
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    until(lambda: len(came) == 2, "the notices")
    post.quiet()
    assert {each["title"] for each in came} == {f"completion: {FLOW} (Title of {FLOW})"}
    assert all("To: ada, bob" in each["message"] for each in came)
    files = [file for file in (post.here.path / ".git" / "gitconvoy").rglob("*") if file.is_file()]
    assert not any(b"secret" in file.read_bytes() for file in files)


@needs_apprise
def test_a_url_that_does_not_answer_is_shown_without_its_secret(post: Post) -> None:
    post.here.repo.git("config", "--unset", "gitconvoy.notify")
    post.here.repo.config("gitconvoy.notifyUrl", "json://ada:secret@127.0.0.1:9/none")
    end(post, "gt-a", "done", "--no-code")
    end(post, "gt-b", "done", "--no-code")
    common = post.here.path / ".git"
    (waiting,) = until(lambda: [each for each in outbox.read_all(common) if each.failures], "a try")
    assert "json:" in waiting.error
    assert "secret" not in post.here.run("status").err + post.here.run("status", "--json").out


def test_without_apprise_a_url_says_what_to_install(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    known = notifying.Channels(urls=("json://ada:secret@127.0.0.1:9/",))
    notice = outbox.Notice("c" * 40, "completion", 0, to=("ada",))
    (name,) = known.names(notice.to)
    said = notifying.deliver(known, notice, name, post.here.path / ".git", post.here.path)
    assert said is not None
    assert "gitconvoy[notify]" in said
    assert "secret" not in said
