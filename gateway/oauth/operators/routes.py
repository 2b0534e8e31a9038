"""Routes of the operators' OAuth server: the login, tokens, log-out, metadata."""

from __future__ import annotations

from typing import Any, cast

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Blueprint, Response, jsonify, request

from gateway.core.scopes import OPERATOR_SCOPES
from gateway.db.transactions import Transaction
from gateway.oauth.authorize import parameters
from gateway.oauth.operators import addresses
from gateway.oauth.operators.server import OperatorServer
from gateway.oauth.rates import TOKENS
from gateway.oauth.tokens.server import error_answer, uncached
from gateway.web.context import gateway
from gateway.web.rate_limits import limited

blueprint = Blueprint("operators_oauth", __name__)


@blueprint.post("/operator/token")
@limited(TOKENS)
def operator_token() -> Response:
    """A code of the login with its PKCE verifier, or a refresh token, for an access token of ten minutes."""
    values = parameters.in_body(request, "grant_type")
    if "DPoP" in request.headers:
        raise InvalidRequestError("Operators' tokens are not bound to a key: send no DPoP proof.")

    def issue(tx: Transaction) -> Response:
        return cast(Response, OperatorServer(tx, values, gateway()).create_token_response())

    return gateway().db.write(issue)


@blueprint.post("/operator/revoke")
@limited(TOKENS)
def operator_log_out() -> Response:
    """RFC 7009: end the login that a token belongs to; its tokens are refused from now on, by every process."""
    values = parameters.in_body(request, "token", "client_id")
    if values["client_id"] != addresses.CLIENT_ID:
        raise InvalidRequestError(f"The client_id must be {addresses.CLIENT_ID}.")
    gateway().db.write(lambda tx: OperatorServer(tx, values, gateway()).end(values["token"]))
    return uncached(Response("", 200))


@blueprint.get("/.well-known/oauth-authorization-server/operator")
def operators_metadata() -> Response:
    """RFC 8414: where everything is, and nothing that is not built."""
    response = jsonify(metadata(gateway().settings.public_url))
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@blueprint.errorhandler(OAuth2Error)
def refused(error: OAuth2Error) -> Response:
    """What is wrong before a transaction begins."""
    return error_answer(error)


def metadata(public_url: str) -> dict[str, Any]:
    """What the server of operators says about itself."""
    issuer = addresses.issuer(public_url)
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "revocation_endpoint": f"{issuer}/revoke",
        "jwks_uri": f"{public_url}/oauth/jwks",
        "scopes_supported": list(OPERATOR_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": True,
        "protected_resources": [addresses.audience(public_url)],
        "ui_locales_supported": ["zh-CN", "en"],
    }
