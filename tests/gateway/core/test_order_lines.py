"""What the lines of an order are worth: always whole fen, never below nothing, and together what is financed."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.identifiers import NotAnIdentifier, check_imei
from gateway.core.masking import holds_resident_id
from gateway.core.order_lines import OrderedLine, of_order, of_pieces, of_rest

ITEMS = st.lists(
    st.fixed_dictionaries(
        {"name": st.just("x"), "quantity": st.integers(1, 50), "unit_price": st.integers(0, 900_000)}
    ),
    min_size=1,
    max_size=8,
)


def lines(items, *, discount: int = 0, subsidy: int = 0, down: int = 0) -> list[OrderedLine]:
    return of_order(items, category="3c", discount_fen=discount, subsidy_fen=subsidy, down_payment_fen=down)


@given(ITEMS, st.floats(0, 0.9), st.floats(0, 0.99))
def test_lines_sum_to_what_is_financed_and_are_off_by_less_than_two_fen(items, discounted, paid_down):
    goods = sum(item["quantity"] * item["unit_price"] for item in items)
    discount = int(goods * discounted)
    down = int((goods - discount) * paid_down)
    found = lines(items, discount=discount, down=down)
    assert sum(line.amount_fen for line in found) == goods - discount - down
    for item, line in zip(items, found, strict=True):
        exact = Fraction(item["quantity"] * item["unit_price"] * (goods - discount - down), goods or 1)
        assert line.amount_fen >= 0
        assert abs(line.amount_fen - exact) < 2


@given(st.integers(0, 10**9), st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_any_split_of_a_line_sums_to_its_worth(worth, parts):
    ordered, before, captured = sum(parts), 0, []
    for quantity in parts:
        captured.append(of_pieces(worth, ordered, before=before, quantity=quantity))
        before += quantity
    assert sum(captured) == worth
    for quantity, amount in zip(parts, captured, strict=True):
        assert abs(amount - Fraction(worth * quantity, ordered)) <= 1


@given(st.integers(0, 10**9), st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_any_split_of_what_comes_back_sums_and_is_never_below_nothing(worth, parts):
    left, left_fen = sum(parts), worth
    for quantity in parts:
        part = of_rest(left_fen, left, quantity=quantity)
        assert 0 <= part <= left_fen
        left, left_fen = left - quantity, left_fen - part
    assert left_fen == 0


def test_the_example_of_the_documentation():
    items = [
        {"name": "Phone", "quantity": 2, "unit_price": 599_900},
        {"name": "Case", "quantity": 1, "unit_price": 9_900},
    ]
    phone, case = lines(items, discount=10_000, down=200_000)
    assert (phone.amount_fen, case.amount_fen) == (991_519, 8_181)
    assert [of_pieces(phone.amount_fen, 2, before=n, quantity=1) for n in (0, 1)] == [495_760, 495_759]


def test_a_subsidy_belongs_to_the_item_that_claims_it():
    phone = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    case = {"name": "Case", "quantity": 1, "unit_price": 100_100}
    for claimed in (phone | {"government_subsidy": 50_000}, phone):
        found = lines([claimed, case], subsidy=50_000)
        assert [(line.amount_fen, line.subsidy_fen) for line in found] == [(549_900, 50_000), (100_100, 0)]
        assert [(line.category, line.subsidy_category) for line in found] == [("3c", "phone"), ("3c", None)]


@pytest.mark.parametrize("text", ["490154203237518", "49-015420-323751-8", "４９０１５４２０３２３７５１８"])
def test_an_imei_is_known_however_it_is_written(text):
    assert check_imei(text) == "490154203237518"


@pytest.mark.parametrize("text", ["490154203237517", "49015420323751", "4901542032375180", "SN-1", "４９"])
def test_what_is_no_imei_is_refused(text):
    with pytest.raises(NotAnIdentifier):
        check_imei(text)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("11010519491231002X", True),
        ("110105 19491231 002x", True),
        ("１１０１０５１９４９１２３１００２Ｘ", True),
        ("110105194912310021", False),
        ("490154203237518", False),
        ("SN-11010519491231002X", True),
        ("SN110105194912310021", False),
    ],
)
def test_an_id_number_is_known_among_serial_numbers(text, held):
    assert holds_resident_id(text) is held
