"""Every route, fed by a fuzzer from the OpenAPI document: no answer is a 5xx, and every answer keeps the document.

The run of 500 examples is asked for by name, ``./run test -m fuzz_long``; it takes other examples at each run and
prints what it sent.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.ledger.integrity.verify import verify
from gateway.proof.book_agreements import AGREEMENTS
from tests.gateway.web.conftest import PEOPLES, World

pytestmark = pytest.mark.long(12)

PHONE = {"name": "Phone", "quantity": 1, "unit_price": 599_900}
ORDER = {
    "amount": 599_900,
    "items": [PHONE],
    "category": "3c",
    "currency": "CNY",
    "return_url": "https://shop.example/back",
    "cancel_url": "https://shop.example/cart",
}
NOT_IN_ORDER = ("government_subsidy", "merchant_discount", "down_payment", "terms", "expires_in")
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
PARTS = 8
SMALL, LARGE = 24, 504
"""Examples, in equal shares for the parts; each is a sequence of some fourteen requests."""
GENERATE = settings(
    deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def mend(case: Any, known: dict[str, str]) -> None:
    """Make a case fit what no schema can say, such as which objects exist, so that the fuzzer gets past the door."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known[name]
    body = case.body
    if not isinstance(body, dict):
        return
    if case.path == "/v1/checkouts":
        body.update(ORDER)
        for name in NOT_IN_ORDER:
            body.pop(name, None)
    if case.path.endswith("/complete"):
        body.clear()
        body.update(term=12, phone="13800000001")
    for name in ("payment", "capture"):
        if name in body:
            body[name] = known[f"{name}_id"]


def fuzz(app: Flask, world: World, generate: settings) -> Counter[tuple[str, str, int]]:
    """Ask every operation among some drawn from all; returns how often each answered with which status."""
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    answers: Counter[tuple[str, str, int]] = Counter()
    known = dict(world.ids)
    headers = {"Authorization": f"Bearer {world.api.token}"}
    people = {"Authorization": f"Bearer {world.api.credentials['person']}"}

    def requests(part: list[Any]) -> None:
        @generate
        @given(st.data())
        def ask(data: st.DataObject) -> None:
            others = data.draw(st.lists(st.sampled_from(operations), min_size=6, max_size=6))
            for operation in data.draw(st.permutations(part + others)):
                case = data.draw(operation.as_strategy())
                (case.headers or {}).pop("Fenqi-Test-Fault", None)  # it asks for a 503, or for a pause
                if answers.total() % 3:
                    mend(case, known)
                response = case.call(headers=people if case.path.startswith(PEOPLES) else headers)
                answers[case.method, case.path, response.status_code] += 1
                assert response.status_code < 500, (case.as_curl_command(), response.text)
                case.validate_response(response, checks=CHECKS)
                if response.status_code == 201:
                    known[f"{response.json()['object']}_id"] = response.json()["id"]

        ask()

    for first in range(PARTS):
        requests(operations[first::PARTS])
    with app.extensions["fenqi"].db.read() as tx:
        report = verify(tx, AGREEMENTS)
    assert report.ok, [check for check in report.checks if not check.ok]
    asked = {(method, path) for method, path, _ in answers}
    granted = {(method, path) for method, path, status in answers if status < 300}
    every = {(operation.method.upper(), operation.path) for operation in operations}
    assert asked == every
    assert len(granted) > len(every) * 2 // 3, sorted(asked - granted)
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # whose types are the stricter ones
def test_no_sequence_of_requests_is_answered_with_a_server_error(app: Flask, world: World) -> None:
    fuzz(app, world, settings(GENERATE, max_examples=SMALL // PARTS, derandomize=True))


@pytest.mark.fuzz_long
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_request_of_a_long_run_is_answered_with_a_server_error(
    app: Flask, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = fuzz(app, world, settings(GENERATE, max_examples=LARGE // PARTS))
    by_class = Counter[str]()
    for (_, _, status), count in answers.items():
        by_class[f"{status // 100}xx"] += count
    with capsys.disabled():
        print(
            f"\n{answers.total()} requests to {len({key[:2] for key in answers})} operations: {dict(by_class)}"
        )
