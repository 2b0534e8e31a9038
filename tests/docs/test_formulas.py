"""The page of formulas: every table and every figure on it is what ``gateway.core`` computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from gateway.core import (
    allocation,
    annual_rate,
    cost_ceiling,
    early_settlement,
    late_interest,
    merchant_settlement,
    refunding,
)
from gateway.core.capture_schedule import difference
from gateway.core.money import half_up, share
from gateway.core.schedule import Instalment, Schedule, Terms, build, due_date
from gateway.loans import replay

P = 599_900
DRAWN = date(2026, 11, 23)
LOAN = Terms("equal_installment", 12, annual_rate="0.18")
PRINCIPAL = Terms("equal_principal", 12, annual_rate="0.18")
SPREAD = Terms("flat_fee", 12, fee_rate_total="0.075", fee_timing="spread")
FIRST = Terms("flat_fee", 12, fee_rate_total="0.075", fee_timing="first_period")
EACH = Terms("flat_fee", 12, fee_rate_per_period="0.00625")
FREE = Terms("interest_free", 12)
METHODS = {
    "equal instalment, 18 %": LOAN,
    "equal principal, 18 %": PRINCIPAL,
    "flat fee 7.5 %, spread": SPREAD,
    "flat fee 7.5 %, first period": FIRST,
    "flat fee 0.625 % each period": EACH,
    "interest-free": FREE,
}
GIVEN = {
    # What the examples start from; everything else on the page is computed.
    *("2026-11-23", "2026-08-31", "5999.00", "0.6", "7.5", "0.625", "0.05", "600.00", "1000.00"),
    *("500.00", "100.00", "399.00", "1999.00", "2000.00", "2027-01-10", "30,000"),
}
Rows = list[list[str]]


def text(value: Any) -> str:
    return f"{value:,}" if type(value) is int else str(value)


def table(rows: Iterable[Iterable[Any]]) -> Rows:
    return [[text(cell) for cell in row] for row in rows]


def schedule_rows(rows: Iterable[Instalment]) -> list[list[Any]]:
    return [[r.period, r.due_date, r.principal, r.interest, r.payment, r.balance] for r in rows]


def half_even(value: Fraction) -> int:
    return round(value)


def rounding() -> Rows:
    exact = [Fraction(1, 2), Fraction(3, 2), Fraction(5, 2), Fraction(P * 18, 1200)]
    return table([f"{float(x):,.1f}", half_up(x), half_even(x)] for x in exact)


def dates() -> Rows:
    start = date(2026, 8, 31)
    rows, chained = [], start
    for period in range(1, 8):
        chained = due_date(chained, 1)
        rows.append([period, due_date(start, period), chained])
    return table(rows)


def first_and_last() -> Rows:
    rows = []
    for name, terms in METHODS.items():
        found = build(P, terms, DRAWN)
        cost = annual_rate.of(P, found.payments)
        rows.append(
            [
                name,
                found.rows[0].payment,
                found.rows[1].payment,
                found.rows[-1].payment,
                found.total_payment - P,
                f"{cost.nominal_percent} %",
                f"{cost.effective_percent} %",
            ]
        )
    return table(rows)


def newton() -> Rows:
    payments, monthly, rows = build(P, SPREAD, DRAWN).payments, 0.0, []
    for step in range(6):
        worth = sum(pay / (1 + monthly) ** k for k, pay in enumerate(payments, 1))
        slope = -sum(k * pay / (1 + monthly) ** (k + 1) for k, pay in enumerate(payments, 1))
        rows.append([step, f"{monthly:.10f}", f"{worth - P:,.4f}"])
        monthly -= (worth - P) / slope
    assert rows[-1][1] == annual_rate.of(P, payments).monthly
    return table(rows)


def ceiling() -> Rows:
    rows = []
    for principal in (10_000, 100_000, P):
        for rate in ("0.24", "0.21"):
            found = build(principal, Terms("equal_installment", 3, annual_rate=rate), DRAWN)
            verdict = cost_ceiling.check(principal, found.payments, funder_type="bank", on=DRAWN)
            cost = verdict.rate
            rows.append(
                [
                    f"{principal / 100:,.2f}",
                    f"{Fraction(rate) * 100} %",
                    " + ".join(map(text, found.payments)),
                    f"{cost.nominal_percent} %",
                    f"{cost.effective_percent} %",
                    *("yes" if cost.within("0.24", basis) else "no" for basis in cost_ceiling.BOTH),
                ]
            )
    return table(rows)


def settled_early() -> Rows:
    rows = []
    for policy in ("pro_rata_day", "full_period"):
        for day in (date(2027, 4, 23), date(2027, 4, 24), date(2027, 5, 8), date(2027, 5, 23)):
            found = early_settlement.settle(
                build(P, LOAN, DRAWN),
                contract_date=DRAWN,
                periods_paid=5,
                settle_date=day,
                interest_policy=policy,
            )
            rows.append(
                [
                    f"{policy}",
                    day,
                    f"{found.days_elapsed} of {found.days_in_period}",
                    found.outstanding_principal,
                    found.interest_due,
                    found.settlement_amount,
                    found.saved_interest,
                ]
            )
    return table(rows)


def lowered(terms: Terms, refund_fen: int, rows: Iterable[Instalment] | None = None) -> refunding.Lowered:
    rest = build(P, terms, DRAWN).rows[2:] if rows is None else tuple(rows)
    return refunding.lower(rest, terms=terms, contract_date=DRAWN, refund_fen=refund_fen)


def refunded() -> Rows:
    before, after = build(P, LOAN, DRAWN).rows[2:], lowered(LOAN, 100_000).rows
    return table(
        [old.period, old.due_date, old.payment, new.principal, new.interest, new.payment, new.balance]
        for old, new in zip(before, after, strict=True)
    )


def refunds_split() -> Rows:
    first = lowered(SPREAD, 60_000)
    cases = {
        "one of 2,500.00": lowered(SPREAD, 250_000),
        "600.00, then 1,900.00 on the rows of the first": lowered(SPREAD, 190_000, first.rows),
        "600.00, then both together on the rows before the first": lowered(SPREAD, 60_000 + 190_000),
    }
    return table(
        [what, found.outstanding_after, sum(row.fee for row in found.rows)] for what, found in cases.items()
    )


def late() -> Rows:
    due = date(2027, 1, 23)
    rows = []
    for days in (1, 3, 4, 5, 30, 90):
        as_of = due + timedelta(days=days)
        counted = late_interest.overdue_days(due_date=due, as_of=as_of, grace_days=3)
        owed = late_interest.late_interest(46_690, daily_rate="0.0005", days=counted)
        daily = half_up(Fraction(46_690 * 5, 10_000)) * counted
        rows.append([as_of, days, counted, owed, daily])
    return table(rows)


CLAIMS = [
    allocation.Claim(2, "due", "principal", 46_690),
    allocation.Claim(2, "due", "interest", 8_309),
    allocation.Claim(1, "past_due", "principal", 46_000),
    allocation.Claim(1, "past_due", "interest", 8_999),
    allocation.Claim(1, "past_due", "late_interest", 713),
]


def allocated() -> Rows:
    assert CLAIMS[-1].owed_fen == late_interest.late_interest(46_000, daily_rate="0.0005", days=31)
    paid, left = allocation.allocate(60_000, CLAIMS)
    assert left == 0
    parts = {(part.period, part.part): part.amount_fen for part in paid}
    order = sorted(CLAIMS, key=lambda c: allocation.DEFAULT_ORDER.index((c.timing, c.part)))
    rows, remaining = [], 60_000
    for claim in order:
        part = parts.get((claim.period, claim.part), 0)
        remaining -= part
        rows.append(
            [claim.timing, claim.part, claim.period, claim.owed_fen, part, claim.owed_fen - part, remaining]
        )
    return table(rows)


def merchant() -> Rows:
    rows = []
    for reductions in (
        {},
        {"government_subsidy_fen": 50_000, "merchant_discount_fen": 10_000, "down_payment_fen": 39_900},
    ):
        found = merchant_settlement.settle(
            P, merchant_fee_rate="0.006", merchant_subsidy_rate="0.01", **reductions
        )
        net, vat = merchant_settlement.net_and_vat(found.merchant_fee, "0.06")
        rows.append(
            [
                P,
                sum(reductions.values()),
                found.financed_amount,
                net,
                vat,
                found.merchant_subsidy,
                found.settlement_amount,
            ]
        )
    return table(rows)


def captures() -> Rows:
    totals = [0, 199_900, 399_900, P]
    loans = [
        difference(build(after, LOAN, DRAWN), build(before, LOAN, DRAWN))
        if before
        else build(after, LOAN, DRAWN)
        for before, after in pairwise(totals)
    ]
    alone = [build(after - before, LOAN, DRAWN) for before, after in pairwise(totals)]
    whole = build(P, LOAN, DRAWN)

    def row(name: str, pick: Callable[[Schedule], int]) -> list[Any]:
        parts = [pick(loan) for loan in loans]
        assert sum(parts) == pick(whole)
        return [name, *parts, sum(parts), sum(pick(loan) for loan in alone)]

    return table(
        [
            *(row(f"payment {k}", lambda loan, k=k: loan.rows[k - 1].payment) for k in range(1, 13)),
            row("interest in all", lambda loan: loan.total_interest),
        ]
    )


def fees_returned() -> Rows:
    fee, rows, refunded_fen, returned = share(P, "0.006"), [], 0, 0
    for refund_fen in (100_070, 100_070, 399_760):
        refunded_fen += refund_fen
        now = half_up(Fraction(fee * refunded_fen, P))
        rows.append([refund_fen, refunded_fen, now, now - returned, half_up(Fraction(fee * refund_fen, P))])
        returned = now
    assert returned == fee
    return table(rows)


def replayed() -> Rows:
    first = build(P, LOAN, date(2027, 1, 10)).rows[0]
    early = replay.Money(date(2027, 2, 11), 30_000)
    later = replay.Money(date(2027, 2, 25), 25_186)

    def standing(day: date, *money: replay.Money) -> list[int]:
        due = replay.Instalment(1, first.due_date, first.principal, first.interest, first.fee)
        bill = replay.replay(replay.Facts("0.0005", 3, [due], money=money), as_of=day).bills[1]
        parts = (bill.paid[part] for part in ("late_interest", "interest", "principal"))
        return [bill.late_fen, *parts, bill.open_fen]

    before, after = standing(later.on, later), standing(later.on, early, later)
    assert after == standing(later.on, later, early)
    moved = [right - was for right, was in zip(after, before, strict=True)]
    assert sum(moved[1:4]) == early.amount_fen
    return table(
        [
            ["the second payment", later.on, *before],
            ["both", early.on, *standing(early.on, early, later)],
            ["both", later.on, *after],
            ["difference booked", later.on, *moved],
        ]
    )


TABLES: dict[str, Callable[[], Rows]] = {
    "rounding": rounding,
    "dates": dates,
    "equal_instalment": lambda: table(schedule_rows(build(P, LOAN, DRAWN).rows)),
    "equal_principal": lambda: table(schedule_rows(build(P, PRINCIPAL, DRAWN).rows)),
    "methods": first_and_last,
    "newton": newton,
    "ceiling": ceiling,
    "early_settlement": settled_early,
    "refund": refunded,
    "refunds_split": refunds_split,
    "late_interest": late,
    "allocation": allocated,
    "replay": replayed,
    "merchant": merchant,
    "fees_returned": fees_returned,
    "captures": captures,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_computes(read_page: Callable[[str], Any], name: str) -> None:
    assert read_page("formulas").tables[name] == TABLES[name]()


def test_every_marked_table_is_computed_here(read_page: Callable[[str], Any]) -> None:
    assert set(read_page("formulas").tables) == set(TABLES)


def test_the_examples_print_what_they_say(
    read_page: Callable[[str], Any], run_examples: Callable[[Any], int]
) -> None:
    assert run_examples(read_page("formulas")) > 20


def test_no_figure_in_the_prose_is_made_up(read_page: Callable[[str], Any]) -> None:
    page = read_page("formulas")
    known = page.computed | {figure.replace(",", "") for figure in GIVEN}
    assert sorted(page.claimed - known) == []
