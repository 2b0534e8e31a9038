"""The portal beside the real gateway, in one process, with a person logged in."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

# The gateway's fixtures (app, clock, api) serve here too; conftest modules cannot be imported by name.
_spec = importlib.util.spec_from_file_location(
    "gateway_fixtures", Path(__file__).parents[1] / "gateway" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
__import__("sys").modules["gateway_fixtures"] = _fixtures
_spec.loader.exec_module(_fixtures)
app, api, clock, new_merchant = _fixtures.app, _fixtures.api, _fixtures.clock, _fixtures.new_merchant


class Person:
    """Somebody with a browser without JavaScript: one jar of cookies a site, forms sent as they stand."""

    def __init__(self, gateway: Flask, portal: Flask) -> None:
        self.gateway, self.portal = gateway.test_client(), portal.test_client()

    def log_in(self, credentials: dict[str, Any]) -> Any:
        """Go through the gateway's login and come back to the portal."""
        door = self.portal.get("/login").location
        page = self.gateway.get(_path(door))
        page = self.gateway.post(
            _action(page.text),
            data={
                **_hidden(page.text),
                "email": credentials["portal_email"],
                "password": credentials["portal_password"],
            },
        )
        if page.status_code == 200:
            page = self.gateway.post(_action(page.text), data={**_hidden(page.text), "continue": "yes"})
        return self.portal.get(_path(page.location).removeprefix("/portal"))

    def send(self, path: str, page: str, **changes: str) -> Any:
        """Send the form of ``page`` to ``path``."""
        main = page[page.index("<main") :]
        return self.portal.post(path, data={**_hidden(main), **changes})


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _action(page: str) -> str:
    import html  # noqa: PLC0415

    found = re.search(r'<form method="post" action="([^"]+)"', page)
    assert found, page
    return html.unescape(found.group(1))


def _hidden(page: str) -> dict[str, str]:
    import html  # noqa: PLC0415

    return {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    }


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody at the door of the portal."""
    from gateway.process import server  # noqa: PLC0415

    return Person(app, server.portal(app))


@pytest.fixture
def desk(person: Person, api: Any) -> FlaskClient:
    """The portal with the merchant's owner logged in."""
    assert person.log_in(api.credentials).status_code == 303
    return person.portal
