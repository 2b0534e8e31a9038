"""The map of the tests in CONTRIBUTING.md is the tree: each room has its folder of tests, or a line there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
MAP = GUIDE.partition("### Where a test goes")[2].partition("\n## ")[0]
PLACE = re.compile(r"`(tests(?:/[\w.]+)+)`")


def test_every_room_has_a_folder_of_tests_or_a_line_in_the_map() -> None:
    rooms = [path.parent.name for path in (ROOT / "gateway").glob("*/__init__.py")]
    lost = [
        room
        for room in rooms
        if not any((ROOT / "tests" / "gateway" / room).glob("test_*.py"))
        and f"| `gateway/{room}` |" not in MAP
    ]
    assert len(rooms) > 20
    assert lost == []


def test_every_folder_of_tests_is_of_a_room_or_in_the_map() -> None:
    here = {path.parent for path in (ROOT / "tests").glob("*/test_*.py")}
    here |= {path.parent for path in (ROOT / "tests" / "gateway").glob("*/test_*.py")}
    told = {ROOT / place for place in PLACE.findall(MAP)}
    same_name = {path for path in here if (ROOT / path.relative_to(ROOT / "tests")).is_dir()}
    assert sorted(str(path) for path in here - told - same_name) == []


def test_every_place_in_the_map_is_there() -> None:
    places = PLACE.findall(MAP)
    assert len(places) > 10
    assert [place for place in places if not (ROOT / place).exists()] == []
