"""An order that fails for its amount alone ends with a counter-offer, which the shopper may take, read and confirm."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from gateway.cli import main
from gateway.decision.models import CreditDecision
from gateway.identity.invented import invented_id_number
from tests.gateway.shopper import enter, go_on_by_code
from tests.one_database import database_url  # noqa: F401

PHONE, ID_NUMBER = "13912345678", invented_id_number("counter-offer")
CONSENTS = {"credit_service": "yes", "bureau_query": "yes", "funder_sharing": "yes"}
TOO_MUCH = 2_399_900


@pytest.fixture
def gateway(app: Any) -> Any:
    found = app.extensions["fenqi"]
    found.ports.scorer.load()
    return found


@pytest.fixture
def pages(app: Any) -> Any:
    return app.test_client()


def allow(gateway: Any, monkeypatch: Any, percent: int) -> int:
    """Run ``fenqi-gateway merchant down-payment`` on the app's database."""
    with gateway.db.read() as tx:
        merchant = tx.execute(text("SELECT merchant_id FROM checkout LIMIT 1")).scalar()
        merchant = merchant or tx.execute(text("SELECT id FROM merchant LIMIT 1")).scalar_one()
    monkeypatch.setattr("gateway.app.gateway_of", lambda settings: gateway)
    monkeypatch.setattr("gateway.app.database_of", lambda settings, **parts: gateway.db)
    monkeypatch.setenv("DATABASE_URL", gateway.settings.database_url)
    words = ["merchant", "down-payment", merchant, "--percent", str(percent)]
    return main([*words, "--data", str(gateway.settings.data_dir)])


def order(api: Any, **changes: Any) -> Any:
    amount = changes.pop("amount", TOO_MUCH)
    item = {"name": "电视", "quantity": 1, "unit_price": amount}
    return api.checkout(**{"amount": amount, "items": [item], **changes})


def confirmed(pages: Any, api: Any, clock: Any, checkout: Any, term: int) -> Any:
    """The shopper's pages to the end; the checkout as the API then shows it."""
    path = f"/checkout/{checkout['id']}"
    if checkout["url"]:
        enter(pages, checkout)
    typed = {"term": str(term), "name": "王小明", "id_number": ID_NUMBER, "phone": PHONE, "code": "000000"}
    pages.post(f"{path}/code", data=typed)
    assert pages.post(f"{path}/identity", data=typed).location == f"{path}/review"
    assert "quote_hash" in pages.get(f"{path}/review").text
    quote = next(plan for plan in checkout["plans"] if plan["term"] == term)["quote_hash"]
    early = pages.post(f"{path}/confirm", data={"quote_hash": quote, **CONSENTS})
    assert early.status_code != 303 or not early.location.endswith("/result"), (
        "it has a reading time of its own"
    )
    clock.advance(seconds=5)
    pages.post(f"{path}/confirm", data={"quote_hash": quote, **CONSENTS})
    return api.get(f"/v1/checkouts/{checkout['id']}").json


def test_a_smaller_loan_is_offered_read_confirmed_and_approved(
    pages: Any, api: Any, gateway: Any, clock: Any, monkeypatch: Any
) -> None:
    assert allow(gateway, monkeypatch, 60) == 0
    declined = confirmed(pages, api, clock, order(api), 12)
    offer = declined["counter_offer"]
    assert (declined["status"], offer["term"]) == ("declined", 12)
    assert offer["down_payment"] % 10_000 == 0
    assert 0 < offer["down_payment"] <= TOO_MUCH * 60 // 100
    assert offer["financed_amount"] == TOO_MUCH - offer["down_payment"]
    assert offer["expires_at"] == declined["expires_at"]
    event = next(one for one in api.get("/v1/events?type=checkout.declined").json["data"])
    assert event["data"]["counter_offer"] == offer
    page = pages.get(f"/checkout/{declined['id']}/result").text
    assert "data-counter-offer" in page
    assert "首付" in page
    english = pages.get(f"/checkout/{declined['id']}/result?lang=en").text
    assert "What you can apply for instead" in english
    with gateway.db.read() as tx:
        asked = tx.execute(text("SELECT count(*) FROM decision_request")).scalar_one()
    assert asked == 1, "nobody is asked again before the shopper goes on"
    way = pages.post(f"/checkout/{declined['id']}/counter-offer")
    assert way.status_code == 303
    assert pages.post(f"/checkout/{declined['id']}/counter-offer").location == way.location, "the same again"
    pages.get(way.location, follow_redirects=True)
    fresh = api.get(f"/v1/checkouts/{way.location.split('/')[2]}").json
    assert fresh["counter_offer_of"] == declined["id"]
    assert [plan["term"] for plan in fresh["plans"]] == [12]
    assert fresh["down_payment"] == offer["down_payment"]
    done = confirmed(pages, api, clock, fresh, 12)
    assert done["status"] == "approved"
    payment = api.get(f"/v1/payments/{done['payment']}").json
    assert payment["amount"] == offer["financed_amount"]
    with gateway.db.read() as tx:
        references = tx.execute(text("SELECT count(DISTINCT id) FROM decision_request")).scalar_one()
        agreed = tx.execute(
            text("SELECT count(*) FROM consent WHERE checkout_id = :id"), {"id": fresh["id"]}
        ).scalar_one()
    assert references == 2
    assert agreed == 4, "agreements and disclosure of its own"


def test_on_the_features_of_the_decision_the_offer_is_approved_and_one_step_less_is_not(
    pages: Any, api: Any, gateway: Any, clock: Any, monkeypatch: Any
) -> None:
    allow(gateway, monkeypatch, 60)
    declined = confirmed(pages, api, clock, order(api), 6)
    offer = declined["counter_offer"]
    with gateway.db.read() as tx:
        features = tx.exec(select(CreditDecision)).one().features
    assert offer["term"] == 6
    outcomes = []
    for down in (offer["down_payment"], offer["down_payment"] - 10_000):
        body = {"amount": TOO_MUCH, "terms": [6], "down_payment": down}
        plan = order(api, merchant_reference=f"again-{down}", **body)["plans"][0]
        change = {"down_payment_fen": down, "instalment_fen": max(row["payment"] for row in plan["schedule"])}
        outcomes.append(gateway.ports.scorer.recommend(features | change)[0].outcome)
    assert outcomes == ["approve", "decline"]


def test_without_an_agreement_no_down_payment_is_asked_for(
    pages: Any, api: Any, gateway: Any, clock: Any
) -> None:
    declined = confirmed(pages, api, clock, order(api), 12)
    assert (declined["status"], declined["counter_offer"]) == ("declined", None)
    assert "data-counter-offer" not in pages.get(f"/checkout/{declined['id']}/result").text
    assert pages.post(f"/checkout/{declined['id']}/counter-offer").status_code == 409


def test_the_offer_ends_and_gives_way_to_the_shop(
    pages: Any, api: Any, gateway: Any, clock: Any, monkeypatch: Any
) -> None:
    allow(gateway, monkeypatch, 60)
    declined = confirmed(pages, api, clock, order(api), 12)
    path = f"/checkout/{declined['id']}"
    other = order(api, merchant_reference=declined["merchant_reference"], amount=599_900)
    refused = pages.post(f"{path}/counter-offer")
    assert refused.status_code == 409
    assert "请返回商家继续" in refused.text
    api.post(f"/v1/checkouts/{other['id']}/cancel")
    clock.advance(days=2)
    go_on_by_code(pages, declined["id"], PHONE)
    ended = pages.post(f"{path}/counter-offer")
    assert ended.status_code == 409
    assert "data-counter-offer" not in ended.text


@pytest.mark.parametrize("percent", [-1, 91])
def test_a_share_that_is_none_is_refused(
    api: Any, gateway: Any, monkeypatch: Any, capsys: Any, percent: int
) -> None:
    assert allow(gateway, monkeypatch, percent) == 1
    assert "expected 1 to 90" in capsys.readouterr().err


def test_a_played_decline_has_no_counter_offer(api: Any) -> None:
    checkout = order(api)
    body = {"term": 12, "phone": "13800000002", "name": "王小明", "id_number": ID_NUMBER}
    done = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body).json
    assert (done["status"], done["counter_offer"]) == ("declined", None)
