"""Milestones: each is what happened to it, in its order, and what the books keep back for it is what is left of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from gateway.payments import deliveries
from gateway.payments.milestones import states
from gateway.proof.findings import Findings
from gateway.proof.purchases import Purchase

NEXT = {"claimed": "claimed", "contested": "contested", "released": "released", "canceled": "canceled"}
"""The state in which what happened leaves a milestone."""


def prove(findings: Findings, purchase: Purchase) -> None:
    """Compare milestones with what happened to them and with the entries, and what payment and captures say of them."""
    happened: dict[str, list[Any]] = {row.id: [] for row in purchase.rows["milestone"]}
    for event in sorted(purchase.rows["milestone_event"], key=lambda row: row.id):
        happened.setdefault(event.milestone_id, []).append(event)
    planned, staged = 0, dict.fromkeys((row.id for row in purchase.rows["capture"]), 0)
    for row in sorted(purchase.rows["milestone"], key=lambda row: row.id):
        status, returned = _prove_state(findings, purchase, row, happened[row.id])
        _prove_booked(findings, purchase, row, happened[row.id])
        if status not in states.OPEN:
            continue
        if row.capture_id is None:
            planned += row.amount_fen
        elif row.capture_id in staged:
            staged[row.capture_id] += row.amount_fen - returned
    name, source = purchase.row("payment", purchase.payment.id), "its milestones"
    findings.same(name, "planned_fen", wanted=planned, got=purchase.payment.planned_fen, computed_from=source)
    for capture in purchase.rows["capture"]:
        name = purchase.row("capture", capture.id)
        findings.same(
            name, "staged_fen", wanted=staged[capture.id], got=capture.staged_fen, computed_from=source
        )
    _prove_held(findings, purchase)


def _prove_state(findings: Findings, purchase: Purchase, row: Any, happened: list[Any]) -> tuple[str, int]:
    """The state of a milestone and what was taken from it, from what happened; each step by its own rule."""
    status, returned, releases_at = (
        "planned",
        0,
        row.hold_days and row.created_at + timedelta(days=row.hold_days),
    )
    for event in happened:
        name = purchase.row("milestone_event", event.id)
        if event.kind == "released":
            _prove_released(findings, purchase, row, event, releases_at=releases_at)
        status = NEXT.get(event.kind, status)
        if event.kind in ("claimed", "told"):
            releases_at = event.until
        elif event.kind == "contested":
            late = releases_at is not None and event.created_at >= releases_at
            if late:
                source = "the claim that it contests"
                findings.note(
                    name,
                    "created_at",
                    wanted=f"before {releases_at}",
                    got=event.created_at,
                    computed_from=source,
                )
            releases_at = None
        elif event.kind == "returned":
            returned += event.amount_fen
            status = "canceled" if returned == row.amount_fen else status
    if row.releases_at in _reported(purchase, row):
        releases_at = row.releases_at
    name, source = purchase.row("milestone", row.id), "what happened to it"
    for column, wanted in (("status", status), ("returned_fen", returned), ("releases_at", releases_at)):
        findings.same(name, column, wanted=wanted, got=getattr(row, column), computed_from=source)
    return status, returned


def _reported(purchase: Purchase, row: Any) -> list[datetime]:
    """When the delivery for which a capture waits was received: the time from which it is due, where it waits on."""
    received = [deliveries.delivered_at(one) for one in purchase.rows["capture"] if one.id == row.capture_id]
    return [] if row.hold_days is None else [at for at in received if at is not None]


def _prove_released(
    findings: Findings, purchase: Purchase, row: Any, event: Any, *, releases_at: datetime | None
) -> None:
    """Silence and days release when their time has come, a delivery report when there is one."""
    name = purchase.row("milestone_event", event.id)
    if event.said_by in ("silence", "days") and (releases_at is None or event.created_at < releases_at):
        source = "the claim that nobody contested, or the days that were agreed"
        findings.note(
            name, "created_at", wanted=f"from {releases_at} on", got=event.created_at, computed_from=source
        )
    if event.said_by == "delivery":
        capture = next((one for one in purchase.rows["capture"] if one.id == row.capture_id), None)
        reported = capture is not None and bool((capture.delivery or {}).get("delivered_at"))
        if not reported:
            source = f"the delivery of {row.capture_id}"
            findings.note(name, "said_by", wanted="no report", got="delivery", computed_from=source)


def _prove_booked(findings: Findings, purchase: Purchase, row: Any, happened: list[Any]) -> None:
    """What the entries keep back for a milestone, free of it and leave."""
    name, source = purchase.row("milestone", row.id), f"the entries about {row.id}"
    entries = [one for one in purchase.entries.about(row.id) if one.kind.startswith("stage_")]
    held = -sum(one.of("merchant_staged") for one in entries if one.kind == "stage_held")
    findings.same(name, "held_fen", wanted=held, got=row.held_fen or 0, computed_from=source)
    taken = 0
    for event in happened:
        if event.kind == "returned":
            fen = states.returned(held, row.amount_fen, before_fen=taken, part_fen=event.amount_fen)
            entry = purchase.entries.by_key.get(f"stage_returned:{row.id}:{event.said_by}")
            taken += event.amount_fen
        elif event.kind == "released":
            fen = states.returned(held, row.amount_fen, before_fen=taken, part_fen=row.amount_fen - taken)
            entry = purchase.entries.by_key.get(f"stage_released:{row.id}")
        else:
            continue
        event_name = purchase.row("milestone_event", event.id)
        booked = entry.of("merchant_staged") if entry else 0
        findings.same(event_name, "amount_fen", wanted=booked, got=fen, computed_from=source)
        if entry is not None:
            findings.same(
                event_name,
                "created_at",
                wanted=entry.recorded_at,
                got=event.created_at,
                computed_from=f"the ledger entry {entry.key}",
            )
    known = {(one.kind, one.said_by) for one in happened if one.kind == "returned"}
    known |= {("released", "") for one in happened if one.kind == "released"}
    for entry in entries:
        kind = entry.kind.removeprefix("stage_")
        about = entry.key.rpartition(":")[2] if kind == "returned" else ""
        if kind != "held" and (kind, about) not in known:
            findings.note(
                name, "status", wanted=kind, got=row.status, computed_from=f"the ledger entry {entry.key}"
            )


def _prove_held(findings: Findings, purchase: Purchase) -> None:
    """What is kept back of a capture is the part of its net that its stages are of it."""
    for capture, drawn in purchase.captures_in_order():
        stages = [row for row in purchase.rows["milestone"] if row.capture_id == capture.id]
        if drawn is None or not stages:
            continue
        stages.sort(key=lambda row: row.id)
        kept = states.held(
            -drawn.of("merchant_pending"), drawn.of("loan_principal"), [row.amount_fen for row in stages]
        )
        for row, fen in zip(stages, kept, strict=True):
            name, source = purchase.row("milestone", row.id), f"the ledger entry {drawn.key}"
            findings.same(name, "held_fen", wanted=fen, got=row.held_fen, computed_from=source)
