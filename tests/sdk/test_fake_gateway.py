"""What the fake plays beyond the stories: time, money to the fen, webhooks, faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import flask
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import PRICE, authorized, opened, order

import fenqi
from fenqi import Fenqi
from fenqi.testing import FakeGateway, Product, _schedule

SHARED = Path(os.environ.get("FENQI_SHARED") or Path(__file__).parents[2].parent / "shared")
VECTORS = SHARED / "vectors" / "schedules.json"


def bought(gateway: FakeGateway, client: Fenqi, *, term: int = 6, pays: bool = True) -> fenqi.Payment:
    checkout = opened(client)
    gateway.shopper(checkout.id).choose(term).approve(pays=pays)
    return client.payments.retrieve(gateway.shopper(checkout.id).checkout.payment)


METHODS = ("interest_free", "equal_installment", "equal_principal", "flat_fee")


def test_schedules_are_those_of_the_golden_vectors() -> None:
    if not VECTORS.exists():
        pytest.skip(f"the golden vectors are not at {VECTORS}")
    played = 0
    for vector in json.loads(VECTORS.read_text())["vectors"]:
        asked, expected = vector["input"], vector["expected"]
        if vector["kind"] != "schedule" or asked["method"] not in METHODS:
            continue
        if asked.get("fee_timing") == "first_period" or "fee_rate_per_period" in asked:
            continue
        product = Product(
            asked["method"],
            annual_rate=asked.get("annual_rate", "0"),
            fee_rate_total=asked.get("fee_rate_total", "0"),
        )
        plan = _schedule.plan(
            product,
            amount=asked["principal"],
            term=asked["periods"],
            contract_date=date.fromisoformat(asked["contract_date"]),
        )
        assert plan["schedule"] == expected["schedule"], vector["id"]
        for name in ("total_payment", "total_interest", "total_fee"):
            assert plan[name] == expected[name], vector["id"]
        for basis in ("nominal", "effective"):
            difference = Decimal(plan["annual_rate"][basis]) - Decimal(expected[f"apr_{basis}"])
            assert abs(difference) <= Decimal("1e-9"), vector["id"]
        played += 1
    assert played >= 7


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 10_000_000),
    st.integers(1, 12),
    st.sampled_from(["0", "0.0888", "0.156", "0.24"]),
    st.lists(st.integers(1, 10_000_000), max_size=3),
)
def test_any_split_of_captures_sums_to_the_whole(
    last: int, periods: int, rate: str, before: list[int]
) -> None:
    product = Product("equal_installment", annual_rate=rate)
    captured, parts = 0, []

    def rows(principal: int) -> list[dict[str, Any]]:
        return _schedule.schedule(
            product, principal=principal, periods=periods, contract_date=date(2026, 8, 31)
        )  # fmt: skip

    for amount in (*before, last):
        parts.append(_schedule.difference(rows(captured + amount), rows(captured) if captured else []))
        captured += amount
    whole = rows(captured)
    assert sum(row["principal"] for row in whole) == captured
    assert whole[-1]["balance"] == 0
    for row, *others in zip(whole, *parts, strict=True):
        assert {
            name: sum(other[name] for other in others) for name in ("principal", "interest", "payment")
        } == {name: row[name] for name in ("principal", "interest", "payment")}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_ledger_balances_whatever_is_captured_refunded_and_waited(data: st.DataObject) -> None:
    with FakeGateway() as gateway:
        client = gateway.client(max_retries=0)
        payments = [bought(gateway, client, term=term) for term in (3, 6)]
        for _ in range(data.draw(st.integers(1, 8))):
            payment = client.payments.retrieve(data.draw(st.sampled_from(payments)).id)
            step = data.draw(st.sampled_from(["capture", "void", "refund", "wait"]))
            if step == "wait":
                gateway.advance(days=data.draw(st.integers(1, 50)))
            elif step == "refund" and payment.refundable_amount:
                amount = data.draw(st.integers(1, payment.refundable_amount))
                client.refunds.create(payment=payment.id, amount=amount, reason="x")
            elif step == "capture" and payment.capturable_amount:
                least = min(100_000, payment.capturable_amount)
                amount = data.draw(st.integers(least, payment.capturable_amount))
                client.payments.capture(payment.id, amount=amount)
            elif step == "void" and payment.capturable_amount:
                client.payments.void(payment.id, amount=data.draw(st.integers(1, payment.capturable_amount)))
            assert gateway.ledger_balanced()
        gateway.advance(days=400)
        assert gateway.ledger_balanced()
        assert all(client.payments.retrieve(payment.id).capturable_amount == 0 for payment in payments)


def test_time_stands_still_until_it_is_moved(gateway: FakeGateway, client: Fenqi) -> None:
    first, second = opened(client), opened(client)
    assert first.created_at == second.created_at == "2026-11-23T12:00:00.000Z"
    gateway.advance(days=1, hours=2)
    assert opened(client).created_at == "2026-11-24T14:00:00.000Z"
    with pytest.raises(ValueError, match="only moves forward"):
        gateway.advance(days=-1)
    with pytest.raises(ValueError, match="offset"):
        FakeGateway(clock="2026-11-23T20:00")


def test_checkout_and_authorisation_expire(gateway: FakeGateway, client: Fenqi) -> None:
    checkout, payment = opened(client), bought(gateway, client)
    client.payments.acknowledge(payment.id, merchant_order_id="A-1")
    gateway.advance(days=1)
    assert client.checkouts.retrieve(checkout.id).status == "expired"
    gateway.advance(days=28)
    assert client.payments.retrieve(payment.id).status == "expired"
    with pytest.raises(fenqi.ConflictError) as refused:
        client.payments.capture(payment.id)
    assert refused.value.code == "authorization_expired"
    assert [event.type for event in gateway.events][-4:] == [
        "checkout.expired",
        "payment.expiring",
        "payment.expiring",
        "payment.expired",
    ]


def test_an_order_that_is_not_acknowledged_is_told_of_and_voided(gateway: FakeGateway, client: Fenqi) -> None:
    payment = bought(gateway, client)
    assert payment.acknowledge_by == "2026-11-30T12:00:00.000Z"
    gateway.advance(days=10)
    told = [(event.type, event.data.occurred_at) for event in gateway.events[-3:]]
    assert told == [
        ("payment.unacknowledged", "2026-11-24T12:00:00.000Z"),
        ("payment.unacknowledged", "2026-11-26T12:00:00.000Z"),
        ("payment.voided", "2026-11-30T12:00:00.000Z"),
    ]
    assert client.payments.retrieve(payment.id).status == "voided"
    with pytest.raises(fenqi.ConflictError, match="do not ship"):
        client.payments.acknowledge(payment.id, merchant_order_id="A-1")


def test_captures_settle_on_the_next_working_day_less_fees(gateway: FakeGateway, client: Fenqi) -> None:
    payment = bought(gateway, client, term=3)
    capture = client.payments.capture(payment.id).captures[0]
    assert (capture.merchant_fee, capture.merchant_subsidy) == (3599, 13198)
    assert capture.settlement_date == "2026-11-24"
    assert client.settlements.list().data == []
    gateway.advance(days=1)
    settlement = client.settlements.list().data[0]
    assert (settlement.date, settlement.captures, settlement.closing) == ("2026-11-24", PRICE, 0)
    assert settlement.payout_amount == PRICE - 3599 - 13198
    assert client.settlements.retrieve(settlement.id) == settlement


def test_refund_of_a_settled_payment_gives_fee_and_subsidy_back(gateway: FakeGateway, client: Fenqi) -> None:
    payment = bought(gateway, client, term=3)
    client.payments.capture(payment.id)
    gateway.advance(days=1)
    for _ in range(3):
        client.refunds.create(payment=payment.id, amount=PRICE // 3, reason="x")
    client.refunds.create(payment=payment.id, reason="the rest")
    gateway.advance(days=1)
    first, second = list(client.settlements.list())[::-1]
    assert (second.merchant_fees, second.merchant_subsidies) == (-3599, -13198)
    assert second.closing == -first.payout_amount
    assert gateway.ledger_balanced()


def test_instalments_are_paid_unless_the_shopper_does_not(gateway: FakeGateway, client: Fenqi) -> None:
    good, bad = bought(gateway, client), bought(gateway, client, pays=False)
    loans = [client.payments.capture(payment.id).captures[0].loan for payment in (good, bad)]
    gateway.advance(days=31)
    paying, late = (client.loans.retrieve(loan) for loan in loans)
    assert (paying.status, paying.outstanding_principal) == ("active", paying.schedule[0].balance)
    assert (late.status, late.bucket, late.outstanding_principal) == ("overdue", "M1", PRICE)
    gateway.advance(days=200)
    paying, late = (client.loans.retrieve(loan) for loan in loans)
    assert (paying.status, paying.outstanding_principal) == ("settled", 0)
    assert (late.status, late.bucket) == ("overdue", "M3+")


def test_refund_after_instalments_returns_what_was_paid(gateway: FakeGateway, client: Fenqi) -> None:
    payment = client.payments.capture(bought(gateway, client).id)
    gateway.advance(days=31)
    owed = client.loans.retrieve(payment.captures[0].loan).outstanding_principal
    refund = client.refunds.create(payment=payment.id, reason="returned")
    assert (refund.status, refund.loan_reduction, refund.returned_to_shopper) == (
        "pending",
        owed,
        PRICE - owed,
    )
    waiting = client.payments.retrieve(payment.id)
    assert (waiting.refund_pending_amount, waiting.refundable_amount) == (PRICE, 0)
    gateway.advance(days=1)
    assert client.refunds.retrieve(refund.id).status == "succeeded"
    assert client.payments.retrieve(payment.id).status == "refunded"


def test_what_the_lender_has_before_it_is_neither_canceled_nor_expired(
    gateway: FakeGateway, client: Fenqi
) -> None:
    asked, waits = opened(client), opened(client)
    assert gateway.shopper(asked.id).confirm().checkout.status == "deciding"
    assert gateway.shopper(waits.id).review().checkout.review_due_at > waits.created_at
    with pytest.raises(fenqi.ConflictError, match="deciding"):
        client.checkouts.cancel(asked.id)
    gateway.advance(days=8)
    found = [client.checkouts.retrieve(checkout.id).status for checkout in (asked, waits)]
    assert found == ["deciding", "under_review"]
    assert gateway.shopper(asked.id).approve().checkout.status == "approved"


def test_shopper_may_leave_or_wait_for_a_person(gateway: FakeGateway, client: Fenqi) -> None:
    left, waits = opened(client), opened(client)
    assert gateway.shopper(left.id).choose(12).abandon().checkout.status == "expired"
    assert gateway.shopper(waits.id).review().approve().checkout.status == "approved"
    with pytest.raises(Exception, match="approved"):
        gateway.shopper(waits.id).decline()
    with pytest.raises(Exception, match="not offered"):
        gateway.shopper(opened(client).id).choose(7)


def shop(gateway: FakeGateway, seen: list[str], *, answers: int = 200) -> flask.Flask:
    app = flask.Flask("shop")

    @app.post("/hooks")
    def hooks() -> Any:
        event = fenqi.Webhook(gateway.webhook_secret).verify(flask.request.get_data(), flask.request.headers)
        seen.append(event.type)
        return "", answers

    return app


def test_events_are_delivered_signed_and_in_order(gateway: FakeGateway, client: Fenqi) -> None:
    seen: list[str] = []
    client.payments.capture(bought(gateway, client).id)
    deliveries = gateway.deliver(shop(gateway, seen), "/hooks")
    assert seen == ["checkout.approved", "payment.authorized", "payment.captured"]
    assert [(one.event.type, one.status) for one in deliveries] == [(type, 200) for type in seen]
    assert gateway.deliver(shop(gateway, seen), "/hooks") == []
    assert len(gateway.deliver(shop(gateway, seen), "/hooks", repeat=True)) == 3


def test_delivery_that_was_not_accepted_comes_again(gateway: FakeGateway, client: Fenqi) -> None:
    seen: list[str] = []
    bought(gateway, client)
    assert [one.status for one in gateway.deliver(shop(gateway, seen, answers=503), "/hooks")] == [503, 503]
    assert [one.status for one in gateway.deliver(shop(gateway, seen), "/hooks")] == [200, 200]


def test_what_the_fake_does_not_play_is_named(client: Fenqi, gateway: FakeGateway) -> None:
    with pytest.raises(fenqi.ServerError, match="GET /v1/scores") as route:
        client.request("GET", "/v1/scores")
    with pytest.raises(fenqi.ServerError, match="down_payment") as field:
        opened(client, down_payment=100)
    assert route.value.status == field.value.status == 501
    assert len(gateway.requests) == 2


@pytest.mark.parametrize("path", ["/v1/payments/pay_1/capture", "/v1/refunds"])
def test_money_moves_only_with_a_key(client: Fenqi, gateway: FakeGateway, path: str) -> None:
    client.me.retrieve()
    token = {"Authorization": f"Bearer {next(iter(gateway.state.tokens))}"}
    answer = requests.post(gateway.base_url + path, json={}, headers=token)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


def test_bad_fields_are_listed_one_by_one(client: Fenqi) -> None:
    items = [{"name": "", "quantity": 0, "unit_price": "1"}]
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        client.checkouts.create(**{**order(), "items": items})
    assert [error["param"] for error in refused.value.errors] == [
        "items[0].name",
        "items[0].quantity",
        "items[0].unit_price",
    ]
    with pytest.raises(fenqi.InvalidRequestError, match="cursor"):
        client.payments.list(cursor="nonsense!")
    with pytest.raises(fenqi.InvalidRequestError, match="limit"):
        client.payments.list(page_size=101)


def test_other_version_of_the_api_is_refused(gateway: FakeGateway) -> None:
    with pytest.raises(fenqi.InvalidRequestError, match="2020-01-01"):
        gateway.client(api_version="2020-01-01").me.retrieve()


def test_requests_are_kept_for_the_test_to_look_at(client: Fenqi, gateway: FakeGateway) -> None:
    client.checkouts.create(**order("order-1001"), idempotency_key="order-1001")
    request = gateway.requests[-1]
    assert (request.method, request.path, request.status) == ("POST", "/v1/checkouts", 201)
    assert request.idempotency_key == "order-1001"
    assert request.json["merchant_reference"] == "order-1001"
    assert repr(request) == "<FakeRequest POST /v1/checkouts -> 201>"


def test_other_addresses_are_left_alone(gateway: FakeGateway) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert requests.get(f"http://127.0.0.1:{server.server_address[1]}/", timeout=5).status_code == 200
    assert gateway.requests == []


def test_products_may_be_chosen() -> None:
    products = {12: Product("interest_free", min_amount=100_000, merchant_subsidy_rate="0.068")}
    with FakeGateway(products=products) as gateway:
        plans = gateway.client().plans.list(amount=PRICE)
        assert [(plan.term, plan.interest_free, plan.merchant_subsidy) for plan in plans] == [
            (12, True, 40793)
        ]


def test_threads_share_the_fake(gateway: FakeGateway, client: Fenqi) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: opened(client, reference=f"thread-{number}").id, range(40)))
    assert len(set(made)) == len(gateway.state.checkouts) == 40
    assert len(gateway.token_requests) == 1


def test_shops_code_may_use_its_own_client(gateway: FakeGateway) -> None:
    client = Fenqi(gateway.state.client_id, gateway.state.client_secret, base_url=gateway.base_url)
    assert authorized(client, lambda checkout, **_: gateway.shopper(checkout).approve()).amount == PRICE


def test_fixture_of_the_plugin_is_a_fake_gateway(fenqi_gateway: FakeGateway) -> None:
    assert fenqi_gateway.client().me.retrieve().mode == "test"


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import fenqi", ["requests", "typing_extensions", "dataclasses"]),
        ("import fenqi.testing.plugin", ["requests", "responses"]),
        ("import fenqi.testing", ["requests", "responses"]),
        ("import fenqi; fenqi.fen('59.99'); fenqi.yuan(5999)", ["requests", "decimal"]),
        ("import fenqi; fenqi.Webhook('whsec_QUFB')", ["requests"]),
        (
            "import fenqi; fenqi.Fenqi('a', 'b', base_url='https://g.example')",
            ["dataclasses", "responses", "decimal", "difflib", "tempfile", "fenqi._webhook"],
        ),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(code: str, unwanted: list[str]) -> None:
    """Beyond what requests itself loads, where the code loads requests."""
    base = "import sys; {}print(*sorted(sys.modules))"
    run = [sys.executable, "-c"]
    plain = "import requests; " if "Fenqi(" in code else "import pytest; " if "plugin" in code else ""
    known = subprocess.check_output([*run, base.format(plain)], text=True).split()
    loaded = subprocess.check_output([*run, base.format(plain + code + "; ")], text=True).split()
    assert not set(unwanted) & (set(loaded) - set(known))


def test_without_responses_the_fake_says_what_to_install() -> None:
    code = "import sys; sys.modules['responses'] = None; from fenqi.testing import FakeGateway"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'fenqi[testing]'" in run.stderr
