"""One-time codes by time (RFC 6238): six digits every 30 seconds, of the step before, of now, or of the next one."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

STEP_SECONDS = 30
ISSUER = "Fenqi"


def matching_step(secret: str, code: str, *, at: datetime, after: int) -> int | None:
    """The step whose code was given, if it is around ``at`` and later than step ``after``, the last one used."""
    given = code.replace(" ", "")
    if len(given) != 6 or not given.isascii() or not given.isdigit():
        return None
    app, now = pyotp.TOTP(secret), int(at.timestamp()) // STEP_SECONDS
    for step in (now - 1, now, now + 1):
        if step > after and hmac.compare_digest(app.generate_otp(step), given):
            return step
    return None


def address(secret: str, name: str) -> str:
    """The ``otpauth://`` address that an app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
