"""The OAuth server of one request: Authlib's flow in our transaction, with our tokens and our answers.

It lives as long as its transaction, so that a code is used, a family revoked and a token issued together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Request
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from flask import Request, Response
from flask import request as flask_request

from gateway.db.transactions import Transaction
from gateway.monitoring import security_events
from gateway.monitoring.security_events import security_event
from gateway.oauth import service
from gateway.oauth.clients import assertions, credentials
from gateway.oauth.clients.credentials import Credentials
from gateway.oauth.clients.machine_secrets import is_well_formed
from gateway.oauth.models import AuthorizationCode, OAuthClient, RefreshToken
from gateway.oauth.tokens import replay_guard
from gateway.oauth.tokens.dpop import InvalidProofError, Proof
from gateway.oauth.tokens.endpoints import Introspection, Revocation
from gateway.oauth.tokens.grants import (
    SECRETS,
    Client,
    ClientCredentials,
    Code,
    Refresh,
    S256Only,
    new_opaque,
)
from gateway.oauth.tokens.keys import SigningKeys
from gateway.oauth.tokens.revocation import ACCESS_LIFE
from gateway.privacy.vault import Vault
from gateway.team import sessions
from gateway.web.context import Gateway
from gateway.web.line import WHOSE

if TYPE_CHECKING:
    from gateway.team.models import TeamMember

DESCRIPTIONS = {
    "invalid_grant": "The code or token is unknown, expired, already used or revoked: log in again.",
    "unsupported_grant_type": "The grant_type must be one of client_credentials, authorization_code, refresh_token.",
    "invalid_scope": "A scope is unknown, or was not granted.",
}
"""Said where Authlib says nothing."""


class Form(OAuth2Payload):  # type: ignore[misc,unused-ignore]
    """Parameters that were checked to come once each, from the one place where they may."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @property
    def data(self) -> Mapping[str, str]:
        """Parameters by name."""
        return self._values

    @property
    def datalist(self) -> dict[str, list[str]]:
        """Parameters by name, each as a list of one."""
        return {name: [value] for name, value in self._values.items()}


class StrictRequest(FlaskOAuth2Request):  # type: ignore[misc,unused-ignore]
    """A request as Authlib sees it: only the checked parameters, never the address and the body mixed."""

    def __init__(self, request: Request, values: Mapping[str, str]) -> None:
        # Transport is the deployment's affair, TLS may end at a proxy: Authlib would judge by the inner address.
        OAuth2Request.__init__(
            self, request.method, f"https://gateway{request.path}", headers=request.headers
        )
        self.payload = Form(values)

    @property
    def args(self) -> Mapping[str, str]:
        """Nothing: what counts was checked and is in ``form``."""
        return {}

    @property
    def form(self) -> Mapping[str, str]:
        """The checked parameters."""
        return self.payload.data  # type: ignore[no-any-return]


class Server(AuthorizationServer):  # type: ignore[misc,unused-ignore]
    """Authlib's server for one transaction and one set of parameters."""

    def __init__(
        self,
        tx: Transaction,
        values: Mapping[str, str],
        *,
        keys: SigningKeys,
        vault: Vault,
        issuer: str,
        proof: Proof | None = None,
    ) -> None:
        super().__init__()
        self.tx, self.values, self.proof = tx, values, proof
        self.keys, self.vault, self.issuer = keys, vault, issuer
        self.login: sessions.Login | None = None
        """How the person has just logged in, where a code is asked for."""
        self.register_grant(ClientCredentials)
        self.register_grant(Code, [S256Only(required=True)])
        self.register_grant(Refresh)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)

    @classmethod
    def of(
        cls, here: Gateway, tx: Transaction, values: Mapping[str, str], proof: Proof | None = None
    ) -> Server:
        """The server of a running gateway; ``proof`` is the DPoP proof of the request, if it has one."""
        keys, issuer = here.ports.signing_keys, here.settings.public_url
        return cls(tx, values, keys=keys, vault=here.vault, issuer=issuer, proof=proof)

    @property
    def jkt(self) -> str | None:
        """Thumbprint of the key that the client has shown to hold."""
        return self.proof.jkt if self.proof is not None else None

    def query_client(self, client_id: str) -> Client | None:
        """The client with this id, or None."""
        row = self.tx.get(OAuthClient, client_id) if service.is_usable(client_id) else None
        return Client(row) if row is not None else None

    def authenticate_client(self, request: OAuth2Request, methods: Any, endpoint: str = "token") -> Client:
        """The client that proves who it is by one of ``methods``. Raises ``OAuth2Error``."""
        claim = credentials.read(request.headers.get("Authorization"), request.form)
        if claim.method in SECRETS and not is_well_formed(claim.secret):
            raise credentials.refusal()  # mistyped: told by the checksum, without the database
        client = self._proven(claim)
        if client is None or claim.method not in methods:
            raise credentials.refusal()
        if not client.check_endpoint_auth_method(claim.method, endpoint):
            raise credentials.refusal()
        if self.proof is not None and not replay_guard.spend(self.tx, self.proof.key, self.proof.expires_at):
            raise InvalidProofError("The DPoP proof has already been used.")
        request.auth_method = claim.method
        if claim.method in SECRETS and client.row.merchant_id is not None:
            flask_request.environ[WHOSE] = f"{client.row.merchant_id} {client.row.mode}"
        return client

    def _proven(self, claim: Credentials) -> Client | None:
        """The client, if the claim is right; of one that is not there, by the same work."""
        if claim.method in SECRETS:
            known = service.by_secret(self.tx, self.vault, claim.client_id, claim.secret)
            return Client(known) if known is not None else None
        client = self.query_client(claim.client_id)
        if claim.method == "private_key_jwt":
            row = client.row if client is not None else None
            audiences = (self.issuer, f"{self.issuer}/oauth/token")
            if not assertions.is_right(self.tx, row, claim.secret, audiences):
                security_event("assertion_refused", client_id=row.id if row else "")
                return None
        return client

    def get_authorization_grant(self, request: OAuth2Request) -> Code:
        """There is one flow; it says itself what is wrong with a request."""
        return Code(request, self)

    def access_token(
        self, client: OAuthClient, *, scope: str, member: TeamMember | None = None, family: str | None = None
    ) -> dict[str, Any]:
        """The answer with a fresh access token of ten minutes (RFC 9068), bound to the key of a proof."""
        if client.require_dpop and self.jkt is None:
            raise InvalidProofError("This client is issued bound tokens only: send a DPoP proof.")
        now, life = int(self.tx.now.timestamp()), int(ACCESS_LIFE.total_seconds())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": member.id if member else client.id,
            "client_id": client.id,
            "merchant_id": member.merchant_id if member else client.merchant_id,
            "mode": client.mode,
            "scope": scope,
            "iat": now,
            "exp": now + life,
            "jti": self.tx.new_id("tok"),
        }
        if family is not None:
            claims["sid"] = family
        if self.jkt is not None:
            claims["cnf"] = {"jkt": self.jkt}
        if member is not None and family is not None:
            claims |= sessions.claims(self.tx, family, member)
        return {
            "access_token": self.keys.sign(claims),
            "token_type": "Bearer" if self.jkt is None else "DPoP",
            "expires_in": life,
            "scope": scope,
        }

    def refresh_token(self, parent: AuthorizationCode | RefreshToken, *, expires_at: datetime) -> str:
        """A refresh token that descends from a code or from the token it replaces."""
        token = new_opaque()
        self.tx.add(
            RefreshToken(
                token_lookup=self.vault.lookup(token, "refresh"),
                family=parent.family,
                client_id=parent.client_id,
                member_id=parent.member_id,
                mode=parent.mode,
                scope=parent.scope,
                jkt=self.jkt,  # who has refreshed with a key has just shown it
                expires_at=expires_at,
            )
        )
        return token

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Nothing to do: what is kept of a token was added with it."""

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        """The request of Flask with the checked parameters."""
        return request if isinstance(request, OAuth2Request) else StrictRequest(flask_request, self.values)

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        """A JSON answer that nothing may cache."""
        response = Response(json.dumps(body) if isinstance(body, dict) else body, status, headers)
        return uncached(response)

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> Response:
        """An error as the token endpoint answers it."""
        return error_answer(error)


def error_answer(error: OAuth2Error) -> Response:
    """An error as RFC 6749 section 5.2 wants it, always with a sentence."""
    security_events.refused(error)
    text = error.description or DESCRIPTIONS.get(error.error, "The request was refused.")
    body = json.dumps({"error": error.error, "error_description": text})
    response = Response(body, error.status_code, content_type="application/json")
    if error.status_code == 429:
        response.headers["Retry-After"] = "60"
    if error.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="fenqi"'
    return uncached(response)


def uncached(response: Response) -> Response:
    """Nothing that carries a token or says something about one may be stored (RFC 6749 section 5.1)."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response
