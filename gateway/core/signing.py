"""Port: the signing authority, which signs what must be provable later: contracts, and the roots of the hash chains."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

ALGORITHM = "Ed25519"
PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----\n?", re.DOTALL)


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
        """Raise ``UnknownKey`` or ``BadSignature``."""
        ...

    def public_keys(self) -> dict[str, str]:
        """Every public key that ever signed, by id, as PEM (SubjectPublicKeyInfo), for independent verification."""
        ...


class PublicKeys:
    """Ed25519 keys that check signatures, by id: all that anybody needs who does not sign."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in keys}

    @classmethod
    def of_pem(cls, text: str) -> PublicKeys:
        """The keys of one or more PEM texts. Raises ``ValueError``."""
        keys = [load_pem_public_key(part.encode()) for part in PEM.findall(text)]
        if not keys:
            raise ValueError("expected PEM, as printed by fenqi-gateway contracts public-keys")
        if not all(isinstance(key, Ed25519PublicKey) for key in keys):
            raise ValueError(f"expected keys for {ALGORITHM}")
        return cls(key for key in keys if isinstance(key, Ed25519PublicKey))

    def verify(self, content: bytes, signature: Signature) -> None:
        """Raise ``UnknownKey`` or ``BadSignature``."""
        key = self._keys.get(signature.key_id)
        if key is None:
            raise UnknownKey(f"no key {signature.key_id!r} is known")
        try:
            if signature.algorithm != ALGORITHM:
                raise ValueError(f"the algorithm is {signature.algorithm!r}, not {ALGORITHM}")
            key.verify(base64.b64decode(signature.value, validate=True), content)
        except InvalidSignature:
            raise BadSignature("the signature does not match the text and this key") from None
        except ValueError as error:
            raise BadSignature(f"the signature cannot be read: {error}") from None

    def as_pem(self) -> dict[str, str]:
        """The keys by id as PEM, in the order they were given."""
        return {
            name: key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            for name, key in self._keys.items()
        }


def key_id(key: Ed25519PublicKey) -> str:
    """The id of a key: the first 16 hexadecimal digits of the SHA-256 of its 32 raw bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]
