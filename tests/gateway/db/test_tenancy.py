"""What belongs together has one merchant and one mode: SQL that would part or move it is refused."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from gateway.db.frozen import RULES, frozen_columns
from gateway.db.guards import TENANCY, statements
from gateway.db.tables import metadata
from tests.gateway.books import Books


def guards(dialect: str) -> str:
    """The SQL of every guard of tenancy."""
    return "\n".join(statement for file in TENANCY for statement in statements(file, dialect))


@pytest.fixture
def paid(books: Books) -> Books:
    """A payment that was captured, refunded in part, settled and paid out, and whose first instalment was paid."""
    payment = books.api.captured()
    books.post(
        "/v1/refunds",
        {"payment": payment["id"], "amount": 10_000, "kind": "price_adjustment", "reason": "scratch"},
    )
    books.pass_days(35)
    return books


def refused(books: Books, sql: str) -> str:
    """The words in which the database refuses."""
    with pytest.raises(DBAPIError) as caught, books.gateway.db.engine.begin() as connection:
        connection.execute(text(sql))
    return str(caught.value.orig)


def test_no_row_changes_its_merchant_or_mode(paid: Books) -> None:
    for table in ("checkout", "payment", "loan", "refund", "collection", "payout", "event"):
        for change in ("mode = 'live'", "merchant_id = 'mer_other'"):
            words = refused(paid, f"UPDATE {table} SET {change}")
            assert re.search(f"the merchant and mode of an? {table} never change", words), (table, change)
    assert "the mode of a shopper never changes" in refused(paid, "UPDATE shopper SET mode = 'live'")


def test_no_row_is_added_in_another_mode_than_what_it_belongs_to(paid: Books) -> None:
    for table in ("refund", "loan", "collection", "loan_repayment", "payout"):
        columns = [column.name for column in metadata().tables[table].columns]
        values = [
            "'live'" if name == "mode" else "'another'" if name in ("id", "reference") else f'"{name}"'
            for name in columns
        ]
        names = ", ".join(f'"{name}"' for name in columns)
        words = refused(paid, f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table}")
        wanted = rf"tenancy: a {table.replace('_', ' ')} has the (merchant and )?mode of its"
        assert re.search(wanted, words), words


def test_a_checkout_takes_no_shopper_of_the_other_mode(paid: Books) -> None:
    with paid.gateway.db.engine.begin() as connection:
        names = [column["name"] for column in inspect(connection).get_columns("shopper")]
        values = ["'live'" if name == "mode" else "'shp_live'" if name == "id" else name for name in names]
        connection.execute(
            text(f"INSERT INTO shopper ({', '.join(names)}) SELECT {', '.join(values)} FROM shopper")
        )
    assert "has the mode of its shopper" in refused(paid, "UPDATE checkout SET shopper_id = 'shp_live'")


def test_both_databases_refuse_in_the_same_words() -> None:
    words = {
        dialect: set(re.findall(r"'(?:tenancy: )?((?:a|the) [^']+)'", guards(dialect)))
        for dialect in ("sqlite", "postgresql")
    }
    assert words["sqlite"] == words["postgresql"]
    assert len(words["sqlite"]) > 25


def test_every_table_with_a_merchant_and_a_mode_keeps_them(books: Books) -> None:
    guarded = set(re.findall(r"BEFORE UPDATE OF merchant_id, mode ON (\w+)", guards("sqlite")))
    immutable = {"ledger_entry", "contract", "audit_entry"}
    keyed = {table.name for table in metadata().tables.values() if "mode" in table.primary_key.columns}
    both = {
        table.name
        for table in metadata().tables.values()
        if {"merchant_id", "mode"} <= set(table.columns.keys())
    }
    facts = {
        name
        for name in both & RULES.keys()
        if {"merchant_id", "mode"} <= {*frozen_columns(metadata().tables[name])}
    }
    assert both - immutable - keyed - guarded - facts == set()
