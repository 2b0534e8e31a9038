"""Calls with tokens that are bound to a key, each with a proof of its own, checked in this process."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask.ctx import RequestContext
from joserfc import jws
from joserfc.jwk import ECKey
from joserfc.util import to_bytes, urlsafe_b64encode

from bench.merchant import on_board
from gateway import keyring
from gateway.app import create_app
from gateway.config import Settings
from gateway.db.migrate import upgrade
from gateway.oauth.tokens import dpop

PATH = "/v1/me"


@contextmanager
def bound_calls(count: int, method: str) -> Iterator[tuple[Flask, list[RequestContext]]]:
    """An application on a fresh database, and ``count`` requests to it with one bound token and fresh proofs."""
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as name:
        folder = Path(name)
        settings = Settings(database_url=f"sqlite:///{folder}/fenqi.sqlite", data_dir=folder)
        upgrade(settings.database_url)
        keyring.create(settings.data_dir)
        app = create_app(settings)
        key = ECKey.generate_key("P-256")
        token = _token(app, key)
        contexts = []
        for number in range(count):
            sent = {
                "Authorization": f"DPoP {token}",
                "DPoP": _proof(app, key, method, PATH, str(number), token),
            }
            contexts.append(app.test_request_context(PATH, method=method, headers=sent))
        yield app, contexts


def _token(app: Flask, key: ECKey) -> str:
    credentials = on_board(app.extensions["fenqi"])
    answer = app.test_client().post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            **{name: credentials[name] for name in ("client_id", "client_secret")},
        },
        headers={"DPoP": _proof(app, key, "POST", "/oauth/token", "first")},
    )
    return str(answer.json["access_token"])  # type: ignore[index]


def _proof(app: Flask, key: ECKey, method: str, path: str, jti: str, token: str | None = None) -> str:
    here = app.extensions["fenqi"]
    claims = {
        "jti": jti,
        "htm": method,
        "htu": here.settings.public_url + path,
        "iat": int(time.time()),
        "nonce": dpop.nonce(here.vault, here.clock()),
    }
    if token is not None:
        claims["ath"] = urlsafe_b64encode(hashlib.sha256(to_bytes(token)).digest()).decode()
    header = {"typ": dpop.TYPE, "alg": "ES256", "jwk": key.as_dict(private=False)}
    registry = jws.JWSRegistry(algorithms=["ES256"])
    return jws.serialize_compact(header, json.dumps(claims), key, registry=registry)
