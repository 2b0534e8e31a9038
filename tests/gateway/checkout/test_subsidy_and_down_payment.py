"""Down payments and trade-in subsidies: what is financed, what is refused, and what shoppers are shown."""

from __future__ import annotations

import pytest

from gateway.identity.invented import invented_id_number
from gateway.payments.models import Payment
from tests.by_force import by_force
from tests.gateway.shopper import identify
from tests.one_database import database_url  # noqa: F401

PROGRAMME = "trade_in_2026"


def item(price: int, category: str | None = None, grade: int | None = None, quantity: int = 1) -> dict:
    found = {"name": category or "Case", "quantity": quantity, "unit_price": price}
    if category:
        found["subsidy_category"] = category
    if grade:
        found["energy_grade"] = grade
    return found


def order(api, items: list[dict], subsidy: int | None, *, discount: int = 0, **changes) -> dict:
    goods = sum(row["quantity"] * row["unit_price"] for row in items)
    body = api.order(
        amount=goods - discount - (subsidy or 0), items=items, merchant_discount=discount, **changes
    )
    if subsidy is not None:
        body["government_subsidy"] = {"programme": changes.pop("programme", PROGRAMME), "amount": subsidy}
    return body


def refused(answer) -> dict:
    assert answer.status_code == 422, answer.text
    return answer.json


def test_the_plans_finance_what_the_down_payment_leaves(api):
    checkout = api.checkout(amount=699_900, down_payment=100_000)
    assert (checkout["amount"], checkout["down_payment"], checkout["financed_amount"]) == (
        699_900,
        100_000,
        599_900,
    )
    twelve = checkout["plans"][-1]
    assert (twelve["amount"], twelve["financed_amount"], twelve["total_payment"]) == (
        699_900,
        599_900,
        659_988,
    )
    assert sum(row["principal"] for row in twelve["schedule"]) == 599_900


def test_the_payment_is_what_is_financed(api):
    payment = api.captured(amount=699_900, down_payment=100_000)
    assert (payment["amount"], payment["captured_amount"]) == (599_900, 599_900)
    assert payment["captures"][0]["merchant_fee"] == 3_599


@pytest.mark.parametrize("down_payment", [599_900, 600_000])
def test_a_down_payment_leaves_something_to_finance(api, down_payment):
    found = refused(api.post("/v1/checkouts", api.order(down_payment=down_payment)))
    assert (found["code"], found["param"], found["max_amount"]) == (
        "amount_out_of_range",
        "down_payment",
        599_899,
    )


@pytest.mark.parametrize("value", [-1, "1", 1.0, True])
def test_a_down_payment_is_a_whole_number_of_fen(api, value):
    found = refused(api.post("/v1/checkouts", api.order(down_payment=value)))
    assert found["param"] == "down_payment"


@pytest.mark.parametrize(
    ("items", "subsidy"),
    [
        ([item(600_000, "phone")], 50_000),
        ([item(333_333, "phone")], 50_000),
        ([item(199_999, "tablet")], 30_000),
        ([item(3, "watch"), item(599_900)], None),
        ([item(1_000_000, "refrigerator", 1)], 150_000),
        ([item(1_000_001, "tv", 1)], 150_000),
        ([item(259_900, "water_heater", 1)], 38_985),
        ([item(599_900, "phone"), item(800_000, "computer", 1), item(10_000, quantity=3)], 170_000),
    ],
)
def test_the_numbers_of_2026(api, items, subsidy):
    body = order(api, items, subsidy)
    answer = api.post("/v1/checkouts", body)
    assert answer.status_code == 201, answer.text
    assert answer.json["government_subsidy"] == (
        {"programme": PROGRAMME, "amount": subsidy} if subsidy else None
    )
    assert answer.json["plans"][0]["financed_amount"] == body["amount"]


def test_half_a_fen_is_rounded_up(api):
    assert api.post("/v1/checkouts", order(api, [item(100_010, "watch")], 15_002)).status_code == 201
    found = refused(api.post("/v1/checkouts", order(api, [item(100_010, "watch")], 15_001)))
    assert (found["expected"], found["actual"], found["difference"]) == (15_002, 15_001, -1)


def test_the_base_is_the_price_after_the_discount(api):
    """A phone of 6,200 yuan is within the 6,000 once its share of the discount is off."""
    body = order(api, [item(620_000, "phone"), item(310_000)], 50_000, discount=30_000)
    assert api.post("/v1/checkouts", body).status_code == 201
    body = order(api, [item(620_000, "phone"), item(310_000)], 50_000, discount=29_000)
    assert refused(api.post("/v1/checkouts", body))["param"] == "items[0].unit_price"


@pytest.mark.parametrize(
    ("items", "subsidy", "param", "expected"),
    [
        ([item(600_001, "phone")], 50_000, "items[0].unit_price", 0),
        ([item(500_000, "refrigerator")], 75_000, "items[0].energy_grade", 0),
        ([item(500_000, "refrigerator", 2)], 75_000, "items[0].energy_grade", 0),
        ([item(100_000, "phone"), item(100_000, "phone")], 30_000, "items[1].quantity", 0),
        ([item(100_000, "phone", quantity=2)], 30_000, "items[0].quantity", 0),
        ([item(100_000)], 15_000, "items", 0),
        ([item(100_000, "phone")], 14_999, "government_subsidy.amount", 15_000),
        ([item(500_000, "phone")], 75_000, "government_subsidy.amount", 50_000),
    ],
)
def test_what_is_not_due_is_refused(api, items, subsidy, param, expected):
    found = refused(api.post("/v1/checkouts", order(api, items, subsidy)))
    assert (found["code"], found["param"], found["expected"]) == ("subsidy_refused", param, expected)
    assert api.get("/v1/checkouts").json["data"] == []


def test_an_unknown_programme_and_one_of_another_year_are_refused(api, clock):
    body = order(api, [item(100_000, "phone")], 15_000)
    other = {**body, "government_subsidy": {"programme": "trade_in_1926", "amount": 15_000}}
    assert refused(api.post("/v1/checkouts", other))["param"] == "government_subsidy.programme"
    clock.advance(days=38, hours=11, seconds=59 * 60 + 59)
    api.login()
    assert api.post("/v1/checkouts", {**body, "merchant_reference": "last-second"}).status_code == 201
    clock.advance(seconds=1)
    found = refused(api.post("/v1/checkouts", body))
    assert (found["code"], found["param"]) == ("subsidy_refused", "government_subsidy.programme")
    assert "2027-01-01" in found["detail"]


def test_a_rule_may_drop_a_category(app, api):
    with app.extensions["fenqi"].db.engine.begin() as connection:
        by_force(connection, "DELETE FROM subsidy_programme WHERE category = 'glasses'")
    found = refused(api.post("/v1/checkouts", order(api, [item(100_000, "glasses")], 15_000)))
    assert found["param"] == "items[0].subsidy_category"


def test_the_sum_counts_the_subsidy_and_not_the_down_payment(api):
    body = order(api, [item(600_000, "phone")], 50_000, down_payment=100_000)
    assert body["amount"] == 550_000
    assert api.post("/v1/checkouts", body).json["financed_amount"] == 450_000
    found = refused(api.post("/v1/checkouts", {**body, "amount": 450_000, "merchant_reference": "x"}))
    assert (found["code"], found["expected"], found["actual"], found["difference"]) == (
        "amount_mismatch",
        550_000,
        450_000,
        -100_000,
    )


def test_the_payment_carries_the_subsidy(app, api):
    checkout = api.post("/v1/checkouts", order(api, [item(600_000, "phone")], 50_000)).json
    api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 12, "phone": "13800000001"})
    with app.extensions["fenqi"].db.read() as tx:
        payment = tx.get(Payment, api.get(f"/v1/checkouts/{checkout['id']}").json["payment"])
        assert payment.government_subsidy == {"programme": PROGRAMME, "amount": 50_000}
        assert payment.amount_fen == 550_000


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-CN", ("政府以旧换新补贴", "−¥500.00", "首付（直接支付给商家）", "−¥1,000.00", "¥4,500.00")),
        (
            "en",
            ("Government trade-in subsidy", "−CN¥500.00", "Down payment", "Amount financed", "CN¥4,500.00"),
        ),
    ],
)
def test_the_pages_tell_order_subsidy_down_payment_and_principal(app, api, clock, language, words):
    checkout = api.post(
        "/v1/checkouts", order(api, [item(600_000, "phone")], 50_000, down_payment=100_000)
    ).json
    pages, path = app.test_client(), f"/checkout/{checkout['id']}"
    typed = {
        "term": "12",
        "name": "王小明",
        "id_number": invented_id_number("shopper"),
        "phone": "13800000001",
        "code": "000000",
    }
    identify(pages, checkout, typed)
    for page in ("", "/review"):
        shown = pages.get(f"{path}{page}?lang={language}").text
        for word in words:
            assert word in shown, (page, word)
    assert "¥5,500.00" in shown
