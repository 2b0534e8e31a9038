"""Ports to the outside, which nobody calls while a transaction is open: it may be repeated, and it holds locks.

Whatever is put here refuses such a call, unless it is declared local below with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.db import transactions

if TYPE_CHECKING:  # the rooms that have these stand above
    from gateway.core.calendar import WorkingDays
    from gateway.core.signing import SigningAuthority
    from gateway.decision.bureau import Bureau
    from gateway.decision.funder import Funder
    from gateway.decision.link_book import LinkBook
    from gateway.decision.scorer import ScorerPort
    from gateway.decision.shadow import Challenger
    from gateway.documents.signing import DocumentAuthority
    from gateway.identity.notifier import Notifier
    from gateway.identity.real_name import RealName
    from gateway.institution.port import PaymentInstitution
    from gateway.oauth.tokens.keys import SigningKeys
    from gateway.roots.targets import Target
    from gateway.webhooks.delivery.transport import Transport

LOCAL = {
    "scorer": "computes in this process",
    "challengers": "scorers of this process",
    "links": "reads our own database, by connections of its own",
    "working_days": "a calendar that ships with the package",
    "signing_keys": "keys in the data folder",
    "signing_authority": "signs by a key in the data folder; a signature that is not kept has no effect",
    "document_authority": "as signing_authority, for PDF files",
}
"""Ports that ask nobody outside, and why; every other port is guarded."""


class OutsideCallInTransaction(RuntimeError):
    """A mistake of ours: a foreign system was called inside a transaction, which may be repeated."""


@dataclass
class Ports:
    """Foreign systems, and what is local and may be replaced. What is not in ``LOCAL`` is guarded."""

    funder: Funder
    notifier: Notifier
    institution: PaymentInstitution
    real_name: RealName
    bureau: Bureau | None
    """None where no bureau is asked."""
    webhook_transport: Transport
    roots_target: Target | None
    """None where roots stay in the database."""
    scorer: ScorerPort
    challengers: Sequence[Challenger]
    links: LinkBook
    working_days: WorkingDays
    signing_keys: SigningKeys
    signing_authority: SigningAuthority
    document_authority: DocumentAuthority

    def __setattr__(self, name: str, port: Any) -> None:
        guarded = port if port is None or name in LOCAL or isinstance(port, Guarded) else Guarded(name, port)
        super().__setattr__(name, guarded)

    def unguarded(self, name: str) -> Any:
        """The port itself, to look at."""
        port = getattr(self, name)
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
        """Call a port that is a function."""
        return _guarded(self.guarded_name, self.guarded_port)(*arguments, **options)


def _guarded(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if transactions.is_open():
            raise OutsideCallInTransaction(
                f"{name} was called inside a transaction: queue it in the outbox, or call it between two."
            )
        return method(*arguments, **options)

    return call
