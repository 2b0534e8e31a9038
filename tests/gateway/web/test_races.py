"""Fifty requests at once: what may happen once happens once, and nobody gets a server error."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.gateway.books import Books
from tests.gateway.conftest import Api

pytestmark = pytest.mark.long(12)

THREADS = 50


def at_once(app: Flask, api: Api, send: Callable[[Api, int], TestResponse]) -> list[TestResponse]:
    """What ``send`` is answered by fifty clients that start together; none may be a 5xx but 503."""
    start = threading.Barrier(THREADS)

    def run(number: int) -> TestResponse:
        client = Api(app.test_client(), api.credentials, api.token)
        start.wait()
        for _ in range(20):
            answer = send(client, number)
            # Told to try again with the same key: what a client does.
            if answer.status_code != 503:
                return answer
        return answer

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(run, range(THREADS)))
    assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    return answers


def codes(answers: list[TestResponse]) -> Counter[str]:
    """How often each status and code."""
    return Counter(f"{answer.status_code} {answer.json.get('code', '')}".strip() for answer in answers)


def test_one_key_makes_one_capture_and_one_answer(app: Flask, api: Api) -> None:
    payment = api.approved()
    path = f"/v1/payments/{payment['id']}/capture"
    answers = at_once(app, api, lambda client, _: client.post(path, {"amount": 100_000}, key="shipment-1"))
    assert {answer.data for answer in answers} == {answers[0].data}
    assert Counter(answer.headers.get("Idempotent-Replayed") for answer in answers) == {None: 1, "true": 49}
    assert api.get(f"/v1/payments/{payment['id']}").json["captured_amount"] == 100_000


def test_one_order_under_fifty_keys_is_one_checkout(app: Flask, api: Api) -> None:
    body = api.order()
    answers = at_once(
        app, api, lambda client, number: client.post("/v1/checkouts", body, key=f"key-{number}")
    )
    assert codes(answers) == {"201": 1, "200": 49}
    assert len({answer.json["id"] for answer in answers}) == 1


def test_one_reference_for_fifty_orders_is_one_checkout(app: Flask, api: Api) -> None:
    answers = at_once(
        app,
        api,
        lambda client, number: client.post(
            "/v1/checkouts",
            api.order(amount=599_900 + number, merchant_reference="order-x"),
            key=f"key-{number}",
        ),
    )
    assert codes(answers) == {"201": 1, "409 duplicate_reference": 49}


def test_fifty_captures_never_take_more_than_was_authorised(app: Flask, books: Books) -> None:
    api = books.api
    payment = api.approved()
    path = f"/v1/payments/{payment['id']}/capture"
    answers = at_once(
        app, api, lambda client, number: client.post(path, {"amount": 150_000}, key=f"part-{number}")
    )
    assert codes(answers)["200"] == 3
    assert api.get(f"/v1/payments/{payment['id']}").json["captured_amount"] == 450_000
    books.sound()


def test_fifty_refunds_never_return_more_than_was_captured(app: Flask, books: Books) -> None:
    api = books.api
    payment = api.captured()
    body = {"payment": payment["id"], "amount": 100_000, "kind": "return", "reason": "sent back"}
    answers = at_once(
        app, api, lambda client, number: client.post("/v1/refunds", body, key=f"refund-{number}")
    )
    assert codes(answers)["201"] == 5
    after = api.get(f"/v1/payments/{payment['id']}").json
    assert (after["refunded_amount"], after["refundable_amount"]) == (500_000, 99_900)
    books.sound()


def test_capture_and_void_at_once_share_what_was_authorised(app: Flask, books: Books) -> None:
    api = books.api
    payment = api.approved()

    def send(client: Api, number: int) -> TestResponse:
        path = f"/v1/payments/{payment['id']}"
        if number % 2:
            return client.post(
                f"{path}/void", {"amount": 199_900, "reason": "out of stock"}, key=f"v-{number}"
            )
        return client.post(f"{path}/capture", {"amount": 200_000}, key=f"c-{number}")

    at_once(app, api, send)
    after = api.get(f"/v1/payments/{payment['id']}").json
    assert after["captured_amount"] + after["voided_amount"] <= 599_900
    assert after["capturable_amount"] == 599_900 - after["captured_amount"] - after["voided_amount"]
    books.sound()
