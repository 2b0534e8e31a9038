"""Replay is a function of the facts: their order, and how often it is computed, change nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.allocation import PARTS
from gateway.loans.replay import Facts, Instalment, Money, Returned, Standing, replay

START = date(2027, 1, 10)
FIRST = Instalment(1, date(2027, 2, 10), 46_000, 8_999, 0)
SECOND = Instalment(2, date(2027, 3, 10), 46_690, 8_309, 500)


def day(number: int) -> date:
    return START + timedelta(days=number)


def facts(*money: Money, returned: tuple[Returned, ...] = (), waived_on: date | None = None) -> Facts:
    return Facts("0.0005", 3, (FIRST, SECOND), returned, money, waived_on)


def told(found: Standing) -> Any:
    bills = found.bills.items()
    return found.credit_fen, [(k, b.late_fen, b.paid, b.returned_fen, b.waived, b.paid_on) for k, b in bills]


MONEY = st.builds(Money, st.integers(0, 120).map(day), st.integers(1, 60_000))
RETURNED = st.builds(Returned, st.sampled_from([1, 2]), st.integers(60, 120).map(day), st.integers(1, 30_000))


@settings(max_examples=200, deadline=None)
@given(st.lists(MONEY, max_size=8), st.lists(RETURNED, max_size=2), st.data())
def test_the_order_of_facts_changes_nothing_and_no_fen_is_lost(
    money: list[Money], returned: list[Returned], data: st.DataObject
) -> None:
    found = replay(facts(*money, returned=tuple(returned)), as_of=day(120))
    again = facts(*data.draw(st.permutations(money)), returned=tuple(data.draw(st.permutations(returned))))
    assert told(replay(again, as_of=day(120))) == told(found)
    bills = found.bills.values()
    received = sum(fact.amount_fen for fact in money) + sum(fact.amount_fen for fact in returned)
    used = sum(bill.returned_fen + sum(bill.paid.values()) for bill in bills)
    assert used + found.credit_fen == received
    assert all(bill.owed_fen(part) >= 0 for bill in bills for part in PARTS)
    assert not found.credit_fen or found.is_paid, "money and open claims never stand beside each other"


@settings(max_examples=100, deadline=None)
@given(MONEY.filter(lambda money: money.amount_fen > 1), st.data())
def test_money_in_two_parts_on_a_day_pays_what_it_pays_at_once(money: Money, data: st.DataObject) -> None:
    part = data.draw(st.integers(1, money.amount_fen - 1))
    parts = Money(money.on, part), Money(money.on, money.amount_fen - part)
    assert told(replay(facts(*parts), as_of=day(120))) == told(replay(facts(money), as_of=day(120)))


def test_credit_pays_a_bill_on_its_due_date() -> None:
    found = replay(facts(Money(day(1), 60_000)), as_of=day(40))
    assert (found.bills[1].paid_on, found.bills[1].late_fen) == (FIRST.on, 0)
    assert found.credit_fen == 60_000 - 54_999
    assert found.overdue_since(day(40), grace_days=3) is None


def test_facts_of_later_days_do_not_count() -> None:
    later = Money(date(2027, 2, 20), 54_999)
    found = replay(facts(later), as_of=date(2027, 2, 19))
    assert (found.credit_fen, found.bills[1].paid_on, found.bills[1].late_fen) == (0, None, 207)
    assert found.overdue_since(date(2027, 2, 19), grace_days=3) == FIRST.on


def test_principal_that_came_back_was_never_late() -> None:
    late = replay(facts(), as_of=date(2027, 3, 1)).bills[1].late_fen
    assert late == 437
    returned = Returned(1, date(2027, 3, 1), 46_000)
    bill = replay(facts(returned=(returned,)), as_of=date(2027, 3, 1)).bills[1]
    assert (bill.late_fen, bill.owed_fen("principal"), bill.open_fen) == (0, 0, 8_999)


def test_principal_that_came_back_was_late_until_then_where_the_late_interest_stays() -> None:
    returned = Returned(1, date(2027, 3, 1), 46_000, waives_late=False)
    for day_after in (date(2027, 3, 1), date(2027, 3, 9)):
        bill = replay(facts(returned=(returned,)), as_of=day_after).bills[1]
        assert (bill.late_fen, bill.owed_fen("principal"), bill.open_fen) == (437, 0, 8_999 + 437)


def test_a_refund_of_principal_that_was_paid_before_is_the_shoppers_money() -> None:
    returned = Returned(1, date(2027, 2, 28), 46_000)
    found = replay(facts(Money(FIRST.on, 54_999), returned=(returned,)), as_of=date(2027, 2, 28))
    assert (found.bills[1].returned_fen, found.credit_fen) == (0, 46_000)


def test_waived_charges_stay_waived_and_what_was_paid_before_counts() -> None:
    returned = (Returned(1, date(2027, 2, 25), 46_000),)
    for paid in (0, 5_000):
        money = (Money(date(2027, 2, 12), paid),) if paid else ()
        waiver = facts(*money, returned=returned, waived_on=date(2027, 2, 25))
        bill = replay(waiver, as_of=date(2027, 3, 1)).bills[1]
        assert (bill.waived["interest"], bill.open_fen) == (8_999 - paid, 0)
        assert bill.paid_on == date(2027, 2, 25)
