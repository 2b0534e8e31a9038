"""What everybody is sent alike goes compressed to whoever takes gzip: packed once, then kept by its content.

Pages are never packed: they carry secrets beside what a visitor typed.
"""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Response, request

SMALLEST = 512
"""Bytes below which packing gains nothing."""
KEPT = 64
PACKED_TYPES = ("text/", "application/json", "application/javascript", "image/svg+xml")


def packed(response: Response) -> Response:
    """``response``, whose content is public, in gzip where the reader takes it and it is text."""
    response.vary.add("Accept-Encoding")
    wanted = request.accept_encodings["gzip"] > 0 and request.accept_encodings.best != "identity"
    if not wanted or response.status_code != 200 or not (response.mimetype or "").startswith(PACKED_TYPES):
        return response
    response.direct_passthrough = False
    content = response.get_data()
    if len(content) < SMALLEST:
        return response
    response.set_data(_gzip(content))
    response.headers["Content-Encoding"] = "gzip"
    tag, _ = response.get_etag()
    if tag:
        response.set_etag(f"{tag}-gzip")
    return response


@lru_cache(maxsize=KEPT)
def _gzip(content: bytes) -> bytes:
    """The same bytes for the same content, without a time in them."""
    return gzip.compress(content, compresslevel=9, mtime=0)
