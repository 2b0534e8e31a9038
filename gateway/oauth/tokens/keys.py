"""Signing keys of access tokens: ES256, kept beside the database, always two of them published.

One key signs; the next is published long before it signs, so that whoever keeps our key set has it by then; the one
before goes on verifying until its last token has died. A running process sees a rotation within five seconds.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.util import urlsafe_b64encode

from gateway.errors import Conflict
from gateway.oauth.tokens.revocation import ACCESS_LIFE
from gateway.privacy import keyfile
from gateway.privacy.keyfile import KeyFileError

ALGORITHM = "ES256"
ES256 = ec.ECDSA(SHA256())
HALF = 32
"""Bytes of each half of a signature (RFC 7518, section 3.4)."""
TYPE = "at+jwt"
"""Header ``typ`` of an access token (RFC 9068, section 2.1)."""
PUBLISHED_AHEAD = 600
"""Seconds between the publishing of a key and its first signature: twice as long as our key set may be kept."""
REREAD_SECONDS = 5
MOST_REMEMBERED = 2_000
"""Tokens whose signature is not checked again while the keys of five seconds stand; all else about them is."""
VERIFIES_AFTER = int(ACCESS_LIFE.total_seconds()) + 60
"""Seconds a key verifies after the next one began to sign: a token's life, and processes that learn of it late."""
log = logging.getLogger("gateway.oauth")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and its times (Unix seconds): ``signs_from`` is None while it waits for its turn."""

    key: ECKey
    published_at: int = 0
    signs_from: int | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What the keys are at one moment."""

    at: int
    signer: ECKey
    header: bytes
    """The header of what ``signer`` signs, encoded (RFC 7515, section 7.1)."""
    verifiers: KeySet
    public: dict[str, Any]
    verified: dict[str, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)
    """Tokens whose signature was checked with these keys: a server sends the same one with every call."""


class SigningKeys:
    """The keys of one gateway, in the order in which they sign."""

    def __init__(
        self, keys: list[SigningKey], *, clock: Callable[[], datetime] | None = None, path: Path | None = None
    ) -> None:
        self._keys, self._path, self._clock = keys, path, clock or (lambda: datetime.now(UTC))
        self._seen = _stamp(path)
        self._view: View | None = None

    @classmethod
    def create(cls, data_dir: Path, clock: Callable[[], datetime] | None = None) -> SigningKeys:
        """Make the keys of a data folder, unless they are there: one that signs, one that waits.

        For ``keys init`` alone.
        """
        fresh = [SigningKey(new_key(), 0, 0), SigningKey(new_key())]
        keyfile.create(data_dir / keyfile.FOLDER / "signing.json", lambda: _dumped(fresh))
        return cls.of_folder(data_dir, clock)

    @classmethod
    def of_folder(cls, data_dir: Path, clock: Callable[[], datetime] | None = None) -> SigningKeys:
        """The keys of a data folder. Raises ``KeyFileError``."""
        path = data_dir / keyfile.FOLDER / "signing.json"
        return cls(_read(path), clock=clock, path=path)

    @property
    def key_ids(self) -> list[str]:
        """The ids of all keys, in the order in which they sign."""
        return [key.key.kid for key in self._keys if key.key.kid]

    @property
    def public(self) -> dict[str, Any]:
        """The published key set (RFC 7517), without any secret."""
        return self._now().public

    def described(self) -> list[dict[str, Any]]:
        """The published keys, what each is doing, and since or from when; nothing that is secret."""
        signer, now = self._now().signer, int(self._clock().timestamp())
        found = []
        for key in _alive(self._keys, now):
            begins = key.signs_from
            waits = begins is None or begins > now
            moment = datetime.fromtimestamp(begins, UTC).isoformat() if begins else None
            state = "signs" if key.key is signer else "waits" if waits else "verifies"
            found.append({"kid": key.key.kid, "state": state, "signs_from": moment})
        return found

    def sign(self, claims: dict[str, Any]) -> str:
        """A signed access token with these claims."""
        view = self._now()
        signed = view.header + b"." + urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
        key = view.signer.private_key
        assert key is not None, "no other keys are read"
        r, s = decode_dss_signature(key.sign(signed, ES256))
        return (signed + b"." + urlsafe_b64encode(r.to_bytes(HALF) + s.to_bytes(HALF))).decode()

    def verified(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of a token that one of these keys signed. Raises ``JoseError``, ``ValueError``."""
        view = self._now()
        known = view.verified.get(token)
        if known is None:
            found = jwt.decode(token, view.verifiers, algorithms=[ALGORITHM])
            known = dict(found.header), dict(found.claims)
            if len(view.verified) < MOST_REMEMBERED:
                view.verified[token] = known
        return dict(known[0]), dict(known[1])

    def rotate(self) -> list[SigningKey]:
        """Let the waiting key sign, as soon as it was published for ten minutes, and publish the one after it.

        Raises ``Conflict`` while the rotation before is not over: it would leave tokens in flight unverified.
        """
        if self._path is None:
            raise KeyFileError("These keys are not stored in a file.")
        now = int(self._clock().timestamp())
        keys = _alive(_read(self._path), now)
        if any(key.signs_from is not None and key.signs_from > now for key in keys):
            raise Conflict("A rotation is in progress: its key has not begun to sign yet. Wait until it has.")
        waiting = [key for key in keys if key.signs_from is None] or [SigningKey(new_key(), now)]
        begins = max(now, waiting[0].published_at + PUBLISHED_AHEAD)
        ours = [key for key in keys if key.signs_from is not None]
        keys = [*ours, replace(waiting[0], signs_from=begins), *waiting[1:]]
        if len(waiting) < 2:
            keys.append(SigningKey(new_key(), now))
        keyfile.replace(self._path, _dumped(keys))
        self._keys, self._seen, self._view = keys, _stamp(self._path), None
        return keys

    def _now(self) -> View:
        """The keys of this moment, built once in five seconds: parsing them on every request costs 71 us."""
        view, now = self._view, int(self._clock().timestamp())
        if view is None or not view.at <= now < view.at + REREAD_SECONDS:
            self._look_again()
            keys = _alive(self._keys, now)
            signing = [key for key in keys if key.signs_from is not None and key.signs_from <= now]
            signer = (signing or keys)[-1 if signing else 0].key
            header = {"alg": ALGORITHM, "typ": TYPE, "kid": signer.kid}
            view = View(
                at=now,
                signer=signer,
                header=urlsafe_b64encode(json.dumps(header, separators=(",", ":")).encode()),
                verifiers=KeySet([key.key for key in keys]),
                public={"keys": [dict(key.key.as_dict(private=False)) for key in keys]},
            )
            self._view = view
        return view

    def _look_again(self) -> None:
        stamp = _stamp(self._path)
        if self._path is None or stamp == self._seen:
            return
        try:
            self._keys, self._seen = _read(self._path), stamp
        except KeyFileError as error:
            log.error("the signing keys stay as they were: %s", error)


def new_key() -> ECKey:
    """A fresh signing key; its id is its thumbprint (RFC 7638)."""
    return ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)


def _alive(keys: list[SigningKey], now: int) -> list[SigningKey]:
    """The keys without those whose last token has died."""
    first = 0
    for index, key in enumerate(keys):
        if key.signs_from is not None and key.signs_from + VERIFIES_AFTER <= now:
            first = index
    return keys[first:]


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns) if found is not None else None


def _read(path: Path) -> list[SigningKey]:
    content = keyfile.read(path)
    try:
        # A file from before there were rotations holds bare keys, the newest first.
        bare = [row for row in content["keys"] if "jwk" not in row]
        rows = [{"jwk": row, "signs_from": 0} for row in bare[:1]] if bare else content["keys"]
        keys = [
            SigningKey(ECKey.import_key(row["jwk"]), int(row.get("published_at", 0)), row["signs_from"])
            for row in rows
        ]
        if not any(key.signs_from is not None for key in keys):
            raise ValueError("it must hold a key that signs")
        if not all(key.key.is_private and key.key.curve_name == "P-256" for key in keys):
            raise ValueError("it must hold private keys on P-256")
        return keys
    except (JoseError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise KeyFileError(f"the key file {path} is damaged: {error}. Restore a backup.") from None


def _dumped(keys: list[SigningKey]) -> dict[str, Any]:
    return {
        "keys": [
            {
                "jwk": key.key.as_dict(private=True),
                "published_at": key.published_at,
                "signs_from": key.signs_from,
            }
            for key in keys
        ]
    }
