"""A field that is accepted acts: the code that serves an operation reads it, or its answer shows what was sent.

Every operation is asked with what it requires, with everything, and with each optional field, while the parsed request
notes which of its keys are read. A new operation or field is covered without a line; where its sample is refused, the
test says so, and it gets one in ``EXAMPLES`` or ``VALUES``.
"""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema, fields

from gateway.app import APIS
from gateway.web import fields as ours
from gateway.web import operations
from gateway.web.operations import Operation

PEOPLES = ("/v1/team", "/v1/account")
EVERY = [operation for api in APIS for operation in api.operations]
SERIALISERS = ("json.encoder",)
"""Modules that walk over a request to write it down; that is no use of its fields."""


@dataclass
class Notes:
    """What was given in requests that passed the door, what was read of it, and what came back."""

    given: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    refusals: dict[str, str] = field(default_factory=dict)


class Traced(dict[str, Any]):
    """A parsed request that notes each key that is asked for."""

    def __init__(self, values: dict[str, Any], schema: Schema, notes: Notes, path: str) -> None:
        self._notes, self._path = notes, path
        super().__init__(
            {
                name: traced(value, schema.fields.get(name), notes, f"{path}.{name}")
                for name, value in values.items()
            }
        )
        notes.given |= {f"{path}.{name}" for name in values}

    def __getitem__(self, name: str) -> Any:
        self._notes.read.add(f"{self._path}.{name}")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._notes.read.add(f"{self._path}.{name}")
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        self._notes.read.add(f"{self._path}.{name}")
        return super().pop(name, *default)

    def __iter__(self) -> Iterator[str]:
        """Overridden so that ``**`` and ``dict()`` ask key by key."""
        return super().__iter__()

    def items(self) -> Any:
        if sys._getframe(1).f_globals["__name__"] not in SERIALISERS:
            self._notes.read |= {f"{self._path}.{name}" for name in self}
        return super().items()


def traced(value: Any, kind: fields.Field[Any] | None, notes: Notes, path: str) -> Any:
    if isinstance(kind, fields.Nested) and isinstance(value, dict):
        return Traced(value, kind.schema, notes, path)
    if isinstance(kind, fields.List) and isinstance(value, list):
        return [traced(one, kind.inner, notes, f"{path}[]") for one in value]
    return value


NOW = "2026-11-26T04:00:00.000Z"
"""Of the world; see its fixture."""
APPLICATION = {"amount": 599_900, "term": 12, "category": "3c"}
CONSENT = {"source": "bureau", "reference": "C-17", "given_at": "2026-11-22T10:00:00Z"}
VALUES: dict[str, Any] = {
    "email": "hm@shop.example",
    "role": "viewer",
    "from": "2026-11-20T00:00:00Z",
    "to": "2026-12-31T00:00:00Z",
    "after": None,  # an object's id: see EXAMPLES
    "cursor": "cGF5XzE",
    "phone": "13800000001",
    "id_number": "110105199003071239",
    "government_subsidy": {"programme": "trade_in_2026", "amount": 50_000},
    "application": APPLICATION,
}
"""Samples by name, where the kind of a field does not say what is wanted."""


def sample(name: str, kind: fields.Field[Any], number: int) -> Any:
    """A value that a field takes; a text is its own, so that an answer can be searched for it."""
    if isinstance(kind, fields.List):
        return [sample(name, kind.inner, number)]
    if isinstance(kind, fields.Nested):
        return {**body_of(kind.schema, number), **(VALUES.get(name) or {})}
    if name in VALUES:
        return VALUES[name]
    if "enum" in kind.metadata:
        return kind.metadata["enum"][0]
    enum = kind.metadata.get("items", {}).get("enum")
    if enum:
        return [enum[1]]
    if kind.metadata.get("format") == "uri":
        return f"http://127.0.0.1:9/{name}-{number}"
    if kind.metadata.get("example"):
        return kind.metadata["example"]
    by_kind: dict[type, Any] = {
        ours.WholeNumber: lambda: max(1, getattr(kind, "low", 1)),
        ours.QueryNumber: lambda: max(1, getattr(kind, "low", 1)),
        fields.Float: lambda: 1,
        fields.Boolean: lambda: True,
        ours.Moment: lambda: NOW,
        ours.CalendarDay: lambda: "2026-11-23",
        ours.Metadata: lambda: {"sample": f"{name}-{number}"},
        ours.UploadedFile: lambda: f"{name}-{number}",
        fields.String: lambda: f"{name}-{number}",
    }
    for known, make in by_kind.items():
        if isinstance(kind, known):
            return make()
    raise AssertionError(f"no sample for the field {name} of the kind {type(kind).__name__}: add one")


def body_of(schema: Schema, number: int, *, only: str | None = "") -> dict[str, Any]:
    """A request with everything, or with what is required and ``only`` that field."""
    return {
        one.data_key or name: sample(one.data_key or name, one, number)
        for name, one in schema.fields.items()
        if only == "" or one.required or name == only
    }


def examples(operation: Operation, world: Any) -> list[dict[str, Any]]:
    """Requests that get further than made-up ones."""
    ids, key = world.ids, f"{operation.method} {operation.path}"
    api = world.api
    phone = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    known: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "POST /v1/checkouts": lambda: [
            api.order(),
            api.order(amount=549_900, items=[phone], government_subsidy=VALUES["government_subsidy"]),
        ],
        "POST /v1/payments/<payment_id>/capture": lambda: [
            {"items": [{"line": 1, "quantity": 1, "serial_numbers": ["490154203237518"]}]}
        ],
        "POST /v1/refunds": lambda: [
            {"payment": ids["payment_id"], "amount": 1000, "reason": "scratch"},
            {"payment": captured_by_line(api), "items": [{"line": 1, "quantity": 1}], "reason": "returned"},
        ],
        "POST /v1/test_helpers/disputes": lambda: [{"payment": ids["payment_id"]}],
        "POST /v1/scores": lambda: [{"reference": "case", "application": APPLICATION, "consents": [CONSENT]}],
        "POST /v1/exports": lambda: [
            {"kind": kind, "format": "csv", "filter": narrowed, **days}
            for kind, narrowed, days in (
                (
                    "payments",
                    {
                        "merchant_reference": "A-1",
                        "merchant_order_id": "B-2",
                        "store": "C-3",
                        "status": "captured",
                        "amount_min": 1,
                        "amount_max": 2,
                    },
                    {"from": "2026-11-01", "to": "2026-11-30"},
                ),
                ("refunds", {"payment": ids["payment_id"], "reference": "D-4"}, {}),
                ("settlement_lines", {"settlement": ids["settlement_id"]}, {}),
            )
        ],
        "GET /v1/events": lambda: [{"after": ids["event_id"]}],
        "POST /v1/test_helpers/loans/<loan_id>/repay": lambda: [{}, {"early_settlement": True}],
    }
    known["POST /v1/refunds/preview"] = known["POST /v1/refunds"]
    return known[key]() if key in known else []


def objects(operation: Operation, world: Any) -> list[dict[str, str]]:
    """Path parameters to ask with: those of the world, and a payment of which nothing is captured yet."""
    found = [world.ids]
    if "<milestone_id>" in operation.path:
        return [{**world.ids, **staged(operation, world.api)}]
    if operation.writes and operation.path.startswith("/v1/payments/<payment_id>"):
        found.append({**world.ids, "payment_id": world.api.approved()["id"]})
    return found


def staged(operation: Operation, api: Any) -> dict[str, str]:
    """A new stage that was captured, and claimed or contested as the operation wants it."""
    payment: str = api.approved()["id"]
    path = f"/v1/payments/{payment}"
    stage: str = api.post(f"{path}/milestones", {"kind": "lesson", "amount": 100_000}).json["id"]
    api.post(f"{path}/capture")
    if not operation.path.endswith("/claim"):
        api.post(f"{path}/milestones/{stage}/claim")
    if operation.path.endswith("/respond"):
        api.post(f"/v1/test_helpers/payments/{payment}/milestones/{stage}/contest")
    return {"payment_id": payment, "milestone_id": stage}


def captured_by_line(api: Any) -> str:
    """A new payment whose first line was captured."""
    payment: str = api.approved()["id"]
    api.post(f"/v1/payments/{payment}/capture", {"items": [{"line": 1, "quantity": 1}]})
    return payment


def asked(operation: Operation, world: Any, number: Iterator[int]) -> Iterator[dict[str, Any]]:
    """Requests of an operation: what is needed, everything, each field alone, each field on top of an example."""
    schema = operation.body or operation.query
    optional = [name for name, one in schema.fields.items() if not one.required]
    yield body_of(schema, next(number), only=None)
    yield body_of(schema, next(number))
    for name in optional:
        yield body_of(schema, next(number), only=name)
    for example in examples(operation, world):
        yield example
        for name in optional:
            yield {**body_of(schema, next(number), only=name), **example}
            here = schema.fields[name].data_key or name
            if here not in example:
                yield {**example, here: sample(here, schema.fields[name], next(number))}


def paths_of(schema: Schema, start: str) -> Iterator[str]:
    for name, one in schema.fields.items():
        yield f"{start}.{name}"
        inner, path = one, f"{start}.{name}"
        if isinstance(one, fields.List):
            inner, path = one.inner, f"{path}[]"
        if isinstance(inner, fields.Nested):
            yield from paths_of(inner.schema, path)


def note_shown(notes: Notes, sent: Any, answer: Any, text: str, path: str) -> None:
    """Note what came back at the same place, or a text of its own that came back anywhere."""
    if isinstance(sent, dict):
        for name, value in sent.items():
            there = answer.get(name) if isinstance(answer, dict) else None
            note_shown(notes, value, there, text, f"{path}.{name}")
    elif isinstance(sent, list):
        pairs = zip(sent, answer, strict=False) if isinstance(answer, list) else ((one, None) for one in sent)
        for one, there in pairs:
            note_shown(notes, one, there, text, f"{path}[]" if isinstance(one, dict) else path)
    own = isinstance(sent, str) and "-" in sent and sent.rpartition("-")[2].isdigit() and sent in text
    if sent is not None and (sent == answer or own):
        notes.shown.add(path)


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    """Notes of the operations' requests from now on."""
    kept = Notes()
    known = {}
    for operation in EVERY:
        known[id(operation.query)] = operation.query, f"{operation.method} {operation.path}"
        if operation.body:
            known[id(operation.body)] = operation.body, f"{operation.method} {operation.path}"
    load = operations.loaded

    def loaded(schema: Schema, raw: dict[str, Any]) -> dict[str, Any]:
        values = load(schema, raw)
        return Traced(values, schema, kept, known[id(schema)][1]) if id(schema) in known else values

    monkeypatch.setattr(operations, "loaded", loaded)
    return kept


def send(operation: Operation, api: Any, ids: dict[str, str], body: dict[str, Any]) -> Any:
    path = operation.path
    for name, value in ids.items():
        path = path.replace(f"<{name}>", value)
    token = api.credentials["person"] if path.startswith(PEOPLES) else api.token
    headers = {"Authorization": f"Bearer {token}"}
    if operation.takes_body:
        headers["Idempotency-Key"] = f"fields-{next(KEYS)}"
        given = {"data": form_of(body)} if operation.upload else {"json": body}
        return api.client.open(path, method=operation.method, headers=headers, **given)
    query = {name: value for name, value in body.items() if value is not None}
    return api.client.open(path, method=operation.method, query_string=query, headers=headers)


def form_of(body: dict[str, Any]) -> dict[str, Any]:
    """A body as a form, with the file that its name stands for."""
    file = (io.BytesIO(f"order,amount,date\n{body['file']},1,20261123\n".encode()), body["file"])
    return {**{name: str(value) for name, value in body.items()}, "file": file}


KEYS = itertools.count()
LAST = ("repay", "delete", "remove", "end_", "cancel", "void", "advance", "expire", "leave")
"""Operations that take away what others need are asked last."""


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_field_of_a_request_acts(app: Flask, world: Any, notes: Notes) -> None:
    number = itertools.count(1000)
    wanted: set[str] = set()
    for operation in sorted(EVERY, key=lambda one: one.view.__name__.startswith(LAST)):
        name = f"{operation.method} {operation.path}"
        schema = operation.body or operation.query
        wanted |= set(paths_of(schema, name))
        if not schema.fields:
            continue
        for body in asked(operation, world, number):
            for ids in objects(operation, world):
                answer = send(operation, world.api, ids, body)
                assert answer.status_code < 500, (name, body, answer.text)
                if answer.status_code < 300:
                    note_shown(notes, body, answer.json, answer.text, name)
                else:
                    notes.refusals[name] = f"{json.dumps(body)} -> {answer.text}"
    sampled = {path for path in wanted if path in notes.given}
    unsampled = {path: notes.refusals.get(path.partition(".")[0]) for path in sorted(wanted - sampled)}
    assert not unsampled, f"no sample passed the door: {unsampled}"
    ignored = sorted(wanted - notes.read - notes.shown)
    assert not ignored, f"accepted and ignored, so let it act or refuse it: {ignored}"


def test_a_field_that_is_only_written_down_or_passed_by_counts_as_ignored() -> None:
    class Line(Schema):
        line = fields.Integer()
        quantity = fields.Integer()

    class Order(Schema):
        store = fields.String()
        items = fields.List(fields.Nested(Line))

    notes = Notes()
    order = Traced({"store": "A2", "items": [{"line": 1, "quantity": 2}]}, Order(), notes, "x")
    json.dumps(order)
    assert notes.read == set()
    assert [one["line"] for one in order["items"]] == [1]
    assert set(paths_of(Order(), "x")) - notes.read == {"x.store", "x.items[].quantity"}
    assert {**order}["store"] == "A2"
    assert "x.store" in notes.read
    assert [dict(one.items()) for one in order["items"]] == [{"line": 1, "quantity": 2}]
    assert "x.items[].quantity" in notes.read
