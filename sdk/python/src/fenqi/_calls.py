"""The request core: from method, path and fields to a typed object, through the token and the transport."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import HTTPBasicAuth

from ._answers import value_in
from ._auth import Bearer, ClientCredentials, GivenToken
from ._encoding import Query, checked_key, checked_path, json_body, query_string
from ._errors import AuthenticationError, UnexpectedResponseError
from ._model import M, Model, Response
from ._money import refuse_floats
from ._pages import Page
from ._transport import Call, Timeout, Transport
from ._version import __version__

_USER_AGENT = f"fenqi-python/{__version__} python/{'.'.join(map(str, sys.version_info[:3]))}"
_LARGEST_PAGE = 100


class Caller:
    """What the client and its resources send through; the settings are those of Fenqi, already checked."""

    __slots__ = ("_base_url", "_settings", "_tokens", "_transport")
    _base_url: str
    _settings: Mapping[str, Any]
    _tokens: ClientCredentials | GivenToken
    _transport: Transport

    def _get(
        self, kind: type[M], path: str, params: Query | None = None, timeout: Timeout | None = None
    ) -> M:
        return self._one(kind, self._send("GET", path, params=params, timeout=timeout))

    def _post(
        self,
        kind: type[M],
        path: str,
        body: Mapping[str, Any],
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> M:
        answer = self._send("POST", path, json=body, idempotency_key=idempotency_key, timeout=timeout)
        return self._one(kind, answer)

    def _upload(
        self,
        kind: type[M],
        path: str,
        fields: Mapping[str, Any],
        file: tuple[str, bytes],
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> M:
        """POST of a form with a file, which is its name and its bytes."""
        from urllib3.filepost import encode_multipart_formdata

        parts = {name: str(value) for name, value in fields.items()}
        body, content_type = encode_multipart_formdata({**parts, "file": file})
        answer = self._send(
            "POST",
            path,
            body=body,
            headers={"Content-Type": content_type},
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        return self._one(kind, answer)

    def _change(
        self,
        kind: type[M],
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> M:
        """PATCH or DELETE; a repeat after a lost answer carries the same key."""
        answer = self._send(method, path, json=body, idempotency_key=idempotency_key, timeout=timeout)
        return self._one(kind, answer)

    def _list(
        self,
        kind: type[M],
        path: str,
        params: Query,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
    ) -> Page[M]:
        """The first page; ``limit`` counts objects over all pages, ``page_size`` is 1 to 100 a request.

        A list asked for with ``after`` goes on after its last object instead of at a cursor.
        """
        refuse_floats(limit, "limit")
        refuse_floats(page_size, "page_size")
        if limit is not None and limit < 1:
            raise ValueError("limit must be at least 1")
        size = page_size if limit is None else min(limit, page_size or _LARGEST_PAGE)
        answer = self._send("GET", path, params={**params, "limit": size, "cursor": cursor}, timeout=timeout)
        listed = self._one(Model, answer)
        fields, response = listed._fields, listed._response
        assert response is not None, "it came with the answer"
        rows = fields.get("data")
        has_more, next_cursor = onward(fields, path, response)
        if not isinstance(rows, list) or not all(type(row) is dict for row in rows):
            raise no_list(path, response)

        by_last = next_cursor is None and "after" in params and rows

        def fetch(following: str, remaining: int | None) -> Page[M]:
            more = {**params, "after": following} if by_last else params
            return self._list(
                kind,
                path,
                more,
                limit=remaining,
                page_size=page_size,
                cursor=None if by_last else following,
                timeout=timeout,
            )

        return Page(
            [kind(row, response) for row in rows],
            has_more=has_more,
            next_cursor=next_cursor,
            limit=limit,
            fetch=fetch,
            position=rows[-1].get("id") if by_last else None,
            asked=params.get("after") if by_last else cursor,
        )

    def _one(self, kind: type[M], answer: requests.Response) -> M:
        key = answer.request.headers.get("Idempotency-Key")
        value = value_in(answer.status_code, answer.headers, answer.content, idempotency_key=key)
        if not isinstance(value, dict):
            raise UnexpectedResponseError(
                f"expected an object, but the response is {type(value).__name__}",
                status=answer.status_code,
                request_id=answer.headers.get("X-Request-Id"),
                idempotency_key=key,
            )
        return kind(value, Response(answer.status_code, answer.headers))

    def _send(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        params: Query | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        stream: bool = False,
    ) -> requests.Response:
        call = Call(
            method,
            self._base_url,
            checked_path(path) + query_string(params),
            headers=self._headers(method, json, idempotency_key, headers),
            body=json_body(json) if body is None else body,
            timeout=timeout if timeout is not None else self._settings["timeout"],
        )
        token = self._tokens.token()
        try:
            return self._deliver(call, token, stream)
        except AuthenticationError:
            renewed = self._tokens.renewed(token)
            if renewed is None:
                raise
        return self._deliver(call, renewed, stream)

    def _deliver(self, call: Call, token: str, stream: bool) -> requests.Response:
        settings = self._settings
        return self._transport.send(
            call,
            Bearer(token),
            max_retries=settings["max_retries"],
            on_retry=settings["on_retry"],
            stream=stream,
        )

    def _headers(
        self,
        method: str,
        json: Mapping[str, Any] | None,
        idempotency_key: str | None,
        more: Mapping[str, str] | None,
    ) -> dict[str, str]:
        headers = {
            "User-Agent": _USER_AGENT,
            "Accept": "application/json",
            "Fenqi-Version": self._settings["api_version"],
        }
        if json is not None:
            headers["Content-Type"] = "application/json"
        if more:
            headers.update(more)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = checked_key(idempotency_key)
        elif method != "GET":
            from uuid import uuid4

            headers["Idempotency-Key"] = str(uuid4())
        return headers

    def _fetch_token(self) -> tuple[str, float]:
        """A new access token and its life in seconds, by client_secret_basic (RFC 6749 section 2.3.1)."""
        settings = self._settings
        call = Call(
            "POST",
            self._base_url,
            "/oauth/token",
            headers={
                "User-Agent": _USER_AGENT,
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=b"grant_type=client_credentials",
            timeout=settings["timeout"],
            to_token_endpoint=True,
        )
        auth = HTTPBasicAuth(quote(settings["client_id"], safe=""), quote(settings["client_secret"], safe=""))
        answer = self._transport.send(
            call, auth, max_retries=settings["max_retries"], on_retry=settings["on_retry"]
        )
        granted = value_in(answer.status_code, answer.headers, answer.content)
        token = granted.get("access_token") if isinstance(granted, dict) else None
        life = granted.get("expires_in", 600) if isinstance(granted, dict) else None
        if not isinstance(token, str) or not token or not isinstance(life, int | float):
            raise UnexpectedResponseError(
                "the token endpoint answered without an access_token", status=answer.status_code
            )
        return token, float(life)


def onward(fields: Mapping[str, Any], path: str, response: Response | None) -> tuple[bool, str | None]:
    """``has_more`` and ``next_cursor`` of a list.

    Raises UnexpectedResponseError when they are missing or mistyped: the list would end in silence.
    """
    more, cursor = fields.get("has_more"), fields.get("next_cursor")
    if not isinstance(more, bool) or not (cursor is None or isinstance(cursor, str)):
        raise no_list(path, response)
    return more, cursor


def no_list(path: str, response: Response | None) -> UnexpectedResponseError:
    """The error for an answer that should have been a list."""
    status, request_id = (response.status, response.request_id) if response else (0, None)
    return UnexpectedResponseError(f"expected a list from {path}", status=status, request_id=request_id)
