"""The fake's payments: authorise, capture, void, remind, expire; each capture draws one loan."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction

from . import _deliveries, _lines, _milestones
from . import _fields as f
from ._clock import rfc3339, settlement_date, shanghai_date
from ._schedule import Product, difference, half_up, schedule
from ._state import Fields, Problem, State

_SMALLEST_PART = 100_000
_MOST_CAPTURES = 10
_AUTHORIZATION_DAYS = 28
_LONGEST_DAYS = {"furnishing": 90, "education": 60, "appliance": 60, "3c": 42, "general": 42}
_ACKNOWLEDGE_DAYS = 7
_DAYS_AFTER = {1: "payment.unacknowledged", 3: "payment.unacknowledged", 7: "payment.voided"}
_DAYS_BEFORE = {7: "payment.expiring", 2: "payment.expiring", 0: "payment.expired"}
"""What happens to an uncaptured amount, by days after the authorisation and before its end."""


def authorize(state: State, *, checkout: Fields, plan: Fields) -> Fields:
    """The payment of an approved checkout."""
    payment = {
        **state.base("payment", "pay"),
        "status": "authorized",
        "amount": checkout["amount"],
        "currency": "CNY",
        "captured_amount": 0,
        "refunded_amount": 0,
        "voided_amount": 0,
        "expired_amount": 0,
        "capturable_amount": checkout["amount"],
        "refundable_amount": 0,
        "refund_pending_amount": 0,
        "term": plan["term"],
        "plan": plan,
        "captures": [],
        "lines": _lines.of_order(checkout),
        "shipping": None,
        "checkout": checkout["id"],
        "merchant_reference": checkout["merchant_reference"],
        "merchant_order_id": None,
        "store": checkout["store"],
        "metadata": checkout["metadata"],
        "acknowledged_at": None,
        "acknowledge_by": rfc3339(state.now + timedelta(days=_ACKNOWLEDGE_DAYS)),
        "authorization_expires_at": rfc3339(state.now + timedelta(days=_AUTHORIZATION_DAYS)),
        "authorization_extended": False,
    }
    state.payments[payment["id"]] = payment
    return payment


def capture(state: State, id: str, body: Fields) -> Fields:
    """Capture all that is left or a part of it; draws a loan and plans the settlement."""
    f.checked(
        body,
        {},
        {"amount": f.fen, "items": f.things, "delivery": f.thing, "final": f.truth, "milestone": f.text},
    )
    payment = state.existing("payment", state.payments, id)
    wanted_fen, pieces, everything = _lines.to_capture(payment, body)
    serial_numbers = _serial_numbers(state, payment, body.get("items", []))
    _open(state, id)
    wanted_fen, carried = _milestones.to_carry(state, payment, body, wanted_fen)
    everything = everything and body.get("milestone") is None
    amount = payment["capturable_amount"] if wanted_fen is None else wanted_fen
    _check_part(payment, amount, last=body.get("final", False) or amount == payment["capturable_amount"])
    delivery = _deliveries.at_capture(state, payment, body.get("delivery"))
    drawn = {**state.base("capture", "cap"), "amount": amount}
    loan = _draw_down(state, payment, amount, drawn["id"])
    before = payment["captured_amount"]
    charges = _charges(state.products[payment["term"]], before + amount)
    charges_before = _charges(state.products[payment["term"]], before)
    day = settlement_date(state.now)
    del drawn["mode"], drawn["created_at"]
    drawn |= {
        "refunded_amount": 0,
        "staged_amount": 0,
        "merchant_fee": charges[0] - charges_before[0],
        "merchant_subsidy": charges[1] - charges_before[1],
        "loan": loan["id"],
        "captured_at": rfc3339(state.now),
        "settlement_date": day.isoformat(),
        "delivery": delivery,
    }
    payment["captures"].append(_deliveries.follow(drawn))
    payment["shipping"] = delivery or payment["shipping"]
    payment["captured_amount"] += amount
    _lines.note_captured(payment, drawn, pieces, everything=everything)
    state.serial_numbers |= serial_numbers
    state.settlement_lines.append({"kind": "capture", "date": day.isoformat(), "of": drawn, "payment": id})
    _milestones.hold(state, drawn, carried)
    acknowledge(state, payment)
    if body.get("final"):
        payment["voided_amount"] += _left(payment)
    _fit(state, payment)
    state.record("payment.captured", follow_amounts(payment))
    return payment


def void(state: State, id: str, body: Fields) -> Fields:
    """Release all or part of the uncaptured amount."""
    f.checked(body, {"reason": f.text}, {"amount": f.fen})
    payment = _open(state, id)
    amount: int = body["amount"] if "amount" in body else payment["capturable_amount"]
    if amount > payment["capturable_amount"]:
        raise _above(payment, amount)
    payment["voided_amount"] += amount
    _fit(state, payment)
    state.record("payment.voided", follow_amounts(payment))
    return payment


def update(state: State, id: str, body: Fields) -> Fields:
    """Change the order number, report a delivery, or merge metadata; null changes nothing."""
    given = {name: value for name, value in body.items() if value is not None}
    f.checked(given, {}, {"merchant_reference": f.text, "shipping": f.thing, "metadata": f.pairs})
    payment = state.existing("payment", state.payments, id)
    reference = given.get("merchant_reference")
    if reference is not None:
        _check_reference(state, payment, reference)
    if "shipping" in given:
        _deliveries.report(state, payment, given["shipping"])
    if reference is not None:
        payment["merchant_reference"] = reference
        if payment["acknowledged_at"] is None:
            acknowledge(state, payment, reference)
    merged = {**payment["metadata"], **given.get("metadata", {})}
    payment["metadata"] = {key: value for key, value in merged.items() if value}
    return payment


def extend(state: State, id: str, body: Fields) -> Fields:
    """Let the authorisation last longer, once, up to what the category of the order allows; that acknowledges it."""
    given = {name: value for name, value in body.items() if value is not None}
    f.checked(given, {}, {"authorization_expires_at": f.moment})
    payment = _open(state, id)
    if payment["authorization_extended"]:
        detail = f"The authorisation was already extended to {payment['authorization_expires_at']}."
        raise Problem(409, "wrong_state", detail, param="payment")
    category = state.checkouts[payment["checkout"]]["category"]
    created, ends = (
        datetime.fromisoformat(payment[key]) for key in ("created_at", "authorization_expires_at")
    )
    latest = created + timedelta(days=_LONGEST_DAYS[category])
    wanted = given.get("authorization_expires_at")
    until = datetime.fromisoformat(wanted) if wanted else latest
    if not ends < until <= latest:
        detail = f"Must be after {rfc3339(ends)} and at the latest {rfc3339(latest)}."
        error = {"param": "authorization_expires_at", "code": "invalid", "detail": detail}
        raise Problem(422, "validation_failed", detail, param="authorization_expires_at", errors=[error])
    payment["authorization_expires_at"], payment["authorization_extended"] = rfc3339(until), True
    payment["acknowledged_at"] = payment["acknowledged_at"] or rfc3339(state.now)
    state.record("payment.extended", payment)
    return payment


def approved_on(payment: Fields) -> str:
    """The day in Shanghai on which a payment was authorised."""
    return shanghai_date(datetime.fromisoformat(payment["created_at"])).isoformat()


def acknowledge(state: State, payment: Fields, order: str | None = None) -> Fields:
    """The shop's order exists; what was voided or has lapsed without it cannot be acknowledged any more."""
    if payment["acknowledged_at"] is None and payment["status"] in ("voided", "expired"):
        raise Problem(
            409, "wrong_state", f"The payment is {payment['status']}: do not ship.", param="payment"
        )
    payment["merchant_order_id"] = order or payment["merchant_order_id"]
    payment["acknowledged_at"] = payment["acknowledged_at"] or rfc3339(state.now)
    return payment


def pass_moments(state: State) -> None:
    """Remind of orders that are not acknowledged, void and let lapse, each once and in order."""
    for payment in state.payments.values():
        for at, type in _moments(payment):
            new = (payment["id"], type, at) not in state.happened
            if new and at <= rfc3339(state.now) and payment["capturable_amount"]:
                state.happened.add((payment["id"], type, at))
                _happen(state, payment, type, at)


def _moments(payment: Fields) -> list[tuple[str, str]]:
    created, ends = (
        datetime.fromisoformat(payment[key]) for key in ("created_at", "authorization_expires_at")
    )
    planned = [(rfc3339(created + timedelta(days=days)), type) for days, type in _DAYS_AFTER.items()]
    planned += [(rfc3339(ends - timedelta(days=days)), type) for days, type in _DAYS_BEFORE.items()]
    return sorted(planned)


def _happen(state: State, payment: Fields, type: str, at: str) -> None:
    told: Fields = {"occurred_at": at}
    if type in ("payment.unacknowledged", "payment.voided") and payment["acknowledged_at"]:
        return
    if type == "payment.voided":
        payment["voided_amount"] += payment["capturable_amount"]
        told["reason"] = "unacknowledged"
    elif type == "payment.expired":
        payment["expired_amount"] += payment["capturable_amount"]
    _fit(state, payment)
    state.record(type, {**follow_amounts(payment), **told})


def _fit(state: State, payment: Fields) -> None:
    _milestones.fit(state, follow_amounts(payment))


def follow_amounts(payment: Fields) -> Fields:
    """Set status and what may still be done from the amounts alone."""
    captured, refunded, left = payment["captured_amount"], payment["refunded_amount"], _left(payment)
    if left:
        status = "partially_captured" if captured else "authorized"
    elif not captured:
        status = "expired" if payment["expired_amount"] else "voided"
    else:
        status = "refunded" if refunded == captured else "partially_refunded" if refunded else "captured"
    payment["status"] = status
    payment["capturable_amount"] = left
    payment["refundable_amount"] = captured - refunded - payment["refund_pending_amount"]
    return payment


def _left(payment: Fields) -> int:
    gone = payment["captured_amount"] + payment["voided_amount"] + payment["expired_amount"]
    left: int = payment["amount"] - gone
    return left


def _open(state: State, id: str) -> Fields:
    payment = state.existing("payment", state.payments, id)
    if payment["expired_amount"]:
        raise Problem(409, "authorization_expired", "The authorisation has expired.")
    if not payment["capturable_amount"]:
        raise Problem(
            409,
            "wrong_state",
            f"The payment is {payment['status']}: there is nothing left to capture or void.",
        )
    return payment


def _check_part(payment: Fields, amount: int, *, last: bool) -> None:
    if amount > payment["capturable_amount"]:
        raise _above(payment, amount)
    if not last and amount < _SMALLEST_PART:
        detail = f"A partial capture is at least {_SMALLEST_PART} fen; only the last may be less."
        raise Problem(422, "capture_too_small", detail, param="amount", min_amount=_SMALLEST_PART)
    number = len(payment["captures"]) + 1
    if number > _MOST_CAPTURES or (number == _MOST_CAPTURES and not last):
        raise Problem(
            409, "wrong_state", f"A payment takes at most {_MOST_CAPTURES} captures.", param="payment"
        )


def _check_reference(state: State, payment: Fields, reference: str) -> None:
    """An order has one payment: refuse the reference of another one or of a checkout that is open or approved."""
    for other in state.payments.values():
        if other is not payment and other["merchant_reference"] == reference:
            detail = f"The reference {reference!r} is already used by {other['id']}."
            raise Problem(409, "duplicate_reference", detail, param="merchant_reference", payment=other["id"])
    for checkout in state.checkouts.values():
        live = checkout["status"] in ("open", "identified", "under_review", "approved")
        if live and checkout["id"] != payment["checkout"] and checkout["merchant_reference"] == reference:
            detail = f"The reference {reference!r} is already used by {checkout['id']}."
            raise Problem(
                409, "duplicate_reference", detail, param="merchant_reference", checkout=checkout["id"]
            )


def _charges(product: Product, captured: int) -> tuple[int, int]:
    """Fee and subsidy of a captured total: differences of these make any split of captures sum."""
    rates = (product.merchant_fee_rate, product.merchant_subsidy_rate)
    fee, subsidy = (half_up(captured * Fraction(rate)) for rate in rates)
    return fee, subsidy


def _above(payment: Fields, amount: int) -> Problem:
    left = payment["capturable_amount"]
    detail = f"{amount} fen exceeds the {left} fen left of the authorisation."
    return Problem(422, "amount_above_authorized", detail, param="amount", capturable_amount=left)


def _serial_numbers(state: State, payment: Fields, items: list[Fields]) -> set[str]:
    order = state.checkouts[payment["checkout"]]
    seen: set[str] = set()
    for index, item in enumerate(items):
        param = f"items[{index}].serial_numbers"
        for text in item.get("serial_numbers", []):
            number = _serial_number(order, order["items"][item["line"] - 1], text)
            if number is None:
                detail = (
                    f"{text!r} is not a valid IMEI: it has 15 digits, the last of which is a check digit."
                )
                error = {"param": param, "code": "invalid", "detail": detail}
                raise Problem(422, "validation_failed", f"{param}: {detail}", param=param, errors=[error])
            if number in state.serial_numbers or number in seen:
                detail = f"The serial number {number!r} has already been captured."
                raise Problem(409, "serial_number_taken", detail, param=param)
            seen.add(number)
    return seen


def _serial_number(order: Fields, item: Fields, text: str) -> str | None:
    """The number as it is kept; None when it should be an IMEI and is not."""
    digits = text.replace(" ", "").replace("-", "")
    looks_like_imei = len(digits) == 15 and digits.isascii() and digits.isdigit()
    electronic = (item.get("category") or order["category"]) == "3c"
    if item.get("subsidy_category") != "phone" and not (electronic and looks_like_imei):
        return text
    if not looks_like_imei:
        return None
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(digits)]
    return digits if sum(sum(divmod(figure, 10)) for figure in doubled) % 10 == 0 else None


def _draw_down(state: State, payment: Fields, amount: int, capture: str) -> Fields:
    """The loan of one capture: the schedule of the captured total after, less the one before, row by row."""
    product, term, day = state.products[payment["term"]], payment["term"], shanghai_date(state.now)
    before = payment["captured_amount"]

    def rows(principal: int) -> list[Fields]:
        return schedule(product, principal=principal, periods=term, contract_date=day) if principal else []

    loan = {
        **state.base("loan", "loan"),
        "status": "active",
        "bucket": None,
        "payment": payment["id"],
        "capture": capture,
        "funder": "fake_lender",
        "principal": amount,
        "refunded_principal": 0,
        "written_off_principal": 0,
        "written_off_charges": 0,
        "recovered": 0,
        "left_to_recover": 0,
        "outstanding_principal": amount,
        "currency": "CNY",
        "contract_date": day.isoformat(),
        "schedule": difference(rows(before + amount), rows(before)),
    }
    state.loans[loan["id"]] = follow_rows(loan)
    return loan


def follow_rows(loan: Fields) -> Fields:
    """Set the totals of a loan from its rows."""
    rows = loan["schedule"]
    for total, part in (("total_payment", "payment"), ("total_interest", "interest"), ("total_fee", "fee")):
        loan[total] = sum(row[part] for row in rows)
    return loan


def pay_what_fell_due(state: State) -> None:
    """Pay what is due on the due date, but for the sandbox number ending in 06, whose loans fall overdue."""
    today = shanghai_date(state.now)
    for loan in state.loans.values():
        if loan["status"] not in ("active", "overdue"):
            continue
        due = [row for row in loan["schedule"] if row["due_date"] <= today.isoformat()]
        if loan["payment"] in state.unpaid:
            if due:
                late = (today - date.fromisoformat(due[0]["due_date"])).days
                loan["bucket"] = None if late < 1 else "M1" if late <= 30 else "M2" if late <= 60 else "M3+"
                loan["status"] = "overdue" if late else "active"
        elif due:
            loan["outstanding_principal"] = due[-1]["balance"]
            loan["status"] = "active" if due[-1]["balance"] else "settled"
