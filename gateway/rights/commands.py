"""What ``fenqi-gateway privacy …`` and ``fenqi-gateway review …`` do. Each returns the exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gateway.checkout import consents
from gateway.decision import reviews
from gateway.identity import service as identity
from gateway.ledger.progress import bar
from gateway.rights import erasure, export, rotation
from gateway.web.context import Gateway


def find(gateway: Gateway, *, mode: str, id_number: str) -> int:
    """Print the identifier of the person with an ID number: 1 when there is none."""
    with gateway.db.read() as tx:
        found = identity.found_by_id_number(
            tx, gateway.vault, mode="live" if mode == "live" else "test", id_number=id_number
        )
    _print({"shopper": found})
    return 0 if found else 1


def export_person(gateway: Gateway, *, shopper: str, out: Path | None) -> int:
    """Write all that is stored about a person as JSON, to a file for the owner's eyes only or to the output."""
    with gateway.db.read() as tx:
        found = export.export(tx, gateway.vault, shopper)
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if out is None:
        print(text, end="")
        return 0
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


def erase_person(gateway: Gateway, *, shopper: str) -> int:
    """Erase a person, or freeze the wish and say why and until when; 0 either way."""
    _print(gateway.db.write(lambda tx: erasure.ask(tx, gateway.settings, shopper)))
    return 0


def withdraw(gateway: Gateway, *, shopper: str, kind: str) -> int:
    """Take a consent back for a person who asked for it."""
    count = gateway.db.write(lambda tx: consents.withdraw(tx, shopper, kind, channel="staff"))
    _print({"shopper": shopper, "kind": kind, "withdrawn": count})
    return 0


def rotate_keys(gateway: Gateway, *, resume: bool) -> int:
    """Rotate the master key and show how far it has come."""
    with bar() as progress:
        done = rotation.rotate(gateway, resume=resume, progress=progress)
    _print(done.as_json())
    return 0


def list_reviews(gateway: Gateway) -> int:
    """Print the requests for a human review that wait, with what the reviewer needs; nothing names the person."""
    with gateway.db.read() as tx:
        found = reviews.waiting(tx)
    _print(
        [
            {
                "review": review.id,
                "requested_at": review.requested_at.isoformat(),
                "mode": review.mode,
                "checkout": review.checkout_id,
                "shopper": review.shopper_id,
                "amount": decision.amount_fen,
                "decided_by": decision.decided_by,
                "reasons": [reason["code"] for reason in decision.reasons],
                "signals": decision.signals,
                "fraud_score": decision.fraud_score,
                "credit_score": decision.credit_score,
                "model": decision.model,
            }
            for review, decision in found
        ]
    )
    return 0


def resolve_review(gateway: Gateway, *, review: str, outcome: str, by: str) -> int:
    """Record the answer to a request for a human review."""
    row = gateway.db.write(lambda tx: reviews.resolve(tx, review, outcome=outcome, by=by))
    _print({"review": row.id, "status": row.status, "resolved_by": row.resolved_by})
    return 0


def _print(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
