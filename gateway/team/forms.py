"""Sealed form tokens: only the gateway can make one, and it ages."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import timedelta
from typing import Any

from flask import request

from gateway.monitoring.security_events import security_event
from gateway.privacy.vault import VaultError
from gateway.web.context import gateway


def sealed(kind: str, **facts: Any) -> str:
    """A token for one kind of form, with what the answer must come back to."""
    here = gateway()
    content = json.dumps({"at": here.clock().timestamp(), **facts})
    return base64.urlsafe_b64encode(here.vault.seal(content, table="form", row=kind, column="token")).decode()


def opened(kind: str, life: timedelta) -> dict[str, Any] | None:
    """What the token of the form sent says, if it is ours, of this kind, and young enough."""
    here = gateway()
    try:
        raw = base64.urlsafe_b64decode(request.form.get("form", "").encode("ascii"))
        content: dict[str, Any] = json.loads(here.vault.open(raw, table="form", row=kind, column="token"))
    except (binascii.Error, UnicodeEncodeError, VaultError):
        security_event("form_refused", reason=kind)
        return None
    age = timedelta(seconds=here.clock().timestamp() - content["at"])
    return content if age <= life else None
