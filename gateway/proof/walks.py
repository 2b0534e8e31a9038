"""The walk of one loan: what happened to it, found in the entries and told to its schedule in order."""

from __future__ import annotations

from datetime import date
from typing import Any

from gateway.core import capture_schedule, schedule
from gateway.payments.refunds.kinds import COMES_BACK
from gateway.proof import standings
from gateway.proof.lives import Life, policy, terms_of
from gateway.proof.schedules import Lowering, Walk, first_periods


def walk_of(life: Life) -> tuple[Walk | None, list[Lowering]]:
    """The schedule walked through everything that happened to it; None when its terms cannot be read."""
    payment, drawn = life.purchase.payment, life.drawn
    terms = terms_of(payment)
    if terms is None:
        return None, []
    try:
        rows = capture_schedule.of_capture(
            terms,
            drawn.on,
            before_fen=life.before_fen,
            amount_fen=drawn.of("loan_principal"),
            authorised_fen=payment.amount_fen,
        )
    except ValueError:
        return None, []
    walk = Walk(terms, drawn.on, rows.rows, -drawn.of("unearned_merchant_subsidy"))
    lowerings = lowerings_of(life)
    firsts = first_periods([(row.version, row.period) for row in life.rows["loan_instalment"]])
    settled, end = _settled(life), life.written_off
    for event in lowerings:
        if settled and settled[0] < event.order and not any(bill.is_settlement for bill in walk.bills):
            _settle(life, walk, settled[1])
        due = sum(due_order(life, row.period, row.due_date) < event.order for row in walk.to_come)
        event.billed_before = min(walk.billed + due, max(_regular_periods(life), default=0))
        walk.lower(event, firsts.get(walk.version + 1))
    if settled and not any(bill.is_settlement for bill in walk.bills):
        _settle(life, walk, settled[1])
    elif not settled:
        walk.bill_through(max(_regular_periods(life), default=0))
    if end is not None:
        walk.earn_rest()
    return walk, lowerings


def _settle(life: Life, walk: Walk, on: date) -> None:
    walk.bill_through(
        max((p for p in _regular_periods(life) if schedule.due_date(walk.contract_date, p) <= on), default=0)
    )
    walk.settle(on, policy(life))


def _settled(life: Life) -> tuple[Any, date] | None:
    """When the loan was settled early, in the order of the story, and the day; None when it was not."""
    loan = life.loan
    entry = life.purchase.entries.by_key.get(f"settled_early:{loan.id}")
    if entry is not None:
        return entry.order, entry.on
    if loan.settlement_reference is None:
        return None
    for row in life.rows["loan_repayment"]:
        if row.reference == loan.settlement_reference:
            booked = life.purchase.entries.by_key.get(f"repayment:{row.id}")
            return (booked.order if booked else (row.created_at, row.id[-26:])), row.received_on
    last = max(life.rows["loan_bill"], key=lambda bill: bill.period, default=None)
    if last is None:
        return None
    return (standings.end_of(last.due_date), ""), last.due_date


def _regular_periods(life: Life) -> list[int]:
    """Periods that have fallen due on their day, as the books and the instructions to collect say."""
    prefix = f"instalment_due:{life.loan.id}:"
    booked = [
        int(entry.key.removeprefix(prefix))
        for entry in life.kept("instalment_due")
        if entry.key.startswith(prefix)
    ]
    settled = _settled(life)
    stored = [
        bill.period
        for bill in life.rows["loan_bill"]
        if bill.due_date == schedule.due_date(life.drawn.on, bill.period)
    ]
    collected = [] if settled else [row.period for row in life.rows["collection"] if row.period]
    return [*booked, *stored, *collected]


def due_order(life: Life, period: int, on: date) -> Any:
    """Where a due date stands among what happened: at its entry, else at the beginning of its day."""
    entry = life.purchase.entries.by_key.get(f"instalment_due:{life.loan.id}:{period}")
    return entry.order if entry is not None else (standings.start_of(on), "")


def lowerings_of(life: Life) -> list[Lowering]:
    """Refunds of the capture and lost disputes about it, until the loan was written off or unwound, in order."""
    purchase, loan = life.purchase, life.loan
    end = life.unwound or life.written_off
    lines = {
        line.entry_id: line.capture_id for line in purchase.rows["settlement_line"] if line.kind == "refund"
    }
    kinds = {refund.id: refund.kind for refund in purchase.rows["refund"]}
    found = []
    refunds = purchase.entries.about(*kinds)
    for entry in [*refunds, *life.kept("dispute_lost")]:
        if entry.kind not in ("refund", "dispute_lost") or (end is not None and end.order < entry.order):
            continue
        if entry.kind == "refund" and not (entry.touches(loan.id) or lines.get(entry.id) == life.capture.id):
            continue
        about = entry.about if entry.kind == "refund" else entry.key.rpartition(":")[2]
        kind = "return" if entry.kind == "dispute_lost" else kinds[about]
        given = ("loan_principal", "recovery_income", "refund_in_transit", "shopper_credit")
        found.append(
            Lowering(
                entry.order,
                entry.on,
                amount_fen=-entry.of(*given),
                principal_fen=-entry.of("loan_principal"),
                name=entry.id,
                waives_late=None if kind == "unwind" else COMES_BACK[kind].late_interest,
                returns_subsidy=f"subsidy_earned:{loan.id}:{about}" not in purchase.entries.by_key
                and entry.kind == "refund",
            )
        )
    return sorted(found, key=lambda one: one.order)
