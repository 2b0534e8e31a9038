"""Settlement lines of a purchase: one for each capture, refund, dispute and subsidy, for what its entry booked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.proof.entries import Entry
from gateway.proof.findings import Findings
from gateway.proof.payments import given_fen, refunds_of
from gateway.proof.purchases import Purchase

STAGES = ("stage_held", "stage_released", "stage_returned")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a line must say; amounts in fen."""

    kind: str
    amount_fen: int
    entry_id: str
    merchant_fee_fen: int = 0
    merchant_subsidy_fen: int = 0
    from_pending_fen: int | None = 0
    """None for an unwinding, which waits only where its capture did."""
    capture_id: str | None = None


def prove(findings: Findings, purchase: Purchase) -> None:
    """Compare the lines with the entries, both ways."""
    wanted = dict(_wanted(purchase))
    for line in sorted(purchase.rows["settlement_line"], key=lambda row: row.id):
        name, right = purchase.row("settlement_line", line.id), wanted.pop((line.kind, line.object_id), None)
        if right is None:
            right = wanted.pop((line.kind, line.entry_id), None)
        if right is None:
            findings.note(
                name, "id", wanted="no row", got="a row", computed_from=f"the entries about {line.object_id}"
            )
            continue
        _prove_line(findings, purchase, line, right)
    for (kind, about), right in wanted.items():
        name = purchase.row("settlement_line", f"{kind}:{about}")
        findings.note(
            name, "id", wanted="a row", got="no row", computed_from=f"the ledger entry {right.entry_id}"
        )


def _prove_line(findings: Findings, purchase: Purchase, line: Any, right: Wanted) -> None:
    name, source = purchase.row("settlement_line", line.id), f"the ledger entry {right.entry_id}"
    net = right.amount_fen - right.merchant_fee_fen - right.merchant_subsidy_fen
    for column, wanted in (
        ("merchant_id", purchase.payment.merchant_id),
        ("mode", purchase.payment.mode),
        ("entry_id", right.entry_id),
        ("amount_fen", right.amount_fen),
        ("merchant_fee_fen", right.merchant_fee_fen),
        ("merchant_subsidy_fen", right.merchant_subsidy_fen),
        ("net_fen", net),
    ):
        findings.same(name, column, wanted=wanted, got=getattr(line, column), computed_from=source)
    pending = {right.from_pending_fen}
    if right.from_pending_fen is None:
        pending = {net, 0, min(net, _freed(purchase, line))}
    findings.among(name, "from_pending_fen", wanted=pending, got=line.from_pending_fen, computed_from=source)
    if right.capture_id is not None:
        findings.same(name, "capture_id", wanted=right.capture_id, got=line.capture_id, computed_from=source)
    entry = purchase.entries.by_id.get(right.entry_id)
    if entry is not None:
        findings.same(name, "created_at", wanted=entry.recorded_at, got=line.created_at, computed_from=source)


def _wanted(purchase: Purchase) -> Iterator[tuple[tuple[str, str], Wanted]]:
    """By kind and object, or kind and entry where the object is numbered."""
    unwinding = {
        line.capture_id: line
        for line in purchase.rows["settlement_line"]
        if line.kind == "refund" and not _is_refund(purchase.entries.by_id.get(line.entry_id))
    }
    for capture, drawn in purchase.captures_in_order():
        if drawn is None:
            continue
        fee, subsidy = -drawn.of("merchant_fee_income", "vat_payable"), -drawn.of("unearned_merchant_subsidy")
        pending = -drawn.of("merchant_pending")
        yield (
            ("capture", capture.id),
            Wanted("capture", drawn.of("loan_principal"), drawn.id, fee, subsidy, pending, capture.id),
        )
        amount = drawn.of("loan_principal")
        for entry, kind in refunds_of(purchase, capture):
            amount -= given_fen(entry)
            if kind is not None:
                back, unearned = (
                    entry.of("merchant_fee_income", "vat_payable"),
                    entry.of("unearned_merchant_subsidy"),
                )
                fee, subsidy = fee - back, subsidy - unearned
                borne = entry.of("merchant_pending")
                yield (
                    ("refund", entry.key.partition(":")[2]),
                    Wanted("refund", given_fen(entry), entry.id, back, unearned, borne, capture.id),
                )
        line = unwinding.get(capture.id)
        if drawn.id in purchase.entries.reversed_by and line is not None:
            yield (
                ("refund", line.object_id),
                Wanted("refund", amount, _booked_unwinding(purchase, line), fee, subsidy, None, capture.id),
            )
    yield from _others(purchase)


def _booked_unwinding(purchase: Purchase, line: Any) -> str:
    """The entry that moved the claims, else any reversal of the unwinding that the line names."""
    entry = purchase.entries.by_id.get(line.entry_id)
    if entry is not None and (entry.kind == "unwound_claim_moved" or entry.reverses):
        return entry.id
    return next(
        (one.id for one in purchase.all_entries() if one.kind == "unwound_claim_moved"), "of the unwinding"
    )


def _others(purchase: Purchase) -> Iterator[tuple[tuple[str, str], Wanted]]:
    """Disputes and subsidies."""
    for entry in purchase.all_entries():
        about = entry.key.partition(":")[2]
        if entry.kind == "dispute_opened":
            yield ("dispute", about), Wanted("dispute", -entry.of("dispute_hold"), entry.id)
        elif entry.kind == "dispute_won":
            yield ("dispute_won", about), Wanted("dispute_won", entry.of("dispute_hold"), entry.id)
        elif entry.kind in STAGES:
            freed = entry.kind != "stage_held"
            fen = entry.of("merchant_staged") if freed else entry.of("merchant_pending")
            yield (entry.kind, about), Wanted(entry.kind, fen, entry.id, from_pending_fen=fen)
        elif entry.kind == "subsidy_received":
            yield ("subsidy", about), Wanted("subsidy", -entry.of("subsidy_receivable"), entry.id)
        elif entry.kind == "subsidy_returned" and _was_paid(purchase, entry):
            yield (
                ("subsidy_return", entry.id),
                Wanted("subsidy_return", -entry.of("subsidy_receivable"), entry.id),
            )


def _was_paid(purchase: Purchase, entry: Entry) -> bool:
    """Whether the programme had paid when its subsidy went back; until then no line was due."""
    received = purchase.entries.by_key.get(f"subsidy_received:{entry.key.split(':')[1]}")
    return received is not None and received.order < entry.order


def _freed(purchase: Purchase, line: Any) -> int:
    """What stages that a refund ended have freed of the capture that it unwound: that is pending, too."""
    refund = line.object_id.partition(":")[0]
    of_capture = {one.id for one in purchase.rows["milestone"] if one.capture_id == line.capture_id}
    return sum(
        entry.of("merchant_staged")
        for entry in purchase.all_entries()
        if entry.kind == "stage_returned" and entry.about in of_capture and entry.key.endswith(f":{refund}")
    )


def _is_refund(entry: Entry | None) -> bool:
    return entry is not None and entry.kind == "refund"
