"""The vault: personal data is sealed with AES-256-GCM and found again by keyed hashes; the keys are beside the database.

Each sealed value is bound to its table, row and column (additional authenticated data), so that a value copied to another
place does not open there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION = b"\x01"
"""First byte of every sealed value: which key and form it has."""


class VaultError(Exception):
    """A sealed value cannot be opened here: wrong key, wrong place, or changed bytes."""


class Vault:
    """Seals and opens personal data, and makes the hashes it is looked up by."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise VaultError(f"the sealing key must have {KEY_BYTES} bytes, it has {len(key)}")
        self._cipher = AESGCM(hmac.digest(key, b"fenqi seal", hashlib.sha256))
        self._lookup_key = hmac.digest(key, b"fenqi lookup", hashlib.sha256)

    @classmethod
    def open_or_create(cls, data_dir: Path) -> Vault:
        """The vault of a data folder; its key is made at the first start, readable by the owner only."""
        path = data_dir / "keys" / "vault.key"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes())
        with os.fdopen(handle, "wb") as file:
            key = secrets.token_bytes(KEY_BYTES)
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    def seal(self, text: str, *, table: str, row: str, column: str) -> bytes:
        """``text`` sealed for one place."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, text.encode(), _place(table, row, column))

    def open(self, sealed: bytes, *, table: str, row: str, column: str) -> str:
        """The text that was sealed for this place. Raises ``VaultError``."""
        sealed = bytes(sealed)
        if sealed[:1] != VERSION:
            raise VaultError("the sealed value has an unknown form")
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, _place(table, row, column)).decode()
        except (InvalidTag, ValueError):
            raise VaultError(f"the value of {table}.{column} does not open in this place") from None

    def lookup(self, text: str, purpose: str) -> str:
        """A keyed hash (hex) to find ``text`` by; hashes of two purposes never match."""
        return hmac.new(self._lookup_key, f"{purpose}\x00{text}".encode(), hashlib.sha256).hexdigest()


def _place(table: str, row: str, column: str) -> bytes:
    return f"{table}|{row}|{column}".encode()
