"""What may close: the one condition under which a settlement line goes into the batch of a day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_
from sqlmodel import col

from gateway.core.tenant import Tenant
from gateway.settlement.models import SettlementLine


def waiting_lines(tenant: Tenant | None = None) -> ColumnElement[bool]:
    """The lines that wait for a batch and for nothing else than their day; of everybody without a tenant."""
    waiting = col(SettlementLine.batch_id).is_(None)
    if tenant is None:
        return waiting
    return and_(
        col(SettlementLine.merchant_id) == tenant.merchant_id,
        col(SettlementLine.mode) == tenant.mode,
        waiting,
    )


def ready_lines(tenant: Tenant | None, on: date) -> ColumnElement[bool]:
    """The lines that the batch of a day takes."""
    return and_(waiting_lines(tenant), col(SettlementLine.settlement_date) <= on)
