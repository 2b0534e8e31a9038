"""How our cookies are named and kept: for this host alone and over https only, where the public URL has https."""

from __future__ import annotations

from typing import Any

from gateway.web.context import gateway


def name_of(plain: str) -> str:
    """The cookie's name: with ``__Host-``, a browser takes it from this very host over https only."""
    return f"__Host-{plain}" if _is_https() else plain


def options() -> dict[str, Any]:
    """What each is set and deleted with; no script reads it, and no form of another site sends it."""
    return {"path": "/", "httponly": True, "samesite": "Lax", "secure": _is_https()}


def _is_https() -> bool:
    return gateway().settings.public_url.startswith("https:")
