"""What comes back with a refund: one table, by the kind of the refund.

With every kind the principal falls, so that no interest falls due on it any more; what was earned before stays earned.
Only unwinding takes interest and fees back that were earned. Sources: domain reference, section 5; ``docs/loans.md``
shows the same table, and a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComesBack:
    """Which charges on the refunded part come back; the others stay where they are."""

    merchant_fee: bool
    """The merchant's fee, with the VAT in it, to the merchant."""
    merchant_subsidy: bool
    """The unearned part of the merchant's subsidy, to the merchant; else the lender has earned it, as with any early
    repayment."""
    trade_in_subsidy: bool
    """The government subsidy, to its programme: the goods came back."""
    late_interest: bool
    """Late interest on the refunded part of a bill is waived: the shopper owed nothing for these goods."""


COMES_BACK = {
    "return": ComesBack(merchant_fee=True, merchant_subsidy=True, trade_in_subsidy=True, late_interest=True),
    "price_adjustment": ComesBack(
        merchant_fee=True, merchant_subsidy=True, trade_in_subsidy=False, late_interest=False
    ),
    "unused_lessons": ComesBack(
        merchant_fee=True, merchant_subsidy=True, trade_in_subsidy=False, late_interest=True
    ),
    "goodwill": ComesBack(
        merchant_fee=False, merchant_subsidy=False, trade_in_subsidy=False, late_interest=False
    ),
    "unwind": ComesBack(merchant_fee=True, merchant_subsidy=True, trade_in_subsidy=True, late_interest=True),
}
REFUND_KINDS = tuple(COMES_BACK)
