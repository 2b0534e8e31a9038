"""The OpenAPI document names every parameter and every body field as the server takes it, and takes what it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema, ValidationError, fields

from gateway.app import APIS
from gateway.web import openapi
from gateway.web.operations import Operation
from tests.one_database import database_url  # noqa: F401

EVERY = [operation for api in APIS for operation in api.operations]
OF_DOOR = {"key"}
"""Taken before the schema: the publishable key."""


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    return openapi.document(app)


def described(document: dict[str, Any], operation: Operation) -> dict[str, Any]:
    path = openapi.PARAMETER.sub(r"{\1}", operation.path)
    found: dict[str, Any] = document["paths"][path][operation.method.lower()]
    return found


def refused_as_unknown(schema: Schema, key: str) -> bool:
    try:
        schema.load({key: None})
    except ValidationError as error:
        return error.normalized_messages().get(key) == ["Unknown field."]
    return False


def bodies(
    document: dict[str, Any], schema: Schema, shown: dict[str, Any]
) -> Iterator[tuple[Schema, dict[str, Any]]]:
    """Each schema in a body with the part of the document that describes it, nested ones too."""
    shown = resolved(document, shown)
    yield schema, shown
    for field in schema.fields.values():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            part = shown["properties"][field.data_key or field.name]
            yield from bodies(document, inner.schema, part.get("items", part))


def resolved(document: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    for option in shown.get("anyOf", shown.get("allOf", ())):
        if option.get("type") != "null":
            return resolved(document, option)
    if "$ref" not in shown:
        return shown
    found: dict[str, Any] = document["components"]["schemas"][shown["$ref"].rpartition("/")[2]]
    return found


def test_query_parameters_are_named_as_they_are_taken(document: dict[str, Any]) -> None:
    for operation in EVERY:
        named = {row["name"] for row in described(document, operation)["parameters"] if row["in"] == "query"}
        named -= OF_DOOR
        taken = {field.data_key or field.name for field in operation.query.fields.values()}
        assert named == taken, name(operation)
        assert [key for key in named if refused_as_unknown(operation.query, key)] == [], name(operation)


def test_body_fields_are_named_as_they_are_taken(document: dict[str, Any]) -> None:
    for operation in EVERY:
        if operation.body is None:
            assert "requestBody" not in described(document, operation), name(operation)
            continue
        content = next(iter(described(document, operation)["requestBody"]["content"].values()))["schema"]
        for schema, shown in bodies(document, operation.body, content):
            named = set(shown["properties"])
            assert named == {field.data_key or field.name for field in schema.fields.values()}, name(
                operation
            )
            assert [key for key in named if refused_as_unknown(schema, key)] == [], name(operation)


def test_entries_from_a_day_to_a_day_are_asked_as_the_document_says(api: Any) -> None:
    api.captured()
    paths = api.get("/v1/openapi.json").json["paths"]
    named = [row["name"] for row in paths["/v1/balance_entries"]["get"]["parameters"]]
    assert {"from", "to"} <= set(named)
    assert not {"start", "end"} & set(named)
    assert api.get("/v1/balance_entries?from=2026-11-23&to=2026-11-23").json["data"]
    assert api.get("/v1/balance_entries?start=2026-11-23").status_code == 422
