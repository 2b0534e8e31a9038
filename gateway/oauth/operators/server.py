"""The OAuth server of operators for one transaction: codes with PKCE for people, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import OAuth2Request
from joserfc.errors import JoseError
from sqlalchemy import delete
from sqlmodel import col

from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.oauth.clients import credentials
from gateway.oauth.models import OperatorCode, OperatorRefreshToken
from gateway.oauth.operators import addresses
from gateway.oauth.operators.grants import OperatorClient, OperatorCodeGrant, OperatorRefreshGrant
from gateway.oauth.tokens.grants import S256Only
from gateway.oauth.tokens.keys import TYPE
from gateway.oauth.tokens.revocation import ACCESS_LIFE
from gateway.oauth.tokens.server import Server
from gateway.operators import sessions
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.operators.models import OperatorSession


class OperatorServer(Server):
    """The merchants' server with other tables, other grants, and an issuer of its own."""

    def __init__(self, tx: Transaction, values: Mapping[str, str], here: Gateway) -> None:
        AuthorizationServer.__init__(self)
        public_url = here.settings.public_url
        self.tx, self.values, self.proof, self.login = tx, values, None, None
        self.keys, self.vault = here.ports.signing_keys, here.vault
        self.issuer, self.audience = addresses.issuer(public_url), addresses.audience(public_url)
        self.register_grant(OperatorCodeGrant, [S256Only(required=True)])
        self.register_grant(OperatorRefreshGrant)

    def query_client(self, client_id: str) -> OperatorClient | None:
        """The one client, by its name."""
        return OperatorClient() if client_id == addresses.CLIENT_ID else None

    def authenticate_client(
        self, request: OAuth2Request, methods: Any, endpoint: str = "token"
    ) -> OperatorClient:
        """The one client, which has no secret. Raises ``OAuth2Error``."""
        claim = credentials.read(request.headers.get("Authorization"), request.form)
        client = self.query_client(claim.client_id)
        if client is None or claim.method != "none":
            raise credentials.refusal()
        request.auth_method = claim.method
        return client

    def get_authorization_grant(self, request: OAuth2Request) -> OperatorCodeGrant:
        """There is one flow; it says itself what is wrong with a request."""
        return OperatorCodeGrant(request, self)

    def access_of(self, session: OperatorSession, scope: str) -> dict[str, Any]:
        """The answer with a fresh access token of ten minutes (RFC 9068): of no merchant, and in no mode."""
        now, life = int(self.tx.wall.timestamp()), int(ACCESS_LIFE.total_seconds())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": session.operator_id,
            "client_id": addresses.CLIENT_ID,
            "scope": scope,
            "iat": now,
            "exp": now + life,
            "jti": self.tx.new_id("tok"),
            "sid": session.id,
            "auth_time": int(session.authenticated_at.timestamp()),
            "amr": ["pwd", "otp", "mfa"],
            "acr": "2",
        }
        return {
            "access_token": self.keys.sign(claims),
            "token_type": "Bearer",
            "expires_in": life,
            "scope": scope,
        }

    def end(self, token: str) -> None:
        """End the login that a refresh or access token belongs to; an unknown token ends nothing."""
        row = self.tx.get(OperatorRefreshToken, self.vault.lookup(token, "operator_refresh"))
        if row is not None:
            sessions.end(self.tx, row.session_id)
            return
        try:
            header, claims = self.keys.verified(token)
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            return
        if header.get("typ") == TYPE and claims.get("iss") == self.issuer:
            sessions.end(self.tx, claims["sid"])


def forget_expired(tx: Transaction, *, limit: int) -> int:
    """Delete some logins that expired 30 days ago, with all that descends from them; returns how many."""
    ids = sessions.expired(tx, limit=limit)
    for part in in_parts(ids):
        for table in (OperatorCode, OperatorRefreshToken):
            tx.execute(delete(table).where(col(table.session_id).in_(part)))  # type: ignore[attr-defined]
    for id in ids:
        sessions.forget(tx, id)
    return len(ids)
