"""A function of the product, and of what shows how to use it, fits on a screen: what is longer does two things."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.sources import nodes

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "scoring", "sdk/python/src", "merchant_portal", "bench", "examples", "supply")
LONGEST = 60


def test_no_function_has_more_lines_than_a_screen() -> None:
    longer = []
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        if "versions" in path.parts:
            continue
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST:
                    longer.append(f"{path.relative_to(ROOT)}: {node.name} has {lines}")
    assert longer == []
