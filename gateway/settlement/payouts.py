"""Carrying out a payout instruction from the outbox: ask the institution, then book what it confirmed."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from sqlmodel import col, select

from gateway.core.calendar import SHANGHAI, WorkingDays, shanghai_date, working_day_from
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import WrongState
from gateway.institution import instructing
from gateway.institution.port import Instructed, Instruction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.merchants import business_clock
from gateway.merchants import service as merchants
from gateway.outbox import service as outbox
from gateway.settlement.models import Payout, SettlementLine
from gateway.settlement.schemas import PayoutAnswer
from gateway.settlement.service import add_line, payout_view
from gateway.webhooks import service as events

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway


PAYOUT_ANSWER = PayoutAnswer()


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Instruct the payout that ``item`` names and book what the institution says of it.

    Raises ``InstitutionUnavailable`` while the outcome is not known; the outbox asks again. Nothing is sent on a day
    without banking: raises ``outbox.Later``.
    """
    with gateway.db.read() as tx:
        payout = tx.get_one(Payout, item.payload["payout"])
        failure = _played_failure(tx, payout)
        account = merchants.get(tx, payout.merchant_id).payout_account
        wait = _until_banking(tx, Tenant.of(payout), gateway.ports.working_days)
    if payout.status != "pending":
        return
    instruction = Instruction(
        "payout",
        payout.reference or payout.id,
        mode_of(payout.mode),
        payout.merchant_id,
        payout.amount_fen,
        account=account,
        test_failure=failure,
    )
    instructing.carry_out(gateway, item, instruction, payout.id, confirm=confirm, fail=reject, wait=wait)


def instructed(tx: Transaction, *, since: datetime | None, after: str, limit: int) -> list[Instructed]:
    """Some payouts behind the id ``after``, to compare with the institution; what came back is not."""
    query = select(Payout).where(Payout.id > after, col(Payout.status) != "returned")
    if since is not None:
        query = query.where(Payout.created_at >= since)
    found = []
    for row in tx.exec(query.order_by(col(Payout.id)).limit(limit)):
        instruction = Instruction(
            "payout", row.reference or row.id, mode_of(row.mode), row.merchant_id, row.amount_fen
        )
        may = {"paid": (row.amount_fen,), "failed": (0,)}.get(row.status, (0, row.amount_fen))
        found.append(Instructed(row.id, row.status, instruction, may))
    return found


def confirm(tx: Transaction, payout_id: str) -> None:
    """The institution has paid: only now does the claim leave the books. Idempotent."""
    payout = _locked(tx, payout_id)
    if payout.status != "pending":
        return
    payout.status, payout.paid_at = "paid", tx.now
    lines = postings.payout_confirmed(
        payout=payout.id, institution=payout.institution, funder=payout.funder, amount_fen=payout.amount_fen
    )
    _book(tx, payout, "payout_confirmed", lines, event="payout.paid")


def reject(tx: Transaction, payout_id: str, *, failure: str) -> None:
    """The institution refused before anything left: the claim is available again and goes into the next batch."""
    payout = _locked(tx, payout_id)
    if payout.status != "pending":
        return
    payout.status, payout.failure = "failed", failure
    lines = postings.payout_rejected(
        payout=payout.id,
        institution=payout.institution,
        merchant=payout.merchant_id,
        amount_fen=payout.amount_fen,
    )
    _due_again(tx, payout, _book(tx, payout, "payout_rejected", lines, event="payout.failed"))


def give_back(tx: Transaction, payout_id: str, *, failure: str) -> Payout:
    """A paid payout came back, such as from a closed account: the claim goes into the next batch.

    Raises ``WrongState`` unless the payout was paid. Idempotent.
    """
    payout = _locked(tx, payout_id)
    if payout.status == "returned":
        return payout
    if payout.status != "paid":
        raise WrongState(
            f"The payout is {payout.status}: only a paid payout can be returned.", param="payout"
        )
    payout.status, payout.failure = "returned", failure
    lines = postings.payout_returned(
        payout=payout.id, funder=payout.funder, merchant=payout.merchant_id, amount_fen=payout.amount_fen
    )
    _due_again(tx, payout, _book(tx, payout, "payout_returned", lines, event="payout.failed"))
    return payout


def _until_banking(tx: Transaction, tenant: Tenant, working_days: WorkingDays) -> outbox.Later | None:
    """What to raise on a day without banking, by the merchant's time; None on the others."""
    business_clock.enter(tx, tenant)
    today = shanghai_date(tx.now)
    banking = working_day_from(today, working_days)
    if banking == today:
        return None
    opens = datetime.combine(banking, time(), SHANGHAI)
    return outbox.Later(f"waits for {banking}, the next banking day", at=tx.wall + (opens - tx.now))


def _locked(tx: Transaction, payout_id: str) -> Payout:
    payout = tx.exec(select(Payout).where(Payout.id == payout_id).with_for_update()).one()
    business_clock.enter(tx, Tenant.of(payout))
    return payout


def _book(tx: Transaction, payout: Payout, kind: str, lines: postings.Entries, *, event: str) -> str:
    """Post what became of a payout and tell the merchant; returns the entry's id."""
    tenant = Tenant.of(payout)
    tx.add(payout)
    entry_id = ledger.book(tx, tenant, ledger.Event(kind, ("payout", payout.id), lines))
    tx.flush()
    events.record(tx, tenant, event, object_id=payout.id, data=PAYOUT_ANSWER.dump(payout_view(payout)))
    return entry_id


def _due_again(tx: Transaction, payout: Payout, entry_id: str) -> None:
    add_line(
        tx,
        Tenant.of(payout),
        kind="payout_returned",
        object_id=payout.id,
        amount_fen=payout.amount_fen,
        entry_id=entry_id,
    )


def _played_failure(tx: Transaction, payout: Payout) -> str | None:
    query = select(SettlementLine.test_failure).where(
        SettlementLine.batch_id == payout.settlement_id, col(SettlementLine.test_failure).is_not(None)
    )
    return tx.exec(query.limit(1)).first() if payout.mode == "test" else None
