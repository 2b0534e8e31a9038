"""How arguments become what is sent: paths, keys, JSON bodies and query strings. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ._money import refuse_floats

Query = Mapping[str, Any]

_LONGEST_KEY = 255


def checked_key(key: str) -> str:
    """An idempotency key that can stand in a header. Raises TypeError or ValueError."""
    if not isinstance(key, str):
        raise TypeError(f"idempotency_key must be a str, not {type(key).__name__}")
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable() or key != key.strip():
        raise ValueError(
            f"idempotency_key must be 1 to {_LONGEST_KEY} printable ASCII characters: {key[:40]!r}"
        )
    return key


def checked_path(path: str) -> str:
    """A path of the gateway, which can lead to no other host. Raises ValueError."""
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError(f"path must begin with a single slash, like /v1/payments: {path!r}")
    return path


def json_body(fields: Mapping[str, Any] | None) -> bytes | None:
    """The bytes of a JSON body. Raises TypeError for a float anywhere in it."""
    if fields is None:
        return None
    body = dict(fields)
    refuse_floats(body)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def query_string(params: Query | None) -> str:
    """A query string without the None values; a list becomes ``3,6,12``, as the API writes several terms."""
    if not params:
        return ""
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        if value is None:
            continue
        refuse_floats(value, name)
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, list | tuple):
            pairs.append((name, ",".join(str(item) for item in value)))
        else:
            pairs.append((name, str(value)))
    return f"?{urlencode(pairs, quote_via=quote, safe=',')}" if pairs else ""
