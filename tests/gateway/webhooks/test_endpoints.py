"""Webhook endpoints by the API: the secret is shown once, filters hold, rotation overlaps, others see nothing."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gateway.webhooks.delivery.history import forget_old
from gateway.webhooks.schemas import EVENT_TYPES
from tests.one_database import database_url  # noqa: F401

PATH = "/v1/webhook_endpoints"
START = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""The moment at which the clock of the tests begins."""


def test_an_endpoint_is_made_read_changed_listed_and_deleted(api, sink):
    made = api.post(PATH, {"url": sink.url, "description": "orders", "enabled_events": ["payment.captured"]})
    assert made.status_code == 201
    endpoint = made.json
    assert endpoint["id"].startswith("we_")
    assert endpoint["object"] == "webhook_endpoint"
    assert endpoint["secret"].startswith("whsec_")
    assert (endpoint["status"], endpoint["mode"], endpoint["api_version"]) == (
        "enabled",
        "test",
        "2026-11-23",
    )
    path = f"{PATH}/{endpoint['id']}"
    shown = {key: value for key, value in endpoint.items() if key != "secret"}
    assert api.get(path).json == shown
    changed = api.call(
        "PATCH", path, {"description": None, "enabled_events": ["*"], "status": "disabled"}
    ).json
    assert (changed["description"], changed["enabled_events"]) == (None, ["*"])
    assert (changed["status"], changed["disabled_reason"]) == ("disabled", "requested")
    again = api.call("PATCH", path, {"status": "enabled"}).json
    assert (again["status"], again["disabled_reason"], again["disabled_at"]) == ("enabled", None, None)
    assert api.get(PATH).json["data"] == [again]
    assert api.call("DELETE", path).json == {
        "id": endpoint["id"],
        "object": "webhook_endpoint",
        "deleted": True,
    }
    assert api.get(path).status_code == api.call("DELETE", path).status_code == 404
    assert api.get(PATH).json["data"] == []


WRONG = [
    ({}, "url"),
    ({"url": "https://shop.example/", "enabled_events": []}, "enabled_events"),
    ({"url": "https://shop.example/", "enabled_events": ["payment.eaten"]}, "enabled_events"),
    ({"url": "https://shop.example/", "enabled_events": "*"}, "enabled_events"),
    ({"url": "https://shop.example/", "api_version": "2020-01-01"}, "api_version"),
    ({"url": "https://shop.example/", "secret": "whsec_mine"}, "secret"),
    ({"url": "https://shop.example/", "description": "x" * 501}, "description"),
]


def test_a_wrong_field_is_named(api):
    for body, param in WRONG:
        answer = api.post(PATH, body)
        assert (answer.status_code, answer.json["param"]) == (422, param), body


def test_the_secret_is_shown_to_a_repeated_request_and_stored_nowhere_in_clear(app, api, sink):
    first, second = (api.post(PATH, {"url": sink.url}, key="once") for _ in range(2))
    assert first.data == second.data
    assert second.headers["Idempotent-Replayed"] == "true"
    rotated = api.post(f"{PATH}/{first.json['id']}/rotate_secret", {}, key="turn")
    assert api.post(f"{PATH}/{first.json['id']}/rotate_secret", {}, key="turn").data == rotated.data
    with app.extensions["fenqi"].db.read() as tx:
        for table in ("webhook_endpoint", "webhook_secret", "idempotent_answer", "event", "webhook_delivery"):
            rows = str([tuple(row) for row in tx.execute(text(f"SELECT * FROM {table}"))])
            for secret in (first.json["secret"], rotated.json["secret"]):
                assert secret.removeprefix("whsec_") not in rows
    assert len(api.get(PATH).json["data"]) == 1


def test_the_first_answer_is_repeated_though_the_name_is_gone(app, api, sink):
    first = api.post(PATH, {"url": sink.url}, key="once")
    gone = app.extensions["fenqi"].ports.webhook_transport
    gone._resolve = lambda host: []
    assert api.post(PATH, {"url": sink.url}, key="once").data == first.data
    assert api.post(PATH, {"url": sink.url}, key="other").json["code"] == "address_not_allowed"


def test_there_are_sixteen_endpoints_at_most(api, sink):
    for _ in range(16):
        assert api.post(PATH, {"url": sink.url}).status_code == 201
    answer = api.post(PATH, {"url": sink.url})
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_endpoints")


def test_an_endpoint_hears_only_of_what_it_asked_for(api, sink, new_sink, deliver):
    all_of_it = new_sink()
    api.post(PATH, {"url": sink.url, "enabled_events": ["payment.captured", "refund.succeeded"]})
    api.post(PATH, {"url": all_of_it.url})
    api.captured()
    deliver()
    assert [got.headers["webhook-id"][:4] for got in sink.got] == ["evt_"]
    assert len(all_of_it.got) == 3


def test_each_replaced_secret_signs_for_a_day_of_its_own(app, api, sink, hooked, deliver, clock):
    secrets = [hooked["secret"]]
    for _ in range(2):
        turned = api.post(f"{PATH}/{hooked['id']}/rotate_secret").json
        secrets.append(turned["secret"])
        clock.advance(minutes=1)
    shown = api.get(f"{PATH}/{hooked['id']}").json["secrets"]
    assert [row["expires_at"] for row in shown] == [
        None,
        "2026-11-24T04:01:00.000Z",
        "2026-11-24T04:00:00.000Z",
    ]
    assert [set(row) for row in shown] == [{"id", "created_at", "expires_at"}] * 3
    for live, hours in ((secrets, 23), (secrets[1:], 24), (secrets[2:], 24.02)):
        clock.now = START + timedelta(hours=hours)
        api.login()
        api.approved()
        deliver()
        assert sink.got
        for got in sink.take():
            assert len(got.headers["webhook-signature"].split(" ")) == len(live)
            for secret in live:
                got.verified(secret, clock)
            for secret in set(secrets) - set(live):
                with pytest.raises(Exception, match="No matching signature"):
                    got.verified(secret, clock)
    assert [row["expires_at"] for row in api.get(f"{PATH}/{hooked['id']}").json["secrets"]] == [None]
    app.extensions["fenqi"].db.write(forget_old)
    assert stored(app) == 1, "what has ended is not kept"


def test_a_sixth_secret_is_refused_and_changes_nothing(app, api, hooked, clock):
    path = f"{PATH}/{hooked['id']}"
    for _ in range(4):
        assert api.post(f"{path}/rotate_secret").status_code == 200
    before = api.get(path).json
    refused = api.post(f"{path}/rotate_secret")
    assert (refused.status_code, refused.json["code"]) == (409, "too_many_secrets")
    assert "revoke_secret" in refused.json["detail"]
    assert api.get(path).json == before
    clock.advance(hours=24)
    api.login()
    assert api.post(f"{path}/rotate_secret").status_code == 200
    assert stored(app) == 2


def test_a_leaked_secret_is_ended_at_once(api, sink, hooked, deliver, clock):
    path = f"{PATH}/{hooked['id']}"
    (leaked,) = hooked["secrets"]
    current = api.post(f"{path}/revoke_secret", {"secret": leaked["id"]})
    assert (current.status_code, current.json["code"]) == (409, "wrong_state")
    turned = api.post(f"{path}/rotate_secret").json
    assert api.post(f"{path}/revoke_secret", {"secret": "whs_other"}).status_code == 404
    left = api.post(f"{path}/revoke_secret", {"secret": leaked["id"]}).json
    assert left["secrets"] == turned["secrets"][:1]
    assert "secret" not in left
    assert api.post(f"{path}/revoke_secret", {"secret": leaked["id"]}).status_code == 404
    api.approved()
    deliver()
    for got in sink.take():
        got.verified(turned["secret"], clock)
        with pytest.raises(Exception, match="No matching signature"):
            got.verified(hooked["secret"], clock)


def stored(app) -> int:
    with app.extensions["fenqi"].db.read() as tx:
        return tx.execute(text("SELECT count(*) FROM webhook_secret")).scalar_one()


def test_deleting_cancels_what_waits(app, api, sink, hooked, deliver):
    api.approved()
    api.post(f"{PATH}/{hooked['id']}/test")
    api.call("DELETE", f"{PATH}/{hooked['id']}")
    assert deliver() == 0
    assert sink.got == []
    with app.extensions["fenqi"].db.read() as tx:
        assert set(tx.execute(text("SELECT status FROM webhook_delivery")).scalars()) == {"canceled"}
    assert stored(app) == 0


def test_another_merchant_or_mode_finds_nothing(api, new_merchant, sink, hooked, deliver, deliveries):
    api.approved()
    deliver()
    delivery = deliveries(hooked)[0]["id"]
    path = f"{PATH}/{hooked['id']}"
    calls = [
        ("GET", path, None),
        ("PATCH", path, {"description": "mine"}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate_secret", {}),
        ("POST", f"{path}/revoke_secret", {"secret": hooked["secrets"][0]["id"]}),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/replay", {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}),
        ("POST", f"{path}/test", {}),
        ("POST", f"/v1/webhook_deliveries/{delivery}/retry", {}),
    ]
    sink.take()
    for other in (new_merchant(), new_merchant(mode="live")):
        for method, where, body in calls:
            answer = other.call(method, where, body)
            assert (answer.status_code, answer.json["code"]) == (404, "not_found"), (method, where)
        assert other.get(PATH).json["data"] == []
    assert deliver() == 0
    assert api.get(path).json["description"] is None


def test_every_route_needs_its_scope(app, api, hooked):
    pair = f"{api.credentials['client_id']}:{api.credentials['client_secret']}".encode()
    token = api.client.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "scope": "events:read"},
        headers={"Authorization": "Basic " + base64.b64encode(pair).decode()},
    ).json["access_token"]
    api.token = token
    routes = [rule for rule in app.url_map.iter_rules() if "/v1/webhook_" in rule.rule]
    assert len(routes) == 11
    for rule in routes:
        (method,) = rule.methods - {"HEAD", "OPTIONS"}
        answer = api.call(
            method, rule.rule.replace("<endpoint_id>", "we_x").replace("<delivery_id>", "whd_x")
        )
        assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope"), rule.rule


def test_a_test_is_signed_and_in_no_list_of_events(api, sink, hooked, deliver, deliveries, clock):
    queued = api.post(f"{PATH}/{hooked['id']}/test")
    assert queued.status_code == 200
    assert (queued.json["cause"], queued.json["status"]) == ("test", "pending")
    assert deliver() == 1
    event = sink.got[0].verified(hooked["secret"], clock)
    assert (event["type"], event["sequence"], event["sample"]) == ("webhook_endpoint.test", 0, True)
    assert event["data"]["id"] == hooked["id"]
    assert "secret" not in event["data"]
    assert api.get("/v1/events").json["data"] == []
    (row,) = deliveries(hooked)
    assert (row["status"], row["id"]) == ("succeeded", queued.json["id"])
    assert row["log"][0]["request_body"].encode() == sink.got[0].body


def test_a_test_takes_the_newest_event_of_a_type_as_its_sample(api, sink, hooked, deliver, clock):
    path = f"{PATH}/{hooked['id']}/test"
    assert api.post(path, {"type": "payment.captured"}).json["code"] == "wrong_state"
    payment = api.captured()
    deliver()
    sink.take()
    assert api.post(path, {"type": "payment.captured"}).status_code == 200
    deliver()
    event = sink.got[0].verified(hooked["secret"], clock)
    assert (event["type"], event["data"]["id"]) == ("payment.captured", payment["id"])
    known = {row["id"] for row in api.get("/v1/events").json["data"]}
    assert event["id"] not in known


def test_a_failed_test_is_tried_once_also_at_a_disabled_endpoint(
    api, sink, hooked, deliver, deliveries, clock
):
    sink.says(500)
    api.call("PATCH", f"{PATH}/{hooked['id']}", {"status": "disabled"})
    api.post(f"{PATH}/{hooked['id']}/test")
    deliver()
    clock.advance(hours=1)
    assert deliver() == 0
    assert [row["status"] for row in deliveries(hooked)] == ["failed"]


def test_tests_are_limited_by_the_minute(api, hooked, clock):
    path = f"{PATH}/{hooked['id']}/test"
    for _ in range(10):
        assert api.post(path).status_code == 200
    answer = api.post(path)
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (
        429,
        "rate_limited",
        "60",
    )
    clock.advance(seconds=61)
    assert api.post(path).status_code == 200


def test_a_replay_sends_the_range_in_order_under_the_same_ids(api, sink, hooked, deliver, clock):
    api.captured()
    deliver()
    first = [got.headers["webhook-id"] for got in sink.take()]
    clock.advance(hours=2)
    api.login()
    api.approved()
    deliver()
    sink.take()
    path = f"{PATH}/{hooked['id']}/replay"
    span = {"from": "2026-11-23T04:00:00Z", "to": "2026-11-23T05:00:00Z"}
    assert api.post(path, span).json == {"object": "webhook_replay", "endpoint": hooked["id"], "queued": 3}
    deliver()
    assert [got.headers["webhook-id"] for got in sink.take()] == first
    assert api.post(path, {**span, "types": ["payment.captured"]}).json["queued"] == 1
    assert api.post(path, {"from": span["to"], "to": span["from"]}).json["param"] == "to"
    assert api.post(path, {"from": span["from"]}).json["param"] == "to"
    deliver()
    assert sink.got[0].verified(hooked["secret"], clock)["type"] == "payment.captured"


def test_a_disabled_endpoint_is_neither_replayed_nor_retried(api, hooked, sink, deliver, deliveries):
    api.approved()
    deliver()
    row = deliveries(hooked)[0]
    api.call("PATCH", f"{PATH}/{hooked['id']}", {"status": "disabled"})
    span = {"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
    assert api.post(f"{PATH}/{hooked['id']}/replay", span).json["code"] == "wrong_state"
    assert api.post(f"/v1/webhook_deliveries/{row['id']}/retry").json["code"] == "wrong_state"
    api.call("PATCH", f"{PATH}/{hooked['id']}", {"status": "enabled"})
    sink.take()
    assert api.post(f"/v1/webhook_deliveries/{row['id']}/retry").json["status"] == "pending"
    deliver()
    assert [got.headers["webhook-id"] for got in sink.got] == [row["event"]]
    assert len(deliveries(hooked)[0]["log"]) == 2


def test_every_type_that_is_recorded_is_known_to_the_filter(api):
    api.post("/v1/refunds", {"payment": api.captured()["id"], "reason": "scratch"})
    found = {row["type"] for row in api.get("/v1/events?limit=100").json["data"]}
    assert found <= set(EVENT_TYPES)
    for type in EVENT_TYPES:
        rows = api.get(f"/v1/events?type={type}").json["data"]
        assert {row["type"] for row in rows} == ({type} & found)
