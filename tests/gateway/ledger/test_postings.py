"""Postings are pure: every event's lines sum to zero, stand on the right side, and bad ones are named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.money import split_by_largest_remainder
from gateway.ledger.booking import postings
from gateway.ledger.booking.postings import Entries, Line, UnbalancedEntries, credit, debit

AMOUNTS = st.integers(0, 10_000_000)
SHOP = {"merchant": "mer_shop"}
BANK = {"funder": "demo_bank"}
INSTITUTION = {"institution": "payment_institution"}


def net(entries: Entries) -> dict[str, int]:
    """Signed sum by kind of account."""
    found: dict[str, int] = defaultdict(int)
    for line in entries:
        found[line.kind] += line.amount_fen
    return dict(found)


def test_debit_is_above_zero_and_credit_below() -> None:
    assert debit("loan_principal", 100, owner="demo_bank", about="ln_1").amount_fen == 100
    assert credit("merchant_pending", 100, owner="mer_shop", about="pay_1").amount_fen == -100


@pytest.mark.parametrize("make", [debit, credit])
@pytest.mark.parametrize("amount", [-1, 1.0, True, "1", None, 2**63])
def test_a_line_is_a_whole_number_of_fen(make: Callable[..., Line], amount: Any) -> None:
    with pytest.raises(ValueError, match="whole number of fen"):
        make("vat_payable", amount, about="pay_1")


def test_lines_of_zero_are_dropped() -> None:
    entries = Entries.balanced(
        debit("vat_payable", 5, about="x"),
        credit("merchant_fee_income", 5, about="x"),
        debit("dispute_loss", 0, about="x"),
    )
    assert [line.kind for line in entries] == ["vat_payable", "merchant_fee_income"]
    assert entries.gross_fen == 5


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_unbalanced_lines_are_refused_with_the_difference(left: int, right: int) -> None:
    lines = (debit("vat_payable", left, about="x"), credit("merchant_fee_income", right, about="x"))
    if left == right:
        assert len(Entries.balanced(*lines)) == 2
        return
    for make in (Entries.balanced, lambda *given: Entries(given)):
        with pytest.raises(UnbalancedEntries, match=rf"{left - right} fen out of balance"):
            make(*lines)


def test_a_commitment_never_makes_up_for_a_claim() -> None:
    with pytest.raises(UnbalancedEntries):
        Entries.balanced(debit("limit_committed", 5, about="x"), credit("vat_payable", 5, about="x"))


@given(amount=AMOUNTS)
@settings(max_examples=50)
def test_every_event_of_one_amount_sums_to_zero_and_moves_it(amount: int) -> None:
    events = [
        (postings.authorise(amount_fen=amount, payment="pay_1"), "limit_committed", "authorised_commitments"),
        (
            postings.release_authorisation(amount_fen=amount, payment="pay_1"),
            "authorised_commitments",
            "limit_committed",
        ),
        (
            postings.government_subsidy(payment="pay_1", programme="phones_2026", **SHOP, amount_fen=amount),
            "subsidy_receivable",
            "merchant_pending",
        ),
        (
            postings.invoice_paid(
                invoice="ivc_1", **SHOP, funder="demo_bank", receivable_fen=amount, available_fen=0
            ),
            "funder_clearing",
            "merchant_receivable",
        ),
        (
            postings.reserve_released(settlement="stl_1", **SHOP, amount_fen=amount),
            "merchant_reserve",
            "merchant_available",
        ),
        (
            postings.stage_held(payment="pay_1", **SHOP, amount_fen=amount),
            "merchant_pending",
            "merchant_staged",
        ),
        (
            postings.stage_freed(payment="pay_1", **SHOP, amount_fen=amount),
            "merchant_staged",
            "merchant_pending",
        ),
        (
            postings.payout_instructed(payout="po_1", **INSTITUTION, **SHOP, amount_fen=amount),
            "merchant_available",
            "payout_in_transit",
        ),
        (
            postings.payout_confirmed(payout="po_1", **INSTITUTION, **BANK, amount_fen=amount),
            "payout_in_transit",
            "funder_clearing",
        ),
        (
            postings.payout_rejected(payout="po_1", **INSTITUTION, **SHOP, amount_fen=amount),
            "payout_in_transit",
            "merchant_available",
        ),
        (
            postings.payout_returned(payout="po_1", **BANK, **SHOP, amount_fen=amount),
            "funder_clearing",
            "merchant_available",
        ),
        (
            postings.refund_confirmed(refund="rfd_1", **INSTITUTION, **BANK, amount_fen=amount),
            "refund_in_transit",
            "funder_clearing",
        ),
    ]
    for entries, debited, credited in events:
        assert net(entries) == ({debited: amount, credited: -amount} if amount else {})


@given(
    principal=st.integers(1, 10_000_000),
    weights=st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any),
)
@settings(max_examples=100)
def test_every_drawdown_sums_to_zero_and_lends_the_principal(principal: int, weights: list[int]) -> None:
    _, fee, vat, subsidy = split_by_largest_remainder(principal, weights)
    entries = postings.drawdown(
        loan="ln_1",
        payment="pay_1",
        **BANK,
        **SHOP,
        principal_fen=principal,
        fee_net_fen=fee,
        vat_fen=vat,
        subsidy_fen=subsidy,
    )
    assert sum(line.amount_fen for line in entries) == 0
    assert entries.gross_fen == net(entries)["loan_principal"] == principal
    assert net(entries).get("merchant_pending", 0) == -(principal - fee - vat - subsidy)


def test_charges_above_the_principal_are_refused() -> None:
    with pytest.raises(ValueError, match="merchant_pending"):
        postings.drawdown(
            loan="ln_1",
            payment="pay_1",
            **BANK,
            **SHOP,
            principal_fen=100,
            fee_net_fen=90,
            vat_fen=9,
            subsidy_fen=2,
        )


@given(pending=AMOUNTS, parts=st.tuples(st.integers(0, 100), st.integers(0, 100)))
@settings(max_examples=50)
def test_every_settlement_sums_to_zero(pending: int, parts: tuple[int, int]) -> None:
    reserve = pending * parts[0] // 100
    offset = (pending - reserve) * parts[1] // 100
    entries = postings.settlement(
        settlement="stl_1", **SHOP, pending_fen=pending, receivable_offset_fen=offset, reserve_fen=reserve
    )
    found = net(entries)
    assert sum(found.values()) == 0
    assert found.get("merchant_pending", 0) == pending
    assert found.get("merchant_available", 0) == -(pending - reserve - offset)


@given(
    gross=st.integers(1, 10_000_000),
    bear=st.lists(st.integers(0, 9), min_size=6, max_size=6).filter(any),
    to_loan=st.integers(0, 100),
)
@settings(max_examples=100)
def test_every_refund_sums_to_zero(gross: int, bear: list[int], to_loan: int) -> None:
    pending, available, receivable, fee, vat, subsidy = split_by_largest_remainder(gross, bear)
    reduction = gross * to_loan // 100
    entries = refund(reduction, gross - reduction, pending, available, receivable, fee, vat, subsidy)
    assert sum(line.amount_fen for line in entries) == 0
    assert entries.gross_fen == gross
    if reduction < gross:
        assert next(line.about for line in entries if line.kind == "refund_in_transit") == "rfd_1"


def test_a_refund_that_nobody_bears_in_full_is_refused() -> None:
    with pytest.raises(UnbalancedEntries, match="-1 fen"):
        refund(100, 0, 50, 20, 9, 10, 5, 5)


@given(amount=st.integers(1, 10**9))
@settings(max_examples=20)
def test_the_opposite_cancels(amount: int) -> None:
    entries = postings.payout_instructed(payout="po_1", **INSTITUTION, **SHOP, amount_fen=amount)
    both = entries + entries.opposite()
    assert all(total == 0 for total in net(both).values())


def refund(
    reduction: int,
    to_shopper: int,
    pending: int,
    available: int,
    receivable: int,
    fee: int,
    vat: int,
    subsidy: int,
) -> Entries:
    return postings.refund(
        loan="ln_1",
        payment="pay_1",
        refund="rfd_1",
        **BANK,
        **SHOP,
        **INSTITUTION,
        loan_reduction_fen=reduction,
        to_shopper_fen=to_shopper,
        fee_net_returned_fen=fee,
        vat_returned_fen=vat,
        subsidy_returned_fen=subsidy,
        from_pending_fen=pending,
        from_available_fen=available,
        from_receivable_fen=receivable,
    )


def test_what_is_paid_or_given_up_leaves_each_claim_by_its_part() -> None:
    parts = postings.Parts(late_interest_fen=1, fee_fen=20, interest_fen=300, principal_fen=4_000)
    claims = {
        "late_interest_receivable": -1,
        "fee_receivable": -20,
        "interest_receivable": -300,
        "loan_principal": -4_000,
    }
    paid = postings.repayment(loan="ln_1", **BANK, parts=parts, credit_fen=5)
    assert net(paid) == {**claims, "funder_clearing": 4_326, "shopper_credit": -5}
    assert net(postings.credit_applied(loan="ln_1", **BANK, parts=parts)) == {
        **claims,
        "shopper_credit": 4_321,
    }
    assert net(postings.write_off(loan="ln_1", **BANK, parts=parts)) == {**claims, "allowance": 4_321}


def test_a_part_of_a_repayment_below_zero_takes_back_what_was_paid_of_it() -> None:
    parts = postings.Parts(late_interest_fen=-158, principal_fen=30_158)
    entries = postings.repayment(loan="ln_1", **BANK, parts=parts, credit_fen=0)
    assert net(entries) == {
        "funder_clearing": 30_000,
        "late_interest_receivable": 158,
        "loan_principal": -30_158,
    }
    freed = postings.credit_applied(loan="ln_1", **BANK, parts=postings.Parts(late_interest_fen=-158))
    assert net(freed) == {"late_interest_receivable": 158, "shopper_credit": -158}


def test_a_recovery_above_what_was_lost_is_owed_to_the_shopper() -> None:
    entries = postings.recovery(loan="ln_1", **BANK, amount_fen=158_261, credit_fen=241_739)
    assert net(entries) == {
        "funder_clearing": 400_000,
        "recovery_income": -158_261,
        "shopper_credit": -241_739,
    }
