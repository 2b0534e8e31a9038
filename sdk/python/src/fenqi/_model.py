"""The base of all results: a thin object over the answer's own dictionary.

A field is an attribute; a field newer than this package is readable all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

M = TypeVar("M", bound="Model")

_SHOWN = ("id", "status", "amount")
_BY_OBJECT: dict[str, type[Model]] = {}


class Response:
    """What came with an answer: HTTP ``status``, ``headers``, ``request_id`` and whether it was ``replayed``."""

    __slots__ = ("headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers

    @property
    def request_id(self) -> str | None:
        """The ``X-Request-Id`` of the answer; quote it to the gateway's support."""
        return self.headers.get("X-Request-Id")

    @property
    def replayed(self) -> bool:
        """True when the gateway repeated an earlier answer for the same idempotency key."""
        return self.headers.get("Idempotent-Replayed") == "true"

    def __repr__(self) -> str:
        return f"<Response {self.status} request_id={self.request_id}>"


class Model:
    """An object of the API.

    Read fields as attributes, ``to_dict()`` for the raw answer; equal when the content is.
    """

    __slots__ = ("_fields", "_response")
    _nested: ClassVar[Mapping[str, type[Model]]] = {}
    _plain: ClassVar[frozenset[str]] = frozenset({"metadata"})
    _fields: dict[str, Any]
    _response: Response | None

    def __init_subclass__(cls, *, object: str | None = None, **options: Any) -> None:
        """``object`` is what the field of that name says of such an answer."""
        super().__init_subclass__(**options)
        if object is not None:
            _BY_OBJECT[object] = cls

    def __init__(self, fields: dict[str, Any], response: Response | None = None) -> None:
        self._fields = fields
        self._response = response

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            value = self._fields[name]
        except KeyError:
            raise AttributeError(self._unknown(name)) from None
        if type(value) is dict:
            return value if name in self._plain else self._wrap(name, value)
        if type(value) is list:
            return [self._wrap(name, item) if type(item) is dict else item for item in value]
        return value

    def _wrap(self, name: str, value: dict[str, Any]) -> Model:
        kind = self._nested.get(name) or model_for(value)
        return kind(value, self._response)

    def _unknown(self, name: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(name, self._fields, n=3, cutoff=0.6)
        hint = (
            f"; did you mean {', '.join(near)}?"
            if near
            else f"; it has {', '.join(self._fields) or 'no fields'}"
        )
        return f"{type(self).__name__} has no field {name!r}{hint}"

    def to_dict(self) -> dict[str, Any]:
        """A copy of the answer as plain dictionaries and lists; changing it changes nothing here."""
        copied: dict[str, Any] = _copy(self._fields)
        return copied

    @property
    def request_id(self) -> str | None:
        """The id of the request that brought this object, None for one from a webhook."""
        return self._response.request_id if self._response is not None else None

    @property
    def last_response(self) -> Response | None:
        """Status and headers of the answer that brought this object."""
        return self._response

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        return type(self) is type(other) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash((type(self), str(self._fields.get("id"))))

    def __reduce__(self) -> tuple[type[Model], tuple[dict[str, Any]]]:
        return type(self), (self._fields,)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self._fields})

    def __repr__(self) -> str:
        shown = " ".join(f"{name}={self._fields[name]!r}" for name in _SHOWN if name in self._fields)
        return f"<{type(self).__name__}{' ' + shown if shown else ''}>"


def model_for(fields: Mapping[str, Any]) -> type[Model]:
    """The class for an answer by its ``object`` field; Model itself for a type this package does not know."""
    name = fields.get("object")
    return _BY_OBJECT.get(name, Model) if isinstance(name, str) else Model


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value
