"""Odd git settings and damaged local files: told, or as if they were not there; never a crash (SPEC 1, 7)."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz_data import ODD_BYTES
from fuzzing import copied, examples, judge, run, small_town
from hypothesis import example, given
from hypothesis import strategies as st
from townfixtures import TownHelper

from gitconvoy.engine import waiting, wake

KEYS = (
    "actor", "branchPrefix", "breaker", "copy", "dispatch", "dispatcher", "dispatcher.x.command", "dispatcher.x.kind",
    "dispatcher.x.timeout", "dispatcher.x.onExit", "dispatcher.x.stdin", "dispatcher.x.workplace", "keepLogs",
    "logLimit",
    "machine", "maxWorkers", "notify", "notifyUrl", "onSubmit", "paused", "pushRemote", "pushTimeout", "rig.gt.path",
    "rig.gt.verify", "rig.gt.verifyTimeout", "setup", "setupTimeout", "submodules", "trunk", "wake", "worktrees",
)  # fmt: skip
VALUES = (
    "", " ", "0", "-1", "1", "9" * 5000, "+5", "\u0663", "\u00b2", "1e3", "true", "maybe", "10q", "10m", "-5m",
    "999999d", "1h1h",
    "'", '"', "\\", "a 'b", "sh -c '{bead}'", "{nope}", "{}", "{bead!r}", "{bead.__class__}", "a\nb", "\x1b[31m",
    "\u202ex", "-x", "--",
    "/", "/nonexistent", "../..", ".git", "~", "refs/heads/main", "refs/heads/", "@{", "a..b", "*",
    "x" * 10_000, "$(id)",
    "record", "command", "tmux", "local", "off", "remote", "ask", "none", "\U0001f680", b"\xff\xfe".decode("utf-8",
    "surrogateescape"),
)  # fmt: skip
COMMANDS = (("status",), ("scan",), ("doctor",), ("ready",), ("next",), ("mine",), ("hooks", "status"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_town(tmp_path_factory.mktemp("machine")) as path:
        yield path


def look(here: TownHelper) -> None:
    for words in COMMANDS:
        judge(run(here.path, *words, "--json"), *words, "--json")


def write_config(here: TownHelper, settings: dict[str, str]) -> None:
    """Put settings into the repository's configuration, dispatching kept quiet: no process is to be started."""
    file = here.path / ".git" / "config"
    with file.open("ab") as stream:
        for key, value in settings.items():
            section, _, name = key.rpartition(".")
            head = f'[gitconvoy "{section}"]' if section else "[gitconvoy]"
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            stream.write(f'{head}\n\t{name} = "{escaped}"\n'.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("key", KEYS)
def test_each_setting_with_odd_values(template: Path, key: str) -> None:
    chosen = random.Random(key).sample(VALUES, 2)
    for value in chosen:
        with copied(template) as here:
            write_config(here, {"paused": "true", "wake": "false"})
            if ".x." in key:
                write_config(here, {"dispatcher": "x"})
            if key != "wake" or value in ("", "0", "maybe"):
                write_config(here, {key: value})
            for words in (("status",), ("scan",)):
                judge(run(here.path, *words, "--json"), *words, "--json")


@examples(4)
@given(st.dictionaries(st.sampled_from([key for key in KEYS if key != "wake"]), st.sampled_from(VALUES), max_size=3))
@example({"maxWorkers": "9" * 5000})
@example({"paused": "9" * 5000})
@example({"breaker": "9" * 5000, "dispatcher": "x", "dispatcher.x.command": "true"})
@example({"machine": "\udcff"})
@example({"actor": "\udcff"})
def test_several_settings_with_odd_values(template: Path, settings: dict[str, str]) -> None:
    with copied(template) as here:
        write_config(here, {"paused": "true", "wake": "false", **settings})
        look(here)


FILES = (
    "seen", "wake", "breakers.json", "leases/gt-a", "leases/.lock", "leases/gt-none", "attempts/gt-a-1/job.json",
    "attempts/gt-a-1/begun.json", "attempts/gt-a-1/copied.json", "attempts/gt-a-1/log", "attempts/gt-a-1/log.x.9",
    "attempts/x", "handins/gt-a", "handins/gt-a.json", "outbox/cursor", "outbox/seen", "outbox/a.json", "outbox/x",
    "proofs", "rigs.json",
    "towns/x", "unfinished.json", "breaker", "breaker.json", "notices/x",
)  # fmt: skip
CONTENTS: tuple[bytes, ...] = (
    *ODD_BYTES, b"", b"[]", b"{}", b"null", b"5", b'"x"', b'{"bead": 5}', b'{"a": NaN}', b"[" * 5000, b"1" * 5000,
    b"1 2\n3 4\n", b"refs/heads/main x\ny z\n", b"99999999999999999999 99999999999999999999\n", b"0 0\n", b"-1 -1\n",
    b'{"bead": "gt-a", "token": "t", "expires": 1e400}',
    b'{"bead": "gt-a", "token": "t", "expires": 99999999999999999999}',
    b'{"bead": "gt-a", "token": "t", "expires": 5, "pid": 99999999999999999999}',
    b'{"supervisor": "x"}',
    b'{"supervisor": 99999999999999999999999, "session": [1], "identity": {}}',
    b'{"gt": {"failures": 1e999, "last": {}}}',
    b'{"gt": {"failures": 5, "last": 99999999999999999999, "reason": null, "limit": 1}}',
)  # fmt: skip


def names(template: Path) -> list[str]:
    """The local files that a town really has, and others that commands look for."""
    place = template / ".git" / "gitconvoy"
    there = [str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()]
    return sorted({*there, *FILES})


@examples(10)
@given(st.data())
def test_damaged_local_files(template: Path, data: st.DataObject) -> None:
    chosen = data.draw(
        st.dictionaries(st.sampled_from(names(template)), st.sampled_from(CONTENTS) | st.none(), min_size=1, max_size=6)
    )
    with copied(template) as here:
        for name, content in chosen.items():
            file = here.path / ".git" / "gitconvoy" / name
            if file.is_dir():
                shutil.rmtree(file)
            if any(parent.is_file() for parent in file.parents):
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            if content is None:
                file.mkdir()
            else:
                file.write_bytes(content)
        look(here)
        for words in (
            ("heartbeat", "gt-a"),
            ("logs", "gt-a"),
            ("fail", "gt-a"),
            ("done", "gt-a", "--no-code"),
            ("log",),
        ):
            judge(run(here.path, *words, "--json"), *words, "--json")


@pytest.mark.parametrize(
    "text", [b"", b"x y\n", b"1 99999999999999999999\n", b"99999999999999999999 1\n", b"1 2 3\n", b"\xff\n"]
)
def test_who_waits_is_read_or_is_nobody(tmp_path: Path, text: bytes) -> None:
    note = tmp_path / "gitconvoy" / "wake"
    note.parent.mkdir()
    note.write_bytes(text)
    found = wake._pending(tmp_path)
    assert found is None or found > 0
    assert waiting._is_relieved(note, 1 << 40) in (True, False)


def test_every_local_folder_may_be_a_file(template: Path) -> None:
    for name in ("", "leases", "attempts", "outbox", "handins", "logs", "towns"):
        with copied(template) as here:
            place = here.path / ".git" / "gitconvoy" / name
            if place.is_dir():
                shutil.rmtree(place)
            place.write_bytes(b"")
            look(here)
            judge(run(here.path, "heartbeat", "gt-a", "--json"), "heartbeat", "--json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_local_files(template: Path) -> None:
    with copied(template) as here:
        for file in (here.path / ".git" / "gitconvoy").rglob("*"):
            if file.is_file():
                file.chmod(0)
        look(here)


def test_a_damaged_cache_is_as_none(template: Path) -> None:
    with copied(template) as here:
        (cache,) = (here.path / ".git" / "gitconvoy").glob("index-*.sqlite3")
        before = run(here.path, "status", "--json").out
        for data in (b"", b"SQLite format 3\0" + b"\xff" * 200, cache.read_bytes()[:2000], b"x" * 5000):
            cache.write_bytes(data)
            answer = judge(run(here.path, "status", "--json"), "--json")
            assert json.loads(answer.out)["convoys"] == json.loads(before)["convoys"]
