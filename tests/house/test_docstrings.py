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


PRODUCT = ("gateway", "scoring", "sdk/python/src", "merchant_portal", "examples", "bench", "supply")
THIRD_PERSON = re.compile(
    "(?:Add|Ask|Bring|Build|Check|Choose|Close|Compare|Compute|Create|Deliver|Draw|End|Find|Fit|Give|Judge|Keep|Learn"
    "|Load|Make|Move|Open|Post|Print|Raise|Read|Recommend|Refuse|Remove|Repeat|Return|Run|Say|Seal|Send|Set|Show|Sign"
    "|Start|Stop|Take|Tell|Train|Turn|Verifie|Wait|Write)s |(?:Searche|Trie|Doe|Goe)s "
)
"""How a function's docstring does not begin: it orders what the function does, or names what it gives."""


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


def test_a_function_is_told_what_to_do() -> None:
    """``Load the bundle``, not ``Loads the bundle``; a class may say what it does."""
    told = [
        (f"{path.relative_to(ROOT)}:{node.lineno}: {text}")
        for room in PRODUCT
        for path in (ROOT / room).rglob("*.py")
        if re.search(f'"""{THIRD_PERSON.pattern}', source := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and THIRD_PERSON.match(text := ast.get_docstring(node) or "")
    ]
    assert told == []
