"""References to the outside: made of what an instruction is about, never of chance.

A gateway that goes on from an older backup instructs again what it has forgotten. The institution knows it by the same
reference, so it happens once.
"""

from __future__ import annotations

import hashlib
import hmac

from gateway.core.tenant import Tenant

DOMAIN = b"fenqi outside reference v1\x00"
"""Keys the hash, so that it equals no other hash of the same words. It is not a secret: a reference proves nothing."""
DIGITS = 32


def reference(prefix: str, tenant: Tenant, *key: str | int) -> str:
    """The reference of one effect, such as ``col_3f0c…``: HMAC-SHA-256 of mode, merchant and business key, 128 bits.

    ``prefix`` names the kind of effect and parts the kinds from each other. ``key`` says what the effect is about in
    words that a restored backup still has or is told again: an order's number, a day, a count.
    """
    parts = [tenant.mode, tenant.merchant_id, *map(str, key)]
    # Each part with its length, so that no two keys run together into the same words.
    text = b"".join(b"%d:%s" % (len(part.encode()), part.encode()) for part in parts)
    digest = hmac.new(DOMAIN + prefix.encode(), text, hashlib.sha256).hexdigest()
    return f"{prefix}_{digest[:DIGITS]}"
