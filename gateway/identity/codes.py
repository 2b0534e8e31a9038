"""One-time codes: noted and queued in one transaction, sent from the outbox, and tried a few times.

Until it is sent, a code lies sealed in its row; the outbox holds only which code it is. A code that expires before it
could be sent is never sent. How often a phone is written to, and a code is guessed, is limited by ``code_limits``.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete
from sqlmodel import col, select

from gateway.core.references import reference
from gateway.core.tenant import Tenant, mode_of
from gateway.db.row_locks import held
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.errors import CodeRefused, TooManyRequests
from gateway.identity import code_limits
from gateway.identity.models import OneTimeCode
from gateway.identity.service import checked_phone
from gateway.monitoring.security_events import returned_refusal
from gateway.outbox import service as outbox
from gateway.privacy.vault import Vault

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

TOPIC = "notify.code"
CODE_LIFE = timedelta(minutes=10)
MAX_CODES = 5
MAX_ATTEMPTS = 5


def queue(
    tx: Transaction,
    vault: Vault,
    tenant: Tenant,
    *,
    subject_id: str,
    phone: str,
    code: str,
    to_nobody: bool = False,
) -> None:
    """Note a fresh code for ``subject_id`` and queue its message. Raises ``IdentityRefused`` or ``TooManyRequests``.

    ``to_nobody``: all of that, but the message is never sent, so that nobody can see which phones are known.
    """
    number = checked_phone(phone)
    code_limits.check(tx, vault, tenant, code_limits.SENT, number)
    row = note(tx, vault, subject_id=subject_id, phone=phone, code=code)
    code_limits.count(tx, vault, tenant, code_limits.SENT, number)
    message = json.dumps({"phone": "" if to_nobody else number, "code": code})
    # With the code in it: after a restore the next code is another message, and the same one is not sent twice.
    row.reference = reference("msg", tenant, subject_id, row.sent, row.code_lookup)
    row.message_sealed = vault.seal(message, **_place(row.reference))
    tx.add(row)
    good_until = (tx.wall + CODE_LIFE).isoformat()
    outbox.put(
        tx,
        TOPIC,
        {"subject": subject_id, "reference": row.reference, "mode": tenant.mode, "good_until": good_until},
        tenant=tenant if tenant.merchant_id else None,
        mode=tenant.mode,
    )


def note(tx: Transaction, vault: Vault, *, subject_id: str, phone: str, code: str) -> OneTimeCode:
    """Note a fresh code that replaces an older one. Raises ``IdentityRefused`` or ``TooManyRequests``."""
    number = checked_phone(phone)
    row = _locked(tx, subject_id)
    if row is not None and row.sent >= MAX_CODES:
        raise TooManyRequests(f"At most {MAX_CODES} codes can be sent for one checkout.", param="code")
    fresh: dict[str, Any] = {
        "phone_lookup": vault.lookup(number, "phone"),
        "code_lookup": vault.lookup(f"{subject_id}|{code}", "code"),
        "attempts": 0,
        "sent": (row.sent if row else 0) + 1,
        "expires_at": tx.now + CODE_LIFE,
    }
    if row is None:
        row = OneTimeCode(subject_id=subject_id, **fresh)
    else:
        row.sqlmodel_update(fresh)
    tx.add(row)
    return row


def keep(tx: Transaction, subject_id: str) -> bool:
    """Let the code that was sent last stay good, with fresh tries, where no other may be sent; False without one."""
    row = _locked(tx, subject_id)
    if row is None or row.expires_at <= tx.now:
        return False
    if row.sent < MAX_CODES:
        row.attempts, row.sent, row.expires_at = 0, row.sent + 1, tx.now + CODE_LIFE
        tx.add(row)
    return True


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Send the code that ``item`` names, under its reference: again after an unknown outcome, not once it expired.

    Raises what the notifier raises; the outbox tries again.
    """
    subject_id, message_id = item.payload["subject"], item.payload["reference"]
    with gateway.db.read() as tx:
        row = tx.get(OneTimeCode, subject_id)
        expired = datetime.fromisoformat(item.payload["good_until"]) <= tx.wall
    if row is None or row.reference != message_id or row.message_sealed is None:
        return
    if not expired:
        message = json.loads(gateway.vault.open(row.message_sealed, **_place(message_id)))
        if message["phone"]:
            gateway.ports.notifier.send_code(
                mode_of(item.payload["mode"]), message["phone"], message["code"], reference=message_id
            )
    gateway.db.write(lambda tx: _forget_message(tx, subject_id, message_id), READ_COMMITTED)


@returned_refusal("code_failed", subject="phone")
def attempt(
    tx: Transaction,
    vault: Vault,
    tenant: Tenant,
    *,
    subject_id: str,
    phone: str,
    code: str,
    id_number: str | None,
) -> CodeRefused | None:
    """Count one try of a code; returns the refusal, so that the caller can commit the count before raising it.

    ``id_number`` is what the person says to have, where it was asked. Raises ``TooManyRequests`` while there were too
    many wrong codes for the phone or for the ID number, in whatever checkout.
    """
    targets = [(code_limits.GUESSED, phone)]
    if id_number is not None:
        targets.append((code_limits.CLAIMED, id_number))
    row = _locked(tx, subject_id)
    if row is None or row.phone_lookup not in vault.lookups(phone, "phone"):
        return CodeRefused("Request a code for this phone number first.", param="code", reason="code_missing")
    if row.expires_at <= tx.now or row.attempts >= MAX_ATTEMPTS:
        return CodeRefused("The code has expired: request a new one.", param="code", reason="code_expired")
    for limit, whom in targets:
        code_limits.check(tx, vault, tenant, limit, whom)
    row.attempts += 1
    tx.add(row)
    if row.code_lookup != vault.lookup(f"{subject_id}|{code}", "code"):
        for limit, whom in targets:
            code_limits.count(tx, vault, tenant, limit, whom)
        left = MAX_ATTEMPTS - row.attempts
        return CodeRefused(f"Incorrect code; {left} attempts left.", param="code", reason="code_wrong")
    code_limits.forget(tx, vault, tenant, code_limits.GUESSED, phone)
    if code_limits.is_sandbox(tenant, phone):  # an honest shop tries its pages as often as it likes
        code_limits.forget(tx, vault, tenant, code_limits.SENT, phone)
    return None


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Reseal some messages that wait to be sent, from the id ``after`` on; returns where to go on, or None."""
    query = select(OneTimeCode).where(
        OneTimeCode.subject_id > after, col(OneTimeCode.message_sealed).is_not(None)
    )
    rows = list(tx.exec(query.order_by(col(OneTimeCode.subject_id)).limit(limit).with_for_update()))
    for row in rows:
        if row.message_sealed is not None:
            row.message_sealed = vault.resealed(row.message_sealed, **_place(str(row.reference)))
            tx.add(row)
    return rows[-1].subject_id if rows else None


def second_of(shopper_id: str) -> str:
    """What a code is for that somebody who is logged in asks for, before what cannot be undone."""
    return f"my:again:{shopper_id}"


def forget(tx: Transaction, subject_ids: Collection[str]) -> None:
    """Delete the codes that were sent for some checkouts, also for going on with another device."""
    for subject_id in subject_ids:
        of_device = col(OneTimeCode.subject_id).startswith(f"{subject_id}:", autoescape=True)
        tx.execute(delete(OneTimeCode).where((col(OneTimeCode.subject_id) == subject_id) | of_device))


def forget_old(tx: Transaction, *, limit: int) -> int:
    """Delete some one-time codes that ended a day ago or earlier; returns how many."""
    query = select(OneTimeCode).where(OneTimeCode.expires_at <= tx.now - timedelta(days=1)).limit(limit)
    rows = list(tx.exec(query.with_for_update(skip_locked=True)))
    for row in rows:
        tx.delete(row)
    return len(rows)


def _locked(tx: Transaction, subject_id: str) -> OneTimeCode | None:
    """The code, locked; of two who make the first one, one begins again."""
    made = held(tx, OneTimeCode, subject_id)
    return made or tx.get(OneTimeCode, subject_id, with_for_update=True, populate_existing=True)


def _forget_message(tx: Transaction, subject_id: str, message_id: str) -> None:
    row = _locked(tx, subject_id)
    if row is not None and row.reference == message_id:
        row.message_sealed = None
        tx.add(row)


def _place(message_id: str) -> dict[str, str]:
    return {"table": "one_time_code", "row": message_id, "column": "message_sealed"}
