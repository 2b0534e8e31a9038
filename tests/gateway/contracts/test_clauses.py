"""One rule for early settlement, late payment and returns: the same words everywhere, and the charge follows them."""

from __future__ import annotations

import html
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from sqlmodel import select

from gateway.checkout import agreements
from gateway.contracts import clauses
from gateway.contracts.models import Contract
from gateway.core.money import half_up
from gateway.identity.invented import invented_id_number
from gateway.plans import service as plans
from gateway.plans.pricing import LATE_DAILY_RATE, LATE_GRACE_DAYS, Price
from tests.gateway.books import Books
from tests.gateway.shopper import identify
from tests.one_database import database_url  # noqa: F401

LIMITS = {
    "term": 12,
    "merchant_fee_rate": "0.006",
    "merchant_subsidy_rate": "0",
    "min_amount_fen": 10_000,
    "max_amount_fen": 10_000_000,
}
PRICES = {
    "interest": Price(method="equal_installment", annual_rate="0.18", fee_rate_total=None, **LIMITS),
    "spread": Price(method="flat_fee", annual_rate=None, fee_rate_total="0.075", **LIMITS),
    "first_period": Price(
        method="flat_fee",
        annual_rate=None,
        fee_rate_total="0.0333",
        fee_timing="first_period",
        **LIMITS,
    ),
    "each_period": Price(
        method="flat_fee", annual_rate=None, fee_rate_total=None, fee_rate_per_period="0.006", **LIMITS
    ),
}
COST = {"rate": LATE_DAILY_RATE, "grace_days": LATE_GRACE_DAYS}


def priced(books: Books, price: Price) -> None:
    books.gateway.db.write(
        lambda tx: (
            plans.add_price(tx, books.tenant.merchant_id, price, valid_from=date(2026, 11, 23), category="3c")
            and None
        )
    )


def reviewed(books: Books, client: Any, language: str) -> tuple[str, dict[str, Any]]:
    """The review page of twelve instalments, and the plan it is about."""
    checkout = books.api.checkout(amount=600_000)
    typed = {
        "term": "12",
        "name": "王小明",
        "id_number": invented_id_number("shopper"),
        "phone": "13800000001",
        "code": "000000",
    }
    identify(client, checkout, typed)
    page = client.get(f"/checkout/{checkout['id']}/review?lang={language}")
    assert page.status_code == 200
    return html.unescape(page.text), checkout["plans"][-1]


@pytest.mark.parametrize("name", PRICES)
def test_page_agreement_and_contract_say_it_in_the_same_words(books: Books, app: Any, name: str) -> None:
    priced(books, PRICES[name])
    pages = {language: reviewed(books, app.test_client(), language) for language in clauses.LANGUAGES}
    books.api.approved(amount=600_000)
    with books.gateway.db.read() as tx:
        contract = tx.exec(select(Contract)).one().text
    for language, (page, plan) in pages.items():
        agreement = agreements.text("credit_service", agreements.current("credit_service"), language)
        said = clauses.of_plan(plan, language)
        assert [heading for heading, _ in said] == ["early_settlement", "late_payment", "seven_days"]
        for _, words in said:
            assert words in page
            assert words in contract
        for words in (
            clauses.EARLY[language],
            clauses.FEE_IN_FIRST_PERIOD[language],
            clauses.late_payment(COST, language),
            clauses.SEVEN_DAYS[language],
        ):
            assert words in agreement, "a change of these words is a new version of the agreement"
        assert (clauses.FEE_IN_FIRST_PERIOD[language] in page) is (name == "first_period")
        assert "18.25%" in page, "late interest with its yearly figure, before the confirmation"


DAYS = (0, 1, 17, 30, 31, 45)


@pytest.mark.parametrize("number", range(len(PRICES)))
def test_settling_early_costs_what_the_words_say(books: Books, number: int) -> None:
    """Outstanding principal, interest of the running period by days, its fee; nothing of later periods.

    Quoted on every day, and charged on two of them: on each day by some price.
    """
    name = list(PRICES)[number]
    priced(books, PRICES[name])
    settled = {day: books.api.captured(12, amount=600_000) for day in DAYS[number % 3 :: 3]}
    last = books.api.captured(12, amount=600_000)
    passed = 0
    for day in DAYS:
        books.clock.advance(days=day - passed)
        books.work()
        passed = day
        quoted, earlier, running = cost(books, settled.get(day, last))
        if (name, day) == ("first_period", 1):
            assert running["fee"] == 19_980
        if day in settled:
            path = f"/v1/test_helpers/loans/{settled[day]['captures'][0]['loan']}/repay"
            paid = books.post(path, {"early_settlement": True}).json
            assert (paid["status"], paid["outstanding_principal"]) == ("settled", 0)
            charged = sum(row["interest"] + row["fee"] for row in paid["schedule"])
            assert charged == earlier + quoted["interest"] + quoted["fee"]


def cost(books: Books, payment: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, Any]]:
    """What settling early is quoted today, as the words have it; what fell due before; and the running period."""
    loan, today = books.loan(payment), books.clock.now.date()
    rows = payment["plan"]["schedule"]
    running = next(row for row in rows if date.fromisoformat(row["due_date"]) > today)
    period = running["period"]
    began = date.fromisoformat(rows[period - 2]["due_date"]) if period > 1 else date(2026, 11, 23)
    passed, length = (today - began).days, (date.fromisoformat(running["due_date"]) - began).days
    interest = half_up(Fraction(running["interest"] * passed, length))
    fee = running["fee"] if passed else 0
    quoted = loan["early_settlement"]
    assert (quoted["interest"], quoted["fee"]) == (interest, fee)
    assert quoted["amount"] == loan["outstanding_principal"] + interest + fee
    return quoted, sum(row["interest"] + row["fee"] for row in rows[: period - 1]), running


@pytest.mark.parametrize(("late", "charged_days"), [(3, 0), (4, 4)])
def test_paying_late_costs_what_the_words_say(books: Books, late: int, charged_days: int) -> None:
    payment = books.api.captured(12)
    loan_id = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan_id}/miss", {"instalments": 1})
    books.clock.advance(days=30 + late)
    books.work()
    principal = payment["plan"]["schedule"][0]["principal"]
    wanted = half_up(Fraction(LATE_DAILY_RATE) * principal * charged_days)
    assert books.loan(payment)["total_late_interest"] == wanted
    yearly = Decimal(LATE_DAILY_RATE) * 365
    assert f"{yearly * 100:.2f}%" in clauses.late_payment(COST, "en")


def test_every_version_of_an_agreement_stays_readable_and_keeps_its_hash() -> None:
    known = {
        ("credit_service", "2026-11-23"): "8395dbd7ce0b463c",
        ("credit_service", "2026-11-29"): "07c9b742bbe4f766",
        ("credit_service", "2026-11-30"): "f17d87e7a3162d5a",
        ("bureau_query", "2026-11-23"): "173dddcacffe5508",
        ("bureau_query", "2026-11-30"): "4e2f62bb2847dd4c",
        ("funder_sharing", "2026-11-23"): "169bfe31d665c15e",
        ("funder_sharing", "2026-11-30"): "dccc2c9a5388424e",
        ("marketing", "2026-11-23"): "c449ab7fbbb64b8f",
    }
    assert {(kind, version) for kind, all_of in agreements.VERSIONS.items() for version in all_of} == set(
        known
    )
    for (kind, version), digest in known.items():
        assert agreements.sha256(kind, version)[:16] == digest, (kind, version)


@pytest.mark.parametrize(("rate", "free"), [("0.09", False), (None, True)])
def test_only_a_plan_that_costs_nothing_is_called_free(
    books: Books, app: Any, rate: str | None, free: bool
) -> None:
    method = "equal_installment" if rate else "interest_free"
    terms = {**LIMITS, "merchant_subsidy_rate": "0.03"}
    priced(books, Price(method=method, annual_rate=rate, fee_rate_total=None, **terms))
    chinese, plan = reviewed(books, app.test_client(), "zh-CN")
    english, _ = reviewed(books, app.test_client(), "en")
    assert plan["merchant_subsidy"] == 18_000
    assert ("免息" in chinese) is free
    assert ("Interest-free" in english) is free
    assert "¥180.00" in chinese
