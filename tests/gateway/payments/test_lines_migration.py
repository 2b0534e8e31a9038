"""Payments of older releases get the lines of their order, and what is known of them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import create_engine, text

from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade
from tests.gateway.webhooks.test_migration import _fill

ITEMS = [
    {"name": "Phone", "quantity": 2, "unit_price": 599_900, "category": None, "subsidy_category": None},
    {"name": "Tablet", "quantity": 1, "unit_price": 300_000, "category": "3c", "subsidy_category": "tablet"},
]
AMOUNT = 2 * 599_900 + 300_000 - 45_000


def old_payment(connection: Any, name: str, *, captured: int, refunded: int = 0, voided: int = 0) -> None:
    _fill(
        connection, "checkout", id=f"chk_{name}", merchant_id="mer_1", mode="test", status="approved",
        shopper_id="shp_1", payment_id=f"pay_{name}", merchant_reference=name, amount_fen=AMOUNT,
        down_payment_fen=0, merchant_discount_fen=0, category="3c", items=json.dumps(ITEMS),
    )  # fmt: skip
    _fill(
        connection, "payment", id=f"pay_{name}", merchant_id="mer_1", mode="test", checkout_id=f"chk_{name}",
        shopper_id="shp_1", merchant_reference=name, amount_fen=AMOUNT, captured_fen=captured,
        refunded_fen=refunded, voided_fen=voided, expired_fen=0, plan="{}", price="{}", metadata="{}",
        government_subsidy=json.dumps({"programme": "trade_in_2026", "amount": 45_000}),
    )  # fmt: skip
    if captured:
        _fill(
            connection, "loan", id=f"loan_{name}", shopper_id="shp_1", merchant_id="mer_1", mode="test",
            payment_id=f"pay_{name}", status="active", price="{}", capture_id=f"cap_{name}", contract_date="2026-11-23",
            principal_fen=captured, late_daily_rate="0.0005",
        )  # fmt: skip
        _fill(
            connection, "capture", id=f"cap_{name}", payment_id=f"pay_{name}", loan_id=f"loan_{name}",
            amount_fen=captured, refunded_fen=refunded, merchant_fee_fen=0, merchant_subsidy_fen=0,
        )  # fmt: skip


def test_payments_of_older_releases_get_their_lines(empty_url):
    upgrade(empty_url, "0017")
    engine = create_engine(canonical_url(empty_url))
    with engine.begin() as connection:
        _fill(connection, "merchant", id="mer_1", name="商", name_en="M", category="3c")
        sealed = dict.fromkeys(("name_sealed", "id_number_sealed", "phone_sealed"), b"")
        _fill(
            connection,
            "shopper",
            id="shp_1",
            mode="test",
            id_number_lookup="hash",
            phone_lookup="hash",
            **sealed,
        )
        old_payment(connection, "whole", captured=AMOUNT)
        old_payment(connection, "back", captured=AMOUNT, refunded=AMOUNT)
        old_payment(connection, "part", captured=200_001)
        old_payment(connection, "less", captured=200_001, voided=AMOUNT - 200_001)
        old_payment(connection, "void", captured=0, voided=AMOUNT)
    upgrade(empty_url)
    with engine.connect() as connection:
        lines = connection.execute(
            text("SELECT payment_id, line, ordered, amount_fen, subsidy_fen FROM payment_line ORDER BY 1, 2")
        ).all()
        gone = connection.execute(
            text(
                "SELECT payment_id, line, quantity, amount_fen, returned, returned_fen FROM captured_line"
                " ORDER BY 1, 2"
            )
        ).all()
        quotas = connection.execute(
            text("SELECT programme, category, person_lookup, payment_id, used_at FROM subsidy_quota")
        ).all()
    engine.dispose()
    for name in ("whole", "back", "part", "less", "void"):
        assert [row[1:] for row in lines if row[0] == f"pay_{name}"] == [
            (1, 2, 1_199_800, 0),
            (2, 1, 255_000, 45_000),
        ]
    assert [row for row in gone if row[0] != "pay_less"] == [
        ("pay_back", 1, 2, 1_199_800, 2, 1_199_800),
        ("pay_back", 2, 1, 255_000, 1, 255_000),
        ("pay_whole", 1, 2, 1_199_800, 0, 0),
        ("pay_whole", 2, 1, 255_000, 0, 0),
    ]
    assert sum(row[3] for row in gone if row[0] == "pay_less") == 200_001
    assert [tuple(row)[:3] for row in quotas] == [("trade_in_2026", "tablet", "hash")]
    assert quotas[0].used_at is not None
