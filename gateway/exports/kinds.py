"""Kinds: what can be exported, by which filters, in which formats, and the one question that finds its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import Schema

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.ledger import certificates
from gateway.ledger import service as ledger
from gateway.ledger.schemas import BalanceEntryAnswer, CertificateAnswer
from gateway.payments import service as payments
from gateway.payments.disputes import service as disputes
from gateway.payments.refunds import service as refunds
from gateway.payments.refunds.schemas import RefundAnswer
from gateway.payments.schemas import DisputeAnswer, PaymentAnswer
from gateway.settlement import lists
from gateway.settlement import service as settlement
from gateway.settlement.schemas import PayoutAnswer, SettlementAnswer, SettlementLineAnswer

ROWS_AT_ONCE = 500
TABLES = ("csv", "xlsx")
PAPER = "pdf"
BOOKS = ("hledger", "beancount", "vouchers")
Rows = Iterator[Mapping[str, Any]]
PAYMENTS, SETTLEMENTS = "payments:read", "settlements:read"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is asked to hold: days in Shanghai, both included, and filters."""

    first: date | None
    last: date | None
    filters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rows: what they look like, who may read them, and how they are found."""

    answer: Schema
    scope: str
    formats: tuple[str, ...]
    filters: tuple[str, ...]
    rows: Callable[[Transaction, Tenant, Wanted], Rows]


def _settlement_lines(tx: Transaction, tenant: Tenant, wanted: Wanted) -> Rows:
    settlement_id = wanted.filters.get("settlement")
    if settlement_id is None:
        query = lists.lines(tenant, first=wanted.first, last=wanted.last)
    else:
        settlement.get(tx, tenant, settlement_id)
        query = lists.lines_of(settlement_id)
    return _each(tx, query, settlement.line_view)


def _settlements(tx: Transaction, tenant: Tenant, wanted: Wanted) -> Rows:
    return _each(tx, lists.settlements(tenant, first=wanted.first, last=wanted.last), settlement.view)


def _payouts(tx: Transaction, tenant: Tenant, wanted: Wanted) -> Rows:
    return _each(tx, lists.payouts(tenant, first=wanted.first, last=wanted.last), settlement.payout_view)


def _balance_entries(tx: Transaction, tenant: Tenant, wanted: Wanted) -> Rows:
    payment = wanted.filters.get("payment")
    found = ledger.all_lines_of(
        tx, tenant, start=wanted.first, end=wanted.last, object_ids=[payment] if payment else ()
    )
    return (ledger.line_view(line) for line in found)


def _payments(tx: Transaction, tenant: Tenant, wanted: Wanted) -> Rows:
    narrowing = {name: wanted.filters.get(name) for name in KINDS["payments"].filters}
    query = payments.listed(tenant, {**narrowing, "created_from": wanted.first, "created_to": wanted.last})
    for page in _pages(tx, query):
        yield from payments.views(tx, page)


def _refunds(tx: Transaction, tenant: Tenant, wanted: Wanted) -> Rows:
    query = refunds.listed(tenant, **wanted.filters, first=wanted.first, last=wanted.last)
    return _each(tx, query, refunds.view)


def _disputes(tx: Transaction, tenant: Tenant, wanted: Wanted) -> Rows:
    query = disputes.listed(tenant, **wanted.filters, first=wanted.first, last=wanted.last)
    return _each(tx, query, disputes.view)


def _certificates(tx: Transaction, tenant: Tenant, wanted: Wanted) -> Rows:
    """What the certificate of the month states, whose first and last day were asked for."""
    return iter([certificates.contents(tx, tenant, wanted.first or date.min)])


KINDS: Mapping[str, Kind] = {
    "settlement_lines": Kind(
        SettlementLineAnswer(), SETTLEMENTS, (*TABLES, PAPER), ("settlement",), _settlement_lines
    ),
    "settlements": Kind(SettlementAnswer(), SETTLEMENTS, TABLES, (), _settlements),
    "balance_entries": Kind(
        BalanceEntryAnswer(),
        SETTLEMENTS,
        (*TABLES, PAPER, "camt.053", *BOOKS),
        ("payment",),
        _balance_entries,
    ),
    "payouts": Kind(PayoutAnswer(), SETTLEMENTS, (*TABLES, "camt.053"), (), _payouts),
    "payments": Kind(
        PaymentAnswer(),
        PAYMENTS,
        TABLES,
        ("merchant_reference", "merchant_order_id", "store", "status", "amount_min", "amount_max"),
        _payments,
    ),
    "refunds": Kind(RefundAnswer(), PAYMENTS, TABLES, ("payment", "reference"), _refunds),
    "disputes": Kind(DisputeAnswer(), PAYMENTS, TABLES, ("payment",), _disputes),
    "certificates": Kind(CertificateAnswer(), SETTLEMENTS, (PAPER,), (), _certificates),
}
"""By name; the rows of each are those that its list in the API shows, oldest first."""


def readable(scopes: frozenset[str]) -> list[str]:
    """The kinds that a caller with these scopes may export, and see exports of."""
    return [name for name, kind in KINDS.items() if kind.scope in scopes]


def _each(tx: Transaction, query: Any, view: Callable[[Any], Mapping[str, Any]]) -> Rows:
    for page in _pages(tx, query):
        yield from map(view, page)


def _pages(tx: Transaction, query: Any) -> Iterator[Sequence[Any]]:
    """The rows of a question, oldest first, some at a time: one question, whatever the number of rows."""
    entity = query.column_descriptions[0]["entity"]
    ordered = query.order_by(entity.id).execution_options(yield_per=ROWS_AT_ONCE)
    for page in tx.exec(ordered).partitions(ROWS_AT_ONCE):
        yield page
        tx.kept.clear()  # of a kind that is held on to, memory would have all rows
