"""Port: the signing authority, which signs what must be provable later: contracts, and the audit log of each day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class UnknownKey(LookupError):
    """The authority knows no key of this id."""


class BadSignature(ValueError):
    """The signature is not that of the content by the key it names."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A detached signature: ``value`` is base64, ``key_id`` is the authority's name of the key."""

    algorithm: str
    key_id: str
    value: str


class SigningAuthority(Protocol):
    """Port: signs texts and checks what it signed, for as long as they are kept."""

    def sign(self, content: bytes) -> Signature:
        """The signature of ``content``; the same again is harmless. Raises ``Unavailable``."""
        ...

    def verify(self, content: bytes, signature: Signature) -> None:
        """Raises ``UnknownKey`` or ``BadSignature``."""
        ...

    def public_keys(self) -> dict[str, str]:
        """Every public key that ever signed, by id, as PEM (SubjectPublicKeyInfo): for whoever checks without us."""
        ...
