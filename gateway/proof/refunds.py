"""Refunds, disputes, returns to shoppers, collections and subsidy claims, against the entries that booked them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from gateway.payments.disputes.service import TIME_TO_RESPOND
from gateway.proof.entries import Entry
from gateway.proof.findings import Findings
from gateway.proof.payments import given_fen, is_unwound
from gateway.proof.purchases import Purchase

OUTCOMES = ("refund_confirmed", "refund_failed")


def prove(findings: Findings, purchase: Purchase) -> None:
    """Compare everything that gave money back, or asked for it, with the books."""
    for refund in purchase.rows["refund"]:
        _prove_refund(findings, purchase, refund)
    for dispute in purchase.rows["dispute"]:
        _prove_dispute(findings, purchase, dispute)
    for claim in purchase.rows["subsidy_claim"]:
        _prove_claim(findings, purchase, claim)
    for rows in purchase.of_loan.values():
        for row in rows["shopper_return"]:
            _prove_return(findings, purchase, row)
        _prove_collections(findings, purchase, rows)
    _prove_none_missing(findings, purchase)


def _prove_refund(findings: Findings, purchase: Purchase, refund: Any) -> None:
    """Its parts are those of the entries of its shares; an unwound share is all that was left of its capture."""
    row, book = purchase.row("refund", refund.id), purchase.entries
    booked = [entry for entry in book.about(refund.id) if entry.kind == "refund"]
    lost = _lost_dispute(purchase, refund.refund_reference) if refund.initiated_by == "dispute" else None
    shares = [*booked, *([lost] if lost else [])]
    lines = [
        line for line in purchase.rows["settlement_line"] if line.object_id.partition(":")[0] == refund.id
    ]
    unwound = [
        line for line in lines if line.kind == "refund" and line.entry_id not in {one.id for one in booked}
    ]
    in_transit = sum(
        entry.of("refund_in_transit", about=refund.id)
        for entry in _touching(purchase, refund.id)
        if entry.kind not in OUTCOMES
    )
    held = sum(
        _held_before_unwinding(purchase, line.capture_id)
        for line in unwound
        if ":unwound:" not in line.object_id
    )
    source = f"the entries about {refund.id}"
    fee = sum(entry.of("merchant_fee_income", "vat_payable") for entry in booked)
    subsidy = sum(entry.of("unearned_merchant_subsidy") for entry in booked)
    for column, wanted in (
        ("amount_fen", sum(map(given_fen, shares)) + sum(line.amount_fen for line in unwound)),
        ("loan_reduction_fen", held - sum(one.of("loan_principal", "recovery_income") for one in shares)),
        ("to_shopper_fen", -in_transit),
        ("merchant_fee_returned_fen", fee + sum(line.merchant_fee_fen for line in unwound)),
        ("merchant_subsidy_returned_fen", subsidy + sum(line.merchant_subsidy_fen for line in unwound)),
        ("status", _refund_status(purchase, refund)),
    ):
        findings.same(row, column, wanted=wanted, got=getattr(refund, column), computed_from=source)
    first = lost or next(iter(booked), None)
    if first is None and unwound:
        first = book.by_id.get(unwound[0].entry_id)
    if first is not None:
        findings.same(
            row, "created_at", wanted=first.recorded_at, got=refund.created_at, computed_from=source
        )


def _refund_status(purchase: Purchase, refund: Any) -> str:
    """What its returns to the shopper say; without one it had nothing to wait for."""
    returns = [
        row
        for rows in purchase.of_loan.values()
        for row in rows["shopper_return"]
        if row.refund_id == refund.id
    ]
    returns.sort(key=lambda row: row.id)
    states = {row.id: _outcome(purchase, row)[0] for row in returns}
    if "pending" in states.values():
        return "pending"
    if not returns:
        return "succeeded"
    since = returns[-1].created_at
    last = max(returns, key=lambda row: row.decided_at or since)
    failed = [row for row in returns if states[row.id] == "failed" and (row.decided_at or since) > since]
    return "failed" if failed or states[last.id] == "failed" else "succeeded"


def _held_before_unwinding(purchase: Purchase, capture_id: str) -> int:
    """Principal that was owed of a capture's loan when it was unwound."""
    capture = next((one for one in purchase.rows["capture"] if one.id == capture_id), None)
    drawn = purchase.entries.by_key.get(f"capture:{capture_id}")
    if capture is None or drawn is None or drawn.id not in purchase.entries.reversed_by:
        return 0
    end = purchase.entries.reversed_by[drawn.id].order
    before = (
        entry for entry in _touching(purchase, capture.loan_id) if entry.order < end and not entry.reverses
    )
    return sum(entry.of("loan_principal", about=capture.loan_id) for entry in before)


def _touching(purchase: Purchase, about: str) -> list[Entry]:
    """Entries of the purchase with a line about an object."""
    return [entry for entry in purchase.all_entries() if any(line[3] == about for line in entry.lines)]


def _lost_dispute(purchase: Purchase, dispute_id: str) -> Entry | None:
    suffix = f":{dispute_id}"
    for loan in purchase.of_loan:
        for entry in purchase.entries.about(loan):
            if entry.kind == "dispute_lost" and entry.key.endswith(suffix):
                return entry
    return None


def _prove_dispute(findings: Findings, purchase: Purchase, dispute: Any) -> None:
    row, book = purchase.row("dispute", dispute.id), purchase.entries
    opened, won = (book.by_key.get(f"dispute_{what}:{dispute.id}") for what in ("opened", "won"))
    lost = _lost_dispute(purchase, dispute.id)
    if opened is None:
        findings.note(
            row, "id", wanted="no row", got="a row", computed_from="the ledger, which has not opened it"
        )
        return
    decided = won or lost
    waiting = "under_review" if dispute.evidence is not None else "needs_response"
    states = ("won", "canceled") if won else ("lost", "accepted") if lost else (waiting,)
    source = f"the entries about {dispute.id}"
    findings.among(row, "status", wanted=states, got=dispute.status, computed_from=source)
    for column, wanted in (
        ("amount_fen", -opened.of("dispute_hold")),
        ("created_at", opened.recorded_at),
        ("respond_by", opened.recorded_at + TIME_TO_RESPOND),
        ("decided_at", decided.recorded_at if decided else None),
    ):
        findings.same(row, column, wanted=wanted, got=getattr(dispute, column), computed_from=source)


def _prove_claim(findings: Findings, purchase: Purchase, claim: Any) -> None:
    row, book = purchase.row("subsidy_claim", claim.id), purchase.entries
    claimed, received = (book.by_key.get(f"subsidy_{what}:{claim.id}") for what in ("claimed", "received"))
    if claimed is None:
        findings.note(
            row, "id", wanted="no row", got="a row", computed_from="the ledger, which has not booked it"
        )
        return
    back = [
        entry
        for entry in book.about(purchase.payment.id)
        if entry.key.startswith(f"subsidy_returned:{claim.id}:")
    ]
    for column, wanted in (
        ("amount_fen", claimed.of("subsidy_receivable")),
        ("programme", claimed.owner("subsidy_receivable")),
        ("returned_fen", -sum(entry.of("subsidy_receivable") for entry in back)),
        ("paid_at", received.recorded_at if received else None),
        ("created_at", claimed.recorded_at),
    ):
        findings.same(
            row, column, wanted=wanted, got=getattr(claim, column), computed_from=f"the entries of {claim.id}"
        )


def _outcome(purchase: Purchase, row: Any) -> tuple[str, Entry | None]:
    """What became of a return to the shopper, and the entry that says so."""
    confirmed, failed = (purchase.entries.by_key.get(f"{kind}:{row.id}") for kind in OUTCOMES)
    return ("succeeded", confirmed) if confirmed else ("failed", failed) if failed else ("pending", None)


def _prove_return(findings: Findings, purchase: Purchase, row: Any) -> None:
    name, (status, decided) = purchase.row("shopper_return", row.id), _outcome(purchase, row)
    source = f"the entries about {row.id}"
    findings.same(name, "status", wanted=status, got=row.status, computed_from=source)
    findings.same(
        name,
        "decided_at",
        wanted=decided.recorded_at if decided else None,
        got=row.decided_at,
        computed_from=source,
    )
    instructed = purchase.entries.by_key.get(f"credit_returned:{row.id}")
    recorded = [one.recorded_at for one in purchase.entries.about(row.refund_id)] if row.refund_id else []
    since = [instructed.recorded_at] if instructed else recorded
    findings.among(
        name, "created_at", wanted=since, got=row.created_at, computed_from="the entry that instructed it"
    )
    for entry, sign in ((instructed, -1), (decided, 1)):
        if entry is not None:
            wanted = sign * entry.of("refund_in_transit")
            findings.same(
                name, "amount_fen", wanted=wanted, got=row.amount_fen, computed_from=f"the entry {entry.key}"
            )


def _prove_collections(findings: Findings, purchase: Purchase, rows: dict[str, list[Any]]) -> None:
    """A collection has succeeded when the books have its receipt; its attempts are numbered without gaps."""
    receipts = {row.reference: row for row in rows["loan_repayment"]}
    attempts: dict[int, list[int]] = defaultdict(list)
    for row in rows["collection"]:
        attempts[row.period].append(row.attempt)
        name, receipt = purchase.row("collection", row.id), receipts.get(row.id)
        source = f"the receipts of {row.loan_id}"
        if receipt is not None:
            entry = purchase.entries.by_key.get(f"repayment:{receipt.id}") or purchase.entries.by_key.get(
                f"recovery:{receipt.id}"
            )
            booked = entry.of("funder_clearing") if entry else receipt.amount_fen
            findings.same(name, "amount_fen", wanted=booked, got=row.amount_fen, computed_from=source)
            findings.same(
                name,
                "decided_at",
                wanted=entry.recorded_at if entry else None,
                got=row.decided_at,
                computed_from=source,
            )
        states = ("succeeded",) if receipt else ("failed",) if row.failure else ("pending",)
        if not receipt and not row.failure and row.decided_at is not None:
            states = ("canceled",)
        findings.among(name, "status", wanted=states, got=row.status, computed_from=source)
        if not receipt:
            decided = row.decided_at is not None
            findings.same(
                name,
                "decided_at",
                wanted=row.status != "pending",
                got=decided,
                computed_from="its own status",
            )
        due = purchase.entries.by_key.get(f"instalment_due:{row.loan_id}:{row.period}")
        if due is not None and row.created_at < due.recorded_at:
            findings.note(
                name,
                "created_at",
                wanted=f"{due.recorded_at} or later",
                got=row.created_at,
                computed_from=f"the ledger entry {due.key}",
            )
    known = {row.id for row in rows["collection"]}
    for reference, receipt in receipts.items():
        if reference.startswith("col_") and reference not in known:
            name = purchase.row("collection", reference)
            findings.note(name, "id", wanted="a row", got="no row", computed_from=f"the receipt {receipt.id}")
    for period, numbers in attempts.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            name = purchase.row("collection", f"{rows['collection'][0].loan_id}:{period}")
            findings.note(
                name,
                "attempt",
                wanted=f"1 to {len(numbers)}",
                got=sorted(numbers),
                computed_from="its own attempts",
            )


def _prove_none_missing(findings: Findings, purchase: Purchase) -> None:
    """Whatever the books know of a purchase has its row."""
    stored = {row.id for name in ("dispute", "subsidy_claim") for row in purchase.rows[name]}
    stored |= {row.id for rows in purchase.of_loan.values() for row in rows["shopper_return"]}
    stored |= {row.id for row in purchase.rows["capture"]}
    wanted = {
        "dispute_lost": ("dispute", -1),
        "subsidy_claimed": ("subsidy_claim", 1),
        "captured": ("capture", 1),
    }
    for entry in purchase.all_entries():
        if entry.kind in wanted:
            table, part = wanted[entry.kind]
            id = entry.key.split(":")[part]
            if id not in stored:
                name = purchase.row(table, id)
                findings.note(
                    name, "id", wanted="a row", got="no row", computed_from=f"the ledger entry {entry.key}"
                )
    for capture in purchase.rows["capture"]:
        if is_unwound(purchase, capture) and not any(
            line.kind == "refund" and line.capture_id == capture.id
            for line in purchase.rows["settlement_line"]
        ):
            name = purchase.row("settlement_line", capture.id)
            findings.note(
                name, "id", wanted="a row", got="no row", computed_from=f"the unwinding of {capture.id}"
            )
