"""Claims: an ID number that is on file is given with another name or phone, by whom it is not known.

A claimant has a separate row: nothing of the person on file is changed, held, drawn or revealed. A claim ends
when a real-name check or a reviewer finds that it is the same person (``accept``), or that the number is the
claimant's (``take_over``). Otherwise it stays a claim, and is kept and erased like any other person.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.identity import erasure, service
from gateway.identity.models import FormerParticulars, Shopper
from gateway.privacy import subjects
from gateway.privacy.vault import Vault


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it is known who a shopper is."""

    person: dict[str, str] = field(repr=False)
    """``name``, ``id_number`` and ``phone`` in clear."""
    verified: bool
    on_file: str | None
    """The holder of the ID number that this shopper claims; None for the holder."""
    differs: tuple[str, ...] = ()
    """What of ``name`` and ``phone`` is another than on file."""


def standing(tx: Transaction, vault: Vault, shopper_id: str) -> Standing:
    """How far the shopper's identity is known. Raises ``VaultError`` for an erased person."""
    shopper, person = service.read(tx, shopper_id), service.opened(tx, vault, shopper_id)
    holder = shopper.claims_number_of
    if holder is None:
        return Standing(person, shopper.verified_at is not None, None)
    on_file = service.opened(tx, vault, holder)
    same = {
        "name": service.is_same_name(on_file["name"], person["name"]),
        "phone": on_file["phone"] == person["phone"],
    }
    return Standing(person, False, holder, tuple(name for name, is_same in same.items() if not is_same))


def on_file(tx: Transaction, shopper_id: str) -> str | None:
    """The holder of the ID number that this shopper only claims; None for everyone else."""
    return service.read(tx, shopper_id).claims_number_of


def verify(tx: Transaction, shopper_id: str, *, by: str) -> None:
    """Note that name, ID number and phone were found to belong together; the first proof stays."""
    shopper = service.read(tx, shopper_id)
    if shopper.verified_at is None:
        shopper.verified_at, shopper.verified_by = tx.now, by
        tx.add(shopper)


def accept(tx: Transaction, vault: Vault, claim_id: str, *, by: str) -> str:
    """The claimant is the person on file, who gets the new name and phone; returns that person's identifier.

    What was on file is kept with its end. The claim's row is emptied and leads to the person.
    """
    claim, holder = _both(tx, claim_id)
    new, old = service.opened(tx, vault, claim.id), service.opened(tx, vault, holder.id)
    subject = subjects.known_or_new(tx, vault, holder.id)
    if (new["name"], new["phone"]) != (old["name"], old["phone"]):
        _keep_former(tx, subject, holder, old, by=by)
    for name in ("name", "phone"):
        column = f"{name}_sealed"
        setattr(holder, column, subject.seal(new[name], table="shopper", row=holder.id, column=column))
    holder.phone_lookup = claim.phone_lookup
    holder.verified_at, holder.verified_by = tx.now, by
    if claim.keep_until is not None:
        holder.keep_until = max(claim.keep_until, holder.keep_until or claim.keep_until)
    erasure.withdraw(tx, holder.id)
    erasure.withdraw(tx, claim.id)
    claim.found_to_be = holder.id
    erasure.empty(tx, claim)
    tx.add(holder)
    tx.flush()
    return holder.id


def take_over(tx: Transaction, claim_id: str, *, by: str) -> None:
    """The claimant holds the ID number from here on; the person on file only claims it.

    That person's loans and limit stay theirs; the next application of theirs goes to a person.
    """
    claim, holder = _both(tx, claim_id)
    lookup, holder.id_number_lookup = holder.id_number_lookup, service.claim_word(holder.id)
    holder.claims_number_of, holder.verified_at, holder.verified_by = claim.id, None, None
    claim.claims_number_of, claim.verified_at, claim.verified_by = None, tx.now, by
    tx.add(holder)
    tx.flush()  # the number is free before it is taken
    others = tx.exec(select(Shopper).where(Shopper.claims_number_of == holder.id)).all()
    for other in others:
        other.claims_number_of = claim.id
        tx.add(other)
    claim.id_number_lookup = lookup
    tx.add(claim)
    tx.flush()


def of_number(tx: Transaction, shopper_id: str) -> list[str]:
    """Everybody who claims the ID number that this shopper holds."""
    query = select(Shopper.id).where(Shopper.claims_number_of == shopper_id)
    return list(tx.exec(query.order_by(col(Shopper.id))))


def rows_of(tx: Transaction, shopper_id: str) -> list[str]:
    """The shopper's identifier, and those of former claims that were found to be this person."""
    query = select(Shopper.id).where(Shopper.found_to_be == shopper_id)
    return [shopper_id, *tx.exec(query.order_by(col(Shopper.id)))]


def former_of(tx: Transaction, vault: Vault, shopper_id: str) -> dict[str, dict[str, str]]:
    """Names and phones that the person had before, in clear, by the identifier of their row."""
    subject = subjects.known(tx, vault, shopper_id)
    rows = tx.exec(select(FormerParticulars).where(FormerParticulars.shopper_id == shopper_id))
    return {
        row.id: {
            name: subject.open(
                getattr(row, f"{name}_sealed"),
                table="former_particulars",
                row=row.id,
                column=f"{name}_sealed",
            )
            for name in ("name", "phone")
        }
        for row in rows
    }


def _keep_former(
    tx: Transaction, subject: subjects.Subject, holder: Shopper, old: dict[str, str], *, by: str
) -> None:
    row = tx.new_id("fpr")

    def sealed(name: str) -> bytes:
        return subject.seal(old[name], table="former_particulars", row=row, column=f"{name}_sealed")

    tx.add(
        FormerParticulars(
            id=row,
            shopper_id=holder.id,
            name_sealed=sealed("name"),
            phone_sealed=sealed("phone"),
            held_until=tx.now,
            ended_by=by,
        )
    )


def _both(tx: Transaction, claim_id: str) -> tuple[Shopper, Shopper]:
    """The claim and the holder of the number it claims, both locked, the holder first."""
    holder_id = tx.get_one(Shopper, claim_id).claims_number_of
    assert holder_id is not None, "only a claim is settled"
    holder, claim = (
        tx.get_one(Shopper, key, with_for_update=True, populate_existing=True)
        for key in (holder_id, claim_id)
    )
    return claim, holder
