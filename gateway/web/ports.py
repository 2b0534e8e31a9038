"""Ports to the outside, which nobody calls while a transaction is open: it may be repeated, and it holds locks.

Whatever is put here refuses such a call, unless it is declared local below with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.db import transactions

LOCAL = {
    "scorer": "computes in this process",
    "challengers": "scorers of this process",
    "links": "reads our own database, by connections of its own",
    "working_days": "a calendar that ships with the package",
    "signing_keys": "keys in the data folder",
    "signing_authority": "signs by a key in the data folder; a signature that is not kept has no effect",
}
"""Ports that ask nobody outside, and why; every other port is guarded."""


class OutsideCallInTransaction(RuntimeError):
    """A mistake of ours: a foreign system was called inside a transaction, which may be repeated."""


class Ports(dict[str, Any]):
    """Foreign systems by name: ``funder``, ``bureau``, ``notifier``, ``institution``, ``webhook_transport``,
    ``roots_target``; local ones are in ``LOCAL``.
    """

    def __init__(self, ports: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        for name, port in (ports or {}).items():
            self[name] = port

    def __setitem__(self, name: str, port: Any) -> None:
        super().__setitem__(name, port if port is None or name in LOCAL else Guarded(name, port))

    def unguarded(self, name: str) -> Any:
        """The port itself, to look at."""
        port = self[name]
        return port.guarded_port if isinstance(port, Guarded) else port


class Guarded:
    """A port whose methods raise ``OutsideCallInTransaction`` while this thread is inside a transaction."""

    guarded_name: str
    guarded_port: Any

    def __init__(self, name: str, port: Any) -> None:
        vars(self).update(guarded_name=name, guarded_port=port)

    def __setattr__(self, attribute: str, value: Any) -> None:
        setattr(self.guarded_port, attribute, value)

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self.guarded_port, attribute)
        return _guarded(f"{self.guarded_name}.{attribute}", value) if callable(value) else value

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return _guarded(self.guarded_name, self.guarded_port)(*arguments, **options)


def _guarded(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if transactions.is_open():
            raise OutsideCallInTransaction(
                f"{name} was called inside a transaction: queue it in the outbox, or call it between two."
            )
        return method(*arguments, **options)

    return call
