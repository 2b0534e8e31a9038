"""Routes of the OAuth server: token, revocation, introspection, keys, metadata; the login is in ``authorize.py``."""

from __future__ import annotations

from typing import Any, cast

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Flask, Response, jsonify, request

from gateway.db.transactions import Transaction
from gateway.oauth import authorize, parameters
from gateway.oauth.bearer import Bearer
from gateway.oauth.scopes import ALL_SCOPES
from gateway.oauth.server import Server, error_answer
from gateway.web.context import gateway

blueprint = Blueprint("oauth", __name__)


def register(app: Flask) -> None:
    """Mount the server on ``app``."""
    app.register_blueprint(blueprint)
    app.register_blueprint(authorize.blueprint)


@blueprint.post("/oauth/token")
def token() -> Response:
    """RFC 6749 section 3.2: client credentials, authorization code with PKCE, refresh token."""
    values = parameters.in_body(request, "grant_type")

    def work(tx: Transaction) -> Response:
        return cast(Response, Server.of(gateway(), tx, values).create_token_response())

    if values["grant_type"] == "client_credentials":
        # Nothing is written: on SQLite the one writing turn stays free.
        with gateway().db.read() as tx:
            return work(tx)
    answer = gateway().db.write(work)
    _look_again()
    return answer


@blueprint.post("/oauth/revoke")
def revoke() -> Response:
    """RFC 7009: end a refresh token with all that descends from its login, or one access token."""
    values = parameters.in_body(request, "token")

    def work(tx: Transaction) -> Response:
        return cast(Response, Server.of(gateway(), tx, values).create_endpoint_response("revocation"))

    answer = gateway().db.write(work)
    _look_again()
    return answer


@blueprint.post("/oauth/introspect")
def introspect() -> Response:
    """RFC 7662: what a client's own token says; of every other, only that it is not active."""
    values = parameters.in_body(request, "token")
    with gateway().db.read() as tx:
        return cast(Response, Server.of(gateway(), tx, values).create_endpoint_response("introspection"))


@blueprint.get("/oauth/jwks")
def jwks() -> Response:
    """Public keys of the access tokens (RFC 7517)."""
    return _cacheable(jsonify(gateway().ports["signing_keys"].public))


@blueprint.get("/.well-known/oauth-authorization-server")
def metadata() -> Response:
    """RFC 8414: where everything is, and nothing that is not built."""
    return _cacheable(jsonify(document(gateway().settings.public_url)))


@blueprint.errorhandler(OAuth2Error)
def refused(error: OAuth2Error) -> Response:
    """What is wrong before a transaction begins."""
    return error_answer(error)


def document(issuer: str) -> dict[str, Any]:
    """The metadata of the server at ``issuer``."""
    secret_methods = ["client_secret_basic", "client_secret_post"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "scopes_supported": list(ALL_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": [*secret_methods, "none"],
        "revocation_endpoint_auth_methods_supported": [*secret_methods, "none"],
        "introspection_endpoint_auth_methods_supported": secret_methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["zh-CN", "en"],
    }


def _look_again() -> None:
    """What this process has just revoked, it refuses at once; others follow within two seconds."""
    authenticator = gateway().authenticator
    if isinstance(authenticator, Bearer):
        authenticator.revoked.forget()


def _cacheable(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
