"""Files that the gateway answers, written whole or not at all."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from requests import exceptions as failures

from .._calls import Caller
from .._errors import APIConnectionError, UnexpectedResponseError
from .._transport import Timeout

if TYPE_CHECKING:
    from pathlib import Path

    import requests

_CHUNK = 16 * 1024


def download(
    client: Caller, path: str, media_type: str | None, to: str | os.PathLike[str], timeout: Timeout | None
) -> Path:
    """Write what ``path`` answers in a media type (None: any) to the file ``to`` and answer its path.

    The file appears whole or not at all. A connection that breaks is taken up where it broke, as long as the gateway
    still serves the same bytes (``ETag``), else begun again.
    """
    import tempfile
    from pathlib import Path

    target = Path(to)
    handle, partial = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _fill(client, file, path, media_type, timeout)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return target


def _fill(
    client: Caller, file: IO[bytes], path: str, media_type: str | None, timeout: Timeout | None
) -> None:
    etag: str | None = None
    breaks = 0
    while True:
        headers = {"Accept": media_type or "*/*", "Accept-Encoding": "identity"}
        if etag is not None and file.tell():
            headers |= {"Range": f"bytes={file.tell()}-", "If-Range": etag}
        answer = client._send("GET", path, headers=headers, timeout=timeout, stream=True)
        try:
            if media_type is not None:
                check_type(answer, media_type)
            if answer.status_code != 206:
                file.seek(0)
                file.truncate()
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {file.tell()}-"):
                raise _unexpected(answer, "the gateway resumed at a different place from the one requested")
            etag = _strong(answer.headers.get("ETag"))
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
            return
        except failures.RequestException as error:
            breaks += 1
            if breaks > client._settings["max_retries"]:
                raise APIConnectionError(f"GET {path}: the download was interrupted: {error}") from error
        finally:
            answer.close()


def check_type(answer: requests.Response, media_type: str) -> None:
    """Raise ``UnexpectedResponseError`` for an answer of another type."""
    kind = answer.headers.get("Content-Type", "")
    if kind.partition(";")[0].strip().lower() != media_type:
        raise _unexpected(answer, f"expected {media_type}, but the response is {kind or 'without a type'}")


def _unexpected(answer: requests.Response, message: str) -> UnexpectedResponseError:
    return UnexpectedResponseError(
        message, status=answer.status_code, request_id=answer.headers.get("X-Request-Id")
    )


def _strong(etag: str | None) -> str | None:
    return etag if etag and not etag.startswith("W/") else None
