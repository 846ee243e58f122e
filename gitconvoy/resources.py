"""Where the shipped schemas and hook shims are: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@cache
def _root(folder: str) -> Traversable:
    package: Traversable = Path(__file__).parent
    if not package.is_dir():  # in a zip file
        from importlib.resources import files

        package = files("gitconvoy")
    shipped = package / "_data" / folder
    if shipped.is_dir():
        return shipped
    checkout = package / ".." / folder
    if checkout.is_dir():
        return checkout
    raise FileNotFoundError(f"gitconvoy was built without its {folder}/ folder")


@cache
def schema_text(name: str) -> str:
    """The JSON Schema of a kind (`bead`, `convoy`, `plan`, `config`, `record-bead`, ...) as text."""
    return (_root("schemas") / f"{name}.schema.json").read_text(encoding="utf-8")


@cache
def schema_names() -> tuple[str, ...]:
    """The names of all shipped schemas, sorted."""
    suffix = ".schema.json"
    return tuple(sorted(f.name.removesuffix(suffix) for f in _root("schemas").iterdir() if f.name.endswith(suffix)))


def hook_text(name: str) -> str:
    """A hook shim as text: `check.sh` (pre-commit, pre-merge-commit), `react.sh` (post-*), `pre-receive`."""
    return (_root("hooks") / name).read_text(encoding="utf-8")
