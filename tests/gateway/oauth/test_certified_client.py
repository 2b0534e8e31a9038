"""oauth4webapi and openid-client, which are certified by the OpenID Foundation, complete every flow of the server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from werkzeug.serving import make_server

from gateway.app import create_app, utc_now
from gateway.config import Settings
from gateway.oauth import service
from gateway.process.onboarding import onboard
from gateway.team import service as team
from tests.gateway.oauth.conftest import PASSWORD, Portal
from tests.one_database import database_url  # noqa: F401

FOLDER = Path(__file__).parents[2] / "oauth_client"
EXPECTED = [
    "discovery",
    "resource metadata",
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt with DPoP and nonce",
    "API call with DPoP",
    "introspection",
    "revocation",
    "code with PKCE, PAR, iss and DPoP",
    "refresh with DPoP",
    "API call of a person",
    "a revoked login does not refresh",
    "openid-client: private_key_jwt and DPoP",
    "openid-client: code with PKCE and PAR",
]


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js with the client's packages."""
    found = shutil.which("node")
    if found is None or not (FOLDER / "node_modules" / "oauth4webapi").is_dir():
        pytest.skip("no Node.js, or the packages of tests/oauth_client are not installed: ./run setup --all")
    return found


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[tuple[Any, str]]:  # noqa: F811
    """A gateway that really listens, by the machine's clock, because the client takes the time from there."""
    holder: dict[str, Any] = {}
    server = make_server("127.0.0.1", 0, lambda *call: holder["app"](*call), threaded=True)  # noqa: PLW0108 - not there yet
    url = f"http://127.0.0.1:{server.server_port}"
    settings = Settings(
        database_url=database_url, data_dir=tmp_path / "data", public_url=url, worker_in_process=False
    )
    holder["app"] = create_app(settings, clock=utc_now)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield holder["app"], url
    server.shutdown()
    thread.join()
    server.server_close()


def test_certified_clients_complete_every_flow(place, node):
    app, url = place
    here, redirect = app.extensions["fenqi"], "http://gateway.test/portal/callback"
    merchant = onboard(
        here,
        name="商户",
        name_en="Shop",
        category="3c",
        mode="test",
        email="a@shop.example",
        webhook_url=None,
    )
    own = ECKey.generate_key("P-256", auto_kid=True)

    def work(tx: Any) -> tuple[str, str]:
        keyed = service.create_client_with_keys(
            tx,
            merchant_id=merchant["merchant"],
            mode="test",
            jwks={"keys": [own.as_dict(private=False)]},
            alg="ES256",
        )
        team.create_team_member(
            tx,
            merchant_id=merchant["merchant"],
            email="wang@shop.example",
            name="王小明",
            password=PASSWORD,
            role="owner",
        )
        return keyed.id, service.portal_client(tx, redirect_uris=[redirect], mode="test").id

    keyed, portal_id = here.db.write(work)
    given = {
        "issuer": url,
        "server": {name: merchant[name] for name in ("client_id", "client_secret")},
        "keyed": {"client_id": keyed, "alg": "ES256", "jwk": own.as_dict(private=True)},
        "portal": {"client_id": portal_id, "redirect_uri": redirect},
    }
    portal = Portal(app.test_client(), portal_id, "wang@shop.example")
    assert _played(node, given, portal) == EXPECTED


def _played(node: str, given: dict[str, Any], portal: Portal) -> list[str]:
    """Run the client; where it needs a browser, one logs in."""
    environ = {**os.environ, "NODE_NO_WARNINGS": "1"}
    with subprocess.Popen(
        [node, str(FOLDER / "flows.mjs"), json.dumps(given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            if "done" in said:
                return list(said["done"])
            address = said["login"].removeprefix(given["issuer"])
            answer = portal.carry_on(portal.log_in(address=address))
            process.stdin.write(answer.headers["Location"] + "\n")
            process.stdin.flush()
    raise AssertionError(f"the client ended with {process.returncode}")
