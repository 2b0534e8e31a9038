"""The fake's milestones: what is captured waits for its stages, and is settled when silence or a refund ends them."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from . import _fields as f
from ._clock import rfc3339, settlement_date
from ._schedule import half_up
from ._state import Fields, Problem, State

_SMALLEST = 100
_MOST = 100
_WINDOW_DAYS = 7
_WAITS = ("planned", "claimed", "contested")


def create(state: State, payment_id: str, body: Fields) -> Fields:
    """Stage a part of what can still be captured."""
    given = {name: value for name, value in body.items() if value is not None}
    kinds = f.one_of("delivery", "lesson", "other")
    f.checked(given, {"kind": kinds, "amount": f.fen}, {"description": f.text, "due": f.text})
    payment = state.existing("payment", state.payments, payment_id)
    if given["amount"] < _SMALLEST:
        raise f.invalid("amount", f"Must be at least {_SMALLEST} fen.")
    if "due" in given:
        f.day(given["due"], "due")
    if not payment["capturable_amount"]:
        detail = f"The payment is {payment['status']}: there is nothing left to stage."
        raise Problem(409, "wrong_state", detail, param="payment")
    left = payment["capturable_amount"] - sum(one["amount"] for one in planned(state, payment_id))
    if given["amount"] > left:
        detail = f"{given['amount']} fen exceeds the {left} fen that no milestone stages yet."
        raise Problem(422, "amount_above_authorized", detail, param="amount", capturable_amount=left)
    if len(of_payment(state, payment_id)) >= _MOST:
        raise Problem(409, "wrong_state", f"A payment can have at most {_MOST} milestones.", param="payment")
    row = {
        **state.base("milestone", "ms"),
        "payment": payment_id,
        "capture": None,
        "kind": given["kind"],
        "description": given.get("description"),
        "amount": given["amount"],
        "currency": "CNY",
        "returned_amount": 0,
        "held_amount": None,
        "due": given.get("due"),
        "status": "planned",
        "evidence": None,
        "claimed_at": None,
        "releases_at": None,
        "contest": None,
        "answer": None,
        "ended_at": None,
    }
    state.milestones[row["id"]] = row
    return row


def of_payment(state: State, payment_id: str) -> list[Fields]:
    """The milestones of a payment, in the order in which they were planned."""
    return [one for one in state.milestones.values() if one["payment"] == payment_id]


def planned(state: State, payment_id: str) -> list[Fields]:
    """Those that no capture carries yet."""
    found = of_payment(state, payment_id)
    return [one for one in found if one["status"] == "planned" and one["capture"] is None]


def to_carry(
    state: State, payment: Fields, body: Fields, amount: int | None
) -> tuple[int | None, list[Fields]]:
    """What a capture captures, and the milestones that it carries: the one that it names, or with the last all."""
    waiting, left = planned(state, payment["id"]), payment["capturable_amount"]
    named = body.get("milestone")
    if named is not None:
        row = state.milestones.get(named)
        if row is None or row["payment"] != payment["id"]:
            raise Problem(404, "not_found", f"The payment has no milestone {named!r}.", param="milestone")
        if row not in waiting:
            detail = f"The milestone {named} is {'captured' if row['capture'] else row['status']}."
            raise Problem(409, "wrong_state", detail, param="milestone")
        if amount not in (None, row["amount"]):
            raise _mismatch(row["amount"], amount)
        return row["amount"], [row]
    staged = sum(one["amount"] for one in waiting)
    if not staged:
        return amount, []
    if amount is None or amount == left or body.get("final"):
        if amount is not None and amount < staged:
            raise _mismatch(staged, amount)
        return amount, waiting
    if amount > left - staged:
        raise _mismatch(left - staged, amount)
    return amount, []


def hold(state: State, capture: Fields, carried: list[Fields]) -> None:
    """Keep back what these milestones stage of the net of a new capture."""
    net, before = capture["amount"] - capture["merchant_fee"] - capture["merchant_subsidy"], 0
    for row in carried:
        after = before + row["amount"]
        row["capture"] = capture["id"]
        row["held_amount"] = _part(net, after, capture["amount"]) - _part(net, before, capture["amount"])
        capture["staged_amount"] += row["amount"]
        before = after
        _line(state, row, -row["held_amount"], capture["settlement_date"])


def fit(state: State, payment: Fields) -> None:
    """End planned milestones that no longer fit what can be captured, the last first."""
    waiting = planned(state, payment["id"])
    while sum(one["amount"] for one in waiting) > payment["capturable_amount"]:
        row = waiting.pop()
        row["status"], row["ended_at"] = "canceled", rfc3339(state.now)


def claim(state: State, id: str, body: Fields) -> Fields:
    """Say that a captured stage is done: the shopper is told, and the window begins."""
    given = {name: value for name, value in body.items() if value is not None}
    f.checked(given, {}, {"text": f.text, "files": f.things})
    row = state.existing("milestone", state.milestones, id)
    if row["status"] != "planned" or row["capture"] is None:
        raise _wrong(row, "claimed")
    row["status"], row["claimed_at"] = "claimed", rfc3339(state.now)
    row["evidence"] = {"text": given.get("text"), "files": given.get("files", [])}
    state.record("milestone.claimed", row)
    answer = dict(row)
    row["releases_at"] = rfc3339(
        state.now + timedelta(days=_WINDOW_DAYS)
    )  # the shopper is told after the answer
    return answer


def contest(state: State, id: str, body: Fields) -> Fields:
    """Let the shopper contest a claimed stage."""
    f.checked(body, {}, {"reason": f.text})
    row = state.existing("milestone", state.milestones, id)
    if row["status"] != "claimed" or row["releases_at"] <= rfc3339(state.now):
        raise _wrong(row, "contested")
    row["status"], row["releases_at"] = "contested", None
    row["contest"] = {"reason": body.get("reason", "not_delivered"), "contested_at": rfc3339(state.now)}
    state.record("milestone.contested", row)
    return row


def respond(state: State, id: str, body: Fields) -> Fields:
    """Answer a contest."""
    f.checked(body, {"text": f.text})
    row = state.existing("milestone", state.milestones, id)
    if row["status"] != "contested":
        raise _wrong(row, "answered")
    row["answer"] = body["text"]
    return row


def release_due(state: State) -> None:
    """Release what nobody has contested in time."""
    for row in state.milestones.values():
        if row["status"] == "claimed" and row["releases_at"] <= rfc3339(state.now):
            capture = _capture(state, row)
            capture["staged_amount"] -= row["amount"] - row["returned_amount"]
            _free(state, row, row["amount"] - row["returned_amount"], capture)
            row["status"], row["ended_at"], row["releases_at"] = "released", rfc3339(state.now), None
            state.record("milestone.released", row)


def give_back(state: State, capture: Fields, amount: int, *, unused: bool) -> None:
    """Take what a refund takes of the stages of a capture, which already shows it: the last first."""
    found = [one for one in state.milestones.values() if one["capture"] == capture["id"]]
    stages = [one for one in found if one["status"] in _WAITS]
    if unused:
        _take(state, capture, stages, amount)
    left = sum(one["amount"] - one["returned_amount"] for one in stages)
    _take(state, capture, stages, left - (capture["amount"] - capture["refunded_amount"]))


def _take(state: State, capture: Fields, stages: list[Fields], most: int) -> None:
    for row in reversed(stages):
        part = min(row["amount"] - row["returned_amount"], max(0, most))
        if not part:
            continue
        most -= part
        capture["staged_amount"] -= part
        _free(state, row, part, capture)
        row["returned_amount"] += part
        if row["returned_amount"] == row["amount"]:
            row["status"], row["ended_at"], row["releases_at"] = "canceled", rfc3339(state.now), None


def _free(state: State, row: Fields, part: int, capture: Fields) -> None:
    """What was kept back for a part of a stage is settled with the next batch."""
    after, before = row["returned_amount"] + part, row["returned_amount"]
    fen = _part(row["held_amount"], after, row["amount"]) - _part(row["held_amount"], before, row["amount"])
    day = max(date.fromisoformat(capture["settlement_date"]), settlement_date(state.now))
    _line(state, row, fen, day.isoformat())


def _line(state: State, row: Fields, fen: int, day: str) -> None:
    state.settlement_lines.append(
        {"kind": "stage", "date": day, "fen": fen, "of": row, "payment": row["payment"]}
    )


def _capture(state: State, row: Fields) -> Fields:
    captures = state.payments[row["payment"]]["captures"]
    return next(one for one in captures if one["id"] == row["capture"])


def _part(fen: int, part: int, whole: int) -> int:
    return half_up(Fraction(fen * part, whole))


def _wrong(row: Fields, verb: str) -> Problem:
    detail = f"The milestone is {row['status']}: it cannot be {verb}."
    return Problem(409, "wrong_state", detail, param="milestone")


def _mismatch(expected: int, actual: int | None) -> Problem:
    detail = f"The milestones stage {expected} fen, not {actual}."
    return Problem(422, "amount_mismatch", detail, param="amount", expected=expected, actual=actual)
