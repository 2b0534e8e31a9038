"""Testing a shop without a network.

A stateful fake gateway (``pip install fenqi[testing]``) and a WSGI adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._schedule import Product as Product
    from ._shells import Delivery as Delivery
    from ._shells import FakeGateway as FakeGateway
    from ._shells import FakeRequest as FakeRequest
    from ._shells import Shopper as Shopper
    from .wsgi import WsgiAdapter as WsgiAdapter
    from .wsgi import wsgi_session as wsgi_session

__all__ = ["Delivery", "FakeGateway", "FakeRequest", "Product", "Shopper", "WsgiAdapter", "wsgi_session"]

_HOMES = {"Product": "_schedule", "WsgiAdapter": "wsgi", "wsgi_session": "wsgi"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fenqi.testing' has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f"fenqi.testing.{_HOMES.get(name, '_shells')}")
    except ModuleNotFoundError as error:
        if error.name != "responses":
            raise
        raise ModuleNotFoundError(
            f"fenqi.testing.{name} needs the package responses: pip install 'fenqi[testing]'",
            name="responses",
        ) from None
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
