"""What an order must be before a checkout is started for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import (
    AmountMismatch,
    AmountOutOfRange,
    DuplicateReference,
    TermUnavailable,
    ValidationFailed,
)
from gateway.plans import service as plans
from gateway.plans import subsidies

if TYPE_CHECKING:
    from gateway.checkout.models import Checkout


def refuse_plain_addresses(tenant: Tenant, body: dict[str, Any]) -> None:
    """In live mode the shopper goes back over https only."""
    errors = [
        {"param": name, "code": "invalid", "detail": "Must begin with https:// in live mode."}
        for name in ("return_url", "cancel_url")
        if tenant.mode == "live" and not body[name].startswith("https://")
    ]
    if errors:
        raise ValidationFailed(errors)


def refuse_other_term(term: int | None, quote: dict[str, Any]) -> None:
    """A term that was chosen in the shop is one of those offered. Raises ``TermUnavailable``."""
    if term is not None and term not in [plan["term"] for plan in quote["plans"]]:
        raise TermUnavailable(
            f"{term} instalments are not offered for this order; see unavailable for the reasons.",
            param="term",
            unavailable=quote["unavailable"],
        )


def items_of(tx: Transaction, merchant_id: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The order's items, each that claims a subsidy with its ``government_subsidy`` (fen).

    Raises ``CategoryRefused``, ``AmountOutOfRange``, ``AmountMismatch`` or ``SubsidyRefused``.
    """
    plans.refuse_category(body["category"], param="category")
    for index, item in enumerate(body["items"]):
        plans.refuse_category(item["category"], param=f"items[{index}].category")
    plans.check_amount(body["amount"])
    if body["down_payment"] >= body["amount"]:
        raise AmountOutOfRange(
            f"The down payment of {body['down_payment']} fen leaves nothing of the {body['amount']} fen to finance.",
            param="down_payment",
            max_amount=body["amount"] - 1,
        )
    _check_sum(body)
    if body["government_subsidy"] is None:
        return list(body["items"])
    due = subsidies.check(
        tx,
        merchant_id,
        body["government_subsidy"],
        body["items"],
        merchant_discount_fen=body["merchant_discount"],
    )
    return [
        {**item, "government_subsidy": fen} if fen else item
        for item, fen in zip(body["items"], due, strict=True)
    ]


def _check_sum(body: dict[str, Any]) -> None:
    subsidy = body["government_subsidy"]["amount"] if body["government_subsidy"] else 0
    goods = sum(item["quantity"] * item["unit_price"] for item in body["items"])
    expected = goods - body["merchant_discount"] - subsidy
    if expected != body["amount"]:
        raise AmountMismatch(
            f"The items minus discount and subsidy add up to {expected} fen, but the amount is {body['amount']} fen.",
            param="amount",
            expected=expected,
            actual=body["amount"],
            difference=body["amount"] - expected,
        )


def refuse_second(payment: str, reference: str) -> NoReturn:
    """An order has one payment. Raises ``DuplicateReference``."""
    raise DuplicateReference(
        f"The payment {payment} has the reference {reference!r}: an order can have only one payment.",
        param="merchant_reference",
        payment=payment,
    )


def refuse_duplicate(known: Checkout) -> NoReturn:
    """An order has one live checkout. Raises ``DuplicateReference``."""
    what = (
        "is approved: an order can have only one payment"
        if known.status == "approved"
        else "is still open with different contents: cancel it first"
    )
    raise DuplicateReference(
        f"The checkout {known.id} with the reference {known.merchant_reference!r} {what}.",
        param="merchant_reference",
        checkout=known.id,
        payment=known.payment_id,
    )
