"""The OpenAPI 3.1 document, written from the same declarations that run the routes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema, fields

import gateway
from gateway import errors
from gateway.web import faults
from gateway.web.operations import VERSION, Api, Operation

PARAMETER = re.compile(r"<(\w+)>")
OF_OPERATORS = "/v1/operator/"


def document(app: Flask) -> dict[str, Any]:
    """The document of every operation mounted on ``app`` (``app.extensions["fenqi.apis"]``)."""
    return _written(
        app,
        app.extensions["fenqi.apis"],
        title="Fenqi API",
        about="Instalments that merchants embed.",
        secured=_merchants_security,
    )


def operators_document(app: Flask) -> dict[str, Any]:
    """The document of what the gateway's own people may do (``app.extensions["fenqi.operator_apis"]``)."""
    return _written(
        app,
        app.extensions["fenqi.operator_apis"],
        title="Fenqi operator API",
        about="For the gateway's own people: no merchant's token opens it.",
        secured=_operators_security,
    )


def _written(
    app: Flask, apis: Sequence[Api], *, title: str, about: str, secured: Callable[[APISpec], None]
) -> dict[str, Any]:
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec(
        title=title,
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[plugin],
        info={
            "description": (
                f"{about} Money is integer fen, times are UTC, errors are RFC 9457 problem documents. Server "
                f"{gateway.__version__}."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        servers=[{"url": app.extensions["fenqi"].settings.public_url}],
        tags=[{"name": api.name} for api in apis],
    )
    secured(spec)
    _problem(spec)
    every = [operation for api in apis for operation in api.operations]
    for operation in every:
        spec.path(
            path=PARAMETER.sub(r"{\1}", operation.path),
            operations={operation.method.lower(): _operation(operation, every)},
        )
    return dict(spec.to_dict())


def problem_codes() -> list[dict[str, Any]]:
    """Every code a problem document can carry, with status and title, for the reference page."""
    found: dict[str, dict[str, Any]] = {}
    stack: list[type[errors.GatewayError]] = [errors.GatewayError]
    while stack:
        kind = stack.pop(0)
        found[kind.code] = {"code": kind.code, "status": kind.status, "title": kind.title}
        stack += kind.__subclasses__()
    return sorted(found.values(), key=lambda row: (row["status"], row["code"]))


def _operators_security(spec: APISpec) -> None:
    flow = {"authorizationUrl": "/operator/authorize", "tokenUrl": "/operator/token", "scopes": {}}
    spec.components.security_scheme(
        "oauth",
        {
            "type": "oauth2",
            "flows": {"authorizationCode": flow},
            "description": "A 10-minute access token of an operator, who logs in with password and code.",
        },
    )


def _merchants_security(spec: APISpec) -> None:
    spec.components.security_scheme(
        "oauth",
        {
            "type": "oauth2",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}},
            "description": "A 10-minute access token of the merchant's server.",
        },
    )
    spec.components.security_scheme(
        "publishable_key",
        {
            "type": "apiKey",
            "in": "query",
            "name": "key",
            "description": "pk_test_… or pk_live_…, quotes only.",
        },
    )


def _problem(spec: APISpec) -> None:
    spec.components.schema(
        "Problem",
        {
            "type": "object",
            "required": ["type", "title", "status", "detail", "code"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "code": {"type": "string", "enum": [row["code"] for row in problem_codes()]},
                "param": {"type": ["string", "null"]},
                "errors": {"type": "array", "items": {"type": "object"}},
                "request_id": {"type": ["string", "null"]},
            },
        },
    )


def _operation(operation: Operation, every: list[Operation]) -> dict[str, Any]:
    lines = inspect.getdoc(operation.view) or ""
    security: list[dict[str, list[str]]] = [{"oauth": list(operation.scope)}]
    if operation.publishable:
        security.append({"publishable_key": []})
    parameters = _parameters(operation)
    described: dict[str, Any] = {
        "operationId": operation.view.__name__,
        "tags": [operation.tag],
        "summary": lines.split("\n")[0],
        "security": security,
        "parameters": parameters,
        "responses": _responses(operation, every),
    }
    rights = _rights(operation)
    if rights:
        described["description"] = rights
    if operation.body is not None:
        described["requestBody"] = {
            "required": any(field.required for field in operation.body.fields.values()),
            "content": {
                "multipart/form-data" if operation.upload else "application/json": {"schema": operation.body}
            },
        }
    return described


def _rights(operation: Operation) -> str:
    """Who may, and how recently they must have logged in."""
    said = []
    if operation.scope:
        said.append("Scope: " + " or ".join(f"`{scope}`" for scope in operation.scope))
    if operation.path.startswith(OF_OPERATORS):
        if operation.writes:
            said.append("Requires a login within the last five minutes")
        return ". ".join(said)
    if operation.roles:
        said.append("For people: " + " or ".join(f"`{role}`" for role in operation.roles))
    if operation.step_up:
        said.append("For people: requires a login within the last five minutes")
    return ". ".join(said)


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in PARAMETER.findall(operation.path)
    ]
    for name, query in operation.query.fields.items():
        schema = {key: value for key, value in query.metadata.items() if key != "description"}
        if "enum" in schema:
            schema["enum"] = [value for value in schema["enum"] if value is not None]
        found.append(
            {
                "in": "query",
                "name": query.data_key or name,
                "required": query.required,
                "schema": {"type": "string", **schema},
                **({"description": query.metadata["description"]} if "description" in query.metadata else {}),
            }
        )
    if operation.path.startswith(OF_OPERATORS):
        return found  # their steps are done once by themselves, and they have no test mode
    if operation.writes:
        found.append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "required": operation.idempotency.required,
                "schema": {"type": "string", "maxLength": 255},
                "description": f"Kept for {operation.idempotency.keep_days} days.",
            }
        )
    known = ("503-before", "slow=(?:[1-9]|[12][0-9]|30)s", *(faults.WRITING if operation.writes else ()))
    found.append(
        {
            "in": "header",
            "name": faults.HEADER,
            "required": False,
            "schema": {"type": "string", "pattern": f"^(?:{'|'.join(known)})$"},
            "description": "Test mode only: a fault to simulate, so that you can test your retries.",
        }
    )
    return found


def _links(operation: Operation, every: list[Operation]) -> dict[str, Any]:
    """What can be asked next about the object of an answer, and about the objects it names."""
    if operation.answer is None or operation.lists:
        return {}
    told = {f"{name}_id": f"$response.body#/{name}" for name in operation.answer.fields}
    kind = operation.answer.fields.get("object")
    if isinstance(kind, fields.Constant):
        told[f"{kind.constant}_id"] = "$response.body#/id"
    links = {}
    for other in every:
        named = PARAMETER.findall(other.path)
        if named and all(name in told for name in named):
            links[other.view.__name__] = {
                "operationId": other.view.__name__,
                "parameters": {name: told[name] for name in named},
            }
    return links


def _responses(operation: Operation, every: list[Operation]) -> dict[str, Any]:
    schema: Any = operation.answer or {"type": "object"}
    if operation.lists:
        schema = {
            "type": "object",
            "properties": {
                "object": {"type": "string", "const": "list"},
                "data": {"type": "array", "items": operation.answer},
                "has_more": {"type": "boolean"},
                "next_cursor": {"type": ["string", "null"]},
            },
        }
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if operation.media_type is not None:
        content = {operation.media_type: {"schema": {"type": "string"}}}
    if operation.csv is not None:
        content["text/csv"] = {"schema": {"type": "string"}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    success: dict[str, Any] = {"description": "Done.", "content": content}
    if links := _links(operation, every):
        success["links"] = links
    answers = {"200": success, "default": {"description": "A problem document.", "content": problem}}
    if operation.method == "POST" and "<" not in operation.path:
        answers["201"] = success
    if operation.finish is not None:
        answers["202"] = {
            **success,
            "description": "Started but not decided yet: read it again, or repeat the request.",
        }
    return answers


def _name(schema: type[Schema] | Schema | str) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    name = schema if isinstance(schema, str) else kind.__name__
    return str(name).removesuffix("Answer")
