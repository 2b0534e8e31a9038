"""What a merchant lives through, told once and run on every gateway: the fake, and the real one in process.

A story takes a ``client`` and a ``shopper``: ``shopper(checkout_id, outcome=…, term=…)`` plays the person at
the checkout page; ``outcome`` is approve, decline or review, ``term`` one that is on offer, or None for any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
STORIES_OF_A_TERM: list[Callable[[Fenqi, Shopper, int], None]] = []
CATEGORIES = ("3c", "furnishing", "education", "appliance", "general")
TERMS = (3, 6, 9, 12)
"""Stories of a term are told for every term of a merchant of every category."""


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


def story_of_a_term(told: Callable[[Fenqi, Shopper, int], None]) -> Callable[[Fenqi, Shopper, int], None]:
    STORIES_OF_A_TERM.append(told)
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
    assert checkout.url is not None
    assert checkout.url.startswith("http")
    assert checkout.id in checkout.url
    assert client.checkouts.retrieve(checkout.id).url is None
    assert {row.url for row in client.checkouts.list().data} == {None}
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
def return_of_all_inside_seven_days_leaves_nothing_of_the_loan(client: Fenqi, shopper: Shopper) -> None:
    payment = client.payments.capture(authorized(client, shopper).id)
    assert payment.captures[0].delivery is None
    first = client.refunds.create(
        payment=payment.id, amount=50_000, kind="price_adjustment", reason="scratch"
    )
    last = client.refunds.create(payment=payment.id, reason="returned after all")
    assert (first.kind, last.kind, last.amount) == ("price_adjustment", "unwind", PRICE - 50_000)
    fees = [refund.merchant_fee_returned for refund in (first, last)]
    assert sum(fees) == payment.captures[0].merchant_fee
    loan = client.loans.retrieve(payment.captures[0].loan)
    assert (loan.status, loan.outstanding_principal, loan.schedule) == ("unwound", 0, [])
    assert "loan.unwound" in [event.type for event in client.events.list()]


@story
def kind_of_a_refund_decides_whether_the_fee_comes_back(client: Fenqi, shopper: Shopper) -> None:
    payment = client.payments.capture(authorized(client, shopper).id)
    fee = payment.captures[0].merchant_fee
    returned = [
        client.refunds.create(
            payment=payment.id, amount=PRICE // 10, kind=kind, reason="x"
        ).merchant_fee_returned
        for kind in ("goodwill", "price_adjustment")
    ]
    assert returned[0] == 0
    assert 0 <= returned[1] <= fee
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        client.refunds.create(payment=payment.id, amount=1, kind="unwind", reason="x")
    assert refused.value.code == "amount_mismatch"
    whole = client.refunds.create(payment=payment.id, kind="unwind", reason="x")
    assert sum(returned) + whole.merchant_fee_returned == fee


@story
def delivery_is_reported_after_the_capture(client: Fenqi, shopper: Shopper) -> None:
    payment = client.payments.capture(authorized(client, shopper).id)
    until = payment.captures[0].return_until
    shipped = client.payments.update(payment.id, shipping={"carrier": "SF", "tracking_number": "SF1"})
    assert shipped.shipping is not None
    assert shipped.shipping.to_dict() == {"carrier": "SF", "tracking_number": "SF1", "delivered_at": None}
    received = client.payments.update(
        payment.id, shipping={"tracking_number": "SF1", "delivered_at": payment.captures[0].captured_at}
    )
    assert received.captures[0].delivery == received.shipping
    assert received.captures[0].return_until == until
    assert client.payments.retrieve(payment.id) == received
    with pytest.raises(fenqi.InvalidRequestError) as refused:
        client.payments.update(payment.id, shipping={"delivered_at": "2099-01-01T00:00:00Z"})
    assert (refused.value.code, refused.value.param) == ("delivery_refused", "shipping.delivered_at")
    uncaptured = authorized(client, shopper)
    with pytest.raises(fenqi.ConflictError):
        client.payments.update(uncaptured.id, shipping={"carrier": "SF"})


@story
def order_number_and_metadata_change_after_the_approval(client: Fenqi, shopper: Shopper) -> None:
    first, second = authorized(client, shopper), authorized(client, shopper)
    number = f"renamed-{next(_numbers)}"
    changed = client.payments.update(first.id, merchant_reference=number, metadata={"a": "1"})
    assert (changed.merchant_reference, changed.merchant_order_id) == (number, number)
    assert changed.acknowledged_at
    assert client.payments.update(first.id, metadata={"a": ""}).metadata.get("a") is None
    for taken in (number, second.merchant_reference):
        other = second if taken == number else first
        with pytest.raises(fenqi.DuplicateReference):
            client.payments.update(other.id, merchant_reference=taken)
    assert [payment.id for payment in client.payments.list(merchant_reference=number)] == [first.id]


@story
def payments_are_listed_by_what_is_known_of_them(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    client.payments.acknowledge(payment.id, merchant_order_id=f"A-{payment.merchant_reference}")
    day = payment.created_at[:10]
    only = {"merchant_order_id": f"A-{payment.merchant_reference}"}
    for wanted in (
        {"status": "authorized", "created_from": day, "created_to": "2099-01-01"},
        {"amount_min": PRICE, "amount_max": PRICE},
        {},
    ):
        assert [one.id for one in client.payments.list(**only, **wanted)] == [payment.id]
    for other in ({"status": "voided"}, {"created_to": "2020-01-01"}, {"amount_min": PRICE + 1}):
        assert client.payments.list(**only, **other).data == []
    for empty in ({"created_from": day, "created_to": "2020-01-01"}, {"amount_min": 2, "amount_max": 1}):
        with pytest.raises(fenqi.InvalidRequestError) as refused:
            client.payments.list(**empty)
        assert refused.value.param == [*empty][1]


@story
def authorisation_is_extended_once(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    assert not payment.authorization_extended
    for wrong in (payment.authorization_expires_at, "2099-01-01T00:00:00Z"):
        with pytest.raises(fenqi.InvalidRequestError) as refused:
            client.payments.extend(payment.id, authorization_expires_at=wrong)
        assert refused.value.param == "authorization_expires_at"
    longer = client.payments.extend(payment.id)
    assert longer.authorization_extended
    assert longer.authorization_expires_at > payment.authorization_expires_at
    with pytest.raises(fenqi.ConflictError):
        client.payments.extend(payment.id)
    assert client.payments.retrieve(payment.id) == longer
    client.payments.void(payment.id)
    with pytest.raises(fenqi.ConflictError):
        client.payments.extend(payment.id)


@story
def preview_is_the_refund_then_made(client: Fenqi, shopper: Shopper) -> None:
    payment = client.payments.capture(authorized(client, shopper).id)
    asked: dict[str, Any] = {
        "payment": payment.id,
        "amount": 60_000,
        "kind": "price_adjustment",
        "reason": "x",
    }
    foretold = client.refunds.preview(**asked, refund_reference="lower")
    assert foretold == client.refunds.preview(**asked, refund_reference="lower")
    assert client.payments.retrieve(payment.id) == payment
    loan = payment.captures[0].loan
    assert [row.loan for row in foretold.schedule_before] == [loan] * payment.term
    schedule = [{**row.to_dict(), "loan": loan} for row in client.loans.retrieve(loan).schedule]
    assert [row.to_dict() for row in foretold.schedule_before] == schedule
    back = foretold.merchant_fee_returned + foretold.merchant_subsidy_returned
    assert foretold.settlement_effect.net == back - 60_000
    refund = client.refunds.create(**asked, refund_reference="lower")
    made = refund.to_dict()
    told = foretold.to_dict()
    assert {name: told.get(name) for name in made.keys() - {"id", "object", "created_at"}} == {
        name: made[name] for name in made.keys() - {"id", "object", "created_at"}
    }
    schedule = [{**row.to_dict(), "loan": loan} for row in client.loans.retrieve(loan).schedule]
    assert [row.to_dict() for row in foretold.schedule_after] == schedule
    assert [one.id for one in client.refunds.list(reference="lower", payment=payment.id)] == [refund.id]
    with pytest.raises(fenqi.DuplicateReference):
        client.refunds.preview(**asked, refund_reference="lower")


@story
def lessons_are_staged_claimed_and_taken_back(client: Fenqi, shopper: Shopper) -> None:
    payment = authorized(client, shopper)
    stages = [
        client.payments.milestones.create(
            payment.id, kind="lesson", amount=200_000, description=f"第 {number} 阶段", due="2030-01-01"
        )
        for number in (1, 2)
    ]
    assert {one.status for one in stages} == {"planned"}
    with pytest.raises(fenqi.InvalidRequestError) as above:
        client.payments.milestones.create(payment.id, kind="other", amount=200_000)
    assert (above.value.code, above.value.param) == ("amount_above_authorized", "amount")
    with pytest.raises(fenqi.ConflictError):
        client.payments.milestones.claim(stages[0].id, payment=payment.id)
    with pytest.raises(fenqi.InvalidRequestError) as mismatch:
        client.payments.capture(payment.id, amount=250_000)
    assert mismatch.value.code == "amount_mismatch"
    first = client.payments.capture(payment.id, milestone=stages[1].id)
    assert [(one.amount, one.staged_amount) for one in first.captures] == [(200_000, 200_000)]
    captured = client.payments.capture(payment.id)
    assert [one.staged_amount for one in captured.captures] == [200_000, 200_000]
    held = [client.payments.milestones.retrieve(one.id, payment=payment.id) for one in stages]
    assert all(0 < (one.held_amount or 0) < 200_000 for one in held)
    claimed = client.payments.milestones.claim(
        stages[0].id,
        payment=payment.id,
        text="taught",
        files=[{"name": "list.pdf", "sha256": "0" * 64, "size": 1}],
    )
    assert (claimed.status, claimed.evidence is None) == ("claimed", False)
    with pytest.raises(fenqi.ConflictError):
        client.payments.milestones.claim(stages[0].id, payment=payment.id)
    with pytest.raises(fenqi.ConflictError):
        client.payments.milestones.respond(stages[0].id, payment=payment.id, text="it was")
    client.refunds.create(
        payment=payment.id,
        capture=captured.captures[0].id,
        amount=50_000,
        kind="unused_lessons",
        reason="moved away",
        idempotency_key=f"unused-{payment.id}",
    )
    after = client.payments.milestones.retrieve(stages[1].id, payment=payment.id)
    assert (after.status, after.returned_amount) == ("planned", 50_000)
    assert client.payments.retrieve(payment.id).captures[0].staged_amount == 150_000
    listed = client.payments.milestones.list(payment.id).data
    assert [one.id for one in listed] == [one.id for one in stages[::-1]]
    assert [one.id for one in client.payments.milestones.list(payment.id, status="claimed").data] == [
        stages[0].id
    ]


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


def two_lines(client: Fenqi, shopper: Shopper) -> Payment:
    """The payment of two phones and a case, 100 yuan off."""
    items = [
        {"name": "手机", "quantity": 2, "unit_price": PRICE, "category": "3c"},
        {"name": "保护壳", "quantity": 1, "unit_price": 9_900},
    ]
    return authorized(client, shopper, amount=1_199_700, items=items, merchant_discount=10_000)


def pieces(payment: Payment) -> list[tuple[int, int, int]]:
    return [(line.ordered, line.captured, line.returned) for line in payment.lines]


def shown(items: Sequence[fenqi.Model]) -> list[dict[str, Any]]:
    return [item.to_dict() for item in items]


def refused_line(asked: Callable[[], object]) -> tuple[int, str, str | None, dict[str, Any]]:
    with pytest.raises(fenqi.APIError) as refused:
        asked()
    facts: dict[str, Any] = {
        str(name): refused.value.problem[name]
        for name in ("line", "ordered", "captured", "left", "expected", "actual")
        if name in refused.value.problem
    }
    return refused.value.status, refused.value.code or "", refused.value.param, facts


@story
def one_piece_is_captured_and_comes_back_for_its_share(client: Fenqi, shopper: Shopper) -> None:
    payment = two_lines(client, shopper)
    assert [(line.name, line.amount) for line in payment.lines] == [("手机", 1_189_882), ("保护壳", 9_818)]
    first = client.payments.capture(payment.id, items=[{"line": 1, "quantity": 1}])
    assert (first.captured_amount, pieces(first)) == (594_941, [(2, 1, 0), (1, 0, 0)])
    assert shown(first.captures[0].items) == [{"line": 1, "quantity": 1, "amount": 594_941}]
    both = client.payments.capture(payment.id, items=[{"line": 1, "quantity": 1}, {"line": 2, "quantity": 1}])
    assert (both.status, both.captured_amount) == ("captured", 1_199_700)
    back = client.refunds.create(payment=payment.id, items=[{"line": 1, "quantity": 1}], reason="sent back")
    assert (back.amount, shown(back.items)) == (594_941, [{"line": 1, "quantity": 1}])
    assert pieces(client.payments.retrieve(payment.id)) == [(2, 2, 1), (1, 1, 0)]
    rest = client.refunds.create(payment=payment.id, reason="sent back")
    assert shown(rest.items) == [{"line": 1, "quantity": 1}, {"line": 2, "quantity": 1}]
    assert pieces(client.payments.retrieve(payment.id)) == [(2, 2, 2), (1, 1, 1)]


@story
def what_was_not_ordered_is_not_captured(client: Fenqi, shopper: Shopper) -> None:
    payment = two_lines(client, shopper)

    def capture(line: int, quantity: int, *serial_numbers: str, **more: Any) -> object:
        item = {"line": line, "quantity": quantity, "serial_numbers": list(serial_numbers)}
        return client.payments.capture(payment.id, items=[item], **more)

    assert refused_line(lambda: capture(1, 5)) == (
        422,
        "line_unavailable",
        "items[0].quantity",
        {"line": 1, "ordered": 2, "left": 2},
    )
    assert refused_line(lambda: capture(9, 1)) == (
        422,
        "line_unavailable",
        "items[0].line",
        {"line": 9, "ordered": 0, "left": 0},
    )
    assert refused_line(lambda: capture(1, 1, "a", "b", "c")) == (
        422,
        "line_unavailable",
        "items[0].serial_numbers",
        {"line": 1, "ordered": 2, "left": 2},
    )
    assert refused_line(lambda: capture(1, 1, amount=1))[1:] == (
        "amount_mismatch",
        "amount",
        {"expected": 594_941, "actual": 1},
    )
    assert refused_line(lambda: capture(2, 1))[1] == "capture_too_small"
    assert refused_line(lambda: capture(1, 1, "490154203237517"))[:2] == (422, "validation_failed")
    assert client.payments.retrieve(payment.id) == payment
    capture(1, 2)
    assert refused_line(lambda: capture(1, 1)) == (
        409,
        "line_captured",
        "items[0].quantity",
        {"line": 1, "ordered": 2, "left": 0},
    )


@story
def what_did_not_leave_does_not_come_back(client: Fenqi, shopper: Shopper) -> None:
    payment = two_lines(client, shopper)
    client.payments.capture(payment.id, items=[{"line": 1, "quantity": 1}])

    def refund(line: int, quantity: int, **more: Any) -> object:
        items = [{"line": line, "quantity": quantity}]
        return client.refunds.create(payment=payment.id, items=items, reason="sent back", **more)

    assert refused_line(lambda: refund(1, 2))[1:] == (
        "line_unavailable",
        "items[0].quantity",
        {"line": 1, "ordered": 2, "captured": 1, "left": 1},
    )
    assert refused_line(lambda: refund(2, 1))[3] == {"line": 2, "ordered": 1, "captured": 0, "left": 0}
    assert refused_line(lambda: refund(1, 1, amount=1))[1] == "amount_mismatch"
    assert refused_line(lambda: refund(1, 1, kind="goodwill"))[1:3] == ("validation_failed", "items")
    assert client.refunds.list(payment=payment.id).data == []


@story
def captures_by_amount_name_no_line_until_nothing_is_left(client: Fenqi, shopper: Shopper) -> None:
    payment = two_lines(client, shopper)
    part = client.payments.capture(payment.id, amount=200_000)
    assert (part.captures[0].items, pieces(part)) == ([], [(2, 0, 0), (1, 0, 0)])
    whole = client.payments.capture(payment.id)
    assert pieces(whole) == [(2, 2, 0), (1, 1, 0)]
    assert sum(item.amount for item in whole.captures[1].items) == 1_199_700
    back = client.refunds.create(payment=payment.id, items=[{"line": 1, "quantity": 2}], reason="sent back")
    assert back.amount == 1_189_882


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
    assert [one.expires_at is None for one in turned.secrets] == [True, False]
    assert fenqi.Webhook([turned.secret, made.secret])
    for _ in range(3):
        hooks.rotate_secret(made.id)
    with pytest.raises(fenqi.ConflictError) as full:
        hooks.rotate_secret(made.id)
    assert full.value.code == "too_many_secrets"
    with pytest.raises(fenqi.ConflictError) as current:
        hooks.revoke_secret(made.id, secret=hooks.retrieve(made.id).secrets[0].id)
    assert (current.value.code, current.value.param) == ("wrong_state", "secret")
    left = hooks.revoke_secret(made.id, secret=turned.secrets[1].id)
    assert turned.secrets[1].id not in [one.id for one in left.secrets]
    assert len(left.secrets) == 4
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


@story_of_a_term
def split_shipment_sums_to_what_was_disclosed(client: Fenqi, shopper: Shopper, term: int) -> None:
    payment = authorized(client, shopper, term=term)
    client.payments.capture(payment.id, amount=200_001)
    both = client.payments.capture(payment.id)
    loans = [client.loans.retrieve(capture.loan) for capture in both.captures]
    for disclosed, *rows in zip(payment.plan.schedule, *(loan.schedule for loan in loans), strict=True):
        for part in ("principal", "interest", "fee", "payment"):
            assert sum(getattr(row, part) for row in rows) == getattr(disclosed, part)


@story_of_a_term
def refund_lowers_the_loan_by_its_own_method(client: Fenqi, shopper: Shopper, term: int) -> None:
    payment = client.payments.capture(authorized(client, shopper, term=term).id)
    before = client.loans.retrieve(payment.captures[0].loan)
    client.refunds.create(payment=payment.id, amount=100_000, kind="price_adjustment", reason="scratch")
    after = client.loans.retrieve(before.id)
    assert [row.due_date for row in after.schedule] == [row.due_date for row in before.schedule]
    assert sum(row.principal for row in after.schedule) == after.outstanding_principal == PRICE - 100_000
    plan = next(plan for plan in client.plans.list(amount=PRICE - 100_000) if plan.term == term)
    for row, anew in zip(after.schedule, plan.schedule, strict=True):
        assert (row.principal, row.interest, row.payment - row.fee) == (
            anew.principal,
            anew.interest,
            anew.payment - anew.fee,
        )
        assert abs(row.fee - anew.fee) <= term
