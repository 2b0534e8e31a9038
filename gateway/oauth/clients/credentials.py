"""Which client a request claims to be, and by what: read strictly, because Authlib lets too much pass.

One way of authenticating per request (RFC 6749 section 2.3), and one answer whether the client is unknown or its
secret is wrong.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError

from gateway.oauth.clients import assertions

REFUSED = "The client cannot be authenticated: check client_id and its secret or assertion."


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client's claim: ``method`` as RFC 7591 names it, and its secret or assertion where the method has one."""

    method: str
    client_id: str
    secret: str = ""


def read(authorization: str | None, form: Mapping[str, str]) -> Credentials:
    """The credentials of a request. Raises ``InvalidRequestError`` (two ways) or ``InvalidClientError``."""
    if "client_assertion" in form or "client_assertion_type" in form:
        return _assertion(authorization, form)
    in_body = Credentials("client_secret_post", form.get("client_id", ""), form.get("client_secret", ""))
    if authorization is None:
        if not in_body.client_id:
            raise refusal()
        return in_body if in_body.secret else Credentials("none", in_body.client_id)
    basic = _basic(authorization)
    if in_body.secret or in_body.client_id not in ("", basic.client_id):
        raise InvalidRequestError(
            "Send the credentials in the Authorization header or in the body, not both."
        )
    return basic


def _assertion(authorization: str | None, form: Mapping[str, str]) -> Credentials:
    """RFC 7521 section 4.2: the client is the subject of its assertion, and client_id may only repeat that."""
    if authorization is not None or "client_secret" in form:
        raise InvalidRequestError("Send an assertion or a secret, not both.")
    if form.get("client_assertion_type") != assertions.TYPE:
        raise InvalidRequestError(f"The client_assertion_type must be {assertions.TYPE}.")
    assertion = form.get("client_assertion", "")
    client_id = assertions.claimed_client(assertion)
    if not client_id or form.get("client_id", client_id) != client_id:
        raise refusal()
    return Credentials("private_key_jwt", client_id, assertion)


def refusal() -> InvalidClientError:
    """The one answer to credentials that are not right."""
    return InvalidClientError(REFUSED, status_code=401)


def _basic(authorization: str) -> Credentials:
    """RFC 6749 section 2.3.1: both halves are form-encoded before they are joined."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        pair = base64.b64decode(encoded.strip().encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeError):
        raise refusal() from None
    client_id, colon, secret = pair.partition(":")
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if scheme.lower() != "basic" or not (colon and client_id and secret):
        raise refusal()
    if not client_id.isprintable() or not secret.isprintable():
        raise refusal()
    return Credentials("client_secret_basic", client_id, secret)
