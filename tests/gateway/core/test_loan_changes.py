"""What happens after drawdown: early settlement, refund, late interest, merchant settlement."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.core import early_settlement, late_interest, merchant_settlement, refunding
from gateway.core.capture_schedule import difference, of_capture
from gateway.core.schedule import Schedule, Terms, build, due_date

DAY = date(2026, 11, 23)
INTEREST = Terms("equal_installment", 12, annual_rate="0.18")
FLAT = Terms("flat_fee", 12, fee_rate_total="0.075", fee_timing="spread")
CHOICES = st.sampled_from(
    [INTEREST, FLAT, Terms("equal_principal", 6, annual_rate="0.12"), Terms("interest_free", 9)]
)
PHONE = build(599_900, INTEREST, DAY)


def settle(rows: Schedule, paid: int, day: date, policy: str = "pro_rata_day") -> early_settlement.Settlement:
    return early_settlement.settle(
        rows, contract_date=DAY, periods_paid=paid, settle_date=day, interest_policy=policy
    )


def test_ten_days_into_a_period_costs_ten_days_of_its_interest() -> None:
    found = settle(PHONE, 5, date(2027, 5, 3))
    assert (found.days_elapsed, found.days_in_period) == (10, 30)
    assert (found.outstanding_principal, found.interest_due, found.settlement_amount) == (
        362_894,
        1_814,
        364_708,
    )
    assert found.saved_interest == 20_285


def test_on_a_due_date_nothing_more_is_due_than_principal() -> None:
    found = settle(PHONE, 5, date(2027, 4, 23), "full_period")
    assert (found.interest_due, found.fee_due, found.settlement_amount) == (0, 0, 362_894)


def test_the_running_fee_is_due_and_later_fees_are_waived() -> None:
    found = settle(build(599_900, FLAT, DAY), 3, date(2027, 3, 1), "full_period")
    assert (found.fee_due, found.settlement_amount, found.saved_fee) == (3_749, 453_676, 29_997)


@given(st.integers(100_000, 10_000_000), CHOICES, st.data())
@settings(max_examples=100)
def test_settling_costs_and_saves_exactly_what_was_left(
    principal: int, terms: Terms, data: st.DataObject
) -> None:
    rows = build(principal, terms, DAY)
    paid = data.draw(st.integers(0, terms.periods - 1))
    start, end = due_date(DAY, paid), due_date(DAY, paid + 1)
    day = start + timedelta(days=data.draw(st.integers(0, (end - start).days)))
    found = settle(rows, paid, day, data.draw(st.sampled_from(["pro_rata_day", "full_period"])))
    left = sum(row.payment for row in rows.rows[paid:])
    assert found.settlement_amount + found.saved_interest + found.saved_fee == left
    assert min(found.interest_due, found.fee_due, found.saved_interest, found.saved_fee) >= 0


@pytest.mark.parametrize(
    ("paid", "day", "policy"),
    [
        (5, date(2027, 4, 22), "pro_rata_day"),
        (5, date(2027, 5, 24), "pro_rata_day"),
        (5, date(2027, 5, 3), "whatever"),
        (12, date(2027, 11, 23), "pro_rata_day"),
        (-1, date(2026, 11, 23), "pro_rata_day"),
    ],
)
def test_settling_outside_the_running_period_is_refused(paid: int, day: date, policy: str) -> None:
    with pytest.raises(ValueError, match=r"settlement date|interest_policy|periods_paid"):
        settle(PHONE, paid, day, policy)


def test_1000_yuan_back_after_four_payments() -> None:
    found = refunding.lower(PHONE.rows[4:], terms=INTEREST, contract_date=DAY, refund_fen=100_000)
    assert (found.outstanding_before, found.outstanding_after, found.returned_to_shopper) == (
        411_717,
        311_717,
        0,
    )
    assert [row.payment for row in found.rows] == [41_640] * 7 + [41_644]
    assert (found.rows[0].period, found.rows[0].due_date) == (5, date(2027, 4, 23))
    assert found.cancelled_interest == 6_868


def test_a_refund_above_the_balance_returns_the_rest() -> None:
    found = refunding.lower(PHONE.rows[10:], terms=INTEREST, contract_date=DAY, refund_fen=599_900)
    assert (found.applied_to_principal, found.returned_to_shopper, found.rows) == (107_571, 492_329, ())
    assert found.cancelled_interest == 2_427


@given(st.integers(100_000, 10_000_000), CHOICES, st.integers(1, 12_000_000), st.data())
@settings(max_examples=150)
def test_a_refund_keeps_every_fen(principal: int, terms: Terms, refund: int, data: st.DataObject) -> None:
    paid = data.draw(st.integers(0, terms.periods - 1))
    left = build(principal, terms, DAY).rows[paid:]
    found = refunding.lower(left, terms=terms, contract_date=DAY, refund_fen=refund)
    assert found.applied_to_principal + found.returned_to_shopper == refund
    assert found.outstanding_before - found.applied_to_principal == found.outstanding_after
    assert sum(row.principal for row in found.rows) == found.outstanding_after
    assert sum(row.fee for row in found.rows) + found.cancelled_fee == sum(row.fee for row in left)
    assert sum(row.interest for row in found.rows) + found.cancelled_interest == sum(
        row.interest for row in left
    )
    dates = [(row.period, row.due_date) for row in left]
    assert [(row.period, row.due_date) for row in found.rows] == (dates if found.outstanding_after else [])


@pytest.mark.parametrize("refund", [1.5, True, "1"])
def test_a_refund_is_a_whole_number_of_fen(refund: Any) -> None:
    with pytest.raises(TypeError, match="refund"):
        refunding.lower(PHONE.rows, terms=INTEREST, contract_date=DAY, refund_fen=refund)


@pytest.mark.parametrize(
    ("as_of", "days"), [("2026-12-20", 0), ("2026-12-26", 0), ("2026-12-27", 4), ("2027-01-02", 10)]
)
def test_days_count_from_the_due_date_once_the_grace_is_over(as_of: str, days: int) -> None:
    found = late_interest.overdue_days(
        due_date=date(2026, 12, 23), as_of=date.fromisoformat(as_of), grace_days=3
    )
    assert found == days


def test_late_interest_is_simple_and_rounded_once() -> None:
    assert late_interest.late_interest(48_123, daily_rate="0.0005", days=10) == 241
    assert late_interest.late_interest(48_123, daily_rate="0.0005", days=0) == 0
    with pytest.raises(TypeError, match="rate"):
        late_interest.late_interest(48_123, daily_rate=0.0005, days=1)  # type: ignore[arg-type]


def test_an_interest_free_phone_pays_the_merchant_less_fee_and_subsidy() -> None:
    found = merchant_settlement.settle(599_900, merchant_fee_rate="0.006", merchant_subsidy_rate="0.068")
    assert (found.merchant_fee, found.merchant_subsidy, found.settlement_amount) == (3_599, 40_793, 555_508)


def test_government_subsidy_and_discount_are_not_financed() -> None:
    found = merchant_settlement.settle(
        399_900,
        merchant_fee_rate="0.006",
        merchant_subsidy_rate="0",
        government_subsidy_fen=50_000,
        merchant_discount_fen=10_000,
    )
    assert (found.financed_amount, found.settlement_amount) == (339_900, 337_861)
    with pytest.raises(ValueError, match="nothing to finance"):
        merchant_settlement.settle(
            100, merchant_fee_rate="0", merchant_subsidy_rate="0", down_payment_fen=100
        )
    with pytest.raises(ValueError, match=r"^price must be at least 0"):
        merchant_settlement.settle(-1, merchant_fee_rate="0", merchant_subsidy_rate="0")


@given(st.integers(0, 1_000_000), st.integers(0, 1_000_000))
@settings(max_examples=100)
def test_net_and_vat_are_the_fee_and_neither_shrinks_when_the_fee_grows(fee: int, more: int) -> None:
    net, vat = merchant_settlement.net_and_vat(fee, "0.06")
    assert net + vat == fee
    assert abs(vat * 106 - fee * 6) <= 53
    later_net, later_vat = merchant_settlement.net_and_vat(fee + more, "0.06")
    assert later_net >= net
    assert later_vat >= vat


@given(st.integers(1, 10_000_000), CHOICES, st.lists(st.integers(1, 3_000_000), max_size=4), st.data())
@settings(max_examples=150)
def test_refunds_computed_together_end_where_one_refund_ends(
    principal: int, terms: Terms, refunds: list[int], data: st.DataObject
) -> None:
    """Each refund between two due dates is computed from the rows at the last of them, with all before it."""
    base = build(principal, terms, DAY).rows[data.draw(st.integers(0, terms.periods - 1)) :]
    at_base, given_back, rows = sum(row.principal for row in base), 0, base
    for refund in refunds:
        given_back += min(refund, at_base - given_back)
        rows = refunding.lower(base, terms=terms, contract_date=DAY, refund_fen=given_back).rows
    once = refunding.lower(base, terms=terms, contract_date=DAY, refund_fen=min(sum(refunds), at_base))
    assert tuple(rows) == (once.rows if refunds else base)


@given(
    st.integers(1, 5_000_000),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 1_000_000)), max_size=5),
    st.integers(0, 90),
)
def test_late_interest_of_an_instalment_is_exact_until_one_rounding(
    principal: int, payments: list[tuple[int, int]], day: int
) -> None:
    reductions, left = [], principal
    for after, amount in sorted(payments):
        part = min(amount, left)
        left -= part
        if part:
            reductions.append((DAY + timedelta(days=after), part))

    def counted(days: int) -> int:
        return days if days > 3 else 0

    weighted = sum(part * counted(min((on - DAY).days, day)) for on, part in reductions) + left * counted(day)
    found = late_interest.of_instalment(
        principal,
        reductions,
        due_date=DAY,
        as_of=DAY + timedelta(days=day),
        daily_rate="0.0005",
        grace_days=3,
    )
    assert found == (weighted * 5 * 2 + 10_000) // 20_000


def test_principal_paid_within_the_grace_is_never_late() -> None:
    paid = [(DAY + timedelta(days=3), 30_000)]
    late = late_interest.of_instalment(
        50_000, paid, due_date=DAY, as_of=DAY + timedelta(days=10), daily_rate="0.0005", grace_days=3
    )
    assert late == late_interest.late_interest(20_000, daily_rate="0.0005", days=10)


@given(st.integers(100_000, 3_000_000), CHOICES, st.integers(1, 3000))
@example(1_199_090, Terms("equal_principal", 6, annual_rate="0.12"), 4)
@settings(max_examples=200)
def test_a_tiny_last_capture_has_no_row_below_0_and_the_sums_of_the_whole(
    captured: int, terms: Terms, more: int
) -> None:
    whole = build(captured + more, terms, DAY)
    first = of_capture(terms, DAY, before_fen=0, amount_fen=captured, authorised_fen=captured + more)
    last = of_capture(terms, DAY, before_fen=captured, amount_fen=more, authorised_fen=captured + more)
    for part in ("principal", "interest", "fee", "payment"):
        sums = [sum(getattr(row, part) for row in loan.rows) for loan in (first, last, whole)]
        assert sums[0] + sums[1] == sums[2], part
        assert all(getattr(row, part) >= 0 for loan in (first, last) for row in loan.rows), part
    assert last.rows[-1].balance == 0
    plain = difference(whole, build(captured, terms, DAY))
    if all(min(row.principal, row.interest, row.fee) >= 0 for row in plain.rows):
        assert last.payments == plain.payments


@given(st.integers(100_000, 3_000_000), CHOICES, st.integers(1, 3000), st.integers(1, 3000))
@settings(max_examples=200)
def test_no_captures_cost_more_than_was_disclosed(
    captured: int, terms: Terms, more: int, voided: int
) -> None:
    authorised = captured + more + voided
    first = of_capture(terms, DAY, before_fen=0, amount_fen=captured, authorised_fen=authorised)
    last = of_capture(terms, DAY, before_fen=captured, amount_fen=more, authorised_fen=authorised)
    assert last.principal == more
    disclosed = build(authorised, terms, DAY)
    assert first.total_interest + last.total_interest <= disclosed.total_interest
    assert first.total_fee + last.total_fee <= disclosed.total_fee


def test_a_capture_after_which_the_whole_costs_less_is_lent_without_interest() -> None:
    """298 fen over three months cost 3 fen, 299 fen cost 2: nobody is owed interest, so the last fen costs none."""
    terms = Terms("equal_installment", 3, annual_rate="0.06")
    assert [build(fen, terms, DAY).total_interest for fen in (298, 299)] == [3, 2]
    rows = of_capture(terms, DAY, before_fen=298, amount_fen=1, authorised_fen=30_000).rows
    assert [row.interest for row in rows] == [0, 0, 0]
    assert sum(row.payment for row in rows) == 1
