"""Whose loans are far overdue at a merchant: at this one, in this mode, and for so many days."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from gateway.core.tenant import Tenant
from gateway.loans import by_shopper
from gateway.loans.models import Loan
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


def test_who_is_overdue_is_told_by_merchant_mode_and_days(books: Books, new_merchant: Any) -> None:
    neighbour = new_merchant()
    for api in (books.api, neighbour):
        loan = api.captured(3)["captures"][0]["loan"]
        api.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 3})
    books.jump_to("2026-12-27")
    with books.gateway.db.read() as tx:
        mine, theirs = (
            tx.exec(select(Loan.shopper_id).where(Loan.merchant_id == api.credentials["merchant"])).one()
            for api in (books.api, neighbour)
        )
        assert mine != theirs
        assert by_shopper.seriously_overdue(tx, books.tenant, days=4) == [mine]
        assert by_shopper.seriously_overdue(tx, books.tenant, days=5) == []
        neighbours = Tenant(neighbour.credentials["merchant"], "test")
        assert by_shopper.seriously_overdue(tx, neighbours, days=4) == [theirs]
        assert by_shopper.seriously_overdue(tx, Tenant(books.tenant.merchant_id, "live"), days=4) == []
        assert by_shopper.in_default(tx, [mine]) == {mine}
        assert [loan.live for loan in by_shopper.loans_of(tx, mine)] == [True]
