"""An institution with an API like Stripe's: every outcome, what leaves it in doubt, and how it is found again."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import responses
from responses.matchers import query_param_matcher

from gateway.app import gateway_of
from gateway.config import Settings, WrongSetting, from_environment
from gateway.errors import InstitutionUnavailable
from gateway.institution.instructing import InstitutionBusy
from gateway.institution.port import Answer, Instruction
from gateway.institution.simulator import SimulatedInstitution
from gateway.institution.stripe_like import StripeLikeInstitution
from gateway.institution.stripe_wire import objects

URL = "https://psp.test"
COLLECT = Instruction("collection", "col_1", "test", "shp_1", 10_050, test_failure="insufficient_funds")
REFUND = Instruction("refund", "ret_1", "test", "shp_1", 800)
PAY_OUT = Instruction("payout", "po_1", "live", "mer_1", 99_000, account="acct_1")
CUSTOMER = {"id": "cus_1", "created": 5, "metadata": {"shopper": "shp_1"}}


@pytest.fixture
def psp() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def institution() -> StripeLikeInstitution:
    keys = {"test": "sk_test_1", "live": "sk_live_1"}
    return StripeLikeInstitution(URL, keys)


@pytest.fixture
def customer(psp) -> None:
    """A customer with a default card."""
    psp.get(f"{URL}/v1/customers/search", json=listed(CUSTOMER))
    psp.get(
        f"{URL}/v1/customers/cus_1", json={**CUSTOMER, "invoice_settings": {"default_payment_method": "pm_9"}}
    )


def listed(*objects: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(objects), "has_more": more}


def refusal(code: str, **more: str) -> dict[str, Any]:
    return {"error": {"type": "card_error", "code": code, **more}}


def payment(number: int, status: str = "succeeded", reference: str = "col_0", **more: Any) -> dict[str, Any]:
    return {
        "id": f"pi_{number}",
        "created": number,
        "customer": "cus_1",
        "currency": "cny",
        "amount": 500,
        "amount_received": 500,
        "status": status,
        "metadata": {"reference": reference},
        **more,
    }


def refund(number: int, amount: int, status: str = "succeeded", reference: str = "ret_1") -> dict[str, Any]:
    return {"id": f"re_{number}", "amount": amount, "status": status, "metadata": {"reference": reference}}


def paid(psp: responses.RequestsMock, payments: dict[int, list[dict[str, Any]]]) -> None:
    """The customer's payments of 5.00 each, by their number, with the refunds of each."""
    psp.get(f"{URL}/v1/payment_intents", json=listed(*(payment(number) for number in payments)))
    for number, refunds in payments.items():
        only = query_param_matcher({"payment_intent": f"pi_{number}"}, strict_match=False)
        psp.get(f"{URL}/v1/refunds", json=listed(*refunds), match=[only])


def sent(psp: responses.RequestsMock) -> list[dict[str, str]]:
    """The bodies of what was posted, each with its path and key."""
    return [
        {
            "path": str(call.request.path_url),
            "key": call.request.headers["Idempotency-Key"],
            **{name: value for name, (value,) in parse_qs(call.request.body or "").items()},  # type: ignore[type-var]
        }
        for call in psp.calls
        if call.request.method == "POST"
    ]


@pytest.mark.usefixtures("customer")
def test_a_collection_charges_the_default_card_of_the_customer_once(psp, institution):
    psp.post(f"{URL}/v1/payment_intents", json=payment(1))
    assert institution.carry_out(COLLECT) == Answer("succeeded")
    assert sent(psp) == [
        {
            "path": "/v1/payment_intents",
            "key": "col_1",
            "amount": "10050",
            "currency": "cny",
            "customer": "cus_1",
            "payment_method": "pm_9",
            "off_session": "true",
            "confirm": "true",
            "metadata[reference]": "col_1",
        }
    ]
    basic = "Basic " + base64.b64encode(b"sk_test_1:").decode()
    assert {call.request.headers["Authorization"] for call in psp.calls} == {basic}


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, payment(1, "processing"), Answer("pending")),
        (200, payment(1, "canceled"), Answer("failed", "canceled")),
        (
            402,
            refusal("card_declined", decline_code="insufficient_funds"),
            Answer("failed", "insufficient_funds"),
        ),
        (402, refusal("expired_card"), Answer("failed", "expired_card")),
        (400, {"error": {"type": "invalid_request_error"}}, Answer("failed", "refused_400")),
    ],
)
def test_a_collection_ends_as_the_institution_says(psp, institution, status, body, answer):
    psp.post(f"{URL}/v1/payment_intents", json=body, status=status)
    assert institution.carry_out(COLLECT) == answer


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ConnectionError("refused")},
        {"body": requests.ConnectTimeout()},
        {"body": requests.ReadTimeout()},
        {"body": requests.exceptions.ChunkedEncodingError("cut")},
        {"body": "<html>", "status": 200},
        {"body": "<html>", "status": 404},
        {"json": [payment(1)]},
        {"json": {"status": "succeeded"}},
        {"json": {"error": {"type": "idempotency_error"}}, "status": 400},
        {"json": {"problem": "no error in it"}, "status": 400},
        *({"json": refusal("some_code"), "status": status} for status in (401, 403, 409, 429, 500, 502, 503)),
    ],
)
def test_what_leaves_the_outcome_in_doubt_is_no_failure(psp, institution, answer):
    psp.post(f"{URL}/v1/payment_intents", **answer)
    with pytest.raises(InstitutionUnavailable):
        institution.carry_out(COLLECT)
    assert len(sent(psp)) == 1


@pytest.mark.usefixtures("customer")
@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    ("given", "seconds"),
    [("20", 20), ("0", 1), ("86400", 3_600), ("soon", 1), ("²", 1), ("1.5", 1), ("-5", 1)],
)
def test_an_institution_that_is_busy_is_left_alone_as_long_as_it_says(psp, institution, given, seconds):
    psp.post(f"{URL}/v1/payment_intents", status=429, headers={"Retry-After": given})
    with pytest.raises(InstitutionBusy) as caught:
        institution.carry_out(COLLECT)
    assert caught.value.seconds == seconds


def test_no_redirect_is_followed(psp, institution):
    psp.post(f"{URL}/v1/payment_intents", json={}, status=302, headers={"Location": f"{URL}/elsewhere"})
    elsewhere = psp.get(f"{URL}/elsewhere", json=payment(1))
    with pytest.raises(InstitutionUnavailable):
        institution.carry_out(COLLECT)
    assert elsewhere.call_count == 0


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    ("status", "failure"),
    [("requires_action", "authentication_required"), ("requires_confirmation", "requires_confirmation")],
)
def test_a_payment_that_waits_is_cancelled_before_it_counts_as_failed(psp, institution, status, failure):
    psp.post(f"{URL}/v1/payment_intents", json=payment(1, status))
    cancelled = psp.post(f"{URL}/v1/payment_intents/pi_1/cancel", json=payment(1, "canceled"))
    assert institution.carry_out(COLLECT) == Answer("failed", failure)
    assert cancelled.call_count == 1


@pytest.mark.usefixtures("customer")
def test_a_payment_that_waits_and_cannot_be_cancelled_is_in_doubt(psp, institution):
    psp.post(f"{URL}/v1/payment_intents", json=payment(1, "requires_action"))
    psp.post(
        f"{URL}/v1/payment_intents/pi_1/cancel", json=refusal("payment_intent_unexpected_state"), status=400
    )
    with pytest.raises(InstitutionUnavailable):
        institution.carry_out(COLLECT)


def test_without_a_customer_nothing_is_collected_or_refunded(psp, institution):
    psp.get(f"{URL}/v1/customers/search", json=listed())
    assert institution.carry_out(COLLECT) == Answer("failed", "no_payment_method")
    assert institution.carry_out(REFUND) == Answer("failed", "nothing_to_refund")
    assert sent(psp) == []


@pytest.mark.parametrize(
    ("cards", "method"), [([], None), ([{"id": "pm_1"}, {"id": "pm_2"}], "pm_1")], ids=["none", "first"]
)
def test_without_a_default_the_first_attached_card_is_charged(psp, institution, cards, method):
    psp.get(f"{URL}/v1/customers/search", json=listed(CUSTOMER))
    psp.get(
        f"{URL}/v1/customers/cus_1", json={**CUSTOMER, "invoice_settings": {"default_payment_method": None}}
    )
    of_customer = query_param_matcher({"customer": "cus_1", "type": "card"})
    psp.get(f"{URL}/v1/payment_methods", json=listed(*cards), match=[of_customer])
    psp.post(f"{URL}/v1/payment_intents", json=payment(1))
    expected = Answer("succeeded") if method else Answer("failed", "no_payment_method")
    assert institution.carry_out(COLLECT) == expected
    assert [body["payment_method"] for body in sent(psp)] == ([method] if method else [])


def test_a_customer_that_is_gone_is_looked_for_anew(psp, institution):
    psp.get(f"{URL}/v1/customers/search", json=listed(CUSTOMER))
    psp.get(f"{URL}/v1/customers/search", json=listed({**CUSTOMER, "id": "cus_2"}))
    psp.get(f"{URL}/v1/customers/cus_1", json=refusal("resource_missing"), status=404)
    psp.get(f"{URL}/v1/customers/cus_2", json={"invoice_settings": {"default_payment_method": "pm_2"}})
    psp.post(f"{URL}/v1/payment_intents", json=payment(1))
    assert institution.carry_out(COLLECT) == Answer("failed", "no_payment_method")
    assert institution.carry_out(COLLECT) == Answer("succeeded")
    assert [body["customer"] for body in sent(psp)] == ["cus_2"]


def test_where_there_is_no_search_all_customers_are_paged_and_the_oldest_is_kept(psp, institution):
    others = [{"id": f"cus_o{n}", "created": 1, "metadata": {}} for n in range(3)]
    psp.get(f"{URL}/v1/customers/search", json=refusal("resource_missing"), status=404)
    for after, page in (
        (None, listed({**CUSTOMER, "id": "cus_9", "created": 9}, others[0], more=True)),
        ("cus_o0", listed(others[1], CUSTOMER, more=True)),
        ("cus_1", listed(others[2])),
    ):
        query = {"limit": "100", **({"starting_after": after} if after else {})}
        psp.get(f"{URL}/v1/customers", json=page, match=[query_param_matcher(query)])
    psp.get(f"{URL}/v1/customers/cus_1", json={"invoice_settings": {"default_payment_method": "pm_1"}})
    psp.post(f"{URL}/v1/payment_intents", json=payment(1))
    assert institution.carry_out(COLLECT) == Answer("succeeded")
    asked = len(psp.calls)
    assert institution.carry_out(COLLECT) == Answer("succeeded")
    assert [body["customer"] for body in sent(psp)] == ["cus_1", "cus_1"]
    assert len(psp.calls) - asked == 2, "the customer is remembered: its card is read, and charged"


@pytest.mark.parametrize(
    "page",
    [
        listed(more=True),
        listed(CUSTOMER, more=True),
        {"data": "none"},
        {"data": [{"id": 7}]},
        {"data": ["cus_1"]},
    ],
)
def test_a_list_that_cannot_be_read_to_its_end_is_no_answer(psp, institution, page):
    psp.get(f"{URL}/v1/customers/search", json={}, status=404)
    psp.get(f"{URL}/v1/customers", json=page)
    with pytest.raises(InstitutionUnavailable):
        institution.look_up(COLLECT)


@pytest.mark.parametrize("rows", [None, {}, [{"id": 7}], ["cus_1"], [{"id": "cus_1"}, {}]])
def test_a_list_is_of_objects_with_an_id(rows):
    with pytest.raises(InstitutionUnavailable, match="list cannot be read"):
        objects({"data": rows})
    assert objects({"data": [{"id": "cus_1"}]}) == [{"id": "cus_1"}]


@pytest.mark.usefixtures("customer")
def test_a_refund_takes_the_newest_payments_first_and_never_more_than_is_left(psp, institution):
    paid(psp, {1: [], 2: [refund(7, 300, reference="ret_0"), refund(8, 200, "failed", "ret_0")], 3: []})
    psp.post(f"{URL}/v1/refunds", json=refund(1, 500))
    psp.post(f"{URL}/v1/refunds", json=refund(2, 200))
    psp.post(f"{URL}/v1/refunds", json=refund(3, 100))
    assert institution.carry_out(REFUND) == Answer("succeeded")
    assert [
        (body["payment_intent"], body["amount"], body["metadata[part]"], body["key"]) for body in sent(psp)
    ] == [
        ("pi_3", "500", "1", "ret_1:1"),
        ("pi_2", "200", "2", "ret_1:2"),
        ("pi_1", "100", "3", "ret_1:3"),
    ]
    assert {body["metadata[reference]"] for body in sent(psp)} == {"ret_1"}


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    ("status", "answer"), [("pending", Answer("pending")), ("failed", Answer("failed", "refund_failed"))]
)
def test_a_refund_that_does_not_succeed_at_once(psp, institution, status, answer):
    paid(psp, {1: [], 2: []})
    psp.post(f"{URL}/v1/refunds", json=refund(1, 300, status))
    assert institution.carry_out(Instruction("refund", "ret_1", "test", "shp_1", 300)) == answer


@pytest.mark.usefixtures("customer")
def test_no_part_is_sent_after_one_that_failed(psp, institution):
    paid(psp, {1: [], 2: []})
    psp.post(f"{URL}/v1/refunds", json=refund(1, 500, "failed"))
    assert institution.carry_out(REFUND) == Answer("failed", "refund_failed")
    assert len(sent(psp)) == 1


@pytest.mark.usefixtures("customer")
def test_a_refund_above_what_is_left_sends_nothing(psp, institution):
    paid(psp, {1: [], 2: [refund(7, 300, reference="ret_0")]})
    assert institution.carry_out(REFUND) == Answer("failed", "nothing_to_refund")
    assert sent(psp) == []


@pytest.mark.usefixtures("customer")
def test_other_currencies_and_declined_payments_are_not_refunded(psp, institution):
    of_others = [
        payment(1, currency="usd"),
        payment(2, "requires_payment_method"),
        payment(3, customer="cus_2"),
    ]
    psp.get(f"{URL}/v1/payment_intents", json=listed(*of_others))
    assert institution.carry_out(REFUND) == Answer("failed", "nothing_to_refund")


@pytest.mark.usefixtures("customer")
def test_a_refund_goes_on_with_the_parts_that_are_missing(psp, institution):
    paid(psp, {1: [], 2: [refund(1, 500)]})
    assert institution.look_up(REFUND) is None
    psp.post(f"{URL}/v1/refunds", json=refund(2, 300))
    assert institution.carry_out(REFUND) == Answer("succeeded")
    (body,) = sent(psp)
    assert (body["payment_intent"], body["amount"], body["key"]) == ("pi_1", "300", "ret_1:2")


@pytest.mark.usefixtures("customer")
def test_a_refund_that_is_all_there_is_not_made_again(psp, institution):
    paid(psp, {1: [refund(2, 300)], 2: [refund(1, 500)]})
    assert institution.carry_out(REFUND) == Answer("succeeded")
    assert sent(psp) == []


@pytest.mark.usefixtures("customer")
def test_a_refund_refused_at_its_first_part_failed(psp, institution):
    paid(psp, {1: [], 2: []})
    psp.post(f"{URL}/v1/refunds", json=refusal("charge_disputed"), status=400)
    assert institution.carry_out(REFUND) == Answer("failed", "charge_disputed")


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    "second",
    [
        {"json": refusal("charge_disputed"), "status": 400},
        {"json": refund(2, 300, "failed")},
        {"body": requests.ReadTimeout()},
    ],
    ids=["refused", "failed", "timeout"],
)
def test_a_refund_of_which_a_part_was_made_is_neither_done_nor_failed(psp, institution, second):
    paid(psp, {1: [], 2: []})
    psp.post(f"{URL}/v1/refunds", json=refund(1, 500))
    psp.post(f"{URL}/v1/refunds", **second)
    with pytest.raises(InstitutionUnavailable):
        institution.carry_out(REFUND)


@pytest.mark.usefixtures("customer")
def test_a_refund_whose_rest_is_nowhere_to_be_had_waits_for_a_person(psp, institution):
    paid(psp, {1: [refund(7, 500, reference="ret_0")], 2: [refund(1, 500)]})
    with pytest.raises(InstitutionUnavailable, match="ret_1"):
        institution.carry_out(REFUND)
    assert sent(psp) == []


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    ("refunds", "answer"),
    [
        ({1: [], 2: [refund(1, 800, reference="ret_0")]}, None),
        ({1: [refund(1, 300)], 2: [refund(2, 500)]}, Answer("succeeded")),
        ({1: [refund(1, 300, "pending")], 2: [refund(2, 500)]}, Answer("pending")),
        ({1: [refund(1, 300, "failed")], 2: [refund(2, 500)]}, None),
        ({1: [{**refund(1, 800, "failed"), "failure_reason": "lost_card"}]}, Answer("failed", "lost_card")),
        ({1: [refund(1, 800, "canceled")]}, Answer("failed", "refund_failed")),
    ],
    ids=["none", "all", "pending", "a part", "failed", "canceled"],
)
def test_a_refund_is_looked_up_by_its_parts(psp, institution, refunds, answer):
    paid(psp, refunds)
    assert institution.look_up(REFUND) == answer


def test_the_refund_of_a_customer_who_is_gone_is_found_among_all(psp, institution):
    psp.get(f"{URL}/v1/customers/search", json=listed())
    everything = query_param_matcher({"limit": "100"})
    psp.get(f"{URL}/v1/refunds", json=listed(refund(5, 1, reference="x"), refund(6, 800)), match=[everything])
    assert institution.look_up(REFUND) == Answer("succeeded")


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    ("payments", "answer"),
    [
        ([payment(1, reference="col_2")], None),
        ([], None),
        ([payment(1, reference="col_1", customer="cus_2")], None),
        ([payment(2), payment(1, reference="col_1")], Answer("succeeded")),
        ([payment(1, "processing", "col_1")], Answer("pending")),
        ([payment(1, "requires_payment_method", "col_1")], Answer("failed", "requires_payment_method")),
        (
            [payment(1, "requires_payment_method", "col_1", last_payment_error={"code": "card_declined"})],
            Answer("failed", "card_declined"),
        ),
        ([payment(2, "canceled", "col_1"), payment(1, reference="col_1")], Answer("succeeded")),
    ],
)
def test_a_collection_is_looked_up_by_its_reference(psp, institution, payments, answer):
    of_customer = query_param_matcher({"customer": "cus_1", "limit": "100"})
    psp.get(f"{URL}/v1/payment_intents", json=listed(*payments), match=[of_customer])
    assert institution.look_up(replace(COLLECT, amount_fen=500)) == answer
    assert sent(psp) == []


@pytest.mark.usefixtures("customer")
def test_a_reference_that_was_used_for_another_amount_decides_nothing(psp, institution):
    psp.get(f"{URL}/v1/payment_intents", json=listed(payment(1, reference="col_1")))
    psp.get(
        f"{URL}/v1/transfers", json=listed({"id": "tr_1", "amount": 1, "metadata": {"reference": "po_1"}})
    )
    for asked in (COLLECT, PAY_OUT):
        with pytest.raises(InstitutionUnavailable, match="compare the books with the institution"):
            institution.look_up(asked)
    assert institution.moved_fen(COLLECT) == 500
    assert institution.moved_fen(PAY_OUT) == 1


def test_the_collection_from_a_customer_who_is_gone_is_found_on_a_later_page_of_all(psp, institution):
    psp.get(f"{URL}/v1/customers/search", json=listed())
    first, second = {"limit": "100"}, {"limit": "100", "starting_after": "pi_2"}
    payments = f"{URL}/v1/payment_intents"
    psp.get(payments, json=listed(payment(2), more=True), match=[query_param_matcher(first)])
    psp.get(payments, json=listed(payment(1, reference="col_1")), match=[query_param_matcher(second)])
    assert institution.look_up(replace(COLLECT, amount_fen=500)) == Answer("succeeded")


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize("instruction", [COLLECT, REFUND, PAY_OUT], ids=lambda one: one.movement)
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_an_institution_that_cannot_be_asked_has_not_said_none(psp, institution, instruction, status):
    for kind in ("payment_intents", "refunds", "transfers"):
        psp.get(f"{URL}/v1/{kind}", json=refusal("no"), status=status)
    with pytest.raises(InstitutionUnavailable):
        institution.look_up(instruction)


def test_a_payout_is_a_transfer_to_the_merchants_account(psp, institution):
    psp.post(f"{URL}/v1/transfers", json={"id": "tr_1"})
    assert institution.carry_out(PAY_OUT) == Answer("succeeded")
    assert sent(psp) == [
        {
            "path": "/v1/transfers",
            "key": "po_1",
            "amount": "99000",
            "currency": "cny",
            "destination": "acct_1",
            "transfer_group": "po_1",
            "metadata[reference]": "po_1",
        }
    ]
    basic = "Basic " + base64.b64encode(b"sk_live_1:").decode()
    assert psp.calls[0].request.headers["Authorization"] == basic


def test_payouts_that_fail(psp, institution):
    psp.post(f"{URL}/v1/transfers", json=refusal("balance_insufficient"), status=400)
    assert institution.carry_out(PAY_OUT) == Answer("failed", "balance_insufficient")
    elsewhere = Instruction("payout", "po_2", "live", "mer_2", 100)
    assert institution.carry_out(elsewhere) == Answer("failed", "no_account")
    assert len(sent(psp)) == 1


@pytest.mark.parametrize(
    ("transfers", "answer"),
    [
        ([], None),
        ([{"id": "tr_1", "metadata": {"reference": "po_0"}}], None),
        ([{"id": "tr_1", "metadata": {"reference": "po_1"}, "reversed": False}], Answer("succeeded")),
        ([{"id": "tr_1", "metadata": {"reference": "po_1"}, "reversed": True}], Answer("failed", "reversed")),
    ],
)
def test_a_payout_is_looked_up_by_its_reference(psp, institution, transfers, answer):
    psp.get(f"{URL}/v1/transfers", json=listed(*transfers))
    assert institution.look_up(PAY_OUT) == answer


def test_without_a_key_for_the_mode_nothing_is_sent(psp):
    institution = StripeLikeInstitution(URL, {"test": "sk_test_1", "live": ""})
    with pytest.raises(InstitutionUnavailable, match="live"):
        institution.carry_out(PAY_OUT)
    assert len(psp.calls) == 0


@pytest.mark.parametrize(("url", "kind"), [("", SimulatedInstitution), (URL, StripeLikeInstitution)])
def test_the_settings_choose_the_institution(tmp_path, url, kind):
    settings = Settings("sqlite://", tmp_path, institution_url=url, institution_live_key="sk_live_hidden")
    assert type(gateway_of(settings).ports.unguarded("institution")) is kind
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FENQI_INSTITUTION_URL", "psp.test"),
        ("FENQI_INSTITUTION_URL", "http://psp.test"),
        ("FENQI_INSTITUTION_TEST_KEY", "sk_live_hidden"),
        ("FENQI_INSTITUTION_LIVE_KEY", "rk_test_hidden"),
    ],
)
def test_a_wrong_setting_is_named_but_no_key_is_shown(name, value):
    with pytest.raises(WrongSetting, match=name) as stopped:
        from_environment({name: value})
    assert "hidden" not in str(stopped.value)


@pytest.mark.parametrize("url", ["", "https://psp.test", "http://127.0.0.1:8420", "http://[::1]:8420"])
def test_an_institution_is_named_by_its_origin(url):
    assert from_environment({"FENQI_INSTITUTION_URL": url}).institution_url == url
