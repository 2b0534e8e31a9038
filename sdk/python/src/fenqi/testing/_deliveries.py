"""The fake's deliveries: what is reported of each capture's parcel; the 7 days of return run from receipt."""

from __future__ import annotations

from datetime import datetime, timedelta

from . import _fields as f
from ._clock import rfc3339, shanghai_date
from ._state import Fields, Problem, State

_WINDOW = timedelta(days=7)
_FIELDS = ("carrier", "tracking_number", "delivered_at")


def at_capture(state: State, payment: Fields, delivery: Fields | None) -> Fields | None:
    """The delivery that comes with a capture: received since the approval."""
    if delivery is None:
        return None
    said = _said(delivery, path="delivery.")
    _check_time(state, said["delivered_at"], since=payment["created_at"], param="delivery.delivered_at")
    return said


def report(state: State, payment: Fields, shipping: Fields) -> None:
    """Note a delivery on the capture with its tracking number, else on those of which no receipt is known."""
    said = _said(shipping, path="shipping.")
    captures = payment["captures"]
    if not captures:
        raise Problem(409, "wrong_state", "Nothing has been captured yet.", param="shipping")
    received = said["delivered_at"]
    _check_time(state, received, since=captures[0]["captured_at"], param="shipping.delivered_at")
    made = [one for one in captures if received is None or one["captured_at"] <= received]
    for capture in _reported(made, said["tracking_number"]):
        known = capture["delivery"] or dict.fromkeys(_FIELDS)
        if received is not None and known["delivered_at"] is not None and received < known["delivered_at"]:
            raise Problem(
                409, "wrong_state", "An earlier time was already reported.", param="shipping.delivered_at"
            )
        capture["delivery"] = known | {name: value for name, value in said.items() if value is not None}
        follow(capture)
    payment["shipping"] = captures[-1]["delivery"] or next(
        (one["delivery"] for one in captures[::-1] if one["delivery"]), None
    )


def follow(capture: Fields) -> Fields:
    """Set the last day of return of a capture from its receipt."""
    received = (capture["delivery"] or {}).get("delivered_at") or capture["captured_at"]
    latest = max(received, capture["captured_at"])
    capture["return_until"] = (shanghai_date(datetime.fromisoformat(latest)) + _WINDOW).isoformat()
    return capture


def _reported(captures: list[Fields], number: str | None) -> list[Fields]:
    numbers = [(capture["delivery"] or {}).get("tracking_number") for capture in captures]
    if number is not None and number in numbers:
        return [one for one, known in zip(captures, numbers, strict=True) if known == number]
    if len(captures) == 1:
        return captures
    waiting = [
        one
        for one, known in zip(captures, numbers, strict=True)
        if (one["delivery"] or {}).get("delivered_at") is None and (number is None or known is None)
    ]
    if not waiting:
        raise Problem(
            409, "wrong_state", "Send the tracking number of a capture.", param="shipping.tracking_number"
        )
    return waiting


def _said(delivery: Fields, *, path: str) -> Fields:
    given = {name: value for name, value in delivery.items() if value is not None}
    f.checked(given, {}, {"carrier": f.text, "tracking_number": f.text, "delivered_at": f.moment}, path=path)
    said: Fields = {**dict.fromkeys(_FIELDS), **given}
    if said["delivered_at"] is not None:
        said["delivered_at"] = rfc3339(datetime.fromisoformat(said["delivered_at"]))
    return said


def _check_time(state: State, received: str | None, *, since: str, param: str) -> None:
    if received is not None and not since <= received <= rfc3339(state.now):
        detail = f"The delivered_at must lie between {since} and now, {rfc3339(state.now)}."
        raise Problem(422, "delivery_refused", detail, param=param)
