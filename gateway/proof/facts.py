"""The proof from facts: purchases page by page, then settlements, events and limits, in one reading transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.core.calendar import shanghai_date
from gateway.db.guards import CONSENTS, FACTS, TENANCY, missing_guards
from gateway.db.progress import Progress, silent
from gateway.db.tables import metadata
from gateway.db.transactions import Transaction
from gateway.proof import (
    agreed,
    invoices,
    lines,
    loans,
    milestones,
    payments,
    refunds,
    rules,
    settlements,
    told,
)
from gateway.proof.findings import Findings
from gateway.proof.lives import Life
from gateway.proof.purchases import Purchase, purchases

TABLES = metadata().tables
GUARDS = (*TENANCY, *CONSENTS, *FACTS)
"""Files of triggers that no other proof looks for."""


@dataclass(frozen=True, slots=True)
class Report:
    """How much was recomputed, how much disagrees, and the first rows that do."""

    payments: int
    loans: int
    batches: int
    events: int
    disagreeing: int
    findings: list[dict[str, str]]
    sentences: tuple[str, ...]
    missing_guards: tuple[str, ...]
    """Triggers that should keep what never changes, but are gone, off or not ours."""

    @property
    def ok(self) -> bool:
        """Whether nothing disagrees and every guard stands."""
        return not self.disagreeing and not self.missing_guards

    def as_json(self) -> dict[str, Any]:
        """The report as plain values; ``first`` names the first row or is None."""
        first = self.findings[0] if self.findings else None
        return {
            "ok": self.ok,
            "payments": self.payments,
            "loans": self.loans,
            "batches": self.batches,
            "events": self.events,
            "disagreeing": self.disagreeing,
            "first": f"{first['table']} {first['id']} {first['column']}" if first else None,
            "findings": self.findings,
            "missing_guards": list(self.missing_guards),
        }


def verify(tx: Transaction, *, progress: Progress = silent) -> Report:
    """Recompute everything that is stored beside the ledger, and name the first rows that disagree.

    Reads only; memory holds one page. Where others write meanwhile, call it in a transaction in which the books stand
    still (REPEATABLE READ on PostgreSQL).
    """
    connection, findings = tx.connection(), Findings()
    ahead = _clocks(connection)
    total, done, drawn = _count(connection, "payment"), 0, 0
    for page in purchases(connection):
        for purchase in page:
            now = tx.wall + ahead.get((purchase.payment.merchant_id, purchase.payment.mode), timedelta())
            drawn += _proved(findings, purchase, now=now)
        done += len(page)
        progress("payments", done, total)
    settlements.prove(findings, connection)
    together = (
        *rules.TOGETHER,
        *rules.QUOTAS,
        *rules.SETTLED,
        *rules.STAGED,
        *invoices.INVOICED,
        *rules.LIMITS,
        *rules.EVENTS,
    )
    rules.prove(findings, connection, together)
    agreed.prove(findings, connection)
    told.prove(findings, connection, progress=progress)
    return Report(
        payments=done,
        loans=drawn,
        batches=_count(connection, "settlement_batch"),
        events=_count(connection, "event"),
        disagreeing=findings.count,
        findings=findings.as_json(),
        sentences=tuple(finding.sentence() for finding in findings.first),
        missing_guards=tuple(missing_guards(connection, GUARDS)),
    )


def _proved(findings: Findings, purchase: Purchase, *, now: datetime) -> int:
    """The same for a purchase whose rows may be so damaged that nothing can be computed from them: that is named."""
    try:
        return prove_purchase(findings, purchase, now=now)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        got = f"{type(error).__name__}: {error}"
        source = "its own columns, of which one cannot be read"
        findings.note(payments.of_payment(purchase), "id", wanted="sound", got=got, computed_from=source)
        return 0


def prove_purchase(findings: Findings, purchase: Purchase, *, now: datetime) -> int:
    """Recompute one payment with all that hangs on it at its merchant's time; returns how many loans it drew."""
    payments.prove(findings, purchase, now=now)
    before, by_capture = 0, {loan.capture_id: loan for loan in purchase.rows["loan"]}
    drawn = 0
    for capture, entry in purchase.captures_in_order():
        loan = by_capture.get(capture.id)
        if entry is None:
            continue
        if loan is not None:
            drawn += 1
            touching = [one for one in purchase.all_entries() if one.touches(loan.id)]
            life = Life(purchase, loan, capture, entry, before, purchase.of_loan[loan.id], touching)
            loans.prove(findings, life, today=shanghai_date(now))
        before += entry.of("loan_principal")
    refunds.prove(findings, purchase)
    lines.prove(findings, purchase)
    milestones.prove(findings, purchase)
    return drawn


def _clocks(connection: Connection) -> dict[tuple[str, str], timedelta]:
    """How far the test clocks are ahead of the machine."""
    clock = TABLES["test_clock"]
    rows = connection.execute(select(clock.c.merchant_id, clock.c.mode, clock.c.offset_seconds))
    return {(merchant, mode): timedelta(seconds=offset) for merchant, mode, offset in rows}


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(select(func.count()).select_from(TABLES[table])).scalar_one())
