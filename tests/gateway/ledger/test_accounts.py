"""The chart of accounts: complete as designed, and strict about names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from gateway.ledger.booking.accounts import (
    CHART,
    CLEARING_KINDS,
    MEMO_KINDS,
    MERCHANT_KINDS,
    Group,
    Owner,
    Side,
    account_id,
    check_account,
    on_normal_side,
)


def test_every_account_has_a_chinese_and_an_english_name_and_a_meaning() -> None:
    for kind in CHART.values():
        assert re.search("[\u4e00-\u9fff]", kind.zh), kind.name
        assert kind.en.isascii()
        assert kind.en
        assert kind.means
        words = ((kind.side, Side), (kind.owner, Owner), (kind.group, Group))
        assert all(word in get_args(known) for word, known in words), kind


def test_the_chart_is_that_of_the_design(shared: Path) -> None:
    table = (
        (shared / "design" / "ledger.md").read_text("utf-8").split("## Chart of accounts")[1].split("##")[0]
    )
    designed = {}
    for row in table.splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        for name, owner in re.findall(r"`([a-z_]+)(?::\{(\w+)\})?`", cells[0]):
            designed[name] = (cells[1], owner or "none")
    designed["merchant_staged"] = ("credit", "merchant")  # decision 14
    assert {name: kind.owner for name, kind in CHART.items()} == {
        n: owner for n, (_, owner) in designed.items()
    }
    for name, (side, _) in designed.items():
        assert CHART[name].side in side or side == "debit / contra", name


def test_kinds_by_use() -> None:
    assert set(MERCHANT_KINDS) == {
        "merchant_pending",
        "merchant_staged",
        "merchant_available",
        "merchant_reserve",
        "merchant_receivable",
        "dispute_hold",
    }
    assert set(CLEARING_KINDS) == {"payout_in_transit", "refund_in_transit", "collection_in_transit"}
    assert set(MEMO_KINDS) == {"limit_committed", "authorised_commitments"}


def test_an_account_is_named_by_mode_kind_and_owner() -> None:
    assert account_id("live", "merchant_pending", "mer_1") == "live:merchant_pending:mer_1"
    assert account_id("test", "vat_payable") == "test:vat_payable"


def test_balances_are_read_on_their_normal_side() -> None:
    assert on_normal_side("loan_principal", 100) == 100
    assert on_normal_side("merchant_pending", -100) == 100
    assert on_normal_side("payout_in_transit", -100) == 100
    assert on_normal_side("limit_committed", 100) == 100


@pytest.mark.parametrize(
    ("kind", "owner", "says"),
    [
        ("cash", "", "not in the chart"),
        ("merchant_pending", "", "needs an owner"),
        ("vat_payable", "mer_1", "has no owner"),
        ("merchant_pending", "mer:1", "letters, digits"),
        ("merchant_pending", "mer 1", "letters, digits"),
        ("loan_principal", "银行", "letters, digits"),
    ],
)
def test_an_account_that_cannot_be_is_refused(kind: str, owner: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_account(kind, owner)
