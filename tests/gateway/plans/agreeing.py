"""Two operators before the gateway of a test, and what they agree on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlmodel import select

from gateway.audit.models import AuditEntry
from gateway.core.tenant import Tenant
from gateway.operators import service as operators
from gateway.operators.decisions import Person
from gateway.plans import service as plans
from gateway.plans.cards import service
from gateway.plans.cards.content import PRICE_FIELDS, PROGRAMME_FIELDS, Content
from gateway.settlement import terms, terms_proposals

TODAY = date(2026, 11, 23)


def day(count: int) -> str:
    return (TODAY + timedelta(days=count)).isoformat()


def price(term: int = 12, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(PRICE_FIELDS)
    row |= {"term": term, "method": "equal_installment", "annual_rate": "0.18", "merchant_fee_rate": "0.006"}
    return row | {"merchant_subsidy_rate": "0", "min_amount": 10_000, "max_amount": 10_000_000} | changes


def programme(code: str = "trade_in_2026", **changes: Any) -> dict[str, Any]:
    return dict.fromkeys(PROGRAMME_FIELDS) | {"subsidy_programme": code} | changes


def card(*prices: dict[str, Any], programmes: tuple[dict[str, Any], ...] = ()) -> Content:
    return Content(prices or (price(),), programmes)


class Desk:
    """Two operators before the gateway of a test."""

    def __init__(self, app: Any, merchant: str) -> None:
        self.gateway, self.merchant = app.extensions["fenqi"], merchant
        self.lender = plans.lender_of(self.gateway.settings)
        self.li, self.wang = (self.operator(name) for name in ("li.na", "wang.wei"))

    def operator(self, name: str) -> Person:
        def add(tx: Any) -> str:
            first = operators.everybody(tx, 1)
            return operators.add(tx, self.gateway.vault, name, by=first[0] if first else None)[0].id

        return Person(self.gateway.db.write(add), "root")

    def propose(
        self, content: Content, first: int = 0, by: Person | None = None, reason: str = "as agreed"
    ) -> str:
        return self.gateway.db.write(
            lambda tx: (
                service.propose(
                    tx,
                    self.merchant,
                    content,
                    first_day=TODAY + timedelta(days=first),
                    reason=reason,
                    by=by or self.li,
                    lender=self.lender,
                ).id
            )
        )

    def confirm(self, id: str, by: Person | None = None) -> None:
        self.gateway.db.write(
            lambda tx: (
                service.confirm(tx, id, reason="checked", by=by or self.wang, lender=self.lender) and None
            )
        )

    def agreed(self, content: Content, first: int = 0) -> str:
        id = self.propose(content, first)
        self.confirm(id)
        return id

    def propose_terms(self, tenant: Tenant, changes: dict[str, Any]) -> str:
        standard = terms.standard(self.gateway.settings)
        return self.gateway.db.write(
            lambda tx: (
                terms_proposals.propose(
                    tx,
                    tenant,
                    valid_from=None,
                    changes=changes,
                    reason="as agreed",
                    by=self.li,
                    standard=standard,
                ).id
            )
        )

    def agree_on_terms(self, tenant: Tenant, changes: dict[str, Any]) -> None:
        id, standard = self.propose_terms(tenant, changes), terms.standard(self.gateway.settings)
        self.gateway.db.write(
            lambda tx: (
                terms_proposals.confirm(tx, id, reason="checked", by=self.wang, standard=standard) and None
            )
        )

    def read(self, work: Any) -> Any:
        with self.gateway.db.read() as tx:
            return work(tx)

    def audit(self) -> list[AuditEntry]:
        query = select(AuditEntry).where(AuditEntry.action.startswith("rate_card."))  # type: ignore[attr-defined]
        return self.read(lambda tx: list(tx.exec(query.order_by(AuditEntry.number))))  # type: ignore[arg-type]
