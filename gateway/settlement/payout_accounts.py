"""Where a merchant's payouts go: an account counts from a moment on, until the next one does.

Whoever takes over a login would change this first. So a change needs a recent login with a second factor, every owner
is told, and it counts only after a cooling-off, in which any owner can cancel it. Until then payouts go to the account
before: waiting would let a stranger stop a merchant's money with a request. A merchant's first account counts at once:
there is no money on its way to another.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from gateway.core.masking import mask_name
from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.errors import ValidationFailed, WrongState
from gateway.merchants import service as merchants
from gateway.privacy.vault import Vault
from gateway.settlement import account_notices as notices
from gateway.settlement.models import PayoutAccount

if TYPE_CHECKING:
    from gateway.web.context import Gateway

KINDS = ("bank_card", "bank_account", "institution_account")
OF_BANKS = ("bank_card", "bank_account")
FORMS = {
    "bank_card": (r"\d{16,19}", "Must be the 16 to 19 digits of a bank card."),
    "bank_account": (r"\d{8,32}", "Must be the 8 to 32 digits of a bank account."),
    "institution_account": (
        r"[A-Za-z0-9_.:-]{3,64}",
        "Must be 3 to 64 letters, digits or _ . : -, as the institution calls the account.",
    ),
}
"""By kind what its number looks like, and what to say of one that does not."""
BETWEEN = re.compile(r"[\s\-‐-―]")
"""What people write between the digits of a number."""
NEWEST = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account as somebody names it; ``number`` may be written with spaces, hyphens or full-width digits."""

    kind: str
    number: str
    holder: str | None = None
    bank: str | None = None
    reason: str | None = None


def checked(wanted: Wanted) -> Wanted:
    """The account with its number in plain form. Raises ``ValidationFailed`` that names the field."""
    number = unicodedata.normalize("NFKC", wanted.number)
    number = BETWEEN.sub("", number) if wanted.kind in OF_BANKS else number.strip()
    pattern, detail = FORMS[wanted.kind]
    if not re.fullmatch(pattern, number, re.ASCII):
        raise _invalid("number", detail)
    if wanted.kind == "bank_card" and not _has_check_digit(number):
        raise _invalid("number", "The check digit of the card number is wrong: compare it with the card.")
    if wanted.kind in OF_BANKS:
        for param in ("holder", "bank"):
            if not getattr(wanted, param):
                raise _invalid(param, f"A {wanted.kind} needs it: the bank compares it with the number.")
    return Wanted(wanted.kind, number, wanted.holder, wanted.bank, wanted.reason)


def request_change(
    tx: Transaction, gateway: Gateway, tenant: Tenant, wanted: Wanted, *, asked_by: str
) -> PayoutAccount:
    """Let payouts go to another account after the cooling-off, and tell every owner.

    Raises ``ValidationFailed``, and ``WrongState`` while another change waits or where nothing would change.
    """
    wanted = checked(wanted)
    merchants.lock(tx, tenant.merchant_id)
    waits = waiting(tx, tenant)
    if waits is not None:
        raise WrongState(
            f"The change {waits.id} waits until {waits.effective_at:%Y-%m-%d %H:%M} UTC: cancel it first.",
            payout_account=waits.id,
        )
    current = in_force(tx, tenant)
    before = number_for(tx, gateway.vault, tenant.merchant_id, current.id if current else None)
    if before == wanted.number and (current is None or current.kind == wanted.kind):
        raise WrongState("Payouts already go to this account: nothing would change.")
    cooling_off = timedelta(hours=gateway.settings.payout_account_cooling_hours) if before else timedelta()
    id = tx.new_id("pac")
    details = json.dumps({"number": wanted.number, "holder": wanted.holder}, ensure_ascii=False)
    account = PayoutAccount(
        id=id,
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        kind=wanted.kind,
        details_sealed=gateway.vault.seal(details, **_place(id)),
        last4=wanted.number[-4:],
        bank=wanted.bank,
        asked_by=asked_by,
        reason=wanted.reason,
        created_at=tx.now,
        effective_at=tx.now + cooling_off,
    )
    tx.add(account)
    tx.flush()
    notices.queue(tx, account, "requested")
    return account


def cancel(tx: Transaction, tenant: Tenant, account_id: str, *, canceled_by: str) -> PayoutAccount:
    """Take back a change that does not count yet, and tell every owner. Idempotent.

    Raises ``NotFound``, and ``WrongState`` for an account that payouts go to, or went to, already.
    """
    get(tx, tenant, account_id)
    merchants.lock(tx, tenant.merchant_id)
    account = tx.get_one(PayoutAccount, account_id, with_for_update=True, populate_existing=True)
    if account.canceled_at is not None:
        return account
    if account.effective_at <= tx.now:
        raise WrongState(
            "The account counts already: request a change to the account that payouts should go to.",
            payout_account=account.id,
        )
    account.canceled_at, account.canceled_by = tx.now, canceled_by
    tx.add(account)
    tx.flush()
    notices.queue(tx, account, "canceled")
    return account


def get(tx: Transaction, tenant: Tenant, account_id: str) -> PayoutAccount:
    """The merchant's account. Raises ``NotFound``."""
    return owned(tx.get(PayoutAccount, account_id), tenant, "payout account", account_id)


def in_force(tx: Transaction, tenant: Tenant) -> PayoutAccount | None:
    """The account that payouts of the merchant go to at ``tx.now``; None where it has named none here."""
    query = _of(tenant).where(PayoutAccount.effective_at <= tx.now)
    return tx.exec(query.limit(1)).first()


def waiting(tx: Transaction, tenant: Tenant) -> PayoutAccount | None:
    """The change that does not count yet, if there is one."""
    query = _of(tenant).where(PayoutAccount.effective_at > tx.now)
    return tx.exec(query.limit(1)).first()


def number_for(tx: Transaction, vault: Vault, merchant_id: str, account_id: str | None) -> str | None:
    """The number of an account; without one, what older releases kept as the merchant's; None where there is none."""
    if account_id is None:
        return merchants.get(tx, merchant_id).payout_account
    return str(_details(vault, tx.get_one(PayoutAccount, account_id))["number"])


def viewer(tx: Transaction, tenant: Tenant, vault: Vault) -> Callable[[PayoutAccount], dict[str, Any]]:
    """What shows an account as the API does, masked, with what it is at ``tx.now``."""
    current, now = in_force(tx, tenant), tx.now
    current_id = current.id if current else None
    return lambda account: _view(account, vault, _status(account, current_id, now))


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Reseal some accounts from the id ``after`` on; returns where to go on, or None."""
    query = select(PayoutAccount).where(PayoutAccount.id > after)
    rows = list(tx.exec(query.order_by(col(PayoutAccount.id)).limit(limit).with_for_update()))
    for row in rows:
        row.details_sealed = vault.resealed(row.details_sealed, **_place(row.id))
        tx.add(row)
    return rows[-1].id if rows else None


def _of(tenant: Tenant) -> Any:
    """The merchant's accounts that were not cancelled, the one that counts last first."""
    query = select(PayoutAccount).where(
        PayoutAccount.merchant_id == tenant.merchant_id,
        PayoutAccount.mode == tenant.mode,
        col(PayoutAccount.canceled_at).is_(None),
    )
    return query.order_by(col(PayoutAccount.effective_at).desc(), col(PayoutAccount.id).desc())


def _status(account: PayoutAccount, current_id: str | None, now: datetime) -> str:
    if account.canceled_at is not None:
        return "canceled"
    if account.effective_at > now:
        return "waiting"
    return "in_force" if account.id == current_id else "replaced"


def _view(account: PayoutAccount, vault: Vault, status: str) -> dict[str, Any]:
    holder = _details(vault, account)["holder"]
    return {
        "id": account.id,
        "mode": account.mode,
        "status": status,
        "kind": account.kind,
        "number": f"****{account.last4}",
        "holder": mask_name(holder) if holder else None,
        "bank": account.bank,
        "reason": account.reason,
        "requested_by": account.asked_by,
        "created_at": account.created_at,
        "effective_at": account.effective_at,
        "canceled_at": account.canceled_at,
        "canceled_by": account.canceled_by,
    }


def _details(vault: Vault, account: PayoutAccount) -> dict[str, Any]:
    return dict(json.loads(vault.open(account.details_sealed, **_place(account.id))))


def _place(account_id: str) -> dict[str, str]:
    return {"table": "payout_account", "row": account_id, "column": "details_sealed"}


def _has_check_digit(number: str) -> bool:
    """Luhn's check."""
    digits = [int(char) for char in reversed(number)]
    doubled = [digit if at % 2 == 0 else sum(divmod(digit * 2, 10)) for at, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0


def _invalid(param: str, detail: str) -> ValidationFailed:
    return ValidationFailed([{"param": param, "code": "invalid", "detail": detail}])
