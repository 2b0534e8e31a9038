"""A phone that tens of thousands of people gave costs the next applicant nothing, and breaks no question."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import event, text

from gateway.identity import service as identity
from tests.one_database import database_url  # noqa: F401

CROWD = 40_000
"""More than either database takes values in one question."""


def test_forty_thousand_people_behind_one_phone_are_counted_within_bounds(app: Any, api: Any) -> None:
    gateway = app.extensions["fenqi"]
    api.approved(3, amount=90_000)

    def crowd(tx: Any) -> None:
        tx.connection().execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :crowd)"
                " INSERT INTO shopper (id, mode, id_number_lookup, phone_lookup, name_sealed, id_number_sealed,"
                " phone_sealed, created_at) SELECT 'shp_00' || i, mode, 'x' || i, phone_lookup, name_sealed,"
                " id_number_sealed, phone_sealed, s.created_at FROM shopper s, n"
            ),
            {"crowd": CROWD},
        )

    gateway.db.write(crowd)
    most = [0]

    @event.listens_for(gateway.db.engine, "before_cursor_execute")
    def count(_c: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        most[0] = max(most[0], len(parameters))

    began = time.process_time()
    api.approved(3, amount=90_000)
    assert time.process_time() - began < 2
    assert most[0] < 1_000, "no question has a value for each of them"
    with gateway.db.read() as tx:
        shopper = tx.connection().execute(text("SELECT shopper_id FROM payment LIMIT 1")).scalar_one()
        crowded = identity.with_phone("test", identity.lookups_of(tx, shopper)["phone"])
        assert len(list(tx.exec(crowded))) == identity.MOST_OF_A_PHONE
        counted = list(tx.connection().execute(text("SELECT features FROM decision_request")).scalars())
        assert (
            sum('"applications_on_phone_24h":2' in str(features).replace(" ", "") for features in counted)
            == 1
        )
