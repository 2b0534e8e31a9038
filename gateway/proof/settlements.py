"""Batches and payouts: a batch is its lines, its entry and its payout; a payout is what its entries say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.db.tables import metadata
from gateway.proof.entries import Entries, entries_about
from gateway.proof.findings import Findings, Row
from gateway.settlement import batch as equation
from gateway.settlement.batch import Sum

PAGE = 500
LINES_AT_ONCE = 10_000
TABLES = metadata().tables
BATCH, LINE, PAYOUT, TERMS = (
    TABLES[name] for name in ("settlement_batch", "settlement_line", "payout", "settlement_terms")
)
NO_LINES = equation.sha256_of([])
FIGURES = (
    "opening_fen",
    "captures_fen",
    "subsidies_fen",
    "merchant_fees_fen",
    "merchant_subsidies_fen",
    "refunds_fen",
    "disputes_fen",
    "adjustments_fen",
    "reserve_change_fen",
    "closing_fen",
    "payout_fen",
)


def prove(findings: Findings, connection: Connection) -> None:
    """Compare every batch, in the order in which they closed, with its lines, terms and entries, and every payout."""
    closing: dict[tuple[str, str], int] = defaultdict(int)
    for batches in _pages(connection, BATCH):
        ids = [row.id for row in batches]
        sums, book = _sums(connection, ids), entries_about(connection, ids)
        listed, minimum = _listed(connection, ids), _minimum(connection, batches)
        payouts = connection.execute(select(PAYOUT).where(PAYOUT.c.settlement_id.in_(ids))).all()
        of_batch = {row.settlement_id: row for row in payouts}
        for row in batches:
            tenant = (row.merchant_id, row.mode)
            opening, least = closing[tenant], minimum.get(row.terms_id, 0)
            _prove_batch(findings, row, sums[row.id], book, opening_fen=opening, minimum_fen=least)
            _prove_lines(findings, row, listed.get(row.id, NO_LINES))
            _prove_instructed(findings, row, of_batch.get(row.id))
            closing[tenant] = row.closing_fen
    for payouts in _pages(connection, PAYOUT):
        book = entries_about(connection, [row.id for row in payouts])
        for row in payouts:
            _prove_payout(findings, row, book)


def _pages(connection: Connection, table: Any) -> Iterator[Sequence[Any]]:
    after = ""
    while True:
        rows = connection.execute(
            select(table).where(table.c.id > after).order_by(table.c.id).limit(PAGE)
        ).all()
        if not rows:
            return
        yield rows
        after = rows[-1].id


def _sums(connection: Connection, ids: Sequence[str]) -> dict[str, list[Sum]]:
    columns = (
        LINE.c.amount_fen,
        LINE.c.merchant_fee_fen,
        LINE.c.merchant_subsidy_fen,
        LINE.c.from_pending_fen,
    )
    query = select(LINE.c.batch_id, LINE.c.kind, *map(func.sum, columns)).where(LINE.c.batch_id.in_(ids))
    found: dict[str, list[Sum]] = defaultdict(list)
    for batch, kind, *sums in connection.execute(query.group_by(LINE.c.batch_id, LINE.c.kind)):
        found[batch].append(Sum(kind, *map(int, sums)))
    return found


def _listed(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Which lines each batch has, as it lists them."""
    query = select(LINE.c.batch_id, LINE.c.id).where(LINE.c.batch_id.in_(ids))
    rows = connection.execute(
        query.order_by(LINE.c.batch_id, LINE.c.id).execution_options(yield_per=LINES_AT_ONCE)
    )
    return {
        batch: equation.sha256_of([one.id] for one in lines)
        for batch, lines in groupby(rows, key=lambda row: row.batch_id)
    }


def _minimum(connection: Connection, batches: Sequence[Any]) -> dict[str | None, int]:
    """By terms the least that a batch pays out (fen)."""
    ids = {row.terms_id for row in batches} - {None}
    query = select(TERMS.c.id, TERMS.c.minimum_payout_fen).where(TERMS.c.id.in_(ids))
    return dict(connection.execute(query).all()) if ids else {}  # type: ignore[arg-type]


def _prove_lines(findings: Findings, row: Any, listed: tuple[int, str]) -> None:
    """Each line is in the batch that lists it; batches of older releases list none, and their lines are hashed so."""
    if row.lines_sha256 is None and row.lines_count is None:
        return
    name, source = _name("settlement_batch", row), f"the lines of {row.id}"
    findings.same(name, "lines_count", wanted=listed[0], got=row.lines_count, computed_from=source)
    findings.same(name, "lines_sha256", wanted=listed[1], got=row.lines_sha256, computed_from=source)


def _prove_batch(
    findings: Findings, row: Any, sums: Sequence[Sum], book: Entries, *, opening_fen: int, minimum_fen: int
) -> None:
    """The equation over its lines, with the reserve that its entry holds back."""
    name, source = _name("settlement_batch", row), f"the lines and the entry of {row.id}"
    figures = equation.close(sums, opening_fen=opening_fen)
    entry, released = (book.by_key.get(f"{kind}:{row.id}") for kind in ("settlement", "reserve_released"))
    held = -entry.of("merchant_reserve") if entry else 0
    position = figures.closing_fen + figures.payout_fen - held
    wanted = {column: getattr(figures, column) for column in FIGURES}
    wanted["reserve_change_fen"] += held
    wanted["payout_fen"] = equation.to_pay(position, minimum_fen)
    wanted["closing_fen"] = position - wanted["payout_fen"]
    if not sums and not wanted["payout_fen"]:
        findings.note(
            name, "id", wanted="no row", got="a row", computed_from="its lines, of which there are none"
        )
    for column, right in wanted.items():
        findings.same(name, column, wanted=right, got=getattr(row, column), computed_from=source)
    moved = entry.of("merchant_pending") if entry else 0
    findings.same(
        name,
        "id",
        wanted=figures.pending_moved_fen,
        got=moved,
        computed_from="what its entry moves from pending",
    )
    back = sum(each.amount_fen for each in sums if each.kind == "reserve_release")
    booked = released.of("merchant_reserve") if released else 0
    findings.same(
        name, "reserve_change_fen", wanted=booked, got=back, computed_from="the entry of the released reserve"
    )
    if entry is not None:
        findings.same(
            name, "settled_on", wanted=entry.on, got=row.settled_on, computed_from=f"the entry {entry.key}"
        )
        findings.same(
            name,
            "created_at",
            wanted=entry.recorded_at,
            got=row.created_at,
            computed_from=f"the entry {entry.key}",
        )


def _prove_instructed(findings: Findings, row: Any, payout: Any) -> None:
    name, source = _name("settlement_batch", row), "the payouts of the batch"
    findings.same(
        name, "payout_id", wanted=payout.id if payout else None, got=row.payout_id, computed_from=source
    )
    findings.same(
        name,
        "payout_fen",
        wanted=payout.amount_fen if payout else 0,
        got=row.payout_fen,
        computed_from=source,
    )


def _prove_payout(findings: Findings, row: Any, book: Entries) -> None:
    """Amount and state of a payout, and when it was paid."""
    name = _name("payout", row)
    kinds = ("payout_instructed", "payout_confirmed", "payout_rejected", "payout_returned")
    instructed, confirmed, rejected, returned = (book.by_key.get(f"{kind}:{row.id}") for kind in kinds)
    if instructed is None:
        findings.note(
            name, "id", wanted="no row", got="a row", computed_from="the ledger, which has not instructed it"
        )
        return
    unsettled = "in_transit" if row.in_transit_at is not None else "pending"
    status = "returned" if returned else "paid" if confirmed else "failed" if rejected else unsettled
    source = f"the entries about {row.id}"
    for column, wanted in (
        ("merchant_id", instructed.owner("merchant_available")),
        ("institution", instructed.owner("payout_in_transit")),
        ("amount_fen", instructed.of("merchant_available")),
        ("status", status),
        ("created_at", instructed.recorded_at),
        ("paid_at", confirmed.recorded_at if confirmed else None),
    ):
        findings.same(name, column, wanted=wanted, got=getattr(row, column), computed_from=source)
    told = [one["moved"] for one in row.heard or () if one["said"] != "unknown"]
    findings.same(
        name,
        "moved_fen",
        wanted=told[-1] if told else None,
        got=row.moved_fen,
        computed_from="what the institution said last",
    )
    if confirmed is not None:
        owner = confirmed.owner("funder_clearing")
        findings.same(
            name, "funder", wanted=owner, got=row.funder, computed_from=f"the entry {confirmed.key}"
        )
    failed = row.failure is not None
    findings.same(name, "failure", wanted=status in ("failed", "returned"), got=failed, computed_from=source)


def _name(table: str, row: Any) -> Row:
    return Row(table, row.id, row.merchant_id, row.mode)
