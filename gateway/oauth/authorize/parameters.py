"""OAuth parameters, read strictly: once each (RFC 6749 section 3.1), in their one place, without control characters."""

from __future__ import annotations

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

FORM_TYPE = "application/x-www-form-urlencoded"
LONGEST_BODY = 16 * 1024
LONGEST_QUERY = 8 * 1024


def in_body(request: Request, *required: str) -> dict[str, str]:
    """The parameters of a POST. Raises ``InvalidRequestError``; secrets in the address would end up in logs."""
    if request.query_string:
        raise InvalidRequestError("Send the parameters in the body, not in the URL: URLs are logged.")
    if request.mimetype != FORM_TYPE:
        raise InvalidRequestError(f"Send Content-Type: {FORM_TYPE}.")
    values = form(request)
    for name in required:
        if name not in values:
            raise InvalidRequestError(f"The parameter {name} is missing.")
    return values


def form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises ``InvalidRequestError``."""
    request.max_content_length = LONGEST_BODY
    try:
        return _checked(request.form)
    except RequestEntityTooLarge:
        raise InvalidRequestError(f"Send at most {LONGEST_BODY} bytes.") from None


def in_address(request: Request) -> dict[str, str]:
    """The parameters of an address. Raises ``InvalidRequestError``."""
    if len(request.query_string) > LONGEST_QUERY:
        raise InvalidRequestError(f"The URL has more than {LONGEST_QUERY} characters.")
    return _checked(request.args)


def _checked(sent: MultiDict[str, str]) -> dict[str, str]:
    values = {}
    for name, given in sent.lists():
        # The name may be anything, and an OAuth error is plain ASCII: it is shown only if it is a word.
        shown = f"parameter {name}" if name.isascii() and name.isidentifier() else "same parameter"
        if len(given) > 1:
            raise InvalidRequestError(f"The parameter {shown} is given {len(given)} times: send it once.")
        if not (name + given[0]).isprintable():
            raise InvalidRequestError("A parameter contains control characters.")
        if given[0]:  # one without a value counts as left out (RFC 6749 section 3.2)
            values[name] = given[0]
    return values
