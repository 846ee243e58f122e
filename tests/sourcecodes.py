"""The codes of all errors, problems and findings, read out of gitconvoy's source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gitconvoy import errors
from gitconvoy.checks.stage_findings import ERRORS, WARNINGS
from gitconvoy.dispatch.running import ConfigurationError
from gitconvoy.errors import Exit
from gitconvoy.rules.ready import RULE_NAMES

ROOT = Path(errors.__file__).parent
CLASSES: dict[str, type[errors.ConvoyError]] = {
    each.__name__: each
    for each in (*vars(errors).values(), ConfigurationError)
    if isinstance(each, type) and issubclass(each, errors.ConvoyError)
}
OWN_CODE = frozenset({"NotFound", "LostRace", "UnsupportedRepository", "ConfigurationError"})
"""Classes whose own code says enough."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One place where an error is made."""

    place: str
    name: str
    code: ast.expr | None
    hinted: bool
    message: str


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of gitconvoy by its path."""
    files = sorted(ROOT.rglob("*.py"))
    return {
        file.relative_to(ROOT).as_posix(): ast.parse(file.read_text()) for file in files if "_data" not in file.parts
    }


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call with the file it is in and the name that is called."""
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield path, node, _name(node)


def raised() -> list[Raised]:
    """Every place where an error of ours is made."""
    found = []
    for path, node, name in calls():
        if name not in CLASSES:
            continue
        given = {word.arg: word.value for word in node.keywords}
        hinted = "hint" in given and not (isinstance(given["hint"], ast.Constant) and not given["hint"].value)
        said = ast.unparse(node.args[0]) if node.args else ""
        found.append(Raised(f"{path}:{node.lineno}", name, given.get("code"), hinted, said))
    return found


def _constants(node: ast.expr) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def error_codes() -> dict[str, set[int]]:
    """Code -> exit codes, of what ends a command."""
    found: dict[str, set[int]] = {}
    for each in raised():
        made = CLASSES[each.name]
        codes = {made.code} if each.code is None else _constants(each.code)
        if isinstance(each.code, ast.Name):
            codes = _module_constant(each.place.partition(":")[0], each.code.id)
        for code in codes:
            found.setdefault(code, set()).add(int(made.exit))
    for fault in errors.FAULTS:
        found.setdefault(fault.code, set()).add(int(Exit.REFUSED))
    own = {
        "usage": Exit.USAGE,
        "bug": Exit.BUG,
        "answer-lost": Exit.REFUSED,
        "system": Exit.REFUSED,
        "git": Exit.REFUSED,
    }
    for code, number in own.items():
        found.setdefault(code, set()).add(int(number))
    return found


def _module_constant(path: str, name: str) -> set[str]:
    for node in modules()[path].body:
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets):
            return _constants(node.value)
    return set()


def told_codes() -> set[str]:
    """The codes that `main` gives by itself."""
    return {
        code
        for path, node, name in calls()
        if path == "cli/main.py" and name == "_tell"
        for code in (_constants(node.args[1]) if len(node.args) > 1 else set())
    }


def problem_codes() -> set[str]:
    """The codes of complaints about files."""
    found: set[str] = set()
    for path, node, name in calls():
        position = {"Problem": 1, "_complain": 1, "CodeError": 0}.get(name)
        if position is None or len(node.args) <= position:
            continue
        code = node.args[position]
        if isinstance(code, ast.Constant) and isinstance(code.value, str):
            found.add(code.value)
        elif isinstance(code, ast.JoinedStr):
            found |= {ast.unparse(code)[2:-1]}
        elif isinstance(code, ast.Name):
            found |= _names_of(path, code.id)
    return found


def _names_of(path: str, name: str) -> set[str]:
    """What a variable `code` is given in a module, and the codes of the tables that it comes from."""
    found: set[str] = set()
    for node in ast.walk(modules()[path]):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("yaml-"):
            found.add(node.value)
    return found


def categories() -> set[str]:
    """The categories of findings of `stage`."""
    found = {
        code
        for path, node, name in calls()
        if path == "checks/stage_findings.py" and name == "Finding"
        for code in _constants(node.args[0])
    }
    assert len(found) >= len(ERRORS) + len(WARNINGS) - 2
    return found


def rules() -> set[str]:
    """The rules of readiness, which refusals of `sling` and `next` are named by."""
    return set(RULE_NAMES)
