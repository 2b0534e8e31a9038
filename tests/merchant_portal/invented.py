"""A gateway that answers everything its own document allows: every kind and state, each nullable field null or not."""

from __future__ import annotations

import io
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from gateway.core.roles import ROLES
from gateway.ledger.booking.accounts import MERCHANT_KINDS
from gateway.payments.refunds.kinds import REFUND_KINDS
from gateway.settlement.batch import SIGNS
from gateway.web.csv_export import csv_bytes
from tests.house.kinds_of_code import allowed, entry_kinds

PAYMENT_STATES = (
    "authorized",
    "partially_captured",
    "captured",
    "voided",
    "expired",
    "partially_refunded",
    "refunded",
)
KINDS = {
    "SettlementLine.kind": sorted(SIGNS),
    "BalanceEntry.kind": sorted(entry_kinds() | {f"{kind}_reversed" for kind in entry_kinds()}),
    "BalanceEntry.account": sorted(MERCHANT_KINDS),
    "Payment.status": PAYMENT_STATES,
    "Loan.status": sorted(allowed("loan", "status")),
    "Refund.status": sorted(allowed("refund", "status")),
    "Refund.kind": REFUND_KINDS,
    "Refund.reason": ["portal", "scratch"],
    "Dispute.status": sorted(allowed("dispute", "status")),
    "Dispute.reason": ["goods_not_received", "never came"],
    "Milestone.status": sorted(allowed("milestone", "status")),
    "Milestone.kind": sorted(allowed("milestone", "kind")),
    "Payout.status": sorted(allowed("payout", "status")),
    "Payout.failure": ["account_closed", "insufficient_funds", "refused"],
    "SettlementTerms.days": ["banking", "calendar"],
    "Invoice.status": ["open", "overdue", "paid"],
    "Plan.method": sorted(allowed("plan_price", "method")),
    "Me.role": ROLES,
    "Member.role": ROLES,
    "Invitation.role": ROLES,
    "Account.role": ROLES,
}
SCOPES = ["portal", "checkouts:read", "payments:read", "payments:write", "refunds:write", "settlements:read"]
PLAIN = {
    "Me.scopes": SCOPES,
    "Me.role": "owner",
    "Session.methods": ["pwd", "otp", "hwk"],
    "Account.enrol_url": "http://gateway.test/account/security",
    "BalanceEntry.about": "stl_1",
    "Checkout.items": [{"name": "Phone", "quantity": 2, "unit_price": 100}],
    "Plan.installment": {"first": 10, "regular": 10, "last": 10},
    "Plan.annual_rate": {"nominal": "0.09", "effective": "0.0938"},
}


@dataclass
class Invented(BaseAdapter):
    """Answers by ``document``; ``nulls`` makes every field null that may be, ``empty`` every list empty."""

    document: dict[str, Any]
    nulls: bool = False
    empty: bool = False
    _turns: dict[str, Any] = field(default_factory=dict)
    _first_page: bool = True

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        """The answer to a request, made up from the document."""
        path = urlsplit(request.url or "").path
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url or "", request
        media_type, schema = self._schema(request.method or "", path)
        self._first_page = "cursor=" not in (request.url or "")
        if request.headers.get("Accept") == "text/csv":
            rows = self._value("", schema["properties"]["data"])
            content = csv_bytes(list(rows[0]) if rows else ["kind", "net"], rows)
            answer.headers["Content-Type"] = "text/csv; charset=utf-8"
        else:
            content = json.dumps(self._value("", schema)).encode()
            answer.headers["Content-Type"] = media_type
        answer.raw = io.BytesIO(content)
        return answer

    def close(self) -> None:
        """There is nothing to close."""

    def _schema(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        """The media type of the answer, JSON before others, and its schema."""
        for template, methods in self.document["paths"].items():
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and method.lower() in methods:
                answers = methods[method.lower()]["responses"]
                content = next(answers[code] for code in ("200", "201") if code in answers)["content"]
                media_type = "application/json" if "application/json" in content else next(iter(content))
                return media_type, content[media_type]["schema"]
        raise AssertionError(f"the document has no {method} {path}")

    def _value(self, name: str, schema: dict[str, Any]) -> Any:
        kinds = schema.get("type", "object")
        nullable = "null" in kinds if isinstance(kinds, list) else False
        for choice in schema.get("anyOf", schema.get("oneOf", ())):
            nullable = nullable or choice.get("type") == "null"
            schema = schema if choice.get("type") == "null" else choice
        if nullable and self.nulls:
            return None
        if "$ref" in schema:
            named = schema["$ref"].rpartition("/")[2]
            return self._object(named, self.document["components"]["schemas"][named])
        if name == ".has_more":
            return self._first_page and not self.nulls
        if name in PLAIN:
            return PLAIN[name]
        if name in KINDS:
            return next(self._turns.setdefault(name, itertools.cycle(KINDS[name])))
        kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
        if kind == "array":
            return self._list(name, schema["items"])
        if kind == "object":
            return self._object(name, schema)
        return _scalar(name, kind, schema)

    def _object(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {key: self._value(f"{name}.{key}", part) for key, part in schema.get("properties", {}).items()}

    def _list(self, name: str, item: dict[str, Any]) -> list[Any]:
        if self.empty:
            return []
        named = item.get("$ref", "").rpartition("/")[2]
        longest = max((len(KINDS[key]) for key in KINDS if key.startswith(f"{named}.")), default=1)
        return [self._value(name, item) for _ in range(longest)]


def _scalar(name: str, kind: str, schema: dict[str, Any]) -> Any:
    if "const" in schema or "default" in schema:
        return schema.get("const", schema.get("default"))
    if "enum" in schema:
        return next(one for one in schema["enum"] if one is not None)
    if kind == "integer":
        return 12_345
    if kind == "boolean":
        return True
    moments = {"date-time": "2026-11-23T04:00:00.000Z", "date": "2026-11-23"}
    return moments.get(schema.get("format", ""), f"x{name.rpartition('.')[2][:2]}1")
