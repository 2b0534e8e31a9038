"""A backup is restored and goes on: what it has forgotten is done again here, and once outside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask

from gateway.app import create_app
from gateway.core.references import reference
from tests.gateway.books import Books
from tests.gateway.conftest import Api
from tests.gateway.payments.test_outside_effects import Institution, rows
from tests.gateway.scorer import loaded_scorer
from tests.one_database import database_url  # noqa: F401 - a file is what is copied here

REFERENCES = (
    "SELECT reference, amount_fen FROM collection UNION ALL SELECT reference, amount_fen FROM shopper_return"
    " UNION ALL SELECT reference, amount_fen FROM payout ORDER BY reference"
)


def test_a_restored_backup_that_goes_on_repeats_nothing(
    app: Flask, api: Api, clock: Any, tmp_path: Path
) -> None:
    """What was captured, settled, collected and given back after the backup is repeated here, and not outside."""
    institution = Institution()
    payment, place = api.approved(3, amount=90_000), str(app.extensions["fenqi"].db.engine.url.database)
    backup, moment = str(tmp_path / "backup.sqlite"), clock.now
    copy_database(place, backup)
    loans, references = set(), []
    for _ in range(2):
        copy_database(backup, place)
        clock.now = moment
        restarted = create_app(
            replace(app.extensions["fenqi"].settings, rate_limits="off"),  # the clock goes back
            clock=clock,
            ports={"scorer": loaded_scorer(), "institution": institution},
        )
        books = Books(restarted, Api(restarted.test_client(), api.credentials, api.token), clock)
        captured = books.api.post(f"/v1/payments/{payment['id']}/capture").json
        loans.add(captured["captures"][0]["loan"])
        books.pass_days(33)
        refunded = books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"})
        assert refunded.status_code == 201, refunded.text
        books.work()
        references.append(rows(books.gateway.db, REFERENCES))
        books.sound()
    assert len(loans) == 2, "our own identifiers are others after the restore"
    assert references[0] == references[1]
    of_the_return = reference("ret", books.tenant, payment["merchant_reference"], 1, 1)
    assert of_the_return in {row[0] for row in references[0]}, "the first return of the first capture"
    assert {movement for movement, *_ in institution.moved} == {"payout", "collection", "refund"}
    assert len(institution.moved) == len(references[0])
    assert institution.doubled == []


def copy_database(source: str, target: str) -> None:
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
