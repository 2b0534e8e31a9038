"""Each keyword of the SDK is sent, under a name that the gateway takes; and each name that it takes has a keyword."""

from __future__ import annotations

import inspect
import io
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

import fenqi
from fenqi._resources._resource import Resource
from gateway.app import APIS
from gateway.web.operations import Operation

EVERY = [operation for api in APIS for operation in api.operations]
SPECIAL = {
    "progress": "told while waiting",
    "to": "a file of the caller's",
    "interval": "between two questions of a waiting program",
}
SAMPLES: dict[str, tuple[Any, Any]] = {
    "int": (1, 2),
    "bool": (True, False),
    "float": (1.5, 2.5),
    "Timeout": (1.5, 2.5),
    "str": ("one", "two"),
    "date": ("2026-11-23", "2026-11-24"),
    "Sequence[int]": ([3], [6]),
    "Sequence[str]": (["one"], ["two"]),
    "Sequence[Mapping]": ([{"name": "one"}], [{"name": "two"}]),
    "str | os.PathLike[str] | bytes": (b"a,b", b"c,d"),
    "Mapping": ({"given": "one"}, {"given": "two"}),
}


DONE = re.compile("/v1/(reconciliations|exports)")


class Recorder(requests.Session):
    """A session that keeps what it is asked and answers with something of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []

    def request(self, method: str, url: str, **given: Any) -> requests.Response:  # type: ignore[override]
        parts = urlsplit(url)
        headers = dict(given["headers"])
        if "Idempotency-Key" in headers and re.fullmatch(r"[0-9a-f-]{36}", headers["Idempotency-Key"]):
            del headers["Idempotency-Key"]  # one that the SDK made up
        self.asked.append(
            {
                "method": method,
                "path": parts.path,
                "query": parse_qs(parts.query),
                "body": body_of(headers.get("Content-Type", ""), given["data"] or b"{}"),
                "headers": headers,
                "timeout": given["timeout"],
            }
        )
        wanted = headers.get("Accept", "")
        file = wanted in ("text/csv", "application/jsonl", "application/x-pem-file")
        row = {"id": "evt_1", "object": "event"}
        done = {
            **row,
            "mode": "test",
            "status": "ready" if "test_clocks" in url else "completed" if DONE.search(url) else "approved",
            "data": [row],
        }
        body = b"a,b" if file else json.dumps({**done, "has_more": False, "next_cursor": None}).encode()
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(body)
        answer.headers["Content-Type"] = wanted if file else "application/json"
        answer.request = requests.Request(method, url, headers=headers).prepare()
        return answer


def body_of(content_type: str, body: bytes) -> Any:
    """What was sent: JSON, or the fields of a form."""
    if not content_type.startswith("multipart/form-data"):
        return json.loads(body)
    parts = re.findall(
        r'name="(\w+)"(?:; (filename=".*?"))?\r\n(?:Content-Type.*\r\n)?\r\n(.*)\r\n--', body.decode()
    )
    return {name: f"{file}{value}" for name, file, value in parts}


def client_of(session: requests.Session | None = None) -> fenqi.Fenqi:
    secret = "whsec_" + "A" * 32
    return fenqi.Fenqi(
        access_token="t", base_url="http://gateway.test", webhook_secret=secret, session=session
    )


@cache
def resources() -> dict[str, type[Resource]]:
    """The class of each resource by its attribute of the client."""
    client = client_of(Recorder())
    found = {
        name: type(getattr(client, name))
        for name, value in vars(fenqi.Fenqi).items()
        if isinstance(value, property) and name[0] != "_"
    }
    return {name: kind for name, kind in found.items() if issubclass(kind, Resource)}


def sample(annotation: str, which: int) -> Any:
    """A value for a parameter: the first or the second, which differ."""
    kind = annotation.partition(" | None")[0]
    if kind.startswith("Sequence[Mapping"):
        kind = "Sequence[Mapping]"
    elif kind.startswith("Mapping"):
        kind = "Mapping"
    elif "date" in kind:
        kind = "date"
    return SAMPLES[kind][which]


def methods() -> list[tuple[str, str]]:
    return [
        (attribute, name)
        for attribute, kind in resources().items()
        for name, value in vars(kind).items()
        if name[0] != "_" and inspect.isfunction(value)
    ]


def call(attribute: str, method: str, tmp_path: Path, **given: Any) -> dict[str, Any]:
    """What a call with the required arguments and ``given`` sends first."""
    recorder = Recorder()
    client = client_of(recorder)
    client._transport.sleep = lambda seconds: None  # type: ignore[method-assign]
    function: Callable[..., Any] = getattr(getattr(client, attribute), method)
    arguments = {
        name: tmp_path / "file"
        if name == "to" and method.startswith("download")
        else sample(parameter.annotation, 0)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty
    }
    answer = function(**{**arguments, **given})
    if not recorder.asked:
        next(answer)
    return recorder.asked[0]


def operation_of(asked: dict[str, Any]) -> Operation:
    for operation in EVERY:
        path = re.sub(r"<\w+>", "[^/]+", operation.path)
        if operation.method == asked["method"] and re.fullmatch(path, asked["path"]):
            return operation
    raise AssertionError(f"the gateway has no {asked['method']} {asked['path']}")


def keywords(attribute: str, method: str) -> dict[str, str]:
    """The parameters whose values should reach the gateway, with their annotations."""
    found = inspect.signature(getattr(resources()[attribute], method)).parameters
    local = {name for name in SPECIAL if name in found and (name != "to" or method.startswith("download"))}
    if "interval" in local:
        local |= {"timeout"}  # of the waiting, not of a request
    return {name: one.annotation for name, one in found.items() if name not in {"self", *local}}


@pytest.mark.parametrize(("attribute", "method"), methods(), ids=str)
def test_what_a_method_takes_is_sent_and_taken(attribute: str, method: str, tmp_path: Path) -> None:
    sent: set[str] = set()
    operation: Operation | None = None
    for keyword, annotation in keywords(attribute, method).items():
        asked = [
            call(attribute, method, tmp_path, **{keyword: sample(annotation, which)}) for which in (0, 1)
        ]
        assert asked[0] != asked[1], f"{keyword} of {attribute}.{method} is not sent"
        if keyword != "extra":  # which sends what the SDK has no keyword for
            sent |= set(asked[0]["query"]) | set(asked[0]["body"])
        operation = operation_of(asked[0])
    assert operation is not None or not keywords(attribute, method)
    if (
        operation is None
        or "interval" in inspect.signature(getattr(resources()[attribute], method)).parameters
    ):
        return
    schemas = [operation.query, *([operation.body] if operation.body else [])]
    taken = {field.data_key or field.name for schema in schemas for field in schema.fields.values()}
    assert sent <= taken, "the gateway refuses these"
    if not method.startswith("download"):
        assert taken <= sent, "the SDK has no keyword for these"
