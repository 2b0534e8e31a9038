"""Reading a request: size, type, depth and strict JSON before any schema sees it, in time that grows with its size."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from flask import Request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType, ValidationFailed
from gateway.web.legible import check_fields

MAX_BODY_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = 32 * 1024 * 1024
"""Of a form with a file (multipart/form-data), for the operations that take one."""
MAX_DEPTH = 12
LONGEST_LIST = 500
"""More entries than any list of the API takes: each would be checked, and each of its faults named."""
LONGEST_NAME = 100
"""So much of a name that is refused stands in the answer."""
LONGEST_PATH = 200
MOST_FORM_PARTS = 20
MOST_ERRORS = 100
"""So many wrong fields are named at once."""


def read_json(request: Request) -> dict[str, Any]:
    """The body as an object; an empty body is an empty object.

    Raises ``PayloadTooLarge``, ``UnsupportedMediaType`` or ``InvalidRequest`` with what to change.
    """
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"Send at most {MAX_BODY_BYTES} bytes.")
    raw = request.get_data(cache=True)
    if len(raw) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"Send at most {MAX_BODY_BYTES} bytes.")
    if not raw:
        return {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send Content-Type: application/json.")
    try:
        body = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise InvalidRequest(f"The body is nested more than {MAX_DEPTH} levels deep.") from None
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if _depth(body) > MAX_DEPTH:
        raise InvalidRequest(f"The body is nested more than {MAX_DEPTH} levels deep.")
    return body


class Upload(str):
    """A file that came with a form. As text it is the hash of its bytes, by which a repeated request is known."""

    content: bytes
    name: str

    @classmethod
    def of(cls, content: bytes, name: str) -> Upload:
        """The file of these bytes, as its sender calls it."""
        upload = cls(hashlib.sha256(content).hexdigest())
        upload.content, upload.name = content, name
        return upload


def read_form(request: Request) -> dict[str, Any]:
    """The fields of a form with files, each once.

    Raises ``PayloadTooLarge``, ``UnsupportedMediaType`` or ``InvalidRequest``.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send Content-Type: multipart/form-data with the file in the field file.")
    if (request.content_length or 0) > MAX_UPLOAD_BYTES:
        raise PayloadTooLarge(f"Send at most {MAX_UPLOAD_BYTES} bytes.")
    request.max_content_length = MAX_UPLOAD_BYTES
    request.max_form_parts = MOST_FORM_PARTS
    try:
        pairs: list[tuple[str, Any]] = [*request.form.items(multi=True), *request.files.items(multi=True)]
    except RequestEntityTooLarge:
        raise PayloadTooLarge(
            f"Send at most {MAX_UPLOAD_BYTES} bytes, in at most {MOST_FORM_PARTS} fields."
        ) from None
    body: dict[str, Any] = {}
    for name, value in pairs:
        if name in body:
            raise InvalidRequest(f"The body contains the field {name[:LONGEST_NAME]!r} more than once.")
        check_fields(name, value if isinstance(value, str) else "")
        body[name] = value if isinstance(value, str) else Upload.of(value.read(), value.filename or "")
    return body


def read_query(request: Request) -> dict[str, Any]:
    """Query parameters; one that is given twice is refused."""
    values: dict[str, Any] = {}
    for name, found in request.args.lists():
        if len(found) > 1:
            raise InvalidRequest(
                f"The query parameter {name!r} is given {len(found)} times: send it once.", param=name
            )
        values[name] = found[0]
    return values


def loaded(schema: Schema, raw: dict[str, Any]) -> dict[str, Any]:
    """``raw`` through ``schema``. Raises ``ValidationFailed`` with one entry per wrong field."""
    try:
        return dict(schema.load(raw))
    except ValidationError as error:
        raise ValidationFailed(_flattened(error.normalized_messages())[:MOST_ERRORS]) from None


def _flattened(messages: Any, path: str = "") -> list[dict[str, str]]:
    if isinstance(messages, dict):
        found = []
        for key, inner in messages.items():
            if key == "_schema":
                found += _flattened(inner, path)
            elif isinstance(key, int):
                found += _flattened(inner, f"{path}[{key}]")
            else:
                found += _flattened(inner, f"{path}.{key}" if path else str(key))
        return found
    return [
        {"param": path[:LONGEST_PATH] or "body", "code": _code(text), "detail": str(text)}
        for text in messages
    ]


def _code(text: str) -> str:
    if text.startswith("Missing data"):
        return "missing"
    return "unknown_field" if text.startswith("Unknown field") else "invalid"


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name, count in times.items() if count > 1)
        raise ValueError(f"The body contains the field {twice[:LONGEST_NAME]!r} more than once.")
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(f"The body contains {name}, which is not valid JSON.")


def _depth(value: Any, level: int = 1) -> int:
    """How deep a value is nested. Raises ``InvalidRequest`` for a list that is too long."""
    if level > MAX_DEPTH:
        return level
    if isinstance(value, dict):
        return max((_depth(inner, level + 1) for inner in value.values()), default=level)
    if isinstance(value, list):
        if len(value) > LONGEST_LIST:
            raise InvalidRequest(f"A list in the body has {len(value)} entries: send at most {LONGEST_LIST}.")
        return max((_depth(inner, level + 1) for inner in value), default=level)
    return level
