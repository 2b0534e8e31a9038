"""The files of ``deploy/`` before a real gateway: nginx and Caddy with just those files, but for ports and paths."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.oauth.rates import LOGINS
from gateway.web.bodies import MAX_BODY_BYTES
from tests.gateway.web.real_server import HEAD, asked
from tests.ports import free_port

DEPLOY = Path(__file__).parents[3] / "deploy"
NAME = "pay.example.test"
NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
CADDY = shutil.which("caddy")
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs; ``log`` is what it writes of requests."""

    name: str
    port: int
    plain_port: int
    log: Path

    def connect(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(source, 0))
        return CONTEXT.wrap_socket(plain, server_hostname=NAME)

    def ask(self, request: bytes, source: str = "127.0.0.1") -> bytes:
        """All that is answered to a request that ends its connection."""
        with self.connect(source) as connection:
            with suppress(ConnectionError, ssl.SSLError):  # who refuses a long body does not wait for its end
                connection.sendall(request)
            return whole(connection)

    def get(self, path: str, source: str = "127.0.0.1", host: str = NAME) -> bytes:
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n"
        return self.ask(head.encode(), source)


def whole(connection: socket.socket) -> bytes:
    said = b""
    try:
        while part := connection.recv(65536):
            said += part
    except (ConnectionError, ssl.SSLError):
        pass
    return said


def status_of(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of a minute's worth."""
    folder = tmp_path_factory.mktemp("proxy")
    folder.chmod(0o755)  # nginx's processes have a user of their own
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder


def substituted(text: str, changes: dict[str, str]) -> str:
    for written, here in changes.items():
        assert written in text, f"the file has no {written!r} any more"
        text = text.replace(written, here)
    return text


def nginx(folder: Path, gateway_port: int, port: int, plain_port: int) -> tuple[list[str], Path]:
    if NGINX is None or os.geteuid() != 0:
        pytest.skip("nginx as root is wanted: apt install nginx-light")
    changes = {
        "pay.example.com": NAME,
        "/run/nginx.pid": f"{folder}/nginx.pid",
        "/var/log/nginx/": f"{folder}/",
        "/etc/ssl/fenqi/": f"{folder}/",
        "127.0.0.1:8400": f"127.0.0.1:{gateway_port}",
        "listen 80": f"listen 127.0.0.1:{plain_port}",
        "listen 443": f"listen 127.0.0.1:{port}",
    }
    path = folder / "nginx.conf"
    path.write_text(substituted((DEPLOY / "nginx.conf").read_text("utf-8"), changes), "utf-8")
    return [
        NGINX,
        "-c",
        str(path),
        "-e",
        str(folder / "early.log"),
        "-g",
        "daemon off;",
    ], folder / "fenqi.log"


def caddy(folder: Path, gateway_port: int, port: int, plain_port: int) -> tuple[list[str], Path]:
    if CADDY is None:
        pytest.skip("Caddy is wanted: apt install caddy")
    changes = {
        "\n{\n": f"\n{{\n\tadmin off\n\thttp_port {plain_port}\n\thttps_port {port}\n",
        "pay.example.com {\n": f"{NAME} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem\n",
        "/var/log/caddy/": f"{folder}/caddy-",
        "127.0.0.1:8400": f"127.0.0.1:{gateway_port}",
    }
    path = folder / "Caddyfile"
    path.write_text(substituted((DEPLOY / "Caddyfile").read_text("utf-8"), changes), "utf-8")
    return [CADDY, "run", "--config", str(path), "--adapter", "caddyfile"], folder / "caddy-fenqi.log"


@pytest.fixture(scope="module", params=[nginx, caddy], ids=lambda make: str(make.__name__))
def proxy(request: pytest.FixtureRequest, front: dict[str, Any], folder: Path) -> Iterator[Proxy]:
    """A proxy in front of the gateway, by the file that we ship."""
    port, plain_port = free_port(), free_port()
    command, log = request.param(folder, front["port"], port, plain_port)
    environ = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    running = Proxy(request.param.__name__, port, plain_port, log)
    try:
        for _ in range(200):
            try:
                assert status_of(running.get("/healthz")) == 200
                break
            except (OSError, AssertionError, IndexError):
                assert process.poll() is None, (process.stderr and process.stderr.read()) or ""
                time.sleep(0.05)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=20)
        assert process.stderr is not None
        process.stderr.close()


def test_limits_count_the_real_address_whatever_a_client_claims(proxy: Proxy) -> None:
    greedy, other = ("127.0.0.11", "127.0.0.12") if proxy.name == "nginx" else ("127.0.0.13", "127.0.0.14")

    def login(source: str, number: int) -> int:
        head = (
            f"POST /oauth/authorize HTTP/1.1\r\nHost: {NAME}\r\nX-Forwarded-For: 203.0.113.{number}\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        return status_of(proxy.ask(head.encode(), source))

    answers = [login(greedy, number % 250) for number in range(LOGINS.burst)]
    while (
        answers[-1] != 429 and len(answers) < 10 * LOGINS.burst
    ):  # some come back while a slow machine works
        answers.append(login(greedy, 1))

    assert answers[0] == 400
    assert answers[-1] == 429
    assert login(other, 1) == 400


def test_slow_senders_delay_nobody(proxy: Proxy) -> None:
    slow = []
    try:
        for number in range(200):  # by a hundred an address, which nginx allows
            connection = proxy.connect(f"127.0.0.{20 + number // 70}")
            connection.sendall(
                (HEAD.replace(b"\r\n\r\n", b"\r\n") + b"Content-Length: 900\r\n\r\na")
                if number % 2
                else HEAD[: 40 + number % 50]
            )
            slow.append(connection)
        best = 10.0
        for _ in range(3):  # other tests may keep the machine busy
            waits = []
            for _ in range(30):
                started = time.perf_counter()
                assert status_of(proxy.get("/healthz", "127.0.0.30")) == 200
                waits.append(time.perf_counter() - started)
            best = min(best, statistics.quantiles(waits, n=100, method="inclusive")[98])
            if best <= 0.1:
                break
        assert status_of(proxy.get("/v1/me", "127.0.0.30")) == 401, "an honest request reaches the gateway"
    finally:
        for connection in slow:
            connection.close()
    assert best <= 0.1


def test_what_is_too_long_is_refused_and_what_is_not_passes(proxy: Proxy) -> None:
    head = f"POST /v1/checkouts HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    for length, status in ((MAX_BODY_BYTES, 401), (MAX_BODY_BYTES + 1, 413)):
        said = proxy.ask(f"{head}Content-Length: {length}\r\n\r\n".encode() + b" " * length)
        assert status_of(said) == status
    long = f"GET /v1/me HTTP/1.1\r\nHost: {NAME}\r\nX-Long: {'a' * 80_000}\r\nConnection: close\r\n\r\n"
    assert not said_by_gateway(proxy.ask(long.encode()))


def said_by_gateway(said: bytes) -> bool:
    return b"x-request-id: " in said.lower()


def test_browsers_are_told_once_to_stay_with_https_and_plain_http_is_sent_there(proxy: Proxy) -> None:
    for path in ("/v1/me", "/portal/", "/healthz/nothing"):
        said = proxy.get(path).lower()
        assert said.count(b"\r\nstrict-transport-security: max-age=31536000\r\n") == 1, path
        assert b"\r\nserver: granian" not in said
    status, headers, _ = asked(proxy.plain_port, "GET", "/plans?key=1")
    assert status in (301, 308)
    assert re.fullmatch(rf"https://{NAME}(:{proxy.port})?/plans\?key=1", headers["Location"])


def test_other_hosts_and_the_operators_pages_end_at_the_proxy(proxy: Proxy) -> None:
    assert not said_by_gateway(proxy.get("/portal", host="evil.example"))
    assert b"evil.example" not in proxy.get("/portal", host="evil.example")
    for path in ("/readyz", "/metrics"):
        assert status_of(proxy.get(path, "127.0.0.40")) == 403


def test_the_log_has_no_query_no_secret_and_one_line_for_each_request(proxy: Proxy) -> None:
    before = len(lines_of(proxy.log))
    proxy.get("/checkout/chk_1/open/s3cr3t?lang=en&token=s3cr3t", "127.0.0.50")
    proxy.get("/x%0A2026-11-29%20forged?secret=s3cr3t", "127.0.0.50")
    for _ in range(100):
        if len(lines := lines_of(proxy.log)[before:]) >= 2:
            break
        time.sleep(0.05)

    assert len(lines) == 2
    assert all("127.0.0.50" in line for line in lines)
    assert "/checkout/chk_1/open" in lines[0]
    assert "s3cr3t" not in "".join(lines)
    if proxy.name == "caddy":
        assert [json.loads(line)["status"] for line in lines] == [404, 404]


def lines_of(log: Path) -> list[str]:
    return log.read_text("utf-8").splitlines() if log.exists() else []
