"""Postings: which lines each business event writes. Pure, and every function's lines sum to zero.

Debit is positive, credit is negative: said here, in ``debit`` and ``credit``, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.ledger.booking.accounts import MEMO_KINDS, check_account

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


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, once: its kind, what it happened to (type and id), and the lines that it writes.

    ``key`` tells it from every other event of the books: kind and id unless said otherwise, with ``part`` where one
    thing has several events of a kind. ``on`` is the Shanghai date from which it counts, today when None. ``request``
    is what was asked, as JSON: give it when the lines also depend on the state of the books, for then only it tells a
    repetition from another event; without it the lines do.
    """

    kind: str
    about: tuple[str, str]
    lines: Entries
    part: str = ""
    key: str = ""
    on: date | None = None
    request: Any = None


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


def stage_held(*, payment: str, merchant: str, amount_fen: int) -> Entries:
    """A part of a captured claim waits for a stage of the order, such as a delivery or some lessons."""
    return Entries.balanced(
        debit("merchant_pending", amount_fen, owner=merchant, about=payment),
        credit("merchant_staged", amount_fen, owner=merchant, about=payment),
    )


def stage_freed(*, payment: str, merchant: str, amount_fen: int) -> Entries:
    """What waited for a stage waits for its settlement only, or bears what is given back."""
    return stage_held(payment=payment, merchant=merchant, amount_fen=amount_fen).opposite()


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
    ) + _offset(settlement, merchant, receivable_offset_fen)


def settlement_short(
    *, settlement: str, merchant: str, available_fen: int, receivable_fen: int, receivable_offset_fen: int
) -> Entries:
    """A batch closes in which refunds took more from pending than there was: the merchant bears the difference."""
    return Entries.balanced(
        debit("merchant_available", available_fen, owner=merchant, about=settlement),
        debit("merchant_receivable", receivable_fen, owner=merchant, about=settlement),
        credit("merchant_pending", available_fen + receivable_fen, owner=merchant, about=settlement),
    ) + _offset(settlement, merchant, receivable_offset_fen)


def _offset(settlement: str, merchant: str, amount_fen: int) -> Entries:
    """What the merchant owes is taken from what is available."""
    return Entries.balanced(
        debit("merchant_available", amount_fen, owner=merchant, about=settlement),
        credit("merchant_receivable", amount_fen, owner=merchant, about=settlement),
    )


def reserve_released(*, settlement: str, merchant: str, amount_fen: int) -> Entries:
    """What was held back by agreement may be paid out."""
    return Entries.balanced(
        debit("merchant_reserve", amount_fen, owner=merchant, about=settlement),
        credit("merchant_available", amount_fen, owner=merchant, about=settlement),
    )


def invoice_paid(
    *, invoice: str, merchant: str, funder: str, receivable_fen: int, available_fen: int
) -> Entries:
    """The merchant has paid what it owed to the lender; what is above its debt is available again."""
    return Entries.balanced(
        debit("funder_clearing", receivable_fen + available_fen, owner=funder, about=invoice),
        credit("merchant_receivable", receivable_fen, owner=merchant, about=invoice),
        credit("merchant_available", available_fen, owner=merchant, about=invoice),
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
    recovered_fen: int = 0,
    refund: str = "",
) -> Entries:
    """The merchant gives money back: the loan falls, the rest goes to the shopper, fee and subsidy come back.

    Of a loan that was written off it recovers what was given up.

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
        credit("recovery_income", recovered_fen, owner=funder, about=loan),
        credit("refund_in_transit", to_shopper_fen, owner=institution, about=refund or payment),
    )


def refund_confirmed(*, refund: str, institution: str, funder: str, amount_fen: int) -> Entries:
    """The institution has paid the shopper, with the lender's money."""
    return Entries.balanced(
        debit("refund_in_transit", amount_fen, owner=institution, about=refund),
        credit("funder_clearing", amount_fen, owner=funder, about=refund),
    )


def instalment_due(*, loan: str, funder: str, interest_fen: int, fee_fen: int, subsidy_fen: int) -> Entries:
    """An instalment falls due: its interest and fee are earned and owed, its part of the merchant's subsidy is earned.

    Its principal is owed since the drawdown. No lines when there is nothing to earn.
    """
    return Entries.balanced(
        debit("interest_receivable", interest_fen, owner=funder, about=loan),
        debit("fee_receivable", fee_fen, owner=funder, about=loan),
        debit("unearned_merchant_subsidy", subsidy_fen, about=loan),
        credit("interest_income", interest_fen, owner=funder, about=loan),
        credit("fee_income", fee_fen, owner=funder, about=loan),
        credit("merchant_subsidy_income", subsidy_fen, about=loan),
    )


def late_interest(*, loan: str, funder: str, difference_fen: int) -> Entries:
    """Late interest computed from scratch, less what is in the books: the difference, which may be below 0."""
    if difference_fen < 0:
        return late_interest(loan=loan, funder=funder, difference_fen=-difference_fen).opposite()
    return Entries.balanced(
        debit("late_interest_receivable", difference_fen, owner=funder, about=loan),
        credit("late_interest_income", difference_fen, owner=funder, about=loan),
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What is paid, or given up, of one loan; amounts in fen, below 0 where less is paid than was booked before."""

    late_interest_fen: int = 0
    fee_fen: int = 0
    interest_fen: int = 0
    principal_fen: int = 0

    @property
    def total_fen(self) -> int:
        """All four parts together."""
        return self.late_interest_fen + self.fee_fen + self.interest_fen + self.principal_fen


def repayment(*, loan: str, funder: str, parts: Parts, credit_fen: int) -> Entries:
    """A repayment is confirmed: the lender has the money; what is above the claims is owed to the shopper.

    Money that is reported late may move what others paid: a part is then below 0.
    """
    return Entries.balanced(
        debit("funder_clearing", parts.total_fen + credit_fen, owner=funder, about=loan),
        *_paid(loan, funder, parts),
        _moved("shopper_credit", -credit_fen, about=loan),
    )


def credit_applied(*, loan: str, funder: str, parts: Parts) -> Entries:
    """What is owed to the shopper pays claims that have fallen due since; or claims that fell free it again."""
    return Entries.balanced(
        _moved("shopper_credit", parts.total_fen, about=loan), *_paid(loan, funder, parts)
    )


def credit_returned(*, loan: str, institution: str, amount_fen: int, refund: str) -> Entries:
    """What is owed to the shopper is on its way back; its confirmation is that of a refund."""
    return Entries.balanced(
        debit("shopper_credit", amount_fen, about=loan),
        credit("refund_in_transit", amount_fen, owner=institution, about=refund),
    )


def paid_returned(*, loan: str, funder: str, institution: str, amount_fen: int, refund: str) -> Entries:
    """The loan never was: what the shopper has paid leaves the lender and is on its way back."""
    return Entries.balanced(
        debit("funder_clearing", amount_fen, owner=funder, about=loan),
        credit("refund_in_transit", amount_fen, owner=institution, about=refund),
    )


def provision(*, loan: str, funder: str, amount_fen: int) -> Entries:
    """A loss is expected."""
    return Entries.balanced(
        debit("credit_loss", amount_fen, owner=funder, about=loan),
        credit("allowance", amount_fen, owner=funder, about=loan),
    )


def write_off(*, loan: str, funder: str, parts: Parts) -> Entries:
    """The lender gives the claims up, against the allowance."""
    return Entries.balanced(
        debit("allowance", parts.total_fen, owner=funder, about=loan), *_paid(loan, funder, parts)
    )


def recovery(*, loan: str, funder: str, amount_fen: int, credit_fen: int = 0) -> Entries:
    """A shopper pays on a loan that was written off; what is above what was given up is owed to the shopper."""
    return Entries.balanced(
        debit("funder_clearing", amount_fen + credit_fen, owner=funder, about=loan),
        credit("recovery_income", amount_fen, owner=funder, about=loan),
        credit("shopper_credit", credit_fen, about=loan),
    )


def dispute_opened(*, dispute: str, merchant: str, available_fen: int, receivable_fen: int) -> Entries:
    """The shopper disputes: the amount is set aside from what is available, else the merchant owes it."""
    return Entries.balanced(
        debit("merchant_available", available_fen, owner=merchant, about=dispute),
        debit("merchant_receivable", receivable_fen, owner=merchant, about=dispute),
        credit("dispute_hold", available_fen + receivable_fen, owner=merchant, about=dispute),
    )


def dispute_won(*, dispute: str, merchant: str, amount_fen: int) -> Entries:
    """The merchant is right: what was set aside is available again."""
    return Entries.balanced(
        debit("dispute_hold", amount_fen, owner=merchant, about=dispute),
        credit("merchant_available", amount_fen, owner=merchant, about=dispute),
    )


def dispute_lost(
    *,
    dispute: str,
    loan: str,
    merchant: str,
    funder: str,
    principal_fen: int,
    to_shopper_fen: int,
    recovered_fen: int = 0,
) -> Entries:
    """Post a dispute that the shopper won.

    What was set aside repays the loan, or recovers what was given up of it; the rest is owed to the shopper.
    """
    return Entries.balanced(
        debit("dispute_hold", principal_fen + recovered_fen + to_shopper_fen, owner=merchant, about=dispute),
        credit("loan_principal", principal_fen, owner=funder, about=loan),
        credit("recovery_income", recovered_fen, owner=funder, about=loan),
        credit("shopper_credit", to_shopper_fen, about=loan),
    )


def charges_waived(*, loan: str, funder: str, parts: Parts) -> Entries:
    """Charges that are billed and no longer owed, such as after a lost dispute: what was earned is taken back."""
    return Entries.balanced(
        _moved("interest_income", parts.interest_fen, owner=funder, about=loan),
        _moved("fee_income", parts.fee_fen, owner=funder, about=loan),
        _moved("late_interest_income", parts.late_interest_fen, owner=funder, about=loan),
        *_paid(loan, funder, parts),
    )


def claims_moved(
    *, about: str, merchant: str, pending_fen: int, available_fen: int, receivable_fen: int
) -> Entries:
    """The same claim of the merchant stands elsewhere: signed as posted (debit above 0); the three sum to 0."""
    return Entries.balanced(
        _moved("merchant_pending", pending_fen, owner=merchant, about=about),
        _moved("merchant_available", available_fen, owner=merchant, about=about),
        _moved("merchant_receivable", receivable_fen, owner=merchant, about=about),
    )


def subsidy_received(*, payment: str, programme: str, funder: str, merchant: str, amount_fen: int) -> Entries:
    """The programme has paid: the money lies with the lender's institution, and the merchant's claim is available."""
    return Entries.balanced(
        debit("funder_clearing", amount_fen, owner=funder, about=payment),
        credit("subsidy_receivable", amount_fen, owner=programme, about=payment),
    ) + Entries.balanced(
        debit("merchant_pending", amount_fen, owner=merchant, about=payment),
        credit("merchant_available", amount_fen, owner=merchant, about=payment),
    )


def subsidy_returned(
    *,
    payment: str,
    programme: str,
    merchant: str,
    from_pending_fen: int,
    from_available_fen: int,
    from_receivable_fen: int,
) -> Entries:
    """The goods came back: the subsidy is not the shopper's; the programme no longer owes it, or gets it back."""
    amount_fen = from_pending_fen + from_available_fen + from_receivable_fen
    return Entries.balanced(
        debit("merchant_pending", from_pending_fen, owner=merchant, about=payment),
        debit("merchant_available", from_available_fen, owner=merchant, about=payment),
        debit("merchant_receivable", from_receivable_fen, owner=merchant, about=payment),
        credit("subsidy_receivable", amount_fen, owner=programme, about=payment),
    )


def refund_failed(*, refund: str, institution: str, loan: str, amount_fen: int) -> Entries:
    """The institution could not pay the shopper: the money is still owed."""
    return Entries.balanced(
        debit("refund_in_transit", amount_fen, owner=institution, about=refund),
        credit("shopper_credit", amount_fen, about=loan),
    )


def _paid(loan: str, funder: str, parts: Parts) -> list[Line]:
    return [
        _moved("late_interest_receivable", -parts.late_interest_fen, owner=funder, about=loan),
        _moved("fee_receivable", -parts.fee_fen, owner=funder, about=loan),
        _moved("interest_receivable", -parts.interest_fen, owner=funder, about=loan),
        _moved("loan_principal", -parts.principal_fen, owner=funder, about=loan),
    ]


def _moved(kind: str, amount_fen: int, *, about: str, owner: str = "") -> Line:
    """A line of a difference, signed as it is posted."""
    return (debit if amount_fen > 0 else credit)(kind, abs(amount_fen), about=about, owner=owner)


def _line(kind: str, owner: str, amount_fen: int, about: str, *, sign: int) -> Line:
    check_account(kind, owner)
    if type(amount_fen) is not int or not 0 <= amount_fen <= LARGEST_FEN:
        raise ValueError(f"{kind}: a line must be a whole number of fen, 0 or more, not {amount_fen!r}")
    return Line(kind, owner, sign * amount_fen, about)
