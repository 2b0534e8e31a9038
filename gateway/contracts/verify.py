"""Checking contracts: hash and signature of each are recomputed, and the record is compared with its text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import col, select

from gateway.contracts.models import Contract
from gateway.contracts.text import FORMAT, moment, record_of
from gateway.core.signing import BadSignature, Signature, SigningAuthority, UnknownKey
from gateway.db.guards import CONTRACTS, missing_guards
from gateway.db.transactions import Transaction

BATCH = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one contract: ``what`` is ``text``, ``hash``, ``signature``, ``key`` or ``record``."""

    contract: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """How many contracts were checked, and what is wrong with those that are bad, oldest first."""

    checked: int
    problems: tuple[Problem, ...]
    missing_guards: tuple[str, ...]
    """Triggers that should refuse changes, but are gone, off or not ours."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong and every guard stands."""
        return not self.problems and not self.missing_guards

    def as_json(self) -> dict[str, Any]:
        """The report as plain values; ``first`` names the first bad contract or is None."""
        problems = [asdict(problem) for problem in self.problems]
        return {
            "ok": self.ok,
            "checked": self.checked,
            "first": problems[0]["contract"] if problems else None,
            "problems": problems,
            "missing_guards": list(self.missing_guards),
        }


def verify(tx: Transaction, authority: SigningAuthority) -> Report:
    """Check every contract, oldest first, and that the triggers stand which protect them."""
    checked = 0
    problems: list[Problem] = []
    for row in tx.exec(select(Contract).order_by(col(Contract.id)).execution_options(yield_per=BATCH)):
        checked += 1
        problems += _problems(row, authority)
    return Report(checked, tuple(problems), tuple(missing_guards(tx.connection(), CONTRACTS)))


def _problems(row: Contract, authority: SigningAuthority) -> Iterator[Problem]:
    """At most one problem of text, hash, signature and key (the cause, not what follows from it), then the record."""
    content = row.text.encode()
    digest = hashlib.sha256(content).hexdigest()
    signed = _signature_problem(row, content, authority)
    if digest != row.text_sha256:
        # A good signature vouches for the text, so it is the stored hash that was changed.
        if signed is None:
            yield Problem(
                row.id, "hash", f"the stored hash is {row.text_sha256}, but the text hashes to {digest}"
            )
        else:
            yield Problem(
                row.id, "text", f"the text hashes to {digest}, not {row.text_sha256}: it was changed"
            )
    elif signed is not None:
        yield signed
    changed = _changed_columns(row)
    if changed:
        yield Problem(row.id, "record", f"the row differs from its text in: {', '.join(changed)}")


def _signature_problem(row: Contract, content: bytes, authority: SigningAuthority) -> Problem | None:
    try:
        authority.verify(content, Signature(row.algorithm, row.key_id, row.signature))
    except UnknownKey as error:
        return Problem(row.id, "key", str(error))
    except BadSignature as error:
        return Problem(row.id, "signature", str(error))
    return None


def _changed_columns(row: Contract) -> list[str]:
    columns = {
        "format": FORMAT,
        "contract": row.id,
        "mode": row.mode,
        "checkout": row.checkout_id,
        "payment": row.payment_id,
        "merchant": row.merchant_id,
        "shopper": row.shopper_id,
        "quote_sha256": row.quote_sha256,
        "disclosure_consent": row.disclosure_consent_id,
        "concluded_at": moment(row.concluded_at),
    }
    stated = record_of(row.text)
    return [name for name, value in columns.items() if stated.get(name) != value]
