"""The fake's refunds: they lower the loan first, and what is left over goes back to the shopper."""

from __future__ import annotations

from copy import copy, deepcopy
from datetime import date
from fractions import Fraction

from . import _fields as f
from . import _lines, _milestones
from ._clock import settlement_date, shanghai_date
from ._payments import follow_amounts, follow_rows
from ._schedule import half_up, schedule
from ._state import Fields, Problem, State

_KINDS = ("return", "price_adjustment", "unused_lessons", "goodwill", "unwind")
_CHANGED = (
    "payments",
    "refunds",
    "loans",
    "milestones",
    "settlement_lines",
    "events",
    "refunded_with_fee",
    "returned",
    "returned_pieces",
)
_NOTHING_BACK = ("goodwill",)
"""Kinds with which the merchant's fee and subsidy stay."""


def create(state: State, body: Fields) -> Fields:
    """Refund all that is refundable or a part of it, newest capture first unless one is named."""
    f.checked(
        body,
        {"payment": f.text, "reason": f.text},
        {
            "capture": f.text,
            "amount": f.fen,
            "refund_reference": f.text,
            "kind": f.one_of(*_KINDS),
            "items": f.things,
        },
    )
    payment = state.existing("payment", state.payments, body["payment"])
    captures = [one for one in payment["captures"][::-1] if body.get("capture") in (None, one["id"])]
    if body.get("capture") and not captures:
        raise Problem(404, "not_found", f"The payment has no capture {body['capture']!r}.", param="capture")
    refundable = sum(one["amount"] - one["refunded_amount"] for one in captures)
    wanted_fen, pieces = _lines.to_refund(state, payment, captures, body)
    amount: int = refundable if wanted_fen is None else wanted_fen
    if not refundable:
        raise Problem(
            409,
            "wrong_state",
            f"The payment is {payment['status']}: nothing can be refunded.",
            param="payment",
        )
    if amount > refundable:
        detail = f"{amount} fen exceeds the {refundable} fen that can be refunded."
        raise Problem(422, "amount_above_refundable", detail, param="amount", refundable_amount=refundable)
    base = state.base("refund", "rfd")
    reference = body.get("refund_reference") or base["id"]
    _check_reference(state, payment["id"], reference)
    kind = body.get("kind", "return")
    if kind == "unwind":
        _check_unwind(state, captures, wanted_fen)
    parts, whole = _give_back(state, payment, _lines.parts(captures, pieces, amount), kind)
    refund = {
        **base,
        "status": "succeeded" if not parts["returned_to_shopper"] else "pending",
        "payment": payment["id"],
        "capture": body.get("capture"),
        "refund_reference": reference,
        "kind": "unwind" if whole else kind,
        "reason": body["reason"],
        "amount": amount,
        "currency": "CNY",
        **parts,
        "initiated_by": "api",
    }
    _lines.note_returned(state, payment, refund, pieces)
    state.refunds[refund["id"]] = refund
    day = settlement_date(state.now).isoformat()
    state.settlement_lines.append({"kind": "refund", "date": day, "of": refund, "payment": payment["id"]})
    if refund["status"] == "pending":
        payment["refund_pending_amount"] += amount
        follow_amounts(payment)
    else:
        _succeed(state, payment, refund)
    return refund


def preview(state: State, body: Fields) -> Fields:
    """What ``create`` would answer and do, told by a copy of everything that it may change."""
    foreseen = copy(state)
    for name in _CHANGED:
        setattr(foreseen, name, deepcopy(getattr(state, name)))
    refund = create(foreseen, {name: value for name, value in body.items() if value is not None})
    pairs = zip(
        state.payments[refund["payment"]]["captures"],
        foreseen.payments[refund["payment"]]["captures"],
        strict=True,
    )
    touched = [pair for pair in pairs if pair[0]["refunded_amount"] != pair[1]["refunded_amount"]][::-1]
    loans = [capture["loan"] for capture, _ in touched]
    lines = [_settled(state, foreseen, *pair) for pair in touched]
    back = refund["returned_to_shopper"]
    return {
        **{name: value for name, value in refund.items() if name not in ("id", "created_at")},
        "object": "refund_preview",
        "refund_reference": body.get("refund_reference"),
        "subsidy_returned": 0,
        "late_interest_waived": 0,
        "shopper_returns": [{"loan": loans[-1], "amount": back, "of": "refund"}] if back else [],
        "schedule_before": [{**row, "loan": loan} for loan in loans for row in state.loans[loan]["schedule"]],
        "schedule_after": [
            {**row, "loan": loan} for loan in loans for row in foreseen.loans[loan]["schedule"]
        ],
        "settlement_effect": {"net": sum(line["net"] for line in lines), "lines": lines},
    }


def _settled(state: State, foreseen: State, capture: Fields, after: Fields) -> Fields:
    """The line of a settlement that the refund of a capture makes, signed from the merchant's side."""
    amount = after["refunded_amount"] - capture["refunded_amount"]
    fee, subsidy = (
        half_up(Fraction(capture[charge] * foreseen.refunded_with_fee[capture["id"]], capture["amount"]))
        - half_up(
            Fraction(capture[charge] * state.refunded_with_fee.get(capture["id"], 0), capture["amount"])
        )
        for charge in ("merchant_fee", "merchant_subsidy")
    )
    net = fee + subsidy - amount
    is_open = any(line["of"]["id"] == capture["id"] for line in state.settlement_lines)
    return {
        "kind": "refund",
        "capture": capture["id"],
        "amount": -amount,
        "merchant_fee": fee,
        "merchant_subsidy": subsidy,
        "net": net,
        "from_pending": -net if is_open else 0,
        "from_available": 0,
        "owed_by_merchant": 0 if is_open else -net,
        "settlement_date": capture["settlement_date"] if is_open else shanghai_date(state.now).isoformat(),
    }


def succeed_pending(state: State) -> None:
    """The institution has paid the shoppers: pending refunds succeed."""
    for refund in state.refunds.values():
        if refund["status"] == "pending":
            payment = state.payments[refund["payment"]]
            refund["status"] = "succeeded"
            payment["refund_pending_amount"] -= refund["amount"]
            _succeed(state, payment, refund)


def _succeed(state: State, payment: Fields, refund: Fields) -> None:
    payment["refunded_amount"] += refund["amount"]
    follow_amounts(payment)
    state.record("refund.succeeded", refund)


def _check_reference(state: State, payment: str, reference: str) -> None:
    for earlier in state.refunds.values():
        if (earlier["payment"], earlier["refund_reference"]) == (payment, reference):
            detail = f"The refund reference {reference!r} is already used by {earlier['id']}."
            raise Problem(409, "duplicate_reference", detail, param="refund_reference", refund=earlier["id"])


def _check_unwind(state: State, captures: list[Fields], amount: int | None) -> None:
    left = [one for one in captures if one["refunded_amount"] < one["amount"]]
    for capture in left:
        if not _inside_window(state, capture):
            raise Problem(
                409,
                "outside_return_window",
                f"The capture could be unwound until {capture['return_until']}.",
                param="kind",
                last_day=capture["return_until"],
            )
    whole = sum(one["amount"] - one["refunded_amount"] for one in left)
    if amount not in (None, whole):
        detail = f"Unwinding returns everything that is left, {whole} fen, not {amount}."
        raise Problem(422, "amount_mismatch", detail, param="amount", expected=whole, actual=amount)


def _inside_window(state: State, capture: Fields) -> bool:
    last: str = capture["return_until"]
    return shanghai_date(state.now).isoformat() <= last


def _give_back(
    state: State, payment: Fields, by_capture: list[tuple[Fields, int]], kind: str
) -> tuple[Fields, bool]:
    """Give back a part of each capture, and say whether all of it was unwound.

    The cumulative shares of fee and subsidy are differences, so they sum. A capture that is refunded whole
    inside its 7 days is unwound, whatever the kind.
    """
    unwound = []
    parts = dict.fromkeys(
        ("loan_reduction", "returned_to_shopper", "merchant_fee_returned", "merchant_subsidy_returned"), 0
    )
    for capture, part in by_capture:
        capture["refunded_amount"] += part
        _milestones.give_back(state, capture, part, unused=kind == "unused_lessons")
        whole = capture["refunded_amount"] == capture["amount"] and _inside_window(state, capture)
        unwound.append(whole)
        before = state.refunded_with_fee.get(capture["id"], 0)
        after = before if kind in _NOTHING_BACK else before + part
        after = capture["amount"] if whole else after
        state.refunded_with_fee[capture["id"]] = after
        for name, total in (
            ("merchant_fee", capture["merchant_fee"]),
            ("merchant_subsidy", capture["merchant_subsidy"]),
        ):
            share = half_up(Fraction(total * after, capture["amount"]))
            parts[f"{name}_returned"] += share - half_up(Fraction(total * before, capture["amount"]))
        loan = state.loans[capture["loan"]]
        if whole:
            _unwind(state, payment, loan, parts)
            continue
        reduction = min(part, loan["outstanding_principal"])
        parts["loan_reduction"] += reduction
        parts["returned_to_shopper"] += part - reduction
        loan["refunded_principal"] += reduction
        loan["outstanding_principal"] -= reduction
        state.returned[loan["id"]] = state.returned.get(loan["id"], 0) + part - reduction
        _compute_anew(state, loan, payment)
    return parts, all(unwound)


def _unwind(state: State, payment: Fields, loan: Fields, parts: Fields) -> None:
    """The loan as if it had never existed: what the shopper paid, and did not get back yet, goes back."""
    today = shanghai_date(state.now).isoformat()
    paid = [row for row in loan["schedule"] if row["due_date"] <= today and payment["id"] not in state.unpaid]
    parts["loan_reduction"] += loan["outstanding_principal"]
    parts["returned_to_shopper"] += sum(row["payment"] for row in paid) - state.returned.get(loan["id"], 0)
    loan |= {"status": "unwound", "bucket": None, "outstanding_principal": 0, "schedule": []}
    loan["refunded_principal"] = 0
    state.record("loan.unwound", follow_rows(loan))


def _compute_anew(state: State, loan: Fields, payment: Fields) -> None:
    """The rows not yet due for the balance that is left, by the contract's own method, rate and dates."""
    today = shanghai_date(state.now).isoformat()
    passed = [
        row for row in loan["schedule"] if row["due_date"] <= today and payment["id"] not in state.unpaid
    ]
    coming = loan["schedule"][len(passed) :]
    balance = loan["outstanding_principal"]
    rows: list[Fields] = []
    if balance:
        product = state.products[payment["term"]]
        first = date.fromisoformat(loan["contract_date"])
        owed, fees = (sum(row[part] for row in coming) for part in ("principal", "fee"))
        fee = half_up(Fraction(fees * balance, owed)) if owed else 0
        fresh = schedule(product, principal=balance, periods=len(coming), contract_date=first, fee=fee)
        rows = [
            {**new, "period": old["period"], "due_date": old["due_date"]}
            for new, old in zip(fresh, coming, strict=True)
        ]
    elif loan["status"] in ("active", "overdue"):
        loan["status"] = "refunded"
    loan["schedule"] = passed + rows
    follow_rows(loan)
