"""A gateway in memory, without I/O.

``answer(state, method, path, headers, body)`` gives status, headers and body. It keeps the rules a shop can
meet: tokens, idempotency keys, references, state tables, amounts, cursors. What it does not support it answers
with 501 and the name of the route or field.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from . import _checkouts, _hooks, _milestones, _payments, _refunds, _settlements
from . import _fields as f
from ._state import Fields, Problem, State

Answer = tuple[int, dict[str, str], bytes]
Answered = tuple[int, Fields]
Route = Callable[[State, Fields, dict[str, str], str], Answered]

VERSION = "2026-11-23"
_TOKEN_LIFE_SECONDS = 600
_SCOPES = [
    "checkouts:write",
    "events:read",
    "payments:read",
    "payments:write",
    "refunds:write",
    "settlements:read",
    "webhooks:write",
]
_NEED_KEY = re.compile(r"/v1/(refunds|payments/[^/]+/capture)")


def answer(state: State, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """What the gateway answers; ``target`` is the path with its query, ``headers`` must ignore case."""
    path, query = urlsplit(target).path, urlsplit(target).query
    more = {"X-Request-Id": state.new_id("req"), "Fenqi-Version": VERSION, "Cache-Control": "no-store"}
    try:
        if (method, path) == ("POST", "/oauth/token"):
            return _token(state, headers, body, more)
        _check_caller(state, headers)
        status, content, replayed = _api(state, method, path, query, headers=headers, body=body)
    except Problem as problem:
        document = {**problem.fields, "request_id": more["X-Request-Id"]}
        if problem.status == 401:
            more["WWW-Authenticate"] = 'Bearer realm="fenqi"'
        return problem.status, {**more, "Content-Type": "application/problem+json"}, _json(document)
    if replayed:
        more["Idempotent-Replayed"] = "true"
    return status, {**more, "Content-Type": "application/json"}, content


def pass_time(state: State, by: timedelta) -> None:
    """Move the business time, a day at a time, and let happen what falls due."""
    if by < timedelta(0):
        raise ValueError("the clock only moves forward")
    end = state.now + by
    while state.now < end:
        state.clock.advance(min(timedelta(days=1), end - state.now))
        _checkouts.expire_overdue(state)
        _payments.pass_moments(state)
        _payments.pay_what_fell_due(state)
        _refunds.succeed_pending(state)
        _milestones.release_due(state)
        _settlements.close_due(state)


def ledger_balanced(state: State) -> bool:
    """Whether every amount is accounted for: payments by captures, loans by rows, batches by their equation."""
    for payment in state.payments.values():
        captured = sum(one["amount"] for one in payment["captures"])
        refunded = sum(one["refunded_amount"] for one in payment["captures"])
        if captured != payment["captured_amount"]:
            return False
        if refunded != payment["refunded_amount"] + payment["refund_pending_amount"]:
            return False
    for loan in state.loans.values():
        rows = sum(row["principal"] for row in loan["schedule"])
        gone = loan["principal"] if loan["status"] == "unwound" else loan["refunded_principal"]
        if rows + gone != loan["principal"]:
            return False
    return all(_settlements.holds(batch) for batch in state.settlements.values())


def _token(state: State, headers: Mapping[str, str], body: bytes, more: dict[str, str]) -> Answer:
    more["Content-Type"] = "application/json"
    if _basic(headers.get("Authorization", "")) != (state.client_id, state.client_secret):
        more["WWW-Authenticate"] = 'Basic realm="fenqi"'
        refusal = {"error": "invalid_client", "error_description": "The client cannot be authenticated."}
        return 401, more, _json(refusal)
    if parse_qs(body.decode("utf-8", "replace")).get("grant_type") != ["client_credentials"]:
        refusal = {
            "error": "unsupported_grant_type",
            "error_description": "Only client_credentials is supported here.",
        }
        return 400, more, _json(refusal)
    token = state.new_id("fake_token")
    state.tokens[token] = state.now + timedelta(seconds=_TOKEN_LIFE_SECONDS)
    return (
        200,
        more,
        _json({"access_token": token, "token_type": "Bearer", "expires_in": _TOKEN_LIFE_SECONDS}),
    )


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (unquote(user), unquote(password)) if colon else None


def _check_caller(state: State, headers: Mapping[str, str]) -> None:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or state.tokens.get(token, state.now) <= state.now:
        raise Problem(401, "unauthenticated", "The access token is missing, unknown or expired.")
    version = headers.get("Fenqi-Version", VERSION)
    if version != VERSION:
        raise Problem(
            400, "unsupported_version", f"Fenqi-Version {version!r} does not exist.", param="Fenqi-Version"
        )


def _api(
    state: State, method: str, path: str, query: str, *, headers: Mapping[str, str], body: bytes
) -> tuple[int, bytes, bool]:
    params = dict(parse_qsl(query, keep_blank_values=True))
    if method == "GET":
        status, content = _routed(state, method, path, {}, params)
        return status, _json(content), False
    fields = _object(body)
    key = headers.get("Idempotency-Key")
    if key is None:
        if _NEED_KEY.fullmatch(path):
            raise Problem(
                400, "idempotency_key_required", "Send an Idempotency-Key header.", param="Idempotency-Key"
            )
        status, content = _routed(state, method, path, fields, params)
        return status, _json(content), False
    sent = json.dumps(fields, sort_keys=True)
    known = state.answers.get((method, path, key))
    if known is not None:
        if known[0] != sent:
            detail = f"The key {key!r} was already used with a different body for {path}."
            raise Problem(422, "idempotency_key_reused", detail, param="Idempotency-Key")
        return known[1], known[2], True
    status, content = _routed(state, method, path, fields, params)
    bytes_ = _json(content)
    state.answers[method, path, key] = (sent, status, bytes_)
    return status, bytes_, False


def _object(body: bytes) -> Fields:
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        raise Problem(400, "invalid_request", "The body is not JSON.") from None
    if not isinstance(fields, dict):
        raise Problem(400, "invalid_request", "The body must be a JSON object.")
    return fields


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _routed(state: State, method: str, path: str, body: Fields, params: dict[str, str]) -> Answered:
    for verb, pattern, route in _ROUTES:
        match = pattern.fullmatch(path) if verb == method else None
        if match is not None:
            return route(state, body, params, unquote(match.group(1)) if match.groups() else "")
    raise Problem(501, "not_in_fake", f"The fake gateway does not support {method} {path}.")


def _plans(state: State, _body: Fields, params: dict[str, str], _id: str) -> Answered:
    _known(params, "amount", "terms", "category")
    terms = [_number(part, "terms") for part in params["terms"].split(",")] if "terms" in params else None
    return 200, _checkouts.quote(state, amount=_number(params.get("amount", ""), "amount"), terms=terms)


def _acknowledge(state: State, body: Fields, _params: dict[str, str], id: str) -> Answered:
    f.checked(body, {"merchant_order_id": f.text})
    payment = state.existing("payment", state.payments, id)
    return 200, _payments.acknowledge(state, payment, body["merchant_order_id"])


def _me(state: State, _body: Fields, _params: dict[str, str], _id: str) -> Answered:
    return 200, {
        "object": "me",
        "merchant": "mer_fake",
        "name": "假商户",
        "name_en": "Fake merchant",
        "category": state.category,
        "mode": "test",
        "client_id": state.client_id,
        "scopes": _SCOPES,
        "frame_origins": [],
        "publishable_key": "pk_test_fake",
        "api_version": VERSION,
        "limits": {
            "max_amount": max(one.max_amount for one in state.products.values()),
            "terms": [*state.products],
        },
    }


def _listed(things: Callable[[State], dict[str, Fields]], *filters: str) -> Route:
    def route(state: State, _body: Fields, params: dict[str, str], _id: str) -> Answered:
        _known(params, "limit", "cursor", *filters)
        rows = [
            row
            for row in things(state).values()
            if all(row[name] == params[name] for name in filters if name in params)
        ]
        return 200, _page(rows[::-1], params)

    return route


def _payment_list(state: State, _body: Fields, params: dict[str, str], _id: str) -> Answered:
    equal = ("merchant_reference", "merchant_order_id", "store", "status")
    _known(params, "limit", "cursor", *equal, "created_from", "created_to", "amount_min", "amount_max")
    since = f.day(params.get("created_from", "0001-01-01"), "created_from")
    until = f.day(params.get("created_to", "9999-12-31"), "created_to")
    low = _number(params.get("amount_min", "1"), "amount_min")
    high = _number(params.get("amount_max", str(10**12)), "amount_max")
    for name, is_empty in (("created_to", since > until), ("amount_max", low > high)):
        if is_empty:
            raise f.invalid(name, "The range ends before it begins.")
    rows = [
        row
        for row in state.payments.values()
        if all(row[name] == params[name] for name in equal if name in params)
        and since <= _payments.approved_on(row) <= until
        and low <= row["amount"] <= high
    ]
    return 200, _page(rows[::-1], params)


def _milestone_list(state: State, _body: Fields, params: dict[str, str], id: str) -> Answered:
    _known(params, "limit", "cursor", "status")
    state.existing("payment", state.payments, id)
    rows = [row for row in _milestones.of_payment(state, id) if params.get("status") in (None, row["status"])]
    return 200, _page(rows[::-1], params)


def _refund_list(state: State, _body: Fields, params: dict[str, str], _id: str) -> Answered:
    _known(params, "limit", "cursor", "payment", "reference")
    rows = [
        row
        for row in state.refunds.values()
        if params.get("payment") in (None, row["payment"])
        and params.get("reference") in (None, row["refund_reference"])
    ]
    return 200, _page(rows[::-1], params)


def _events(state: State, _body: Fields, params: dict[str, str], _id: str) -> Answered:
    _known(params, "limit", "cursor", "after", "type")
    rows = [row for row in state.events.values() if params.get("type") in (None, row["type"])]
    if "after" not in params:
        return 200, _page(rows[::-1], params)
    since = state.existing("event", state.events, params["after"])["id"]
    limit = _number(params.get("limit", "20"), "limit")
    later = [row for row in rows if row["id"] > since]
    return 200, {"object": "list", "data": later[:limit], "has_more": len(later) > limit, "next_cursor": None}


def _page(rows: list[Fields], params: dict[str, str]) -> Fields:
    limit = _number(params.get("limit", "20"), "limit", most=100)
    if "cursor" in params:
        try:
            last = base64.urlsafe_b64decode(params["cursor"].encode()).decode()
        except ValueError:
            raise Problem(400, "invalid_request", "The cursor is not valid.", param="cursor") from None
        rows = [row for row in rows if row["id"] < last]
    more = len(rows) > limit
    rows = rows[:limit]
    cursor = base64.urlsafe_b64encode(rows[-1]["id"].encode()).decode() if more else None
    return {"object": "list", "data": rows, "has_more": more, "next_cursor": cursor}


def _number(text: str, param: str, *, most: int = 10**12) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:15]) <= most:
        error = {"param": param, "code": "invalid", "detail": f"Must be a whole number from 1 to {most}."}
        raise Problem(422, "validation_failed", f"{param}: {error['detail']}", param=param, errors=[error])
    return int(text)


def _known(params: dict[str, str], *names: str) -> None:
    f.checked(dict(params), {}, dict.fromkeys(names, f.text))


def _one(kind: str, things: Callable[[State], dict[str, Fields]]) -> Route:
    return lambda state, _body, _params, id: (200, state.existing(kind, things(state), id))


_ROUTES: list[tuple[str, re.Pattern[str], Route]] = [
    (verb, re.compile(path.replace("{id}", "([^/]+)")), route)
    for verb, path, route in (
        ("GET", "/v1/plans", _plans),
        ("GET", "/v1/me", _me),
        ("POST", "/v1/checkouts", lambda s, body, _p, _i: _checkouts.create(s, body)),
        ("GET", "/v1/checkouts", _listed(lambda s: s.checkouts, "merchant_reference", "status", "store")),
        ("GET", "/v1/checkouts/{id}", _one("checkout", lambda s: s.checkouts)),
        ("POST", "/v1/checkouts/{id}/cancel", lambda s, _b, _p, id: (200, _checkouts.cancel(s, id))),
        (
            "POST",
            "/v1/test_helpers/checkouts/{id}/complete",
            lambda s, b, _p, id: (200, _checkouts.complete(s, id, b)),
        ),
        (
            "POST",
            "/v1/test_helpers/checkouts/{id}/resolve",
            lambda s, b, _p, id: (200, _checkouts.resolve(s, id, b)),
        ),
        ("GET", "/v1/payments", _payment_list),
        ("GET", "/v1/payments/{id}", _one("payment", lambda s: s.payments)),
        ("PATCH", "/v1/payments/{id}", lambda s, body, _p, id: (200, _payments.update(s, id, body))),
        ("POST", "/v1/payments/{id}/capture", lambda s, body, _p, id: (200, _payments.capture(s, id, body))),
        ("POST", "/v1/payments/{id}/void", lambda s, body, _p, id: (200, _payments.void(s, id, body))),
        ("POST", "/v1/payments/{id}/extend", lambda s, body, _p, id: (200, _payments.extend(s, id, body))),
        ("POST", "/v1/payments/{id}/acknowledge", _acknowledge),
        ("POST", "/v1/payments/{id}/milestones", lambda s, b, _p, id: (201, _milestones.create(s, id, b))),
        ("GET", "/v1/payments/{id}/milestones", _milestone_list),
        ("GET", "/v1/payments/[^/]+/milestones/{id}", _one("milestone", lambda s: s.milestones)),
        (
            "POST",
            "/v1/payments/[^/]+/milestones/{id}/claim",
            lambda s, b, _p, id: (200, _milestones.claim(s, id, b)),
        ),
        (
            "POST",
            "/v1/payments/[^/]+/milestones/{id}/respond",
            lambda s, b, _p, id: (200, _milestones.respond(s, id, b)),
        ),
        (
            "POST",
            "/v1/test_helpers/payments/[^/]+/milestones/{id}/contest",
            lambda s, b, _p, id: (200, _milestones.contest(s, id, b)),
        ),
        ("POST", "/v1/refunds", lambda s, body, _p, _i: (201, _refunds.create(s, body))),
        ("POST", "/v1/refunds/preview", lambda s, body, _p, _i: (200, _refunds.preview(s, body))),
        ("GET", "/v1/refunds", _refund_list),
        ("GET", "/v1/refunds/{id}", _one("refund", lambda s: s.refunds)),
        ("GET", "/v1/loans/{id}", _one("loan", lambda s: s.loans)),
        ("GET", "/v1/settlements", _listed(lambda s: s.settlements)),
        ("GET", "/v1/settlements/{id}", _one("settlement", lambda s: s.settlements)),
        ("POST", "/v1/webhook_endpoints", lambda s, body, _p, _i: (201, _hooks.create(s, body))),
        ("GET", "/v1/webhook_endpoints", _listed(lambda s: s.webhook_endpoints)),
        ("GET", "/v1/webhook_endpoints/{id}", _one("webhook endpoint", lambda s: s.webhook_endpoints)),
        ("PATCH", "/v1/webhook_endpoints/{id}", lambda s, body, _p, id: (200, _hooks.update(s, id, body))),
        ("DELETE", "/v1/webhook_endpoints/{id}", lambda s, _b, _p, id: (200, _hooks.delete(s, id))),
        (
            "POST",
            "/v1/webhook_endpoints/{id}/rotate_secret",
            lambda s, _b, _p, id: (200, _hooks.rotate(s, id)),
        ),
        (
            "POST",
            "/v1/webhook_endpoints/{id}/revoke_secret",
            lambda s, body, _p, id: (200, _hooks.revoke(s, id, body)),
        ),
        ("GET", "/v1/events", _events),
        ("GET", "/v1/events/{id}", _one("event", lambda s: s.events)),
    )
]
