"""Repayment methods at the institutions: a fake bank's numbers, and an API like Stripe's, mocked and running."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses

from gateway.errors import InstitutionUnavailable
from gateway.institution.fake_bank import methods
from gateway.institution.fake_bank.server import application
from gateway.institution.fake_bank.store import Store
from gateway.institution.fake_bank_client import FakeBank
from gateway.institution.port import Answer, Instruction, Method, Setup, SetupAnswer
from gateway.institution.stripe_like import StripeLikeInstitution
from gateway.institution.stripe_wire import Fields
from tests.gateway.institution.test_localstripe import DECLINED, GOOD, KEY, Server, port, server  # noqa: F401

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
URL, PAGE = "https://psp.test", "https://cards.psp.test"
SETUP = Setup("rpm_1", "test", "shp_1", "https://us.test/back", NOW, NOW + timedelta(hours=1), "en")
CUSTOMER = {"id": "cus_1", "created": 5, "metadata": {"shopper": "shp_1"}}
OURS = {"metadata": {"reference": "rpm_1"}}
VISA = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2040}


@pytest.mark.parametrize(
    ("number", "ends"),
    [
        ("4242424242424242", None),
        ("6222020000000000", None),
        ("4000002500003155", None),
        *methods.FAILS_LATER.items(),
        *((number, "declined") for number in methods.DECLINED_AT_ONCE),
    ],
)
def test_the_number_chooses_how_collections_end(tmp_path: Path, number: str, ends: str | None) -> None:
    bank = application(Store(tmp_path)).test_client()
    begun = {"reference": "rpm_1", "party": "shp_1", "language": "en", "return_url": "https://us.test/back"}
    told = bank.post("/setups", json={**begun, "seconds": 60}).json
    assert bank.post("/setups", json={**begun, "seconds": 60}).json == told
    assert bank.post("/setups", json={**begun, "seconds": 60, "party": "shp_2"}).status_code == 422
    page = told["url"].removeprefix("http://localhost")
    answer = bank.post(page, data={"number": number, "expiry": "1/49", "act": "approve"})
    if ends == "declined":
        assert (answer.status_code, bank.get("/setups/rpm_1").json["status"]) == (402, "open")
        return
    assert (answer.status_code, answer.location) == (303, "https://us.test/back")
    token = bank.get("/setups/rpm_1").json["method"]["token"]

    def collected(reference: str, party: str = "shp_1", at: datetime = NOW) -> Any:
        told = {"reference": reference, "movement": "collection", "party": party, "account": token}
        return bank.post("/instructions", json={**told, "amount": 100, "at": at.isoformat()}).json["failure"]

    assert collected("col_1") == ends
    assert collected("col_2", party="shp_2") == "no_payment_method"
    assert collected("col_3", at=datetime(2049, 2, 1, tzinfo=UTC)) == "expired_card"
    for _ in range(2):
        assert bank.post(f"/methods/{token}/detach").status_code == 200
    assert collected("col_4") == "no_payment_method"
    assert number.encode() not in (tmp_path / "bank.sqlite").read_bytes()


def test_a_page_that_ended_takes_nothing(tmp_path: Path) -> None:
    bank = application(Store(tmp_path)).test_client()
    begun = {"reference": "rpm_1", "party": "shp_1", "language": "en", "return_url": "https://us.test/back"}
    assert bank.post("/setups", json={**begun, "seconds": 0}).json["failure"] == "setup_expired"
    assert bank.get("/setups/rpm_2").status_code == 404
    assert bank.get("/setup/unknown").status_code == 404
    for wrong in ({"seconds": -1}, {"seconds": 1, "return_url": "javascript:alert(1)"}):
        assert bank.post("/setups", json={**begun, **wrong}).status_code == 422


def test_live_mode_takes_nothing_at_the_fake_bank() -> None:
    bank = FakeBank("http://127.0.0.1:9")
    assert (bank.setup_origin("live"), bank.setup_origin("test")) == (None, "http://127.0.0.1:9")
    with pytest.raises(InstitutionUnavailable, match="test mode only"):
        bank.detach("live", "fbm_1")


@pytest.fixture
def psp() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def stripe() -> StripeLikeInstitution:
    return StripeLikeInstitution(URL, {"test": "sk_test_1", "live": ""}, setup_origin=PAGE)


def listed(*found: Fields) -> Fields:
    return {"object": "list", "data": list(found), "has_more": False}


def test_a_session_is_begun_once_and_its_page_found_again(psp: Any, stripe: StripeLikeInstitution) -> None:
    assert (stripe.setup_origin("test"), stripe.setup_origin("live")) == (PAGE, None)
    searched = psp.get(f"{URL}/v1/customers/search", json=listed())
    made = psp.post(f"{URL}/v1/customers", json=CUSTOMER)
    begun = psp.post(f"{URL}/v1/checkout/sessions", json={"id": "cs_1", "url": f"{PAGE}/c/1"})
    assert stripe.begin_setup(SETUP) == SetupAnswer("pending", url=f"{PAGE}/c/1")
    assert [
        made.calls[0].request.headers["Idempotency-Key"],
        begun.calls[0].request.headers["Idempotency-Key"],
    ] == [
        "customer:shp_1",
        "rpm_1",
    ]
    sent = {name: value for name, (value,) in parse_qs(begun.calls[0].request.body).items()}
    assert sent["setup_intent_data[metadata][reference]"] == sent["metadata[reference]"] == "rpm_1"
    assert (sent["mode"], sent["customer"], sent["locale"]) == ("setup", "cus_1", "en")
    assert int(sent["expires_at"]) == int(SETUP.expires_at.timestamp())
    psp.replace(responses.GET, f"{URL}/v1/customers/search", json=listed(CUSTOMER))
    psp.get(
        f"{URL}/v1/setup_intents", json=listed({"id": "seti_1", "status": "requires_payment_method", **OURS})
    )
    psp.get(
        f"{URL}/v1/checkout/sessions",
        json=listed({"id": "cs_1", "status": "open", "url": f"{PAGE}/c/1", **OURS}),
    )
    assert stripe.begin_setup(SETUP).url == f"{PAGE}/c/1"
    assert len(begun.calls) == 1
    assert searched.call_count >= 1


@pytest.mark.parametrize(
    ("intent", "session", "outcome", "failure"),
    [
        (
            {"status": "canceled", "last_setup_error": {"decline_code": "lost_card"}},
            None,
            "failed",
            "lost_card",
        ),
        ({"status": "canceled"}, None, "failed", "canceled"),
        ({"status": "requires_payment_method"}, {"status": "expired"}, "failed", "setup_expired"),
        ({"status": "requires_action"}, {"status": "complete"}, "pending", None),
        ({"status": "processing"}, None, "pending", None),
    ],
)
def test_the_setup_intent_decides(
    psp: Any,
    stripe: StripeLikeInstitution,
    intent: Fields,
    session: Fields | None,
    outcome: Any,
    failure: Any,
) -> None:
    psp.get(f"{URL}/v1/customers/search", json=listed(CUSTOMER))
    others = {"id": "seti_0", "status": "succeeded", "metadata": {"reference": "rpm_0"}}
    psp.get(f"{URL}/v1/setup_intents", json=listed(others, {"id": "seti_1", **intent, **OURS}))
    psp.get(
        f"{URL}/v1/checkout/sessions", json=listed(*([{"id": "cs_1", **session, **OURS}] if session else []))
    )
    assert stripe.look_up_setup(SETUP) == SetupAnswer(outcome, failure=failure)


@pytest.mark.parametrize(
    ("told", "method"),
    [
        ({"type": "card", "card": VISA}, Method("pm_1", "card", "visa", "4242", 2040, 12)),
        ({"type": "alipay", "alipay": {}}, Method("pm_1", "mandate", "alipay", "")),
        ({"type": "card", "card": {"last4": "<b>", "brand": "A B!"}}, Method("pm_1", "card", "a_b_", "")),
    ],
)
def test_what_was_given_is_told_without_its_number(
    psp: Any, stripe: StripeLikeInstitution, told: Fields, method: Method
) -> None:
    psp.get(f"{URL}/v1/customers/search", json=listed(CUSTOMER))
    given = {"id": "seti_1", "status": "succeeded", "payment_method": "pm_1", **OURS}
    psp.get(f"{URL}/v1/setup_intents", json=listed(given))
    psp.get(f"{URL}/v1/payment_methods/pm_1", json={"id": "pm_1", **told})
    assert stripe.look_up_setup(SETUP) == SetupAnswer("succeeded", method=method)
    assert "pm_1" not in repr(method)


@pytest.mark.parametrize(
    ("left", "is_gone"),
    [((404, {"error": {"code": "resource_missing"}}), True), ((200, {"id": "pm_1", "customer": None}), True),
     ((200, {"id": "pm_1", "customer": "cus_1"}), False)],
)  # fmt: skip
def test_a_refused_detachment_is_looked_at(
    psp: Any, stripe: StripeLikeInstitution, left: tuple[int, Fields], is_gone: bool
) -> None:
    psp.post(f"{URL}/v1/payment_methods/pm_1/detach", status=400, json={"error": {"code": "invalid"}})
    psp.get(f"{URL}/v1/payment_methods/pm_1", status=left[0], json=left[1])
    if is_gone:
        stripe.detach("test", "pm_1")
    else:
        with pytest.raises(InstitutionUnavailable, match="did not detach"):
            stripe.detach("test", "pm_1")


def test_against_a_running_institution(server: Server) -> None:  # noqa: F811
    """It has SetupIntents and no page: that part is played by asking it directly."""
    stripe = StripeLikeInstitution(server.url, {"test": KEY}, settling_seconds=0, setup_origin=server.url)
    customer = server.call("POST", "/v1/customers", **{"metadata[shopper]": "shp_1"})["id"]
    intent = server.call("POST", "/v1/setup_intents", customer=customer, **{"metadata[reference]": "rpm_1"})[
        "id"
    ]
    with pytest.raises(InstitutionUnavailable):  # it cannot say whether its page still waits
        stripe.look_up_setup(SETUP)
    card = {f"card[{name}]": value for name, value in {"number": GOOD, **EXPIRY}.items()}
    token = server.call("POST", "/v1/payment_methods", type="card", **card)["id"]
    server.call("POST", f"/v1/payment_methods/{token}/attach", customer=customer)
    server.call("POST", f"/v1/setup_intents/{intent}/confirm", payment_method=token)
    found = stripe.look_up_setup(SETUP)
    assert found == SetupAnswer("succeeded", method=Method(token, "card", "visa", "4242", 2040, 12))
    server.shopper("shp_2", DECLINED)
    for reference, account, outcome in (("col_a", token, "succeeded"), ("col_b", None, "succeeded")):
        told = Instruction("collection", reference, "test", "shp_1", 100, account=account)
        assert stripe.carry_out(told).outcome == outcome
    (made,) = server.made("payment_intents", "col_a")
    assert made["payment_method"] == token
    for _ in range(2):
        stripe.detach("test", token)
    gone = Instruction("collection", "col_c", "test", "shp_1", 100)
    assert stripe.carry_out(gone) == Answer("failed", "no_payment_method")


EXPIRY = {"exp_month": 12, "exp_year": 2040, "cvc": "123"}
