"""The file of the keys that rows are hashed with: ``keys/rows.json`` of the data folder.

A key that has hashed a row is never destroyed: without it nobody can tell whether the row is what was written.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.db.row_keys import ID_DIGITS, RowKeys
from gateway.privacy import keyfile
from gateway.privacy.keyfile import KeyFileError

KEY_BYTES = 32


class RowKeyFile:
    """The keys by id, newest first, and whether what older releases wrote has been hashed with them."""

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self._path, self._content = path, content
        keys = {str(row["id"]): keyfile.key_of(row["key"], KEY_BYTES) for row in content["keys"]}
        if not keys or {len(id) for id in keys} != {ID_DIGITS}:
            raise ValueError(f"it needs a key, and ids of {ID_DIGITS} digits")
        self.ids = list(keys)
        self.keys = RowKeys(keys)

    @classmethod
    def create(cls, data_dir: Path, *, adopted_at: datetime | None = None) -> RowKeyFile:
        """The file of a data folder, made unless it is there: for ``keys init`` alone.

        ``adopted_at`` is given where the database has no row yet that older releases have written.
        """
        at = adopted_at and adopted_at.isoformat()
        keyfile.create(path_of(data_dir), lambda: {"keys": [_fresh()], "adopted_at": at})
        return cls.of_folder(data_dir)

    @classmethod
    def of_folder(cls, data_dir: Path) -> RowKeyFile:
        """The file of a data folder. Raises ``KeyFileError``."""
        path = path_of(data_dir)
        content = keyfile.read(path)
        try:
            return cls(path, content)
        except (KeyError, TypeError, ValueError) as error:
            raise KeyFileError(f"the key file {path} is damaged: {error}. Restore a backup.") from None

    @property
    def has_adopted(self) -> bool:
        """Whether what was there before these keys has been hashed: once, or an edit could be passed off as that."""
        return self._content.get("adopted_at") is not None

    def check_adopted(self) -> None:
        """Refuse keys whose ``keys init`` was interrupted before what was there was hashed. Raises ``KeyFileError``."""
        if not self.has_adopted:
            raise KeyFileError(
                f"{self._path} was created, but the existing rows of the database are not hashed with it yet: "
                "keys init was interrupted. Run it again: fenqi-gateway keys init."
            )

    def note_adopted(self, now: datetime) -> None:
        """Write down that it has. Raises ``KeyFileError``."""
        with keyfile.changing(self._path) as content:
            keyfile.replace(self._path, {**content, "adopted_at": now.isoformat()})

    def rotate(self, now: datetime) -> str:
        """Make a new key, which hashes from the next start on; returns its id. Raises ``KeyFileError``."""
        with keyfile.changing(self._path) as content:
            fresh = {**_fresh(), "made_at": now.isoformat()}
            keyfile.replace(self._path, {**content, "keys": [fresh, *content["keys"]]})
        return fresh["id"]


def path_of(data_dir: Path) -> Path:
    """Where the file is."""
    return data_dir / keyfile.FOLDER / "rows.json"


def _fresh() -> dict[str, str]:
    return {
        "id": secrets.token_hex(ID_DIGITS // 2),
        "key": keyfile.text_of(secrets.token_bytes(KEY_BYTES)),
    }
