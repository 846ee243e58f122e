"""Bounded logs: both ends stay, the files never outgrow the limit, a reader that lags is told (SPEC 7)."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gitconvoy.dispatch.logs import LEAST, Log, Reader, parse_size, text


def size(file: Path) -> int:
    return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))


def test_short_output_is_kept_as_it_is(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.write(b"one\n")
    log.note("two")
    log.close()
    assert text(tmp_path / "log") == "one\ngitconvoy: two\n"
    assert [each.name for each in tmp_path.iterdir()] == ["log"]


@pytest.mark.parametrize("chunk", [1, 7, 1000, 5000, 100_000])
def test_long_output_keeps_its_ends_within_the_limit(tmp_path: Path, chunk: int) -> None:
    file, limit = tmp_path / "log", 8000
    count = 20_000 if chunk > 10 else 3000
    lines = b"".join(b"%06d\n" % number for number in range(count))
    log = Log(file, limit)
    for start in range(0, len(lines), chunk):
        log.write(lines[start : start + chunk])
        if start % 1000 == 0:
            assert size(file) <= limit
    log.close()
    assert size(file) <= limit
    told = text(file)
    head, gap, tail = told.partition("\n[... gitconvoy left out")
    assert gap
    assert lines.decode().startswith(head)
    assert lines.decode().endswith(tail.partition("...]\n")[2])
    assert told.endswith(f"{count - 1:06}\n")
    assert len(told) > limit / 2


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for part in (b"a" * 900, b"b" * 900, b"c" * 900):
        log = Log(tmp_path / "log", LEAST)
        log.write(part)
        log.close()
    assert text(tmp_path / "log") == "a" * 900 + "b" * 900 + "c" * 900


def test_a_reader_follows_and_is_told_what_it_missed(tmp_path: Path) -> None:
    file = tmp_path / "log"
    log, reader = Log(file, LEAST), Reader(file)
    assert list(reader.read()) == []
    seen = b""
    for number in range(300):
        log.write(b"%08d\n" % number)
        seen += b"".join(reader.read())
    assert seen == b"".join(b"%08d\n" % number for number in range(300))
    log.write(b"x" * 100_000)
    assert b"left out" in b"".join(reader.read())
    log.write(b"end\n")
    assert list(reader.read()) == [b"end\n"]
    log.close()


def test_a_disk_that_takes_no_more_holds_nobody_up(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", LEAST)
    (tmp_path / "log.0").mkdir()
    log.write(b"x" * 10_000)
    log.close()
    assert (tmp_path / "log").stat().st_size == LEAST // 4


@pytest.mark.parametrize(("given", "size"), [("4096", 4096), ("500k", 512_000), ("10m", 10 << 20), ("1 GiB", 1 << 30)])
def test_sizes(given: str, size: int) -> None:
    assert parse_size(given) == size


@pytest.mark.parametrize("given", ["", "m", "-1", "10x", "1.5m"])
def test_what_is_no_size(given: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(given)


def test_threads_and_processes_share_a_log(tmp_path: Path) -> None:
    """Each `Log` stands for a process here: what they share is the file."""
    file, limit = tmp_path / "log", 8000
    logs = [Log(file, limit) for _ in range(2)]
    ended: list[str] = []

    def write(log: Log, name: str) -> None:
        for number in range(500):
            log.write(f"{name} {number:04}\n".encode())
        ended.append(name)

    threads = [threading.Thread(target=write, args=(logs[n % 2], f"writer-{n}")) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 4
    assert size(file) <= limit
    logs[0].write(b"the end\n")
    for log in logs:
        log.close()
        log.write(b"too late\n")
    assert text(file).endswith("the end\n")
    whole = text(file).partition("...]\n")[2].splitlines()[1:-1]
    assert len(whole) > 100
    assert all(len(line) == len("writer-0 0000") for line in whole)
