"""What ``fenqi-gateway rates …`` does. Each returns the exit code.

A file is read and checked before its proposer is asked for a code, which can be used once only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from gateway.core.calendar import shanghai_date
from gateway.core.tables import listed, reported
from gateway.db.transactions import Database, Transaction
from gateway.errors import ValidationFailed
from gateway.merchants import service as merchants
from gateway.operators.decisions import Person
from gateway.plans import service as plans
from gateway.plans.cards import difference, files, service
from gateway.plans.cards.files import Read, Unreadable
from gateway.plans.models import RateCard
from gateway.web.context import Gateway

Prove = Callable[[], Person]
Names = Callable[[Transaction, set[str]], Mapping[str, str]]
"""By id the names of operators."""
DECISIONS = {"reject": service.reject, "withdraw": service.withdraw}


def propose(
    gateway: Gateway, prove: Prove, *, path: Path, merchant: str, first_day: date, reason: str
) -> int:
    """Propose the card in a file and print what it would change; each fault of the file is printed with its place."""
    lender = plans.lender_of(gateway.settings)
    try:
        with path.open("rb") as opened:
            card = files.read(path.name, opened.read(files.MOST_BYTES + 1))
    except Unreadable as error:
        return _refused(path, error.faults)
    try:
        with gateway.db.read() as tx:
            merchants.get(tx, merchant)
            service.check(tx, card.content, first_day=first_day, lender=lender)
    except ValidationFailed as error:
        return _refused(path, _placed(card, error))
    by = prove()

    def in_transaction(tx: Transaction) -> tuple[str, dict[str, Any]]:
        row = service.propose(
            tx, merchant, card.content, first_day=first_day, reason=reason, by=by, lender=lender
        )
        return row.id, service.difference_of(tx, row)

    id, changes = gateway.db.write(in_transaction)
    print(f"{id} is proposed for {merchant} from {first_day} on: {_summary(changes)}.")
    _print_changes(changes)
    print(f"Another operator confirms it: fenqi-gateway rates confirm {id} --by NAME --reason WHY")
    return 0


def confirm(gateway: Gateway, prove: Prove, card_id: str, *, reason: str) -> int:
    """Confirm a proposal of somebody else and print what it changes."""
    lender = plans.lender_of(gateway.settings)
    with gateway.db.read() as tx:
        service.proposed(tx, card_id)
    by = prove()

    def in_transaction(tx: Transaction) -> tuple[RateCard, dict[str, Any]]:
        changes = service.difference_of(tx, service.proposed(tx, card_id))
        return service.confirm(tx, card_id, reason=reason, by=by, lender=lender), changes

    row, changes = gateway.db.write(in_transaction)
    print(f"{row.id} is confirmed for {row.merchant_id} from {row.first_day} on: {_summary(changes)}.")
    _print_changes(changes)
    return 0


def preview(gateway: Gateway, card_id: str, *, as_json: bool) -> int:
    """Print what a confirmation would change now, after the checks that it would make. Nothing is changed."""
    with gateway.db.read() as tx:
        row = service.proposed(tx, card_id)
        lender = plans.lender_of(gateway.settings)
        service.check(tx, service.content_of(row), first_day=row.first_day, lender=lender)
        changes = service.difference_of(tx, row)
    if as_json:
        print(reported(changes, as_json=True))
        return 0
    print(f"{row.id} would be in force for {row.merchant_id} from {row.first_day} on: {_summary(changes)}.")
    _print_changes(changes)
    return 0


def decide(gateway: Gateway, prove: Prove, card_id: str, *, verb: str, reason: str) -> int:
    """Reject or withdraw a proposal, by ``verb``."""
    with gateway.db.read() as tx:
        service.proposed(tx, card_id)
    by = prove()

    def in_transaction(tx: Transaction) -> str:
        return DECISIONS[verb](tx, card_id, reason=reason, by=by).status

    print(f"{card_id} is {gateway.db.write(in_transaction)}.")
    return 0


def show_list(
    db: Database, names: Names, *, merchant: str | None, status: str | None, limit: int, as_json: bool
) -> int:
    """Print the newest cards."""
    with db.read() as tx:
        rows = service.newest(tx, merchant_id=merchant, status=status, limit=limit)
        known = names(tx, {id for row in rows for id in (row.proposed_by, row.decided_by) if id})
        print(listed([_head(row, known) for row in rows], as_json=as_json))
    return 0


def show(db: Database, names: Names, card_id: str, *, as_json: bool) -> int:
    """Print a card whole; of a proposal also what it would change now."""
    with db.read() as tx:
        row = service.get(tx, card_id)
        report = {
            **_head(row, names(tx, {id for id in (row.proposed_by, row.decided_by) if id})),
            "reason": row.reason,
            "decision_reason": row.decision_reason,
            "prices": row.prices,
            "subsidy_programmes": row.subsidy_programmes,
            "difference": service.difference_of(tx, row) if row.status == "proposed" else None,
        }
    print(reported(report, as_json=as_json))
    return 0


def export(db: Database, merchant: str, *, first_day: date | None, form: str, out: Path | None) -> int:
    """Write what holds for a merchant from a day on as a file that ``propose`` takes back unchanged."""
    with db.read() as tx:
        merchants.get(tx, merchant)
        card = service.as_it_stands(tx, merchant, first_day or shanghai_date(tx.now))
    text = files.csv_text(card) if form == "csv" else files.json_text(card)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_bytes(text.encode())
    return 0


def _head(row: RateCard, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "merchant": row.merchant_id,
        "status": row.status,
        "valid_from": row.first_day.isoformat(),
        "proposed_by": names.get(row.proposed_by, row.proposed_by),
        "proposed_at": f"{row.proposed_at:%Y-%m-%dT%H:%M:%SZ}",
        "decided_by": names.get(row.decided_by, row.decided_by) if row.decided_by else None,
        "decided_at": f"{row.decided_at:%Y-%m-%dT%H:%M:%SZ}" if row.decided_at else None,
    }


def _placed(card: Read, error: ValidationFailed) -> list[tuple[str, str]]:
    return [(card.place(one["param"]), one["detail"]) for one in error.extra["errors"]]


def _refused(path: Path, faults: Sequence[tuple[str, str]]) -> int:
    for place, says in faults:
        print(f"{path.name}, {place}: {says}", file=sys.stderr)
    print("Nothing was proposed.", file=sys.stderr)
    return 1


def _summary(changes: Mapping[str, Any]) -> str:
    counts = changes["counts"]
    told = ", ".join(
        f"{counts[kind]} {kind}" for kind in (difference.SAME, difference.CHANGED, difference.ADDED)
    )
    followed = f"; another card follows on {changes['followed_on']}" if changes["followed_on"] else ""
    replaced = f"; it replaces {changes['replaces']}" if changes["replaces"] else ""
    return f"{told}, {counts[difference.REMOVED]} removed{followed}{replaced}"


def _print_changes(changes: Mapping[str, Any]) -> None:
    rows = [row for row in changes["rows"] if row["change"] != difference.SAME]
    if rows:
        print(listed([_line(row) for row in rows], as_json=False))


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    before, after = row["before"] or {}, row["after"] or {}
    differs = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {
        "change": row["change"],
        "term": row.get("term"),
        "category": row.get("category"),
        "lender": row.get("lender"),
        "programme": row.get("subsidy_programme"),
        "before": _said(before, differs),
        "after": _said(after, differs),
    }


def _said(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return " ".join(f"{name}={row[name]}" for name in names if row.get(name) is not None) or None
