"""Docstrings speak one dialect, reStructuredText, but for operations of the API: what they say is its documentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "scoring", "sdk/python/src", "merchant_portal", "examples", "bench", "tests")
IN_MARKDOWN = re.compile(r"(?<![`:\w])`[^`\n]+`(?![`_])")
OPERATIONS = re.compile(r"\w+\.(get|post|patch|put|delete)\(")
"""Decorators of what the OpenAPI description shows, in Markdown."""


def docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Those of modules, classes and functions, and the texts below constants and fields."""
    shown = {
        id(node.body[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(OPERATIONS.match(ast.unparse(decorator)) for decorator in node.decorator_list)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and id(node) not in shown:
            yield node.value


def in_markdown(text: str) -> list[str]:
    return IN_MARKDOWN.findall(re.sub(r"``.*?``", "", text, flags=re.DOTALL))


def test_names_in_docstrings_stand_between_double_ticks() -> None:
    sources = {
        path: path.read_text(encoding="utf-8")
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "node_modules" not in path.parts
    }
    wrong = [
        f"{path.relative_to(ROOT)}:{text.lineno}: {name}"
        for path, source in sources.items()
        if in_markdown(source)  # parsing all would take seconds
        for text in docstrings(ast.parse(source))
        for name in in_markdown(str(text.value))
    ]
    assert len(sources) > 500
    assert wrong == []
