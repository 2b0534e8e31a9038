"""Our camt.053 holds to the schema of ISO 20022 (beside this file, as ISO publishes it), whatever a reference is."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import xmlschema

from gateway.exports.bank_statement import Movement, Statement, write_statement

DAY = date(2026, 11, 30)


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(__file__).with_name("camt.053.001.08.xsd"))


def statement(*movements: Movement, opening: int = -100, closing: int = 0) -> str:
    file = io.BytesIO()
    moment = datetime(2026, 12, 1, 1, 2, 3, 456789, UTC)
    said = Statement("exp_" + "0" * 26, "mer_" + "1" * 26, moment, DAY, DAY, opening, closing)
    assert [*write_statement(file, said, movements)][-1] == len(movements)
    return file.getvalue().decode()


def test_a_statement_is_valid_by_the_schema_of_iso(schema: xmlschema.XMLSchema) -> None:
    names = ("po_" + "a" * 32, "<&>\"'订单", "x" * 90)
    movements = [
        Movement(
            f"ent_{number:026}", name, amount, DAY, date(2026, 10, 1), "subsidy_received_reversed", name * 9
        )
        for number, (name, amount) in enumerate(zip(names, (1, -99_999_999_999, 5), strict=True))
    ]
    text = statement(*movements)
    schema.validate(text)
    document: Any = schema.to_dict(text)
    entries = document["BkToCstmrStmt"]["Stmt"][0]["Ntry"]
    assert [str(entry["Amt"]["$"]) for entry in entries] == ["0.01", "999999999.99", "0.05"]
    assert [entry["CdtDbtInd"] for entry in entries] == ["CRDT", "DBIT", "CRDT"]
    schema.validate(statement())  # a day without any


def test_the_schema_refuses_what_is_not_in_order(schema: xmlschema.XMLSchema) -> None:
    text = statement(Movement("ent_1", "r", 1, DAY, DAY, "capture", "t"))
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(text.replace("CRDT", "CREDIT"))
