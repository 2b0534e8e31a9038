"""No plan above the ceiling is ever offered, and every plan discloses every charge."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import annual_rate, cost_ceiling
from gateway.core.money import MAX_AMOUNT_FEN, share
from gateway.plans import pricing
from gateway.plans.pricing import AboveCeiling, Lender, Price, offered, plan

DAY = date(2026, 11, 23)
BANK = Lender("demo_bank", "bank")
PRICE = Price(
    term=12,
    method="equal_installment",
    annual_rate="0.18",
    fee_rate_total=None,
    merchant_fee_rate="0.006",
    merchant_subsidy_rate="0",
    min_amount_fen=1,
    max_amount_fen=MAX_AMOUNT_FEN,
)
YEARLY = st.integers(0, 2_600).map(lambda basis_points: f"{basis_points / 10_000:.4f}")
WHOLE_TERM = st.integers(1, 1_500).map(lambda basis_points: f"{basis_points / 10_000:.4f}")
EACH_PERIOD = st.integers(1, 150).map(lambda basis_points: f"{basis_points / 10_000:.4f}")


@st.composite
def prices(draw: st.DrawFn) -> Price:
    kind = draw(st.sampled_from(["equal_installment", "equal_principal", "spread", "first", "each", "free"]))
    base = replace(PRICE, term=draw(st.integers(3, 12)))
    if kind == "free":
        return replace(base, method="interest_free", annual_rate=None, merchant_subsidy_rate="0.022")
    if kind == "each":
        return replace(base, method="flat_fee", annual_rate=None, fee_rate_per_period=draw(EACH_PERIOD))
    if kind in ("spread", "first"):
        timing = "spread" if kind == "spread" else "first_period"
        fee = draw(WHOLE_TERM)
        return replace(base, method="flat_fee", annual_rate=None, fee_rate_total=fee, fee_timing=timing)
    return replace(base, method=kind, annual_rate=draw(YEARLY))


AMOUNTS = st.integers(1, 1_000) | st.integers(1, MAX_AMOUNT_FEN)
DAYS = st.dates(date(2025, 10, 1), date(2029, 12, 31))
LENDERS = st.sampled_from(["bank", "consumer_finance", "small_loan"]).map(lambda kind: Lender("x", kind))


def residual(principal: int, payments: list[int], monthly: Decimal) -> Decimal:
    """What is left of the principal after all payments are discounted to the first day, in fen."""
    with localcontext() as context:
        context.prec = 60
        worth = sum((Decimal(fen) / (1 + monthly) ** (at + 1) for at, fen in enumerate(payments)), Decimal(0))
        return abs(worth - principal)


@given(prices(), AMOUNTS, DAYS, LENDERS)
@settings(max_examples=400, deadline=None)
def test_no_plan_is_above_the_ceiling_on_either_basis(price, amount, day, lender):
    try:
        made = plan(price, financed_fen=amount, contract_date=day, lender=lender)
    except AboveCeiling:
        return
    ceiling = cost_ceiling.rule_for(lender.kind, day).ceiling(day)
    payments = [row["payment"] for row in made["schedule"]]
    # Independent of the root finder: at the ceiling's own rate, the payments are worth no more than the principal.
    with localcontext() as context:
        context.prec = 50
        for monthly in (ceiling / 12, (1 + ceiling) ** (Decimal(1) / 12) - 1):
            worth = sum(Decimal(fen) / (1 + monthly) ** (at + 1) for at, fen in enumerate(payments))
            assert worth <= amount + Decimal("1e-20")
    for basis in ("nominal", "effective"):
        assert Decimal(made["annual_rate"][basis]) <= ceiling


@given(prices(), AMOUNTS, DAYS, LENDERS)
@settings(max_examples=300, deadline=None)
def test_what_is_not_offered_really_is_above_the_ceiling(price, amount, day, lender):
    plans, unavailable = offered(
        {price.term: price},
        order_fen=amount,
        financed_fen=amount,
        terms=None,
        contract_date=day,
        lender=lender,
    )
    assert len(plans) + len(unavailable) == 1
    if plans:
        return
    assert unavailable[0]["reason"] == "cost_above_ceiling"
    wide = replace(lender, bases=())
    rate = plan(price, financed_fen=amount, contract_date=day, lender=wide)["annual_rate"]
    ceiling = cost_ceiling.rule_for(lender.kind, day).ceiling(day)
    assert max(Decimal(rate["nominal"]), Decimal(rate["effective"])) >= ceiling.quantize(Decimal("1e-10"))


@given(prices(), AMOUNTS)
@settings(max_examples=300, deadline=None)
def test_the_rate_is_the_root_and_counts_every_charge_at_its_date(price, amount):
    made = plan(price, financed_fen=amount, contract_date=DAY, lender=replace(BANK, bases=()))
    rows = made["schedule"]
    payments = [row["principal"] + row["interest"] + row["fee"] for row in rows]
    rate = annual_rate.of(amount, payments)
    assert residual(amount, payments, rate.exact_monthly) < Decimal("1e-9")
    assert (made["annual_rate"]["nominal"], made["annual_rate"]["effective"]) == (
        rate.nominal,
        rate.effective,
    )
    charged = sum(row["interest"] + row["fee"] for row in rows)
    assert sum(charge["amount"] for charge in made["disclosure"]["charges"]) == charged
    assert made["total_payment"] == amount + charged == sum(payments)
    assert made["interest_free"] is (charged == 0)


def test_a_fee_paid_first_costs_more_a_year_than_one_that_is_spread():
    terms = {"method": "flat_fee", "annual_rate": None, "fee_rate_total": "0.06"}

    def rate(timing: str) -> Decimal:
        price = replace(PRICE, **terms, fee_timing=timing)
        return Decimal(
            plan(price, financed_fen=599_900, contract_date=DAY, lender=BANK)["annual_rate"]["nominal"]
        )

    assert rate("first_period") > rate("spread")


@pytest.mark.parametrize(
    ("term", "fee", "nominal", "effective", "within_24"),
    [
        (3, "0.023", "13.75", "14.65", "0.0402"),
        (6, "0.045", "15.27", "16.38", "0.0711"),
        (9, "0.065", "15.34", "16.47", "0.1026"),
        (12, "0.075", "13.57", "14.44", "0.1347"),
    ],
)
def test_what_a_flat_fee_costs_a_year(term, fee, nominal, effective, within_24):
    """The table of the domain reference, section 3."""
    price = replace(PRICE, term=term, method="flat_fee", annual_rate=None, fee_rate_total=fee)
    rate = plan(price, financed_fen=MAX_AMOUNT_FEN, contract_date=DAY, lender=BANK)["annual_rate"]
    assert f"{100 * Decimal(rate['nominal']):.2f}" == nominal
    assert f"{100 * Decimal(rate['effective']):.2f}" == effective
    by_nominal = Lender("x", "bank", ("nominal",))
    largest = replace(price, fee_rate_total=within_24)
    plan(largest, financed_fen=MAX_AMOUNT_FEN, contract_date=DAY, lender=by_nominal)
    beyond = replace(price, fee_rate_total=str(Decimal(within_24) + Decimal("0.0001")))
    with pytest.raises(AboveCeiling):
        plan(beyond, financed_fen=MAX_AMOUNT_FEN, contract_date=DAY, lender=by_nominal)


def test_the_whole_disclosure_of_interest():
    made = plan(PRICE, financed_fen=599_900, contract_date=DAY, lender=BANK)
    assert made["disclosure"] == {
        "charges": [
            {
                "name": "interest",
                "rate": "0.18",
                "basis": "balance_per_year",
                "amount": 60_088,
                "collector": "demo_bank",
                "how": "with_each_instalment",
            }
        ],
        "paid_by_merchant": [],
        "contingent": [
            {
                "name": "late_interest",
                "rate": "0.0005",
                "basis": "overdue_principal_per_day",
                "grace_days": 3,
                "collector": "demo_bank",
                "how": "with_overdue_instalment",
            }
        ],
        "nothing_else": True,
        "text_version": pricing.DISCLOSURE_VERSION,
        "lender": "demo_bank",
    }


@pytest.mark.parametrize(
    ("fee", "basis", "how"),
    [
        ({"fee_rate_total": "0.06"}, "original_principal", "with_each_instalment"),
        (
            {"fee_rate_total": "0.06", "fee_timing": "first_period"},
            "original_principal",
            "with_first_instalment",
        ),
        ({"fee_rate_per_period": "0.005"}, "original_principal_per_period", "with_each_instalment"),
    ],
)
def test_a_fee_says_what_its_rate_is_of_and_when_it_is_paid(fee, basis, how):
    price = replace(PRICE, method="flat_fee", annual_rate=None, **fee)
    charge = plan(price, financed_fen=599_900, contract_date=DAY, lender=BANK)["disclosure"]["charges"][0]
    assert (charge["name"], charge["basis"], charge["how"]) == ("instalment_fee", basis, how)
    assert charge["rate"] == next(rate for name, rate in fee.items() if name != "fee_timing")


def test_free_of_interest_the_merchant_pays_and_the_shopper_nothing():
    price = replace(PRICE, term=3, method="interest_free", annual_rate=None, merchant_subsidy_rate="0.022")
    made = plan(price, financed_fen=599_900, contract_date=DAY, lender=BANK)
    assert made["disclosure"]["charges"] == []
    assert made["disclosure"]["paid_by_merchant"] == [
        {
            "name": "interest_subsidy",
            "rate": "0.022",
            "basis": "original_principal",
            "amount": share(599_900, "0.022"),
        }
    ]
    assert made["interest_free"] is True
    assert made["annual_rate"] == {"nominal": "0.0000000000", "effective": "0.0000000000"}


def test_without_a_known_ceiling_the_reason_is_told():
    _, unavailable = offered(
        {12: PRICE},
        order_fen=1,
        financed_fen=1,
        terms=[12],
        contract_date=date(2025, 9, 30),
        lender=BANK,
    )
    assert unavailable[0]["reason"] == "no_cost_ceiling"


def test_the_hash_changes_with_every_part_of_the_plan():
    one = plan(PRICE, financed_fen=599_900, contract_date=DAY, lender=BANK)
    others = [
        plan(PRICE, financed_fen=599_900, order_fen=600_000, contract_date=DAY, lender=BANK),
        plan(PRICE, financed_fen=599_901, contract_date=DAY, lender=BANK),
        plan(PRICE, financed_fen=599_900, contract_date=DAY + timedelta(days=1), lender=BANK),
        plan(PRICE, financed_fen=599_900, contract_date=DAY, lender=Lender("other", "bank")),
    ]
    assert one == plan(PRICE, financed_fen=599_900, contract_date=DAY, lender=BANK)
    assert len({made["quote_hash"] for made in [one, *others]}) == 5
