"""A name says the thing: not what was done to find it (``found``, ``asked``), nor that something is done (``work``)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.house.sources import nodes

ROOT = Path(__file__).parents[2]
PRODUCT = ("gateway", "scoring", "sdk/python/src", "merchant_portal", "examples", "supply")
VAGUE = {"work", "asked", "played", "of_shopper"}
VAGUE_TO_OTHERS = VAGUE | {"found"}
"""Also what others read: a function, a class, an argument, a field, a constant. A short local may say ``found``."""
MEANT = {
    "gateway/db/transactions.py: work": "a transaction's unit of work, which is the term",
    "gateway/web/idempotency.py: work": "the same, for a request that is done once",
    "gateway/web/operations.py: work": "the same",
    "gateway/oauth/routes.py: work": "the same",
    "gateway/oauth/routes.py: asked": "what a pushed request asks for",
    "sdk/python/src/fenqi/_pages.py: asked": "an argument that released versions have",
    "gateway/web/front.py: Asked": "a request that waits for a thread",
    "gateway/web/front.py: _work": "what a thread of the server does",
}


def vague(module: Sequence[ast.AST]) -> Iterator[str]:
    """Every name among a module's nodes that does not say the thing."""
    bodies = [node for node in module if isinstance(node, ast.Module | ast.ClassDef)]
    fields = {
        id(target)
        for body in bodies
        for node in body.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in ast.walk(node)
    }
    for node in module:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name, read_by_others = node.name, True
        elif isinstance(node, ast.arg):
            name, read_by_others = node.arg, True
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name, read_by_others = node.id, id(node) in fields
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            name, read_by_others = node.attr, True
        else:
            continue
        if name.strip("_").lower() in (VAGUE_TO_OTHERS if read_by_others else VAGUE):
            yield name


def test_names_say_the_thing() -> None:
    told = {
        f"{path.relative_to(ROOT)}: {name}"
        for room in PRODUCT
        for path in (ROOT / room).rglob("*.py")
        if "versions" not in path.parts
        for name in vague(nodes(path))
    }
    assert sorted(told - MEANT.keys()) == []
    assert sorted(MEANT.keys() - told) == [], "these are gone"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def of_shopper(tx): ...", ["of_shopper"]),
        ("def rows(found): ...", ["found"]),
        ("class Row:\n    found: int", ["found"]),
        ("def rows():\n    found = []", []),
        ("def rows():\n    asked = []", ["asked"]),
        ("def rows(self):\n    self._played = 1", ["_played"]),
    ],
)
def test_a_vague_name_is_found(source: str, names: list[str]) -> None:
    assert list(vague(list(ast.walk(ast.parse(source))))) == names
