"""What ``fenqi-gateway privacy …`` does. Each function returns the exit code.

Every look at a person's data and every change is recorded in the audit log, in the same transaction.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.checkout import consents
from gateway.core.tables import listed, reported
from gateway.data_requests import erasure, export, reindexing, rotation
from gateway.db.progress import bar
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.identity import claims
from gateway.identity import service as identity
from gateway.privacy import remains, subjects
from gateway.web.context import Gateway

PATIENCE_SECONDS = 10
"""How long a command waits for transactions that still read what was erased."""


def find(gateway: Gateway, *, mode: str, id_number: str, as_json: bool) -> int:
    """Print the holder of an ID number and anyone else who gave it; returns 1 when there is none."""

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        found = identity.found_by_id_number(
            tx, gateway.vault, mode="live" if mode == "live" else "test", id_number=id_number
        )
        _record(tx, "privacy.find", found or "nobody")
        claimed_by = claims.of_number(tx, found) if found else []
        return {"shopper": found} | ({"claimed_by": claimed_by} if claimed_by else {})

    told = gateway.db.write(in_transaction)
    print(reported(told, as_json=as_json))
    return 0 if told["shopper"] else 1


def export_person(gateway: Gateway, *, shopper: str, out: Path | None) -> int:
    """Write all that is stored about a person as JSON, to a file for the owner's eyes only or to the output."""

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        found = export.export(tx, gateway.vault, shopper)
        _record(tx, "privacy.export", shopper)
        return found

    found = gateway.db.write(in_transaction)
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if out is None:
        print(text, end="")
        return 0
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


def erase_person(gateway: Gateway, *, shopper: str) -> int:
    """Erase a person, or freeze the wish and say why and until when; 0 either way.

    ``complete`` says whether the files hold nothing of the person's key any more; while they do, the worker goes on.
    """

    def in_transaction(tx: Transaction) -> tuple[dict[str, Any], bytes | None]:
        wrapped = subjects.wrapped_key(tx, shopper)
        answer = erasure.ask(tx, gateway.settings, shopper)
        _record(tx, "privacy.erase", shopper, status=answer["status"])
        return answer, wrapped

    answer, wrapped = gateway.db.write(in_transaction, READ_COMMITTED)
    if answer["status"] == "erased":
        why = remains.clear(gateway.db, seconds=PATIENCE_SECONDS, wrapped=wrapped)
        answer |= _completeness(why)
    _print(answer)
    return 0


def scrub(db: Database) -> int:
    """Remove what is left of destroyed keys from the files: 1 while something is."""
    why = remains.clear(db, seconds=PATIENCE_SECONDS)
    _print(_completeness(why))
    return 0 if why is None else 1


def withdraw(gateway: Gateway, *, shopper: str, kind: str) -> int:
    """Take a consent back for a person who asked for it."""

    def in_transaction(tx: Transaction) -> int:
        count = consents.withdraw(tx, shopper, kind, channel="staff")
        _record(tx, "privacy.withdraw", shopper, kind=kind, withdrawn=count)
        return count

    _print({"shopper": shopper, "kind": kind, "withdrawn": gateway.db.write(in_transaction)})
    return 0


def rotate_keys(gateway: Gateway, *, resume: bool) -> int:
    """Rotate the master key and show how far it has come."""
    with bar() as progress:
        done = rotation.rotate(gateway, resume=resume, progress=progress)
    gateway.db.write(lambda tx: _record(tx, "privacy.rotate_keys", done.key_id, **done.as_json()))
    _print(done.as_json())
    return 0


def retire_key(gateway: Gateway, *, resume: bool) -> int:
    """Rotate the master key and destroy the older ones; raises ``KeyInUse`` with nothing destroyed."""
    with bar() as progress:
        done = rotation.retire(
            gateway, Actor.at_the_command_line(), resume=resume, progress=progress, wait=_wait
        )
    why = remains.rewrite(gateway.db, seconds=PATIENCE_SECONDS)
    _print({**done.as_json(), **_completeness(why)})
    return 0


def rotate_lookup(gateway: Gateway, *, forget: bool) -> int:
    """Rotate the key that people are looked up by; raises ``KeyInUse`` with nothing destroyed."""
    with bar() as progress:
        done = reindexing.rotate_lookup(
            gateway, Actor.at_the_command_line(), forget=forget, progress=progress, wait=_wait
        )
    _print(done.as_json())
    return 0


def keys(gateway: Gateway, *, as_json: bool) -> int:
    """Print the master keys, newest first, with how many values each has sealed."""
    with gateway.db.read() as tx:
        rows = [
            {
                "epoch": key.epoch,
                "key_id": key.id,
                "made_at": key.made_at.isoformat() if key.made_at else None,
                "sealed": sum(rotation.sealed_with(tx, key.id).values()),
            }
            for key in gateway.vault.master_keys()
        ]
    print(listed(rows, as_json=as_json))
    return 0


def _completeness(why: str | None) -> dict[str, Any]:
    return {"complete": True} if why is None else {"complete": False, "incomplete_because": why}


def _wait(seconds: float) -> None:
    print(f"Waiting {seconds:.0f} s for running servers to finish their requests.", file=sys.stderr)
    time.sleep(seconds)


def _record(tx: Transaction, action: str, about: str, **facts: Any) -> None:
    audit.record(tx, Actor.at_the_command_line(), action, about=about, facts=facts)


def _print(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
