"""Rate cards: two people, each step once, quotes that stand, and prices that equal a model day by day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from gateway.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    PriceInvalid,
    PriceOverlap,
    SecondPersonRequired,
    ValidationFailed,
    WrongState,
)
from gateway.operators.decisions import Person
from gateway.plans import service as plans
from gateway.plans.cards import files, service
from gateway.plans.cards.content import Content
from gateway.plans.models import RateCard
from gateway.plans.pricing import Price
from tests.gateway.meeting import meet
from tests.gateway.plans.agreeing import TODAY, Desk, card, day, price, programme
from tests.one_database import database_url, on_both  # noqa: F401


@pytest.fixture
def desk(app, api) -> Desk:
    return Desk(app, api.credentials["merchant"])


def rate(api: Any, term: int = 12, **query: str) -> str | None:
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    plans = api.get(f"/v1/plans?amount=599900&terms={term}{asked}").json["plans"]
    return plans[0]["disclosure"]["charges"][0]["rate"] if plans else None


@on_both
def test_a_proposal_changes_nothing_and_a_confirmation_does_from_the_first_day_on(api, desk, clock):
    id = desk.propose(card(price(annual_rate="0.12")), first=1)
    assert rate(api) == "0.18"
    desk.confirm(id)
    assert rate(api) == "0.18"
    clock.advance(days=1)
    api.login()
    assert rate(api) == "0.12"
    assert rate(api, 6) is None, "the card is the whole of what is agreed"


@on_both
def test_who_proposed_cannot_confirm_not_even_by_sql(app, desk):
    id = desk.propose(card())
    with pytest.raises(SecondPersonRequired, match="another operator"):
        desk.confirm(id, by=desk.li)
    with pytest.raises(SecondPersonRequired, match="another operator"):
        desk.confirm(id, by=Person(desk.li.id, "another account"))
    with pytest.raises(SecondPersonRequired, match="withdraw"):
        desk.gateway.db.write(lambda tx: service.reject(tx, id, reason="no", by=desk.li) and None)
    with pytest.raises(SecondPersonRequired, match="reject"):
        desk.gateway.db.write(lambda tx: service.withdraw(tx, id, reason="no", by=desk.wang) and None)

    def by_force(tx: Any) -> None:
        row = service.get(tx, id)
        row.status, row.decided_by, row.decided_at = "confirmed", desk.li.id, tx.wall
        tx.add(row)

    with pytest.raises(DBAPIError, match="two_people"):
        desk.gateway.db.write(by_force)
    assert desk.read(lambda tx: service.get(tx, id)).status == "proposed"


@on_both
@pytest.mark.parametrize(
    ("verb", "who", "status"), [("reject", "wang", "rejected"), ("withdraw", "li", "withdrawn")]
)
def test_what_is_rejected_or_withdrawn_ends_there(api, desk, verb, who, status):
    id = desk.propose(card(price(annual_rate="0.12")))
    decide = getattr(service, verb)
    desk.gateway.db.write(lambda tx: decide(tx, id, reason="too low", by=getattr(desk, who)) and None)
    assert desk.read(lambda tx: service.get(tx, id)).status == status
    with pytest.raises(WrongState, match=status):
        desk.confirm(id)
    assert rate(api) == "0.18"
    assert api.get(f"/v1/rate_cards/{id}").status_code == 404


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_who_confirm_at_once_one_does(desk):
    id, zhao = desk.propose(card()), desk.operator("zhao.min")
    with pytest.raises(WrongState, match="is confirmed"):
        meet(desk.gateway.db, lambda: desk.confirm(id), lambda: desk.confirm(id, by=zhao))
    prices = desk.read(lambda tx: plans.prices_of(tx, desk.merchant))
    assert [row.term for row in prices if row.rate_card_id == id] == [12]
    assert len(desk.audit()) == 2


def test_a_card_is_confirmed_once(desk):
    id = desk.agreed(card())
    with pytest.raises(WrongState, match="is confirmed"):
        desk.confirm(id)
    with pytest.raises(PriceOverlap, match="rate card"):
        desk.gateway.db.write(
            lambda tx: plans.add_price(
                tx, desk.merchant, Price(12, "interest_free", None, None, "0", "0", 1, 2), valid_from=TODAY
            )
        )


def test_each_step_is_in_the_audit_log_with_person_and_reason(api, desk):
    id = desk.propose(card(), reason="lower for 3c")
    desk.confirm(id)
    proposed, confirmed = desk.audit()
    assert (proposed.actor_id, proposed.about, proposed.facts["reason"]) == (desk.li.id, id, "lower for 3c")
    assert (confirmed.actor_id, confirmed.facts["account"]) == (desk.wang.id, "root")
    assert (proposed.merchant_id, confirmed.merchant_id) == (None, desk.merchant)
    for reason in ("", " \n", "x" * 501, "call 13812345678"):
        with pytest.raises(InvalidRequest, match="reason"):
            desk.propose(card(), reason=reason)


def test_a_first_day_in_the_past_is_refused_at_both_steps(desk, clock):
    with pytest.raises(PriceInvalid, match="in the past"):
        desk.propose(card(), first=-1)
    id = desk.propose(card(), first=1)
    clock.advance(days=2)
    with pytest.raises(PriceInvalid, match="later day"):
        desk.confirm(id)


@pytest.mark.parametrize(
    ("rows", "param", "says"),
    [
        ([price(2)], "prices[0].term", "3 to 12 months"),
        ([price(annual_rate="18")], "prices[0].annual_rate", "written"),
        ([price(), price(3, annual_rate=None)], "prices[1].method", "requires annual_rate"),
        ([price(annual_rate="0.27")], "prices[0].annual_rate", "above the ceiling"),
        ([price(), price()], "prices[1].term", "row 1"),
        ([price(category="weapons")], "prices[0].category", "one of"),
        ([price(lender="other_bank")], "prices[0].lender", "lends through"),
        ([price(valid_to=day(-1), valid_from=day(-2))], "prices[0].valid_to", "before the card"),
        ([price(min_amount=5, max_amount=4)], "prices[0].min_amount", "minimum"),
        ([price(merchant_fee_rate="x")], "prices[0].merchant_fee_rate", "decimal"),
    ],
)
def test_what_is_wrong_with_a_row_is_named_and_nothing_is_kept(desk, rows, param, says):
    with pytest.raises(ValidationFailed) as refused:
        desk.propose(Content(tuple(rows), ()))
    assert refused.value.extra["errors"][0]["param"] == param
    assert says in refused.value.message
    assert desk.read(lambda tx: list(tx.exec(select(RateCard)))) == []


def test_all_faults_are_told_and_a_card_without_prices_is_refused(desk):
    with pytest.raises(ValidationFailed) as refused:
        desk.propose(card(price(2), price(13), programmes=(programme("trade_out"),)))
    assert [one["param"] for one in refused.value.extra["errors"]] == [
        "prices[0].term",
        "prices[1].term",
        "subsidy_programmes[0].subsidy_programme",
    ]
    with pytest.raises(ValidationFailed, match="at least one price"):
        desk.propose(Content((), ()))
    with pytest.raises(ValidationFailed, match="twice on some day"):
        desk.propose(card(programmes=(programme(), programme(valid_from=day(3)))))
    with pytest.raises(NotFound):
        desk.gateway.db.write(
            lambda tx: service.propose(
                tx, "mer_none", card(), first_day=TODAY, reason="x", by=desk.li, lender=desk.lender
            )
        )


@on_both
def test_a_quote_from_before_keeps_its_price_through_approval_and_capture(api, desk):
    checkout = api.checkout(amount=120_000)
    before = next(plan for plan in checkout["plans"] if plan["term"] == 12)
    desk.agreed(card(price(annual_rate="0.12", merchant_fee_rate="0.01")))
    assert rate(api) == "0.12"
    done = api.post(
        f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 12, "phone": "13800000001"}
    ).json
    captured = api.post(f"/v1/payments/{done['payment']}/capture").json
    assert captured["plan"]["schedule"] == before["schedule"]
    loan = api.get(f"/v1/loans/{captured['captures'][0]['loan']}").json
    assert [row["payment"] for row in loan["schedule"]] == [row["payment"] for row in before["schedule"]]
    (entry,) = api.get(f"/v1/balance_entries?payment={done['payment']}").json["data"]
    assert entry["amount"] == 120_000 - 720, "a fee of 0.6 %, as it was when the order was quoted"


@on_both
def test_a_programme_is_claimed_only_while_the_card_includes_it(api, desk, clock):
    item = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    order = {
        "amount": 549_900,
        "items": [item],
        "government_subsidy": {"programme": "trade_in_2026", "amount": 50_000},
    }
    api.checkout(**order)
    desk.agreed(card(programmes=(programme(valid_to=day(1)),)))
    for _ in range(2):
        api.checkout(**order)
        clock.advance(days=1)
        api.login()
    refused = api.post("/v1/checkouts", api.order(**order))
    assert (refused.status_code, refused.json["code"]) == (422, "subsidy_refused")
    assert refused.json["param"] == "government_subsidy.programme"
    assert "rate card" in refused.json["detail"]


@on_both
def test_a_merchant_reads_its_own_confirmed_cards(api, desk, new_merchant, clock):
    other = new_merchant()
    assert api.get("/v1/rate_cards").json["data"] == []
    first = desk.agreed(card(price(3), price(12), programmes=(programme(),)))
    later = desk.agreed(card(price(12, annual_rate="0.12")), first=5)
    hidden = desk.propose(card(), first=7)
    listed = api.get("/v1/rate_cards?limit=1").json
    assert [row["id"] for row in listed["data"]] == [later]
    rest = api.get(f"/v1/rate_cards?cursor={listed['next_cursor']}").json
    assert [row["id"] for row in rest["data"]] == [first]
    assert not rest["has_more"]
    shown = api.get(f"/v1/rate_cards/{first}").json
    assert (shown["in_force"], shown["valid_from"], shown["status"]) == (True, day(0), "confirmed")
    assert [row["term"] for row in shown["prices"]] == [3, 12]
    assert shown["prices"][0]["valid_from"] == day(0)
    assert shown["subsidy_programmes"][0]["subsidy_programme"] == "trade_in_2026"
    assert not {"reason", "proposed_by", "decided_by"} & shown.keys()
    assert other.get(f"/v1/rate_cards/{first}").status_code == 404
    assert other.get("/v1/rate_cards").json["data"] == []
    assert api.get(f"/v1/rate_cards/{hidden}").status_code == 404
    clock.advance(days=5)
    api.login()
    assert [row["in_force"] for row in api.get("/v1/rate_cards").json["data"]] == [True, False]


@on_both
def test_the_difference_names_each_row_before_and_after(desk):
    same = service.difference_of
    as_it_is = desk.read(lambda tx: service.as_it_stands(tx, desk.merchant, TODAY))
    id = desk.propose(as_it_is)
    counts = desk.read(lambda tx: same(tx, service.get(tx, id)))["counts"]
    assert counts == {"same": 5, "changed": 0, "added": 0, "removed": 0}
    rows = [row for row in as_it_is.prices if row["term"] != 6]
    rows = [row | {"annual_rate": "0.15"} if row["term"] == 12 else row for row in rows]
    other = desk.propose(Content((*rows, price(12, category="3c")), as_it_is.programmes), first=2)
    changes = desk.read(lambda tx: same(tx, service.get(tx, other)))
    assert changes["counts"] == {"same": 3, "changed": 1, "added": 1, "removed": 1}
    (changed,) = (row for row in changes["rows"] if row["change"] == "changed")
    assert (changed["before"]["annual_rate"], changed["after"]["annual_rate"]) == ("0.18", "0.15")
    desk.confirm(other)
    replaced = desk.propose(card(), first=2)
    earlier = desk.propose(card(), first=1)
    assert desk.read(lambda tx: same(tx, service.get(tx, replaced)))["replaces"] == other
    assert desk.read(lambda tx: same(tx, service.get(tx, earlier)))["followed_on"] == day(2)


ROWS = st.builds(
    lambda term, rate, category, lender, first, length: price(
        term,
        annual_rate=f"0.{rate}",
        category=category,
        lender=lender,
        valid_from=None if first is None else day(first),
        valid_to=None if length is None else day((first or 0) + 6 + length),
    ),
    st.sampled_from([3, 12]),
    st.integers(10, 19),
    st.sampled_from([None, None, "3c"]),
    st.sampled_from([None, None, "demo_bank"]),
    st.none() | st.integers(-2, 9),
    st.none() | st.integers(0, 4),
)
STEPS = st.tuples(
    st.lists(
        ROWS, min_size=1, max_size=4, unique_by=lambda row: (row["term"], row["category"], row["lender"])
    ),
    st.integers(0, 6),
    st.sampled_from(["confirm", "confirm", "confirm", "reject", "wait"]),
)


def modelled(agreed: list[tuple[int, list[dict[str, Any]]]], on: int, category: str | None) -> dict[int, str]:
    """The rates of a day, by a walk over what was agreed that knows nothing of the catalogue."""
    best: tuple[int, list[dict[str, Any]]] | None = None
    for first, rows in agreed:
        if first <= on and (best is None or first >= best[0]):
            best = first, rows
    found: dict[int, tuple[tuple[bool, bool], str]] = {}
    for row in best[1] if best else []:
        begun = row["valid_from"] is None or row["valid_from"] <= day(on)
        lasts = row["valid_to"] is None or day(on) <= row["valid_to"]
        if begun and lasts and row["category"] in (None, category):
            rank = (row["category"] is not None, row["lender"] is not None)
            if row["term"] not in found or found[row["term"]][0] < rank:
                found[row["term"]] = rank, row["annual_rate"]
    return {term: rate for term, (_, rate) in found.items()}


@on_both
def test_any_cards_give_the_prices_of_the_model_on_every_day(app, new_merchant, clock):
    people: list[Person] = []

    @given(st.lists(STEPS, min_size=1, max_size=5))
    @settings(max_examples=15)
    def equal(steps: list[Any]) -> None:
        merchant = new_merchant().credentials["merchant"]
        desk = Desk.__new__(Desk)
        desk.gateway, desk.merchant = app.extensions["fenqi"], merchant
        desk.lender = plans.lender_of(desk.gateway.settings)
        if not people:
            people.extend(desk.operator(name) for name in ("li.na", "wang.wei"))
        desk.li, desk.wang = people
        agreed: list[tuple[int, list[dict[str, Any]]]] = []
        for rows, first, end in steps:
            clock.advance(seconds=1)
            try:
                id = desk.propose(card(*rows), first)
            except (Conflict, ValidationFailed):
                continue
            if end == "confirm":
                desk.confirm(id)
                agreed.append((first, rows))
            elif end == "reject":
                desk.gateway.db.write(
                    lambda tx, id=id: service.reject(tx, id, reason="no", by=desk.wang) and None
                )
        if not agreed:
            return
        for on in range(min(first for first, _ in agreed), 20):
            for category in (None, "3c", "appliance"):
                with desk.gateway.db.read() as tx:
                    found = plans._in_force(
                        tx, merchant, on=TODAY + timedelta(days=on), category=category, funder="demo_bank"
                    )
                assert {term: one.annual_rate for term, one in found.items()} == modelled(
                    agreed, on, category
                )

    equal()


def test_export_is_taken_back_and_changes_nothing(desk):
    desk.agreed(
        card(
            price(3, method="interest_free", annual_rate=None, merchant_subsidy_rate="0.02"),
            price(12, category="3c", valid_from=day(2), valid_to=day(4)),
            price(12, method="flat_fee", annual_rate=None, fee_rate_total="0.05"),
            programmes=(programme(),),
        )
    )
    content = desk.read(lambda tx: service.as_it_stands(tx, desk.merchant, TODAY + timedelta(days=1)))
    for name, text in (("card.csv", files.csv_text(content)), ("card.json", files.json_text(content))):
        back = files.read(name, text.encode()).content
        assert back == content
        id = desk.propose(back, first=1)
        assert desk.read(lambda tx, id=id: service.difference_of(tx, service.get(tx, id)))["counts"] == {
            "same": 4, "changed": 0, "added": 0, "removed": 0,
        }  # fmt: skip
        desk.gateway.db.write(lambda tx, id=id: service.withdraw(tx, id, reason="seen", by=desk.li) and None)
