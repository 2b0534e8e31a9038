"""What was agreed with merchants, as the audit log keeps it: the reserve, and the day on which it is released."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from gateway.core.identifiers import first_id
from gateway.db.tables import metadata
from gateway.proof.findings import Findings, Row

TABLES = metadata().tables
AUDIT, MERCHANT, LINE, BATCH = (
    TABLES[name] for name in ("audit_entry", "merchant", "settlement_line", "settlement_batch")
)
Agreement = tuple[datetime, str, int]
"""Since when (the machine's time), which rate, for how many days."""


def prove(found: Findings, connection: Connection) -> None:
    """Compare reserves with what the audit log says of them; a merchant whose reserve nobody logged is left out."""
    agreements: dict[str, list[Agreement]] = {}
    logged = AUDIT.c.action == "merchant.reserve"
    query = select(AUDIT.c.about, AUDIT.c.at, AUDIT.c.facts).where(logged)
    for about, at, facts in connection.execute(query.order_by(AUDIT.c.number)):
        agreements.setdefault(about, []).append((at, facts["rate"], facts["days"]))
    if not agreements:
        return
    with_a_reserve = select(AUDIT.c.about).where(logged)
    for merchant in connection.execute(select(MERCHANT).where(MERCHANT.c.id.in_(with_a_reserve))):
        _, rate, days = agreements[merchant.id][-1]
        name = Row("merchant", merchant.id, merchant.id, "both")
        source = "the newest merchant.reserve of the audit log"
        found.same(name, "reserve_rate", wanted=rate, got=merchant.reserve_rate, computed_from=source)
        found.same(name, "reserve_days", wanted=days, got=merchant.reserve_days, computed_from=source)
    lines = (
        select(LINE, BATCH.c.settled_on)
        .join(BATCH, BATCH.c.id == LINE.c.object_id)
        .where(LINE.c.kind == "reserve_release", LINE.c.merchant_id.in_(with_a_reserve))
    )
    for line in connection.execute(lines.execution_options(yield_per=500)):
        _prove_release(found, line, agreements[line.merchant_id])


def _prove_release(found: Findings, line: Any, agreements: list[Agreement]) -> None:
    in_force = [days for at, _, days in agreements if first_id("sln", int(at.timestamp() * 1000)) <= line.id]
    if in_force:
        found.same(
            Row("settlement_line", line.id, line.merchant_id, line.mode),
            "settlement_date",
            wanted=line.settled_on + timedelta(days=in_force[-1]),
            got=line.settlement_date,
            computed_from="the batch that held it back and the agreement in the audit log",
        )
