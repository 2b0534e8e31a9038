"""The price catalogue: which row is in force, what a new row ends, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.calendar import shanghai_date
from gateway.errors import PriceInvalid, PriceOverlap
from gateway.plans import catalogue, service
from gateway.plans.catalogue import Offer
from gateway.plans.pricing import Price
from gateway.process.worker import drain
from gateway.web.i18n import percent
from tests.one_database import database_url, on_both  # noqa: F401

TODAY = date(2026, 11, 23)
PRICE = Price(
    term=12,
    method="equal_installment",
    annual_rate="0.18",
    fee_rate_total=None,
    merchant_fee_rate="0.006",
    merchant_subsidy_rate="0",
    min_amount_fen=10_000,
    max_amount_fen=10_000_000,
)


def days(count: int) -> date:
    return TODAY + timedelta(days=count)


def at(rate: str, first: int = 0, last: int | None = None, **scope: str) -> Offer:
    """An offer at a yearly rate, from and to days counted from today."""
    return Offer(replace(PRICE, annual_rate=rate), days(first), None if last is None else days(last), **scope)


def test_the_most_specific_row_wins():
    offers = [
        at("0.18"),
        at("0.17", funder="demo_bank"),
        at("0.16", category="3c"),
        at("0.15", category="3c", funder="demo_bank"),
    ]

    def rate(category: str | None, funder: str) -> str | None:
        return catalogue.in_force(offers, on=TODAY, category=category, funder=funder)[12].annual_rate

    assert rate("3c", "demo_bank") == "0.15"
    assert rate("3c", "other") == "0.16"
    assert rate("education", "demo_bank") == "0.17"
    assert rate("education", "other") == "0.18"
    assert rate(None, "demo_bank") == "0.17"


def test_a_newer_general_row_does_not_beat_an_older_special_one():
    offers = [at("0.16", -10, category="3c"), at("0.18")]
    assert catalogue.in_force(offers, on=TODAY, category="3c", funder="x")[12].annual_rate == "0.16"


SCOPES = st.sampled_from([None, "3c", "education"])
FUNDERS = st.sampled_from([None, "demo_bank", "other"])
OFFERS = st.builds(
    lambda number, first, length, category, funder: Offer(
        replace(PRICE, min_amount_fen=number), days(first), length and days(first + length), category, funder
    ),
    st.integers(1, 10_000),
    st.integers(-5, 5),
    st.none() | st.integers(1, 5),
    SCOPES,
    FUNDERS,
)


@given(st.lists(OFFERS, max_size=8), st.integers(-8, 12), SCOPES, FUNDERS)
def test_the_winner_fits_and_nothing_that_fits_is_more_specific_or_newer(offers, day, category, funder):
    on = days(day)
    found = catalogue.in_force(offers, on=on, category=category, funder=funder)
    fitting = [offer for offer in offers if offer.fits(on, category, funder)]
    assert bool(found) == bool(fitting)
    if not found:
        return

    def rank(offer: Offer) -> tuple[int, date]:
        return 2 * (offer.category is not None) + (offer.funder is not None), offer.valid_from

    best = max(map(rank, fitting))
    assert found[12] in [offer.price for offer in fitting if rank(offer) == best]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 10)), min_size=1, max_size=6),
    st.integers(0, 40),
)
@settings(max_examples=200)
def test_what_was_added_last_is_in_force_on_all_of_its_days(added, day):
    """However rows are added, each is in force from its first day until a later one begins or it ends."""
    offers: list[Offer] = []
    for number, (first, length) in enumerate(added):
        offer = at(f"0.{number + 10}", first, None if length is None else first + length)
        try:
            ended = catalogue.ended_by(offer, offers)
        except PriceOverlap:
            continue
        offers = [replace(old, valid_to=days(first - 1)) if old in ended else old for old in offers]
        offers.append(offer)
    on = days(day)
    begun = [offer for offer in offers if offer.fits(on, None, None)]
    found = catalogue.in_force(offers, on=on, category=None, funder=None)
    newest = max(begun, key=lambda offer: offer.valid_from, default=None)
    assert found.get(12) == (newest.price if newest else None)
    assert len({offer.valid_from for offer in offers}) == len(offers)
    open_ended = [offer for offer in offers if offer.valid_to is None]
    assert len(open_ended) <= 1


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"term": 2}, "term"),
        ({"term": 13}, "term"),
        ({"method": "balloon"}, "method"),
        ({"annual_rate": None}, "method"),
        ({"annual_rate": "18"}, "method"),
        ({"fee_rate_total": "0.01"}, "method"),
        ({"method": "flat_fee", "annual_rate": None}, "method"),
        (
            {"method": "flat_fee", "annual_rate": None, "fee_rate_total": "0.01", "fee_timing": "later"},
            "method",
        ),
        (
            {
                "method": "flat_fee",
                "annual_rate": None,
                "fee_rate_per_period": "0.01",
                "fee_timing": "first_period",
            },
            "method",
        ),
        ({"merchant_fee_rate": "-0.1"}, "merchant_fee_rate"),
        ({"merchant_subsidy_rate": "x"}, "merchant_subsidy_rate"),
        ({"merchant_fee_rate": "0.6", "merchant_subsidy_rate": "0.5"}, "merchant_fee_rate"),
        ({"min_amount_fen": 0}, "min_amount_fen"),
        ({"min_amount_fen": 10_000_001}, "min_amount_fen"),
        ({"max_amount_fen": 10_000_001}, "min_amount_fen"),
    ],
)
def test_a_price_that_contradicts_itself_is_refused(changes, param):
    with pytest.raises(PriceInvalid) as refused:
        catalogue.check(Offer(replace(PRICE, **changes), TODAY))
    assert refused.value.param == param


def test_a_scope_or_a_range_that_cannot_be_is_refused():
    with pytest.raises(PriceInvalid, match="category"):
        catalogue.check(at("0.18", category="weapons"))
    with pytest.raises(PriceInvalid, match="last day"):
        catalogue.check(at("0.18", 5, 4))


def test_prices_kept_before_the_newer_keys_still_mean_the_same():
    old = {
        "term": 12,
        "method": "flat_fee",
        "annual_rate": None,
        "fee_rate_total": "0.075",
        "merchant_fee_rate": "0.006",
        "merchant_subsidy_rate": "0",
        "min_amount_fen": 1,
        "max_amount_fen": 2,
    }
    assert Price(**old).terms().fee_timing == "spread"


@pytest.fixture
def add(app, api):
    """Add a row to the shop's catalogue, with days counted from today."""

    def work(price: Price = PRICE, first: int = 0, last: int | None = None, **scope: str):
        merchant = api.credentials["merchant"]
        return app.extensions["fenqi"].db.write(
            lambda tx: service.add_price(
                tx,
                merchant,
                price,
                valid_from=days(first),
                valid_to=None if last is None else days(last),
                **scope,
            )
        )

    return work


def listed(app, api, on: date | None = None) -> list[tuple]:
    with app.extensions["fenqi"].db.read() as tx:
        assert shanghai_date(tx.now) == TODAY
        merchant = api.credentials["merchant"]
        rows = service.prices_of(tx, merchant) if on is None else service.offers_on(tx, merchant, on)
    return [
        (row.category, row.funder, price.annual_rate, row.valid_from, row.valid_to)
        for row, price in ((row, getattr(row, "price", row)) for row in rows)
        if price.term == 12
    ]


@on_both
def test_a_new_row_ends_the_older_one_the_day_before(app, api, add):
    add(replace(PRICE, annual_rate="0.12"), first=10)
    assert listed(app, api) == [
        (None, None, "0.18", days(0), days(9)),
        (None, None, "0.12", days(10), None),
    ]
    assert listed(app, api, days(9)) == [(None, None, "0.18", days(0), days(9))]


@on_both
def test_a_promotion_lies_over_the_older_row(app, api, add, clock):
    add(replace(PRICE, annual_rate="0.06"), first=1, last=2)
    rates = []
    for _ in range(4):
        rates.append(
            api.get("/v1/plans?amount=599900&terms=12").json["plans"][0]["disclosure"]["charges"][0]["rate"]
        )
        clock.advance(days=1)
        api.login()
    assert rates == ["0.18", "0.06", "0.06", "0.18"]


@on_both
def test_a_row_that_begins_within_a_promotion_wins_from_its_first_day_on(app, api, add):
    add(replace(PRICE, annual_rate="0.06"), first=1, last=5)
    add(replace(PRICE, annual_rate="0.12"), first=3)
    with app.extensions["fenqi"].db.read() as tx:
        rates = [
            service.price_of(
                tx, api.credentials["merchant"], 12, on=days(count), category=None, funder="demo_bank"
            )
            for count in range(7)
        ]
    assert [price.annual_rate for price in rates] == ["0.18", "0.06", "0.06", *["0.12"] * 4]


@on_both
def test_rows_in_the_way_are_named_and_change_nothing(app, api, add):
    before = listed(app, api)
    with pytest.raises(PriceOverlap, match="already begins on 2026-11-23"):
        add()
    add(first=10)
    with pytest.raises(PriceOverlap, match="end the new one on 2026-12-02 or earlier"):
        add(first=5)
    with pytest.raises(PriceInvalid, match="is in the past"):
        add(first=-1)
    assert listed(app, api)[1:] == [(None, None, "0.18", days(10), None)]
    assert listed(app, api)[0][:4] == before[0][:4]


@on_both
def test_another_scope_is_not_in_the_way(app, api, add):
    add(replace(PRICE, annual_rate="0.15"), category="3c")
    plan = api.get("/v1/plans?amount=599900&terms=12&category=3c").json["plans"][0]
    assert plan["disclosure"]["charges"][0]["rate"] == "0.15"
    assert (
        api.get("/v1/plans?amount=599900&terms=12").json["plans"][0]["disclosure"]["charges"][0]["rate"]
        == "0.18"
    )


@pytest.mark.parametrize(
    "query", ["amount=599900", "amount=599900&category=3c", "amount=599900&category=3c&terms=3,12"]
)
def test_the_page_of_plans_is_the_quote_of_the_api(app, api, add, query):
    """By key, with the same category and terms, and on the merchant's own day."""
    add(replace(PRICE, annual_rate="0.15"), category="3c")
    add(replace(PRICE, annual_rate="0.12"), first=40, category="3c")
    clock = api.post("/v1/test_clocks").json["id"]
    seen = []
    for day in (0, 45):
        if day:
            api.post(f"/v1/test_clocks/{clock}/advance", {"days": day})
            while drain(app.extensions["fenqi"]):
                pass
        key = api.credentials["publishable_key"]
        by_key = api.client.get(f"/v1/plans?{query}&key={key}")
        quote = api.get(f"/v1/plans?{query}").json
        page = api.client.get(f"/plans?{query}&key={key}&lang=en")
        assert (page.status_code, by_key.json) == (200, quote)
        shown = [page.text.index(f"{plan['installment']['regular'] / 100:,.2f}") for plan in quote["plans"]]
        assert shown == sorted(shown)
        for plan in quote["plans"]:
            assert percent(plan["annual_rate"]["nominal"]) in page.text
            assert plan["schedule"][0]["due_date"][:4] in page.text
        assert page.text.count('class="plan still"') == len(quote["plans"])
        seen.append(page.text)
    assert seen[0] != seen[1], "the page follows the merchant's clock"


def test_the_page_of_plans_refuses_what_the_api_refuses(api):
    key = api.credentials["publishable_key"]
    for query in (
        "amount=599900&category=cars",
        "amount=599900&category=edu_k12",
        "amount=1&amount=2",
        "amount=9&x=1",
    ):
        asked = [api.client.get(f"{path}?key={key}&{query}").status_code for path in ("/v1/plans", "/plans")]
        assert asked[0] == asked[1] >= 400, query


def test_a_checkout_keeps_the_price_it_was_quoted(app, api, add, clock):
    checkout = api.checkout(terms=[12])
    add(replace(PRICE, annual_rate="0.12", merchant_fee_rate="0.001"), category="3c")
    done = api.post(
        f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 12, "phone": "13800000001"}
    ).json
    payment = api.post(f"/v1/payments/{done['payment']}/capture").json
    assert payment["plan"] == checkout["plans"][0]
    assert payment["captures"][0]["merchant_fee"] == 3_599
    loan = api.get(f"/v1/loans/{payment['captures'][0]['loan']}").json
    assert [row["payment"] for row in loan["schedule"]] == [
        row["payment"] for row in checkout["plans"][0]["schedule"]
    ]


@pytest.mark.parametrize(
    ("fee", "fees"),
    [
        ({"fee_rate_total": "0.06", "fee_timing": "first_period"}, [35_994] + [0] * 11),
        ({"fee_rate_total": "0.06", "fee_timing": "spread"}, [2_999] * 11 + [3_005]),
        ({"fee_rate_per_period": "0.005"}, [3_000] * 12),
    ],
)
def test_every_kind_of_flat_fee_is_quoted_and_drawn(app, api, add, fee, fees):
    add(replace(PRICE, method="flat_fee", annual_rate=None, **fee), category="3c")
    payment = api.captured(terms=[12])
    assert [row["fee"] for row in payment["plan"]["schedule"]] == fees
    loan = api.get(f"/v1/loans/{payment['captures'][0]['loan']}").json
    assert [row["fee"] for row in loan["schedule"]] == fees
