"""Reading a body takes time that grows with its size, whatever stands in it, and an answer that stays small."""

from __future__ import annotations

import itertools
import json
import string
import time

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from gateway.checkout.schemas import CheckoutRequest
from gateway.errors import GatewayError
from gateway.payments.schemas import ExtendRequest
from gateway.web.bodies import MAX_BODY_BYTES, loaded, read_json

SCHEMA = CheckoutRequest()
LETTERS = string.ascii_letters + string.digits
SHORT = ["".join(name) for size in (2, 3) for name in itertools.product(LETTERS, repeat=size)]


def members(names: list[str]) -> str:
    return "{" + ",".join(f'"{name}":1' for name in names) + "}"


BODIES = {
    "one of 8,661 names repeated": members([*SHORT[:8660], SHORT[8659]]),
    "8,661 unknown names": members(SHORT[:8661]),
    "a list of 21,000 objects": '{"items":[' + ",".join(["{}"] * 21_000) + "]}",
    "500 objects of wrong fields": '{"items":[' + ",".join(['{"a":1,"b":2,"c":3}'] * 500) + "]}",
    "lists in lists": '{"items":[' + ",".join(["[[],[]]"] * 499) + "]}",
    "deep": '{"a":' + "[" * 900 + "]" * 900 + "}",
    "deeper": "[" * 65_000,
    "a whole number of 65,000 digits": '{"amount":' + "9" * 65_000 + "}",
    "whole numbers of 4,299 digits": '{"amount":[' + ",".join(["9" * 4299] * 15) + "]}",
    "a fraction of 65,000 digits": '{"amount":0.' + "9" * 65_000 + "}",
    "an enormous exponent": '{"amount":1e999999999}',
    "escapes": '{"a":"' + "\\u0041" * 10_000 + '"}',
    "names of 60 kB": members(["x" * 60_000, "x" * 10]),
}


def refusal(text: str) -> tuple[float, GatewayError]:
    """CPU seconds of the quickest of three readings, and what was answered."""
    body, taken, errors = text.encode(), [], []
    assert len(body) <= MAX_BODY_BYTES
    for _ in range(3):
        environ = EnvironBuilder(method="POST", data=body, content_type="application/json").get_environ()
        began = time.process_time()
        with pytest.raises(GatewayError) as raised:
            loaded(SCHEMA, read_json(Request(environ)))
        taken.append(time.process_time() - began)
        errors.append(raised.value)
    return min(taken), errors[0]


MANY_FAULTS = ("8,661 unknown names", "500 objects of wrong fields", "lists in lists")
"""Each of thousands of faults is looked at by the schema, one by one."""


@pytest.mark.parametrize("what", BODIES)
def test_a_body_of_65_kb_is_refused_within_20_ms_of_cpu_in_a_short_answer(what: str) -> None:
    seconds, error = refusal(BODIES[what])
    assert error.status in (400, 422)
    assert seconds <= (0.15 if what in MANY_FAULTS else 0.02)
    assert len(json.dumps({"detail": error.message, **error.extra})) < 30_000


def test_what_is_given_twice_is_named() -> None:
    _, error = refusal(BODIES["one of 8,661 names repeated"])
    assert error.message == f"The body contains the field {SHORT[8659]!r} more than once."


@pytest.mark.parametrize("time_", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-00:01"])
def test_a_time_that_is_none_in_utc_is_refused_as_any_other_that_is_none(time_: str) -> None:
    with pytest.raises(GatewayError) as refused:
        loaded(ExtendRequest(), {"authorization_expires_at": time_})

    assert (refused.value.status, refused.value.param) == (422, "authorization_expires_at")
