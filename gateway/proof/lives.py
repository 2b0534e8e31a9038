"""One loan with all that belongs to it, and what its contract says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gateway.core import schedule
from gateway.plans.pricing import Price
from gateway.proof.entries import Entry
from gateway.proof.findings import Row
from gateway.proof.purchases import Purchase

EARLY = "\nearly_settlement: "


@dataclass(slots=True)
class Life:
    """One loan with its stored rows and the entries that say what happened to it."""

    purchase: Purchase
    loan: Any
    capture: Any
    drawn: Entry
    before_fen: int
    """What had been captured of the payment before."""
    rows: dict[str, list[Any]]
    entries: list[Entry]
    """All that touch the loan, in order."""

    @property
    def unwound(self) -> Entry | None:
        """The entry that took the draw back, or None."""
        return self.purchase.entries.reversed_by.get(self.drawn.id)

    @property
    def written_off(self) -> Entry | None:
        """The entry that gave the loan up, or None."""
        return self.purchase.entries.by_key.get(f"write_off:{self.loan.id}")

    def name(self, table: str = "loan", *key: Any) -> Row:
        """How the loan, or one of its rows, is named."""
        return self.purchase.row(table, ":".join([self.loan.id, *map(str, key)]))

    def kept(self, kind: str) -> list[Entry]:
        """Entries of a kind about the loan, in order; their reversals are of another kind."""
        return [entry for entry in self.entries if entry.kind == kind]


def late_terms(life: Life) -> tuple[str, int]:
    """Rate a day and days of grace as the contract discloses them; of older plans what the loan keeps."""
    late = next(iter(life.purchase.payment.plan.get("disclosure", {}).get("contingent", ())), None)
    return (
        (late["rate"], late["grace_days"]) if late else (life.loan.late_daily_rate, life.loan.late_grace_days)
    )


def policy(life: Life) -> str:
    """How an early settlement is computed, as the contract says; without one as the loan keeps it."""
    contract = next(iter(life.purchase.rows["contract"]), None)
    if contract is None or EARLY not in contract.text:
        return str(life.loan.early_settlement_policy)
    return str(contract.text.partition(EARLY)[2].partition("\n")[0])


def terms_of(payment: Any) -> schedule.Terms | None:
    """The arithmetic of the payment's price; None when the stored price cannot be one."""
    try:
        return _terms(tuple(payment.price.items()))
    except (AttributeError, TypeError, ValueError):
        return None


@lru_cache
def _terms(price: tuple[tuple[str, Any], ...]) -> schedule.Terms:
    """Payments of a day share a few prices."""
    return Price(**dict(price)).terms()
