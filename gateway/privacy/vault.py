"""The vault: master keys beside the database, which wrap people's data keys and seal the gateway's own secrets.

AES-256-GCM throughout. Each sealed value names its master key and is bound to its table, row and column (additional
authenticated data), so that a value copied to another place does not open there. Look-ups are keyed hashes.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.privacy import keyfile
from gateway.privacy.keyfile import KeyFileError

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
LOST = -1
"""Instead of the time of a key file that is not there."""
log = logging.getLogger("gateway.privacy")
PERSONAL = frozenset({"id_number", "phone"})
"""Purposes of look-ups whose texts can be guessed one by one, so that an old hash with its key tells them."""
FORM = b"\x01"
"""First byte of every value sealed with a master key: form, then key id, nonce, and ciphertext with its tag."""


class VaultError(Exception):
    """A sealed value cannot be opened here: unknown key, wrong place, or changed bytes."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A master key as it is told of: its id, its epoch, and when it was made (None: by an older release)."""

    id: str
    epoch: int
    made_at: datetime | None


class Vault:
    """Seals and opens secrets, wraps data keys, and makes the hashes that personal data is looked up by.

    ``keys`` are the master keys by id, the first of which seals; the others only open what they once sealed.
    ``lookup_key_id`` names the key behind ``lookup``, for code that stores its hashes. A vault of a file follows a
    rotation that another process has made.
    """

    FORM = FORM
    """Begins every value that a master key sealed."""

    def __init__(self, keys: dict[bytes, bytes], lookup_key: bytes, lookup_key_id: str = "") -> None:
        self._path: Path | None = None
        self._read_at = 0
        self._lookup_key = lookup_key
        self.lookup_key_id = lookup_key_id
        self._people = [lookup_key]
        self._take(keys)

    @classmethod
    def create(cls, data_dir: Path) -> Vault:
        """The vault of a data folder, whose keys are made unless they are there: for ``keys init`` alone."""
        keyfile.create(_path(data_dir), _fresh)
        return cls.of_folder(data_dir)

    @classmethod
    def of_folder(cls, data_dir: Path) -> Vault:
        """The vault of a data folder. Raises ``KeyFileError``."""
        path = _path(data_dir)
        content = keyfile.read(path)
        try:
            lookup = content["lookup"]
            found = cls(_keys_of(content), keyfile.key_of(lookup["key"], KEY_BYTES), str(lookup["id"]))
            found._people = _people_keys_of(content)
        except (KeyError, TypeError, ValueError, VaultError) as error:
            raise KeyFileError(f"the key file {path} is damaged: {error}. Restore a backup.") from None
        found._path, found._read_at = path, path.stat().st_mtime_ns
        return found

    def key_ids(self) -> dict[str, list[str]]:
        """The ids of all keys by kind, newest first. Raises ``KeyFileError``."""
        return {
            "sealing": [key.id for key in self.master_keys()],
            "people": [key.id for key in self.lookup_keys()],
            "lookup": [self.lookup_key_id],
        }

    @property
    def current_key_id(self) -> str:
        """The master key that wraps and seals now, in hexadecimal."""
        return self._keys[0].hex()

    def master_keys(self) -> list[MasterKey]:
        """The master keys that are there, newest first. Raises ``KeyFileError``."""
        return [_master_key(row) for row in keyfile.read(self._file())["sealing"]]

    def rotate(self, now: datetime) -> str:
        """Make a new master key, which seals from now on; returns its id. The old ones stay, to open what they sealed.

        Raises ``KeyFileError``.
        """
        with keyfile.changing(self._file()) as content:
            epoch = max(int(row.get("epoch", 1)) for row in content["sealing"]) + 1
            fresh = {**_fresh_key(), "epoch": epoch, "made_at": now.isoformat()}
            keyfile.replace(self._file(), {**content, "sealing": [fresh, *content["sealing"]]})
        self._follow()
        return self.current_key_id

    def lookup_keys(self) -> list[MasterKey]:
        """The keys that people are looked up by, newest first. Raises ``KeyFileError``."""
        return [_master_key(row) for row in _people(keyfile.read(self._file()))]

    def rotate_lookup(self, now: datetime) -> None:
        """Make a new key for looking people up; the older ones stay for ``old_lookups``. Raises ``KeyFileError``."""
        with keyfile.changing(self._file()) as content:
            people = _people(content)
            epoch = max(int(row.get("epoch", 1)) for row in people) + 1
            fresh = {**_fresh_key(), "epoch": epoch, "made_at": now.isoformat()}
            keyfile.replace(self._file(), {**content, "people": [fresh, *people]})
        self._follow()

    def destroy_lookup_keys(self, key_ids: Collection[str]) -> None:
        """Destroy old keys for looking people up. Raises ``KeyFileError``, also for the newest."""
        with keyfile.changing(self._file()) as content:
            people = _people(content)
            if people[0]["id"] in key_ids:
                raise KeyFileError(
                    "the newest key for looking people up cannot be destroyed: make a new one first"
                )
            left = [row for row in people if row["id"] not in key_ids]
            keyfile.destroy_old(self._file(), {**content, "people": left})
        self._follow()

    def destroy_keys(self, key_ids: Collection[str]) -> None:
        """Destroy old master keys: what they sealed never opens again. Raises ``KeyFileError``, also for the newest."""
        with keyfile.changing(self._file()) as content:
            if content["sealing"][0]["id"] in key_ids:
                raise KeyFileError(
                    "the newest master key seals, so it cannot be destroyed: make a new one first"
                )
            left = [row for row in content["sealing"] if row["id"] not in key_ids]
            keyfile.destroy_old(self._file(), {**content, "sealing": left})
        self._follow()

    def wrap(self, key: bytes, subject_id: str) -> tuple[str, bytes]:
        """A data key sealed for its person, and the id of the master key that sealed it."""
        wrapped = self._encrypt(key, _subject(subject_id))
        return key_id_of(wrapped), wrapped

    def unwrap(self, wrapped: bytes, subject_id: str) -> bytes:
        """The data key that was wrapped for this person. Raises ``VaultError``."""
        return self._decrypt(bytes(wrapped), _subject(subject_id), "a data key")

    def seal(self, text: str, *, table: str, row: str, column: str) -> bytes:
        """``text`` sealed for one place."""
        return self._encrypt(text.encode(), place(table, row, column))

    def open(self, sealed: bytes, *, table: str, row: str, column: str) -> str:
        """The text that was sealed for this place. Raises ``VaultError``."""
        return self._decrypt(
            bytes(sealed), place(table, row, column), f"the value of {table}.{column}"
        ).decode()

    def resealed(self, sealed: bytes, *, table: str, row: str, column: str) -> bytes:
        """The value sealed with the newest master key: as it is, where that sealed it. Raises ``VaultError``."""
        if self.is_current(sealed):
            return sealed
        return self.seal(
            self.open(sealed, table=table, row=row, column=column), table=table, row=row, column=column
        )

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest master key sealed the value."""
        return bytes(sealed[: len(FORM) + KEY_ID_BYTES]) == FORM + self._keys[0]

    def lookup(self, text: str, purpose: str) -> str:
        """A keyed hash (hex) to find ``text`` by; hashes of two purposes never match.

        For what names a person the key rotates: see ``old_lookups``.
        """
        if purpose not in PERSONAL:
            return _keyed_hash(self._lookup_key, text, purpose)
        self._follow()
        return _keyed_hash(self._people[0], text, purpose)

    def lookups(self, text: str, purpose: str) -> list[str]:
        """The hashes that ``text`` may be stored under now: by the newest key first, then by older ones in force."""
        return [self.lookup(text, purpose), *self.old_lookups(text, purpose)]

    def old_lookups(self, text: str, purpose: str) -> list[str]:
        """The hashes of ``text`` by older keys that are still in force, for ``PERSONAL`` purposes; mostly none."""
        self._follow()
        return [_keyed_hash(key, text, purpose) for key in self._people[1:]] if purpose in PERSONAL else []

    def _file(self) -> Path:
        if self._path is None:
            raise KeyFileError("this vault has no key file, so its keys cannot be changed")
        return self._path

    def _encrypt(self, secret: bytes, bound_to: bytes) -> bytes:
        self._follow()
        key_id, ciphers = self._keys
        nonce = secrets.token_bytes(NONCE_BYTES)
        return FORM + key_id + nonce + ciphers[key_id].encrypt(nonce, secret, bound_to)

    def _decrypt(self, sealed: bytes, bound_to: bytes, what: str) -> bytes:
        body = len(FORM) + KEY_ID_BYTES
        key_id = sealed[len(FORM) : body]
        if key_id not in self._keys[1]:
            self._follow()
        cipher = self._keys[1].get(key_id)
        if sealed[: len(FORM)] != FORM or cipher is None:
            raise VaultError(f"{what} was not sealed with a key of this vault")
        try:
            nonce = sealed[body : body + NONCE_BYTES]
            return cipher.decrypt(nonce, sealed[body + NONCE_BYTES :], bound_to)
        except (InvalidTag, ValueError):
            raise VaultError(f"{what} does not open in this place") from None

    def _take(self, keys: dict[bytes, bytes]) -> None:
        if not keys or {len(key_id) for key_id in keys} != {KEY_ID_BYTES}:
            raise VaultError(f"a vault needs at least one key, and key ids of {KEY_ID_BYTES} bytes")
        # One value, so that threads that seal meanwhile have all of the old or all of the new.
        self._keys = (next(iter(keys)), {key_id: AESGCM(key) for key_id, key in keys.items()})

    def _follow(self) -> None:
        """Read the key file again if it was replaced since; one that is lost or damaged is told of, once."""
        if self._path is None:
            return
        try:
            read_at = self._path.stat().st_mtime_ns
        except OSError:
            read_at = LOST
        if read_at == self._read_at:
            return
        self._read_at = read_at
        try:
            content = keyfile.read(self._path)
            keys, people = _keys_of(content), _people_keys_of(content)
            self._take(keys)
            self._people = people
        except (KeyError, TypeError, ValueError, VaultError, KeyFileError) as error:
            log.error(
                "the key file %s is lost or damaged; this process goes on with the keys it has, and none will "
                "start: %s",
                self._path,
                error,
            )


def _path(data_dir: Path) -> Path:
    return data_dir / keyfile.FOLDER / "vault.json"


def key_id_of(sealed: bytes) -> str:
    """The master key that sealed a value, in hexadecimal."""
    return bytes(sealed[len(FORM) : len(FORM) + KEY_ID_BYTES]).hex()


def sealed_by(key_id: str) -> bytes:
    """The first bytes of every value that a master key sealed."""
    return FORM + bytes.fromhex(key_id)


def place(table: str, row: str, column: str) -> bytes:
    """What a sealed value is bound to."""
    return f"{table}|{row}|{column}".encode()


def _keys_of(content: dict[str, Any]) -> dict[bytes, bytes]:
    return {bytes.fromhex(row["id"]): keyfile.key_of(row["key"], KEY_BYTES) for row in content["sealing"]}


def _master_key(row: dict[str, Any]) -> MasterKey:
    made_at = row.get("made_at")
    return MasterKey(
        row["id"], int(row.get("epoch", 1)), datetime.fromisoformat(made_at) if made_at else None
    )


def _people(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The keys that people are looked up by, newest first: in files of older releases, the one for everything."""
    found: list[dict[str, Any]] = content.get("people") or [content["lookup"]]
    return found


def _people_keys_of(content: dict[str, Any]) -> list[bytes]:
    return [keyfile.key_of(row["key"], KEY_BYTES) for row in _people(content)]


def _keyed_hash(key: bytes, text: str, purpose: str) -> str:
    return hmac.new(key, f"{purpose}\x00{text}".encode(), hashlib.sha256).hexdigest()


def _subject(subject_id: str) -> bytes:
    return place("subject_key", subject_id, "wrapped")


def _fresh() -> dict[str, object]:
    return {"sealing": [_fresh_key()], "lookup": _fresh_key(), "people": [_fresh_key()]}


def _fresh_key() -> dict[str, str]:
    return {
        "id": secrets.token_hex(KEY_ID_BYTES),
        "key": keyfile.text_of(secrets.token_bytes(KEY_BYTES)),
    }
