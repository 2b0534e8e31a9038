"""Routes of the OAuth server: token, pushed requests, revocation, introspection, keys, metadata.

The login is in ``login.py``.
"""

from __future__ import annotations

from typing import cast

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Blueprint, Flask, Response, g, jsonify, request

from gateway.db.transactions import Transaction
from gateway.oauth import discovery
from gateway.oauth.authorize import login, par, parameters
from gateway.oauth.rates import PUSHES, TOKENS
from gateway.oauth.tokens import dpop
from gateway.oauth.tokens.bearer import Bearer
from gateway.oauth.tokens.dpop import InvalidProofError, Proof
from gateway.oauth.tokens.grants import METHODS
from gateway.oauth.tokens.server import Server, error_answer
from gateway.web.context import gateway
from gateway.web.rate_limits import limited

blueprint = Blueprint("oauth", __name__)


def register(app: Flask) -> None:
    """Mount the server on ``app``."""
    app.register_blueprint(blueprint)
    app.register_blueprint(login.blueprint)
    app.after_request(_with_nonce)


@blueprint.post("/oauth/token")
@limited(TOKENS)
def token() -> Response:
    """RFC 6749 section 3.2: client credentials, authorization code with PKCE, refresh token."""
    values = parameters.in_body(request, "grant_type")
    proof = _proof()

    def work(tx: Transaction) -> Response:
        return cast(Response, Server.of(gateway(), tx, values, proof).create_token_response())

    if values["grant_type"] == "client_credentials" and proof is None and "client_assertion" not in values:
        # Nothing is written: on SQLite the one writing turn stays free.
        with gateway().db.read() as tx:
            return work(tx)
    answer = gateway().db.write(work)
    if values["grant_type"] != "client_credentials":
        _look_again()
    return answer


@blueprint.post("/oauth/par")
@limited(PUSHES)
def push() -> Response:
    """RFC 9126: take a request ahead of the browser that will carry only its name."""
    values = parameters.in_body(request)
    proof = _proof()
    if "request_uri" in values or "request" in values:
        raise InvalidRequestError(
            "A pushed request must contain the parameters themselves, not a request_uri."
        )
    if proof is not None and values.get("dpop_jkt", proof.jkt) != proof.jkt:
        raise InvalidProofError("The DPoP proof was made with a different key from the one dpop_jkt names.")
    # Checked as what it will be: a request that was pushed.
    asked = {**values, "request_uri": par.new_uri(), **({"dpop_jkt": proof.jkt} if proof else {})}

    def work(tx: Transaction) -> Response:
        server = Server.of(gateway(), tx, asked, proof)
        asking = server.create_oauth2_request(None)
        try:
            client = server.authenticate_client(asking, (*METHODS["server"], *METHODS["portal"]), "par")
            asking.payload = type(asking.payload)({**asked, "client_id": client.row.id})
            server.get_authorization_grant(asking).validate_authorization_request()
        except OAuth2Error as error:
            return error_answer(error)
        try:
            par.push(tx, gateway().vault, client.row, asked["request_uri"], asked)
        except OAuth2Error as error:
            return error_answer(error)
        answer = jsonify(request_uri=asked["request_uri"], expires_in=int(par.LIFE.total_seconds()))
        answer.status_code = 201
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return gateway().db.write(work)


@blueprint.post("/oauth/revoke")
@limited(TOKENS)
def revoke() -> Response:
    """RFC 7009: end a refresh token with all that descends from its login, or one access token."""
    values = parameters.in_body(request, "token")

    def work(tx: Transaction) -> Response:
        return cast(Response, Server.of(gateway(), tx, values).create_endpoint_response("revocation"))

    answer = gateway().db.write(work)
    _look_again()
    return answer


@blueprint.post("/oauth/introspect")
@limited(TOKENS)
def introspect() -> Response:
    """RFC 7662: what a client's own token says; of every other, only that it is not active."""
    values = parameters.in_body(request, "token")

    def work(tx: Transaction) -> Response:
        return cast(Response, Server.of(gateway(), tx, values).create_endpoint_response("introspection"))

    if "client_assertion" in values:
        return gateway().db.write(work)
    with gateway().db.read() as tx:
        return work(tx)


@blueprint.get("/oauth/jwks")
def jwks() -> Response:
    """Public keys of the access tokens (RFC 7517)."""
    return _cacheable(jsonify(gateway().ports.signing_keys.public))


@blueprint.get("/.well-known/oauth-authorization-server")
def metadata() -> Response:
    """RFC 8414: where everything is, and nothing that is not built."""
    return _cacheable(jsonify(discovery.of_server(gateway().settings.public_url)))


@blueprint.get("/.well-known/oauth-protected-resource")
def resource() -> Response:
    """RFC 9728: who issues the tokens of the API, and how they are sent."""
    return _cacheable(jsonify(discovery.of_api(gateway().settings.public_url)))


@blueprint.errorhandler(OAuth2Error)
def refused(error: OAuth2Error) -> Response:
    """What is wrong before a transaction begins."""
    return error_answer(error)


def _proof() -> Proof | None:
    here = gateway()
    return dpop.at_endpoint(request, vault=here.vault, issuer=here.settings.public_url, now=here.clock())


def _with_nonce(response: Response) -> Response:
    """Who sent a proof learns the nonce of the next one."""
    if "dpop_nonce" in g:
        response.headers["DPoP-Nonce"] = g.dpop_nonce
    return response


def _look_again() -> None:
    """What this process has just revoked, it refuses at once; others follow within two seconds."""
    authenticator = gateway().authenticator
    if isinstance(authenticator, Bearer):
        authenticator.revoked.forget()


def _cacheable(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
