"""Carrying out a payout instruction from the outbox: ask the institution, then book what it confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import InstitutionUnavailable
from gateway.settlement import service
from gateway.settlement.institution import PayoutInstruction
from gateway.settlement.models import Payout

if TYPE_CHECKING:
    from gateway.web.context import Gateway
    from gateway.webhooks.models import OutboxItem


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Instruct the payout that ``item`` names and confirm it when the institution has paid.

    The payout's id is the institution's reference, so a repeat after a crash is the same instruction. Raises
    ``InstitutionUnavailable`` while the outcome is not known; the outbox asks again.
    """
    with gateway.db.read() as tx:
        payout = tx.get_one(Payout, item.payload["payout"])
    if payout.status == "paid":
        return
    outcome = gateway.ports["institution"].pay_out(
        PayoutInstruction(
            reference=payout.id,
            mode="live" if payout.mode == "live" else "test",
            merchant_id=payout.merchant_id,
            amount_fen=payout.amount_fen,
        )
    )
    if outcome != "paid":
        raise InstitutionUnavailable(f"the payout {payout.id} is {outcome}")
    gateway.db.write(lambda tx: service.confirm_payout(tx, payout.id))
