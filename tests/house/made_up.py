"""Calls of a room's functions with arguments that are made up from the types they name."""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import importlib
import inspect
import io
import re
import types
import typing
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from types import FunctionType
from typing import Any

from sqlalchemy import ClauseElement
from sqlmodel import SQLModel

import gateway
from gateway.core.calendar import OfficialWorkingDays, WorkingDays
from gateway.core.money import Rate
from gateway.core.schedule import FEE_TIMINGS, METHODS, Terms

FIGURES = (-100, 0, 0, 1, 1, 2, 3, 12, 30, 100, 101, 5_000, 60_000)
COUNTS = (0, 1, 1, 2, 3, 6, 7, 12, 24)
COUNTED = ("period", "term", "day", "month", "count", "number", "paid", "limit", "parts", "index")
"""In the names of numbers that are not of money."""
DAYS = (0, 0, 1, 1, 2, 3, 7, 27, 30, 31, 60, 365)
FIRST_DAY = date(2026, 1, 30)
FIRST_MOMENT = datetime(2026, 1, 30, 15, 59, tzinfo=UTC)
RATES = ("0", "0.0005", "0.006", "0.015", "0.12", "0.24")
TERMS = (
    *(Terms(method, 3, annual_rate=rate) for method in METHODS[:2] for rate in RATES[:1] + RATES[-2:]),
    *(Terms("flat_fee", 6, fee_rate_total="0.045", fee_timing=timing) for timing in FEE_TIMINGS),
    Terms("flat_fee", 3, fee_rate_per_period="0.006"),
    *(Terms(method, 12) for method in METHODS if method not in (*METHODS[:2], "flat_fee")),
)
LETTERS = "0123456789abcdefgh"
WORD = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_LIST = 4
MOST_OF_A_STREAM = 50
DEEPEST = 5


class CannotBeMade(Exception):
    """A type of which nothing can be made up, such as a transaction."""


class Drawn:
    """What is made up for one call: each argument from its own name, so that a new one changes no other."""

    def __init__(self, seed: str, words: Sequence[str]) -> None:
        self.seed, self.words = seed, words

    def value(self, hint: Any, name: str, depth: int = 0) -> Any:
        """Something of a type."""
        if depth > DEEPEST:
            raise CannotBeMade(hint)
        maker = MAKERS.get(hint) if _is_hashable(hint) else None
        if maker:
            return maker(self, name)
        origin, parts = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return self.value(self.one_of(_most_likely(parts), f"{name} kind"), name, depth)
        if origin is typing.Literal:
            return self.one_of(parts, name)
        if origin in (typing.Annotated, typing.ClassVar):
            return self.value(parts[0], name, depth)
        if isinstance(hint, typing.NewType):
            return self.value(hint.__supertype__, name, depth)
        if origin is not None:
            return self._several(origin, parts, name, depth)
        return self._made(hint, name, depth)

    def one_of(self, choices: Sequence[Any], name: str) -> Any:
        """One of several, the same for the same name."""
        return choices[zlib.crc32(f"{self.seed} {name}".encode()) // 7 % len(choices)]

    def figure(self, name: str) -> int:
        last = name.rpartition(".")[2]
        return int(self.one_of(COUNTS if any(word in last for word in COUNTED) else FIGURES, name))

    def word(self, name: str) -> str:
        kind = self.one_of(range(8), f"{name} kind")
        if kind < 5 and self.words:
            return str(self.one_of(self.words, name))
        if kind < 6:
            return name.rpartition(".")[2]
        length = self.one_of((0, 1, 4, 11, 18), f"{name} length")
        return "".join(self.one_of(LETTERS, f"{name} {index}") for index in range(length))

    def day(self, name: str) -> date:
        return FIRST_DAY + timedelta(self.one_of(DAYS, name))

    def moment(self, name: str) -> datetime:
        return FIRST_MOMENT + timedelta(self.one_of(DAYS, name), self.one_of((0, 1, 60), f"{name} seconds"))

    def _several(self, origin: Any, parts: Sequence[Any], name: str, depth: int) -> Any:
        length = self.one_of(range(LONGEST_LIST + 1), f"{name} length")
        if origin is tuple and not (len(parts) == 2 and parts[1] is ...):
            return tuple(self.value(part, f"{name}.{index}", depth + 1) for index, part in enumerate(parts))
        if not isinstance(origin, type) or issubclass(origin, type):
            raise CannotBeMade(origin)
        if issubclass(origin, Mapping):
            return {
                self.value(parts[0], f"{name}.{index}.key", depth + 1): self.value(
                    parts[1], f"{name}.{index}", depth + 1
                )
                for index in range(length)
            }
        if not issubclass(origin, collections.abc.Iterable):
            raise CannotBeMade(origin)
        values = [self.value(parts[0], f"{name}.{index}", depth + 1) for index in range(length)]
        if issubclass(origin, tuple):
            return tuple(values)
        if issubclass(origin, Set):
            return set(values)
        return iter(values) if origin is collections.abc.Iterator else values

    def _made(self, hint: Any, name: str, depth: int) -> Any:
        """A row, or what the dataclass takes."""
        if not isinstance(hint, type):
            raise CannotBeMade(hint)
        if issubclass(hint, SQLModel):
            hints = {field: info.annotation for field, info in hint.model_fields.items()}
        elif dataclasses.is_dataclass(hint):
            every = _hints(hint)
            hints = {field.name: every[field.name] for field in dataclasses.fields(hint) if field.init}
        elif issubclass(hint, tuple) and hasattr(hint, "_fields"):
            hints = _hints(hint)
        else:
            raise CannotBeMade(hint)
        return hint(
            **{field: self.value(part, f"{name}.{field}", depth + 1) for field, part in hints.items()}
        )


MAKERS: dict[Any, Callable[[Drawn, str], Any]] = {
    type(None): lambda _, __: None,
    int: Drawn.figure,
    bool: lambda drawn, name: drawn.one_of((False, True), name),
    str: Drawn.word,
    bytes: lambda drawn, name: drawn.word(name).encode(),
    float: lambda drawn, name: drawn.figure(name) / 8,
    date: Drawn.day,
    datetime: Drawn.moment,
    timedelta: lambda drawn, name: timedelta(drawn.one_of(DAYS, name)),
    Decimal: lambda drawn, name: Decimal(drawn.one_of(RATES, name)),
    Fraction: lambda drawn, name: Fraction(drawn.one_of(RATES, name)),
    Rate: lambda drawn, name: drawn.one_of(RATES, name),
    Terms: lambda drawn, name: drawn.one_of(TERMS, name),
    WorkingDays: lambda _, __: OfficialWorkingDays(),
    object: Drawn.figure,
    Any: lambda drawn, name: drawn.one_of((drawn.figure(name), drawn.word(name)), f"{name} kind"),
}


@dataclasses.dataclass(frozen=True)
class Called:
    """One call: what came out of what, with what has become of it."""

    shown: str
    refused: bool = False


@dataclasses.dataclass(frozen=True)
class Function:
    """A function or method of a room."""

    name: str
    make: Callable[..., Any]
    hints: Mapping[str, Any]
    words: Sequence[str]

    def called(self, drawn: Drawn) -> Called:
        """Call it with what is drawn."""
        said = io.StringIO()
        try:
            given = {name: drawn.value(hint, name) for name, hint in self.hints.items()}
            with redirect_stdout(said), redirect_stderr(said):
                answer = plain(self._answer(dict(given)))
        except CannotBeMade:
            raise
        except Exception as refused:  # whatever it refuses with is compared
            return Called(f"refused: {type(refused).__name__}", refused=True)
        return Called(f"{plain(given)} -> {answer}{said.getvalue()}")

    def _answer(self, given: dict[str, Any]) -> Any:
        named = {
            name: given.pop(name)
            for name, parameter in inspect.signature(self.make).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        return self.make(*given.values(), **named)


def functions(room: str) -> Iterator[Function]:
    """All that have arguments which may be made up; ``CannotBeMade`` tells of the others when they are called."""
    root = Path(gateway.__file__).parent
    for path in sorted((root / room).rglob("*.py")):
        relative = path.relative_to(root).with_suffix("")
        short = ".".join(relative.parts).removesuffix(".__init__")
        module = importlib.import_module(f"gateway.{short}")
        words = _words(path)
        for name, thing in sorted(vars(module).items()):
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            for label, make, owner in _parts(name, thing):
                hints = _arguments(make, owner)
                if hints:
                    yield Function(f"{short}.{label}", make, hints, words)


def _parts(name: str, thing: Any) -> Iterator[tuple[str, FunctionType, type | None]]:
    if isinstance(inspect.unwrap(thing) if callable(thing) else thing, FunctionType):
        yield name, thing, None
    elif isinstance(thing, type):
        for each, part in sorted(vars(thing).items()):
            made = part
            if isinstance(part, property):
                made = part.fget
            elif isinstance(part, cached_property):
                made = part.func
            if (
                isinstance(made, FunctionType)
                and made.__module__ == thing.__module__
                and not each.startswith("__")
            ):
                yield f"{name}.{each}", made, thing


def _arguments(make: Any, owner: type | None) -> dict[str, Any] | None:
    """The types of the arguments by name; none where one names no type."""
    try:
        hints = _hints(inspect.unwrap(make))
        names = inspect.signature(make).parameters
    except (CannotBeMade, TypeError, ValueError):
        return None
    found = {}
    for name, parameter in names.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            return None
        found[name] = owner if owner and name == "self" else hints.get(name, Callable)
    return found


@cache
def _words(path: Path) -> tuple[str, ...]:
    """The words in the code of a module: among them the states that its functions ask for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return tuple(sorted(value for value in values if isinstance(value, str) and WORD.fullmatch(value)))


@cache
def _hints(thing: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(thing)
    except NameError as unknown:  # imported for the type checker only
        raise CannotBeMade(thing) from unknown


def _most_likely(parts: Sequence[Any]) -> list[Any]:
    """Of what may be missing three quarters are there."""
    return [part for part in parts if part is not type(None)] * 3 + [
        part for part in parts if part is type(None)
    ]


def _is_hashable(hint: Any) -> bool:
    try:
        hash(hint)
    except TypeError:
        return False
    return True


def plain(value: Any) -> str:
    """A value as text, the same for the same value."""
    if isinstance(value, ClauseElement):
        compiled = value.compile()
        return f"{' '.join(str(compiled).split())} {plain(compiled.params)}"
    if isinstance(value, SQLModel):
        return f"{type(value).__name__}{plain({name: getattr(value, name) for name in type(value).model_fields})}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return f"{type(value).__name__}{plain({field.name: getattr(value, field.name) for field in fields})}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{plain(key)}: {plain(part)}" for key, part in value.items()) + "}"
    if isinstance(value, Set):
        return "{" + ", ".join(sorted(plain(part) for part in value)) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(plain(part) for part in value) + ")"
    if isinstance(value, Iterator):
        return plain(list(islice(value, MOST_OF_A_STREAM)))
    if isinstance(value, int | str | bytes | float | Decimal | Fraction | date | timedelta | type(None)):
        return repr(value)
    return type(value).__name__
