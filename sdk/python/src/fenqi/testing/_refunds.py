"""The fake's refunds: they lower the loan first, and what is left over goes back to the shopper."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from . import _fields as f
from ._clock import settlement_date, shanghai_date
from ._payments import follow_amounts, follow_rows
from ._schedule import half_up, schedule
from ._state import Fields, Problem, State

_KINDS = ("return", "price_adjustment", "unused_lessons", "goodwill")


def create(state: State, body: Fields) -> Fields:
    """Refund all that is refundable or a part of it, newest capture first unless one is named."""
    f.checked(
        body,
        {"payment": f.text, "reason": f.text},
        {"capture": f.text, "amount": f.fen, "refund_reference": f.text, "kind": f.one_of(*_KINDS)},
    )
    payment = state.found("payment", state.payments, body["payment"])
    captures = [one for one in payment["captures"][::-1] if body.get("capture") in (None, one["id"])]
    if body.get("capture") and not captures:
        raise Problem(404, "not_found", f"The payment has no capture {body['capture']!r}.", param="capture")
    refundable = sum(one["amount"] - one["refunded_amount"] for one in captures)
    amount = body.get("amount", refundable)
    if not refundable:
        raise Problem(
            409,
            "wrong_state",
            f"The payment is {payment['status']}: nothing can be refunded.",
            param="payment",
        )
    if amount > refundable:
        detail = f"{amount} fen are asked for and {refundable} can be refunded."
        raise Problem(422, "amount_above_refundable", detail, param="amount", refundable_amount=refundable)
    base = state.base("refund", "rfd")
    reference = body.get("refund_reference") or base["id"]
    _check_reference(state, payment["id"], reference)
    parts = _give_back(state, payment, captures, amount)
    refund = {
        **base,
        "status": "succeeded" if not parts["returned_to_shopper"] else "pending",
        "payment": payment["id"],
        "capture": body.get("capture"),
        "refund_reference": reference,
        "kind": body.get("kind", "return"),
        "reason": body["reason"],
        "amount": amount,
        "currency": "CNY",
        **parts,
        "initiated_by": "api",
    }
    state.refunds[refund["id"]] = refund
    day = settlement_date(state.now).isoformat()
    state.settlement_lines.append({"kind": "refund", "date": day, "of": refund, "payment": payment["id"]})
    if refund["status"] == "pending":
        payment["refund_pending_amount"] += amount
        follow_amounts(payment)
    else:
        _succeed(state, payment, refund)
    return refund


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
            detail = f"The refund reference {reference!r} is that of {earlier['id']}."
            raise Problem(409, "duplicate_reference", detail, param="refund_reference", refund=earlier["id"])


def _give_back(state: State, payment: Fields, captures: list[Fields], amount: int) -> Fields:
    """Spread ``amount`` over the captures; the cumulative shares of fee and subsidy are differences, so
    they sum.
    """
    parts = dict.fromkeys(
        ("loan_reduction", "returned_to_shopper", "merchant_fee_returned", "merchant_subsidy_returned"), 0
    )
    for capture in captures:
        part = min(amount, capture["amount"] - capture["refunded_amount"])
        if not part:
            continue
        amount -= part
        before, after = capture["refunded_amount"], capture["refunded_amount"] + part
        capture["refunded_amount"] = after
        for name, total in (
            ("merchant_fee", capture["merchant_fee"]),
            ("merchant_subsidy", capture["merchant_subsidy"]),
        ):
            share = half_up(Fraction(total * after, capture["amount"]))
            parts[f"{name}_returned"] += share - half_up(Fraction(total * before, capture["amount"]))
        loan = state.loans[capture["loan"]]
        reduction = min(part, loan["outstanding_principal"])
        parts["loan_reduction"] += reduction
        parts["returned_to_shopper"] += part - reduction
        loan["refunded_principal"] += reduction
        loan["outstanding_principal"] -= reduction
        _compute_anew(state, loan, payment)
    return parts


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
        fresh = schedule(product, principal=balance, periods=len(coming), contract_date=first)
        rows = [
            {**new, "period": old["period"], "due_date": old["due_date"]}
            for new, old in zip(fresh, coming, strict=True)
        ]
    elif loan["status"] in ("active", "overdue"):
        loan["status"] = "refunded"
    loan["schedule"] = passed + rows
    follow_rows(loan)
