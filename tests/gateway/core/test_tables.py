"""What commands print: rows that line up for people, the same rows as JSON for programs."""

from __future__ import annotations

import json

from gateway.core.tables import listed, reported

ROWS = [
    {"name": "手机店", "loans": 7, "live": True, "note": None},
    {"name": "Shop", "loans": 12_000, "live": False, "note": "two\nlines"},
]


def test_a_table_lines_up_and_a_chinese_character_takes_two_columns() -> None:
    assert listed(ROWS, as_json=False).splitlines() == [
        "name    loans  live  note",
        "手机店      7  yes   -",
        "Shop    12000  no    two lines",
    ]
    assert json.loads(listed(ROWS, as_json=True)) == ROWS
    assert "手机店" in listed(ROWS, as_json=True)


def test_no_rows_are_said_to_be_none() -> None:
    assert listed([], as_json=False) == "(none)"
    assert listed([], as_json=True) == "[]"


def test_a_report_is_a_line_for_each_value_with_its_path() -> None:
    report = {
        "store": {"name": "城西店", "open": True},
        "days": [1, 2],
        "parts": [{"fen": 1}, {"fen": None, "of": {"a": 1, "b": False}}],
        "none": [],
        "nothing": {},
    }
    assert reported(report, as_json=False).splitlines() == [
        "store.name: 城西店",
        "store.open: yes",
        "days: 1,2",
        "parts[0].fen: 1",
        "parts[1].fen: -",
        "parts[1].of.a: 1",
        "parts[1].of.b: no",
        "none: -",
        "nothing: -",
    ]
    assert json.loads(reported(report, as_json=True)) == report
    assert "城西店" in reported(report, as_json=True)


def test_a_list_or_an_object_in_a_cell_is_one_word() -> None:
    rows = [{"of": {"a": 1, "b": None}, "all": ["x", True]}]
    assert listed(rows, as_json=False).splitlines() == ["of       all", "a=1 b=-  x,yes"]
