"""The connection behind a delivery: TLS by name, caps on time and size, and servers that behave badly."""

from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.webhooks.delivery.addresses import Rules
from gateway.webhooks.delivery.transport import Caps, NotDelivered, Transport

LOCAL = Rules(local=True)
CAPS = Caps(connect=0.3, total=0.5, body=0.3)


def post(port: int, *, caps: Caps = CAPS, body: bytes = b"{}"):
    with Transport(caps=caps).line(f"http://127.0.0.1:{port}/hooks", LOCAL) as line:
        return line.post({"Content-Type": "application/json"}, body)


def failure(port: int) -> str:
    began = time.monotonic()
    with pytest.raises(NotDelivered) as failed:
        post(port)
    assert time.monotonic() - began < CAPS.total + 3
    return failed.value.kind


def read_request(connection: socket.socket) -> bytes:
    return connection.recv(65536)


def test_status_retry_after_and_the_first_kilobyte_come_back(sink):
    sink.says(503, Retry_After="30")
    sink.body = b"x" * 5000
    answer = post(sink.port)
    assert (answer.status, answer.retry_after, answer.body) == (503, "30", b"x" * 1024)


def test_one_line_is_one_connection_and_survives_its_end(sink):
    sink.body = b"ok"
    sink.says(200)
    with Transport().line(sink.url, LOCAL) as line:
        assert [line.post({}, b"{}").body for _ in range(3)] == [b"ok"] * 3
        line._open.sock.shutdown(socket.SHUT_RDWR)  # as a server closes an idle connection
        assert line.post({}, b"{}").body == b"ok"
    assert len(sink.got) == 4


def test_a_server_out_of_step_is_met_on_a_new_connection(sink):
    sink.body = b"a body that a 204 must not have"
    with Transport().line(sink.url, LOCAL) as line:
        assert [line.post({}, b"{}").status for _ in range(3)] == [204] * 3


def test_a_redirect_is_an_answer_and_is_not_followed(sink, new_sink):
    elsewhere = new_sink()
    for status in (301, 302, 303, 307, 308):
        sink.says(status, Location=elsewhere.url)
        assert post(sink.port).status == status
    assert elsewhere.got == []


def test_dripping_headers_end_at_the_deadline(misbehaving):
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in itertools.count():
            connection.sendall(b"X-Slow: %d\r\n" % number)
            time.sleep(0.05)

    assert failure(misbehaving(drip)) == "timed_out"


def test_silence_ends_at_the_deadline(misbehaving):
    assert (
        failure(misbehaving(lambda connection: time.sleep(1) if read_request(connection) else None))
        == "timed_out"
    )


def test_endless_interim_answers_end_at_the_deadline(misbehaving):
    def interim(connection: socket.socket) -> None:
        read_request(connection)
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.01)

    assert failure(misbehaving(interim)) == "timed_out"


def test_a_dripping_body_costs_little_and_the_status_counts(misbehaving):
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    began = time.monotonic()
    assert post(misbehaving(drip)).status == 200
    assert time.monotonic() - began < CAPS.body + 3


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 10737418240\r\n\r\n", b"\r\n"], ids=["10 GB", "no length"]
)
def test_an_endless_body_is_cut_off(misbehaving, framing):
    sent = [0]

    def flood(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + framing)
        while True:
            sent[0] += connection.send(b"x" * 65536)

    assert post(misbehaving(flood)).body == b"x" * 1024
    assert sent[0] < 32 << 20, "what the kernels buffer, not 10 GB"


def test_an_endless_chunked_body_is_cut_off(misbehaving):
    def flood(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10\r\n" + b"y" * 16 + b"\r\n")

    assert post(misbehaving(flood)).body == b"y" * 1024


def test_a_compressed_bomb_stays_compressed(sink):
    sink.body = gzip.compress(b"\0" * (64 << 20))
    sink.says(200, Content_Encoding="gzip")
    answer = post(sink.port)
    assert answer.body == sink.body[:1024]
    assert "accept-encoding" not in sink.got[0].headers


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"", "connection_closed"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "answer_invalid"),
        (b"HTTP/1.1 banana\r\n\r\n", "answer_invalid"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70000, "answer_invalid"),
        (
            b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n",
            "answer_invalid",
        ),
    ],
    ids=["nothing", "ssh", "no number", "long line", "many headers"],
)
def test_what_is_not_http_is_named(misbehaving, said, kind):
    def say(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        read_request(connection)

    assert failure(misbehaving(say)) == kind


def test_nobody_there_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert failure(port) == "connection_failed"


def test_a_peer_that_never_reads_ends_at_the_deadline(misbehaving):
    port = misbehaving(lambda connection: time.sleep(1.2))
    began = time.monotonic()
    with pytest.raises(NotDelivered) as failed:
        post(port, body=b"x" * (32 << 20))
    assert failed.value.kind == "timed_out"
    assert time.monotonic() - began < 4


def test_the_environments_proxy_is_not_asked(sink, new_sink, monkeypatch):
    proxy = new_sink()
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    assert post(sink.port).status == 204
    assert proxy.got == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-made authority's certificate for shop.example, with its key, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@pytest.fixture
def tls_shop(certificate):
    """A TLS server for shop.example on the loopback; yields its port and the server names that clients asked for."""
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    context.sni_callback = lambda sock, name, ctx: asked.append(name)
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    stop = threading.Event()
    heard: list[bytes] = []

    def serve() -> None:
        while not stop.is_set():
            try:
                raw, _ = server.accept()
                raw.settimeout(10)
                with context.wrap_socket(raw, server_side=True) as connection:
                    request = b""
                    while not request.endswith(b"{}"):  # head and body may come one after the other
                        got = connection.recv(65536)
                        if not got:
                            break
                        request += got
                    heard.append(request)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except OSError:
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1], asked, heard
    stop.set()
    thread.join()
    server.close()


def trusting(certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate / "cert.pem"))


def test_tls_goes_to_the_checked_address_under_the_name_of_the_url(tls_shop, certificate):
    port, asked, heard = tls_shop
    transport = Transport(lambda host: ["127.0.0.1"], tls=trusting(certificate))
    with transport.line(f"https://shop.example:{port}/hooks", LOCAL) as line:
        assert line.post({}, b"{}").body == b"ok"
    assert asked == ["shop.example"]
    assert f"Host: shop.example:{port}\r\n".encode() in heard[0]


@pytest.mark.parametrize(("host", "trusted"), [("other.example", True), ("shop.example", False)])
def test_a_certificate_that_does_not_hold_is_refused(tls_shop, certificate, host, trusted):
    port, _, heard = tls_shop
    transport = Transport(lambda host: ["127.0.0.1"], tls=trusting(certificate) if trusted else None)
    with transport.line(f"https://{host}:{port}/hooks", LOCAL) as line, pytest.raises(NotDelivered) as failed:
        line.post({"webhook-signature": "v1,secret"}, b"{}")
    assert failed.value.kind == "tls_failed"
    assert heard in ([], [b""])


def test_a_server_that_stalls_in_the_handshake_ends_at_the_deadline(misbehaving, certificate):
    port = misbehaving(lambda connection: time.sleep(1) if connection.recv(1) else None)
    transport = Transport(lambda host: ["127.0.0.1"], caps=CAPS, tls=trusting(certificate))
    began = time.monotonic()
    with (
        transport.line(f"https://shop.example:{port}/", LOCAL) as line,
        pytest.raises(NotDelivered) as failed,
    ):
        line.post({}, b"{}")
    assert failed.value.kind == "timed_out"
    assert time.monotonic() - began < 4


def test_the_next_address_is_tried_when_one_is_down(sink):
    transport = Transport(lambda host: ["::1", "127.0.0.1"], caps=CAPS)
    with transport.line(f"http://localhost:{sink.port}/", LOCAL) as line:
        assert line.post({}, b"{}").status == 204
