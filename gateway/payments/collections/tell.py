"""The shopper is told of money that came, and of a collection that failed; the message is planned with its cause."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.loans import service as loans
from gateway.messages import service as messages

if TYPE_CHECKING:
    from gateway.loans.models import Loan
    from gateway.payments.models import Collection

USEFUL_RECEIPT, USEFUL_FAILURE = timedelta(days=7), timedelta(days=3)


def of_money(tx: Transaction, tenant: Tenant, loan: Loan, *, amount_fen: int, reference: str) -> None:
    """Money of the shopper was booked."""
    messages.plan(
        tx,
        tenant,
        shopper_id=loan.shopper_id,
        kind="paid",
        about=f"{loan.id}:{reference}",
        facts={"loan": loan.id, "amount_fen": amount_fen},
        useful=USEFUL_RECEIPT,
    )


def of_failure(tx: Transaction, row: Collection) -> None:
    """A collection failed; each instalment is told once, however often it is tried."""
    tenant = Tenant.of(row)
    messages.plan(
        tx,
        tenant,
        shopper_id=loans.get(tx, tenant, row.loan_id).shopper_id,
        kind="collection_failed",
        about=f"{row.loan_id}:{row.period}",
        facts={"loan": row.loan_id, "period": row.period, "failure": row.failure},
        useful=USEFUL_FAILURE,
    )
