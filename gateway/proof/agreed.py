"""What was agreed with merchants, as the audit log keeps it: reserve, payout account, days, pages that frame."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.audit.chain import digest
from gateway.core.identifiers import first_id
from gateway.db.tables import metadata
from gateway.proof.findings import Findings, Row

TABLES = metadata().tables
AUDIT, MERCHANT, LINE, BATCH, TERMS = (
    TABLES[name]
    for name in ("audit_entry", "merchant", "settlement_line", "settlement_batch", "settlement_terms")
)
Agreement = tuple[datetime, str, int]
"""Since when (the machine's time), which rate, for how many days."""


HASHED = {
    "merchant.payout_account": "payout_account",
    "merchant.acknowledgement": "acknowledge_days",
    "merchant.delivery_hold": "delivery_hold_days",
    "merchant.down_payment": "max_down_payment_percent",
    "merchant.frame_origins": "frame_origins",
}
"""What else is agreed by a line of the audit log that holds its hash, with the column that keeps it."""


def prove(findings: Findings, connection: Connection) -> None:
    """Compare what merchants agreed with what the audit log says of it; what nobody logged is left out."""
    _prove_hashed(findings, connection)
    _prove_reserves(findings, connection)


def _prove_hashed(findings: Findings, connection: Connection) -> None:
    logged = AUDIT.c.action.in_(HASHED)
    newest = select(func.max(AUDIT.c.number)).where(logged).group_by(AUDIT.c.about, AUDIT.c.action)
    columns = (MERCHANT.c[column] for column in HASHED.values())
    query = (
        select(MERCHANT.c.id, AUDIT.c.action, AUDIT.c.after_sha256, *columns)
        .join(AUDIT, AUDIT.c.about == MERCHANT.c.id)
        .where(AUDIT.c.number.in_(newest))
    )
    for row in connection.execute(query.order_by(MERCHANT.c.id)).mappings():
        column = HASHED[row["action"]]
        if digest(row[column]) != row["after_sha256"]:
            findings.note(
                Row("merchant", row["id"], row["id"], "both"),
                column,
                wanted="what was agreed last",
                got="something else",
                computed_from=f"the newest {row['action']} of the audit log",
            )


def _prove_reserves(findings: Findings, connection: Connection) -> None:
    agreements: dict[str, list[Agreement]] = {}
    logged = AUDIT.c.action == "merchant.reserve"
    query = select(AUDIT.c.about, AUDIT.c.at, AUDIT.c.facts).where(logged)
    for about, at, facts in connection.execute(query.order_by(AUDIT.c.number)):
        agreements.setdefault(about, []).append((at, facts["rate"], facts["days"]))
    with_a_reserve = select(AUDIT.c.about).where(logged)
    for merchant in connection.execute(select(MERCHANT).where(MERCHANT.c.id.in_(with_a_reserve))):
        _, rate, days = agreements[merchant.id][-1]
        name = Row("merchant", merchant.id, merchant.id, "both")
        source = "the newest merchant.reserve of the audit log"
        findings.same(name, "reserve_rate", wanted=rate, got=merchant.reserve_rate, computed_from=source)
        findings.same(name, "reserve_days", wanted=days, got=merchant.reserve_days, computed_from=source)
    lines = (
        select(LINE, BATCH.c.settled_on, TERMS.c.reserve_days)
        .join(BATCH, BATCH.c.id == LINE.c.object_id)
        .outerjoin(TERMS, TERMS.c.id == BATCH.c.terms_id)
        .where(
            LINE.c.kind == "reserve_release", TERMS.c.id.is_not(None) | LINE.c.merchant_id.in_(with_a_reserve)
        )
    )
    for line in connection.execute(lines.execution_options(yield_per=500)):
        _prove_release(findings, line, agreements.get(line.merchant_id, []))


def _prove_release(findings: Findings, line: Any, agreements: list[Agreement]) -> None:
    in_force = [days for at, _, days in agreements if first_id("sln", int(at.timestamp() * 1000)) <= line.id]
    if line.reserve_days is not None:
        in_force = [line.reserve_days]
    if in_force:
        findings.same(
            Row("settlement_line", line.id, line.merchant_id, line.mode),
            "settlement_date",
            wanted=line.settled_on + timedelta(days=in_force[-1]),
            got=line.settlement_date,
            computed_from="the batch that held it back and what was agreed then",
        )
