"""Closing a day's batch: pending becomes available, debts are taken off, the payout is instructed; one commit.

Batches close on days with banking only: whatever is due on another day waits for the next of them.
"""

from __future__ import annotations

from datetime import date, time, timedelta

from sqlmodel import col, func, select

from gateway.core.calendar import WorkingDays, shanghai_date, working_day_from
from gateway.core.closed_months import closes_on, is_closed
from gateway.core.references import reference
from gateway.core.tenant import Tenant, mode_of
from gateway.db.row_locks import LostRace
from gateway.db.transactions import Transaction
from gateway.errors import InvalidRequest
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.outbox import service as outbox
from gateway.settlement import batch as equation
from gateway.settlement import gathering, invoices, terms
from gateway.settlement.models import Payout, SettlementBatch, SettlementLine
from gateway.settlement.ready import last_closings, ready_lines, waiting_lines
from gateway.settlement.schemas import SettlementAnswer
from gateway.settlement.service import INSTITUTION, PAYOUT_TOPIC, add_line, debt_to_net_fen, view
from gateway.settlement.terms import Terms
from gateway.webhooks import service as events

SETTLEMENT_ANSWER = SettlementAnswer()


def tenants_with_open_lines(tx: Transaction, *, on: date) -> list[Tenant]:
    """Merchants with something to settle on a day: lines, or what earlier batches carried."""
    lines = select(SettlementLine.merchant_id, SettlementLine.mode).where(ready_lines(None, on)).distinct()
    found = {Tenant(merchant, mode_of(mode)) for merchant, mode in tx.exec(lines)}
    found |= {tenant for tenant, carried in last_closings(tx) if carried > 0}
    return sorted(found, key=lambda tenant: (tenant.merchant_id, tenant.mode))


def has_open_lines(tx: Transaction, tenant: Tenant, *, on: date, standard: Terms) -> bool:
    """Whether the tenant has something to settle on a day, and it may be settled now."""
    agreed = terms.in_force(tx, tenant, on, standard)
    if not agreed.may_close(on, tx.now):
        return False
    query = select(SettlementLine.id).where(ready_lines(tenant, on)).limit(1)
    return tx.exec(query).first() is not None or _pays_carried(_last_closing(tx, tenant), agreed)


def next_work(
    tx: Transaction, tenant: Tenant, *, today: date, working_days: WorkingDays, standard: Terms
) -> date | None:
    """The day from ``today`` on at which the tenant's next open line can be settled, or what is carried paid out."""
    query = select(func.min(SettlementLine.settlement_date)).where(waiting_lines(tenant))
    days: list[date | None] = [tx.exec(query).one()]
    carried = _last_closing(tx, tenant)
    if carried > 0:
        days.append(terms.day_of_payout(tx, tenant, carried, today=today, standard=standard))
    due = min((day for day in days if day is not None), default=None)
    return None if due is None else working_day_from(max(due, today), working_days)


def closes_at(tx: Transaction, tenant: Tenant, *, on: date, standard: Terms) -> time:
    """The time of a day (Shanghai) from which the batch of that day may close."""
    agreed = terms.in_force(tx, tenant, on, standard)
    return time() if agreed.t_plus else time.fromisoformat(agreed.cutoff)


def refuse_closed_month(on: date, *, today: date) -> None:
    """Raise ``InvalidRequest`` for a day of a month whose certificates may have been given out."""
    if is_closed(on, today):
        raise InvalidRequest(
            f"{on:%Y-%m} is closed since {closes_on(on)}: nothing is settled in it any more. Settle a day of an open "
            "month; what was due earlier goes along.",
            param="date",
        )


def close_batch(
    tx: Transaction, tenant: Tenant, *, on: date, funder: str, working_days: WorkingDays, standard: Terms
) -> SettlementBatch | None:
    """Close the merchant's batch of a day and instruct its payout.

    None when there is nothing to settle, when the batch or its month is closed, on a day without banking, and with T+0
    before the cut-off. Safe to run twice, late or in parallel: a day has one batch, and what comes after it waits for
    the next. All of it is one transaction, and no line is read into memory. Raises ``LostRace``: the work begins again.
    """
    if not working_days.is_working_day(on) or is_closed(on, shanghai_date(tx.now)):
        return None
    ledger.lock_accounts(tx, tenant)  # a refund reads and adds lines under the same lock
    agreed = terms.in_force(tx, tenant, on, standard)
    if not agreed.may_close(on, tx.now) or _batch_of(tx, tenant, on) is not None:
        return None
    tx.flush()
    sums, opening = gathering.sums(tx, tenant, on), _last_closing(tx, tenant)
    if not sums and not _pays_carried(opening, agreed):
        return None
    released = sum(one.amount_fen for one in sums if one.kind == "reserve_release")
    figures = equation.close(
        sums,
        opening_fen=opening,
        reserve_rate=agreed.reserve_rate,
        reserve_room_fen=_room(tx, tenant, agreed, released),
        minimum_payout_fen=agreed.minimum_payout_fen,
    )
    count, sha256 = gathering.listed(tx, tenant, on)
    if count != sum(one.count for one in sums):
        raise LostRace("a line was added while its batch closed")
    row = _stored(tx, tenant, on, figures, terms_id=agreed.id, lines_count=count, lines_sha256=sha256)
    gathering.mark(tx, tenant, on, batch_id=row.id, count=count)
    _release_reserve(tx, tenant, row, released)
    entry_id = _post_settlement(tx, tenant, row, figures)
    if figures.reserve_held_fen:
        add_line(
            tx,
            tenant,
            kind="reserve_release",
            object_id=row.id,
            amount_fen=figures.reserve_held_fen,
            settlement_date=on + timedelta(days=agreed.reserve_days),
            entry_id=entry_id,
        )
    if figures.payout_fen:
        _instruct(tx, tenant, row, funder)
    tx.flush()
    invoices.net(tx, tenant, row)
    events.record(tx, tenant, "settlement.closed", object_id=row.id, data=SETTLEMENT_ANSWER.dump(view(row)))
    return row


def _pays_carried(closing_fen: int, agreed: Terms) -> bool:
    """Whether what the last batch carried is paid out, though nothing has come to it."""
    return equation.to_pay(closing_fen, agreed.minimum_payout_fen) > 0


def _room(tx: Transaction, tenant: Tenant, agreed: Terms, released_fen: int) -> int | None:
    """How much more may be held back (fen) after a release; None without an upper bound."""
    if agreed.reserve_most_fen is None:
        return None
    held = ledger.balances(tx, tenant, ("merchant_reserve",))["merchant_reserve"] - released_fen
    return max(0, agreed.reserve_most_fen - held)


def _stored(
    tx: Transaction,
    tenant: Tenant,
    on: date,
    figures: equation.Batch,
    *,
    terms_id: str | None,
    lines_count: int,
    lines_sha256: str,
) -> SettlementBatch:
    row = SettlementBatch(
        id=tx.new_id("stl"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        settled_on=on,
        opening_fen=figures.opening_fen,
        captures_fen=figures.captures_fen,
        subsidies_fen=figures.subsidies_fen,
        merchant_fees_fen=figures.merchant_fees_fen,
        merchant_subsidies_fen=figures.merchant_subsidies_fen,
        refunds_fen=figures.refunds_fen,
        disputes_fen=figures.disputes_fen,
        adjustments_fen=figures.adjustments_fen,
        reserve_change_fen=figures.reserve_change_fen,
        closing_fen=figures.closing_fen,
        payout_fen=figures.payout_fen,
        terms_id=terms_id,
        lines_count=lines_count,
        lines_sha256=lines_sha256,
        created_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    return row


def _post_settlement(tx: Transaction, tenant: Tenant, row: SettlementBatch, figures: equation.Batch) -> str:
    """Book what the batch settles; returns the id of the entry, empty when there was nothing to post."""
    has = ledger.balances(tx, tenant, ("merchant_receivable", "merchant_available"))
    lines = _settled_lines(
        row.id,
        tenant.merchant_id,
        figures,
        merchant_receivable=debt_to_net_fen(tx, tenant, has["merchant_receivable"], on=row.settled_on),
        merchant_available=has["merchant_available"],
    )
    if not lines:
        return ""
    return ledger.book(
        tx, tenant, ledger.Event("settlement", ("settlement", row.id), lines, on=row.settled_on)
    )


def _settled_lines(
    settlement: str,
    merchant: str,
    figures: equation.Batch,
    *,
    merchant_receivable: int,
    merchant_available: int,
) -> postings.Entries:
    """Pending becomes available but for the reserve; what the merchant owes is taken from it first.

    Where refunds took more from pending than the batch brought, what is available bears it, else the merchant owes it.
    """
    moved, free = figures.pending_moved_fen, max(0, merchant_available)
    if moved < 0:
        short = min(-moved, free)
        return postings.settlement_short(
            settlement=settlement,
            merchant=merchant,
            available_fen=short,
            receivable_fen=-moved - short,
            receivable_offset_fen=min(merchant_receivable, free - short),
        )
    settled = max(0, merchant_available + moved - figures.reserve_held_fen)
    return postings.settlement(
        settlement=settlement,
        merchant=merchant,
        pending_fen=moved,
        receivable_offset_fen=min(merchant_receivable, settled),
        reserve_fen=figures.reserve_held_fen,
    )


def _release_reserve(tx: Transaction, tenant: Tenant, row: SettlementBatch, amount_fen: int) -> None:
    """What earlier batches held back and this one releases becomes available."""
    if amount_fen:
        ledger.book(
            tx,
            tenant,
            ledger.Event(
                "reserve_released",
                ("settlement", row.id),
                postings.reserve_released(
                    settlement=row.id, merchant=tenant.merchant_id, amount_fen=amount_fen
                ),
                on=row.settled_on,
            ),
        )


def _instruct(tx: Transaction, tenant: Tenant, row: SettlementBatch, funder: str) -> None:
    payout = Payout(
        id=tx.new_id("po"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        settlement_id=row.id,
        institution=INSTITUTION,
        funder=funder,
        reference=_reference(tx, tenant),
        amount_fen=row.payout_fen,
        status="pending",
        created_at=tx.now,
    )
    tx.add(payout)
    row.payout_id = payout.id
    tx.add(row)
    tx.flush()
    ledger.book(
        tx,
        tenant,
        ledger.Event(
            "payout_instructed",
            ("payout", payout.id),
            postings.payout_instructed(
                payout=payout.id,
                institution=INSTITUTION,
                merchant=tenant.merchant_id,
                amount_fen=row.payout_fen,
            ),
            on=row.settled_on,
        ),
    )
    outbox.put(tx, PAYOUT_TOPIC, {"payout": payout.id}, tenant=tenant)


def _reference(tx: Transaction, tenant: Tenant) -> str:
    """That of the next payout: they are counted, for after a restore the same batch may close on a later day."""
    query = select(func.count()).where(Payout.merchant_id == tenant.merchant_id, Payout.mode == tenant.mode)
    return reference("po", tenant, tx.exec(query).one() + 1)


def _batch_of(tx: Transaction, tenant: Tenant, on: date) -> SettlementBatch | None:
    query = select(SettlementBatch).where(
        SettlementBatch.merchant_id == tenant.merchant_id,
        SettlementBatch.mode == tenant.mode,
        SettlementBatch.settled_on == on,
    )
    return tx.exec(query).first()


def _last_closing(tx: Transaction, tenant: Tenant) -> int:
    query = select(SettlementBatch).where(
        SettlementBatch.merchant_id == tenant.merchant_id, SettlementBatch.mode == tenant.mode
    )
    last = tx.exec(query.order_by(col(SettlementBatch.id).desc()).limit(1)).first()
    return last.closing_fen if last else 0
