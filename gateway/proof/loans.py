"""A loan, from its capture on: schedule versions, bills, receipts, credit, late interest and state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from gateway.loans import replay
from gateway.proof import standings
from gateway.proof.entries import Entry
from gateway.proof.findings import Findings
from gateway.proof.lives import Life, late_terms, policy
from gateway.proof.schedules import Lowering, Walk
from gateway.proof.stories import RECOMPUTED, Story, chapters
from gateway.proof.walks import due_order, walk_of

SCHEDULE = "the signed contract, the captures, and what refunds and disputes lowered"
FIGURES = ("due_date", "principal_fen", "interest_fen", "fee_fen", "payment_fen", "balance_fen")


def prove(findings: Findings, life: Life, *, today: date) -> None:
    """Compare everything stored of the loan with what follows from its facts."""
    _prove_terms(findings, life)
    walk, lowerings = walk_of(life)
    if walk is None:
        return
    _prove_versions(findings, life, walk)
    _prove_settlement(findings, life)
    returned = _prove_reductions(findings, life, lowerings)
    receipts = _prove_receipts(findings, life)
    credit = _prove_credit_changes(findings, life)
    waived_on = _waived_on(life, lowerings)
    end = life.unwound or life.written_off
    due = {bill.period: due_order(life, bill.period, bill.on) for bill in walk.bills}
    story = Story(*late_terms(life))
    story.chapters = chapters(
        walk,
        lowerings=lowerings,
        returned=returned,
        receipts=receipts,
        credit=credit,
        due_orders=due,
        waived_on=waived_on,
        until=end.order if end else None,
    )
    story.recomputed_on = [
        entry.recorded_day
        for entry in life.entries
        if entry.kind in RECOMPUTED and (end is None or entry.order < end.order)
    ]
    standings.prove(findings, life, walk, story, waived_on=waived_on, today=today)


def _prove_terms(findings: Findings, life: Life) -> None:
    """What the loan keeps of its drawdown and of the contract."""
    loan, drawn, payment = life.loan, life.drawn, life.purchase.payment
    row, booked = life.name(), f"the ledger entry {drawn.key}"
    for column, wanted in (
        ("merchant_id", payment.merchant_id),
        ("mode", payment.mode),
        ("shopper_id", payment.shopper_id),
        ("capture_id", life.capture.id),
        ("price", payment.price),
    ):
        findings.same(
            row, column, wanted=wanted, got=getattr(loan, column), computed_from=f"payment {payment.id}"
        )
    for column, wanted in (
        ("principal_fen", drawn.of("loan_principal")),
        ("subsidy_fen", -drawn.of("unearned_merchant_subsidy")),
        ("contract_date", drawn.on),
        ("created_at", drawn.recorded_at),
        ("funder", drawn.owner("loan_principal")),
    ):
        findings.same(row, column, wanted=wanted, got=getattr(loan, column), computed_from=booked)
    rate, grace = late_terms(life)
    for column, wanted in (("late_daily_rate", rate), ("late_grace_days", grace)):
        source = "the late interest that the signed contract discloses"
        findings.same(row, column, wanted=wanted, got=getattr(loan, column), computed_from=source)
    got, source = loan.early_settlement_policy, "the signed contract"
    findings.same(row, "early_settlement_policy", wanted=policy(life), got=got, computed_from=source)


def _prove_versions(findings: Findings, life: Life, walk: Walk) -> None:
    """Every row of every version of the schedule."""
    wanted = {
        (version, row.period): (row.due_date, row.principal, row.interest, row.fee, row.payment, row.balance)
        for version, rows in walk.versions.items()
        for row in rows
    }
    stored = {
        (row.version, row.period): (
            row.due_date,
            row.principal_fen,
            row.interest_fen,
            row.fee_fen,
            row.payment_fen,
            row.balance_fen,
        )
        for row in life.rows["loan_instalment"]
    }
    if wanted == stored:
        return
    for key in sorted(wanted.keys() | stored.keys()):
        row = life.name("loan_instalment", *key)
        if key not in stored or key not in wanted:
            there = ("a row", "no row")
            right, wrong = there if key in wanted else there[::-1]
            findings.note(row, "period", wanted=right, got=wrong, computed_from=SCHEDULE)
            continue
        for column, figure, got in zip(FIGURES, wanted[key], stored[key], strict=True):
            findings.same(row, column, wanted=figure, got=got, computed_from=SCHEDULE)


def _prove_settlement(findings: Findings, life: Life) -> None:
    """An early settlement has its reference; which, is written down when it is asked for."""
    entry = life.purchase.entries.by_key.get(f"settled_early:{life.loan.id}")
    if entry is not None and life.loan.settlement_reference is None:
        source = f"the ledger entry {entry.key}"
        findings.note(
            life.name(), "settlement_reference", wanted="a reference", got=None, computed_from=source
        )


def _prove_reductions(
    findings: Findings, life: Life, lowerings: Sequence[Lowering]
) -> dict[str, tuple[replay.Returned, ...]]:
    """What refunds took off bills: as much as the books say that they lowered beyond the rows to come."""
    stored = sorted(life.rows["loan_principal_reduction"], key=lambda row: row.id)
    returned: dict[str, tuple[replay.Returned, ...]] = {}
    for event in lowerings:
        left, own = event.from_bills_fen, []
        while left > 0 and stored:
            row = stored.pop(0)
            name, source = (
                life.purchase.row("loan_principal_reduction", row.id),
                f"the ledger entry {event.name}",
            )
            findings.same(name, "reduced_on", wanted=event.on, got=row.reduced_on, computed_from=source)
            if event.waives_late is not None:
                findings.same(
                    name, "waives_late", wanted=event.waives_late, got=row.waives_late, computed_from=source
                )
            left -= row.amount_fen
            own.append(replay.Returned(row.period, row.reduced_on, row.amount_fen, row.waives_late))
        if left:
            name = life.name("loan_principal_reduction")
            got = event.from_bills_fen - left
            findings.note(
                name,
                "amount_fen",
                wanted=event.from_bills_fen,
                got=got,
                computed_from=f"the ledger entry {event.name}",
            )
        returned[event.name] = tuple(own)
    for row in stored:
        name = life.purchase.row("loan_principal_reduction", row.id)
        findings.note(name, "amount_fen", wanted="no row", got=row.amount_fen, computed_from=SCHEDULE)
    return returned


def _prove_receipts(findings: Findings, life: Life) -> list[tuple[Entry, Any]]:
    """Every receipt is the entry that booked it; returns those that are, with their entries."""
    booked = {
        entry.key.partition(":")[2]: entry
        for entry in life.entries
        if entry.kind in ("repayment", "recovery")
    }
    proven = []
    for row in life.rows["loan_repayment"]:
        name, entry = life.purchase.row("loan_repayment", row.id), booked.pop(row.id, None)
        if entry is None:
            findings.note(
                name, "id", wanted="no row", got="a row", computed_from=f"the entries about {life.loan.id}"
            )
            continue
        for column, wanted in (
            ("mode", life.purchase.payment.mode),
            ("amount_fen", entry.of("funder_clearing")),
            ("received_on", entry.on),
            ("created_at", entry.recorded_at),
            ("late_interest_fen", -entry.of("late_interest_receivable")),
            ("fee_fen", -entry.of("fee_receivable")),
            ("interest_fen", -entry.of("interest_receivable")),
            ("principal_fen", -entry.of("loan_principal")),
            ("credit_fen", -entry.of("shopper_credit")),
            ("recovered_fen", -entry.of("recovery_income")),
        ):
            source = f"the ledger entry {entry.key}"
            findings.same(name, column, wanted=wanted, got=getattr(row, column), computed_from=source)
        proven.append((entry, row))
    for id, entry in booked.items():
        name = life.purchase.row("loan_repayment", id)
        findings.note(name, "id", wanted="a row", got="no row", computed_from=f"the ledger entry {entry.key}")
    return proven


def _prove_credit_changes(findings: Findings, life: Life) -> list[tuple[Entry, int]]:
    """What was owed to the shopper other than by a receipt, as the books say it; returns the entries and amounts."""
    changes: list[tuple[Entry, int, str]] = []
    for entry in life.entries:
        if entry.kind in ("credit_returned", "refund_failed", "dispute_lost"):
            amount = -entry.of("shopper_credit", about=life.loan.id)
            about = entry.key.rpartition(":")[2] if entry.kind == "dispute_lost" else entry.about
            if amount:
                changes.append((entry, amount, about))
    wanted = Counter((entry.on, amount, about) for entry, amount, about in changes)
    for row in sorted(life.rows["loan_credit_change"], key=lambda row: row.id):
        key = (row.changed_on, row.amount_fen, row.about)
        if wanted[key]:
            wanted[key] -= 1
            continue
        name = life.purchase.row("loan_credit_change", row.id)
        right = [
            f"{amount} fen on {on}"
            for (on, amount, about), count in wanted.items()
            if count and about == row.about
        ]
        findings.note(
            name,
            "amount_fen",
            wanted=right[0] if right else "no row",
            got=f"{row.amount_fen} fen on {row.changed_on}",
            computed_from=f"the entries about {life.loan.id}",
        )
    stored = Counter((row.changed_on, row.amount_fen, row.about) for row in life.rows["loan_credit_change"])
    for key in Counter((entry.on, amount, about) for entry, amount, about in changes) - stored:
        name = life.name("loan_credit_change", key[2])
        findings.note(
            name, "amount_fen", wanted=f"{key[1]} fen on {key[0]}", got="no row", computed_from="the ledger"
        )
    return [(entry, amount) for entry, amount, _ in changes]


def _waived_on(life: Life, lowerings: Sequence[Lowering]) -> date | None:
    """The day on which a lost dispute left no principal and the charges were waived, as the books show it."""
    entries = life.kept("charges_waived")
    if entries:
        return entries[0].on
    lost = {entry.on for entry in life.kept("dispute_lost")}
    late = [entry for entry in life.kept("late_interest") if entry.of("late_interest_receivable") < 0]
    days = {entry.on for entry in late} & lost
    return life.loan.charges_waived_on if life.loan.charges_waived_on in days else None
