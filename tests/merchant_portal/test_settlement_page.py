"""The page of a settlement: every kind of line, all of its lines, and sums that say whether they fit."""

from __future__ import annotations

import re
from datetime import date

import pytest

from gateway.identity.invented import invented_id_number
from gateway.merchants import service as merchants
from gateway.process.daily import settle
from gateway.process.worker import drain
from gateway.settlement import service as settlement
from tests.by_force import by_force
from tests.gateway.books import Books
from tests.gateway.shopper import identify
from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def books(app, api, clock):
    return Books(app, api, clock)


def test_a_returned_payout_and_a_released_reserve_are_shown_without_a_link(app, api, books, person):
    books.gateway.db.write(
        lambda tx: merchants.agree_reserve(tx, books.tenant.merchant_id, rate="0.1", days=3) and None
    )
    payment = api.captured()
    books.pass_days(2)
    api.login()
    (first,) = books.api.get("/v1/settlements").json["data"]
    assert books.post(f"/v1/test_helpers/payouts/{first['payout']}/return").json["status"] == "returned"
    books.pass_days(5)
    api.login()
    batches = books.api.get("/v1/settlements").json["data"]
    kinds = [
        row["kind"]
        for batch in batches
        for row in books.api.get(f"/v1/settlements/{batch['id']}/lines").json["data"]
    ]
    assert {"capture", "payout_returned", "reserve_release"} <= set(kinds)
    assert person.log_in(api.credentials).status_code == 303
    shown = ""
    for batch in batches:
        page = person.portal.get(f"/settlements/{batch['id']}")
        assert page.status_code == 200
        assert re.search(r'class="proof good" id="proof"', page.text)
        assert re.search(r'class="proof good" id="sum"', page.text), page.text
        shown += page.text
    assert "打款退回" in shown
    assert "准备金释放" in shown
    assert "账户已注销" in shown
    for path in ("/balance", f"/payments/{payment['id']}", "/"):
        assert person.portal.get(path).status_code == 200


def test_all_of_503_lines_are_paged_through_and_their_sum_is_compared(app, api, desk):
    here, payment = app.extensions["fenqi"], api.captured()
    tenant = Books(app, api, None).tenant

    def many(tx):
        for number in range(502):
            settlement.add_line(
                tx, tenant, kind="subsidy", object_id=f"sub_{number}", amount_fen=1, entry_id="ent_x",
                payment_id=payment["id"], merchant_reference=payment["merchant_reference"],
                settlement_date=date(2026, 11, 24),
            )  # fmt: skip

    here.db.write(many)
    settle(here, date(2026, 11, 24))
    drain(here)
    (batch,) = api.get("/v1/settlements").json["data"]
    path: str | None = f"/settlements/{batch['id']}"
    rows = pages = 0
    while path:
        page = desk.get(path).text
        lines = page[page.index('id="lines"') :]
        here_now = lines.count("<tr>") - 1
        rows, pages = rows + here_now, pages + 1
        assert f"本页 {here_now} 笔，共 503 笔" in lines
        assert "全部 503 笔明细的净额合计 ¥5,968.03，与结算等式一致。" in lines
        older = re.search(r'href="([^"]+)">更早', lines)
        path = older[1].replace("&amp;", "&").removeprefix("/portal") if older else None
    assert (rows, pages) == (503, 6)
    everything = desk.get(f"/settlements/{batch['id']}/lines.csv").text
    assert everything.strip().count("\r\n") == 503


def test_a_fee_and_a_subsidy_are_two_columns_with_the_figures_of_the_api(app, api, desk):
    api.captured(term=3)
    settle(app.extensions["fenqi"], date(2026, 11, 24))
    (batch,) = api.get("/v1/settlements").json["data"]
    assert batch["merchant_subsidies"] > 0
    page = desk.get("/settlements?lang=en").text
    headings = re.findall(r"<th[^>]*>([^<]+)</th>", page)
    cells = re.findall(r"<td[^>]*>(?:<a[^>]*><code>)?([^<]*)", page)
    row = dict(zip(headings, cells, strict=False))
    for name, heading in (
        ("merchant_fees", "Merchant fees"),
        ("merchant_subsidies", "Merchant subsidies"),
        ("refunds", "Refunds"),
    ):
        assert row[heading].replace("−", "") == f"¥{batch[name] / 100:,.2f}", heading
    detail = desk.get(f"/settlements/{batch['id']}?lang=en").text
    figure = re.search(r"Merchant fees</th><td[^>]*>[^<]*</td><td[^>]*>([^<]+)<", detail)
    assert figure
    assert figure[1] == row["Merchant fees"].replace("−", "")


def test_only_a_plan_that_costs_nothing_is_called_interest_free(app, api, desk):
    """A plan at 9 % to which the merchant adds something is not 免息, neither for the shopper nor for the merchant."""
    here = app.extensions["fenqi"]
    here.db.write(
        lambda tx: by_force(
            tx.connection(),
            "UPDATE plan_price SET annual_rate = '0.09', merchant_subsidy_rate = '0.03' WHERE term = 12",
        )
    )
    checkout = api.checkout()
    plan = next(plan for plan in checkout["plans"] if plan["term"] == 12)
    assert (plan["interest_free"], plan["merchant_subsidy"] > 0) == (False, True)
    pages = app.test_client()
    typed = {
        "term": "12",
        "name": "王小明",
        "id_number": invented_id_number("shopper"),
        "phone": "13800000001",
        "code": "000000",
    }
    identify(pages, checkout, typed)
    review = pages.get(f"/checkout/{checkout['id']}/review").text
    assert "商家另承担" in review
    assert "免息" not in review
    for term, free in ((12, False), (3, True)):
        payment = api.approved(term=term)
        shown = desk.get(f"/payments/{payment['id']}").text
        assert ("免息" in shown) == free
