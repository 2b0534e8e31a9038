"""What happens to identities: they are checked, and a shopper is recognised or remembered; codes are in ``codes``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import and_, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.calendar import shanghai_date
from gateway.core.identifiers import NotAnIdentifier, check_mobile, check_resident_id, plain_id_number
from gateway.core.masking import mask_name, mask_phone, mask_resident_id
from gateway.core.tenant import Mode, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import IdentityRefused
from gateway.identity import erasure
from gateway.identity.models import Shopper
from gateway.privacy import lookups, subjects
from gateway.privacy.vault import Vault

APPLICANT_DAYS = 365
"""How long a person without a loan is remembered after the newest application, unless a setting says otherwise."""
MOST_OF_A_PHONE = 1_000
"""So many people with one phone are counted: nobody's risk rises beyond."""
ADULT_AGE = 18
"""Lending is to adults by the ID number's birth date, in Shanghai time."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the shopper typed, checked for form: E.164 phone, 18-character ID number."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str = field(repr=False)


PERSON: Any = Shopper
"""Whom a question of another room locks."""
WITH_KEY = subjects.read_along(select(Shopper), Shopper.id).where(Shopper.id == bindparam("shopper"))


def read(tx: Transaction, shopper_id: str) -> Shopper:
    """The shopper, read once a transaction, with the data key that opens what is sealed."""
    known: Shopper | None = tx.held(Shopper, shopper_id)
    return known or tx.execute(WITH_KEY, {"shopper": shopper_id}).one()[0]


def locked(tx: Transaction, shopper_id: str) -> Shopper:
    """The shopper, locked: what is decided over all that a person has is decided under it."""
    return tx.get_one(Shopper, shopper_id, with_for_update=True, populate_existing=True)


def read_along(query: Any, shopper_id: Any, *, isouter: bool = True) -> Any:
    """``query`` with the shopper that it names read along, and with the data key.

    ``isouter``: also where there is none yet; PostgreSQL locks no such row.
    """
    joined = query.add_columns(Shopper).join(Shopper, col(Shopper.id) == shopper_id, isouter=isouter)
    return subjects.read_along(joined, shopper_id)


def checked_phone(phone: str) -> str:
    """The phone as E.164. Raises ``IdentityRefused`` if it is not a mainland mobile number."""
    try:
        return check_mobile(phone)
    except ValueError as error:
        raise IdentityRefused(str(error), param="phone", reason="phone_invalid") from None


def checked(tx: Transaction, *, name: str, id_number: str, phone: str) -> Identity:
    """The identity, if its form is right and the person is an adult today. Raises ``IdentityRefused``."""
    try:
        resident = check_resident_id(id_number, shanghai_date(tx.now))
    except NotAnIdentifier as error:
        raise IdentityRefused(str(error), param="id_number", reason=error.reason) from None
    if resident.age < ADULT_AGE:
        raise IdentityRefused(
            "Instalment loans are available only to people aged 18 or over.",
            param="id_number",
            reason="minor",
        )
    return Identity(name=name, id_number=resident.number, phone=checked_phone(phone))


def recognise(
    tx: Transaction, vault: Vault, *, mode: Mode, identity: Identity, keep_days: int = APPLICANT_DAYS
) -> Shopper:
    """The shopper with these particulars, remembered now if new.

    The row that holds the ID number is locked, and so is every claim to it; settling a claim and erasing a person take
    the same lock. An ID number on file with another name or phone proves nothing: the applicant gets a separate row, a
    claim, and what is on file stays as it is (see ``claims``). The data is kept for ``keep_days`` from here unless a
    loan asks for more. Applying again ends a frozen erasure of the person's own.
    """
    lookups.follow(tx, vault, mode, id_number=identity.id_number, phone=identity.phone)
    lookup = vault.lookup(identity.id_number, "id_number")
    query = select(Shopper).where(Shopper.mode == mode, Shopper.id_number_lookup == lookup)
    holder = tx.exec(query.with_for_update(key_share=True)).first()
    shopper = _with_particulars(tx, vault, holder, identity) if holder is not None else None
    if shopper is None:
        shopper = _remembered(tx, vault, mode, identity, id_number_lookup=lookup, holder=holder)
    else:
        erasure.withdraw(tx, shopper.id)
    keep_until = shanghai_date(tx.now) + timedelta(days=keep_days)
    shopper.keep_until = max(keep_until, shopper.keep_until or keep_until)
    tx.add(shopper)
    tx.flush()
    return shopper


def of_phone(tx: Transaction, vault: Vault, mode: Mode, phone: str, *, limit: int) -> list[str]:
    """Up to ``limit`` people who gave this phone (E.164) and are not erased, the newest first."""
    query = select(Shopper.id).where(
        Shopper.mode == mode, col(Shopper.phone_lookup).in_(vault.lookups(phone, "phone"))
    )
    return list(tx.exec(query.order_by(col(Shopper.id).desc()).limit(limit)))


def known_as(
    tx: Transaction, vault: Vault, *, mode: Mode, name: str, id_number: str, phone: str
) -> Shopper | None:
    """The person with exactly these particulars (E.164 phone): the number's holder, or someone who claims it."""
    numbers = vault.lookups(plain_id_number(id_number), "id_number")
    holders = select(Shopper).where(Shopper.mode == mode, col(Shopper.id_number_lookup).in_(numbers))
    holder = tx.exec(holders).first()
    if holder is None:
        return None
    phones = vault.lookups(phone, "phone")
    claims = select(Shopper).where(
        Shopper.claims_number_of == holder.id, col(Shopper.phone_lookup).in_(phones)
    )
    rows = [holder] if holder.phone_lookup in phones else []
    rows += tx.exec(claims.order_by(col(Shopper.id)).limit(MOST_OF_A_PHONE))
    return next(
        (row for row in rows if is_same_name(opened(tx, vault, row.id)["name"], name)),
        None,
    )


def is_id_number_of(tx: Transaction, vault: Vault, shopper_id: str, id_number: str) -> bool:
    """Whether a person gave this ID number, however it is written."""
    return opened(tx, vault, shopper_id)["id_number"] == plain_id_number(id_number)


def _with_particulars(tx: Transaction, vault: Vault, holder: Shopper, identity: Identity) -> Shopper | None:
    """The person with this ID number, name and phone: the number's holder, or someone who claims it."""
    phone = vault.lookup(identity.phone, "phone")
    claims = select(Shopper).where(Shopper.claims_number_of == holder.id, Shopper.phone_lookup == phone)
    locked = list(tx.exec(claims.order_by(col(Shopper.id)).with_for_update(key_share=True)))
    for row in ([holder] if holder.phone_lookup == phone else []) + locked:
        if is_same_name(opened(tx, vault, row.id)["name"], identity.name):
            return row
    return None


def _remembered(
    tx: Transaction,
    vault: Vault,
    mode: Mode,
    identity: Identity,
    *,
    id_number_lookup: str,
    holder: Shopper | None,
) -> Shopper:
    shopper_id = tx.new_id("shp")
    subject = subjects.new(tx, vault, shopper_id)

    def sealed(column: str, text: str) -> bytes:
        return subject.seal(text, table="shopper", row=shopper_id, column=column)

    return Shopper(
        id=shopper_id,
        mode=mode,
        id_number_lookup=id_number_lookup if holder is None else claim_word(shopper_id),
        phone_lookup=vault.lookup(identity.phone, "phone"),
        name_sealed=sealed("name_sealed", identity.name),
        id_number_sealed=sealed("id_number_sealed", identity.id_number),
        phone_sealed=sealed("phone_sealed", identity.phone),
        claims_number_of=holder.id if holder is not None else None,
        created_at=tx.now,
    )


def claim_word(shopper_id: str) -> str:
    """What stands for the keyed hash of the ID number in a row that only claims it: it finds nobody."""
    return f"claim:{shopper_id}"


def is_same_name(one: str, other: str) -> bool:
    """Whether two names are the same, however they are spaced and whatever the width of their characters."""
    return _plain_name(one) == _plain_name(other)


def _plain_name(name: str) -> str:
    return re.sub(r"[\s·•・.]", "", unicodedata.normalize("NFKC", name)).casefold()


def phone_of(tx: Transaction, vault: Vault, shopper_id: str) -> str:
    """The shopper's phone in E.164, for the lender and the sandbox; never logged, never shown."""
    return opened(tx, vault, shopper_id)["phone"]


def masked(tx: Transaction, vault: Vault, shopper_id: str) -> dict[str, str]:
    """The shopper's ``name``, ``id_number`` and ``phone`` as they may be shown: masked."""
    person = opened(tx, vault, shopper_id)
    return {
        "name": mask_name(person["name"]),
        "id_number": mask_resident_id(person["id_number"]),
        "phone": mask_phone(person["phone"]),
    }


def opened(tx: Transaction, vault: Vault, shopper_id: str) -> dict[str, str]:
    """The shopper's ``name``, ``id_number`` and ``phone`` in clear. Raises ``VaultError`` for an erased person."""
    shopper = read(tx, shopper_id)
    subject = subjects.known(tx, vault, shopper_id)
    return {
        name: subject.open(
            getattr(shopper, f"{name}_sealed"), table="shopper", row=shopper_id, column=f"{name}_sealed"
        )
        for name in ("name", "id_number", "phone")
    }


def found_by_id_number(tx: Transaction, vault: Vault, *, mode: Mode, id_number: str) -> str | None:
    """The identifier of the shopper who holds this ID number, by its keyed hash."""
    plain = plain_id_number(id_number)
    lookups.follow(tx, vault, mode, id_number=plain)
    lookup = vault.lookup(plain, "id_number")
    return tx.exec(select(Shopper.id).where(Shopper.mode == mode, Shopper.id_number_lookup == lookup)).first()


def with_phone(mode: Any, phone_lookup: Any) -> SelectOfScalar[str]:
    """A question for the newest ``MOST_OF_A_PHONE`` who gave a phone number, known by its keyed hash.

    Anyone can type another person's number, so it is checked inside another query and never read.
    """
    query = select(Shopper.id).where(col(Shopper.mode) == mode, col(Shopper.phone_lookup) == phone_lookup)
    return query.order_by(col(Shopper.id).desc()).limit(MOST_OF_A_PHONE)


def lookups_of(tx: Transaction, shopper_id: str) -> dict[str, str]:
    """The keyed hashes of the ID number and of the phone that a shopper gave, also of a number that is only claimed."""
    shopper = read(tx, shopper_id)
    holder = read(tx, shopper.claims_number_of) if shopper.claims_number_of else shopper
    return {"id_number": holder.id_number_lookup, "phone": shopper.phone_lookup}


def present(tx: Transaction) -> int:
    """How many people are not erased."""
    return tx.exec(select(func.count()).select_from(Shopper).where(col(Shopper.erased_at).is_(None))).one()


def is_erased(tx: Transaction, shopper_id: str) -> bool:
    """Whether a shopper was erased."""
    return read(tx, shopper_id).erased_at is not None


def is_known(tx: Transaction, lookup: str) -> bool:
    """Whether a keyed hash finds anybody who is not erased, by ID number or by phone."""
    either = (col(Shopper.id_number_lookup) == lookup) | (col(Shopper.phone_lookup) == lookup)
    return (
        tx.exec(select(Shopper.id).where(col(Shopper.mode).in_(("test", "live")), either)).first() is not None
    )


def follow_some(tx: Transaction, vault: Vault, *, after: str, limit: int) -> tuple[str | None, int, int]:
    """Bring the hashes of some people, from the id ``after`` on, to the newest key.

    Returns where to go on (None at the end), how many people that were, and how many rows changed.
    """
    query = select(Shopper).where(Shopper.id > after, col(Shopper.erased_at).is_(None))
    people = list(tx.exec(query.order_by(col(Shopper.id)).limit(limit)))
    changed = 0
    for shopper in people:
        person = opened(tx, vault, shopper.id)
        changed += lookups.follow(
            tx, vault, mode_of(shopper.mode), id_number=person["id_number"], phone=person["phone"]
        )
    return (people[-1].id if people else None), len(people), changed


@lookups.follower
def _replace_lookup(tx: Transaction, mode: Mode, purpose: str, old: str, new: str) -> int:
    column = Shopper.id_number_lookup if purpose == "id_number" else Shopper.phone_lookup
    found = tx.exec(select(Shopper).where(Shopper.mode == mode, col(column) == old)).all()
    for shopper in found:
        setattr(shopper, f"{purpose}_lookup", new)
        tx.add(shopper)
    tx.flush()
    return len(found)


def left_to_reseal(tx: Transaction) -> int:
    """How many shoppers have values that an older release sealed with the master key itself."""
    return tx.exec(select(func.count()).select_from(Shopper).where(_no_key())).one()


def reseal(tx: Transaction, vault: Vault, *, limit: int) -> int:
    """Give some shoppers of an older release their own data key; returns how many."""
    rows = list(
        tx.exec(
            select(Shopper)
            .where(_no_key())
            .limit(limit)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    for shopper in rows:
        person = opened(tx, vault, shopper.id)
        subject = subjects.known_or_new(tx, vault, shopper.id)
        for name, text in person.items():
            column = f"{name}_sealed"
            setattr(shopper, column, subject.seal(text, table="shopper", row=shopper.id, column=column))
        tx.add(shopper)
    return len(rows)


def _no_key() -> Any:
    return and_(col(Shopper.erased_at).is_(None), func.substr(Shopper.name_sealed, 1, 1) != subjects.FORM)
