"""Settlements: ``/v1/settlements``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from requests import exceptions as failures

from .._errors import APIConnectionError, UnexpectedResponseError
from .._models import Settlement, SettlementLine
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment

if TYPE_CHECKING:
    from pathlib import Path

    import requests

_CHUNK = 16 * 1024
_STATEMENT = "application/jsonl"
_KEYS = "application/x-pem-file"


class Settlements(Resource):
    """Daily batches: an equation and its lines."""

    __slots__ = ()

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Settlement]:
        """Settlements, newest first; ``limit`` counts over all pages."""
        return self._client._list(
            Settlement,
            "/v1/settlements",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def retrieve(self, settlement: str, *, timeout: Timeout | None = None) -> Settlement:
        """The settlement with this id. Raises NotFoundError."""
        return self._client._get(Settlement, f"/v1/settlements/{segment(settlement)}", None, timeout)

    def lines(
        self,
        settlement: str,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[SettlementLine]:
        """The lines of a settlement; they add up to its components."""
        return self._client._list(
            SettlementLine,
            f"/v1/settlements/{segment(settlement)}/lines",
            given(extra),
            limit=limit,
            page_size=page_size,
            cursor=cursor,
            timeout=timeout,
        )

    def download_csv(
        self, settlement: str, to: str | os.PathLike[str], *, timeout: Timeout | None = None
    ) -> Path:
        """Write the lines as CSV to the file ``to`` and answer its path.

        The file appears whole or not at all. A connection that breaks is taken up where it broke, as long
        as the gateway still serves the same bytes (``ETag``), else begun again.
        """
        return self._download(f"/v1/settlements/{segment(settlement)}/lines", "text/csv", to, timeout)

    def download_statement(
        self, settlement: str, to: str | os.PathLike[str], *, timeout: Timeout | None = None
    ) -> Path:
        """Write the lines with the proof of each to the file ``to``, for ``fenqi verify-statement``.

        Answers its path; the file appears whole or not at all. Raises ConflictError (``statement_not_ready``) in the
        minute after the settlement has closed.
        """
        return self._download(f"/v1/settlements/{segment(settlement)}/statement", _STATEMENT, to, timeout)

    def signing_keys(self, *, timeout: Timeout | None = None) -> str:
        """The public keys that sign statements and contracts, as PEM: keep them, and compare when they change."""
        headers = {"Accept": _KEYS}
        answer = self._client._send("GET", "/v1/signing_keys", headers=headers, timeout=timeout)
        _check_type(answer, _KEYS)
        return answer.text

    def _download(
        self, path: str, media_type: str, to: str | os.PathLike[str], timeout: Timeout | None
    ) -> Path:
        import tempfile
        from pathlib import Path

        target = Path(to)
        handle, partial = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                self._fill(file, path, media_type, timeout)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
        return target

    def _fill(self, file: IO[bytes], path: str, media_type: str, timeout: Timeout | None) -> None:
        etag: str | None = None
        breaks = 0
        while True:
            headers = {"Accept": media_type, "Accept-Encoding": "identity"}
            if etag is not None and file.tell():
                headers |= {"Range": f"bytes={file.tell()}-", "If-Range": etag}
            answer = self._client._send("GET", path, headers=headers, timeout=timeout, stream=True)
            try:
                _check_type(answer, media_type)
                if answer.status_code != 206:
                    file.seek(0)
                    file.truncate()
                elif not answer.headers.get("Content-Range", "").startswith(f"bytes {file.tell()}-"):
                    raise _unexpected(
                        answer, "the gateway resumed at a different place from the one requested"
                    )
                etag = _strong(answer.headers.get("ETag"))
                for chunk in answer.iter_content(_CHUNK):
                    file.write(chunk)
                return
            except failures.RequestException as error:
                breaks += 1
                if breaks > self._client._settings["max_retries"]:
                    raise APIConnectionError(f"GET {path}: the download was interrupted: {error}") from error
            finally:
                answer.close()


def _check_type(answer: requests.Response, media_type: str) -> None:
    kind = answer.headers.get("Content-Type", "")
    if kind.partition(";")[0].strip().lower() != media_type:
        raise _unexpected(answer, f"expected {media_type}, but the response is {kind or 'without a type'}")


def _unexpected(answer: requests.Response, message: str) -> UnexpectedResponseError:
    return UnexpectedResponseError(
        message, status=answer.status_code, request_id=answer.headers.get("X-Request-Id")
    )


def _strong(etag: str | None) -> str | None:
    return etag if etag and not etag.startswith("W/") else None
