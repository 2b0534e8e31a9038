"""The rooms in ``docs/house.md`` are the floors that import-linter keeps, in the words of each room's first line.

Run this file to write the table anew: ``python tests/house/test_rooms.py``.
"""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "house.md"
START, END = "<!-- rooms -->\n", "<!-- end of rooms -->"


def floors() -> list[list[str]]:
    """The rooms of each floor, the top one first."""
    rules = configparser.ConfigParser()
    rules.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = rules["importlinter:contract:floors"]["layers"].split("\n")
    return [re.split(r"\s*[|:]\s*", layer.strip()) for layer in layers if layer.strip()]


def first_line(room: str) -> str:
    """What a room says of itself."""
    tree = ast.parse((ROOT / "gateway" / room / "__init__.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def table() -> str:
    every = floors()
    lines = ["| floor | room | |", "| --- | --- | --- |"]
    for number, rooms in enumerate(every):
        lines += [f"| {len(every) - number} | `{room}` | {first_line(room)} |" for room in rooms]
    return "\n".join(lines) + "\n"


def test_the_page_shows_the_floors_of_the_linter() -> None:
    shown = PAGE.read_text(encoding="utf-8").partition(START)[2].partition(END)[0]
    assert shown == table(), "write it anew: python tests/house/test_rooms.py"


def test_every_folder_of_the_gateway_is_a_room() -> None:
    folders = {path.parent.name for path in (ROOT / "gateway").glob("*/__init__.py")}
    assert {room for rooms in floors() for room in rooms} == folders


def test_no_file_of_the_product_looks_like_a_test() -> None:
    product = ("gateway", "scoring", "merchant_portal", "sdk/python/src", "examples")
    assert [str(path) for part in product for path in (ROOT / part).rglob("test_*.py")] == []


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    PAGE.write_text(before + START + table() + END + rest.partition(END)[2], encoding="utf-8")
