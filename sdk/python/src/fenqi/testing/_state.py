"""Everything the fake gateway remembers, and the ways it can refuse."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ._clock import FakeClock, rfc3339
from ._schedule import Product

Fields = dict[str, Any]


def standard_products(category: str) -> dict[int, Product]:
    """What a merchant of this category offers to begin with, by term: the standard prices of the gateway."""
    if category == "education":
        rates = {3: "0.023", 6: "0.045", 9: "0.065", 12: "0.075"}
        return {term: Product("flat_fee", fee_rate_total=rate) for term, rate in rates.items()}
    method = "equal_principal" if category == "furnishing" else "equal_installment"
    return {
        3: Product("interest_free", merchant_subsidy_rate="0.022"),
        6: Product(method, annual_rate="0.156"),
        9: Product(method, annual_rate="0.168"),
        12: Product(method, annual_rate="0.18"),
    }


class Problem(Exception):
    """An error answer in the making (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str, *, param: str | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.fields: Fields = {
            "type": f"/docs/api#problem-{code}",
            "title": code.replace("_", " ").capitalize(),
            "status": status,
            "detail": detail,
            "code": code,
            "param": param,
            **more,
        }


class State:
    """The objects of one merchant in test mode, as the dictionaries the API answers with."""

    def __init__(
        self,
        *,
        clock: FakeClock,
        base_url: str,
        client_id: str,
        client_secret: str,
        category: str = "3c",
        products: dict[int, Product] | None = None,
    ) -> None:
        self.clock = clock
        self.base_url = base_url
        self.client_id = client_id
        self.client_secret = client_secret
        self.category = category
        self.products = dict(sorted((products or standard_products(category)).items()))
        self.checkouts: dict[str, Fields] = {}
        self.payments: dict[str, Fields] = {}
        self.refunds: dict[str, Fields] = {}
        self.milestones: dict[str, Fields] = {}
        self.loans: dict[str, Fields] = {}
        self.settlements: dict[str, Fields] = {}
        self.events: dict[str, Fields] = {}
        self.webhook_endpoints: dict[str, Fields] = {}
        self.checkout_requests: dict[str, str] = {}
        """Body of the request behind each checkout, to tell a repeat from another order."""
        self.unpaid: set[str] = set()
        """Payments whose shopper does not pay: those of the sandbox number ending in 06."""
        self.refunded_with_fee: dict[str, int] = {}
        """By capture: the part of what was refunded with which the merchant's fee came back."""
        self.returned: dict[str, int] = {}
        """By loan: what refunds have sent back to the shopper."""
        self.happened: set[tuple[str, str, str]] = set()
        """Moments of payments that have come: the payment, the event and the time."""
        self.serial_numbers: set[str] = set()
        self.returned_pieces: dict[tuple[str, int], tuple[int, int]] = {}
        """By capture and line: how many pieces came back, and the part of their amount."""
        self.settlement_lines: list[Fields] = []
        self.tokens: dict[str, datetime] = {}
        self.answers: dict[tuple[str, str, str], tuple[str, int, bytes]] = {}
        """By method, path and idempotency key: the body asked for, and the answer given."""
        self._counted = 0

    @property
    def now(self) -> datetime:
        """The business time."""
        return self.clock.now()

    def new_id(self, prefix: str) -> str:
        """An id that sorts by the time it was made."""
        self._counted += 1
        return f"{prefix}_{int(self.now.timestamp()):010x}{self._counted:08x}"

    def base(self, kind: str, prefix: str) -> Fields:
        """The fields every object has."""
        return {"id": self.new_id(prefix), "object": kind, "mode": "test", "created_at": rfc3339(self.now)}

    def record(self, type: str, thing: Fields) -> None:
        """Note that something happened to ``thing``; the event holds it as it is now."""
        earlier = sum(1 for event in self.events.values() if event["data"]["id"] == thing["id"])
        event = {
            **self.base("event", "evt"),
            "type": type,
            "sequence": earlier + 1,
            "data": json.loads(json.dumps(thing)),
        }
        self.events[event["id"]] = event

    def existing(self, kind: str, things: dict[str, Fields], id: str) -> Fields:
        """The object with this id, or a 404 problem."""
        if id not in things:
            raise Problem(404, "not_found", f"There is no {kind} {id!r}.")
        return things[id]
