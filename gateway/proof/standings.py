"""Where a loan stands: its bills and its own columns, against the replay of its facts."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from gateway.core.calendar import SHANGHAI
from gateway.loans import replay
from gateway.proof.findings import Findings
from gateway.proof.schedules import Walk

if TYPE_CHECKING:
    from gateway.proof.lives import Life
    from gateway.proof.stories import Story

FACTS = "bills, receipts by day, reductions and credit of the loan, replayed"


def start_of(day: date) -> datetime:
    """The first moment of a day in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI)


def end_of(day: date) -> datetime:
    """The first moment of the next day."""
    return start_of(day + timedelta(days=1))


def prove(
    findings: Findings, life: Life, walk: Walk, story: Story, *, waived_on: date | None, today: date
) -> None:
    """Compare the bills and the loan with where it stands."""
    choices = story.standings()
    stored = {bill.period: bill for bill in life.rows["loan_bill"]}
    right = next(
        (
            pair
            for pair in choices
            if all(_agrees(life, stored.get(p), bill) for p, bill in pair[1].bills.items())
        ),
        choices[0],
    )
    as_of, standing = right
    _prove_bills(findings, life, walk, standing, stored)
    _prove_loan(findings, life, walk, standing)
    _prove_counts(findings, life, waived_on)
    _prove_state(findings, life, walk, story, standing, days=(as_of, today))


def _columns(life: Life, bill: replay.Bill) -> dict[str, Any]:
    """What a stored bill should say."""
    unwound = life.unwound
    return {
        "late_fen": bill.late_fen,
        "returned_fen": bill.returned_fen,
        "waived_interest_fen": bill.waived["interest"],
        "waived_fee_fen": bill.waived["fee"],
        "paid_principal_fen": bill.paid["principal"],
        "paid_interest_fen": bill.paid["interest"],
        "paid_fee_fen": bill.paid["fee"],
        "paid_late_fen": bill.paid["late_interest"],
        "paid_on": bill.paid_on
        or (unwound.on if unwound else None)
        or (None if bill.open_fen else bill.instalment.on),
    }


def _agrees(life: Life, stored: Any, bill: replay.Bill) -> bool:
    return stored is not None and all(
        getattr(stored, name) == value for name, value in _columns(life, bill).items()
    )


def _prove_bills(
    findings: Findings, life: Life, walk: Walk, standing: replay.Standing, stored: dict[int, Any]
) -> None:
    wanted = {bill.period: bill for bill in walk.bills}
    for period in sorted(wanted.keys() | stored.keys()):
        row = life.name("loan_bill", period)
        if period not in wanted or period not in stored:
            there = ("a row", "no row")
            right, wrong = there if period in wanted else there[::-1]
            findings.note(
                row,
                "period",
                wanted=right,
                got=wrong,
                computed_from="the schedule and the entries of what fell due",
            )
            continue
        bill, got = wanted[period], stored[period]
        source = f"version {bill.version} of the schedule"
        findings.same(row, "due_date", wanted=bill.on, got=got.due_date, computed_from=source)
        for name in ("principal_fen", "interest_fen", "fee_fen"):
            findings.same(row, name, wanted=getattr(bill, name), got=getattr(got, name), computed_from=source)
        if not bill.is_settlement:
            entry = life.purchase.entries.by_key.get(f"instalment_due:{life.loan.id}:{period}")
            charges = (bill.interest_fen, bill.fee_fen)
            booked = (entry.of("interest_receivable"), entry.of("fee_receivable")) if entry else (0, 0)
            findings.same(
                row, "interest_fen", wanted=booked, got=charges, computed_from="the entry of what fell due"
            )
        if period in standing.bills:
            for name, value in _columns(life, standing.bills[period]).items():
                findings.same(row, name, wanted=value, got=getattr(got, name), computed_from=FACTS)


def _prove_loan(findings: Findings, life: Life, walk: Walk, standing: replay.Standing) -> None:
    """The running totals of the loan."""
    loan, row, unwound, written_off = life.loan, life.name(), life.unwound, life.written_off
    bills = standing.bills.values()
    refunded = walk.lowered_to_come_fen + sum(bill.returned_fen for bill in bills)
    repaid = sum(bill.paid["principal"] for bill in bills)
    lost = -written_off.of("loan_principal") if written_off else 0
    charges = ("interest_receivable", "fee_receivable", "late_interest_receivable")
    lost_charges = -written_off.of(*charges) if written_off else 0
    kept = [
        entry
        for entry in life.entries
        if not entry.reverses and entry.id not in life.purchase.entries.reversed_by
    ]
    recovered = -sum(entry.of("recovery_income", about=loan.id) for entry in kept)
    booked_credit = -sum(entry.of("shopper_credit", about=loan.id) for entry in life.entries)
    for column, wanted, source in (
        ("refunded_fen", 0 if unwound else refunded, FACTS),
        ("repaid_fen", 0 if unwound else repaid, FACTS),
        ("written_off_fen", lost, "the entry of the write-off"),
        ("written_off_charges_fen", lost_charges, "the entry of the write-off"),
        ("recovered_fen", recovered, "the entries of what was recovered"),
        ("credit_fen", booked_credit, "the entries about the shopper's credit"),
        ("subsidy_earned_fen", 0 if unwound else walk.earned_fen, "the instalments that fell due"),
        ("subsidy_returned_fen", loan.subsidy_fen if unwound else walk.returned_fen, "what refunds lowered"),
        ("subsidy_base_fen", walk.base_subsidy_fen, "the subsidy at the newest bill"),
        ("base_version", walk.base_version, "the schedule at the newest bill"),
        ("billed_periods", walk.billed, "the bills"),
        ("schedule_version", walk.version + bool(unwound), "the versions of the schedule"),
    ):
        findings.same(row, column, wanted=wanted, got=getattr(loan, column), computed_from=source)
    if not unwound and not written_off:
        findings.same(row, "credit_fen", wanted=standing.credit_fen, got=loan.credit_fen, computed_from=FACTS)


def _prove_counts(findings: Findings, life: Life, waived_on: date | None) -> None:
    """How many entries the loan has named, and when its charges were waived."""
    row, loan = life.name(), life.loan
    late, credit = (
        len(life.kept("late_interest")),
        len(life.kept("credit_applied")) + len(life.kept("charges_waived")),
    )
    for column, wanted in (
        ("late_entries", late),
        ("credit_entries", credit),
        ("charges_waived_on", waived_on),
    ):
        findings.same(
            row,
            column,
            wanted=wanted,
            got=getattr(loan, column),
            computed_from=f"the entries about {loan.id}",
        )


def _prove_state(
    findings: Findings,
    life: Life,
    walk: Walk,
    story: Story,
    standing: replay.Standing,
    *,
    days: tuple[date, date],
) -> None:
    """Status, and the days on which something is due, is overdue, and has ended."""
    loan, row = life.loan, life.name()
    end = life.unwound or life.written_off
    if end is not None:
        status = "unwound" if life.unwound else "written_off"
        wanted: dict[str, tuple[Any, ...]] = {
            "status": (status,),
            "next_due_date": (None,),
            "overdue_since": (None,),
            "ended_on": (end.on,),
        }
    elif walk.next_due is None and standing.is_paid:
        last = story.ending()
        status = "refunded" if last is not None and last.lowers else "settled"
        wanted = {
            "status": (status,),
            "next_due_date": (None,),
            "overdue_since": (None,),
            "ended_on": (last.day if last is not None else None,),
        }
    else:
        since = tuple(standing.overdue_since(day, grace_days=story.late_grace_days) for day in days)
        wanted = {
            "overdue_since": since,
            "status": ("active" if loan.overdue_since is None else "overdue",),
            "next_due_date": (walk.next_due,),
            "ended_on": (None,),
        }
    for column, choices in wanted.items():
        findings.among(row, column, wanted=choices, got=getattr(loan, column), computed_from=FACTS)
