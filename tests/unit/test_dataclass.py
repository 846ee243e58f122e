"""Classes that are made quickly are what the standard library's are: compared, hashed, shown, copied and replaced."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

import gitconvoy
from gitconvoy.dataclass import _compiled_init, dataclass


def classes(decorate: Callable[..., Any]) -> dict[str, Any]:
    """The same classes, made by one decorator or the other."""

    @decorate(frozen=True, slots=True)
    class Plain:
        a: int
        b: str = "b"
        c: tuple[int, ...] = dataclasses.field(default=(), compare=False, repr=False)
        d: dict[str, int] = dataclasses.field(default_factory=dict)

    @decorate(frozen=True, slots=True)
    class One:
        a: float

    @decorate(frozen=True, slots=True)
    class Nothing:
        pass

    @decorate(slots=True)
    class Changing:
        a: int

    @decorate(frozen=True, slots=True, eq=False)
    class Itself:
        a: int

    @decorate(frozen=True, slots=True, order=True)
    class Ordered:
        a: int
        b: int = 0

    @decorate(frozen=True, slots=True)
    class Own:
        a: int

        def __repr__(self) -> str:
            return "own"

    return {each.__name__: each for each in (Plain, One, Nothing, Changing, Itself, Ordered, Own)}


OURS, THEIRS = classes(dataclass), classes(dataclasses.dataclass)
VALUES: dict[str, list[tuple[Any, ...]]] = {
    "Plain": [(1,), (1, "b"), (1, "c"), (2,), (1, "b", (3,)), (1, "b", (), {"x": 1})],
    "One": [(1,), (1.0,), (2,), (float("nan"),)],
    "Nothing": [()],
    "Changing": [(1,), (2,)],
    "Itself": [(1,), (1,)],
    "Ordered": [(1,), (1, 2), (2,)],
    "Own": [(1,), (2,)],
}


def said(act: Callable[[], Any]) -> object:
    try:
        return act()
    except TypeError as error:
        return str(error)


@pytest.mark.parametrize("name", VALUES)
def test_both_say_the_same(name: str) -> None:
    ours, theirs = ([each[name](*values) for values in VALUES[name]] for each in (OURS, THEIRS))
    for mine, other in zip(ours, theirs, strict=True):
        assert repr(mine) == repr(other)
        assert said(lambda mine=mine: dataclasses.asdict(mine)) == dataclasses.asdict(other)  # type: ignore[misc]
        assert type(mine).__match_args__ == type(other).__match_args__
        assert mine != other
        assert mine != 1
        hashes = [said(lambda each=each: isinstance(hash(each), int)) for each in (mine, other)]  # type: ignore[misc]
        assert hashes[0] == hashes[1]
    equal = [[one == two for two in side] for side, one in ((side, one) for side in (ours, theirs) for one in side)]
    assert equal[: len(ours)] == equal[len(ours) :]
    for one in ours:
        for two in ours:
            if one == two and name != "Changing":
                try:
                    assert hash(one) == hash(two)
                except TypeError:
                    assert name == "Plain"  # it holds a dict
    assert said(lambda: sorted(ours) and None) == said(lambda: sorted(theirs) and None)


@pytest.mark.parametrize(
    ("name", "values", "named"),
    [
        ("Plain", (), {}),
        ("Plain", (), {"b": "x"}),
        ("Plain", (1, "b", (), {}, 5), {}),
        ("Plain", (1,), {"z": 2}),
        ("Plain", (1,), {"a": 2}),
        ("Nothing", (1,), {}),
        ("Changing", (), {}),
    ],
)
def test_both_refuse_the_same_arguments(name: str, values: tuple[Any, ...], named: dict[str, Any]) -> None:
    for _ in range(2):  # the first object, and the next
        ours, theirs = (said(lambda each=each: each[name](*values, **named)) for each in (OURS, THEIRS))  # type: ignore[misc]
        assert isinstance(ours, str)
        assert ours == theirs


def test_each_object_has_what_a_factory_makes_for_it() -> None:
    first, second = (OURS["Plain"](1) for _ in range(2))
    first.d["x"] = 1
    assert second.d == {}
    assert (second.a, second.b, second.c) == (1, "b", ())
    assert OURS["Plain"](d={"y": 2}, a=5).d == {"y": 2}


def test_first_objects_of_classes_that_build_on_each_other() -> None:
    @dataclass(slots=True)
    class Base:
        a: int

    @dataclass(slots=True)
    class Further(Base):
        b: int = 2

        def __post_init__(self) -> None:
            self.b += self.a

    @dataclass(slots=True)
    class Other(Base):
        b: int = 5

    further, base, other = Further(1), Base(3), Other(4)
    assert (further.a, further.b, base.a, other.a, other.b) == (1, 3, 3, 4, 5)
    assert Further(1, 1) == Further(a=1, b=1) != further


def test_an_init_of_ones_own_stays() -> None:
    @dataclass(slots=True)
    class Own:
        a: int

        def __init__(self) -> None:
            self.a = 5

    assert Own().a == 5


def test_no_class_of_ours_has_fields_that_only_the_standard_library_knows() -> None:
    for module in pkgutil.walk_packages(gitconvoy.__path__, "gitconvoy."):
        if module.name != "gitconvoy.__main__":
            importlib.import_module(module.name)
    ours = [each for each in every_class(object) if each.__module__.startswith("gitconvoy.") and is_ours(each)]
    assert len(ours) > 100
    for each in ours:
        assert all(field.init and not field.kw_only for field in dataclasses.fields(each)), each
        assert not pseudo(each), each
        wanted = [field.name for field in dataclasses.fields(each)]
        assert list(inspect.signature(_compiled_init(each)).parameters)[1:] == wanted, each


def every_class(base: type) -> set[type]:
    below: set[type] = set(type.__subclasses__(base))
    return below.union(*(every_class(each) for each in below if each is not type))


def is_ours(cls: type) -> bool:
    return "__compared__" in vars(cls)


def pseudo(cls: type) -> bool:
    """Whether it has `InitVar` or `KW_ONLY` among its annotations."""
    return any(
        "InitVar" in str(kind) or "KW_ONLY" in str(kind) for kind in vars(cls).get("__annotations__", {}).values()
    )


@dataclass(frozen=True, slots=True)
class Known:
    """One that can be found by its name."""

    a: int
    b: str = dataclasses.field(default="b", compare=False)


def test_copies() -> None:
    known = Known(1, "x")
    assert dataclasses.replace(known, a=2) == Known(2)
    assert dataclasses.astuple(copy.copy(known)) == dataclasses.astuple(pickle.loads(pickle.dumps(known))) == (1, "x")
    assert {known: 1}[Known(1, "y")] == 1
    assert not hasattr(known, "__dict__")
    assert Known.__doc__ == "One that can be found by its name."
