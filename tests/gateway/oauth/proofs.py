"""A client with a key: DPoP proofs and assertions as RFC 9449 and RFC 7523 want them, or as a test spoils them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

ISSUER = "http://gateway.test"
ALGORITHMS = ["ES256", "Ed25519", "PS256", "RS256", "HS256", "ES384"]
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Lax(jws.JWSRegistry):
    """Signs whatever header a forger likes."""

    def check_header(self, header: Any) -> None:
        pass


def signed(key: Any, header: dict[str, Any], claims: Any) -> str:
    """A JWS of any header and claims; None leaves a member out."""
    fields = {name: value for name, value in header.items() if value is not None}
    if isinstance(claims, dict):
        claims = {name: value for name, value in claims.items() if value is not None}
    return jws.serialize_compact(fields, json.dumps(claims), key, registry=Lax(algorithms=ALGORITHMS))


class Prover:
    """A key, and requests with proofs of it."""

    def __init__(self, client: Any, clock: Any, key: Any = None, alg: str = "ES256") -> None:
        self.client, self.clock, self.alg = client, clock, alg
        self.key = key or ECKey.generate_key("P-256")
        self.nonce: str | None = None
        self._number = 0

    @property
    def jkt(self) -> str:
        return self.key.thumbprint()

    def proof(
        self, method: str, path: str, token: str | None = None, header: Any = None, **claims: Any
    ) -> str:
        self._number += 1
        right = {
            "jti": f"proof-{id(self)}-{self._number}",
            "htm": method,
            "htu": ISSUER + path,
            "iat": int(self.clock.now.timestamp()),
            "nonce": self.nonce,
        }
        if token is not None:
            digest = hashlib.sha256(token.encode()).digest()
            right["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        fields = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.key.as_dict(private=False)}
        return signed(self.key, {**fields, **(header or {})}, {**right, **claims})

    def learn_nonce(self) -> None:
        """Ask once without a nonce, as a client does at first."""
        self.nonce = None
        answer = self.client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            headers={"DPoP": self.proof("POST", "/oauth/token")},
        )
        assert (answer.status_code, answer.json["error"]) == (400, "use_dpop_nonce"), answer.text
        self.nonce = answer.headers["DPoP-Nonce"]

    def post(self, path: str, data: dict[str, str], **changes: Any) -> TestResponse:
        """A form with a proof."""
        return self.client.post(path, data=data, headers={"DPoP": self.proof("POST", path, **changes)})

    def tokens(self, credentials: dict[str, Any]) -> dict[str, Any]:
        """A bound token of a merchant's server."""
        if self.nonce is None:
            self.learn_nonce()
        named = {name: credentials[name] for name in ("client_id", "client_secret")}
        answer = self.post("/oauth/token", {"grant_type": "client_credentials", **named})
        assert answer.status_code == 200, answer.text
        assert answer.json["token_type"] == "DPoP"
        return dict(answer.json)

    def call(self, token: str, method: str = "GET", path: str = "/v1/me", **changes: Any) -> TestResponse:
        """A call of the API with a bound token and a proof."""
        proof = self.proof(method, path, token, **changes)
        return self.client.open(
            path, method=method, headers={"Authorization": f"DPoP {token}", "DPoP": proof}
        )
