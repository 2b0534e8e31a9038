"""Recording what came by the API."""

from __future__ import annotations

import hashlib

from gateway.audit import service
from gateway.audit.service import Actor
from gateway.db.transactions import Transaction
from gateway.web.context import Caller


def of_call(tx: Transaction, caller: Caller, operation: str, about: str, answer: bytes) -> None:
    """One write by the API: who called, and what it was answered, as a hash."""
    actor = Actor("member", caller.user_id) if caller.user_id else Actor("client", caller.client_id)
    service.record(
        tx,
        actor,
        operation,
        about=about,
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        facts={"client": caller.client_id, "answer_sha256": hashlib.sha256(answer).hexdigest()},
    )
