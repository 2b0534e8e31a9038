"""A person who is logged in to the portal."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.oauth.conftest import make_portal

__all__ = ["make_portal"]


@pytest.fixture
def person(app: Any, api: Any, make_portal: Any) -> Any:
    """The API as an owner of the merchant uses it, through the portal."""
    api.login()
    return type(api)(app.test_client(), api.credentials, make_portal().tokens()["access_token"])
