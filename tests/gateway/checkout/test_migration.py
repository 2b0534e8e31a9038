"""Checkouts of an older release come along: what hangs on them, their guards, and a promise for who waits already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.db.engine import connect
from gateway.db.guards import AUDIT, CONSENTS, CONTRACTS, FACTS, LEDGER, TENANCY, missing_guards
from gateway.db.migrate import upgrade
from tests.gateway.webhooks.test_migration import _fill as fill


def test_checkouts_in_review_keep_everything_and_are_promised_an_answer(empty_url):
    upgrade(empty_url, "0017")
    engine = connect(empty_url)
    with engine.begin() as connection:
        fill(connection, "merchant", id="mer_1", name="商", name_en="M", category="3c")
        sealed = dict.fromkeys(("name_sealed", "id_number_sealed", "phone_sealed"), b"")
        fill(connection, "shopper", id="shp_1", mode="live", **sealed)
        for number, status in enumerate(("open", "under_review", "declined")):
            fill(
                connection, "checkout", id=f"chk_{number}", merchant_id="mer_1", mode="live", status=status,
                merchant_reference=f"o{number}", amount_fen=100_000, items="[]", plans="[]", unavailable="[]",
                metadata="{}", decline_reasons="[]", shopper_id="shp_1", payment_id=None,
            )  # fmt: skip
        fill(connection, "consent", id="cns_1", checkout_id="chk_1", shopper_id="shp_1", kind="bureau_query")
        fill(
            connection, "credit_decision", id="dec_1", mode="live", checkout_id="chk_2", shopper_id="shp_1",
            outcome="decline", reasons="[]", signals="[]", features="{}",
        )  # fmt: skip
        fill(
            connection, "human_review", id="hrv_1", mode="live", checkout_id="chk_2", shopper_id="shp_1",
            decision_id="dec_1", status="requested", resolved_at=None,
        )  # fmt: skip
    upgrade(empty_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, status, review_due_at FROM checkout ORDER BY id")).all()
        due = connection.execute(text("SELECT due_at FROM human_review")).scalar_one()
        guards = [*LEDGER, *CONTRACTS, *TENANCY, *AUDIT, *CONSENTS, *FACTS]
        assert missing_guards(connection, guards) == []
        assert connection.execute(text("SELECT count(*) FROM consent")).scalar_one() == 1
    assert [row[:2] for row in rows] == [("chk_0", "open"), ("chk_1", "under_review"), ("chk_2", "declined")]
    assert [row[2] is None for row in rows] == [True, False, True]
    for promised in (rows[1][2], due):
        moment = promised if isinstance(promised, datetime) else datetime.fromisoformat(promised)
        assert timedelta(hours=23) < moment - datetime.now(UTC) <= timedelta(hours=24)
    refused = (
        "UPDATE checkout SET status = 'nonsense' WHERE id = 'chk_0'",
        "UPDATE checkout SET mode = 'test' WHERE id = 'chk_0'",
        "DELETE FROM checkout WHERE id = 'chk_1'",
    )
    for change in refused:
        with pytest.raises(DBAPIError), engine.begin() as connection:
            connection.execute(text(change))
    with engine.begin() as connection:
        connection.execute(text("UPDATE checkout SET status = 'identified' WHERE id = 'chk_0'"))
    engine.dispose()
