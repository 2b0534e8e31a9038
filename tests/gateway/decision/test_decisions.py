"""Decisions: no scorer means a review, a limit is never oversold, and releases give it back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import text

from gateway.decision import requests
from gateway.decision.models import DecisionRequest
from gateway.decision.scorer import EmbeddedScorer
from gateway.decision.service import Recommended
from gateway.identity.invented import invented_id_number
from tests.one_database import database_url, on_both  # noqa: F401


def complete(api, checkout: dict, **body: str):
    return api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 12, **body})


def test_without_a_scorer_nothing_is_approved(app, api):
    app.extensions["fenqi"].ports.scorer = EmbeddedScorer()
    assert complete(api, api.checkout(), phone="13912345678").json["status"] == "under_review"


def test_a_refused_bundle_leaves_the_scorer_unavailable(tmp_path, caplog):
    scorer = EmbeddedScorer(str(tmp_path))
    scorer.load()
    assert not scorer.ready
    assert "refused" in caplog.text


def test_a_review_is_ended_by_a_person(api):
    checkout = api.checkout()
    assert complete(api, checkout, phone="13800000003").json["status"] == "under_review"
    answer = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/resolve", {"outcome": "approve"})
    assert answer.json["status"] == "approved"
    again = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/resolve", {"outcome": "decline"})
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")


@on_both
def test_parallel_checkouts_never_oversell_a_limit(app, api):
    person = {"id_number": invented_id_number("one person"), "phone": "13800000001"}
    checkouts = [api.checkout(amount=4_000_000) for _ in range(6)]

    def go(checkout: dict) -> str:
        client = type(api)(app.test_client(), api.credentials, api.token)
        while (answer := complete(client, checkout, **person)).status_code == 503:
            pass  # too many writers of one person at once are asked to come again
        return answer.json["status"]

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(go, checkouts))
    assert outcomes == ["approved"] * 2 + ["declined"] * 4
    with app.extensions["fenqi"].db.read() as tx:
        assert tx.execute(text("SELECT held_fen FROM credit_limit")).scalar_one() == 8_000_000


def test_a_void_gives_the_limit_back(api):
    person = {"id_number": invented_id_number("somebody"), "phone": "13800000001"}
    first = complete(api, api.checkout(amount=6_000_000), **person).json
    assert complete(api, api.checkout(amount=6_000_000), **person).json["status"] == "declined"
    api.post(f"/v1/payments/{first['payment']}/void", {"reason": "canceled"})
    assert complete(api, api.checkout(amount=6_000_000), **person).json["status"] == "approved"


def test_live_mode_has_no_simulated_lender(new_merchant):
    live = new_merchant(mode="live")
    checkout = live.checkout()
    answer = complete(live, checkout)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_decision_keeps_what_green_goods_add_and_no_price_that_is_not_charged(app, api):
    items = [{"name": "Washer", "quantity": 1, "unit_price": 599_900, "energy_grade": 1}]
    plain, green = api.checkout(), api.checkout(items=items)
    for checkout in (plain, green):
        complete(api, checkout, phone="13912345678")
    with app.extensions["fenqi"].db.read() as tx:
        query = text(
            "SELECT price_tier, annual_rate_bp, green_uplift_fen, limit_fen FROM credit_decision ORDER BY id"
        )
        first, second = tx.execute(query).all()
    assert {(one.price_tier, one.annual_rate_bp) for one in (first, second)} == {(None, None)}
    assert (first.green_uplift_fen, second.green_uplift_fen > 0) == (0, True)
    assert second.limit_fen == first.limit_fen + second.green_uplift_fen


def test_a_request_that_an_earlier_release_advised_with_a_price_is_still_read():
    kept: dict[str, Any] = {"outcome": "approve", "limit_fen": 800_000, "reasons": [], "features": {}}
    columns: dict[str, Any] = {"advice": {**kept, "price_tier": "C", "annual_rate_bp": 1_674}}
    request = DecisionRequest(**columns)
    assert requests.advice_of(request) == Recommended(**kept)
