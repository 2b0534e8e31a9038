"""What can go wrong, as one tree.

FenqiError                            message, code, request_id, idempotency_key
├─ ConfigurationError                 missing or malformed credentials; names the variable
├─ APIConnectionError                 no answer; was_sent says whether the request may have arrived
│   └─ APITimeoutError
├─ APIError                           an answer with an error: status, code, param, errors, detail, headers
│   ├─ InvalidRequestError            400, 422
│   │   └─ IdempotencyKeyReused
│   ├─ AuthenticationError            401
│   ├─ PermissionDeniedError          403
│   ├─ NotFoundError                  404
│   ├─ ConflictError                  409
│   │   └─ DuplicateReference
│   ├─ RateLimitError                 429; retry_after
│   └─ ServerError                    5xx
├─ UnexpectedResponseError            not JSON, wrong content type, truncated, a list that is not whole
└─ WebhookVerificationError           reason: missing_header, bad_header, too_old, too_new, no_match,
                                      bad_payload

No class shadows a built-in exception, and every one of them pickles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BODY_EXCERPT = 200


class FenqiError(Exception):
    """Base of every error this package raises on purpose."""

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id
        self.idempotency_key = idempotency_key

    def __str__(self) -> str:
        return f"{self.message} (request {self.request_id})" if self.request_id else self.message


class ConfigurationError(FenqiError):
    """Credentials or settings are missing or malformed; the message names the argument and the variable."""


class APIConnectionError(FenqiError):
    """No answer came. ``was_sent`` is False only when the request certainly never left this machine."""

    def __init__(
        self, message: str = "", *, was_sent: bool = True, idempotency_key: str | None = None
    ) -> None:
        super().__init__(message, idempotency_key=idempotency_key)
        self.was_sent = was_sent


class APITimeoutError(APIConnectionError):
    """No answer came in time; repeat with the same idempotency key to learn what happened."""


class APIError(FenqiError):
    """The gateway answered with an error.

    It is an RFC 9457 problem document, or RFC 6749 section 5.2 at the token endpoint. ``status`` is the HTTP
    status, ``code`` the stable word to branch on, ``param`` the offending field, ``errors`` one entry per
    field, ``detail`` the sentence for people, ``problem`` the whole document.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str | None = None,
        param: str | None = None,
        errors: list[Any] | None = None,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        problem: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(message, code=code, request_id=request_id, idempotency_key=idempotency_key)
        self.status = status
        self.param = param
        self.errors: list[Any] = list(errors or ())
        self.detail = detail
        self.headers: dict[str, str] = dict(headers or {})
        self.problem: dict[str, Any] = dict(problem or {})
        self.retry_after = retry_after


class InvalidRequestError(APIError):
    """The request itself is wrong (400, 422); repeating it unchanged cannot help."""


class IdempotencyKeyReused(InvalidRequestError):
    """The idempotency key already belongs to a request with another body."""


class AuthenticationError(APIError):
    """The credentials or the access token were refused (401, or any refusal by the token endpoint)."""


class PermissionDeniedError(APIError):
    """The credentials are good but lack the scope for this call (403)."""


class NotFoundError(APIError):
    """No such object for this merchant and mode (404); another merchant's object looks the same."""


class ConflictError(APIError):
    """The object's present state does not allow this (409)."""


class DuplicateReference(ConflictError):
    """The merchant reference already has an open checkout with another body, or an approved one."""


class RateLimitError(APIError):
    """Too many requests (429); ``retry_after`` is in seconds."""


class ServerError(APIError):
    """The gateway could not answer (5xx); the outcome of a POST is unknown until repeated with the same key."""


class UnexpectedResponseError(FenqiError):
    """The answer is not one this API gives.

    It is not JSON, has another content type, is a redirect, was cut short, or is a list that goes on without
    saying where. ``status`` is the HTTP status, or 0 when the answer broke off.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id, idempotency_key=idempotency_key)
        self.status = status


class WebhookVerificationError(FenqiError):
    """The delivery is not proven to come from the gateway; answer 400 and ignore its content.

    ``reason`` is one of missing_header, bad_header, too_old, too_new, no_match, bad_payload.
    """

    def __init__(self, message: str = "", *, reason: str = "") -> None:
        super().__init__(message, code=reason)
        self.reason = reason


_BY_STATUS: dict[int, type[APIError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitError,
}
_BY_CODE: dict[str, type[APIError]] = {
    "idempotency_key_reused": IdempotencyKeyReused,
    "duplicate_reference": DuplicateReference,
}


def api_error(
    status: int,
    problem: Mapping[str, Any],
    *,
    headers: Mapping[str, str],
    retry_after: float | None = None,
    idempotency_key: str | None = None,
) -> APIError:
    """The error for a problem document, chosen by code where the code has its own class, else by status."""
    code = _text(problem.get("code"))
    by_status = _BY_STATUS.get(status) or (ServerError if status >= 500 else APIError)
    by_code = _BY_CODE.get(code or "", by_status)
    kind = by_code if issubclass(by_code, by_status) else by_status
    title, detail = _text(problem.get("title")), _text(problem.get("detail"))
    errors = problem.get("errors")
    return kind(
        detail or title or f"the gateway answered {status}",
        status=status,
        code=code,
        param=_text(problem.get("param")),
        errors=errors if isinstance(errors, list) else None,
        detail=detail,
        headers=headers,
        problem=problem,
        retry_after=retry_after,
        request_id=_text(problem.get("request_id")) or headers.get("X-Request-Id"),
        idempotency_key=idempotency_key,
    )


def token_error(
    status: int, answer: Mapping[str, Any], *, headers: Mapping[str, str], retry_after: float | None = None
) -> APIError:
    """The error for a refusal by the token endpoint: ``{error, error_description}`` (RFC 6749, 5.2)."""
    word = _text(answer.get("error"))
    if word is None or status == 429 or status >= 500:
        return api_error(status, answer, headers=headers, retry_after=retry_after)
    sentence = f"the token endpoint refused the client credentials: {word}"
    described = _text(answer.get("error_description"))
    if described:
        sentence += f" ({described})"
    if word == "invalid_client":
        sentence += "; check client_id and client_secret, and that base_url is the gateway that issued them"
    return AuthenticationError(
        sentence,
        status=status,
        code=word,
        detail=described,
        headers=headers,
        problem=answer,
        retry_after=retry_after,
        request_id=headers.get("X-Request-Id"),
    )


def excerpt(body: str) -> str:
    """The first characters of an answer nobody expected, on one line, for an error message."""
    line = " ".join(body[: _BODY_EXCERPT * 2].split())
    return line[:_BODY_EXCERPT]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
