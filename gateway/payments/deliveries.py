"""Deliveries: what the merchant reports of each capture's parcel. The 7 days of return run from receipt.

A report comes with the capture or later. A time of receipt is kept once it is reported: a later one replaces it, an
earlier one does not, so that the days which a shopper has been given never become fewer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.errors import DeliveryRefused, WrongState
from gateway.payments.models import Capture

RETURN_WINDOW = timedelta(days=7)
FIELDS = ("carrier", "tracking_number", "delivered_at")


def at_capture(
    delivery: Mapping[str, Any] | None, *, authorized_at: datetime, now: datetime
) -> dict[str, Any] | None:
    """The delivery that comes with a capture, as it is stored. Raises ``DeliveryRefused``.

    A shop may capture when the goods are handed over, so the time of receipt lies between authorisation and now.
    """
    if delivery is None:
        return None
    received = delivery["delivered_at"]
    if received is not None:
        _check_time(received, since=authorized_at, what="authorised", now=now, param="delivery.delivered_at")
    return {**delivery, "delivered_at": received and received.isoformat()}


def report(tx: Transaction, captures: Sequence[Capture], shipping: Mapping[str, Any]) -> None:
    """Note what became of parcels after their capture; the same report again changes nothing.

    It is about the capture with its tracking number; else about those of which no receipt is known and that do not have
    another tracking number; a payment with one capture needs no number. Raises ``WrongState`` or ``DeliveryRefused``.
    """
    if not captures:
        raise WrongState(
            "Nothing has been captured yet: send the delivery with the capture, or report it afterwards.",
            param="shipping",
        )
    received = shipping["delivered_at"]
    if received is not None:
        since = captures[0].captured_at
        _check_time(received, since=since, what="captured", now=tx.now, param="shipping.delivered_at")
        captures = [capture for capture in captures if capture.captured_at <= received]
    for capture in _reported(captures, shipping["tracking_number"]):
        _note(tx, capture, shipping)


def delivered_at(capture: Capture) -> datetime | None:
    """When the shopper received the goods of a capture, if that was reported."""
    text = (capture.delivery or {}).get("delivered_at")
    return datetime.fromisoformat(text) if text else None


def return_until(capture: Capture) -> date:
    """The last day (Shanghai) of the return: 7 days from receipt, or from the capture while no receipt is known."""
    received = delivered_at(capture) or capture.captured_at
    return shanghai_date(max(received, capture.captured_at)) + RETURN_WINDOW


def view(capture: Capture) -> dict[str, Any] | None:
    """The delivery as the API shows it."""
    if capture.delivery is None:
        return None
    return {**{name: capture.delivery.get(name) for name in FIELDS}, "delivered_at": delivered_at(capture)}


def newest(captures: Sequence[Capture]) -> dict[str, Any] | None:
    """The delivery of the newest capture that has one, as the API shows it."""
    return next((view(capture) for capture in reversed(captures) if capture.delivery is not None), None)


def _reported(captures: Sequence[Capture], tracking_number: str | None) -> Sequence[Capture]:
    numbers = [(capture.delivery or {}).get("tracking_number") for capture in captures]
    if tracking_number is not None and tracking_number in numbers:
        return [one for one, number in zip(captures, numbers, strict=True) if number == tracking_number]
    if len(captures) == 1:
        return captures
    waiting = [
        capture
        for capture, number in zip(captures, numbers, strict=True)
        if delivered_at(capture) is None and (tracking_number is None or number is None)
    ]
    if not waiting:
        raise WrongState(
            "It is not clear which capture this refers to: send the tracking_number that was sent with it.",
            param="shipping.tracking_number",
            tracking_numbers=[number for number in numbers if number],
        )
    return waiting


def _note(tx: Transaction, capture: Capture, shipping: Mapping[str, Any]) -> None:
    known, received = delivered_at(capture), shipping["delivered_at"]
    if known is not None and received is not None and received < known:
        raise WrongState(
            f"{capture.id} was reported as received at {known:%Y-%m-%dT%H:%M:%SZ}; an earlier time would "
            "shorten the shopper's return period.",
            param="shipping.delivered_at",
        )
    said = {name: shipping[name] for name in FIELDS if shipping[name] is not None}
    if received is not None:
        said["delivered_at"] = received.isoformat()
    capture.delivery = {**dict.fromkeys(FIELDS), **(capture.delivery or {}), **said}
    tx.add(capture)


def _check_time(received: datetime, *, since: datetime, what: str, now: datetime, param: str) -> None:
    if not since <= received <= now:
        raise DeliveryRefused(
            f"The delivered_at must lie between {since:%Y-%m-%dT%H:%M:%S.%fZ}, when the payment was {what}, and now, "
            f"{now:%Y-%m-%dT%H:%M:%S.%fZ}.",
            param=param,
        )
