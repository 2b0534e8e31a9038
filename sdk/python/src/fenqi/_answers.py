"""Reading an answer: pure, no connection. Status, headers and bytes go in, a value or an error comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._errors import (
    APIError,
    FenqiError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    api_error,
    excerpt,
    token_error,
)

_LONGEST_RETRY_AFTER = 60.0
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 8.0


def error_in(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    idempotency_key: str | None = None,
    from_token_endpoint: bool = False,
) -> FenqiError | None:
    """The error an answer stands for, None for a success (2xx)."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return UnexpectedResponseError(
            f"response {status} redirects to {headers.get('Location', 'nowhere')!r}: check base_url",
            status=status,
            request_id=headers.get("X-Request-Id"),
            idempotency_key=idempotency_key,
        )
    problem = _object(headers, body)
    if problem is None and status < 500 and status != 429:
        return _unexpected(status, headers, body, idempotency_key)
    retry_after = retry_after_seconds(headers.get("Retry-After"))
    if from_token_endpoint:
        return token_error(status, problem or {}, headers=headers, retry_after=retry_after)
    return api_error(
        status, problem or {}, headers=headers, retry_after=retry_after, idempotency_key=idempotency_key
    )


def value_in(
    status: int, headers: Mapping[str, str], body: bytes, *, idempotency_key: str | None = None
) -> Any:
    """The JSON value of a success; None for 204. Raises UnexpectedResponseError when it is not JSON."""
    if status == 204:
        return None
    if not _is_json(headers):
        raise _unexpected(status, headers, body, idempotency_key)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _unexpected(status, headers, body, idempotency_key) from None


def delay_before_repeat(error: FenqiError, attempt: int, *, jitter: float) -> float | None:
    """Seconds to wait before repeating after ``error``, None when repeating is wrong.

    ``attempt`` counts from 0; ``jitter`` is uniform in [0, 1). Retry-After is obeyed up to 60 s, beyond
    that the caller learns of it; otherwise full jitter over 0.5 s doubling to 8 s.
    """
    retry_after = error.retry_after if isinstance(error, APIError) else None
    if isinstance(error, APIError):
        again = isinstance(error, RateLimitError | ServerError) and error.status != 501
        if not again or (retry_after is not None and retry_after > _LONGEST_RETRY_AFTER):
            return None
    if retry_after is not None:
        return retry_after
    return jitter * min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(attempt, 10))


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds in a ``Retry-After`` header, which is a number or an HTTP date (RFC 9110 section 10.2.3)."""
    if not header:
        return None
    header = header.strip()
    if header.isascii() and header.isdigit():
        return float(header[:12])
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _is_json(headers: Mapping[str, str]) -> bool:
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _object(headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
    if not _is_json(headers):
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _unexpected(
    status: int, headers: Mapping[str, str], body: bytes, idempotency_key: str | None
) -> UnexpectedResponseError:
    kind = headers.get("Content-Type", "no content type")
    shown = excerpt(body[:1000].decode("utf-8", "replace"))
    return UnexpectedResponseError(
        f"expected JSON, but the response with status {status} is {kind}: {shown!r}; check base_url and proxies",
        status=status,
        request_id=headers.get("X-Request-Id"),
        idempotency_key=idempotency_key,
    )
