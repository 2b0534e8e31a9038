"""Capture: the merchant ships, the lender lends, and the merchant's claim enters the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlmodel import select

from gateway.core import calendar, cost_ceiling
from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.errors import AuthorizationExpired, CaptureTooSmall, CostAboveCeiling, WrongState
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import drawdown
from gateway.merchants import service as merchants
from gateway.payments import charges, deliveries, lines, sandbox_outcomes, service, subsidies
from gateway.payments.charges import Charges
from gateway.payments.contents import Contents, of_payment
from gateway.payments.methods import service as methods
from gateway.payments.milestones import holding, planning
from gateway.payments.models import Capture, Payment
from gateway.plans import service as plans
from gateway.settlement import service as settlement
from gateway.settlement import terms
from gateway.settlement.terms import Terms
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.core.schedule import Instalment
    from gateway.loans.models import Loan

SMALLEST_PARTIAL_FEN = 100_000
MOST_CAPTURES = 10


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
    milestone: str | None = None,
) -> tuple[Payment, Contents]:
    """Capture ``items`` or ``amount_fen`` (all that is left when both are None): one loan, one settlement line.

    With ``milestone``, what that stages. Returns the payment and what hangs on it then. Raises
    ``AuthorizationExpired``, ``WrongState``, ``AmountAboveAuthorized``, ``CaptureTooSmall``, ``CostAboveCeiling``,
    ``DeliveryRefused``, ``SerialNumberTaken``, ``RepaymentMethodMissing`` or what ``lines.to_capture`` and
    ``planning`` raise; then nothing has changed.
    """
    payment, agreed = _locked(tx, gateway, tenant, payment_id)
    contents = of_payment(tx, payment)
    stage = planning.named(tx, payment, milestone) if milestone else None
    if stage and items is None:
        amount_fen = planning.amount_of(stage, amount_fen)
    taking = lines.to_capture(contents.standings, payment, items, amount_fen)
    wanted_fen = planning.amount_of(stage, taking.amount_fen) if stage else taking.amount_fen
    amount = _checked(payment, wanted_fen, final=final, done=len(contents.captures), now=tx.now)
    stages = [stage] if stage else planning.carried(tx, payment, amount, final=final)
    charged = charges.of_capture(payment.price, before_fen=payment.captured_fen, amount_fen=amount)
    capture_id = tx.new_id("cap")
    loan = _draw(tx, gateway, payment, capture_id, amount, charged)
    row = Capture(
        id=capture_id,
        payment_id=payment.id,
        amount_fen=amount,
        refunded_fen=0,
        merchant_fee_fen=charged.fee_fen,
        vat_fen=charged.vat_fen,
        merchant_subsidy_fen=charged.subsidy_fen,
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
    settlement_date = agreed.settlement_date(tx.now, gateway.ports.working_days)
    contents.settlement_dates[row.id] = settlement_date
    entry_id = _book(tx, payment, row, charged)
    _claim(tx, gateway, payment, row, charged, settlement_date=settlement_date, entry_id=entry_id)
    net = amount - charged.total_fen
    holding.hold(tx, payment, row, stages, net_fen=net, settlement_date=settlement_date)
    subsidies.claim(tx, tenant, payment, row, contents)
    if final:
        service.void_rest(tx, payment)
    service.note(tx, payment, "payment.captured", contents=contents)
    return payment, contents


def _locked(tx: Transaction, gateway: Gateway, tenant: Tenant, payment_id: str) -> tuple[Payment, Terms]:
    """The merchant's payment, locked, and the terms that say when a capture of today is settled.

    Raises ``NotFound``, or ``RepaymentMethodMissing``.
    """
    query = merchants.read_along(select(Payment), Payment.merchant_id).where(Payment.id == payment_id)
    query = query.with_for_update(of=Payment)
    today = calendar.shanghai_date(tx.now)
    found = tx.execute(terms.read_along(query, Payment.merchant_id, Payment.mode, today)).first()
    payment, said = (None, None) if found is None else (found[0], found[-1])
    locked = owned(payment, tenant, "payment", payment_id, param="payment")
    methods.require(tx, gateway, mode=tenant.mode, shopper_id=locked.shopper_id)
    return locked, terms.read(said, terms.standard(gateway.settings))


def _draw(
    tx: Transaction, gateway: Gateway, payment: Payment, capture_id: str, amount_fen: int, charged: Charges
) -> Loan:
    """The loan of a capture. Raises ``CostAboveCeiling``."""
    loan, schedule = drawdown.draw_down(
        tx,
        service.tenant_of(payment),
        payment_id=payment.id,
        capture_id=capture_id,
        shopper_id=payment.shopper_id,
        funder=payment.funder,
        price=payment.price,
        authorised_fen=payment.amount_fen,
        captured_before_fen=payment.captured_fen,
        amount_fen=amount_fen,
        merchant_subsidy_fen=charged.subsidy_fen,
        contract_date=calendar.shanghai_date(tx.now),
    )
    _refuse_above_ceiling(tx, gateway, payment, loan, schedule)
    return loan


def _book(tx: Transaction, payment: Payment, row: Capture, charged: Charges) -> str:
    """Book the drawdown and that the amount is authorised no longer; returns the drawdown's entry.

    Two entries: unwinding reverses the drawdown, and what was captured is not authorised again by that.
    """
    drawn = postings.drawdown(
        loan=row.loan_id,
        payment=payment.id,
        funder=payment.funder,
        merchant=payment.merchant_id,
        principal_fen=row.amount_fen,
        fee_net_fen=charged.net_fee_fen,
        vat_fen=charged.vat_fen,
        subsidy_fen=charged.subsidy_fen,
    )
    released = postings.release_authorisation(amount_fen=row.amount_fen, payment=payment.id)
    events = [
        ledger.Event("capture", ("capture", row.id), drawn),
        ledger.Event("captured", ("payment", payment.id), released, key=f"captured:{row.id}"),
    ]
    entry_id, _ = ledger.book_together(tx, service.tenant_of(payment), events)
    return entry_id


def _claim(
    tx: Transaction,
    gateway: Gateway,
    payment: Payment,
    row: Capture,
    charged: Charges,
    *,
    settlement_date: date,
    entry_id: str,
) -> None:
    """The line of the merchant's claim, which waits for its settlement."""
    settlement.add_line(
        tx,
        service.tenant_of(payment),
        kind="capture",
        object_id=row.id,
        payment_id=payment.id,
        capture_id=row.id,
        merchant_reference=payment.merchant_reference,
        store=payment.store,
        amount_fen=row.amount_fen,
        merchant_fee_fen=charged.fee_fen,
        merchant_subsidy_fen=charged.subsidy_fen,
        from_pending_fen=row.amount_fen - charged.total_fen,
        settlement_date=settlement_date,
        test_failure=sandbox_outcomes.payout_failure(tx, gateway, payment),
        entry_id=entry_id,
    )


def _checked(payment: Payment, amount_fen: int | None, *, final: bool, done: int, now: datetime) -> int:
    if payment.lapses_at <= now and service.capturable_fen(payment):
        raise AuthorizationExpired(
            f"The authorisation expired at {payment.lapses_at:%Y-%m-%dT%H:%M:%SZ}. Start a new checkout.",
            param="payment",
        )
    amount = service.checked_capturable(payment, amount_fen, verb="capture", done="captured")
    last = final or amount == service.capturable_fen(payment)
    if not last and amount < SMALLEST_PARTIAL_FEN:
        raise CaptureTooSmall(
            f"A partial capture must be at least {SMALLEST_PARTIAL_FEN} fen (1,000.00 yuan); only the last one "
            "may be less.",
            param="amount",
            min_amount=SMALLEST_PARTIAL_FEN,
        )
    if done >= MOST_CAPTURES or (done == MOST_CAPTURES - 1 and not last):
        raise WrongState(
            f"A payment can have at most {MOST_CAPTURES} captures and this is number {done + 1}: capture the "
            "rest, or send final.",
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
        raise CostAboveCeiling(f"No loan can be made: {error}.", param="amount") from None
    if not verdict.allowed:
        raise CostAboveCeiling(
            f"A loan of {loan.principal_fen} fen over {payment.term} instalments costs "
            f"{verdict.rate.nominal_percent} % a year (nominal), {verdict.rate.effective_percent} % (effective), "
            f"because a small amount is rounded to whole fen; the ceiling on {today} is {verdict.ceiling:.2%} "
            f"({' and '.join(lender.bases)}). Capture more at once, or void the rest.",
            param="amount",
            ceiling=str(verdict.ceiling),
            capturable_amount=service.capturable_fen(payment),
        )
