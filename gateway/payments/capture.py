"""Capture: the merchant ships, the lender lends, and the merchant's claim enters the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.core import calendar, cost_ceiling, merchant_settlement, money
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import AuthorizationExpired, CaptureTooSmall, CostAboveCeiling, WrongState
from gateway.ledger import postings
from gateway.ledger import service as ledger
from gateway.loans import drawdown
from gateway.payments import deliveries, lines, played, service, subsidies
from gateway.payments.contents import Contents, of_payment
from gateway.payments.models import Capture, Payment
from gateway.plans import service as plans
from gateway.settlement import service as settlement
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.core.schedule import Instalment
    from gateway.loans.models import Loan

SMALLEST_PARTIAL_FEN = 100_000
MOST_CAPTURES = 10
VAT_RATE = "0.06"
"""Output tax contained in the merchant fee (financial services)."""


def capture(
    tx: Transaction,
    gateway: Gateway,
    tenant: Tenant,
    *,
    payment_id: str,
    amount_fen: int | None,
    items: lines.Items | None,
    delivery: dict[str, Any] | None,
    final: bool,
) -> tuple[Payment, Contents]:
    """Capture ``items`` or ``amount_fen`` (all that is left when both are None): one loan, one settlement line.

    Returns the payment and what hangs on it then. Raises ``AuthorizationExpired``, ``WrongState``,
    ``AmountAboveAuthorized``, ``CaptureTooSmall``, ``CostAboveCeiling``, ``DeliveryRefused``, ``SerialNumberTaken`` or
    what ``lines.to_capture`` raises; then nothing has changed.
    """
    payment = service.locked(tx, tenant, payment_id)
    contents = of_payment(tx, payment)
    taking = lines.to_capture(contents.standings, payment, items, amount_fen)
    amount = _checked(payment, taking.amount_fen, final=final, done=len(contents.captures), now=tx.now)
    before = payment.captured_fen
    fee, subsidy = _charges(payment, before + amount)
    fee_before, subsidy_before = _charges(payment, before)
    fee, subsidy = fee - fee_before, subsidy - subsidy_before
    net_fee, vat = merchant_settlement.net_and_vat(fee, VAT_RATE)
    capture_id = tx.new_id("cap")
    today = calendar.shanghai_date(tx.now)
    loan, schedule = drawdown.draw_down(
        tx,
        tenant,
        payment_id=payment.id,
        capture_id=capture_id,
        shopper_id=payment.shopper_id,
        funder=payment.funder,
        price=payment.price,
        authorised_fen=payment.amount_fen,
        captured_before_fen=before,
        amount_fen=amount,
        merchant_subsidy_fen=subsidy,
        contract_date=today,
    )
    _refuse_above_ceiling(tx, gateway, payment, loan, schedule)
    row = Capture(
        id=capture_id,
        payment_id=payment.id,
        amount_fen=amount,
        refunded_fen=0,
        merchant_fee_fen=fee,
        vat_fen=vat,
        merchant_subsidy_fen=subsidy,
        loan_id=loan.id,
        delivery=deliveries.at_capture(delivery, authorized_at=payment.created_at, now=tx.now),
        captured_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    payment.captured_fen += amount
    service.mark_acknowledged(tx, payment)
    lines.note_captured(tx, payment, contents.standings, row, taking)
    contents.captures.append(row)
    settlement_date = contents.settlement_dates[capture_id] = _settlement_date(gateway, tx.now)
    # Two entries: unwinding reverses the drawdown, and what was captured is not authorised again by that.
    entry_id, _ = ledger.post_together(
        tx,
        [
            ledger.Draft(
                kind="capture",
                key=f"capture:{capture_id}",
                tenant=tenant,
                lines=postings.drawdown(
                    loan=loan.id,
                    payment=payment.id,
                    funder=payment.funder,
                    merchant=tenant.merchant_id,
                    principal_fen=amount,
                    fee_net_fen=net_fee,
                    vat_fen=vat,
                    subsidy_fen=subsidy,
                ),
                about_type="capture",
                about_id=capture_id,
                effective_date=today,
            ),
            ledger.Draft(
                kind="captured",
                key=f"captured:{capture_id}",
                tenant=tenant,
                lines=postings.release_authorisation(amount_fen=amount, payment=payment.id),
                about_type="payment",
                about_id=payment.id,
                effective_date=today,
            ),
        ],
    )
    settlement.add_line(
        tx,
        tenant,
        kind="capture",
        object_id=capture_id,
        payment_id=payment.id,
        capture_id=capture_id,
        merchant_reference=payment.merchant_reference,
        store=payment.store,
        amount_fen=amount,
        merchant_fee_fen=fee,
        merchant_subsidy_fen=subsidy,
        from_pending_fen=amount - fee - subsidy,
        settlement_date=settlement_date,
        test_failure=played.payout_failure(tx, gateway, payment),
        entry_id=entry_id,
    )
    subsidies.claim(tx, tenant, payment, row, contents)
    if final:
        service.void_rest(tx, payment)
    service.note(tx, payment, "payment.captured", contents=contents)
    return payment, contents


def _settlement_date(gateway: Gateway, captured_at: datetime) -> Any:
    return calendar.settlement_date(
        captured_at,
        gateway.settings.settlement_t_plus,
        gateway.settings.settlement_cutoff,
        gateway.ports["working_days"],
    ).settlement_date


def _checked(payment: Payment, amount_fen: int | None, *, final: bool, done: int, now: datetime) -> int:
    if payment.expires_at <= now and service.capturable_fen(payment):
        raise AuthorizationExpired(
            f"The authorisation ended at {payment.expires_at:%Y-%m-%dT%H:%M:%SZ}. Start a new checkout.",
            param="payment",
        )
    amount = service.checked_capturable(payment, amount_fen, verb="capture", done="captured")
    last = final or amount == service.capturable_fen(payment)
    if not last and amount < SMALLEST_PARTIAL_FEN:
        raise CaptureTooSmall(
            f"A partial capture is at least {SMALLEST_PARTIAL_FEN} fen (1,000.00 yuan); only the last may be less.",
            param="amount",
            min_amount=SMALLEST_PARTIAL_FEN,
        )
    if done >= MOST_CAPTURES or (done == MOST_CAPTURES - 1 and not last):
        raise WrongState(
            f"A payment takes at most {MOST_CAPTURES} captures; this is number {done + 1}, so capture the rest or "
            "send final.",
            param="payment",
        )
    return amount


def _refuse_above_ceiling(
    tx: Transaction, gateway: Gateway, payment: Payment, loan: Loan, schedule: Sequence[Instalment]
) -> None:
    """Raise ``CostAboveCeiling`` when the rounded payments of a drawn loan cost more than today's rule allows.

    That of the whole amount was tested with the contract, but rounding weighs more the less is drawn.
    """
    lender, today = plans.lender_of(gateway.settings), calendar.shanghai_date(tx.now)
    payments = [row.payment for row in schedule]
    try:
        verdict = cost_ceiling.check(
            loan.principal_fen, payments, funder_type=lender.kind, on=today, bases=lender.bases
        )
    except cost_ceiling.NoRule as error:
        raise CostAboveCeiling(f"Nothing can be lent: {error}.", param="amount") from None
    if not verdict.allowed:
        raise CostAboveCeiling(
            f"A loan of {loan.principal_fen} fen over {payment.term} instalments costs "
            f"{verdict.rate.nominal_percent} % a year (nominal), {verdict.rate.effective_percent} % (effective), "
            f"because so little is rounded to whole fen; the ceiling on {today} is {verdict.ceiling:.2%} "
            f"({' and '.join(lender.bases)}). Capture more at once, or void what is left.",
            param="amount",
            ceiling=str(verdict.ceiling),
            capturable_amount=service.capturable_fen(payment),
        )


def _charges(payment: Payment, captured_fen: int) -> tuple[int, int]:
    """Merchant fee and subsidy (fen) of a captured total: differences of these make any split of captures sum."""
    return (
        money.share(captured_fen, payment.price["merchant_fee_rate"]),
        money.share(captured_fen, payment.price["merchant_subsidy_rate"]),
    )
