"""The constants of the rooms of money, and what their functions take when nothing else is said, written a second time.

A day, a bound, the size of a portion or a word of a table is changed only where that is meant.

Names are found in the code, so that a new one appears in the listing without a line here. It is written by
``FENQI_WRITE_LISTING=1 pytest tests/house/test_constants.py``.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Set
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import gateway
from gateway.core.transitions import Transitions

ROOMS = ("core", "ledger", "loans", "payments", "settlement")
LISTED_ELSEWHERE = ("models.py", "schemas.py", "routes.py")
"""By the migrations and by the listing of the API."""
LISTING = Path(__file__).with_name("constants.txt")
PLAIN = (str, bytes, int, float, Decimal, Fraction, date, timedelta, type(None))
LONGEST = 3_000
"""Of what is longer the listing has a checksum."""
EMPTY = ("()", "{}")
NOT_SHOWN = "…"
"""A query, a schema, a function."""


def test_constants_and_defaults_are_those_of_the_listing() -> None:
    now = sorted(line for path in modules() for line in lines_of(path))
    if os.environ.get("FENQI_WRITE_LISTING"):
        LISTING.write_text("\n".join([*now, ""]), encoding="utf-8")
    assert now == LISTING.read_text("utf-8").splitlines()


def modules() -> Iterator[Path]:
    root = Path(gateway.__file__).parent
    for room in ROOMS:
        yield from (path for path in (root / room).rglob("*.py") if path.name not in LISTED_ELSEWHERE)


def lines_of(path: Path) -> Iterator[str]:
    """A line for each constant of a module, and for each function, method and class of it that has defaults."""
    relative = path.relative_to(Path(gateway.__file__).parent).with_suffix("")
    short = ".".join(relative.parts).removesuffix(".__init__")
    module = importlib.import_module(f"gateway.{short}")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            for name in (part.id for part in ast.walk(node) if isinstance(part, ast.Name) and _is_made(part)):
                shown = plain(getattr(module, name, None))
                if shown != NOT_SHOWN:
                    short_enough = shown if len(shown) <= LONGEST else f"{zlib.crc32(shown.encode()):08x}"
                    yield f"{short}.{name} = {short_enough}"
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from defaults_of(module, node.name, short)


def _is_made(node: ast.Name) -> bool:
    """Whether a name is a constant by its capitals; what a module remembers while it runs is in small letters."""
    return isinstance(node.ctx, ast.Store) and node.id.isupper()


def defaults_of(module: ModuleType, name: str, short: str) -> Iterator[str]:
    made = getattr(module, name)
    parts = {name: made}
    if isinstance(made, type):
        parts = {f"{name}.{each}": part for each, part in vars(made).items()}
        for field in dataclasses.fields(made) if dataclasses.is_dataclass(made) else ():
            shown = (
                NOT_SHOWN if field.default_factory is dataclasses.MISSING else plain(field.default_factory())
            )
            if shown != NOT_SHOWN and shown not in EMPTY:
                yield f"{short}.{name}.{field.name} = {shown}"
    for each, function in parts.items():
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            given = {
                parameter.name: plain(parameter.default)
                for parameter in inspect.signature(function).parameters.values()
                if parameter.default is not parameter.empty
            }
            if given:
                yield f"{short}.{each}({', '.join(f'{key}={value}' for key, value in given.items())})"


def plain(value: Any) -> str:
    """A value as text, the same for the same value."""
    if isinstance(value, Transitions):
        value = {
            state: [end for end in sorted(value.states) if value.allows(state, end)] for state in value.states
        }
    if isinstance(value, re.Pattern):
        value = value.pattern
    if isinstance(value, str) and "\n" in value:
        return f"{zlib.crc32(value.encode()):08x}"
    if isinstance(value, PLAIN):
        return repr(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        parts = sorted((plain(key), plain(part)) for key, part in value.items())
        return "{" + ", ".join(f"{key}: {part}" for key, part in parts) + "}"
    if isinstance(value, Set):
        return "{" + ", ".join(sorted(plain(part) for part in value)) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(plain(part) for part in value) + ")"
    return NOT_SHOWN
