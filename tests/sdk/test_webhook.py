"""Deliveries: what is accepted, why the rest is not, and that nothing else is ever raised."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

import fenqi
from fenqi import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
NOW = 1_790_000_000
EVENT = {
    "id": "evt_1",
    "type": "payment.captured",
    "sequence": 3,
    "data": {"object": "payment", "id": "pay_1"},
}
BODY = json.dumps(EVENT).encode()


def headers(
    body: bytes = BODY, *, secret: str | list[str] = SECRET, at: int = NOW, **changes: Any
) -> dict[str, Any]:
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body),
    }
    return {**signed, **{name.replace("_", "-"): value for name, value in changes.items()}}


def reason(body: Any, sent: Any, webhook: Webhook | None = None, *, now: float = NOW) -> str:
    with pytest.raises(fenqi.WebhookVerificationError) as refused:
        (webhook or Webhook(SECRET)).verify(body, sent, now=now)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.reason


def in_environ(sent: dict[str, str]) -> dict[str, Any]:
    """Headers as a WSGI server spells them."""
    return {"HTTP_" + name.upper().replace("-", "_"): value for name, value in sent.items()}


def test_genuine_delivery_becomes_an_event() -> None:
    event = Webhook(SECRET).verify(BODY, headers(), now=NOW)
    assert (event.id, event.type, event.sequence) == ("evt_1", "payment.captured", 3)
    assert isinstance(event.data, fenqi.Payment)
    assert event.data.id == "pay_1"
    assert Webhook(SECRET).verify(BODY.decode(), headers(), now=NOW) == event
    assert Webhook(SECRET).verify(bytearray(BODY), headers(), now=NOW) == event  # type: ignore[arg-type]


def test_signature_is_that_of_standard_webhooks() -> None:
    now = int(time.time())
    theirs = standardwebhooks.Webhook(SECRET)
    assert Webhook(SECRET).sign("msg_1", now, BODY) == theirs.sign(
        "msg_1", datetime.fromtimestamp(now, UTC), BODY.decode()
    )
    assert theirs.verify(BODY, headers(at=now)) == EVENT


@pytest.mark.parametrize(
    "spelt",
    [
        lambda sent: {name.title(): value for name, value in sent.items()},
        lambda sent: {name.upper(): value for name, value in sent.items()},
        in_environ,
        lambda sent: {**{f"wsgi.{i}": object() for i in range(40)}, **in_environ(sent)},
        lambda sent: {name.encode(): value.encode() for name, value in sent.items()},
        lambda sent: list(sent.items()),
        lambda sent: [(name.encode(), value.encode()) for name, value in sent.items()],
        Headers,
    ],
)
def test_headers_of_any_framework_are_read(spelt: Any) -> None:
    assert Webhook(SECRET).verify(BODY, spelt(headers()), now=NOW).id == "evt_1"


def test_both_secrets_work_while_one_is_rotated() -> None:
    both = Webhook([OTHER, SECRET])
    assert both.verify(BODY, headers(), now=NOW).id == "evt_1"
    assert both.verify(BODY, headers(secret=OTHER), now=NOW).id == "evt_1"
    assert Webhook(SECRET).verify(BODY, headers(secret=[OTHER, SECRET]), now=NOW).id == "evt_1"
    assert reason(BODY, headers(secret=OTHER)) == "no_match"


@pytest.mark.parametrize(
    ("age", "why"), [(300, None), (301, "too_old"), (-300, None), (-301, "too_new"), (10**9, "too_old")]
)
def test_tolerance_holds_both_ways(age: int, why: str | None) -> None:
    if why is None:
        assert Webhook(SECRET).verify(BODY, headers(), now=NOW + age).id == "evt_1"
    else:
        assert reason(BODY, headers(), now=NOW + age) == why


def test_present_time_is_the_default() -> None:
    assert Webhook(SECRET).verify(BODY, headers(at=int(time.time()))).id == "evt_1"
    with pytest.raises(fenqi.WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers(at=int(time.time()) - 3600))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_header_is_named(name: str) -> None:
    sent = headers()
    del sent[name]
    with pytest.raises(fenqi.WebhookVerificationError, match=name) as refused:
        Webhook(SECRET).verify(BODY, sent, now=NOW)
    assert refused.value.reason == "missing_header"


GOOD = headers()["webhook-signature"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"webhook_signature": GOOD.removeprefix("v1,")}, "bad_header"),
        ({"webhook_signature": GOOD.replace(",", "")}, "bad_header"),
        ({"webhook_signature": GOOD.replace(",", ",,")}, "bad_header"),
        ({"webhook_signature": GOOD.replace("v1", "v2")}, "bad_header"),
        ({"webhook_signature": "v1,签名"}, "bad_header"),
        ({"webhook_signature": "v1," + "A" * 44}, "bad_header"),
        ({"webhook_signature": GOOD[:-1]}, "bad_header"),
        ({"webhook_signature": GOOD + "\n"}, "bad_header"),
        ({"webhook_signature": ""}, "bad_header"),
        ({"webhook_signature": " ".join([GOOD] * 17)}, "bad_header"),
        ({"webhook_signature": 7}, "bad_header"),
        ({"webhook_signature": None}, "bad_header"),
        ({"webhook_timestamp": "1790000000.9"}, "bad_header"),
        ({"webhook_timestamp": " 1790000000"}, "bad_header"),
        ({"webhook_timestamp": "-1790000000"}, "bad_header"),
        ({"webhook_timestamp": "１７９０００００００"}, "bad_header"),
        ({"webhook_timestamp": "9" * 5000}, "bad_header"),
        ({"webhook_timestamp": ""}, "bad_header"),
        ({"webhook_id": "msg.1"}, "bad_header"),
        ({"webhook_id": ""}, "bad_header"),
        ({"webhook_id": "订单"}, "bad_header"),
        ({"webhook_id": "msg_2"}, "no_match"),
        ({"webhook_timestamp": "1790000001"}, "no_match"),
        ({"WEBHOOK_ID": "msg_2"}, "bad_header"),
    ],
)
def test_hostile_header_has_its_reason(changes: dict[str, Any], why: str) -> None:
    assert reason(BODY, headers(**changes)) == why


@pytest.mark.parametrize(
    "signature",
    [
        f" {GOOD}",
        f"{GOOD} ",
        f"v1a,xyz  v2,abc {GOOD}",
        f"v1,{'A' * 43}= {GOOD}",
        " ".join(["v3,x"] * 15 + [GOOD]),
    ],
)
def test_other_parts_of_a_signature_are_ignored(signature: str) -> None:
    assert Webhook(SECRET).verify(BODY, headers(webhook_signature=signature), now=NOW).id == "evt_1"


def test_every_changed_byte_is_noticed() -> None:
    for position in range(len(BODY)):
        changed = bytearray(BODY)
        changed[position] ^= 1
        assert reason(bytes(changed), headers()) == "no_match"


@pytest.mark.parametrize("body", [EVENT, [EVENT], None, 5, "\udc80"])
def test_body_that_is_not_raw_says_what_to_pass(body: Any) -> None:
    with pytest.raises(fenqi.WebhookVerificationError, match="raw bytes"):
        Webhook(SECRET).verify(body, headers(), now=NOW)


def test_json_written_out_again_says_what_to_pass() -> None:
    with pytest.raises(fenqi.WebhookVerificationError, match="raw bytes"):
        Webhook(SECRET).verify(json.dumps(EVENT, separators=(",", ":")), headers(), now=NOW)


def test_body_is_parsed_only_after_it_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("parsed before verified")

    monkeypatch.setattr("fenqi._webhook._event", never)
    assert reason(b"{}", headers()) == "no_match"
    with pytest.raises(AssertionError):
        Webhook(SECRET).verify(BODY, headers(), now=NOW)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"[]", b"{}", b'"x"', b'{"type": 5}', b"[" * 100_000, b"NaN"]
)
def test_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    assert reason(body, headers(body)) == "bad_payload"


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_not base64!", "whsec_QQ", [], [SECRET, ""], None, b"x"]
)
def test_malformed_secret_stops_the_start(secret: Any) -> None:
    with pytest.raises(fenqi.ConfigurationError):
        Webhook(secret if secret is not None else [None])


@pytest.mark.parametrize(
    "arguments", [("a.b", NOW, b""), ("", NOW, b""), ("a", -1, b""), ("a", 1.5, b""), ("a", True, b"")]
)
def test_nothing_unverifiable_is_signed(arguments: Any) -> None:
    with pytest.raises(ValueError, match="id must be"):
        Webhook(SECRET).sign(*arguments)


class Angry:
    """A mapping that raises whatever is asked of it."""

    def items(self) -> Any:
        raise RuntimeError("no")


anything = st.one_of(
    st.none(), st.integers(), st.text(), st.binary(), st.floats(), st.just(object()), st.just(Angry())
)
spelt_name = st.sampled_from(
    ["webhook-id", "Webhook-Timestamp", "HTTP_WEBHOOK_SIGNATURE", b"webhook-signature", "x"]
)
signature_like = st.one_of(
    st.text(),
    st.lists(st.one_of(st.just(GOOD), st.text(), st.builds("v1,{}".format, st.text()))).map(" ".join),
)
value = st.one_of(anything, signature_like, st.integers().map(str), st.just(str(NOW)))
hostile_headers = st.one_of(
    anything,
    st.dictionaries(spelt_name, value),
    st.lists(st.tuples(spelt_name, value)),
    st.lists(anything),
    st.fixed_dictionaries(
        {
            "webhook-id": value,
            "webhook-timestamp": st.just(str(NOW)) | value,
            "webhook-signature": signature_like,
        }
    ),
)


@settings(max_examples=600, deadline=None)
@given(st.one_of(st.binary(), st.text(), anything, st.just(BODY)), hostile_headers)
def test_no_input_raises_anything_else(body: Any, sent: Any) -> None:
    try:
        event = Webhook(SECRET).verify(body, sent, now=NOW)
    except fenqi.WebhookVerificationError as error:
        refused = error.reason
    else:
        refused = "" if event.to_dict() == EVENT else "accepted what was never signed"
    assert refused in ("", "missing_header", "bad_header", "too_old", "too_new", "no_match", "bad_payload")
