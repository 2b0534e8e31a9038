"""Same key and body, same bytes; another body is refused; parallel requests act once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.web.idempotency import Answered


def test_a_repeated_capture_is_answered_with_the_same_bytes(api):
    payment = api.approved()
    path = f"/v1/payments/{payment['id']}/capture"
    first = api.post(path, {"amount": 400_000}, key="ship-1")
    second = api.post(path, {"amount": 400_000}, key="ship-1")
    assert second.data == first.data
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert api.get(f"/v1/payments/{payment['id']}").json["captured_amount"] == 400_000


def test_a_created_checkout_replays_its_status(api):
    body = api.order()
    first, second = (api.post("/v1/checkouts", body, key="k") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data


def test_the_same_key_with_another_body_is_refused(api):
    payment = api.approved()
    path = f"/v1/payments/{payment['id']}/capture"
    api.post(path, {"amount": 400_000}, key="ship-1")
    answer = api.post(path, {"amount": 100_000}, key="ship-1")
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


def test_an_answer_given_before_needs_no_turn_to_write_and_is_the_same_in_every_process(
    app, api, monkeypatch
):
    gateway, body = app.extensions["fenqi"], api.order()
    first = api.post("/v1/checkouts", body, key="k")
    wrong = {**body, "amount": body["amount"] + 1}
    with monkeypatch.context() as patch:
        patch.setattr(
            gateway.db, "write", lambda work: pytest.fail("a repeated request waits for the writers")
        )
        here = api.post("/v1/checkouts", body, key="k")
    refused = api.post("/v1/checkouts", wrong, key="k")
    monkeypatch.setattr(gateway, "answered", Answered())  # another process, which has answered nothing
    elsewhere = api.post("/v1/checkouts", body, key="k")
    assert here.data == elsewhere.data == first.data
    assert here.headers["Idempotent-Replayed"] == elsewhere.headers["Idempotent-Replayed"] == "true"
    assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_reused")


def test_only_the_newest_answers_are_remembered():
    answered = Answered(most=2)
    for name in ("a", "b", "a", "c"):
        answered.add(name)
    assert [name in answered for name in ("a", "b", "c")] == [True, False, True]


def test_keys_of_two_merchants_do_not_meet(api, new_merchant):
    other = new_merchant()
    body = api.order()
    first, second = api.post("/v1/checkouts", body, key="k"), other.post("/v1/checkouts", body, key="k")
    assert first.json["id"] != second.json["id"]


def test_a_refused_request_may_be_mended_under_the_same_key(api):
    body = api.order()
    assert api.post("/v1/checkouts", {**body, "amount": 0}, key="k").status_code == 422
    assert api.post("/v1/checkouts", body, key="k").status_code == 201


def test_keys_are_forgotten_after_their_time(api, clock):
    body = api.order()
    first = api.post("/v1/checkouts", body, key="k").json
    api.post(f"/v1/checkouts/{first['id']}/cancel")
    clock.advance(days=1, seconds=1)
    api.login()
    assert api.post("/v1/checkouts", body, key="k").json["id"] != first["id"]


def test_twenty_parallel_requests_with_one_key_make_one_checkout(app, api):
    body = api.order()

    def create(_: int) -> bytes:
        client = type(api)(app.test_client(), api.credentials, api.token)
        answer = client.post("/v1/checkouts", body, key="same")
        assert answer.status_code == 201, answer.text
        return answer.data

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(create, range(20)))
    assert len(answers) == 1
    assert len(api.get("/v1/checkouts").json["data"]) == 1
