"""A dispute is decided once, however often the decision is told, and at its last moment; and what is open with whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from gateway.payments import by_shopper
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401

HELPERS = "/v1/test_helpers"


def disputed(books: Books) -> dict[str, Any]:
    payment = books.api.captured(3)
    made: dict[str, Any] = books.post(f"{HELPERS}/disputes", {"payment": payment["id"], "amount": 1_000}).json
    return made


def test_a_decision_that_is_told_again_changes_nothing(books: Books) -> None:
    decisions = [(f"/v1/disputes/{disputed(books)['id']}/accept", {})]
    for outcome in ("won", "lost", "canceled"):
        decisions.append((f"{HELPERS}/disputes/{disputed(books)['id']}/resolve", {"outcome": outcome}))
    for path, body in decisions:
        first, again = books.post(path, body), books.post(path, body)
        assert (first.status_code, again.status_code) == (200, 200), again.text
        assert again.json == first.json
    books.sound()


def test_a_dispute_is_lost_at_the_moment_until_which_it_could_be_answered(books: Books) -> None:
    path = f"/v1/disputes/{disputed(books)['id']}"
    moment = datetime.fromisoformat(books.api.get(path).json["respond_by"])
    for seconds, status in ((1, "needs_response"), (0, "lost")):
        books.clock.now = moment
        books.clock.advance(seconds=-seconds)
        books.work()
        books.api.login()
        assert books.api.get(path).json["status"] == status


def test_what_is_open_with_a_person_is_its_own(books: Books) -> None:
    books.api.captured(3)
    for _ in range(2):
        books.api.approved(3)
    with books.gateway.db.read() as tx:
        people = tx.execute(text("SELECT DISTINCT shopper_id FROM payment")).scalars().all()
        assert sorted(len(by_shopper.open_payments(tx, person)) for person in people) == [0, 1, 1]
