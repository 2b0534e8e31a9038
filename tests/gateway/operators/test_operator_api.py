"""What operators agree on by the API: rate cards and settlement terms, two people for each change."""

from __future__ import annotations

import pytest
from sqlmodel import select

from gateway.audit.models import AuditEntry
from tests.gateway.conftest import problem
from tests.gateway.operators.desk import two
from tests.gateway.plans.agreeing import price
from tests.one_database import database_url, on_both  # noqa: F401


@pytest.fixture
def people(app, clock, api):
    found = two(app, clock)
    for one in found:
        one.log_in()
    return found


def card(api, **changes):
    body = {"merchant": api.credentials["merchant"], "valid_from": "2026-11-24", "reason": "contract 7"}
    return {**body, "prices": [price(annual_rate="0.12")], **changes}


def terms(api, **changes):
    body = {"merchant": api.credentials["merchant"], "mode": "test", "reason": "contract 8"}
    return {**body, "changes": {"t_plus": 0, "reserve_rate": "0.05", "reserve_most": None}, **changes}


def actions(gateway, beginning):
    with gateway.db.read() as tx:
        rows = tx.exec(select(AuditEntry).order_by(AuditEntry.number))
        return [row for row in rows if row.action.startswith(beginning)]


@on_both
def test_a_card_that_two_agree_on_is_the_merchants(people, api):
    li, wang = people
    made = li.post("/rate_cards", card(api))
    assert made.status_code == 201, made.text
    proposed = made.json
    assert (proposed["status"], proposed["proposed_by"]) == ("proposed", {"id": li.id, "name": "li.na"})
    assert (proposed["confirmed_by"], proposed["difference"]["counts"]["changed"]) == (None, 1)
    path = f"/rate_cards/{proposed['id']}"
    own = li.post(f"{path}/confirm", {"reason": "me too"})
    assert problem(own)["code"] == "second_person_required"
    assert api.get("/v1/rate_cards").json["data"] == []
    agreed = wang.post(f"{path}/confirm", {"reason": "checked"})
    assert agreed.status_code == 200, agreed.text
    assert (agreed.json["confirmed_by"]["name"], agreed.json["difference"]) == ("wang.wei", None)
    assert agreed.json == wang.get(path).json
    assert problem(wang.post(f"{path}/confirm", {"reason": "again"}))["code"] == "wrong_state"
    assert [row["id"] for row in api.get("/v1/rate_cards").json["data"]] == [proposed["id"]]
    written = actions(li.gateway, "rate_card.")
    assert [(row.actor_kind, row.actor_id) for row in written] == [("operator", li.id), ("operator", wang.id)]
    assert all(row.facts["account"].startswith("login ses_") for row in written)


def test_cards_are_rejected_withdrawn_and_listed_by_merchant_and_state(people, api, new_merchant):
    li, wang = people
    ids = [li.post("/rate_cards", card(api, valid_from=f"2026-12-0{day}")).json["id"] for day in (1, 2, 3)]
    assert (
        problem(wang.post(f"/rate_cards/{ids[0]}/withdraw", {"reason": "x"}))["code"]
        == "second_person_required"
    )
    assert li.post(f"/rate_cards/{ids[0]}/withdraw", {"reason": "a slip"}).json["status"] == "withdrawn"
    rejected = wang.post(f"/rate_cards/{ids[1]}/reject", {"reason": "too low"}).json
    assert (rejected["decided_by"]["name"], rejected["confirmed_by"]) == ("wang.wei", None)
    assert rejected["decision_reason"] == "too low"
    page = li.get("/rate_cards?limit=2").json
    rest = li.get(f"/rate_cards?limit=2&cursor={page['next_cursor']}").json
    assert [row["id"] for row in page["data"] + rest["data"]] == ids[::-1]
    waiting = li.get(f"/rate_cards?status=proposed&merchant={api.credentials['merchant']}").json["data"]
    assert [row["id"] for row in waiting] == [ids[2]]
    assert li.get("/rate_cards?merchant=mer_nobody").json["data"] == []
    assert problem(li.get("/rate_cards?status=open"))["errors"][0]["param"] == "status"
    assert li.get("/rate_cards/rcd_nobody").status_code == 404


def test_the_same_proposal_twice_is_told_and_makes_no_second_one(people, api):
    li, wang = people
    for path, body in (("/rate_cards", card(api)), ("/settlement_terms", terms(api))):
        first = li.post(path, body).json
        again = li.post(path, {**body, "reason": "sent again"})
        assert problem(again)["code"] == "conflict"
        assert first["id"] in again.json["detail"]
        assert wang.post(path, body).status_code == 201


@pytest.mark.parametrize(
    ("changes", "params"),
    [
        ({"prices": []}, ["prices"]),
        ({"prices": [price(annual_rate="a lot"), price(3, colour="red")]}, ["prices[1].colour"]),
        ({"prices": [price(annual_rate="a lot"), price(2)]}, ["prices[0].annual_rate", "prices[1].term"]),
        ({"prices": [price(term="12")]}, ["prices[0].term"]),
        ({"prices": [price(annual_rate="0.99")]}, ["prices[0].annual_rate"]),
        ({"valid_from": "tomorrow"}, ["valid_from"]),
        ({"reason": "of 13800138000"}, ["reason"]),
        (
            {"subsidy_programmes": [{"subsidy_programme": "none"}]},
            ["subsidy_programmes[0].subsidy_programme"],
        ),
    ],
)
def test_a_card_that_is_wrong_is_refused_field_by_field(people, api, changes, params):
    refused = people[0].post("/rate_cards", card(api, **changes))
    assert [one["param"] for one in problem(refused)["errors"]] == params, refused.text
    assert people[0].get("/rate_cards").json["data"] == []


@on_both
def test_terms_that_two_agree_on_hold_from_their_day_on(people, api):
    li, wang = people
    proposed = li.post("/settlement_terms", terms(api))
    assert proposed.status_code == 201, proposed.text
    said = proposed.json
    assert (said["valid_from"], said["mode"], said["status"]) == ("2026-11-24", "test", "proposed")
    assert (said["before"]["t_plus"], said["after"]["t_plus"]) == (1, 0)
    assert said["changes"] == {"t_plus": 0, "reserve_rate": "0.05", "reserve_most": None}
    path = f"/settlement_terms/{said['id']}"
    assert problem(li.post(f"{path}/confirm", {"reason": "me"}))["code"] == "second_person_required"
    before = api.get("/v1/settlement_terms").json["data"]
    agreed = wang.post(f"{path}/confirm", {"reason": "as in the contract"}).json
    assert (agreed["confirmed_by"]["name"], agreed["after"]) == ("wang.wei", None)
    now = api.get("/v1/settlement_terms").json["data"]
    assert [row["id"] for row in now if row not in before] == [agreed["settlement_terms"]]
    assert (now[0]["reserve_rate"], now[0]["valid_from"]) == ("0.05", "2026-11-24")
    assert problem(wang.post(f"{path}/reject", {"reason": "late"}))["code"] == "wrong_state"
    (entry,) = actions(li.gateway, "merchant.settlement_terms")
    assert (entry.actor_id, entry.merchant_id, entry.mode) == (wang.id, api.credentials["merchant"], "test")
    assert entry.facts["proposal"] == said["id"]
    (proposal,) = actions(li.gateway, "settlement_terms.propose")
    assert proposal.merchant_id is None  # what was only proposed is not the merchant's matter


def test_terms_whose_day_has_come_can_only_be_rejected_or_withdrawn(people, api, clock):
    li, wang = people
    one, two_ = (
        li.post("/settlement_terms", terms(api, changes={"t_plus": days})).json["id"] for days in (2, 3)
    )
    clock.advance(days=1)
    for person in people:
        person.log_in()
    assert (
        "first day can be" in wang.post(f"/settlement_terms/{one}/confirm", {"reason": "late"}).json["detail"]
    )
    assert li.get(f"/settlement_terms/{one}").json["after"] is None
    assert wang.post(f"/settlement_terms/{one}/reject", {"reason": "late"}).json["status"] == "rejected"
    assert li.post(f"/settlement_terms/{two_}/withdraw", {"reason": "late"}).json["status"] == "withdrawn"
    assert [row["id"] for row in li.get("/settlement_terms").json["data"]] == [two_, one]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"changes": {}}, "name what is to change"),
        ({"changes": {"t_plus": 1}}, "name what is to change"),
        ({"changes": {"t_plus": 31}}, "expected 0 to 30"),
        ({"changes": {"cutoff": "25:00"}}, "is not a time of day"),
        ({"changes": {"reserve_rate": "1.5"}}, "A reserve can be at most"),
        ({"valid_from": "2026-11-23"}, "the first day can be"),
        ({"merchant": "mer_nobody"}, "mer_nobody"),
        ({"mode": "both"}, "Must be one of"),
        ({"changes": {"t_plus": None}}, "may not be null"),
        ({"changes": {"colour": "red"}}, "Unknown field"),
    ],
)
def test_terms_that_cannot_be_agreed_are_refused(people, api, changes, says):
    refused = people[0].post("/settlement_terms", terms(api, **changes))
    assert says in refused.text, refused.text
    assert people[0].get("/settlement_terms").json["data"] == []


def test_every_operation_of_operators_asks_for_a_login_and_stands_in_a_document_of_its_own(people, app, api):
    document = people[0].client.get("/v1/operator/openapi.json").json
    shown = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    every = [one for group in app.extensions["fenqi.operator_apis"] for one in group.operations]
    assert shown == {(one.method, one.path.replace("<", "{").replace(">", "}")) for one in every}
    assert not [path for path in people[0].client.get("/v1/openapi.json").json["paths"] if "operator" in path]
    for one in every:
        assert {scope.partition(":")[0] for scope in one.scope} == {"operator"}
        assert (one.scope != ("operator:read",)) == one.writes
        path = (
            one.path.replace("<card_id>", "rcd_1")
            .replace("<proposal_id>", "stp_1")
            .replace("<dispute_id>", "dp_1")
        )
        for token in ("", api.token):
            headers = {"Authorization": f"Bearer {token}"}
            assert people[0].client.open(path, method=one.method, headers=headers).status_code == 401
