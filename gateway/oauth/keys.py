"""Signing keys of access tokens: ES256, kept beside the database, published as a JWKS; the newest signs, all verify."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ALGORITHM = "ES256"
TYPE = "at+jwt"
"""Header ``typ`` of an access token (RFC 9068, section 2.1)."""


class SigningKeys:
    """The active keys, newest first: one signs, the one before it still verifies while its tokens live."""

    def __init__(self, keys: list[ECKey]) -> None:
        self._signer = keys[0]
        self._set = KeySet(list(keys))
        self.public: dict[str, Any] = {"keys": [key.as_dict(private=False) for key in keys]}

    @classmethod
    def open_or_create(cls, data_dir: Path) -> SigningKeys:
        """The keys of a data folder; the first is made at the first start, readable by the owner only."""
        path = data_dir / "keys" / "signing.json"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls([ECKey.import_key(row) for row in json.loads(path.read_text("utf-8"))["keys"]])
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
            json.dump({"keys": [key.as_dict(private=True)]}, file)
            file.flush()
            os.fsync(file.fileno())
        return cls([key])

    def sign(self, claims: dict[str, Any]) -> str:
        """A signed access token with these claims."""
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._signer.kid}
        return jwt.encode(header, claims, self._signer, algorithms=[ALGORITHM])

    def verified(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of a token that one of these keys signed. Raises ``JoseError`` or ``ValueError``."""
        found = jwt.decode(token, self._set, algorithms=[ALGORITHM])
        return dict(found.header), dict(found.claims)
