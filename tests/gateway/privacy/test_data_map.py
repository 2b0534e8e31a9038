"""The data map names every column of every table and nothing else; the documentation prints it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, Table, Text

from gateway.db.tables import metadata
from gateway.privacy.data_map import DATA_MAP, FILE, load

PAGE = Path(__file__).parents[3] / "docs" / "personal-data.md"
START, END = "<!-- data map -->\n", "<!-- end of the data map -->"


def test_every_column_is_mapped_and_no_entry_is_stale():
    assert DATA_MAP.problems(metadata()) == []


def test_a_new_column_fails_the_build():
    models = MetaData()
    for table in metadata().tables.values():
        table.to_metadata(models)
    models.tables["shopper"].append_column(Column("favourite_colour", Text))
    Table("diary", models, Column("page", Text))
    assert DATA_MAP.problems(models) == [
        "diary.page is not in the data map",
        "shopper.favourite_colour is not in the data map",
    ]


def test_a_stale_entry_fails_the_build():
    stale = FILE.read_text("utf-8").replace('"offset_seconds"', '"gone_column"')
    assert load(stale).problems(metadata()) == [
        "test_clock.offset_seconds is not in the data map",
        "test_clock.gone_column is mapped and does not exist",
    ]


def test_a_table_about_people_says_how_it_is_linked():
    lost = FILE.read_text("utf-8").replace('link = "shopper_id = shopper.id"', "", 1)
    assert any(
        "refers to a shopper and has no link" in problem for problem in load(lost).problems(metadata())
    )


def test_every_entry_has_a_purpose_and_an_end():
    for entry in DATA_MAP.tables:
        for column in entry.columns:
            assert all((column.purpose, column.retention, column.erased)), (entry.table, column.name)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="expected one of none, personal, sensitive"):
        load(FILE.read_text("utf-8").replace('kind = "sensitive"', 'kind = "secret"', 1))


def test_the_documentation_prints_the_map():
    page = PAGE.read_text("utf-8")
    assert page.partition(START)[2].partition(END)[0] == DATA_MAP.as_markdown(), (
        "print it anew: python -m gateway.privacy.data_map docs/personal-data.md"
    )
