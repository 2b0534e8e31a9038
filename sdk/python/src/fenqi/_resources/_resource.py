"""What all resources share: the client they call through, and how arguments become paths and bodies."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from .._calls import Caller
from .._errors import APITimeoutError
from .._model import Model

M = TypeVar("M", bound=Model)


class Resource:
    """A group of methods on one client."""

    __slots__ = ("_client",)

    def __init__(self, client: Caller) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client!r}>"


def polled(
    ask: Callable[[], M],
    done: Container[str],
    *,
    called: str,
    timeout: float,
    interval: float,
    sleep: Callable[[float], object],
    told: Callable[[M], object] | None = None,
) -> M:
    """The answer of ``ask`` once its status is in ``done``; ``told`` is given each answer.

    Raises APITimeoutError after ``timeout`` seconds.
    """
    waited = 0.0
    while True:
        found = ask()
        if told is not None:
            told(found)
        if found.status in done:
            return found
        if waited + interval > timeout:
            raise APITimeoutError(f"{called} is still {found.status} after {waited:g} s")
        sleep(interval)
        waited += interval


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
