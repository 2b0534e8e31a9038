"""Connections, against a real server on the loopback."""

from __future__ import annotations

import os
import pickle
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

import fenqi
from fenqi import Fenqi

OK = b'{"id":"pay_1","object":"payment","status":"authorized"}'


def answer(
    body: bytes = OK, *, status: str = "200 OK", kind: str = "application/json", more: str = ""
) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


class Server:
    """Answers each request with the next of the raw answers it was given, and keeps what it received."""

    def __init__(self) -> None:
        self.answers: list[bytes | Callable[[], bytes]] = []
        self.received: list[bytes] = []
        self.connections = 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.connections += 1
                while outer._serve(self.rfile, self.wfile):
                    pass

        class Threading(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that goes away is part of these tests."""

        self._server = Threading(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _serve(self, rfile, wfile) -> bool:  # type: ignore[no-untyped-def]
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = rfile.readline()
            if not line:
                return False
            head += line
        size = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        self.received.append(head + rfile.read(size[0] if size else 0))
        given = self.answers.pop(0) if self.answers else answer()
        wfile.write(given() if callable(given) else given)
        wfile.flush()
        return not callable(given) and b"Connection: close" not in given and given != b""

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Fenqi:
    client = Fenqi(access_token="good-token", base_url=server.url, timeout=5.0)
    client._transport.sleep = lambda seconds: None  # type: ignore[assignment]
    return client


def test_connection_is_kept_between_calls(client: Fenqi, server: Server) -> None:
    for _ in range(3):
        assert client.payments.retrieve("pay_1").status == "authorized"
    assert server.connections == 1


def test_each_thread_has_its_own_connection(client: Fenqi, server: Server) -> None:
    client.payments.retrieve("pay_1")
    thread = threading.Thread(target=client.payments.retrieve, args=("pay_1",))
    thread.start()
    thread.join()
    assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_process_has_its_own_connection(client: Fenqi, server: Server) -> None:
    client.payments.retrieve("pay_1")
    parents = client._transport._session()
    child = os.fork()
    if child == 0:
        os._exit(0 if client._transport._session() is not parents else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client._transport._session() is parents


def test_closing_closes_the_connections_of_all_threads(client: Fenqi) -> None:
    client.payments.retrieve("pay_1")
    session = client._transport._session()
    client.close()
    assert client._transport._session() is not session


def test_answer_cut_short_is_repeated_and_then_unexpected(client: Fenqi, server: Server) -> None:
    cut = answer()[:-5]
    server.answers = [lambda: cut, answer()]
    assert client.payments.retrieve("pay_1").id == "pay_1"
    server.answers = [lambda: cut] * 3
    with pytest.raises(fenqi.UnexpectedResponseError, match="interrupted") as broken:
        client.payments.capture("pay_1", idempotency_key="ship-1")
    assert (broken.value.status, broken.value.idempotency_key) == (0, "ship-1")


def test_connection_closed_without_an_answer_is_repeated(client: Fenqi, server: Server) -> None:
    server.answers = [b"", b"", answer()]
    assert client.payments.capture("pay_1", idempotency_key="ship-1").id == "pay_1"
    assert len(server.received) == 3
    assert len(set(server.received)) == 1


def test_no_answer_at_all_may_have_arrived(client: Fenqi, server: Server) -> None:
    server.answers = [b""] * 3
    with pytest.raises(fenqi.APIConnectionError) as lost:
        client.payments.retrieve("pay_1")
    assert lost.value.was_sent
    assert not isinstance(lost.value, fenqi.APITimeoutError)


def test_refused_connection_was_never_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    client = Fenqi(access_token="t", base_url=url, max_retries=0)
    with pytest.raises(fenqi.APIConnectionError, match="refused") as refused:
        client.payments.retrieve("pay_1")
    assert not refused.value.was_sent
    assert not isinstance(refused.value, fenqi.APITimeoutError)
    assert pickle.loads(pickle.dumps(refused.value)).was_sent is False


def test_slow_connection_is_a_timeout_that_was_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", never)
    client = Fenqi(access_token="t", base_url="http://127.0.0.1:9", max_retries=0)
    with pytest.raises(fenqi.APITimeoutError, match=r"no connection within 0\.5 s") as late:
        client.payments.retrieve("pay_1", timeout=0.5)
    assert not late.value.was_sent


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"]
)
def test_slow_answer_is_a_timeout_that_may_have_arrived(client: Fenqi, server: Server, sent: bytes) -> None:
    waited = threading.Event()

    def slow() -> bytes:
        waited.wait(2)
        return b""

    server.answers = [slow] if not sent else [sent]
    with pytest.raises(fenqi.APITimeoutError) as late:
        client.with_options(max_retries=0).payments.retrieve("pay_1", timeout=0.1)
    waited.set()
    assert late.value.was_sent


def test_html_from_a_proxy_is_a_server_error_and_repeated(client: Fenqi, server: Server) -> None:
    html = answer(b"<html>bad gateway</html>", status="502 Bad Gateway", kind="text/html")
    server.answers = [html, answer()]
    assert client.payments.retrieve("pay_1").id == "pay_1"
    server.answers = [html] * 3
    with pytest.raises(fenqi.ServerError) as failed:
        client.payments.retrieve("pay_1")
    assert failed.value.status == 502


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (answer(b"<html>not here</html>", status="404 Not Found", kind="text/html"), "not here"),
        (answer(b"<html>portal</html>", kind="text/html"), "text/html"),
        (answer(b"{not json"), "not json"),
        (answer(b"[]"), "list"),
        (answer(b"[" * 100_000), "JSON"),
        (answer(b"", status="302 Found", more="Location: https://login.example/\r\n"), "login.example"),
        (answer(b"\xff\xfe", kind="text/plain"), "text/plain"),
    ],
)
def test_answer_of_another_kind_is_unexpected_and_not_repeated(
    client: Fenqi, server: Server, raw: bytes, says: str
) -> None:
    server.answers = [raw]
    with pytest.raises(fenqi.UnexpectedResponseError, match=says):
        client.payments.retrieve("pay_1")
    assert len(server.received) == 1


def test_netrc_never_replaces_the_token(
    client: Fenqi, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login evil password evil\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client.payments.retrieve("pay_1")
    Fenqi(access_token="good-token", base_url=server.url, session=requests.Session()).payments.retrieve(
        "pay_1"
    )
    assert len(server.received) == 2
    assert all(b"Authorization: Bearer good-token\r\n" in request for request in server.received)


def test_proxy_of_the_environment_is_used_and_read_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    client = Fenqi(access_token="t", base_url="http://gateway.invalid", max_retries=0)
    monkeypatch.delenv("http_proxy")
    assert client.payments.retrieve("pay_1").id == "pay_1"
    assert server.received[0].startswith(b"GET http://gateway.invalid/v1/payments/pay_1 ")


def test_proxy_set_later_is_not_seen(client: Fenqi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert client.payments.retrieve("pay_1").id == "pay_1"


def test_no_proxy_of_the_environment_is_obeyed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    client = Fenqi(access_token="t", base_url=server.url, max_retries=0)
    assert client.payments.retrieve("pay_1").id == "pay_1"


def test_bundle_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "corporate.pem"))
    client = Fenqi(access_token="t", base_url="https://gateway.example")
    assert client._transport._session().verify == str(tmp_path / "corporate.pem")


def test_cookies_are_neither_kept_nor_sent(client: Fenqi, server: Server) -> None:
    server.answers = [answer(more="Set-Cookie: session=1; Path=/\r\n")]
    client.payments.retrieve("pay_1")
    client.payments.retrieve("pay_1")
    assert b"session=1" not in server.received[1]


def test_given_session_is_used_and_left_open(server: Server) -> None:
    session = requests.Session()
    closed: list[bool] = []
    session.close = lambda: closed.append(True)  # type: ignore[method-assign]
    with Fenqi(access_token="t", base_url=server.url, session=session) as client:
        client.payments.retrieve("pay_1")
    assert (server.connections, closed) == (1, [])


def part(body: bytes, size: int, begin: int) -> bytes:
    """The answer to a request for the bytes from ``begin`` on, of ``size`` in all."""
    more = f'ETag: "v1"\r\nContent-Range: bytes {begin}-{size - 1}/{size}\r\n'
    return answer(body[begin:], status="206 Partial Content", kind="text/csv; charset=utf-8", more=more)


def test_csv_download_is_taken_up_where_it_broke(client: Fenqi, server: Server, tmp_path: Path) -> None:
    whole = b"id,amount\n" + b"cap_1,599900\n" * 10_000
    broken = answer(whole, kind="text/csv", more='ETag: "v1"\r\n')[:-50_000]
    kept = (len(whole) - 50_000) // 16_384 * 16_384
    server.answers = [lambda: broken, part(whole, len(whole), kept)]
    path = client.settlements.download_csv("stl_1", tmp_path / "lines.csv")
    assert path.read_bytes() == whole
    assert b"Accept: text/csv\r\n" in server.received[0]
    assert b'Range: bytes=%d-\r\nIf-Range: "v1"\r\n' % kept in server.received[1]
    assert os.listdir(tmp_path) == ["lines.csv"]


def test_csv_download_that_goes_on_elsewhere_is_refused(
    client: Fenqi, server: Server, tmp_path: Path
) -> None:
    whole = b"id,amount\n" * 100
    server.answers = [part(whole, len(whole), 10)]
    with pytest.raises(fenqi.UnexpectedResponseError, match="a different place"):
        client.settlements.download_csv("stl_1", tmp_path / "lines.csv")
    assert os.listdir(tmp_path) == []


def test_csv_download_begins_again_when_the_file_changed(
    client: Fenqi, server: Server, tmp_path: Path
) -> None:
    broken = answer(b"id,amount\nold", kind="text/csv", more='ETag: "v1"\r\n')[:-3]
    server.answers = [lambda: broken, answer(b"id,amount\nnew\n", kind="text/csv", more='ETag: "v2"\r\n')]
    path = client.settlements.download_csv("stl_1", tmp_path / "lines.csv")
    assert path.read_bytes() == b"id,amount\nnew\n"


def test_csv_download_that_fails_leaves_the_old_file(client: Fenqi, server: Server, tmp_path: Path) -> None:
    target = tmp_path / "lines.csv"
    target.write_text("yesterday")
    broken = answer(b"id,amount\n", kind="text/csv")[:-3]
    server.answers = [lambda: broken] * 3
    with pytest.raises(fenqi.APIConnectionError, match="interrupted"):
        client.settlements.download_csv("stl_1", target)
    server.answers = [answer()]
    with pytest.raises(fenqi.UnexpectedResponseError, match="text/csv"):
        client.settlements.download_csv("stl_1", target)
    server.answers = [answer(b'{"code":"not_found"}', status="404 Not Found")]
    with pytest.raises(fenqi.NotFoundError):
        client.settlements.download_csv("stl_1", target)
    assert target.read_text() == "yesterday"
    assert os.listdir(tmp_path) == ["lines.csv"]
