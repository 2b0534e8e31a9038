"""What reaches the scorer and the lender: true inputs, each application once, and never an approval by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from gateway.audit.service import Actor
from gateway.decision import bureau, commands
from gateway.decision.funder import Ruling
from gateway.identity.invented import invented_id_number
from tests.gateway.decision.test_links import confirm
from tests.one_database import database_url  # noqa: F401

PHONE = "13912345678"


def complete(api: Any, phone: str = PHONE, **changes: Any) -> dict[str, Any]:
    checkout = api.checkout(**changes)
    body = {"term": 12, "phone": phone, "id_number": invented_id_number(phone)}
    answer: dict[str, Any] = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body).json
    return answer


def last(app: Any) -> Any:
    with app.extensions["fenqi"].db.read() as tx:
        return tx.execute(text("SELECT * FROM credit_decision ORDER BY id DESC LIMIT 1")).mappings().one()


def features(app: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(last(app)["features"])
    return found


def put(app: Any, kind: str, phone: str) -> None:
    actor = Actor.at_the_command_line()
    commands.add(
        app.extensions["fenqi"], actor, mode="test", kind=kind, of="phone", value=phone, note="known"
    )


def test_a_down_payment_is_told_to_the_scorer_and_not_lent(app: Any, api: Any) -> None:
    complete(api, amount=699_900, down_payment=400_000)
    told = features(app)
    assert (told["amount_fen"], told["down_payment_fen"]) == (699_900, 400_000)
    assert last(app)["amount_fen"] == 299_900


def test_an_application_that_a_person_decided_again_counts_once(app: Any, api: Any) -> None:
    put(app, "watched", PHONE)
    for number in (1, 2, 3):
        checkout = complete(api, amount=100_000)
        assert checkout["status"] == "under_review"
        assert features(app)["applications_on_phone_24h"] == number
        api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/resolve", {"outcome": "decline"})


def test_a_persons_approval_grants_what_was_recommended_or_what_the_order_needs(app: Any, api: Any) -> None:
    put(app, "watched", PHONE)
    checkout = complete(api, amount=599_900)
    recommended = last(app)["recommended_limit_fen"]
    assert 599_900 < recommended < 2_000_000
    api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/resolve", {"outcome": "approve"})
    assert limit(app) == (recommended, 599_900)
    dear = complete(api, amount=2_500_000)
    assert dear["status"] == "declined"


def test_a_review_without_a_recommendation_grants_this_order_alone(app: Any, api: Any) -> None:
    checkout = complete(api, phone="13800000003", amount=599_900)
    api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/resolve", {"outcome": "approve"})
    assert limit(app) == (599_900, 599_900)


def limit(app: Any) -> tuple[int, int]:
    with app.extensions["fenqi"].db.read() as tx:
        row = tx.execute(text("SELECT limit_fen, held_fen FROM credit_limit")).one()
        return row.limit_fen, row.held_fen


@pytest.mark.parametrize(("kind", "outcome"), [(None, "under_review"), ("trusted", "approved")])
def test_whom_the_list_trusts_is_not_stopped_by_the_rules_on_links(
    app: Any, api: Any, clock: Any, kind: str | None, outcome: str
) -> None:
    phones = [f"1391234567{number}" for number in range(3)]
    if kind:
        put(app, kind, phones[2])
    for number, phone in enumerate(phones):
        api.login()
        checkout = confirm(
            app.test_client(),
            api,
            clock,
            phone=phone,
            id_seed=f"person {number}",
            reading=200,
            amount=120_000,
        )
    assert checkout["status"] == outcome
    assert "new_applicants_on_device" in last(app)["signals"], "the reviewer sees it all the same"


class Odd:
    """A bureau whose report no scorer can take."""

    def report(self, inquiry: Any) -> bureau.BureauReport:
        return bureau.BureauReport(1, 2, 6.2, 45_678)


def test_an_input_out_of_range_goes_to_a_person(app: Any, api: Any) -> None:
    app.extensions["fenqi"].ports.bureau = Odd()
    assert complete(api)["status"] == "under_review"
    assert last(app)["fraud_probability"] is None


def test_a_million_pieces_are_scored(app: Any, api: Any) -> None:
    items = [{"name": f"Screw {n}", "quantity": 10_000, "unit_price": 1} for n in range(101)]
    complete(api, amount=1_010_000, items=items)
    assert features(app)["item_count"] == 1_000_000
    assert last(app)["fraud_probability"] is not None


def test_a_page_that_was_left_open_says_nothing(app: Any, api: Any, clock: Any) -> None:
    checkout = api.checkout()
    clock.advance(hours=6)
    api.login()
    body = {"term": 12, "phone": PHONE, "id_number": invented_id_number(PHONE)}
    api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body)
    assert features(app)["checkout_seconds"] is None


class Severe:
    """A lender that declines whatever is recommended."""

    def decide(self, submission: Any) -> Ruling:
        return Ruling("decline", 0, "severe_bank")


def test_a_lenders_own_decline_is_told_in_words(app: Any, api: Any) -> None:
    app.extensions["fenqi"].ports.funder = Severe()
    assert complete(api)["status"] == "declined"
    (reason,) = json.loads(last(app)["reasons"])
    assert reason["code"] == "lender_declined"
    assert reason["text_zh"]
    assert reason["text_en"]
