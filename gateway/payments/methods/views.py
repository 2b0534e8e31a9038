"""What pages show of a person's repayment method: never what it is collected by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from gateway.payments.methods import service
from gateway.payments.methods.models import RepaymentMethod

if TYPE_CHECKING:
    from gateway.db.transactions import Transaction

BRANDS = {
    "visa": ("Visa", "Visa"),
    "mastercard": ("Mastercard", "Mastercard"),
    "unionpay": ("银联", "UnionPay"),
    "jcb": ("JCB", "JCB"),
    "amex": ("美国运通", "American Express"),
    "diners": ("大来卡", "Diners Club"),
    "discover": ("Discover", "Discover"),
    "alipay": ("支付宝", "Alipay"),
    "wechat_pay": ("微信支付", "WeChat Pay"),
}
"""By the institution's word, as a reader of Chinese and of English knows it."""
OTHER = ("银行卡", "Bank card")


@dataclass(frozen=True, slots=True)
class Shown:
    """A method for a page; ``expires`` is ``12/2030``, and ``state`` is ``good``, ``ending`` or ``expired``."""

    id: str
    brand: str
    last4: str
    expires: str | None
    attached_at: datetime | None
    state: str


def shown(
    row: RepaymentMethod | None, *, language: str, today: date, next_due: date | None = None
) -> Shown | None:
    """How a page in a language shows a method, on a day: it is ending where it cannot pay what falls due next."""
    if row is None or row.brand is None:
        return None
    zh, en = BRANDS.get(row.brand, OTHER)
    expires = f"{row.exp_month:02d}/{row.exp_year}" if row.exp_year and row.exp_month else None
    ending = service.has_expired(row, next_due) if next_due is not None else False
    state = "expired" if service.has_expired(row, today) else "ending" if ending else "good"
    return Shown(row.id, en if language == "en" else zh, row.last4 or "", expires, row.attached_at, state)


def of_person(
    tx: Transaction, shopper_id: str, *, language: str, next_due: date | None = None
) -> Shown | None:
    """The active method of a person, as a page shows it."""
    row = service.active(tx, shopper_id)
    return shown(row, language=language, today=service.today(tx), next_due=next_due)
