"""The merchants' portal: a client of the public API by the SDK, like any other program a merchant could write."""

from __future__ import annotations

from merchant_portal.app import create_app

__all__ = ["create_app"]
