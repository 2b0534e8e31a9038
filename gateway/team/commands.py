"""What ``fenqi-gateway member …`` does. Returns the exit code."""

from __future__ import annotations

import json

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.db.transactions import Database, Transaction
from gateway.errors import NotFound
from gateway.team import factors, service, sessions


def reset_factors(db: Database, actor: Actor, email: str) -> int:
    """Remove a person's second factors and end their sessions; the password stays. Raises ``NotFound``.

    For people who have lost every factor and recovery code, once it is certain who is asking.
    """

    def in_transaction(tx: Transaction) -> dict[str, str]:
        person = service.member_of_email(tx, email)
        if person is None:
            raise NotFound(f"No login uses the address {email!r}.")
        factors.forget_all(tx, person.id)
        sessions.end_all(tx, person.id)
        audit.record(tx, actor, "member.reset_factors", about=person.id, merchant_id=person.merchant_id)
        return {"member": person.id, "merchant": person.merchant_id, "role": person.role}

    print(json.dumps(db.write(in_transaction), indent=2))
    return 0
