"""The books, verified with everything they must agree with: loans, settlement, payouts, limits."""

from __future__ import annotations

from gateway.ledger.integrity.checks import Invariant
from gateway.loans import checks as loans
from gateway.payments import checks as payments
from gateway.settlement import checks as settlement

AGREEMENTS: tuple[Invariant, ...] = (*loans.INVARIANTS, *payments.INVARIANTS, *settlement.INVARIANTS)
"""What other rooms' tables say and the ledger must show."""
