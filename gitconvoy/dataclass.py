"""`dataclass` as the standard library has it, in an eighth of the time that it takes to make a class.

A command makes 50 to 100 of these classes before it begins, and the standard library compiles each method of each of
them: a fifth of the whole time of a command that reads. Here `__init__` alone is compiled, and not before a first
object of the class is made; comparing, hashing and showing are one function each for all classes. Type checkers see the
standard decorator: that nobody sets an attribute of a frozen class is for them to say, at run time nothing is in the
way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    _Class = TypeVar("_Class", bound=type)

    def dataclass(
        *, frozen: bool = False, slots: bool = False, eq: bool = True, order: bool = False
    ) -> Callable[[_Class], _Class]:
        """As `dataclasses.dataclass`; instances of frozen classes can be hashed, and are to be left as they are."""
        if order:
            return dataclasses.dataclass(frozen=frozen, slots=slots, eq=eq, order=True)

        def made(cls: _Class) -> _Class:
            own = vars(cls)
            if "__repr__" not in own:
                cls.__repr__ = _shown
            if eq:
                cls.__eq__ = own.get("__eq__") or _equal
                cls.__hash__ = own.get("__hash__") or (_hashed if frozen else None)
            cls.__doc__ = cls.__doc__ or cls.__name__  # else the standard library looks for a signature
            cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
            if "__init__" not in own:
                cls.__init__ = _first_init(cls)
            compared = [each.name for each in dataclasses.fields(cls) if each.compare]
            # Twice, as one name alone gives no tuple: tuples take a value for equal to itself, as NaN is not.
            cls.__compared__ = attrgetter(*(compared if len(compared) > 1 else (compared or ["__class__"]) * 2))
            return cls

        return made


def _first_init(cls: type) -> Callable[..., None]:
    """An `__init__` that puts the real one into its place, and hands on to it."""

    def first(self: Any, *values: Any, **named: Any) -> None:
        own = _compiled_init(cls)
        setattr(cls, "__init__", own)  # noqa: B010 - mypy lets nobody assign to it
        own(self, *values, **named)

    return first


def _compiled_init(cls: type) -> Callable[..., None]:
    """The function that sets each field from an argument, its default or what its factory makes."""
    known: dict[str, Any] = {"MISSING": dataclasses.MISSING}
    head, body = ["self"], []
    for field in dataclasses.fields(cls):
        name = value = field.name
        if field.default_factory is not dataclasses.MISSING:
            known[f"make_{name}"] = field.default_factory
            known[f"default_{name}"] = dataclasses.MISSING
            value = f"make_{name}() if {name} is MISSING else {name}"
        elif field.default is not dataclasses.MISSING:
            known[f"default_{name}"] = field.default
        head.append(f"{name}=default_{name}" if f"default_{name}" in known else name)
        body.append(f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(head)}):\n " + "\n ".join(body or ["pass"]), known)  # noqa: S102 - names of our own
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _shown(self: Any) -> str:
    shown = (each.name for each in dataclasses.fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self.__compared__(self) == self.__compared__(other)


def _hashed(self: Any) -> int:
    return hash(self.__compared__(self))


__all__ = ["dataclass"]
