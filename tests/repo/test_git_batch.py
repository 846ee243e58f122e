"""Many objects at once: loose ones and packs are what git itself would have made, and are on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconvoy.errors import GitError
from gitconvoy.git import growing, listings, objects, trees, write
from gitconvoy.git.batch import LOOSE, Batch, live_long
from gitconvoy.git.folders import Folder
from gitconvoy.git.repo import Repo


def versions(found: Repo, count: int) -> tuple[Batch, list[str]]:
    """A folder of 300 files of which one more changes in each tree; the trees, not written yet."""
    batch = Batch(found)
    root = Folder(batch, None)
    root.change({f"beads/{number % 16:02x}/{number}.yaml": b"%d\n" % number for number in range(300)})
    made = []
    for number in range(count):
        root.change({f"beads/{number % 16:02x}/{number}.yaml": b"changed %d\n" % number})
        tree = root.store()
        assert tree is not None
        made.append(tree)
    return batch, made


@pytest.mark.parametrize("count", [1, 120])
def test_what_is_written_is_what_git_makes(repo: GitRepo, count: int) -> None:
    found = Repo.discover(repo.path)
    batch, made = versions(found, count)
    assert not found.raw.odb.exists(made[-1])
    batch.write()
    content = {entry.path: objects.blob(found, entry.oid) for entry in trees.entries(found, made[-1])}
    assert content["beads/00/0.yaml"] == b"changed 0\n"
    assert len(content) == 300
    assert write.edit_tree(found, None, content) == made[-1]
    repo.git("read-tree", made[-1])
    assert repo.git("write-tree") == made[-1]
    assert repo.run("fsck", "--strict", "--full").returncode == 0


def test_a_pack_of_differences_is_small(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    batch, made = versions(found, 400)
    batch.write()
    (pack,) = (repo.path / ".git/objects/pack").glob("*.pack")
    assert pack.stat().st_size < 400 * 250
    shown = repo.git("verify-pack", "-v", str(pack))
    depths = [int(line.split()[5]) for line in shown.splitlines() if len(line.split()) == 7]
    assert max(depths) <= 50
    assert made[-1] in shown


def test_few_objects_are_loose_and_many_a_pack(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    for count, packs in ((LOOSE, 0), (LOOSE + 1, 1)):
        batch = Batch(found)
        added = [batch.add("blob", b"%d of %d\n" % (number, count)) for number in range(count)]
        assert added[0] in batch
        batch.write()
        assert added[0] not in batch
        assert len(list((repo.path / ".git/objects/pack").glob("*.pack"))) == packs
        assert all(found.raw.odb.exists(oid) for oid in added)
        batch.write()  # nothing is left to be written


@pytest.mark.parametrize(("setting", "synced"), [("committed", True), ("none", False)])
def test_names_are_given_to_what_is_on_the_disk(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, setting: str, synced: bool
) -> None:
    repo.config("core.fsync", setting)
    found = Repo.at(repo.path)
    seen: list[tuple[str, bool]] = []

    def sync(handle: int) -> None:
        place = Path(f"/proc/self/fd/{handle}").readlink()
        seen.append((place.name, any(each.exists() for each in files)))

    batch = Batch(found)
    oids = [batch.add("blob", b"one\n"), batch.add("blob", b"two\n")]
    files = [repo.path / ".git/objects" / oid[:2] / oid[2:] for oid in oids]
    monkeypatch.setattr(os, "fsync", sync)
    batch.write()
    if synced:
        assert [(name.startswith("tmp_obj_"), named) for name, named in seen] == [(True, False)] * 2 + [
            (False, True)
        ] * 2
    else:
        assert seen == []
    assert all(file.is_file() and file.stat().st_mode & 0o222 == 0 for file in files)


def test_what_cannot_be_synced_is_not_named(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.config("core.fsync", "committed")
    batch = Batch(Repo.at(repo.path))
    oid = batch.add("blob", b"lost\n")

    def broken(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(GitError, match="Input/output error") as caught:
        batch.write()
    assert caught.value.code == "disk-error"
    assert list((repo.path / ".git/objects" / oid[:2]).glob("*")) == []


def packs(repo: GitRepo) -> list[Path]:
    return sorted((repo.path / ".git/objects/pack").glob("*.pack"))


def test_what_a_long_life_writes_is_one_pack_that_grows(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    early, found = Repo.discover(repo.path), Repo.discover(repo.path)
    before = len(list((repo.path / ".git/objects").glob("??/*")))
    monkeypatch.setattr(growing, "MUCH", 0)
    live_long(found)
    batch, made = Batch(found), list[str]()
    root = Folder(batch, None)
    for number in range(30):
        root.change({f"{number % 4}/{name}.yaml": b"%d of %d\n" % (name, number) for name in range(number + 1)})
        made.append(root.store() or "")
        batch.add("blob", b"the same each time\n")
        batch.write()
        batch.write()  # nothing is left to be written
        assert len(packs(repo)) == 1
        assert listings.names(early, made[-1])
    assert len(list((repo.path / ".git/objects").glob("??/*"))) == before
    assert repo.run("fsck", "--strict", "--full").returncode == 0
    shown = repo.git("verify-pack", "-v", str(packs(repo)[0]))
    assert all(oid in shown for oid in made)
    assert packs(repo)[0].stat().st_mode & 0o222 == 0
    assert {each.suffix for each in packs(repo)[0].parent.iterdir()} == {".pack", ".idx"}


def test_a_pack_that_is_full_stays_and_another_begins(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "FULL", 5000)
    monkeypatch.setattr(growing, "MUCH", 0)
    found = Repo.discover(repo.path)
    live_long(found)
    added = []
    for number in range(40):
        batch = Batch(found)
        added.append(batch.add("blob", os.urandom(200) + b"%d" % number))
        batch.write()
    assert len(packs(repo)) == 2
    assert repo.run("fsck", "--strict", "--full").returncode == 0
    there = repo.git("cat-file", "--batch-check", input="".join(f"{oid}\n" for oid in added))
    assert "missing" not in there


def test_whoever_writes_little_leaves_no_pack(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    live_long(found)
    oids = []
    for number in range(growing.MUCH + 2):
        batch = Batch(found)
        oids.append(batch.add("blob", b"%d\n" % number))
        batch.write()
        assert len(packs(repo)) == (number >= growing.MUCH)
    assert [objects.blob(Repo.discover(repo.path), oid) for oid in oids] == [
        b"%d\n" % each for each in range(len(oids))
    ]


def test_a_pack_that_others_name_or_keep_is_left(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MUCH", 0)
    found = Repo.discover(repo.path)
    live_long(found)
    kept = list[Path]()
    for number in range(4):
        batch = Batch(found)
        batch.add("blob", b"%d\n" % number)
        batch.write()
        (newest,) = set(packs(repo)) - set(kept)
        if number == 0:
            newest.with_suffix(".keep").touch()
            kept.append(newest)
        if number == 2:
            repo.git("multi-pack-index", "write")
            kept.append(newest)
    assert set(kept) < set(packs(repo))
    assert repo.run("multi-pack-index", "verify").returncode == 0
    assert repo.run("fsck", "--full").returncode == 0


def test_git_may_put_everything_together_meanwhile(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MUCH", 0)
    found = Repo.discover(repo.path)
    live_long(found)
    tips = list[str]()
    for number in range(6):
        tree = write.edit_tree(found, None, {"a": b"%d\n" % number})
        tips.append(write.create_commit(found, tree, tips[-1:], "one", number))
        repo.git("update-ref", "refs/heads/grown", tips[-1])
        if number % 2:
            repo.git("gc", "--quiet", "--prune=now")
    assert repo.git("rev-list", "refs/heads/grown").split() == tips[::-1]
    assert repo.run("fsck", "--strict", "--full").returncode == 0


def test_what_cannot_be_written_leaves_the_pack_as_it_was(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MUCH", 0)
    repo.config("core.fsync", "committed")
    found = Repo.at(repo.path)
    live_long(found)
    first = Batch(found)
    kept = first.add("blob", b"kept\n")
    first.write()
    before = packs(repo)

    def broken(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        lost = Batch(found)
        oid = lost.add("blob", b"lost\n")
        with pytest.raises(GitError, match="Input/output error"):
            lost.write()
    assert packs(repo) == before
    assert {each.suffix for each in before[0].parent.iterdir()} == {".pack", ".idx"}
    again = Batch(found)
    assert again.add("blob", b"lost\n") == oid
    again.write()
    assert objects.blob(found, oid) == b"lost\n"
    assert objects.blob(Repo.at(repo.path), kept) == b"kept\n"


names = st.sampled_from(["a", "a.b", "a-b", "a0", "b", "B", "ä", "a/x", "a/y/z", "a.b/x", "b/a", "b/a.b", "c/d/e"])
steps = st.lists(
    st.dictionaries(names, st.one_of(st.none(), st.sampled_from([b"1", b"2"])), max_size=4), min_size=1, max_size=6
)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(steps)
def test_a_folder_that_changes_step_by_step_is_the_tree_of_all_steps(
    git_template: Path, changes: list[dict[str, bytes | None]]
) -> None:
    found = Repo.discover(git_template)
    batch = Batch(found)
    root = Folder(batch, None)
    model: dict[str, bytes] = {}
    for step in changes:
        try:
            root.change(step)
        except ValueError:
            continue
        for path, data in step.items():
            above = {each for each in model if path.startswith(each + "/")}
            below = {each for each in model if each == path or each.startswith(path + "/")}
            if data is None:
                model = {each: kept for each, kept in model.items() if each not in below}
            else:
                model = {each: kept for each, kept in model.items() if each not in below | above}
                model[path] = data
        tree = root.store()
        alone = Folder(Batch(found), None)
        alone.change(model)
        assert tree == alone.store()
