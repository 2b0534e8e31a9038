"""One person gets one trade-in subsidy of each category of a programme, in all shops together.

The quota is reserved when the payment is authorised, used when the goods are captured (also if they come back later),
and free again when the authorisation ends without them. A person is known by the keyed hash of the ID number.
Source: the rules of the 2026 programme (domain reference, section 5): one piece per person and category.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update
from sqlmodel import col, func, select

from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.errors import SubsidyQuotaUsed
from gateway.identity import service as identity
from gateway.payments import lines
from gateway.payments.models import Payment, SubsidyQuota
from gateway.privacy import lookups

DECLINE_CODE = "subsidy_quota_used"
REASON = {
    "code": DECLINE_CODE,
    "text_zh": "您已享受过该活动对这一品类的补贴，每人每品类限一次；请返回商家按不含补贴的价格下单",
    "text_en": "You have already used this programme's subsidy for this category of goods; return to the shop "
    "and order without it",
}
Claim = dict[str, Any]


def refuse_used(
    tx: Transaction, mode: Mode, *, shopper_id: str, claim: Claim | None, items: Sequence[dict[str, Any]]
) -> None:
    """Raise ``SubsidyQuotaUsed`` when the person has had a subsidy that the order claims; ``claim`` is the order's."""
    category = used(tx, mode, shopper_id=shopper_id, claim=claim, items=items)
    if claim is not None and category is not None:
        raise SubsidyQuotaUsed(
            f"The person has already used the subsidy of {claim['programme']} for a {category}. Nothing was "
            "charged: start a checkout without the subsidy.",
            param="id_number",
            programme=claim["programme"],
            category=category,
        )


def used(
    tx: Transaction, mode: Mode, *, shopper_id: str, claim: Claim | None, items: Sequence[dict[str, Any]]
) -> str | None:
    """The first category of the order's claim whose quota the person has reserved or used."""
    categories = [item["subsidy_category"] for item in items if item.get("subsidy_category")]
    if claim is None or not categories:
        return None
    query = select(SubsidyQuota.category).where(
        SubsidyQuota.mode == mode,
        SubsidyQuota.programme == claim["programme"],
        SubsidyQuota.person_lookup == identity.lookups_of(tx, shopper_id)["id_number"],
        col(SubsidyQuota.category).in_(categories),
    )
    return tx.exec(query.order_by(col(SubsidyQuota.category))).first()


def reserve(tx: Transaction, payment: Payment, standings: lines.Standings) -> None:
    """Reserve what a new payment's lines claim. Of two that try at once one loses the race, and finds it reserved."""
    if payment.government_subsidy is None:
        return
    person = identity.lookups_of(tx, payment.shopper_id)["id_number"]
    for standing in standings.values():
        if standing.row.subsidy_category is not None and standing.row.subsidy_fen:
            tx.add(
                SubsidyQuota(
                    mode=payment.mode,
                    programme=payment.government_subsidy["programme"],
                    category=standing.row.subsidy_category,
                    person_lookup=person,
                    payment_id=payment.id,
                    reserved_at=tx.now,
                )
            )
    tx.flush()


def use(tx: Transaction, payment: Payment, standings: lines.Standings) -> None:
    """The goods were captured: their quota is used for good. What was captured by amount may be any of them."""
    named = sum(standing.captured_fen for standing in standings.values())
    gone = {standing.row.subsidy_category for standing in standings.values() if standing.captured}
    for row in _of(tx, payment):
        if row.used_at is None and (row.category in gone or payment.captured_fen > named):
            row.used_at = tx.now
            tx.add(row)
    free(tx, payment)


def free(tx: Transaction, payment: Payment) -> None:
    """Nothing more will be captured: what was not used can be had again."""
    if not payment.capturable_fen:
        for row in _of(tx, payment):
            if row.used_at is None:
                tx.delete(row)


def _of(tx: Transaction, payment: Payment) -> Sequence[SubsidyQuota]:
    if payment.government_subsidy is None:
        return ()
    query = select(SubsidyQuota).where(SubsidyQuota.payment_id == payment.id)
    return tx.exec(query.with_for_update()).all()


def of_erased(tx: Transaction) -> int:
    """How many quotas are held by people who were erased: their hash is all that is left of them."""
    people = tx.exec(
        select(Payment.shopper_id).join(SubsidyQuota, col(SubsidyQuota.payment_id) == col(Payment.id))
    ).all()
    return sum(identity.is_erased(tx, shopper_id) for shopper_id in people)


@lookups.follower
def _replace_lookup(tx: Transaction, mode: Mode, purpose: str, old: str, new: str) -> int:
    if purpose != "id_number":
        return 0
    rows = (col(SubsidyQuota.mode) == mode, col(SubsidyQuota.person_lookup) == old)
    count = tx.exec(select(func.count()).select_from(SubsidyQuota).where(*rows)).one()
    tx.execute(update(SubsidyQuota).where(*rows).values(person_lookup=new))
    return count
