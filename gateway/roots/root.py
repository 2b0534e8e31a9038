"""One root as it is signed, exported and read again: a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gateway.core.signing import Signature

HASH_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Root:
    """Where ``chain`` stood. ``day`` is set on roots of older releases, which signed the end of a day."""

    chain: str
    number: int
    hash: str
    signature: Signature
    signed_at: datetime | None = None
    day: date | None = None

    @property
    def signed_text(self) -> bytes:
        """What the signature is about."""
        return signed_text(self.chain, self.number, self.hash, signed_at=self.signed_at, day=self.day)

    @property
    def name(self) -> str:
        """Its name among files, by chain, number and hash: two roots of one name say the same."""
        return f"{self.chain}-{self.number:012d}-{self.hash}"

    @property
    def when(self) -> str:
        """The moment of the signature, or its day, as text."""
        return _moment(self.signed_at) if self.signed_at else f"the end of {self.day}"

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which ``of_json`` makes the same root."""
        return {
            "chain": self.chain,
            "number": self.number,
            "hash": self.hash,
            **({"signed_at": _moment(self.signed_at)} if self.signed_at else {}),
            **({"day": self.day.isoformat()} if self.day else {}),
            "algorithm": self.signature.algorithm,
            "key_id": self.signature.key_id,
            "signature": self.signature.value,
        }

    def line(self) -> str:
        """The root as one line of JSON, with its line break."""
        return json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def of_json(cls, value: Any) -> Root:
        """The root in plain values. Raises ``ValueError`` for what is none."""
        if not isinstance(value, dict):
            raise ValueError("expected a JSON object")
        try:
            signature = Signature(str(value["algorithm"]), str(value["key_id"]), str(value["signature"]))
            signed_at = datetime.fromisoformat(value["signed_at"]) if "signed_at" in value else None
            day = date.fromisoformat(value["day"]) if "day" in value else None
            # Older releases exported the roots of the audit log only, without its name.
            root = cls(value.get("chain", "audit"), value["number"], value["hash"], signature, signed_at, day)
        except KeyError as error:
            raise ValueError(f"{error.args[0]} is missing") from None
        except TypeError as error:
            raise ValueError(str(error)) from None
        if type(root.number) is not int or root.number < 1:
            raise ValueError("number must be a whole number above 0")
        if not isinstance(root.hash, str) or len(root.hash) != HASH_DIGITS:
            raise ValueError(f"hash must have {HASH_DIGITS} hexadecimal digits")
        if (root.signed_at is None) == (root.day is None):
            raise ValueError("either signed_at or day is required")
        return root


def signed_text(
    chain: str, number: int, hash: str, *, signed_at: datetime | None, day: date | None = None
) -> bytes:
    """The text of a root, for its signature."""
    if day is not None:
        return f"fenqi audit root\nday: {day.isoformat()}\nnumber: {number}\nhash: {hash}\n".encode()
    assert signed_at is not None, "a root needs a moment or a day"
    moment = _moment(signed_at)
    return f"fenqi root\nchain: {chain}\nnumber: {number}\nhash: {hash}\nsigned_at: {moment}\n".encode()


def read(path: Path) -> list[Root]:
    """The roots of a file of lines, or of all ``*.json`` in a folder. Raises ``ValueError`` naming file and line."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return list(_all(files))


def _all(files: Iterable[Path]) -> Iterator[Root]:
    for path in files:
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not a file of roots: it is not UTF-8 text") from None
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield Root.of_json(json.loads(line))
                except ValueError as error:
                    raise ValueError(f"{path}, line {number} is not a root: {error}") from None


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
