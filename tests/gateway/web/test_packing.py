"""The snippet, styles and the API document go compressed; the hashes and the changelog of the snippet beside it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

import pytest

from tests.gateway.shopper import enter
from tests.one_database import database_url  # noqa: F401

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize(
    "path", ["/js/v1/fenqi.js", "/v1/openapi.json", "/static/fenqi.css", "/static/checkout.js"]
)
def test_what_everybody_gets_alike_is_packed_for_who_takes_it(app: Any, path: str) -> None:
    client = app.test_client()
    plain, packed = client.get(path), client.get(path, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    assert client.get(path, headers={"Accept-Encoding": "gzip;q=0"}).data == plain.data
    if packed.headers.get("ETag"):
        assert packed.headers["ETag"] != plain.headers["ETag"]


def test_pages_of_a_person_are_not_packed(app: Any, api: Any) -> None:
    client = app.test_client()
    checkout = api.checkout()
    enter(client, checkout)
    assert "Content-Encoding" not in client.get(f"/checkout/{checkout['id']}", headers=GZIP).headers


def test_hashes_and_changelog_stand_beside_the_scripts(app: Any) -> None:
    client = app.test_client()
    versions = json.loads(client.get("/js/versions.json").data)
    changelog = client.get("/js/CHANGELOG.md")
    assert changelog.headers["Access-Control-Allow-Origin"] == "*"
    for version, integrity in versions.items():
        script = client.get(f"/js/v{version}/fenqi.js").data
        assert integrity == "sha384-" + base64.b64encode(hashlib.sha384(script).digest()).decode()
        assert f"## {version}" in changelog.text
        assert integrity in changelog.text


def test_checkout_page_weighs_little(app: Any, api: Any) -> None:
    client = app.test_client()
    page = enter(client, api.checkout())
    style = client.get("/static/fenqi.css", headers=GZIP)
    script = client.get("/static/checkout.js", headers=GZIP)
    weight = len(page.data) + len(style.data) + len(script.data)
    assert weight <= 30_000, "three requests, none compressed that holds what was typed"
