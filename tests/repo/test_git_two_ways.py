"""Objects and refs are read by git's own means and by libgit2: what is answered, and refused, is the same."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo, new_repo

from gitconvoy.errors import ConvoyError, GitError
from gitconvoy.git import commits, identity, listings, objects, refs, trees
from gitconvoy.git import loose as loose_objects
from gitconvoy.git.env import clean_env
from gitconvoy.git.repo import Repo

Ask = Callable[[Repo], object]
NOWHERE = "1" * 40
PATHS = ("README.md", "a", "a/b", "a/b/c.txt", "a/", "a//b", "/a", "", "nope", "a/b/c.txt/d", "\udcff", "x\0")


def answer(repo: Repo, ask: Ask) -> object:
    """What is answered, or all that is said where it is refused."""
    try:
        return ask(repo)
    except ConvoyError as error:
        return type(error), error.code, error.message, error.hint


def two(path: Path, environ: dict[str, str] | None = None) -> tuple[Repo, Repo]:
    """The same repository, without libgit2 and with it."""
    plain, loaded = Repo.discover(path, environ), Repo.discover(path, environ)
    assert loaded.raw is not None
    assert "raw" not in plain.memo
    return plain, loaded


def same(path: Path, *asks: Ask, environ: dict[str, str] | None = None) -> list[object]:
    """The answers, which are the same both ways."""
    plain, loaded = two(path, environ)
    found = []
    for ask in asks:
        kept: dict[str, Any] = {
            name: plain.memo[name] for name in ("config", "own-config", "cat-file") if name in plain.memo
        }
        plain = replace(plain, memo=kept)
        wanted = answer(loaded, ask)
        assert (ask, answer(plain, ask)) == (ask, wanted)
        found.append(wanted)
    return found


def asks_of(oid: str) -> list[Ask]:
    """All that is asked of an object by its id."""
    found: list[Ask] = [
        partial(refs.resolve, rev=oid),
        partial(objects.blob, oid=oid),
        *(partial(objects.blob_within, oid=oid, most=most) for most in (0, 4, 5, 1 << 20)),
        partial(commits.commit, oid=oid),
        partial(commits.tree_of, oid=oid),
        partial(commits.is_commit, oid=oid),
        partial(listings.names, tree=oid),
        partial(trees.entries, tree=oid),
    ]
    if len(oid) == len(NOWHERE) and oid == oid.lower():
        found.append(partial(objects.exists, oid=oid))
    for path in PATHS:
        found += [
            partial(trees.entry, tree=oid, path=path),
            partial(trees.tree_at, commit=oid, path=path),
            partial(trees.blob_in, tree=oid, path=path),
        ]
    return found


def hashed(repo: GitRepo, kind: str, data: bytes) -> str:
    """An object with any content, as somebody may forge it."""
    body = b"%s %d\0%s" % (kind.encode(), len(data), data)
    oid = hashlib.sha1(body, usedforsecurity=False).hexdigest()
    put(repo, oid, zlib.compress(body))
    return oid


def loose(repo: GitRepo, oid: str) -> Path:
    return repo.path / ".git" / "objects" / oid[:2] / oid[2:]


def put(repo: GitRepo, oid: str, data: bytes) -> None:
    file = loose(repo, oid)
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_bytes(data)


@pytest.fixture
def filled(repo: GitRepo) -> GitRepo:
    repo.write("a/b/c.txt", "text\n")
    repo.write("a/run", "x\n").chmod(0o755)
    (repo.path / "a" / "link").symlink_to("run")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.head()},sub")
    repo.git("add", "--all", "--", "a")
    repo.git("commit", "--quiet", "-m", "filled")
    repo.git("tag", "-a", "-m", "a tag", "v1")
    return repo


def test_objects_of_every_kind_are_read_without_libgit2(filled: GitRepo) -> None:
    found = Repo.discover(filled.path)
    tip = filled.head()
    assert commits.commit(found, tip).message == "filled\n"
    assert trees.blob_at(found, tip, "a/b/c.txt") == b"text\n"
    assert [each.path for each in trees.entries(found, filled.head("HEAD:a"))] == ["b/c.txt", "link", "run"]
    assert refs.head(found) == refs.resolve(found, tip) == tip
    assert refs.head_ref(found) == "refs/heads/main"
    assert "raw" not in found.memo


def test_objects(filled: GitRepo) -> None:
    tip = filled.head()
    ids = [
        tip,
        filled.head("HEAD~1"),
        filled.head("v1"),
        *map(filled.head, ("HEAD^{tree}", "HEAD:a", "HEAD:a/b/c.txt")),
    ]
    for oid in [*ids, NOWHERE, "0" * 40, objects.EMPTY_TREE, tip[:12], tip.upper(), "", "HEAD", f"{tip}\n{tip}"]:
        same(filled.path, *asks_of(oid))
    filled.git("repack", "-adq")
    for oid in ids:
        same(filled.path, *asks_of(oid))


@pytest.mark.parametrize("what", ["HEAD", "HEAD^{tree}", "HEAD:a", "HEAD:a/b/c.txt"])
@pytest.mark.parametrize("damage", ["empty", "garbage", "other", "longer", "gone"])
def test_damaged_objects(filled: GitRepo, what: str, damage: str) -> None:
    oid = filled.head(what)
    file = loose(filled, oid)
    whole = file.read_bytes()
    body = zlib.decompress(whole)
    damages = {
        "empty": b"",
        "garbage": b"garbage",
        "other": zlib.compress(b"blob 5\0other"),
        "longer": zlib.compress(body + b"x"),
    }
    put(filled, oid, damages.get(damage, b""))
    if damage == "gone":
        file.unlink()
    same(filled.path, *asks_of(oid))
    for each in ("HEAD", "HEAD^{tree}") if what.startswith("HEAD:") else ():
        same(filled.path, *asks_of(filled.head(each)))


@pytest.mark.parametrize("what", ["HEAD", "HEAD^{tree}", "HEAD:a/b/c.txt"])
def test_an_object_that_is_cut_off_is_named(filled: GitRepo, what: str) -> None:
    """libgit2 1.9 reads on in it for ever."""
    oid = filled.head(what)
    tree = filled.head("HEAD^{tree}")
    put(filled, oid, loose(filled, oid).read_bytes()[:-4])
    ask: dict[str, Ask] = {
        "HEAD": partial(commits.commit, oid=oid),
        "HEAD^{tree}": partial(trees.entry, tree=oid, path="a"),
        "HEAD:a/b/c.txt": partial(trees.blob_in, tree=tree, path="a/b/c.txt"),
    }
    with pytest.raises(GitError, match=f"{oid} cannot be read: it is cut off") as caught:
        ask[what](Repo.discover(filled.path))
    assert caught.value.code == "damaged-object"
    with pytest.raises(GitError, match="cut off"):
        refs.resolve(Repo.discover(filled.path), oid)
    loaded = Repo.discover(filled.path)
    loaded.raw  # noqa: B018 - from now on it reads
    with pytest.raises(GitError, match=f"{oid} cannot be read: it is cut off"):
        ask[what](loaded)


@pytest.mark.parametrize("how", ["quarantine", "beside", "shared", "shared twice"])
def test_an_object_that_is_cut_off_is_named_wherever_it_lies(filled: GitRepo, tmp_path: Path, how: str) -> None:
    """As in the quarantine of a push, in which git's own folder is an alternate."""
    oid = filled.head("HEAD:a/b/c.txt")
    place, environ = filled.path, dict[str, str]()
    if how.startswith("shared"):
        place = shared(filled.path, tmp_path / "one")
    if how == "shared twice":
        place = shared(place, tmp_path / "two")
    aside = tmp_path / 'a "quoted": folder'
    aside.mkdir()
    if how == "quarantine":
        listed = [str(filled.path / ".git" / "objects"), '"' + str(aside).replace('"', '\\"') + '"']
        environ = {"GIT_OBJECT_DIRECTORY": str(tmp_path / "q"), "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(listed)}
        (tmp_path / "q").mkdir()
    put(filled, oid, loose(filled, oid).read_bytes()[:-4])
    for each in two(place, clean_env(environ)):
        read = each.with_objects({"GIT_OBJECT_DIRECTORY": str(aside), **_also(place)}) if how == "beside" else each
        for ask in (objects.blob, partial(objects.blob_within, most=1 << 20)):
            with pytest.raises(GitError, match=f"{oid} cannot be read: it is cut off"):
                ask(read, oid)


def shared(path: Path, place: Path) -> Path:
    """A clone that has the other's objects for its own."""
    subprocess.run(("git", "clone", "--quiet", "--shared", path, place), check=True, env=clean_env())
    return place


def _also(place: Path) -> dict[str, str]:
    return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(place / ".git" / "objects")}


def test_where_git_looks(filled: GitRepo, tmp_path: Path) -> None:
    one, two_ = shared(filled.path, tmp_path / "one"), tmp_path / 'b "q" \\ :x'
    own, first = (str(each / ".git" / "objects") for each in (filled.path, one))
    quoted = '"' + str(two_).replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert loose_objects.folders(first, f"{quoted}:/nowhere") == [first, str(two_), "/nowhere", own]
    (one / ".git/objects/info/alternates").write_text("# a comment\n\n../../../relative\n")
    assert loose_objects.folders(first, "") == [first, f"{first}/../../../relative"]


def test_as_deep_as_git(tmp_path: Path) -> None:
    """Each repository has an object of its own, and those of the next one."""
    places = [new_repo(tmp_path / str(number)) for number in range(9)]
    for place, other in pairwise(places):
        (place.path / ".git/objects/info/alternates").write_text(f"{other.path}/.git/objects\n")
    ids = [place.git("hash-object", "-w", "--stdin", input=place.path.name) for place in places]
    known = [places[0].run("cat-file", "-e", oid).returncode == 0 for oid in ids]
    found = loose_objects.folders(str(places[0].path / ".git/objects"), "")
    assert [any(loose_objects.read(each, oid, 9) for each in found) for oid in ids] == known
    assert (known[0], known[-1]) == (True, False)


def test_folders_with_names_that_git_quotes(filled: GitRepo, tmp_path: Path) -> None:
    """As git tells a hook of the folder beside a quarantine."""
    oid, place = filled.head("HEAD:a/b/c.txt"), tmp_path / 'one: é "two" \\ three'
    filled.path.rename(place)
    bare = new_repo(tmp_path / "bare")
    quoted = str(place / ".git" / "objects").replace("\\", "\\\\").replace('"', '\\"').replace("é", "\\303\\251")
    environ = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}":/nowhere'}
    assert bare.run("cat-file", "-e", oid, env=environ).returncode == 0
    for each in two(bare.path, clean_env(environ)):
        assert objects.blob(each, oid) == (place / "a/b/c.txt").read_bytes()
        assert each.git("cat-file", "-t", oid).text == "blob"
    file = place / ".git" / "objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-4])
    for each in two(bare.path, clean_env(environ)):
        with pytest.raises(GitError, match="it is cut off"):
            objects.blob(each, oid)


def test_an_object_that_is_cut_off_later_is_named(filled: GitRepo) -> None:
    """What loose objects there are is looked at more than once."""
    found = Repo.discover(filled.path)
    oid = filled.git("hash-object", "-w", "--stdin", input="text\n" * 50_000).strip()
    file = filled.path / ".git/objects" / oid[:2] / oid[2:]
    whole = file.read_bytes()
    file.unlink()
    assert not objects.exists(found, oid)
    found.raw  # noqa: B018 - libgit2 reads on for ever
    with pytest.raises(GitError):
        objects.blob(found, oid)
    file.write_bytes(whole[:200])
    with pytest.raises(GitError, match="it is cut off"):
        objects.blob(found, oid)


def test_of_an_object_that_is_cut_off_the_one_in_a_pack_is_read(filled: GitRepo) -> None:
    oid = filled.head("HEAD:a/b/c.txt")
    whole = loose(filled, oid).read_bytes()
    filled.git("repack", "-adq")
    loose(filled, oid).parent.mkdir(exist_ok=True)
    loose(filled, oid).write_bytes(whole[:-4])
    for each in two(filled.path):
        assert objects.blob(each, oid) == (filled.path / "a/b/c.txt").read_bytes()
        assert objects.blob_within(each, oid, 1 << 20)[1] == objects.blob(each, oid)


MODES = (b"100644", b"100664", b"100755", b"100600", b"100100", b"0100644", b"120000", b"160000", b"120777", b"644")


def test_trees_with_odd_modes(filled: GitRepo) -> None:
    blob = bytes.fromhex(filled.head("HEAD:a/b/c.txt"))
    for mode in (*MODES, b"060000", b"10644"):
        oid = hashed(filled, "tree", mode + b" a\0" + blob)
        same(filled.path, *asks_of(oid))
    inner = bytes.fromhex(filled.head("HEAD:a"))
    for mode in (b"40000", b"040000", b"40755"):
        same(filled.path, *asks_of(hashed(filled, "tree", mode + b" a\0" + inner)))


def test_malformed_trees(filled: GitRepo) -> None:
    blob, folder = bytes.fromhex(filled.head("HEAD:a/b/c.txt")), bytes.fromhex(filled.head("HEAD:a"))
    one, two_, three = b"100644 a\0" + blob, b"40000 a\0" + folder, b"100644 README.md\0" + blob
    for raw in (
        one + three, one + one, one + two_, two_ + one, b"100644 a/b\0" + blob, b"100644 .git\0" + blob,
        b"100644 ..\0" + blob, one[:-1], one + b"x", b"100644 a" + blob, b"x a\0" + blob, b" a\0" + blob,
        b"100644 \0" + blob,
    ):  # fmt: skip
        oid = hashed(filled, "tree", raw)
        same(filled.path, *asks_of(oid))
        commit = filled.git("commit-tree", "-m", "odd", oid)
        same(filled.path, *asks_of(commit))


PERSON = b"A U Thor <author@example.org> 1700000000 +0100\n"


def commits_of(tree: bytes, parent: bytes) -> list[bytes]:
    """Heads that git writes, and such that it never would."""
    author, committer = b"author " + PERSON, b"committer " + PERSON
    head = b"tree " + tree + b"\n"
    people = (
        b"A. U. Thor. <author@example.org>", b" A  <  a@b >", b"<a@b>", b" <a@b>", b"A <>", b"\xff\xfe <\xff@b>",
        b"A B",
        b"A <a@b> <c@d>", b"\"A\" 'B' <a@b>", b"A\\ <a@b,>", b"A;B:C <a@b>", b"A\x01 <a@b>", b"A\x7f <a@b>",
    )  # fmt: skip
    times = (b"0 +0000", b"9999999999 +0000", b"99999999999 +0000", b"-5 +0000", b"5", b"x +0000", b"5 +9999",
             b"5 -0330", b"5 0000", b" 5  +0000", b"99999999999999999999 +0000")  # fmt: skip
    return [
        head + author + committer + b"\nmessage\n",
        head + b"parent " + parent + b"\n" + author + committer + b"\nmessage",
        head + b"parent " + parent + b"\nparent " + parent + b"\n" + author + committer + b"\n\n\n  message\n\n",
        head + author + committer + b"\n",
        head + author + committer,
        head + author + committer + b"gpgsig -----BEGIN\n  x\n y\n\nsigned\n",
        head + author + committer + b"encoding ISO-8859-1\n\n\xe4\xf6\n",
        head + author + committer + b"mergetag object " + parent + b"\n type commit\n\nmerged\n",
        head + author + committer + b"\nwith\0a nul\n",
        head + author + author + committer + b"\nx\n",
        head + author + committer + committer + b"\nx\n",
        head + committer + b"\nx\n",
        head + author + b"\nx\n",
        head + b"parent zzz\n" + author + committer + b"\nx\n",
        head.upper() + author + committer + b"\nx\n",
        b"tree " + tree[:39] + b"\n" + author + committer + b"\nx\n",
        head + b"author  " + PERSON + committer + b"\nx\n",
        author + head + committer + b"\nx\n",
        b"\n",
        b"",
        *(head + b"author " + who + b" 5 +0000\n" + committer + b"\nx\n" for who in people),
        *(head + author + b"committer " + who + b" 5 +0000\n\nx\n" for who in people),
        *(head + b"author A <a@b> " + when + b"\n" + committer + b"\nx\n" for when in times),
        *(head + author + b"committer A <a@b> " + when + b"\n\nx\n" for when in times),
    ]


def test_odd_commits(filled: GitRepo) -> None:
    for data in commits_of(filled.head("HEAD:a").encode(), filled.head().encode()):
        oid = hashed(filled, "commit", data)
        same(filled.path, *asks_of(oid)[:10], partial(trees.tree_at, commit=oid, path="b"))


def test_nothing_stands_in_for_another_object(filled: GitRepo) -> None:
    old, new = filled.head("HEAD:a/b/c.txt"), filled.head("HEAD:README.md")
    tip, before = filled.head(), filled.head("HEAD~1")
    filled.git("replace", old, new)
    filled.git("replace", "-f", tip, before)
    filled.write(".git/info/grafts", f"{tip}\n")
    assert same(filled.path, partial(objects.blob, oid=old))[0] == b"text\n"
    for oid in (old, tip):
        same(filled.path, *asks_of(oid))
    plain, _ = two(filled.path)
    assert objects.blob(plain.unreplaced(), old) == b"text\n"


def test_shallow_and_partial_clones(filled: GitRepo, tmp_path: Path) -> None:
    oids = [filled.head(), filled.head("HEAD~1"), filled.head("HEAD:a/b/c.txt")]
    shallow = filled.clone(tmp_path / "shallow", "--depth=1")
    filled.config("uploadpack.allowFilter", "true")
    partial_ = filled.clone(tmp_path / "partial", "--filter=blob:none", "--bare")
    before = partial_.git("count-objects", "-v")
    for oid in oids:
        same(shallow.path, *asks_of(oid), objects.is_shallow)
        same(partial_.path, *asks_of(oid)[1:], objects.is_shallow)  # to resolve is for git, which would fetch
    assert partial_.git("count-objects", "-v") == before  # nothing was fetched


def test_objects_that_lie_elsewhere(filled: GitRepo, tmp_path: Path) -> None:
    oid = filled.head("HEAD:a/b/c.txt")
    borrowed = tmp_path / "borrowed"
    filled.git("clone", "--quiet", "--shared", str(filled.path), str(borrowed))
    same(borrowed, *asks_of(oid), *asks_of(filled.head()))
    aside = tmp_path / "aside"
    aside.mkdir()
    hidden = filled.git("hash-object", "-w", "--stdin", input="hidden\n", env={"GIT_OBJECT_DIRECTORY": str(aside)})
    quarantine = {
        "GIT_OBJECT_DIRECTORY": str(aside),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(filled.path / ".git" / "objects"),
    }
    for environ in (quarantine, {"GIT_OBJECT_DIRECTORY": str(aside)}):
        for each in (hidden, oid, filled.head()):
            same(filled.path, *asks_of(each), environ=clean_env(environ))
    plain, _ = two(filled.path)
    assert objects.blob(plain, oid) == b"text\n"
    beside = plain.with_objects(quarantine)
    assert objects.blob(beside, hidden) == b"hidden\n"
    assert "raw" not in beside.memo
    assert not objects.exists(plain, hidden)
    (borrowed / ".git" / "objects" / "info" / "alternates").write_text("/nowhere\n")
    same(borrowed, *asks_of(oid))


@pytest.mark.parametrize("packed", [False, True])
def test_large_objects_are_not_read_whole_to_learn_their_size(repo: GitRepo, packed: bool) -> None:
    small = repo.git("hash-object", "-w", "--stdin", input="x" * 100)
    large = repo.git("hash-object", "-w", "--stdin", input="x" * 101)
    repo.git("update-ref", "refs/tags/small", small)
    repo.git("update-ref", "refs/tags/large", large)
    if packed:
        repo.git("repack", "-adq")
    found, _ = two(repo.path)
    assert objects.blob_within(found, small, 100) == (100, b"x" * 100)
    assert "raw" not in found.memo
    for _ in range(2):
        assert objects.blob_within(found, large, 100) == (101, b"")
        assert "raw" in found.memo
    assert objects.blob_within(found, small, 100) == (100, b"x" * 100)
    assert objects.blob(found, large) == b"x" * 101


def test_what_is_too_large_is_not_unpacked(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo.path / "file").write_bytes(bytes(50_000_000))
    oid = repo.git("hash-object", "-w", "file")
    read: list[int] = []
    real = zlib.decompressobj

    class Counted:
        def __init__(self) -> None:
            self._of = real()

        def decompress(self, *words: Any) -> bytes:
            found = self._of.decompress(*words)
            read.append(len(found))
            return found

        def __getattr__(self, name: str) -> object:
            return getattr(self._of, name)

    monkeypatch.setattr(zlib, "decompressobj", Counted)
    for each in two(repo.path):
        assert objects.blob_within(each, oid, 1 << 20) == (50_000_000, b"")
    assert 0 < sum(read) < 1 << 20


def test_names_that_are_no_ids(repo: GitRepo) -> None:
    for each in two(repo.path):
        for name in ("ab\0", "ab/../../x", "HEAD", ""):
            with pytest.raises(GitError):
                objects.blob_within(each, name, 1)


@pytest.mark.parametrize("size", [0, 3, 4000, 5000, 70_000, 3_000_000])
@pytest.mark.parametrize("kind", ["noise", "zeros"])
def test_loose_objects_of_any_size(repo: GitRepo, size: int, kind: str) -> None:
    data = random.Random(size).randbytes(size) if kind == "noise" else bytes(size)
    (repo.path / "file").write_bytes(data)
    oid = repo.git("hash-object", "-w", "file")
    folder = str(repo.path / ".git" / "objects")
    assert loose_objects.read(folder, oid, size) == ("blob", size, data)
    if size:
        assert loose_objects.read(folder, oid, size - 1) == ("blob", size, b"")
    assert not loose_objects.is_cut_off(folder, oid)
    file = repo.path / ".git" / "objects" / oid[:2] / oid[2:]
    whole = file.read_bytes()
    file.chmod(0o644)
    for end in sorted({1, 2, 5, len(whole) // 2, len(whole) - 5, len(whole) - 4, len(whole) - 1}):
        file.write_bytes(whole[:end])
        assert loose_objects.is_cut_off(folder, oid)
        with pytest.raises(loose_objects.CutOff):
            loose_objects.read(folder, oid, size)
    lied = zlib.compress(b"blob %d\0" % (size + 1) + data)
    file.write_bytes(lied)
    assert loose_objects.read(folder, oid, size + 1) is None


def test_whoever_reads_much_goes_on_with_libgit2(filled: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitconvoy.git.repo.ENOUGH", 5)
    ids = [filled.git("hash-object", "-w", "--stdin", input=f"{number}") for number in range(8)]
    found, _ = two(filled.path)
    assert [objects.blob(found, oid) for oid in ids] == [f"{number}".encode() for number in range(8)]
    assert "raw" in found.memo
    assert "cat-file" not in found.memo


def test_what_is_written_later_is_found(repo: GitRepo) -> None:
    found, _ = two(repo.path)
    assert objects.blob(found, repo.head("HEAD:README.md"))
    later = repo.git("hash-object", "-w", "--stdin", input="later")
    assert objects.blob(found, later) == b"later"
    repo.write("more", "more\n")
    tip = repo.commit()
    repo.git("repack", "-adq")
    repo.git("prune-packed")
    assert commits.commit(found, tip).id == tip
    assert "raw" not in found.memo


def reader_of(repo: Repo) -> Any:
    """The process that reads for a repository, which was asked already."""
    return repo.memo["cat-file"]._process


def test_a_reader_that_dies_is_started_again(filled: GitRepo) -> None:
    found, _ = two(filled.path)
    assert objects.blob(found, filled.head("HEAD:README.md"))
    first = reader_of(found)
    os.kill(first.pid, signal.SIGKILL)
    os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
    assert objects.blob(found, filled.head("HEAD:a/b/c.txt")) == b"text\n"
    assert reader_of(found).pid != first.pid
    assert "raw" not in found.memo


def test_a_reader_that_stops_in_the_middle_is_no_answer(filled: GitRepo, tmp_path: Path) -> None:
    """A git that says half, or nothing, or of another object: libgit2 then reads."""
    git = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    oid = filled.head("HEAD:a/b/c.txt")
    for said in (
        "",
        f"{oid} blob 5",
        f"{oid} blob 5\nte",
        f"{oid} blob 5\ntext\nX",
        f"{NOWHERE} blob 5\ntext\n",
        f"{oid} blob 5\nTEXT\n",
    ):
        bin_ = tmp_path / f"bin-{len(said)}"
        bin_.mkdir(exist_ok=True)
        (bin_ / "said").write_text(said)
        (bin_ / "git").write_text(f'#!/bin/sh\n[ "$1" = cat-file ] || exec {git} "$@"\nread id\ncat {bin_}/said\n')
        (bin_ / "git").chmod(0o755)
        environ = {**clean_env(), "PATH": f"{bin_}:{os.environ['PATH']}"}
        found = Repo.discover(filled.path, environ)
        assert objects.blob(found, oid) == b"text\n"
        assert "raw" in found.memo


def test_a_reader_is_not_shared_with_children(filled: GitRepo) -> None:
    found, _ = two(filled.path)
    oids = [filled.git("hash-object", "-w", "--stdin", input=f"{number}" * 1000) for number in range(50)]
    assert objects.blob(found, oids[0])
    children = []
    for _child in range(3):
        child = os.fork()
        if child == 0:
            right = all(objects.blob(found, oid) == f"{number}".encode() * 1000 for number, oid in enumerate(oids))
            found.memo["cat-file"].close()
            os._exit(0 if right else 1)
        children.append(child)
    first = reader_of(found).pid
    assert all(objects.blob(found, oid) == f"{number}".encode() * 1000 for number, oid in enumerate(oids))
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert objects.blob(found, filled.head("HEAD:README.md"))
    assert reader_of(found).pid == first


def test_a_reader_ends_with_its_repository_and_with_its_process(filled: GitRepo) -> None:
    found, _ = two(filled.path)
    assert objects.blob(found, filled.head("HEAD:README.md"))
    process = reader_of(found)
    found.rest()
    assert process.returncode is not None
    assert objects.blob(found, filled.head("HEAD:a/b/c.txt"))
    process = reader_of(found)
    del found
    assert process.returncode is not None
    code = """
import sys
from pathlib import Path
from gitconvoy.git import objects
from gitconvoy.git.repo import Repo
found = Repo.discover(Path(sys.argv[1]))
objects.blob(found, sys.argv[2])
print(found.memo["cat-file"]._process.pid)
"""
    command = (sys.executable, "-W", "error", "-c", code, str(filled.path), filled.head("HEAD:README.md"))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


# -- refs


def asks_of_ref(name: str) -> list[Ask]:
    return [partial(refs.ref, name=name)]


NAMES = (
    "HEAD", "refs/heads/main", "refs/heads/none", "refs/tags/v1", "refs/heads", "refs/heads/", "refs/", "refs", "main",
    "heads/main", "v1", "", "ORIG_HEAD", "refs/heads/main/below", "refs//heads/main", "/refs/heads/main",
    "refs/heads/../heads/main", "refs/heads/./main", "refs/heads/.main", "refs/heads/main.lock", "refs/heads/main.",
    "refs/heads/a b", "refs/heads/a\0b", "refs/heads/a\nb", "refs/heads/main\n", "refs/heads/ma*", "refs/heads/a@{b",
    "@", "refs/heads/main^", "refs/heads/main~1", "refs/heads/a:b", "../config", "refs/../../config",
    "refs/heads/\udcff",
    "refs/heads/\ud800", "refs/heads/\u00e4", "config", "refs/heads/a\x7f", "HEAD/x", "refs/heads/x.lock/y",
)  # fmt: skip


def test_names_of_refs(filled: GitRepo) -> None:
    filled.git("branch", "\u00e4")
    for name in NAMES:
        same(filled.path, *asks_of_ref(name))
    filled.git("pack-refs", "--all", "--prune")
    for name in NAMES:
        same(filled.path, *asks_of_ref(name))
    plain, _ = two(filled.path)
    assert refs.ref(plain, "refs/heads/main") == refs.ref(plain, "HEAD") == filled.head()
    assert refs.ref(plain, "refs/tags/v1") == filled.head("v1")
    assert "raw" not in plain.memo


@pytest.mark.parametrize("packed", [False, True])
def test_a_tag_that_is_called_like_a_branch_does_not_stand_in_for_it(repo: GitRepo, packed: bool) -> None:
    for tag in ("refs/heads/convoy-ledger", "convoy-ledger", "heads/convoy-ledger"):
        repo.git("update-ref", f"refs/tags/{tag}", "HEAD")
    repo.git("update-ref", "refs/heads/refs/heads/convoy-ledger", "HEAD")
    repo.git("update-ref", "refs/remotes/refs/heads/convoy-ledger", "HEAD")
    if packed:
        repo.git("pack-refs", "--all", "--prune")
    assert repo.run("rev-parse", "--verify", "--quiet", "refs/heads/convoy-ledger").returncode == 0  # git guesses
    assert same(repo.path, *asks_of_ref("refs/heads/convoy-ledger")) == [None]


CONTENTS = (
    b"", b"\n", b"garbage\n", b"%s", b"%s\n", b"%s \n", b"%s\t# note\n", b"%s\n\n", b" %s\n", b"%sx\n", b"%.39s\n",
    b"ref: refs/heads/main\n", b"ref: refs/heads/main", b"ref:refs/heads/main\n", b"ref:  refs/heads/main\n",
    b"ref: refs/heads/main \n", b"ref: refs/heads/none\n", b"ref: refs/heads/odd\n", b"ref: \n", b"ref:\n",
    b"ref: ../x\n", b"ref: FETCH_HEAD\n",
    b"ref: refs/heads/a b\n", b"ref: refs/heads/.invalid\n", b"ref: HEAD\n", b"REF: refs/heads/main\n",
    b"\0" * 41, b"0" * 40 + b"\n", NOWHERE.encode() + b"\n",
)  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_refs_with_odd_content(filled: GitRepo, packed: bool) -> None:
    tip = filled.head()
    filled.git("update-ref", "refs/heads/odd", "HEAD~1")
    if packed:
        filled.git("pack-refs", "--all", "--prune")
    odd, head = filled.path / ".git" / "refs" / "heads" / "odd", filled.path / ".git" / "HEAD"
    was = head.read_bytes()
    odd.parent.mkdir(parents=True, exist_ok=True)
    for content in (*CONTENTS, CONTENTS[3].upper()):
        data = content.replace(b"%s", tip.encode()).replace(b"%.39s", tip[:39].encode())
        odd.write_bytes(data)
        same(filled.path, *asks_of_ref("refs/heads/odd"), partial(refs.end_of, name="refs/heads/odd"))
        if data.startswith((tip.encode(), b"ref: refs/heads/")):  # all else is no repository for git
            head.write_bytes(data)
            same(filled.path, refs.head, refs.head_ref, partial(refs.end_of, name="HEAD"))
            head.write_bytes(was)


def test_refs_that_lead_to_each_other(filled: GitRepo) -> None:
    folder = filled.path / ".git" / "refs" / "heads"
    (folder / "s0").write_text("ref: refs/heads/main\n")
    for number in range(1, 10):
        (folder / f"s{number}").write_text(f"ref: refs/heads/s{number - 1}\n")
    for number in range(10):
        name = f"refs/heads/s{number}"
        same(filled.path, *asks_of_ref(name))
        said = filled.run("symbolic-ref", "--quiet", name)
        assert same(filled.path, partial(refs.end_of, name=name)) == [said.stdout.strip() or name]
    (folder / "s0").write_text("ref: refs/heads/s1\n")
    same(filled.path, *asks_of_ref("refs/heads/s0"), *asks_of_ref("refs/heads/s5"))


def test_links_in_place_of_refs(filled: GitRepo) -> None:
    folder = filled.path / ".git" / "refs" / "heads"
    (folder / "linked").symlink_to("refs/heads/main")
    (folder / "near").symlink_to("main")
    (folder / "lost").symlink_to("refs/heads/none")
    for name in ("linked", "near", "lost"):
        same(filled.path, *asks_of_ref(f"refs/heads/{name}"), partial(refs.end_of, name=f"refs/heads/{name}"))
    assert refs.end_of(Repo.discover(filled.path), "refs/heads/linked") == "refs/heads/main"


def test_folders_in_place_of_refs(filled: GitRepo) -> None:
    filled.git("branch", "topic")
    filled.git("pack-refs", "--all", "--prune")
    (filled.path / ".git" / "refs" / "heads" / "topic").mkdir(parents=True)
    same(filled.path, *asks_of_ref("refs/heads/topic"), *asks_of_ref("refs/heads/topic/below"))
    assert refs.ref(Repo.discover(filled.path), "refs/heads/topic") == filled.head()


def test_odd_packed_refs(filled: GitRepo) -> None:
    filled.git("branch", "topic")
    filled.git("pack-refs", "--all", "--prune")
    file = filled.path / ".git" / "packed-refs"
    whole = file.read_bytes()
    tip = filled.head().encode()
    odd = [
        whole, whole[:-1], whole[:-10], b"", bytes(len(whole)), whole + b"\0", b"garbage\n",
        whole.replace(tip, tip[:39]), whole.replace(b"\n", b"\r\n"),
        b"# pack-refs with: peeled\n" + whole.partition(b"\n")[2], whole.partition(b"\n")[2],
        whole.replace(tip, tip.upper()), b"%s refs/heads/topic\n" % tip,
    ]  # fmt: skip
    for data in odd:
        file.write_bytes(data)
        for name in ("refs/heads/topic", "refs/heads/main", "refs/tags/v1", "refs/heads/none", "HEAD"):
            plain, loaded = Repo.discover(filled.path), Repo.discover(filled.path)
            assert loaded.raw is not None
            wanted = answer(loaded, partial(refs._of_libgit2, name=name))
            found = answer(plain, partial(refs.ref, name=name))
            assert found == wanted, (data, name)


def test_a_ref_that_is_packed_between_two_looks(filled: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is gone by the first look, and the line is gone, the file back, by the second."""
    from gitconvoy.git import reffiles

    found, _ = two(filled.path)
    tip = filled.head()
    filled.git("branch", "topic")
    filled.git("pack-refs", "--all", "--prune")
    seen, look = list[bytes](), reffiles._packed

    def meanwhile(file: bytes, name: bytes) -> str | None:
        seen.append(name)
        filled.git("update-ref", "-d", "refs/heads/topic")
        filled.git("update-ref", "refs/heads/topic", tip)
        return look(file, name)

    monkeypatch.setattr(reffiles, "_packed", meanwhile)
    assert refs.ref(found, "refs/heads/topic") == tip
    assert seen == [b"refs/heads/topic"]


def test_each_worktree_has_refs_of_its_own(filled: GitRepo, tmp_path: Path) -> None:
    linked = filled.worktree(tmp_path / "linked", "topic")
    linked.commit("there")
    for repo in (filled, linked):
        repo.git("update-ref", "refs/bisect/bad", "HEAD")
        repo.git("update-ref", "refs/worktree/own", "HEAD")
    for repo in (filled, linked):
        for name in ("HEAD", "refs/bisect/bad", "refs/heads/topic", "refs/worktree/own"):
            assert refs.ref(Repo.discover(repo.path), name) == repo.head(name)
        assert refs.head_ref(Repo.discover(repo.path)) == repo.git("symbolic-ref", "HEAD")
        same(repo.path, *asks_of_ref("HEAD"), *asks_of_ref("refs/heads/topic"), refs.head_ref)


def test_refs_are_never_remembered(repo: GitRepo) -> None:
    found, _ = two(repo.path)
    for number in range(5):
        tip = repo.commit(f"{number}")
        assert refs.ref(found, "refs/heads/main") == refs.head(found) == tip
        repo.git("pack-refs", "--all")
        assert refs.ref(found, "refs/heads/main") == tip
    repo.git("update-ref", "-d", "refs/heads/main")
    assert refs.ref(found, "refs/heads/main") is refs.head(found) is None
    repo.git("symbolic-ref", "HEAD", "refs/heads/other")
    assert refs.head_ref(found) == "refs/heads/other"


# -- who


WHO = (
    "A U Thor",
    " A ",
    "A.",
    "\u00c4 \u00d6",
    "",
    "A <b>",
    "A\tB",
    "'A'",
    "A, B",
    "a@b.c",
    "A\u200bB",
    "\u2028A",
    "A;",
)


@pytest.mark.parametrize("part", ["name", "email"])
def test_who_somebody_is_told_by_settings_as_git_tells_it(repo: GitRepo, part: str) -> None:
    def check() -> None:
        found = Repo.discover(repo.path)
        assert identity.identity(found) == identity._as_git_says(found)

    other = "email" if part == "name" else "name"
    for value in WHO:
        repo.config(f"user.{part}", value)
        check()
    repo.git("config", "--unset", f"user.{part}")
    for value in WHO:
        repo.config(f"committer.{part}", value)
        check()
    repo.config(f"committer.{other}", "C O Mitter")
    check()
