"""Trade-in subsidies: the merchant has advanced one, and the programme owes it; it is never part of the loan.

Sources: the rules of the 2026 programme (domain reference, section 5): not financed, its own receivable; on a return
the shopper gets back only what the shopper paid, and a subsidy that was paid out goes back to the programme.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sqlmodel import select

from gateway.core.money import half_up
from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.errors import WrongState
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.payments import lines, quotas
from gateway.payments.contents import Contents
from gateway.payments.models import Capture, Payment, SubsidyClaim
from gateway.settlement import service as settlement


def claim(tx: Transaction, tenant: Tenant, payment: Payment, capture: Capture, contents: Contents) -> None:
    """Book the part of the order's subsidy that goes with a capture; parts of all captures sum to the whole.

    A subsidy goes with the line it was claimed for. What was captured without naming lines has its share of the rest.
    """
    if payment.government_subsidy is None:
        return
    quotas.use(tx, payment, contents.standings)
    due = _due_fen(payment, contents.standings) - sum(row.amount_fen for row in contents.claims)
    if due <= 0:
        return
    row = SubsidyClaim(
        id=tx.new_id("sub"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        payment_id=payment.id,
        capture_id=capture.id,
        programme=payment.government_subsidy["programme"],
        amount_fen=due,
        returned_fen=0,
        created_at=tx.now,
    )
    tx.add(row)
    contents.claims.append(row)
    entries = postings.government_subsidy(
        payment=payment.id, programme=row.programme, merchant=tenant.merchant_id, amount_fen=row.amount_fen
    )
    ledger.book(
        tx,
        Tenant.of(row),
        ledger.Event(
            "subsidy_claimed", ("payment", row.payment_id), entries, key=f"subsidy_claimed:{row.id}"
        ),
    )


def receive(tx: Transaction, tenant: Tenant, claim_id: str) -> SubsidyClaim:
    """The programme has paid what it still owes of a claim: the merchant gets it with the next batch.

    Idempotent. Raises ``NotFound``; ``WrongState`` when everything was returned before.
    """
    query = select(SubsidyClaim).where(SubsidyClaim.id == claim_id).with_for_update()
    row = owned(tx.exec(query).first(), tenant, "subsidy claim", claim_id)
    if row.paid_at is not None:
        return row
    amount = row.amount_fen - row.returned_fen
    if not amount:
        raise WrongState("The goods were returned: the programme owes nothing.", param="subsidy_claim")
    row.paid_at = tx.now
    tx.add(row)
    payment = tx.get_one(Payment, row.payment_id)
    entries = postings.subsidy_received(
        payment=row.payment_id,
        programme=row.programme,
        funder=payment.funder,
        merchant=tenant.merchant_id,
        amount_fen=amount,
    )
    entry_id = ledger.book(
        tx,
        Tenant.of(row),
        ledger.Event(
            "subsidy_received", ("payment", row.payment_id), entries, key=f"subsidy_received:{row.id}"
        ),
    )
    _settle(tx, payment, row, kind="subsidy", object_id=row.id, amount_fen=amount, entry_id=entry_id)
    return row


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What of a claim goes back to its programme, in fen, and which of the merchant's claims bear that."""

    row: SubsidyClaim
    amount_fen: int
    bearing: settlement.Bearing


def to_give_back(
    tx: Transaction,
    payment: Payment,
    capture: Capture,
    standings: lines.Standings,
    bearer: settlement.Bearer,
    *,
    locks: bool = True,
) -> GivenBack | None:
    """Goods of a capture came back: their subsidy goes back, and a share for goods that no refund has named.

    The share is of what the goods cost less what other refunds took off that price, so that the whole subsidy is back
    when all goods are. Writes nothing.
    """
    if payment.government_subsidy is None:
        return None
    query = select(SubsidyClaim).where(SubsidyClaim.capture_id == capture.id)
    row = tx.exec(query.with_for_update() if locks else query).first()
    amount = 0 if row is None else _returned_fen(capture, row.amount_fen, standings) - row.returned_fen
    if row is None or amount <= 0:
        return None
    bearing = bearer.settled(amount) if row.paid_at is not None else settlement.Bearing(amount, 0, 0)
    return GivenBack(row, amount, bearing)


def give_back(tx: Transaction, tenant: Tenant, payment: Payment, given: GivenBack, *, refund: str) -> None:
    """Write and book what goes back to the programme."""
    row, amount, bearing = given.row, given.amount_fen, given.bearing
    row.returned_fen += amount
    tx.add(row)
    entries = postings.subsidy_returned(
        payment=payment.id,
        programme=row.programme,
        merchant=tenant.merchant_id,
        from_pending_fen=bearing.pending_fen,
        from_available_fen=bearing.available_fen,
        from_receivable_fen=bearing.receivable_fen,
    )
    entry_id = ledger.book(
        tx,
        Tenant.of(row),
        ledger.Event(
            "subsidy_returned",
            ("payment", row.payment_id),
            entries,
            key=f"subsidy_returned:{row.id}:{row.returned_fen}",
        ),
    )
    if row.paid_at is not None:
        _settle(
            tx,
            payment,
            row,
            kind="subsidy_return",
            object_id=f"{refund}:{row.id}",
            amount_fen=amount,
            entry_id=entry_id,
        )


def _due_fen(payment: Payment, standings: lines.Standings) -> int:
    """What of the order's subsidy is due for all that was captured."""
    gone = [standing for standing in standings.values() if standing.captured]
    named = sum(standing.row.subsidy_fen * standing.captured // standing.row.ordered for standing in gone)
    rest = sum(standing.row.subsidy_fen for standing in standings.values()) - named
    captured = sum(standing.captured_fen for standing in gone)
    worth = payment.amount_fen - captured
    return named + (half_up(Fraction(rest * (payment.captured_fen - captured), worth)) if worth else rest)


def _returned_fen(capture: Capture, claimed_fen: int, standings: lines.Standings) -> int:
    """What of a capture's claim belongs to all that came back of it."""
    named = named_fen = 0
    for standing in standings.values():
        for row in standing.taken:
            if row.capture_id == capture.id:
                named += standing.row.subsidy_fen * row.returned // standing.row.ordered
                named_fen += row.returned_fen
    named = min(named, claimed_fen)
    unnamed = capture.goods_returned_fen - named_fen
    price = capture.amount_fen - capture.refunded_fen + unnamed
    return named + half_up(Fraction((claimed_fen - named) * unnamed, price)) if unnamed > 0 else named


def _settle(
    tx: Transaction,
    payment: Payment,
    row: SubsidyClaim,
    *,
    kind: str,
    object_id: str,
    amount_fen: int,
    entry_id: str,
) -> None:
    settlement.add_line(
        tx,
        Tenant.of(row),
        kind=kind,
        object_id=object_id,
        payment_id=payment.id,
        capture_id=row.capture_id,
        merchant_reference=payment.merchant_reference,
        store=payment.store,
        amount_fen=amount_fen,
        entry_id=entry_id,
    )
