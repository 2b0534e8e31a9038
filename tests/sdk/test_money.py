"""Yuan and fen."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqi import Fenqi, fen, yuan
from fenqi.testing import FakeGateway


@given(st.integers(-(10**15), 10**15))
def test_fen_and_yuan_are_each_others_inverse(amount: int) -> None:
    assert fen(yuan(amount)) == amount
    assert fen(Decimal(amount) / 100) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("59.99", 5999),
        ("59.9", 5990),
        ("59", 5900),
        ("0.05", 5),
        ("-0.05", -5),
        ("59.9900", 5999),
        (59, 5900),
    ],
)
def test_yuan_as_people_write_them(text: str | int, amount: int) -> None:
    assert fen(text) == amount


@pytest.mark.parametrize(
    "text",
    ["", " 5", "5 ", "5.", ".5", "1,000", "¥5", "5.001", "1e3", "NaN", "五", "٥", "5.0.0", "--5", "5\n"],
)
def test_other_text_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"fen|yuan"):
        fen(text)


@pytest.mark.parametrize("value", [59.99, True, None, b"59", [59]])
def test_only_text_int_and_decimal_are_yuan(value: object) -> None:
    with pytest.raises(TypeError, match=r'fen\("59.99"\)'):
        fen(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("0.001")])
def test_decimal_that_is_no_amount(value: Decimal) -> None:
    with pytest.raises(ValueError, match=r"fen|yuan"):
        fen(value)


@pytest.mark.parametrize("value", [59.99, True, "5999", None])
def test_fen_are_ints(value: object) -> None:
    with pytest.raises(TypeError, match="int"):
        yuan(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", [5999.0, Decimal("5999")])
def test_amount_that_is_not_an_int_never_leaves(client: Fenqi, gateway: FakeGateway, amount: object) -> None:
    item = {"name": "phone", "quantity": 1, "unit_price": amount, "category": "3c"}
    shop = {
        "merchant_reference": "1",
        "category": "3c",
        "return_url": "https://s.example",
        "cancel_url": "https://s.example",
    }
    with pytest.raises(TypeError, match=r"items\[0\].unit_price .*fen"):
        client.checkouts.create(amount=1, items=[item], **shop)
    with pytest.raises(TypeError, match=r"amount .*fen"):
        client.payments.capture("pay_1", amount=amount)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"amount .*fen"):
        client.plans.list(amount=amount)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"amount .*fen"):
        client.request("POST", "/v1/anything", json={"amount": amount})
    assert gateway.requests == gateway.token_requests == []
