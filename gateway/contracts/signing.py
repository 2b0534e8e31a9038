"""The built-in signing authority: an Ed25519 key kept beside the database.

A certificate authority's adapter implements ``SigningAuthority`` and is given to the gateway as the port
``signing_authority``. The built-in key shows that a text was not changed since; it names the gateway, not a person.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.core.signing import ALGORITHM, PublicKeys, Signature, key_id
from gateway.privacy import keyfile
from gateway.privacy.keyfile import KeyFileError

KEY_BYTES = 32


class BuiltInAuthority:
    """Signs with the newest key of ``keys/contracts.json`` in the data folder; the older ones still verify."""

    def __init__(self, keys: list[Ed25519PrivateKey]) -> None:
        self._signer = keys[0]
        self._signer_id = key_id(keys[0].public_key())
        self._public = PublicKeys(key.public_key() for key in keys)

    @classmethod
    def create(cls, data_dir: Path) -> BuiltInAuthority:
        """The keys of a data folder, the first of which is made unless it is there: for ``keys init`` alone."""
        keyfile.create(_path(data_dir), _fresh)
        return cls.of_folder(data_dir)

    @classmethod
    def of_folder(cls, data_dir: Path) -> BuiltInAuthority:
        """The keys of a data folder. Raises ``KeyFileError``."""
        path = _path(data_dir)
        content = keyfile.read(path)
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
        """Raise ``UnknownKey`` or ``BadSignature``."""
        self._public.verify(content, signature)

    def public_keys(self) -> dict[str, str]:
        """The public keys by id as PEM, newest first."""
        return self._public.as_pem()


def _path(data_dir: Path) -> Path:
    return data_dir / keyfile.FOLDER / "contracts.json"


def _fresh() -> dict[str, Any]:
    return {"signing": [{"key": keyfile.text_of(Ed25519PrivateKey.generate().private_bytes_raw())}]}
