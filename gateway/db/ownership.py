"""Whose an object is: what is not the caller's is not found, however well its id was guessed."""

from __future__ import annotations

from typing import TypeVar

from gateway.core.tenant import Owned, Tenant
from gateway.errors import NotFound

T = TypeVar("T", bound=Owned)


def owned(thing: T | None, tenant: Tenant, what: str, id: str, *, param: str | None = None) -> T:
    """The object, if it is the tenant's; ``what`` names its kind. Raises ``NotFound``, for another's as for none."""
    if thing is None or not tenant.owns(thing):
        raise NotFound(f"There is no {what} {id!r}.", param=param)
    return thing
