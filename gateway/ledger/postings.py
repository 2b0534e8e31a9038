"""Postings: which lines each business event writes. Pure, and every function's lines sum to zero.

Debit is positive, credit is negative: said here, in ``debit`` and ``credit``, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.ledger.accounts import MEMO_KINDS, check_account

LARGEST_FEN = 2**63 - 1


class UnbalancedEntries(ValueError):
    """Lines that do not sum to zero; the message names the difference in fen."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: account kind, its owner (empty where it has none), signed fen, and what it is about."""

    kind: str
    owner: str
    amount_fen: int
    about: str


@dataclass(frozen=True, slots=True)
class Entries:
    """Balanced lines of one event; ``+`` joins two events into one entry.

    Raises ``UnbalancedEntries`` unless the lines sum to zero, the memo lines by themselves: a commitment never makes
    up for a claim.
    """

    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        memo = sum(line.amount_fen for line in self.lines if line.kind in MEMO_KINDS)
        claims = sum(line.amount_fen for line in self.lines) - memo
        for what, difference in (("lines", claims), ("memo lines", memo)):
            if difference:
                raise UnbalancedEntries(f"the {what} are {difference} fen out of balance")

    @classmethod
    def balanced(cls, *lines: Line) -> Entries:
        """The lines without those of 0 fen."""
        return cls(tuple(line for line in lines if line.amount_fen))

    def opposite(self) -> Entries:
        """The lines that cancel these."""
        return Entries(tuple(Line(line.kind, line.owner, -line.amount_fen, line.about) for line in self))

    def __add__(self, other: Entries) -> Entries:
        return Entries(self.lines + other.lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def gross_fen(self) -> int:
        """Sum of the debits."""
        return sum(line.amount_fen for line in self.lines if line.amount_fen > 0)


def debit(kind: str, amount_fen: int, *, about: str, owner: str = "") -> Line:
    """A line that raises a debit account. Raises ``ValueError`` for a negative amount or an unknown account."""
    return _line(kind, owner, amount_fen, about, sign=1)


def credit(kind: str, amount_fen: int, *, about: str, owner: str = "") -> Line:
    """A line that raises a credit account. Raises ``ValueError`` for a negative amount or an unknown account."""
    return _line(kind, owner, amount_fen, about, sign=-1)


def authorise(*, amount_fen: int, payment: str) -> Entries:
    """Memo: an approved amount is committed of the limit."""
    return Entries.balanced(
        debit("limit_committed", amount_fen, about=payment),
        credit("authorised_commitments", amount_fen, about=payment),
    )


def release_authorisation(*, amount_fen: int, payment: str) -> Entries:
    """Memo: what is voided, expired or captured is no longer a mere commitment."""
    return Entries.balanced(
        debit("authorised_commitments", amount_fen, about=payment),
        credit("limit_committed", amount_fen, about=payment),
    )


def drawdown(
    *,
    loan: str,
    payment: str,
    funder: str,
    merchant: str,
    principal_fen: int,
    fee_net_fen: int,
    vat_fen: int,
    subsidy_fen: int,
) -> Entries:
    """Money lent at a capture: the shopper owes the lender, the merchant's claim waits for settlement.

    Raises ``ValueError`` when fee, tax and subsidy are above the principal.
    """
    due_fen = principal_fen - fee_net_fen - vat_fen - subsidy_fen
    return Entries.balanced(
        debit("loan_principal", principal_fen, owner=funder, about=loan),
        credit("merchant_pending", due_fen, owner=merchant, about=payment),
        credit("merchant_fee_income", fee_net_fen, about=payment),
        credit("vat_payable", vat_fen, about=payment),
        credit("unearned_merchant_subsidy", subsidy_fen, about=loan),
    )


def government_subsidy(*, payment: str, programme: str, merchant: str, amount_fen: int) -> Entries:
    """Trade-in subsidy on an order: the merchant advanced it, the programme owes it. Never mixed with the loan."""
    return Entries.balanced(
        debit("subsidy_receivable", amount_fen, owner=programme, about=payment),
        credit("merchant_pending", amount_fen, owner=merchant, about=payment),
    )


def settlement(
    *,
    settlement: str,
    merchant: str,
    pending_fen: int,
    receivable_offset_fen: int,
    reserve_fen: int = 0,
) -> Entries:
    """A batch closes: pending becomes available less ``reserve_fen``, and what the merchant owes is taken from it."""
    return Entries.balanced(
        debit("merchant_pending", pending_fen, owner=merchant, about=settlement),
        credit("merchant_available", pending_fen - reserve_fen, owner=merchant, about=settlement),
        credit("merchant_reserve", reserve_fen, owner=merchant, about=settlement),
    ) + Entries.balanced(
        debit("merchant_available", receivable_offset_fen, owner=merchant, about=settlement),
        credit("merchant_receivable", receivable_offset_fen, owner=merchant, about=settlement),
    )


def reserve_released(*, settlement: str, merchant: str, amount_fen: int) -> Entries:
    """What was held back by agreement may be paid out."""
    return Entries.balanced(
        debit("merchant_reserve", amount_fen, owner=merchant, about=settlement),
        credit("merchant_available", amount_fen, owner=merchant, about=settlement),
    )


def payout_instructed(*, payout: str, institution: str, merchant: str, amount_fen: int) -> Entries:
    """The institution is told to pay the merchant."""
    return Entries.balanced(
        debit("merchant_available", amount_fen, owner=merchant, about=payout),
        credit("payout_in_transit", amount_fen, owner=institution, about=payout),
    )


def payout_confirmed(*, payout: str, institution: str, funder: str, amount_fen: int) -> Entries:
    """The institution has paid, with the lender's money."""
    return Entries.balanced(
        debit("payout_in_transit", amount_fen, owner=institution, about=payout),
        credit("funder_clearing", amount_fen, owner=funder, about=payout),
    )


def payout_rejected(*, payout: str, institution: str, merchant: str, amount_fen: int) -> Entries:
    """The institution refused before anything left: the merchant's claim is available again."""
    return Entries.balanced(
        debit("payout_in_transit", amount_fen, owner=institution, about=payout),
        credit("merchant_available", amount_fen, owner=merchant, about=payout),
    )


def payout_returned(*, payout: str, funder: str, merchant: str, amount_fen: int) -> Entries:
    """The money had left and came back: the lender has it again, and the merchant its claim."""
    return Entries.balanced(
        debit("funder_clearing", amount_fen, owner=funder, about=payout),
        credit("merchant_available", amount_fen, owner=merchant, about=payout),
    )


def refund(
    *,
    loan: str,
    payment: str,
    funder: str,
    merchant: str,
    institution: str,
    loan_reduction_fen: int,
    to_shopper_fen: int,
    fee_net_returned_fen: int,
    vat_returned_fen: int,
    subsidy_returned_fen: int,
    from_pending_fen: int,
    from_available_fen: int,
    from_receivable_fen: int,
    refund: str = "",
) -> Entries:
    """The merchant gives money back: the loan falls, the rest goes to the shopper, fee and subsidy come back.

    What goes to the shopper is about ``refund``, so that its confirmation finds it; without one, about the payment.
    Raises ``UnbalancedEntries`` unless what bears the refund is what it gives.
    """
    return Entries.balanced(
        debit("merchant_pending", from_pending_fen, owner=merchant, about=payment),
        debit("merchant_available", from_available_fen, owner=merchant, about=payment),
        debit("merchant_receivable", from_receivable_fen, owner=merchant, about=payment),
        debit("merchant_fee_income", fee_net_returned_fen, about=payment),
        debit("vat_payable", vat_returned_fen, about=payment),
        debit("unearned_merchant_subsidy", subsidy_returned_fen, about=loan),
        credit("loan_principal", loan_reduction_fen, owner=funder, about=loan),
        credit("refund_in_transit", to_shopper_fen, owner=institution, about=refund or payment),
    )


def refund_confirmed(*, refund: str, institution: str, funder: str, amount_fen: int) -> Entries:
    """The institution has paid the shopper, with the lender's money."""
    return Entries.balanced(
        debit("refund_in_transit", amount_fen, owner=institution, about=refund),
        credit("funder_clearing", amount_fen, owner=funder, about=refund),
    )


def _line(kind: str, owner: str, amount_fen: int, about: str, *, sign: int) -> Line:
    check_account(kind, owner)
    if type(amount_fen) is not int or not 0 <= amount_fen <= LARGEST_FEN:
        raise ValueError(f"{kind}: a line is a whole number of fen of 0 or more, not {amount_fen!r}")
    return Line(kind, owner, sign * amount_fen, about)
