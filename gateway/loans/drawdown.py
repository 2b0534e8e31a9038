"""Drawdown: money is lent for one capture, and its schedule is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from gateway.core import capture_schedule
from gateway.core.schedule import Instalment
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.loans import service
from gateway.loans.models import Loan
from gateway.plans.pricing import EARLY_SETTLEMENT_POLICY, LATE_DAILY_RATE, LATE_GRACE_DAYS, Price


def draw_down(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    capture_id: str,
    shopper_id: str,
    funder: str,
    price: dict[str, Any],
    authorised_fen: int,
    captured_before_fen: int,
    amount_fen: int,
    merchant_subsidy_fen: int,
    contract_date: date,
) -> tuple[Loan, Sequence[Instalment]]:
    """Lend ``amount_fen`` for one capture of an authorisation of ``authorised_fen``.

    Any split of captures sums exactly to the disclosed schedule (``capture_schedule``). ``merchant_subsidy_fen`` is
    earned as the instalments fall due. Returns the loan and its schedule.
    """
    terms = Price(**price).terms()
    rows = capture_schedule.of_capture(
        terms,
        contract_date,
        before_fen=captured_before_fen,
        amount_fen=amount_fen,
        authorised_fen=authorised_fen,
    )
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
        early_settlement_policy=EARLY_SETTLEMENT_POLICY,
        created_at=tx.now,
    )
    tx.add(loan)
    service.write_rows(tx, loan, rows.rows)
    return loan, rows.rows
