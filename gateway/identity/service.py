"""What happens to identities: a code is sent and checked, a shopper is recognised or remembered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import select

from gateway.core.calendar import shanghai_date
from gateway.core.identifiers import (
    check_mobile,
    check_resident_id,
    mask_name,
    mask_phone,
    mask_resident_id,
)
from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.errors import CodeRefused, IdentityRefused, TooManyRequests
from gateway.identity.models import OneTimeCode, Shopper
from gateway.identity.notifier import Notifier
from gateway.privacy.vault import Vault

CODE_LIFE = timedelta(minutes=10)
MAX_CODES = 5
MAX_ATTEMPTS = 5
ADULT_AGE = 18
"""Lending is to adults by the ID number's birth date, in Shanghai time."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the shopper typed, checked for form: E.164 phone, 18-character ID number."""

    name: str
    id_number: str
    phone: str


def checked_phone(phone: str) -> str:
    """The phone as E.164. Raises ``IdentityRefused`` for what is no mainland mobile number."""
    try:
        return check_mobile(phone)
    except ValueError as error:
        raise IdentityRefused(str(error), param="phone", reason="phone_invalid") from None


def checked(tx: Transaction, *, name: str, id_number: str, phone: str) -> Identity:
    """The identity, if its form is right and the person is an adult today. Raises ``IdentityRefused``."""
    try:
        resident = check_resident_id(id_number, shanghai_date(tx.now))
    except ValueError as error:
        raise IdentityRefused(str(error), param="id_number", reason="id_number_invalid") from None
    if resident.age < ADULT_AGE:
        raise IdentityRefused(
            "Instalment loans are for people of 18 years or more.", param="id_number", reason="minor"
        )
    return Identity(name=name, id_number=resident.number, phone=checked_phone(phone))


def send_code(
    tx: Transaction, vault: Vault, notifier: Notifier, *, mode: Mode, subject_id: str, phone: str
) -> None:
    """Send a fresh code for ``subject_id``. Raises ``IdentityRefused``, ``TooManyRequests`` or ``Unavailable``."""
    number = checked_phone(phone)
    row = tx.get(OneTimeCode, subject_id)
    if row is not None and row.sent >= MAX_CODES:
        raise TooManyRequests(f"At most {MAX_CODES} codes are sent for one checkout.", param="code")
    code = notifier.new_code(mode)
    fresh = OneTimeCode(
        subject_id=subject_id,
        phone_lookup=vault.lookup(number, "phone"),
        code_lookup=vault.lookup(f"{subject_id}|{code}", "code"),
        attempts=0,
        sent=(row.sent if row else 0) + 1,
        expires_at=tx.now + CODE_LIFE,
    )
    tx.merge(fresh)
    notifier.send_code(mode, number, code)


def attempt_code(
    tx: Transaction, vault: Vault, *, subject_id: str, phone: str, code: str
) -> CodeRefused | None:
    """Count one try of a code; returns the refusal, so that the caller can commit the count before raising it."""
    row = tx.get(OneTimeCode, subject_id)
    if row is None or row.phone_lookup != vault.lookup(phone, "phone"):
        return CodeRefused("Ask for a code for this phone number first.", param="code", reason="code_missing")
    if row.expires_at <= tx.now or row.attempts >= MAX_ATTEMPTS:
        return CodeRefused("The code is used up: ask for a new one.", param="code", reason="code_expired")
    row.attempts += 1
    tx.add(row)
    if row.code_lookup != vault.lookup(f"{subject_id}|{code}", "code"):
        left = MAX_ATTEMPTS - row.attempts
        return CodeRefused(
            f"The code is not right; {left} tries are left.", param="code", reason="code_wrong"
        )
    return None


def recognise(tx: Transaction, vault: Vault, *, mode: Mode, identity: Identity) -> Shopper:
    """The shopper with this ID number, remembered now if new; name and phone follow the newest statement."""
    lookup = vault.lookup(identity.id_number, "id_number")
    shopper = tx.exec(select(Shopper).where(Shopper.mode == mode, Shopper.id_number_lookup == lookup)).first()
    shopper_id = shopper.id if shopper else tx.new_id("shp")

    def seal(text: str, column: str) -> bytes:
        return vault.seal(text, table="shopper", row=shopper_id, column=column)

    if shopper is None:
        shopper = Shopper(
            id=shopper_id,
            mode=mode,
            id_number_lookup=lookup,
            id_number_sealed=seal(identity.id_number, "id_number_sealed"),
            phone_lookup=vault.lookup(identity.phone, "phone"),
            phone_sealed=seal(identity.phone, "phone_sealed"),
            name_sealed=seal(identity.name, "name_sealed"),
            created_at=tx.now,
        )
    else:
        shopper.phone_lookup = vault.lookup(identity.phone, "phone")
        shopper.phone_sealed = seal(identity.phone, "phone_sealed")
        shopper.name_sealed = seal(identity.name, "name_sealed")
    tx.add(shopper)
    tx.flush()
    return shopper


def phone_of(tx: Transaction, vault: Vault, shopper_id: str) -> str:
    """The shopper's phone in E.164, for the lender and the sandbox; never logged, never shown."""
    shopper = tx.get_one(Shopper, shopper_id)
    return vault.open(shopper.phone_sealed, table="shopper", row=shopper_id, column="phone_sealed")


def masked(tx: Transaction, vault: Vault, shopper_id: str) -> dict[str, str]:
    """The shopper's ``name``, ``id_number`` and ``phone`` as they may be shown: masked."""
    shopper = tx.get_one(Shopper, shopper_id)

    def opened(sealed: bytes, column: str) -> str:
        return vault.open(sealed, table="shopper", row=shopper_id, column=column)

    return {
        "name": mask_name(opened(shopper.name_sealed, "name_sealed")),
        "id_number": mask_resident_id(opened(shopper.id_number_sealed, "id_number_sealed")),
        "phone": mask_phone(opened(shopper.phone_sealed, "phone_sealed")),
    }


def shoppers_with_phone_of(tx: Transaction, shopper_id: str) -> list[str]:
    """Everybody who gave the same phone number as this shopper, the shopper included."""
    shopper = tx.get_one(Shopper, shopper_id)
    query = select(Shopper.id).where(
        Shopper.mode == shopper.mode, Shopper.phone_lookup == shopper.phone_lookup
    )
    return list(tx.exec(query))
