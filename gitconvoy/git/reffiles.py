"""Refs as git's files hold them: each in a file of its own, or in a line of `packed-refs`. Read anew each time."""

from __future__ import annotations

import os
import re
from pathlib import Path

_ID = re.compile(rb"([0-9a-f]{40})\n?")
_SYMBOLIC = re.compile(rb"ref: ([^\n]+)\n?")
_PACKED = re.compile(rb"(?:#[^\n]*\n)*(?:[0-9a-f]{40} [^\n]+\n(?:\^[0-9a-f]{40}\n)?)*")
_LOOKED_AT = 1 << 20
"""Bytes of `packed-refs` up to which every line is looked at: that takes 10 ms."""
_SOUND: dict[bytes, tuple[int, ...]] = {}
"""What marks the `packed-refs` whose lines were looked at last; git replaces the file and never writes into it."""
_NO_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock/|\.lock$|[/.]$")
_OWN = ("refs/bisect/", "refs/worktree/", "refs/rewritten/")
"""What each worktree has for itself."""
_DEPTH = 5
"""Refs that are read where they lead to each other, as by git."""
_LONGEST = 1 << 14
"""Bytes; no file of a ref is longer."""


class Odd(Exception):
    """What is there is not as git writes it: libgit2, or git, is to be asked what it makes of that."""


def is_name(name: str) -> bool:
    """Whether `name` is HEAD, or the full name that a ref may have (`git check-ref-format`): no path elsewhere."""
    return name == "HEAD" or (name.startswith("refs/") and _NO_NAME.search(name) is None)


def value(git_dir: Path, common_dir: Path, name: str) -> str | None:
    """What the ref with the full name says itself: an id, or `ref: NAME`; None where there is none. Raises Odd."""
    if not is_name(name):
        return None
    own = name == "HEAD" or name.startswith(_OWN)
    try:
        file, wanted = os.fsencode((git_dir if own else common_dir) / name), os.fsencode(name)
    except UnicodeEncodeError:
        return None
    found = _loose(file)
    if found is None and not own:
        found = _packed(os.fsencode(common_dir / "packed-refs"), wanted)
        found = found or _loose(file)  # it may have been taken out of there since
    return found


def end(git_dir: Path, common_dir: Path, name: str) -> tuple[str, str | None]:
    """The ref that `name` leads to in the end, `name` itself where it is not symbolic, and its id; None: unborn."""
    for _ in range(_DEPTH):
        found = value(git_dir, common_dir, name)
        if found is None or not found.startswith("ref: "):
            return name, found
        name = found.removeprefix("ref: ")
    raise Odd(name)


def _loose(file: bytes) -> str | None:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)  # links were symbolic refs once
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Odd from error
    try:
        data = os.read(handle, _LONGEST)
    except IsADirectoryError:
        return None
    except OSError as error:
        raise Odd from error
    finally:
        os.close(handle)
    found = _ID.fullmatch(data)
    if found is not None:
        return found[1].decode()
    found = _SYMBOLIC.fullmatch(data)
    if found is None or not is_name(os.fsdecode(found[1])):
        raise Odd
    return "ref: " + os.fsdecode(found[1])


def _packed(file: bytes, name: bytes) -> str | None:
    """The id in the line of `packed-refs`: `<id> <name>`; lines with `#` and `^` hold no name."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - its name is bytes, as names of refs are
            is_now, data = os.fstat(stream.fileno()), stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Odd from error
    stamp = is_now.st_dev, is_now.st_ino, is_now.st_mtime_ns, is_now.st_size, len(data)
    if _SOUND.get(file) != stamp:
        if b"\0" in data or not (data or b"\n").endswith(b"\n"):
            raise Odd  # lost, or cut off: whether the ref was in it nobody knows
        if len(data) <= _LOOKED_AT and not _PACKED.fullmatch(data):
            raise Odd
        _SOUND[file] = stamp
    at = data.find(b" %s\n" % name)
    if at < 0:
        return None
    found = _ID.fullmatch(data[data.rfind(b"\n", 0, at) + 1 : at])
    if found is None:
        raise Odd
    return found[1].decode()
