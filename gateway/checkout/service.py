"""The merchant's side of a checkout: it is started, found, shown, canceled, and expires."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, text, update
from sqlmodel import col, func, select

from gateway.checkout import access, order_checks, questions
from gateway.checkout.models import IS_UNDECIDED, LIVE, Checkout
from gateway.checkout.schemas import CheckoutAnswer
from gateway.checkout.states import CHECKOUT, EXPIRABLE, UNDECIDED
from gateway.core import order_lines
from gateway.core.calendar import shanghai_date
from gateway.core.order_lines import OrderedLine
from gateway.core.tenant import Mode, Tenant, mode_of
from gateway.db import keyed, witness
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.errors import (
    TermUnavailable,
    WrongState,
)
from gateway.merchants import business_clock
from gateway.merchants import service as merchants
from gateway.payments import service as payments
from gateway.plans import service as plans
from gateway.privacy import lookups
from gateway.web.context import Gateway
from gateway.webhooks import service as events

if TYPE_CHECKING:
    from gateway.decision.models import DecisionRequest
    from gateway.merchants.models import Merchant
    from gateway.privacy.vault import Vault

ANSWER = CheckoutAnswer()
ROWS = questions.ROWS
NEW = ROWS.insert()
HELD = "checkouts that are locked"


def start(tx: Transaction, gateway: Gateway, tenant: Tenant, body: dict[str, Any]) -> tuple[Checkout, bool]:
    """Start a checkout, or return the open one with the same reference and body; the flag says whether it is new.

    ``amount`` is what the shopper pays for the order, in fen, with the down payment and without the government
    subsidy; amount less down payment is financed. Raises ``CategoryRefused``, ``AmountOutOfRange``,
    ``AmountMismatch``, ``SubsidyRefused``, ``TermUnavailable``, ``DuplicateReference`` or ``ValidationFailed``.
    """
    order_checks.refuse_plain_addresses(tenant, body)
    fingerprint = _fingerprint(body)
    order = _named(tenant, body["merchant_reference"])
    live, payment, offset = tx.connection().execute(questions.OF_ORDER, order).one()
    business_clock.enter_read(tx, tenant, offset)
    known = _still_live(tx, live)
    if known is not None:
        if known.status != "approved" and known.request_sha256 == fingerprint:
            access.give_address(gateway, known)  # one from an earlier release has none
            return known, False
        order_checks.refuse_duplicate(known)
    if payment is not None:  # an order was given this reference after its approval
        order_checks.refuse_second(payment, body["merchant_reference"])
    return _new(tx, gateway, tenant, body, fingerprint), True


def _new(
    tx: Transaction, gateway: Gateway, tenant: Tenant, body: dict[str, Any], fingerprint: str
) -> Checkout:
    """A checkout of an order of which there is none, written down with its quote. Raises as ``start`` says."""
    items = order_checks.items_of(tx, tenant.merchant_id, body)
    quote = plans.quote(
        tx,
        tenant,
        amount_fen=body["amount"],
        terms=body["terms"],
        category=body["category"],
        lender=plans.lender_of(gateway.settings),
        down_payment_fen=body["down_payment"],
    )
    if not quote["plans"]:
        raise TermUnavailable(
            "No term is available for this amount; see unavailable for the reasons.",
            param="terms" if body["terms"] else "amount",
            unavailable=quote["unavailable"],
        )
    order_checks.refuse_other_term(body["term"], quote)
    checkout = Checkout(
        id=tx.new_id("chk"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        status="open",
        merchant_reference=body["merchant_reference"],
        request_sha256=fingerprint,
        amount_fen=body["amount"],
        merchant_discount_fen=body["merchant_discount"],
        down_payment_fen=body["down_payment"],
        government_subsidy=body["government_subsidy"],
        category=body["category"],
        items=items,
        terms=body["terms"],
        return_url=body["return_url"],
        cancel_url=body["cancel_url"],
        store=body["store"],
        locale=body["locale"],
        term=body["term"],
        extra=body["metadata"],
        plans=quote["plans"],
        prices=quote["prices"],
        unavailable=quote["unavailable"],
        decline_reasons=[],
        expires_at=tx.now + timedelta(seconds=body["expires_in"]),
        created_at=tx.now,
    )
    access.give_address(gateway, checkout)
    row = {column: getattr(checkout, name) for name, column in questions.COLUMNS.items()}
    keyed.insert(tx, NEW, [row])
    if tx.compares:  # the row waits for whoever gives an order this reference, so it is seen behind it
        payment = payments.with_reference(tx, tenant, body["merchant_reference"])
        if payment is not None:
            order_checks.refuse_second(payment, body["merchant_reference"])
    return checkout


def get(tx: Transaction, tenant: Tenant, checkout_id: str) -> Checkout:
    """The merchant's checkout. Raises ``NotFound``."""
    return owned(tx.get(Checkout, checkout_id), tenant, "checkout", checkout_id)


def read(tx: Transaction, tenant: Tenant, checkout_id: str) -> Any:
    """The merchant's checkout as a row to look at, at the business time. Raises ``NotFound``."""
    row: Any = tx.connection().execute(questions.OF_MERCHANT, {"checkout": checkout_id}).first()
    checkout = owned(row, tenant, "checkout", checkout_id)
    business_clock.enter_read(tx, tenant, checkout.clock_offset)
    return checkout


def cancel(tx: Transaction, tenant: Tenant, checkout_id: str) -> Checkout:
    """Cancel a checkout that is not decided yet; canceling again changes nothing.

    Raises ``WrongState``, also for the moment in which the lender is being asked.
    """
    checkout = owned(locked(tx, checkout_id), tenant, "checkout", checkout_id)
    if checkout.status != "canceled":
        end(tx, checkout, why="merchant")
    return checkout


def end(tx: Transaction, checkout: Checkout, *, why: str) -> None:
    """Cancel a checkout: ``merchant``, ``shopper`` or ``pay_in_full``. Raises ``WrongState``."""
    checkout.cancel_reason = why
    move(tx, checkout, "canceled")


def locked(tx: Transaction, checkout_id: str, *, with_people: bool = False) -> Checkout | None:
    """The checkout, locked until the transaction ends; one whose time is over is expired first.

    ``with_people``: shopper and merchant are read along.
    """
    known: Checkout | None = tx.info.get(HELD, {}).get(checkout_id)
    if known is not None:
        return known
    row = tx.execute(
        questions.LOCKED_WITH_PEOPLE if with_people else questions.LOCKED, {"checkout": checkout_id}
    ).first()
    if row is None:
        return None
    checkout: Checkout = row[0]
    _hold(tx, checkout, row[1])
    if is_over(tx, checkout):
        move(tx, checkout, "expired")
    return checkout


def locked_of_request(tx: Transaction, request_id: str) -> tuple[DecisionRequest, Checkout]:
    """A request for a decision and its checkout, both locked, with their people."""
    request, checkout, offset, version, *_ = tx.execute(questions.OF_REQUEST, {"request": request_id}).one()
    witness.enter_read(tx, "shopper", request.shopper_id, version)
    _hold(tx, checkout, offset)
    return request, checkout


def _hold(tx: Transaction, checkout: Checkout, offset: int | None) -> None:
    tx.info.setdefault(HELD, {})[checkout.id] = checkout
    business_clock.enter_read(tx, tenant_of(checkout), offset)


def is_over(tx: Transaction, checkout: Checkout | Row[Any]) -> bool:
    """Whether the checkout's time has passed without a decision."""
    return checkout.status in EXPIRABLE and checkout.expires_at <= tx.now


def expire_due(tx: Transaction, tenant: Tenant, *, limit: int = 100) -> int:
    """Expire checkouts of the tenant whose time is over; returns how many. Safe to run twice, late or in parallel."""
    query = select(Checkout).where(
        Checkout.merchant_id == tenant.merchant_id,
        Checkout.mode == tenant.mode,
        text(IS_UNDECIDED),
        col(Checkout.status).in_(EXPIRABLE),
        Checkout.expires_at <= tx.now,
    )
    due = list(tx.exec(query.limit(limit).with_for_update(skip_locked=True)))
    for checkout in due:
        move(tx, checkout, "expired")
    return len(due)


def tenants_with_due(tx: Transaction) -> list[Tenant]:
    """Merchants with checkouts past their end by the machine's time; a test clock is never behind it."""
    query = select(Checkout.merchant_id, Checkout.mode).where(
        text(IS_UNDECIDED), col(Checkout.status).in_(EXPIRABLE), Checkout.expires_at <= tx.wall
    )
    return [Tenant(merchant, mode_of(mode)) for merchant, mode in sorted(set(tx.exec(query)))]


def next_work(tx: Transaction, tenant: Tenant) -> datetime | None:
    """When the tenant's next checkout expires."""
    query = select(func.min(Checkout.expires_at)).where(
        Checkout.merchant_id == tenant.merchant_id,
        Checkout.mode == tenant.mode,
        text(IS_UNDECIDED),
        col(Checkout.status).in_(EXPIRABLE),
    )
    return tx.exec(query).one()


def hand_over(tx: Transaction, *, claim_id: str, shopper_id: str) -> None:
    """The checkouts of a claim are the person's that it was found to be. Consents stay in the words they were given."""
    for checkout in tx.exec(select(Checkout).where(Checkout.shopper_id == claim_id)):
        checkout.shopper_id = shopper_id
        tx.add(checkout)
    tx.flush()


def open_of_shopper(tx: Transaction, shopper_id: str) -> list[date]:
    """The days on which a person's undecided checkouts end, or are to be decided; never a day that is over."""
    query = select(Checkout).where(Checkout.shopper_id == shopper_id, col(Checkout.status).in_(UNDECIDED))
    ends = [row.review_due_at or row.expires_at for row in tx.exec(query) if not is_over(tx, row)]
    return [max(shanghai_date(moment), shanghai_date(tx.now) + timedelta(days=1)) for moment in ends]


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Reseal the addresses of some checkouts with the newest master key.

    Begins behind the id ``after``; returns where to go on, or None.
    """
    query = select(Checkout).where(Checkout.id > after, col(Checkout.address_sealed).is_not(None))
    rows = list(tx.exec(query.order_by(col(Checkout.id)).limit(limit).with_for_update()))
    for checkout in rows:
        access.reseal(vault, checkout)
        tx.add(checkout)
    return rows[-1].id if rows else None


def forget_phone(tx: Transaction, shopper_id: str) -> None:
    """The person is erased: nobody goes on with the checkouts by a code to the phone."""
    owned_by = ROWS.c.shopper_id == shopper_id
    tx.connection().execute(ROWS.update().where(owned_by).values(phone_lookup=None))


@lookups.follower
def _replace_lookup(tx: Transaction, mode: Mode, purpose: str, old: str, new: str) -> int:
    if purpose != "phone":
        return 0
    rows = (col(Checkout.mode) == mode, col(Checkout.phone_lookup) == old)
    count = tx.exec(select(func.count()).select_from(Checkout).where(*rows)).one()
    tx.execute(update(Checkout).where(*rows).values(phone_lookup=new))
    return count


def move(tx: Transaction, checkout: Checkout, status: str) -> None:
    """Move along the table of states and record the event of it. Raises ``WrongState``."""
    if not CHECKOUT.allows(checkout.status, status):
        raise WrongState(f"The checkout is {checkout.status} and cannot become {status}.", param="checkout")
    checkout.status = status
    if status not in UNDECIDED:
        checkout.address_sealed = None  # the creating call has no repeat any more
    tx.add(checkout)
    tx.flush()
    if status not in ("identified", "deciding"):
        tenant = tenant_of(checkout)
        data = ANSWER.dump(view(tx, checkout))
        events.record(tx, tenant, f"checkout.{status}", object_id=checkout.id, data=data)


def view(tx: Transaction, checkout: Checkout | Row[Any], *, url: str | None = None) -> dict[str, Any]:
    """The checkout as the API shows it; one whose time is over already reads as expired.

    ``url`` is for the creating call alone: its secret stands nowhere else.
    """
    return {
        "id": checkout.id,
        "mode": checkout.mode,
        "status": "expired" if is_over(tx, checkout) else checkout.status,
        "url": url,
        "amount": checkout.amount_fen,
        "merchant_reference": checkout.merchant_reference,
        "category": checkout.category,
        "items": checkout.items,
        "merchant_discount": checkout.merchant_discount_fen,
        "government_subsidy": checkout.government_subsidy,
        "down_payment": checkout.down_payment_fen,
        "financed_amount": checkout.amount_fen - checkout.down_payment_fen,
        "plans": checkout.plans,
        "unavailable": checkout.unavailable,
        "term": checkout.term,
        "payment": checkout.payment_id,
        "decline": {"code": checkout.decline_code} if checkout.decline_code else None,
        "cancel_reason": checkout.cancel_reason,
        "return_url": checkout.return_url,
        "cancel_url": checkout.cancel_url,
        "store": checkout.store,
        "locale": checkout.locale,
        "metadata": checkout.extra,
        "expires_at": checkout.expires_at,
        "review_due_at": checkout.review_due_at,
        "reopens": checkout.reopens,
        "counter_offer": _counter_offer(checkout),
        "counter_offer_of": checkout.counter_offer_of,
        "created_at": checkout.created_at,
    }


def _counter_offer(checkout: Checkout | Row[Any]) -> dict[str, Any] | None:
    """The offer that a declined checkout ends with, as the API shows it; it ends when the checkout would have."""
    offer = checkout.counter_offer
    if offer is None:
        return None
    financed_fen = checkout.amount_fen - offer["down_payment"]
    return {**offer, "financed_amount": financed_fen, "expires_at": checkout.expires_at}


def enter_time_of(tx: Transaction, checkout: Checkout) -> None:
    """Let the transaction's ``now`` be the business time of the checkout's merchant."""
    business_clock.enter(tx, tenant_of(checkout))


def quote_today(tx: Transaction, gateway: Gateway, checkout: Checkout) -> dict[str, Any]:
    """The plans for the order of a checkout as they are today."""
    return plans.quote(
        tx,
        tenant_of(checkout),
        amount_fen=checkout.amount_fen,
        terms=checkout.terms,
        category=checkout.category,
        lender=plans.lender_of(gateway.settings),
        down_payment_fen=checkout.down_payment_fen,
    )


def lines_of(checkout: Checkout) -> list[OrderedLine]:
    """The lines of the order, each with what of the financed amount it is worth."""
    return order_lines.of_order(
        checkout.items,
        category=checkout.category,
        discount_fen=checkout.merchant_discount_fen,
        subsidy_fen=checkout.government_subsidy["amount"] if checkout.government_subsidy else 0,
        down_payment_fen=checkout.down_payment_fen,
    )


def tenant_of(checkout: Checkout) -> Tenant:
    """Whose checkout it is."""
    return Tenant.of(checkout)


def merchant_of(tx: Transaction, checkout: Checkout) -> Merchant:
    """The seller."""
    return merchants.get(tx, checkout.merchant_id)


def live_of_order(tx: Transaction, tenant: Tenant, reference: str) -> Checkout | None:
    """The checkout of an order that is not over, locked; an order has at most one."""
    return _still_live(
        tx, tx.connection().execute(questions.LIVE_OF_ORDER, _named(tenant, reference)).scalar()
    )


def _named(tenant: Tenant, reference: str) -> dict[str, str]:
    return {"merchant": tenant.merchant_id, "mode": tenant.mode, "reference": reference}


def _still_live(tx: Transaction, checkout_id: str | None) -> Checkout | None:
    known = locked(tx, checkout_id) if checkout_id is not None else None
    return known if known is not None and known.status in LIVE else None


def live_with_reference(tx: Transaction, tenant: Tenant, reference: str) -> str | None:
    """The id of the checkout that is open or approved under this reference, or None."""
    known = live_of_order(tx, tenant, reference)
    return known.id if known is not None else None


def _fingerprint(body: dict[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
