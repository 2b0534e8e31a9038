"""Drawdown: money is lent for one capture, and its schedule is written."""

from __future__ import annotations

from datetime import date
from typing import Any

from gateway.core import schedule
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.loans import service
from gateway.loans.models import Loan
from gateway.plans.pricing import LATE_DAILY_RATE, LATE_GRACE_DAYS, Price


def draw_down(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    capture_id: str,
    shopper_id: str,
    funder: str,
    price: dict[str, Any],
    captured_before_fen: int,
    amount_fen: int,
    merchant_subsidy_fen: int,
    contract_date: date,
) -> Loan:
    """Lend ``amount_fen`` for one capture.

    The schedule is the row-wise difference of the schedules of the captured total after and before, so that any split
    of captures sums exactly to the disclosed schedule; a capture so small that a row would fall below 0 takes it from
    the rows beside. ``merchant_subsidy_fen`` is earned as the instalments fall due.
    """
    terms = Price(**price).terms()
    rows = schedule.build(captured_before_fen + amount_fen, terms, contract_date)
    if captured_before_fen:
        before = schedule.build(captured_before_fen, terms, contract_date)
        rows = schedule.without_negatives(schedule.difference(rows, before))
    loan = Loan(
        id=tx.new_id("loan"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        shopper_id=shopper_id,
        payment_id=payment_id,
        capture_id=capture_id,
        funder=funder,
        status="active",
        principal_fen=amount_fen,
        refunded_fen=0,
        price=price,
        contract_date=contract_date,
        schedule_version=1,
        next_due_date=rows.rows[0].due_date,
        subsidy_fen=merchant_subsidy_fen,
        subsidy_base_fen=merchant_subsidy_fen,
        late_daily_rate=LATE_DAILY_RATE,
        late_grace_days=LATE_GRACE_DAYS,
        created_at=tx.now,
    )
    tx.add(loan)
    tx.flush()
    service.write_rows(tx, loan, rows.rows)
    return loan
