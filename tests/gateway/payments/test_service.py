"""A shop that acknowledges an order after its authorisation has ended is told not to ship."""

from __future__ import annotations

from tests.gateway.books import Books
from tests.gateway.conftest import problem
from tests.one_database import database_url  # noqa: F401


def test_what_has_ended_without_its_order_is_not_acknowledged(books: Books) -> None:
    for end, body in (("expire", None), ("void", {"reason": "canceled"})):
        payment = books.api.approved()
        helper = "test_helpers/" if end == "expire" else ""
        assert books.post(f"/v1/{helper}payments/{payment['id']}/{end}", body).status_code == 200
        refused = problem(
            books.post(f"/v1/payments/{payment['id']}/acknowledge", {"merchant_order_id": "A-1"})
        )
        ended = {"expire": "expired", "void": "voided"}[end]
        assert refused["code"] == "wrong_state"
        assert f"The payment is {ended}: do not ship" in refused["detail"]
