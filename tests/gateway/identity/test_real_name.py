"""The real-name source over HTTP: what is sent, what each answer means, and how long it is waited for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.app import gateway_of
from gateway.config import Settings, WrongSetting, from_environment
from gateway.identity.real_name import (
    OneForEachMode,
    Question,
    RealNameUnavailable,
    SimulatedRealName,
    answer_of,
)
from gateway.identity.real_name_http import HttpRealName
from tests.one_database import database_url  # noqa: F401

QUESTION = Question("drq_1", "live", "王小明", "11010519491231002X", "+8613800138000", within_seconds=2)


class Source(ThreadingHTTPServer):
    """Says by method what it is told, and keeps what it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[Any, ...]] = []
        self.says: dict[str, tuple[int, bytes, float]] = {}


class Handler(BaseHTTPRequestHandler):
    """Answers as the source says."""

    server: Source

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(body)

    def do_GET(self) -> None:
        self.answer(None)

    def answer(self, body: Any) -> None:
        self.server.got.append((self.command, self.path, self.headers["Authorization"], body))
        status, text, pause = self.server.says.get(self.command, (404, b"{}", 0))
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            for at in range(len(text)):
                self.wfile.write(text[at : at + 1])
                if pause:
                    time.sleep(pause)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def source() -> Iterator[Any]:
    server = Source()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def real_name(source: Any) -> HttpRealName:
    return HttpRealName(f"http://127.0.0.1:{source.server_address[1]}/v1/", "secret")


def result(word: str, reference: str = "drq_1") -> bytes:
    return json.dumps({"reference": reference, "result": word}).encode()


def test_what_is_asked_and_answered(source: Any, real_name: HttpRealName) -> None:
    for word in ("match", "mismatch", "unknown"):
        source.says = {"POST": (200, result(word), 0), "GET": (200, result(word), 0)}
        assert real_name.check(QUESTION) == word
        assert real_name.look_up(QUESTION) == word
    body = {
        "reference": "drq_1",
        "name": "王小明",
        "id_number": "11010519491231002X",
        "phone": "+8613800138000",
    }
    assert source.got[:2] == [
        ("POST", "/v1/checks", "Bearer secret", body),
        ("GET", "/v1/checks/drq_1", "Bearer secret", None),
    ]
    source.says = {}
    assert real_name.look_up(QUESTION) is None, "404: it was never asked"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, b"{}"),
        (401, b"{}"),
        (302, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, result("yes")),
        (200, result("match", "drq_2")),
        (200, b" " * 5000),
    ],
)
def test_what_is_no_answer_is_never_a_match(
    source: Any, real_name: HttpRealName, status: int, text: bytes
) -> None:
    source.says = {"POST": (status, text, 0)}
    with pytest.raises(RealNameUnavailable) as refused:
        real_name.check(QUESTION)
    assert "王小明" not in str(refused.value)
    assert answer_of(real_name, QUESTION, again=False) == "unknown"
    source.says["GET"] = (200, result("match"), 0)
    assert answer_of(real_name, QUESTION, again=False) == "match", "the late answer is looked up"
    assert answer_of(real_name, QUESTION, again=True) == "match"
    assert [command for command, *_ in source.got] == ["POST", "POST", "GET", "POST", "GET", "GET"]


def test_an_answer_that_drips_or_never_comes_is_waited_for_no_longer_than_asked(
    source: Any, real_name: HttpRealName
) -> None:
    source.says = {"POST": (200, result("match"), 0.05)}
    began = time.monotonic()
    with pytest.raises(RealNameUnavailable):
        real_name.check(replace(QUESTION, within_seconds=0.3))
    assert time.monotonic() - began < 2
    nobody = HttpRealName("http://127.0.0.1:9", "secret")
    assert answer_of(nobody, QUESTION, again=True) == "unknown"


def test_nobody_of_test_mode_is_told_to_a_live_source(source: Any, real_name: HttpRealName) -> None:
    invented = replace(QUESTION, mode="test")
    with pytest.raises(RealNameUnavailable):
        real_name.check(invented)
    assert OneForEachMode(real_name).check(invented) == "match"
    assert not SimulatedRealName().serves("live")
    with pytest.raises(RealNameUnavailable, match="simulator"):
        SimulatedRealName().check(QUESTION)
    assert source.got == []


def test_address_and_key_are_set_together_and_kept_from_eyes(
    database_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    for wrong in (
        "http://real-name.example",
        "real-name.example",
        "https://u:p@x.example",
        "https://x.example?a=1",
    ):
        with pytest.raises(WrongSetting, match="FENQI_REAL_NAME_URL"):
            from_environment({"FENQI_REAL_NAME_URL": wrong}, data_dir=tmp_path)
    url = "https://real-name.example/v1"
    settings = from_environment(
        {"FENQI_REAL_NAME_URL": url, "FENQI_REAL_NAME_KEY": "hush"}, data_dir=tmp_path
    )
    assert "hush" not in repr(settings)
    settings = Settings(database_url=database_url, data_dir=tmp_path, real_name_url=url, real_name_key="hush")
    assert gateway_of(settings).ports.real_name.serves("live")
    with pytest.raises(WrongSetting, match="FENQI_REAL_NAME_KEY"):
        gateway_of(replace(settings, real_name_key=""))
