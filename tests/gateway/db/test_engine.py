"""The engine: what its errors show."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.db.transactions import Transaction

PERSON = {"email": "wang@shop.example", "name": "王小明", "at": "2026-11-23T00:00:00.000000Z"}
INSERT = (
    "INSERT INTO team_member (id, merchant_id, email, name, role, password, created_at)"
    " VALUES ('mem_1', 'mer_1', :email, :name, 'owner', 'no hash', :at)"
)


def test_an_error_of_the_database_shows_no_row(app: Any) -> None:
    """PostgreSQL prints every column of a row that breaks a constraint; nothing of it may reach a log."""

    def work(tx: Transaction) -> None:
        tx.execute(text(INSERT), PERSON)

    with pytest.raises(DBAPIError) as caught:
        app.extensions["fenqi"].db.write(work)
    told = "".join(traceback.format_exception(caught.value))
    assert "password_is_argon2id" in told
    assert PERSON["email"] not in told
    assert PERSON["name"] not in told
