"""Schemas and hook shims are shipped, from one source, in wheel and sdist."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from gitconvoy import resources

ROOT = Path(__file__).parents[2]


def tracked(folder: str) -> set[str]:
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0 or not listed.stdout:
        return {str(file.relative_to(ROOT)) for file in (ROOT / folder).rglob("*") if file.is_file()}
    return set(listed.stdout.splitlines())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    for kind in ("wheel", "sdist"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return target


def test_the_wheel_holds_schemas_and_shims(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"gitconvoy/_data/{path}" for path in tracked("schemas") | tracked("hooks")}
    assert len(expected) > 8
    assert {name for name in names if name.startswith("gitconvoy/_data/")} == expected
    scripts = next(name for name in names if name.endswith("entry_points.txt"))
    text = zipfile.ZipFile(wheel).read(scripts).decode()
    assert "gitconvoy = gitconvoy.__main__:main" in text
    assert "git-convoy = gitconvoy.__main__:main" in text


def test_the_sdist_builds_the_same(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked("schemas") | tracked("hooks") <= names
    assert {"README.md", "CHANGELOG.md", "LICENSE", "gitconvoy/cli/main.py"} <= names


def test_resources_are_found_from_a_checkout() -> None:
    assert {"bead", "config", "convoy", "plan", "record-bead"} <= set(resources.schema_names())
    assert "git rev-parse" in resources.hook_text("react.sh")
