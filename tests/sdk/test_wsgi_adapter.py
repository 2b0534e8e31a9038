"""A WSGI application called in process, as a server would call it."""

from __future__ import annotations

import contextvars
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import flask
import pytest
import requests

from fenqi.wsgi import WsgiAdapter, wsgi_session

colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")


def session_for(app: Any) -> requests.Session:
    session = requests.Session()
    session.mount("http://app.test", WsgiAdapter(app, remote_addr="192.0.2.1"))
    return session


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask("inner")

    @app.route("/echo/<path:rest>", methods=["GET", "POST", "PUT", "DELETE", "HEAD"])
    def echo(rest: str) -> Any:
        request = flask.request
        return {
            "method": request.method,
            "rest": rest,
            "args": request.args.to_dict(flat=False),
            "headers": dict(request.headers),
            "body": request.get_data(as_text=True),
            "length": request.content_length,
            "remote": request.remote_addr,
            "url": request.url,
            "colour": colour.get(),
        }

    @app.get("/cookies")
    def cookies() -> Any:
        answer = flask.jsonify(dict(flask.request.cookies))
        answer.set_cookie("a", "1")
        answer.set_cookie("b", "2", path="/cookies")
        return answer

    @app.get("/stream")
    def stream() -> Any:
        def chunks() -> Iterator[bytes]:
            yield b""
            yield b"one,"
            yield flask.request.args.get("word", "two").encode()

        return flask.Response(flask.stream_with_context(chunks()), mimetype="text/csv")

    @app.get("/empty")
    def empty() -> Any:
        return "", 204

    return app


def test_request_arrives_as_it_was_sent(app: flask.Flask) -> None:
    url = "http://app.test/echo/手机%2F1?a=1&a=%E4%BA%8C"
    headers = {"X-One": "1", "Content-Type": "text/plain"}
    answer = session_for(app).post(url, data="正文".encode(), headers=headers)
    told = answer.json()
    assert (told["method"], told["rest"], told["args"], told["body"]) == (
        "POST",
        "手机/1",
        {"a": ["1", "二"]},
        "正文",
    )
    assert (told["length"], told["remote"]) == (6, "192.0.2.1")
    assert told["headers"]["X-One"] == "1"
    assert told["headers"]["Host"] == "app.test"
    assert (answer.status_code, answer.reason, answer.ok) == (200, "OK", True)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", [b"abc", "abc", iter([b"a", b"bc"]), None])
def test_any_kind_of_body_is_sent_whole(app: flask.Flask, body: Any) -> None:
    told = session_for(app).post("http://app.test/echo/x", data=body).json()
    assert told["body"] == ("abc" if body is not None else "")


def test_several_cookies_are_set_and_sent_back(app: flask.Flask) -> None:
    session = session_for(app)
    first = session.get("http://app.test/cookies")
    assert first.raw.headers.getlist("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/cookies"]
    assert session.get("http://app.test/cookies").json() == {"a": "1", "b": "2"}


def test_session_for_a_client_keeps_no_cookies(app: flask.Flask) -> None:
    session = wsgi_session(app, "http://app.test/")
    session.get("http://app.test/cookies")
    assert session.get("http://app.test/cookies").json() == {}


def test_body_is_produced_as_it_is_read(app: flask.Flask) -> None:
    answer = session_for(app).get("http://app.test/stream?word=three", stream=True)
    assert list(answer.iter_content(4)) == [b"one,", b"thre", b"e"]
    assert session_for(app).get("http://app.test/stream").text == "one,two"


def test_answers_without_a_body(app: flask.Flask) -> None:
    assert session_for(app).get("http://app.test/empty").content == b""
    head = session_for(app).head("http://app.test/echo/x")
    assert (head.content, int(head.headers["Content-Length"]) > 0) == (b"", True)


def test_application_runs_in_a_context_of_its_own(app: flask.Flask) -> None:
    outer = flask.Flask("outer")

    @outer.get("/")
    def page() -> Any:
        colour.set("outer")
        told = session_for(app).get("http://app.test/echo/x").json()
        return {
            "inner": told["colour"],
            "outer": colour.get(),
            "app": flask.current_app.name,
            "url": told["url"],
        }

    assert session_for(outer).get("http://app.test/").json() == {
        "inner": "none",
        "outer": "outer",
        "app": "outer",
        "url": "http://app.test/echo/x",
    }


def test_body_is_produced_in_the_context_of_its_request() -> None:
    def app(environ: dict[str, Any], start: Any) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        colour.set("inner")

        def chunks() -> Iterator[bytes]:
            for _ in range(3):
                yield colour.get().encode() + b" "

        return chunks()

    with session_for(app).get("http://app.test/", stream=True) as answer:
        assert list(answer.iter_content(6)) == [b"inner "] * 3
    assert colour.get() == "none"


def failing(where: str, closed: list[bool]) -> Any:
    class Body:
        def __init__(self, start: Any) -> None:
            self.start, self.steps = start, iter((b"first", b"second"))

        def __iter__(self) -> Body:
            return self

        def __next__(self) -> bytes:
            if where == "before":
                raise ValueError("before")
            self.start("200 OK", [("Content-Type", "text/plain")])
            self.start = lambda *_: None
            step = next(self.steps)
            if where == "middle" and step == b"second":
                raise ValueError("middle")
            return step

        def close(self) -> None:
            closed.append(True)
            if where == "close":
                raise ValueError("close")

    def app(environ: dict[str, Any], start: Any) -> Any:
        if where == "call":
            raise ValueError("call")
        return Body(start)

    return app


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("call", requests.ConnectionError),
        ("before", requests.ConnectionError),
        ("middle", requests.exceptions.ChunkedEncodingError),
    ],
)
def test_exception_of_the_application_is_a_broken_connection(
    where: str, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    closed: list[bool] = []
    with pytest.raises(kind, match=f"ValueError: {where}"):
        session_for(failing(where, closed)).get("http://app.test/")
    assert closed == ([] if where == "call" else [True])
    assert [record.exc_info is not None for record in caplog.records if record.name == "fenqi"] == [True]


def test_exception_while_closing_is_logged_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "fenqi"):
        assert session_for(failing("close", [])).get("http://app.test/").text == "firstsecond"
    assert "while closing" in caplog.text


def test_answer_that_is_not_read_to_the_end_is_closed() -> None:
    closed: list[bool] = []
    with session_for(failing("nowhere", closed)).get("http://app.test/", stream=True):
        assert closed == []
    assert closed == [True]


def test_start_response_written_to_and_called_again() -> None:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        write = start("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
        write(b"written ")
        return [b"returned"]

    answer = session_for(app).get("http://app.test/")
    assert answer.text == "written returned"
    assert "Connection" not in answer.headers

    def changes_its_mind(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        try:
            raise ValueError("late")
        except ValueError:
            start("500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"sorry"]

    assert session_for(changes_its_mind).get("http://app.test/").status_code == 500


@pytest.mark.parametrize(
    "app",
    [
        lambda environ, start: [b"never started"],
        lambda environ, start: [],
        lambda environ, start: (start("200 OK", []), start("200 OK", []), [b""])[2],
    ],
)
def test_application_that_breaks_the_protocol_is_a_broken_connection(app: Any) -> None:
    with pytest.raises(requests.ConnectionError, match="start_response"):
        session_for(app).get("http://app.test/")


def test_content_length_that_lies_is_noticed() -> None:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "99")])
        return [b"short"]

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session_for(app).get("http://app.test/")


def test_adapter_needs_neither_responses_nor_pytest() -> None:
    code = "import sys, fenqi.wsgi; print(sorted({'responses', 'pytest', 'flask'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
