"""A partner institution: a merchant's server whose client may ask for scores."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.merchants import service as merchants
from gateway.oauth import service


@pytest.fixture
def partner(app: Any, new_merchant: Any) -> Any:
    """An API client with the scope ``scores:write``."""
    api, gateway = new_merchant(), app.extensions["fenqi"]
    merchant = api.credentials["merchant"]
    gateway.db.write(lambda tx: merchants.agree_scopes(tx, merchant, give=["scores:write"]))
    client_id, secret = gateway.db.write(
        lambda tx: service.create_client(
            tx, gateway.vault, merchant_id=merchant, mode="test", scopes=("scores:write",)
        )
    )
    api.credentials |= {"client_id": client_id, "client_secret": secret}
    api.login()
    return api
