"""The vault: personal data is sealed with AES-256-GCM and found again by keyed hashes.

The keys are kept beside the database, not in it. Each sealed value names its key and is bound to its table,
row and column (additional authenticated data), so that a value copied to another place does not open there.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.privacy import keyfile
from gateway.privacy.keyfile import KeyFileError

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
FORM = b"\x01"
"""First byte of every sealed value: form, then key id, nonce, and ciphertext with its tag."""


class VaultError(Exception):
    """A sealed value cannot be opened here: unknown key, wrong place, or changed bytes."""


class Vault:
    """Seals and opens personal data, and makes the hashes it is looked up by.

    ``keys`` are the sealing keys by id, the first of which seals; the others only open what they once sealed.
    ``lookup_key_id`` names the key behind ``lookup``, for who stores its hashes.
    """

    def __init__(self, keys: dict[bytes, bytes], lookup_key: bytes, lookup_key_id: str = "") -> None:
        if not keys or {len(key_id) for key_id in keys} != {KEY_ID_BYTES}:
            raise VaultError(f"a vault needs at least one key, and key ids of {KEY_ID_BYTES} bytes")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = next(iter(keys))
        self._lookup_key = lookup_key
        self.lookup_key_id = lookup_key_id

    @classmethod
    def open_or_create(cls, data_dir: Path) -> Vault:
        """The vault of a data folder; its keys are made at the first start. Raises ``KeyFileError``."""
        path = data_dir / keyfile.FOLDER / "vault.json"
        content = keyfile.open_or_create(path, _fresh)
        try:
            keys = {
                bytes.fromhex(row["id"]): keyfile.key_of(row["key"], KEY_BYTES) for row in content["sealing"]
            }
            lookup = content["lookup"]
            return cls(keys, keyfile.key_of(lookup["key"], KEY_BYTES), str(lookup["id"]))
        except (KeyError, TypeError, ValueError, VaultError) as error:
            raise KeyFileError(f"the key file {path} is damaged: {error}. Restore a backup.") from None

    def seal(self, text: str, *, table: str, row: str, column: str) -> bytes:
        """``text`` sealed for one place."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), _place(table, row, column))
        return FORM + self._current + nonce + sealed

    def open(self, sealed: bytes, *, table: str, row: str, column: str) -> str:
        """The text that was sealed for this place. Raises ``VaultError``."""
        sealed = bytes(sealed)
        body = len(FORM) + KEY_ID_BYTES
        cipher = self._ciphers.get(sealed[len(FORM) : body])
        if sealed[: len(FORM)] != FORM or cipher is None:
            raise VaultError(f"the value of {table}.{column} was not sealed with a key of this vault")
        nonce, secret = sealed[body : body + NONCE_BYTES], sealed[body + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, secret, _place(table, row, column)).decode()
        except (InvalidTag, ValueError):
            raise VaultError(f"the value of {table}.{column} does not open in this place") from None

    def lookup(self, text: str, purpose: str) -> str:
        """A keyed hash (hex) to find ``text`` by; hashes of two purposes never match."""
        return hmac.new(self._lookup_key, f"{purpose}\x00{text}".encode(), hashlib.sha256).hexdigest()


def _fresh() -> dict[str, object]:
    return {"sealing": [_fresh_key()], "lookup": _fresh_key()}


def _fresh_key() -> dict[str, str]:
    return {
        "id": secrets.token_hex(KEY_ID_BYTES),
        "key": keyfile.text_of(secrets.token_bytes(KEY_BYTES)),
    }


def _place(table: str, row: str, column: str) -> bytes:
    return f"{table}|{row}|{column}".encode()
