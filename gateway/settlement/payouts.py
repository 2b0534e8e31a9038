"""Carrying out a payout instruction from the outbox: ask the institution, then book what it confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from gateway.core.calendar import shanghai_date
from gateway.core.institution import Instruction
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import InstitutionUnavailable
from gateway.ledger import postings
from gateway.ledger import service as ledger
from gateway.settlement.models import Payout
from gateway.settlement.schemas import PayoutAnswer
from gateway.settlement.service import payout_view
from gateway.webhooks import service as events

if TYPE_CHECKING:
    from gateway.web.context import Gateway
    from gateway.webhooks.models import OutboxItem


PAYOUT_ANSWER = PayoutAnswer()


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Instruct the payout that ``item`` names and confirm it when the institution has paid.

    The payout's id is the institution's reference, so a repeat after a crash is the same instruction. Raises
    ``InstitutionUnavailable`` while the outcome is not known; the outbox asks again.
    """
    with gateway.db.read() as tx:
        payout = tx.get_one(Payout, item.payload["payout"])
    if payout.status == "paid":
        return
    institution = gateway.ports["institution"]
    instruction = Instruction(
        "payout", payout.id, mode_of(payout.mode), payout.merchant_id, payout.amount_fen
    )
    # After an unknown outcome the institution is asked first: a blind repeat could pay twice.
    answer = institution.look_up(instruction) if item.attempts > 1 else None
    answer = answer or institution.carry_out(instruction)
    if answer.outcome != "succeeded":
        raise InstitutionUnavailable(f"the payout {payout.id} is {answer.outcome}")
    gateway.db.write(lambda tx: confirm(tx, payout.id))


def confirm(tx: Transaction, payout_id: str) -> Payout:
    """The institution has paid: only now does the claim leave the books. Saying it again changes nothing."""
    payout = tx.exec(select(Payout).where(Payout.id == payout_id).with_for_update()).one()
    if payout.status == "paid":
        return payout
    tenant = Tenant.of(payout)
    payout.status, payout.paid_at = "paid", tx.now
    tx.add(payout)
    ledger.post(
        tx,
        kind="payout_confirmed",
        key=f"payout_confirmed:{payout.id}",
        tenant=tenant,
        lines=postings.payout_confirmed(
            payout=payout.id,
            institution=payout.institution,
            funder=payout.funder,
            amount_fen=payout.amount_fen,
        ),
        about_type="payout",
        about_id=payout.id,
        effective_date=shanghai_date(tx.now),
    )
    tx.flush()
    events.record(
        tx, tenant, "payout.paid", object_id=payout.id, data=PAYOUT_ANSWER.dump(payout_view(payout))
    )
    return payout
