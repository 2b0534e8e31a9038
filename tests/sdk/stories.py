"""What a merchant lives through, told once and run on every gateway: the fake, and the real one in process.

A story takes a ``client`` and a ``shopper``: ``shopper(checkout_id, outcome=…, term=…)`` plays the person at
the checkout page; ``outcome`` is approve, decline or review, ``term`` one that is on offer, or None for any.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

import pytest

import fenqi
from fenqi import Checkout, Fenqi, Payment

PRICE = 599_900
_numbers = count(1)


class Shopper(Protocol):
    def __call__(self, checkout: str, *, outcome: str = "approve", term: int | None = None) -> object: ...


Story = Callable[[Fenqi, Shopper], None]
STORIES: list[Story] = []


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


def order(reference: str | None = None, **changes: Any) -> dict[str, Any]:
    """What a shop sends for one phone of 5,999 yuan."""
    return {
        "amount": PRICE,
        "merchant_reference": reference or f"order-{next(_numbers)}",
        "items": [{"name": "手机", "quantity": 1, "unit_price": PRICE, "category": "3c"}],
        "category": "3c",
        "return_url": "https://shop.example/return",
        "cancel_url": "https://shop.example/cart",
        **changes,
    }


def opened(client: Fenqi, **changes: Any) -> Checkout:
    return client.checkouts.create(**order(**changes))


def authorized(client: Fenqi, shopper: Shopper, *, term: int | None = None, **changes: Any) -> Payment:
    """A payment whose shopper was approved."""
    checkout = opened(client, **changes)
    shopper(checkout.id, outcome="approve", term=term)
    payment = client.checkouts.retrieve(checkout.id).payment
    return client.payments.retrieve(payment if isinstance(payment, str) else payment.id)  # type: ignore[attr-defined]


@story
def bought_shipped_and_returned(client: Fenqi, shopper: Shopper) -> None:
    checkout = opened(client)
    assert (checkout.status, checkout.amount, checkout.payment) == ("open", PRICE, None)
    assert checkout.url.startswith("http")
    shopper(checkout.id, outcome="approve")
    approved = client.checkouts.retrieve(checkout.id)
    assert approved.status == "approved"
    payment = client.payments.list(merchant_reference=checkout.merchant_reference).data[0]
    assert (payment.status, payment.capturable_amount, payment.checkout) == ("authorized", PRICE, checkout.id)

    captured = client.payments.capture(payment.id, idempotency_key=f"ship-{payment.id}")
    assert (captured.status, captured.captured_amount, captured.capturable_amount) == ("captured", PRICE, 0)
    loan = client.loans.retrieve(captured.captures[0].loan)
    assert loan.status == "active"
    assert sum(row.principal for row in loan.schedule) == PRICE
    assert loan.schedule[-1].balance == 0

    refund = client.refunds.create(
        payment=payment.id, reason="returned", idempotency_key=f"back-{payment.id}"
    )
    assert (refund.status, refund.amount, refund.initiated_by) == ("succeeded", PRICE, "api")
    assert client.refunds.retrieve(refund.id) == refund
    after = client.payments.retrieve(payment.id)
    assert (after.status, after.refunded_amount, after.refundable_amount) == ("refunded", PRICE, 0)
    assert client.loans.retrieve(loan.id).status in ("refunded", "unwound")


@story
def declined_shopper_leaves_no_payment(client: Fenqi, shopper: Shopper) -> None:
    checkout = opened(client)
    shopper(checkout.id, outcome="decline")
    declined = client.checkouts.retrieve(checkout.id)
    assert (declined.status, declined.payment) == ("declined", None)
    assert declined.decline is not None
    assert declined.decline.code
    assert client.payments.list(merchant_reference=checkout.merchant_reference).data == []


@story
def declined_reference_may_be_tried_again(client: Fenqi, shopper: Shopper) -> None:
    first = opened(client)
    shopper(first.id, outcome="decline")
    second = opened(client, reference=first.merchant_reference)
    assert second.id != first.id
    assert second.status == "open"


@story
def review_keeps_the_checkout_undecided(client: Fenqi, shopper: Shopper) -> None:
    checkout = opened(client)
    shopper(checkout.id, outcome="review")
    waiting = client.checkouts.retrieve(checkout.id)
    assert (waiting.status, waiting.payment) == ("under_review", None)
    with pytest.raises(fenqi.DuplicateReference):
        opened(client, reference=checkout.merchant_reference, metadata={"another": "order"})


@story
def same_reference_and_content_is_the_same_checkout(client: Fenqi, shopper: Shopper) -> None:
    sent = order()
    first = client.checkouts.create(**sent)
    again = client.checkouts.create(**sent)
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.status == 200


@story
def same_reference_with_other_content_is_refused(client: Fenqi, shopper: Shopper) -> None:
    first = opened(client)
    with pytest.raises(fenqi.DuplicateReference) as refused:
        opened(client, reference=first.merchant_reference, metadata={"colour": "black"})
    assert refused.value.code == "duplicate_reference"
    assert first.id in str(refused.value.problem)


@story
def approved_reference_never_opens_again(client: Fenqi, shopper: Shopper) -> None:
    sent = order()
    shopper(client.checkouts.create(**sent).id)
    with pytest.raises(fenqi.DuplicateReference):
        client.checkouts.create(**sent)


@story
def capture_above_the_authorisation_changes_nothing(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        client.payments.capture(payment.id, amount=PRICE + 1)
    assert (refused.value.code, refused.value.param) == ("amount_above_authorized", "amount")
    assert client.payments.retrieve(payment.id) == payment


@story
def split_shipment_sums_to_the_disclosed_schedule(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    first = client.payments.capture(payment.id, amount=200_001)
    assert (first.status, first.capturable_amount) == ("partially_captured", PRICE - 200_001)
    both = client.payments.capture(payment.id)
    assert (both.status, len(both.captures)) == ("captured", 2)
    loans = [client.loans.retrieve(capture.loan) for capture in both.captures]
    for disclosed, *rows in zip(payment.plan.schedule, *(loan.schedule for loan in loans), strict=True):
        assert sum(row.principal for row in rows) == disclosed.principal
        assert sum(row.interest for row in rows) == disclosed.interest
        assert sum(row.payment for row in rows) == disclosed.payment


@story
def small_part_is_not_captured_unless_it_is_the_last(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        client.payments.capture(payment.id, amount=99_999)
    assert refused.value.code == "capture_too_small"
    client.payments.capture(payment.id, amount=PRICE - 1)
    assert client.payments.capture(payment.id, amount=1).status == "captured"


@story
def final_capture_releases_the_rest(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    after = client.payments.capture(payment.id, amount=400_000, final=True)
    assert (after.status, after.captured_amount, after.voided_amount) == (
        "captured",
        400_000,
        PRICE - 400_000,
    )
    with pytest.raises(fenqi.ConflictError):
        client.payments.capture(payment.id)


@story
def voided_payment_cannot_be_captured(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    voided = client.payments.void(payment.id, reason="out of stock")
    assert (voided.status, voided.voided_amount, voided.captures) == ("voided", PRICE, [])
    with pytest.raises(fenqi.ConflictError):
        client.payments.capture(payment.id)


@story
def part_of_an_authorisation_is_voided(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    after = client.payments.void(payment.id, amount=99_900, reason="one item is out of stock")
    assert (after.status, after.voided_amount, after.capturable_amount) == ("authorized", 99_900, 500_000)
    assert client.payments.capture(payment.id).captured_amount == 500_000


@story
def same_key_gets_the_same_answer(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    key = f"shipment-{payment.id}"
    first = client.payments.capture(payment.id, amount=200_000, idempotency_key=key)
    again = client.payments.capture(payment.id, amount=200_000, idempotency_key=key)
    assert again == first
    assert again.last_response is not None
    assert again.last_response.replayed
    assert client.payments.retrieve(payment.id).captured_amount == 200_000


@story
def same_key_with_another_body_is_refused(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    key = f"shipment-{payment.id}"
    client.payments.capture(payment.id, amount=200_000, idempotency_key=key)
    with pytest.raises(fenqi.IdempotencyKeyReused) as refused:
        client.payments.capture(payment.id, amount=200_001, idempotency_key=key)
    assert refused.value.idempotency_key == key
    assert client.payments.retrieve(payment.id).captured_amount == 200_000


@story
def refunds_in_parts_end_as_a_full_one(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    client.payments.capture(payment.id)
    client.refunds.create(payment=payment.id, amount=50_000, reason="scratch")
    half_way = client.payments.retrieve(payment.id)
    assert (half_way.status, half_way.refundable_amount) == ("partially_refunded", PRICE - 50_000)
    loan = client.loans.retrieve(half_way.captures[0].loan)
    assert sum(row.principal for row in loan.schedule) == PRICE - 50_000
    client.refunds.create(payment=payment.id, reason="returned after all")
    assert client.payments.retrieve(payment.id).status == "refunded"
    assert sum(refund.amount for refund in client.refunds.list(payment=payment.id)) == PRICE


@story
def refund_above_what_is_left_changes_nothing(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    captured = client.payments.capture(payment.id, amount=200_000, final=True)
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        client.refunds.create(payment=payment.id, amount=200_001, reason="too much")
    assert refused.value.code == "amount_above_refundable"
    assert client.payments.retrieve(payment.id) == captured
    assert client.refunds.list(payment=payment.id).data == []


@story
def nothing_captured_is_nothing_to_refund(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    with pytest.raises(fenqi.ConflictError) as refused:
        client.refunds.create(payment=payment.id, reason="never shipped")
    assert refused.value.code == "wrong_state"
    assert client.payments.retrieve(payment.id) == payment


@story
def refund_of_one_capture_touches_its_loan_only(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    client.payments.capture(payment.id, amount=200_000)
    first, second = client.payments.capture(payment.id).captures
    refund = client.refunds.create(payment=payment.id, capture=first.id, reason="returned")
    assert refund.amount == 200_000
    assert client.loans.retrieve(first.loan).status in ("refunded", "unwound")
    assert client.loans.retrieve(second.loan).outstanding_principal == PRICE - 200_000
    with pytest.raises(fenqi.NotFoundError):
        client.refunds.create(payment=payment.id, capture="cap_unknown", reason="returned")


@story
def refund_reference_is_used_once(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    client.payments.capture(payment.id)
    client.refunds.create(payment=payment.id, amount=1_000, refund_reference="return-1", reason="scratch")
    with pytest.raises(fenqi.DuplicateReference):
        client.refunds.create(payment=payment.id, amount=2_000, refund_reference="return-1", reason="scratch")
    assert client.payments.retrieve(payment.id).refunded_amount == 1_000


@story
def serial_number_leaves_the_shop_once(client: Fenqi, shopper: Shopper) -> None:
    serial = f"SN-{next(_numbers):08d}"
    box = [{"line": 1, "quantity": 1, "serial_numbers": [serial]}]
    client.payments.capture(authorized(client, shopper).id, items=box)
    other = authorized(client, shopper)
    with pytest.raises(fenqi.ConflictError) as refused:
        client.payments.capture(other.id, items=box)
    assert refused.value.code == "serial_number_taken"
    assert client.payments.retrieve(other.id).captured_amount == 0


@story
def acknowledged_payment_knows_its_order(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    assert payment.acknowledged_at is None
    assert client.payments.acknowledge(payment.id, merchant_order_id="WMS-77").acknowledged_at is not None


@story
def items_that_do_not_add_up_are_refused(client: Fenqi, shopper: Shopper) -> None:
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        opened(client, amount=PRICE - 100)
    problem = refused.value.problem
    assert refused.value.code == "amount_mismatch"
    assert (problem["expected"], problem["actual"], problem["difference"]) == (PRICE, PRICE - 100, -100)


@story
def unknown_field_is_refused_by_name(client: Fenqi, shopper: Shopper) -> None:
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        opened(client, extra={"colour": "black"})
    assert refused.value.code == "validation_failed"
    assert refused.value.param == "colour"


@story
def open_checkout_is_canceled_and_frees_its_reference(client: Fenqi, shopper: Shopper) -> None:
    checkout = opened(client)
    assert client.checkouts.cancel(checkout.id).status == "canceled"
    assert opened(client, reference=checkout.merchant_reference).id != checkout.id


@story
def approved_checkout_is_not_canceled(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    with pytest.raises(fenqi.ConflictError) as refused:
        client.checkouts.cancel(payment.checkout)
    assert refused.value.code == "wrong_state"
    assert client.payments.retrieve(payment.id).status == "authorized"


@story
def events_tell_the_story_without_gaps(client: Fenqi, shopper: Shopper) -> None:
    before = client.events.list(limit=1).data
    payment = authorized(client, shopper)
    client.payments.capture(payment.id)
    client.refunds.create(payment=payment.id, amount=1_000, reason="scratch")
    after = before[0].id if before else None
    told = list(client.events.list(after=after, page_size=2)) if after else list(client.events.list())[::-1]
    types = [event.type for event in told]
    for type in ("checkout.approved", "payment.authorized", "payment.captured", "refund.succeeded"):
        assert type in types
    about_payment = [event.sequence for event in told if event.data.id == payment.id]
    assert about_payment == list(range(1, len(about_payment) + 1))
    assert client.events.retrieve(told[0].id) == told[0]


@story
def webhook_endpoint_is_kept_changed_rotated_and_ended(client: Fenqi, shopper: Shopper) -> None:
    hooks = client.webhook_endpoints
    made = hooks.create(url="http://127.0.0.1:9/hooks", enabled_events=["payment.captured"])
    assert made.secret.startswith("whsec_")
    kept = hooks.retrieve(made.id)
    assert (kept.url, kept.enabled_events, kept.status) == (made.url, ["payment.captured"], "enabled")
    assert "secret" not in kept.to_dict()
    assert [one.id for one in hooks.list()] == [made.id]
    off = hooks.update(made.id, status="disabled", description="orders")
    assert (off.status, off.disabled_reason, off.description) == ("disabled", "requested", "orders")
    assert hooks.update(made.id, status="enabled").disabled_reason is None
    turned = hooks.rotate_secret(made.id)
    assert turned.secret != made.secret
    assert turned.old_secret_expires_at
    assert fenqi.Webhook([turned.secret, made.secret])
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        hooks.create(url="http://shop.example/hooks")
    assert (refused.value.code, refused.value.param) == ("address_not_allowed", "url")
    assert hooks.delete(made.id).deleted
    with pytest.raises(fenqi.NotFoundError):
        hooks.retrieve(made.id)


@story
def unknown_ids_are_not_found(client: Fenqi, shopper: Shopper) -> None:
    for ask in (
        lambda: client.checkouts.retrieve("chk_unknown"),
        lambda: client.payments.retrieve("pay_unknown"),
        lambda: client.payments.capture("pay_unknown"),
        lambda: client.refunds.create(payment="pay_unknown", reason="none"),
        lambda: client.loans.retrieve("loan_unknown"),
        lambda: client.settlements.retrieve("stl_unknown"),
        lambda: client.events.retrieve("evt_unknown"),
    ):
        with pytest.raises(fenqi.NotFoundError) as refused:
            ask()
        assert refused.value.request_id


@story
def list_is_walked_page_by_page_newest_first(client: Fenqi, shopper: Shopper) -> None:
    made = [opened(client).id for _ in range(5)]
    walked = [checkout.id for checkout in client.checkouts.list(limit=5, page_size=2)]
    assert walked == made[::-1]
    first = client.checkouts.list(page_size=2)
    following = client.checkouts.list(page_size=2, cursor=first.next_cursor)
    assert [checkout.id for checkout in (*first.data, *following.data)] == made[::-1][:4]


@story
def quote_costs_what_its_schedule_says(client: Fenqi, shopper: Shopper) -> None:
    plans = client.plans.list(amount=PRICE)
    assert plans
    for plan in plans:
        assert len(plan.schedule) == plan.term
        assert sum(row.principal for row in plan.schedule) == plan.financed_amount == PRICE
        assert sum(row.payment for row in plan.schedule) == plan.total_payment
        assert plan.total_payment == PRICE + plan.total_interest + plan.total_fee
        assert plan.interest_free == (plan.total_payment == PRICE)
    one = client.plans.list(amount=PRICE, terms=[plans[0].term])
    assert [plan.term for plan in one] == [plans[0].term]


@story
def quote_says_why_a_term_is_not_available(client: Fenqi, shopper: Shopper) -> None:
    plans = client.plans.list(amount=100)
    assert plans == []
    assert plans.unavailable
    assert all(term.reason and term.min_amount > 100 for term in plans.unavailable)
