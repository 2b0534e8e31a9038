"""Orders after the approval: payments are found by each filter and extended once; refunds are found by reference."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from gateway.core.payment_status import PAYMENT_STATUSES, payment_status
from gateway.payments.models import STATUS, Payment
from gateway.payments.moments import AUTHORIZATION_LIFE, LONGEST_LIFE
from tests.gateway.books import Books
from tests.gateway.conftest import problem
from tests.gateway.payments.test_deadlines import acknowledge, told
from tests.one_database import database_url, on_both  # noqa: F401

pytestmark = on_both
FILTERS = {
    "status=voided": "payment_by_status",
    "created_from=2026-11-23&created_to=2026-11-24": "payment_by_day",
    "amount_min=120000&amount_max=120200": "payment_by_amount",
    "merchant_order_id=A-7": "payment_by_order",
    "merchant_reference=order-1": "one_payment_per_reference",
    "store=s7": "payment_with_store",
}


def ids(books: Books, query: str, path: str = "/v1/payments") -> list[str]:
    answer = books.api.get(f"{path}?{query}")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json["data"]]


def test_payments_are_found_by_status_day_amount_and_order_number(books: Books) -> None:
    api = books.api
    first = api.captured(amount=100_000)
    books.clock.advance(days=1)
    api.login()
    second, third = api.approved(amount=200_000), api.captured(amount=300_000)
    api.post(f"/v1/payments/{second['id']}/acknowledge", {"merchant_order_id": "A-1"})
    refund = api.post(
        "/v1/refunds", {"payment": third["id"], "amount": 5, "reason": "x", "refund_reference": "R-7"}
    )
    one, two, three = first["id"], second["id"], third["id"]
    for query, found in (
        ("", [three, two, one]),
        ("status=captured", [one]),
        ("status=authorized", [two]),
        ("status=partially_refunded", [three]),
        ("status=voided", []),
        ("created_to=2026-11-23", [one]),
        ("created_from=2026-11-24", [three, two]),
        ("created_from=0001-01-01&created_to=9999-12-31", [three, two, one]),
        ("amount_min=200000", [three, two]),
        ("amount_max=200000&created_from=2026-11-24", [two]),
        ("merchant_order_id=A-1", [two]),
    ):
        assert ids(books, query) == found, query
    page = api.get("/v1/payments?created_from=2026-11-23&limit=2").json
    rest = ids(books, f"created_from=2026-11-23&limit=2&cursor={page['next_cursor']}")
    assert [[row["id"] for row in page["data"]], rest] == [[three, two], [one]]
    assert problem(api.get(f"/v1/payments?cursor={page['next_cursor']}"))["param"] == "cursor"
    for query, param in (
        ("status=paid", "status"),
        ("created_from=2026-11-24&created_to=2026-11-23", "created_to"),
        ("amount_min=2&amount_max=1", "amount_max"),
        ("created_from=yesterday", "created_from"),
    ):
        assert problem(api.get(f"/v1/payments?{query}"))["param"] == param
    assert ids(books, "reference=R-7", "/v1/refunds") == [refund.json["id"]]
    assert ids(books, f"reference=R-7&payment={two}", "/v1/refunds") == []


def test_another_merchant_finds_nothing_of_it(books: Books, new_merchant: Any) -> None:
    payment = books.api.captured()
    body = {"payment": payment["id"], "amount": 5, "reason": "x", "refund_reference": "R-1"}
    books.api.post("/v1/refunds", body)
    other = new_merchant()
    for path in ("payments?status=partially_refunded", "payments?amount_min=1", "refunds?reference=R-1"):
        assert other.get(f"/v1/{path}").json["data"] == []
    assert problem(other.post("/v1/refunds/preview", body))["code"] == "not_found"
    assert problem(other.post(f"/v1/payments/{payment['id']}/extend"))["code"] == "not_found"


def test_the_status_in_sql_is_the_status_of_the_amounts(books: Books) -> None:
    cases = [
        (captured, voided, expired, refunded)
        for captured in (0, 1, 3)
        for voided in (0, 1, 3)
        for expired in (0, 1, 3)
        for refunded in (0, 1, 3)
        if captured + voided + expired <= 3 and refunded <= captured
    ]
    names = ("captured_fen", "voided_fen", "expired_fen", "refunded_fen")
    rows = " UNION ALL ".join(
        "SELECT 3 AS amount_fen, " + ", ".join(f"{n} AS {c}" for n, c in zip(case, names, strict=True))
        for case in cases
    )
    with books.gateway.db.read() as tx:
        found = list(tx.connection().execute(text(f"SELECT {STATUS} FROM ({rows}) AS t")).scalars())
    wanted = [payment_status(authorised_fen=3, **dict(zip(names, case, strict=True))) for case in cases]
    assert found == wanted
    assert set(wanted) == set(PAYMENT_STATUSES)


def many(books: Books) -> None:
    """5,000 payments like one that was captured, of other amounts and days; one in 500 is voided."""
    payment = books.api.captured()
    table = Payment.metadata.tables["payment"]
    other = {
        "id": "p.id || n",
        "checkout_id": "p.checkout_id || n",
        "merchant_reference": "p.merchant_reference || '-' || n",
        "merchant_order_id": "'A-' || n",
        "amount_fen": "100000 + n * 10",
        "captured_fen": "CASE WHEN n % 500 = 0 THEN 0 ELSE 100000 + n * 10 END",
        "voided_fen": "CASE WHEN n % 500 = 0 THEN 100000 + n * 10 ELSE 0 END",
        "store": "'s' || n",
    }
    if books.gateway.db.engine.name == "postgresql":
        other["created_at"] = "p.created_at - n * interval '1 hour'"
        numbers = "generate_series(1, 5000) AS n"
    else:
        numbers = (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s)"
        )
    names = [column.name for column in table.columns]
    values = ", ".join(other.get(name, f"p.{name}") for name in names)
    with books.gateway.db.engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO payment ({', '.join(names)}) SELECT {values} FROM payment p, {numbers}"
                " WHERE p.id = :id"
            ),
            {"id": payment["id"]},
        )
        connection.exec_driver_sql("ANALYZE")


def test_each_filter_is_answered_by_an_index(books: Books) -> None:
    many(books)
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT payment.", "SELECT refund.")):
            sent.append((statement, parameters))

    engine = books.gateway.db.engine
    event.listen(engine, "before_cursor_execute", note)
    for query in FILTERS:
        ids(books, query)
    ids(books, "reference=R-7", "/v1/refunds")
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if engine.name == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        if engine.name == "postgresql":  # which would read the few refunds from end to end
            connection.exec_driver_sql("SET enable_seqscan = off")
        for (statement, parameters), index in zip(
            sent, [*FILTERS.values(), "refund_by_reference"], strict=True
        ):
            plan = str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())
            own = ("sqlite_autoindex_payment", "refund_of_tenant") if engine.name == "sqlite" else ()
            assert any(name in plan for name in (index, *own)), (statement, plan)


def test_an_authorisation_is_extended_once_and_lapses_at_its_new_end(books: Books) -> None:
    payment = books.api.approved()
    acknowledge(books.api, payment)
    ends = datetime.fromisoformat(payment["authorization_expires_at"])
    books.pass_days(27)  # both warnings of the first end have come
    books.api.login()
    path = f"/v1/payments/{payment['id']}/extend"
    for wrong in (ends, ends + LONGEST_LIFE["3c"]):
        refused = problem(books.api.post(path, {"authorization_expires_at": wrong.isoformat()}))
        assert (refused["code"], refused["param"]) == ("validation_failed", "authorization_expires_at")
        assert "2027-01-04T04:00:00Z" in refused["detail"]
    until = ends + timedelta(days=10)
    longer = books.api.post(path, {"authorization_expires_at": until.isoformat()}).json
    assert (longer["authorization_expires_at"], longer["authorization_extended"]) == (
        "2026-12-31T04:00:00.000Z",
        True,
    )
    assert problem(books.api.post(path))["code"] == "wrong_state"
    books.sound()
    books.pass_days(8)
    assert books.limit_held() == 599_900
    books.pass_days(3)
    assert told(books.api, payment) == [
        ("expiring", "12-14T04"),
        ("expiring", "12-19T04"),
        ("expiring", "12-24T04"),
        ("expiring", "12-29T04"),
        ("expired", "12-31T04"),
    ]
    assert books.limit_held() == 0
    assert problem(books.api.post(path))["code"] == "wrong_state"
    books.sound()
    with books.gateway.db.engine.connect() as connection, pytest.raises(DBAPIError, match="set once stands"):
        connection.execute(text("UPDATE payment SET extended_to = expires_at"))


def test_who_extends_an_authorisation_has_the_order(books: Books) -> None:
    """Neither a reminder nor a void comes; also of one whose void is due and has not happened yet."""
    for days in (0, 7):
        payment = books.api.approved(merchant_reference=f"ext-{days}")
        books.clock.advance(days=days)  # and no job has run
        books.api.login()
        longer = books.api.post(f"/v1/payments/{payment['id']}/extend").json
        assert (datetime.fromisoformat(longer["acknowledged_at"]), longer["merchant_order_id"]) == (
            books.clock.now,
            None,
        )
        books.pass_days(8)
        assert told(books.api, payment) == []
        assert books.api.get(f"/v1/payments/{payment['id']}").json["status"] == "authorized"
        named = acknowledge(books.api, payment, f"E-{days}").json
        assert named["acknowledged_at"] == longer["acknowledged_at"]
    books.sound()


def test_furniture_may_take_ninety_days(books: Books) -> None:
    payment = books.api.approved(category="furnishing")
    longer = books.post(f"/v1/payments/{payment['id']}/extend").json
    created = datetime.fromisoformat(payment["created_at"])
    assert datetime.fromisoformat(longer["authorization_expires_at"]) == created + timedelta(days=90)
    assert min(LONGEST_LIFE.values()) > AUTHORIZATION_LIFE


def test_a_refund_of_what_is_not_settled_joins_the_batch_of_its_capture(books: Books) -> None:
    payment = books.api.captured()
    body = {"payment": payment["id"], "amount": 10_000, "reason": "x"}
    books.post("/v1/refunds", body)
    with books.gateway.db.read() as tx:
        lines = tx.connection().execute(text("SELECT kind, settlement_date FROM settlement_line")).all()
    assert len({day for _, day in lines}) == 1, lines
