"""Which names the server answers under, what it believes of proxies, and that browsers stay with https."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from fenqi.wsgi import wsgi_session
from gateway.app import create_app
from gateway.web.hosts import is_ours
from merchant_portal import create_app as create_portal
from tests.one_database import database_url  # noqa: F401

STAYS = "Strict-Transport-Security"


def portal_of(app: Flask, url: str, folder: Path, proxies: int = 0) -> Flask:
    return create_portal(
        gateway_url=url,
        portal_url=f"{url}/portal",
        client_id="ci_test_portal",
        secret_key=b"k" * 32,
        folder=folder,
        session=wsgi_session(app, url),
        proxies=proxies,
    )


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("pay.example.com", True),
        ("PAY.example.com:443", True),
        ("pay.example.com:8443", False),
        ("localhost:8400", True),
        ("127.0.0.1:1", True),
        ("[::1]:8400", True),
        ("evil.example", False),
        ("pay.example.com.evil.example", False),
        ("pay.example.com@evil.example", False),
        ("evil.example/pay.example.com", False),
        ("pay.example.com:99999", False),
        ("[", False),
        ("", False),
    ],
)
def test_the_public_url_and_this_machine_are_names_of_ours(host: str, ours: bool) -> None:
    assert is_ours(host, "https://pay.example.com") is ours


def test_another_host_is_refused_and_sent_nowhere(app: Flask, tmp_path: Path) -> None:
    portal = portal_of(app, "http://gateway.test", tmp_path)
    evil = {"Host": "evil.example"}
    for path, accept in (("/v1/plans", "application/json"), ("/plans", "text/html"), ("/js/v1", "text/html")):
        answer = app.test_client().get(path, headers={**evil, "Accept": accept})
        assert answer.status_code == 400, path
        assert "Location" not in answer.headers
        assert "http://evil.example" not in answer.text
    assert (
        app.test_client()
        .get("/v1/plans", headers=evil)
        .json["detail"]
        .startswith("This server answers only for http://gateway.test")
    )
    for path in ("", "/", "/login", "/nothing"):
        answer = portal.test_client().get(path, headers=evil, environ_overrides={"SCRIPT_NAME": "/portal"})
        assert answer.status_code == 400, path
        assert "evil.example" not in answer.headers.get("Location", "")
    assert portal.test_client().get("/", headers={"Host": "["}).status_code == 400
    assert app.test_client().get("/readyz", headers={"Host": "10.0.0.7:8400"}).status_code == 200


def test_browsers_are_told_to_stay_with_https_where_the_public_url_has_it(app: Flask, tmp_path: Path) -> None:
    here = app.extensions["fenqi"].settings
    secure = create_app(replace(here, public_url="https://gateway.test", proxies=1))
    pages = [(secure, "/plans"), (portal_of(secure, "https://gateway.test", tmp_path, proxies=1), "/")]
    for site, path in pages:
        for forwarded in ("http", "https"):  # whatever the proxy says
            answer = site.test_client().get(path, headers={"X-Forwarded-Proto": forwarded})
            assert answer.headers.getlist(STAYS) == ["max-age=31536000"]
    for site, path in ((app, "/plans"), (portal_of(app, "http://gateway.test", tmp_path), "/")):
        assert STAYS not in site.test_client().get(path).headers


def test_a_proxy_that_nobody_declared_is_told_of_once(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    client = app.test_client()
    with caplog.at_level(logging.WARNING, "gateway.hosts"):
        assert client.get("/healthz").status_code == 200
        assert not caplog.records
        for _ in range(3):
            client.get("/healthz", headers={"X-Forwarded-For": "203.0.113.7"})

    (record,) = caplog.records
    assert "FENQI_PROXIES is 0" in record.getMessage()
    assert "203.0.113.7" not in record.getMessage()
