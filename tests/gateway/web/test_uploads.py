"""Forms with files through a real server: few at once, none from a stranger, none that was cut off."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from gateway.web.bodies import MAX_BODY_BYTES, MAX_UPLOAD_BYTES
from gateway.web.front import UPLOADS_AT_ONCE
from tests.gateway.web.real_server import BODY_SECONDS, FIRST_SECONDS, asked

BOUNDARY = "a-boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PATH = "/v1/reconciliations"


def form(name: str, size: int) -> bytes:
    """A form with a file of its own content, of about so many bytes."""
    rows = f"订单号,金额,日期\n{name},5999.00,2026-01-05\n".encode()
    rows += b"A,1.00,2026-01-05\n" * ((size - len(rows)) // 18)
    parts = (("kind", b"shop_orders"), (f'file"; filename="{name}.csv', rows))
    body = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part}"\r\n\r\n'.encode() + value + b"\r\n"
        for part, value in parts
    )
    return body + f"--{BOUNDARY}--\r\n".encode()


def token_of(front: dict[str, Any]) -> str:
    asking = (
        f"grant_type=client_credentials&client_id={front['client_id']}&client_secret={front['client_secret']}"
    )
    status, _, said = asked(
        front["port"],
        "POST",
        "/oauth/token",
        asking.encode(),
        Content_Type="application/x-www-form-urlencoded",
    )
    assert status == 200, said
    return str(json.loads(said)["access_token"])


def begun(
    front: dict[str, Any],
    token: str,
    name: str,
    body: bytes,
    *,
    length: int | None = None,
    sent: int | None = None,
) -> socket.socket:
    """An upload of which so much is sent."""
    connection = socket.create_connection(("127.0.0.1", front["port"]), timeout=30)
    signed = f"Authorization: Bearer {token}\r\n" if token else ""
    connection.sendall(
        f"POST {PATH} HTTP/1.1\r\nHost: pay.example.test\r\n{signed}Idempotency-Key: {name}\r\n"
        f"Content-Type: {FORM}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode()
    )
    connection.sendall(body[:sent])
    return connection


def answer(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    with connection, connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        length = 0
        while (line := file.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return status, json.loads(file.read(length))


def uploaded(front: dict[str, Any], token: str) -> set[str]:
    _, _, said = asked(front["port"], "GET", f"{PATH}?limit=100", Authorization=f"Bearer {token}")
    return {one["file"]["name"] for one in json.loads(said)["data"]}


def test_files_come_whole_or_not_at_all_and_only_from_who_signs(front: dict[str, Any]) -> None:
    token, body = token_of(front), form("whole", 1_000_000)
    status, made = answer(begun(front, token, "whole", body))
    assert (status, made["status"]) == (201, "mapping"), made
    status, again = answer(begun(front, token, "whole", body))
    assert (status, again["id"]) == (201, made["id"])
    status, told = answer(begun(front, token, "other-key", body))
    assert (status, told["code"]) == (409, "file_already_uploaded")

    cut = form("cut", 200_000)
    connection = begun(front, token, "cut", cut, length=len(cut) + 1)
    connection.shutdown(socket.SHUT_WR)
    status, told = answer(connection)
    assert (status, told["code"]) == (400, "invalid_request")
    status, told = answer(begun(front, token, "cut", cut, length=len(cut) - 60, sent=len(cut) - 60))
    assert status in (400, 422), told
    for kept, length in (("", 0), ("", MAX_BODY_BYTES + 1), (token, MAX_UPLOAD_BYTES + 1)):
        status, told = answer(begun(front, kept, "long", cut, length=length or len(cut), sent=0))
        assert (status, told["code"]) == (413, "payload_too_large")
    status, told = answer(begun(front, "nobody", "forged", cut))
    assert status == 401, told
    assert uploaded(front, token) == {"whole.csv"}


def test_an_upload_in_drips_is_given_up_and_those_that_come_at_once_wait_for_their_turn(
    front: dict[str, Any],
) -> None:
    token = token_of(front)
    uploaded(front, token)
    bodies = [form(f"slow-{at}", 300_000) for at in range(UPLOADS_AT_ONCE)]
    slow = [begun(front, token, f"slow-{at}", body, sent=1_000) for at, body in enumerate(bodies)]
    time.sleep(0.3)
    more = form("fifth", 300_000)
    status, told = answer(begun(front, token, "fifth", more))
    assert (status, told["code"]) == (503, "overloaded"), told
    started = time.monotonic()
    for connection, body in zip(slow[1:], bodies[1:], strict=True):
        connection.sendall(body[1_000:])
    assert [answer(connection)[0] for connection in slow[1:]] == [201] * (UPLOADS_AT_ONCE - 1)
    assert answer(begun(front, token, "fifth", more))[0] == 201
    status, told = answer(slow[0])
    assert (status, told["code"]) == (408, "request_too_slow")
    assert time.monotonic() - started < FIRST_SECONDS + BODY_SECONDS + 5


def test_strangers_do_not_take_all_the_places_of_uploads(front: dict[str, Any]) -> None:
    token = token_of(front)
    uploaded(front, token)  # from now on the server knows whose it is
    body = form("known", 300_000)
    strangers = [begun(front, f"nobody-{at}", "s", body, sent=1_000) for at in range(UPLOADS_AT_ONCE * 2)]
    try:
        time.sleep(0.3)
        status, told = answer(begun(front, token, "known", body))
        assert status == 201, told
    finally:
        for connection in strangers:
            connection.close()
