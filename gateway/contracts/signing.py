"""The built-in signing authority: an Ed25519 key kept beside the database.

A certificate authority's adapter implements ``SigningAuthority`` and is given to the gateway as the port
``signing_authority``. The built-in key shows that a text was not changed since; it names the gateway, not a person.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.core.signing import BadSignature, Signature, UnknownKey
from gateway.privacy import keyfile
from gateway.privacy.keyfile import KeyFileError

ALGORITHM = "Ed25519"
KEY_BYTES = 32


class BuiltInAuthority:
    """Signs with the newest key of ``keys/contracts.json`` in the data folder; the older ones still verify."""

    def __init__(self, keys: list[Ed25519PrivateKey]) -> None:
        self._signer = keys[0]
        self._signer_id = key_id(keys[0].public_key())
        self._public = {key_id(key.public_key()): key.public_key() for key in keys}

    @classmethod
    def open_or_create(cls, data_dir: Path) -> BuiltInAuthority:
        """The keys of a data folder; the first is made at the first start. Raises ``KeyFileError``."""
        path = data_dir / keyfile.FOLDER / "contracts.json"
        content = keyfile.open_or_create(path, _fresh)
        try:
            keys = [
                Ed25519PrivateKey.from_private_bytes(keyfile.key_of(row["key"], KEY_BYTES))
                for row in content["signing"]
            ]
            return cls(keys)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise KeyFileError(f"the key file {path} is damaged: {error}. Restore a backup.") from None

    def sign(self, content: bytes) -> Signature:
        """The signature of ``content`` by the newest key (RFC 8032, the same for the same content)."""
        value = base64.b64encode(self._signer.sign(content)).decode()
        return Signature(ALGORITHM, self._signer_id, value)

    def verify(self, content: bytes, signature: Signature) -> None:
        """Raises ``UnknownKey`` or ``BadSignature``."""
        key = self._public.get(signature.key_id)
        if key is None:
            raise UnknownKey(f"no key {signature.key_id!r} is in the key file")
        try:
            if signature.algorithm != ALGORITHM:
                raise ValueError(f"the algorithm is {signature.algorithm!r}, not {ALGORITHM}")
            key.verify(base64.b64decode(signature.value, validate=True), content)
        except InvalidSignature:
            raise BadSignature("the signature is not that of the text by this key") from None
        except ValueError as error:
            raise BadSignature(f"the signature cannot be read: {error}") from None

    def public_keys(self) -> dict[str, str]:
        """The public keys by id as PEM, newest first."""
        return {
            name: key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            for name, key in self._public.items()
        }


def key_id(key: Ed25519PublicKey) -> str:
    """The id of a key: the first 16 hexadecimal digits of the SHA-256 of its 32 raw bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _fresh() -> dict[str, Any]:
    return {"signing": [{"key": keyfile.text_of(Ed25519PrivateKey.generate().private_bytes_raw())}]}
