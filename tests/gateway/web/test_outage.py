"""While the database is away, the answer is 503 with Retry-After, for programs and for people; never a bare 500."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.config import Settings


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """A gateway whose database does not answer: nothing listens on that port."""
    settings = Settings(
        database_url="postgresql://fenqi@127.0.0.1:1/fenqi?connect_timeout=1",
        data_dir=tmp_path,
        public_url="http://g.test",
    )
    return create_app(settings).test_client()


def test_programs_get_a_problem(client):
    answer = client.get("/v1/plans?amount=599900&key=pk_test_x")
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert "Nothing was changed" in answer.json["detail"]


def test_people_get_a_page(client):
    answer = client.get("/checkout/chk_x", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "没有发生任何扣款" in answer.text


def test_readiness_says_so_and_liveness_does_not(client):
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
