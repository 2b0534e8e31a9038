"""What all resources share: the client they call through, and how arguments become paths and bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .._client import Fenqi


class Resource:
    """A group of methods on one client."""

    __slots__ = ("_client",)

    def __init__(self, client: Fenqi) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client!r}>"


def segment(value: str) -> str:
    """An id as one path segment. Raises TypeError unless text, ValueError when it could not be an id."""
    if not isinstance(value, str):
        hint = ": pass its .id" if hasattr(value, "id") else ""
        raise TypeError(f"an id must be a str, not {type(value).__name__}{hint}")
    if not value or value in (".", ".."):
        raise ValueError(f"not an id: {value!r}")
    return quote(value, safe="")


def given(extra: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """The fields that were given (not None), then those of ``extra``."""
    named = {name: value for name, value in fields.items() if value is not None}
    return {**named, **extra} if extra else named
