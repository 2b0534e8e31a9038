"""Text in another encoding than UTF-8 is refused before any route sees it: read as UTF-8 it would find nothing."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import EnvironBuilder

from gateway.errors import InvalidRequest
from gateway.web.bodies import read_form
from tests.gateway.web.before_the_front import answered, served
from tests.gateway.web.conftest import operations
from tests.gateway.web.real_server import asked
from tests.gateway.web.test_front import scope_of
from tests.gateway.web.test_uploads import token_of

NAME = "张三"
FORM = "application/x-www-form-urlencoded"
WRONG = {
    "GB18030": quote(NAME, encoding="gb18030"),
    "GB18030, the name of a parameter": f"{quote(NAME, encoding='gb18030')}=1&a",
    "Latin 1": "%E9",
    "half a character": "%E5%BC",
    "half of a surrogate pair": "%ED%A0%80",
    "longer than needed": "%C0%AF",
}
RIGHT = ("", quote(NAME), "é", "%", "100%25", "a+b", "%zz", quote("\ufffd"), quote("\U0001f4a1"))


def test_a_query_in_another_encoding_reaches_no_route() -> None:
    reached = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        reached.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b"ok"]

    paths = {operation.path for operation in operations()} | {"/portal/payments", "/", "/c/none"}
    assert len(paths) > 50
    with served(application) as front:
        for path in sorted(paths):
            scope = scope_of(path=path)
            for wrong in (*WRONG.values(), "\ufffd\ufffd"):
                scope.query_string = f"q={wrong}"
                status, _, body = answered(front, scope)
                assert (status, json.loads(body)["code"]) == (400, "invalid_request"), (path, wrong)
                assert "UTF-8" in json.loads(body)["detail"]
        assert reached == []
        for right in RIGHT:
            scope.query_string = f"q={right}"
            assert answered(front, scope)[0] == 200, right
    assert len(reached) == len(RIGHT)


def test_a_form_in_another_encoding_reaches_no_route() -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"ok"]

    def sent(body: bytes, type_: str = FORM) -> int:
        scope = scope_of(("content-type", type_), ("content-length", str(len(body))))
        return answered(front, scope, body)[0]

    with served(application) as front:
        for wrong in WRONG.values():
            assert sent(f"name={wrong}".encode()) == 400, wrong
            assert sent(f"name={wrong}".encode(), f" {FORM.upper()} ; charset=GB18030") == 400
        assert sent(b"name=" + NAME.encode("gb18030")) == 400
        for right in RIGHT:
            assert sent(f"name={right}".encode()) == 200, right


def test_a_field_of_a_form_with_files_in_another_encoding_is_refused() -> None:
    for name, wrong in (("kind", NAME.encode("gb18030")), (NAME, b"\xff")):
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        sent = EnvironBuilder(
            method="POST",
            data=head + wrong + b"\r\n--b--\r\n",
            content_type="multipart/form-data; boundary=b",
        )
        with pytest.raises(InvalidRequest, match="UTF-8"):
            read_form(sent.get_request())


def test_a_real_server_refuses_bytes_and_codes_alike(front: dict[str, Any]) -> None:
    token = token_of(front)
    finding = f"/v1/payments?merchant_reference={quote(NAME)}"
    assert asked(front["port"], "GET", finding, Authorization=f"Bearer {token}")[0] == 200
    for encoded in (NAME.encode("gb18030"), quote(NAME, encoding="gb18030").encode()):
        with socket.create_connection(("127.0.0.1", front["port"]), timeout=10) as connection:
            connection.sendall(
                b"GET /v1/payments?merchant_reference=%b HTTP/1.1\r\nHost: pay.example.test\r\n"
                b"Authorization: Bearer %b\r\n\r\n" % (encoded, token.encode())
            )
            assert connection.recv(4096).startswith(b"HTTP/1.1 400 "), encoded
    form = f"grant_type=client_credentials&client_id={WRONG['GB18030']}"
    assert asked(front["port"], "POST", "/oauth/token", form.encode(), Content_Type=FORM)[0] == 400
