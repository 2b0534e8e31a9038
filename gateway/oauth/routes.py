"""Routes of the OAuth server: token, revocation, introspection, keys and metadata. The login is in ``authorize.py``."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Flask, Response, g, jsonify, request

from gateway.db.transactions import Transaction
from gateway.errors import Unauthenticated
from gateway.oauth import authorize, service
from gateway.oauth.bearer import Bearer
from gateway.oauth.machine_secrets import is_well_formed
from gateway.oauth.models import OAuthClient, RefreshToken
from gateway.oauth.scopes import ALL_SCOPES
from gateway.oauth.server import Server, revoke_family
from gateway.web.context import gateway

blueprint = Blueprint("oauth", __name__)
LONGEST_FORM = 16 * 1024


def register(app: Flask) -> None:
    """Mount the server on ``app``."""
    here = app.extensions["fenqi"]
    app.extensions["fenqi.oauth"] = Server(here.ports["signing_keys"], here.vault, here.settings.public_url)
    app.extensions["fenqi.guesses"] = service.Guesses()
    app.register_blueprint(blueprint)
    app.register_blueprint(authorize.blueprint)


@blueprint.post("/oauth/token")
def token() -> Response:
    """RFC 6749 section 3.2: client credentials, authorization code with PKCE, refresh token."""
    refused = _badly_sent()
    if refused is not None:
        return refused

    def work(tx: Transaction) -> Response:
        g.tx = tx
        response: Response = authorize.server().create_token_response()
        return response

    return _finished(gateway().db.write(work))


@blueprint.post("/oauth/revoke")
def revoke() -> Response:
    """RFC 7009: a refresh token ends with its family; an access token ends by itself within ten minutes."""
    refused = _badly_sent()
    if refused is not None:
        return refused
    lookup = gateway().vault.lookup(request.form.get("token", ""), "refresh")

    def work(tx: Transaction) -> None:
        row = tx.get(RefreshToken, lookup)
        # Only the client that holds the token may end it; the answer is the same either way.
        if row is not None and row.client_id == request.form.get("client_id"):
            revoke_family(tx, row.family)

    gateway().db.write(work)
    return _uncached(jsonify({}))


@blueprint.post("/oauth/introspect")
def introspect() -> Response:
    """RFC 7662: a server learns about tokens of its own merchant and mode; of all others, that they are not active."""
    refused = _badly_sent()
    if refused is not None:
        return refused
    pair = request.authorization
    client_id = (pair.username if pair else request.form.get("client_id")) or ""
    secret = (pair.password if pair else request.form.get("client_secret")) or ""
    with gateway().db.read() as tx:
        client = tx.get(OAuthClient, client_id) if _plain(client_id) else None
        known = service.secret_is_right(tx, gateway().vault, client_id if client else "", secret)
    if client is None or not known:
        return oauth_error(401, "invalid_client", "The client cannot be authenticated.")
    bearer = gateway().authenticator
    assert isinstance(bearer, Bearer)
    try:
        claims = bearer.claims(request.form.get("token", ""))
    except Unauthenticated:
        return _uncached(jsonify({"active": False}))
    if (claims["merchant_id"], claims["mode"]) != (client.merchant_id, client.mode):
        return _uncached(jsonify({"active": False}))
    return _uncached(jsonify({"active": True, "token_type": "Bearer", **claims}))


@blueprint.get("/oauth/jwks")
def jwks() -> Response:
    """Public keys of the access tokens."""
    response = jsonify(gateway().ports["signing_keys"].public)
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@blueprint.get("/.well-known/oauth-authorization-server")
def metadata() -> Response:
    """RFC 8414: where everything is, and nothing that is not built."""
    issuer = gateway().settings.public_url
    response = jsonify(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/oauth/authorize",
            "token_endpoint": f"{issuer}/oauth/token",
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "introspection_endpoint": f"{issuer}/oauth/introspect",
            "jwks_uri": f"{issuer}/oauth/jwks",
            "scopes_supported": list(ALL_SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    )
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def oauth_error(status: int, error: str, description: str) -> Response:
    """An error as RFC 6749 section 5.2 wants it."""
    response = Response(
        json.dumps({"error": error, "error_description": description}), status, content_type="application/json"
    )
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="fenqi"'
    return _uncached(response)


def _badly_sent() -> Response | None:
    """What Authlib lets pass and RFC 6749 does not: secrets in the address, repeated or doubled credentials."""
    if request.args:
        return oauth_error(400, "invalid_request", "Send the parameters in the body, not in the address.")
    if (request.content_length or 0) > LONGEST_FORM:
        return oauth_error(400, "invalid_request", "The body is too large.")
    if request.mimetype != "application/x-www-form-urlencoded":
        return oauth_error(400, "invalid_request", "Send Content-Type: application/x-www-form-urlencoded.")
    for name, values in request.form.lists():
        if len(values) > 1:
            return oauth_error(400, "invalid_request", f"The parameter {name!r} is given more than once.")
        if not _plain(values[0]):
            return oauth_error(400, "invalid_request", f"The parameter {name!r} holds control characters.")
    pair = request.authorization
    if "Authorization" in request.headers and "client_secret" in request.form:
        return oauth_error(400, "invalid_request", "Send the secret by Basic or in the body, not both.")
    if pair is not None and not _plain(f"{pair.username}{pair.password}"):
        return oauth_error(401, "invalid_client", "The client cannot be authenticated.")
    secret = (pair.password if pair else None) or request.form.get("client_secret")
    if secret is not None and secret.startswith("sk_") and not is_well_formed(secret):
        return oauth_error(401, "invalid_client", "The client cannot be authenticated: check client_id and secret.")
    return None


def _finished(response: Response) -> Response:
    """One text for an unknown client and a wrong secret; never cached."""
    if response.status_code in (400, 401) and response.get_json(silent=True, force=True):
        body: dict[str, Any] = response.get_json(force=True)
        if body.get("error") == "invalid_client":
            return oauth_error(
                401, "invalid_client", "The client cannot be authenticated: check client_id and secret."
            )
    return _uncached(response)


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


def _plain(text: str) -> bool:
    return all(char.isprintable() for char in text)
