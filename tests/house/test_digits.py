"""What is read as a whole number is ASCII: ``"²".isdigit()`` is true, and ``int("²")`` fails."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.sources import nodes

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "merchant_portal", "examples", "sdk/python/src", "supply")


def _calls(statement: ast.AST, name: str) -> bool:
    return any(
        isinstance(node, ast.Call) and name == getattr(node.func, "attr", getattr(node.func, "id", ""))
        for node in ast.walk(statement)
    )


def test_digits_that_are_counted_with_are_ascii() -> None:
    said = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in nodes(path):
                if isinstance(node, ast.If | ast.IfExp):
                    about_text = _calls(node.test, "isdigit") and not _calls(node.test, "isascii")
                    if about_text and _calls(node, "int"):
                        said.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not said, f"these take ² for a digit, ask isascii() too: {said}"
