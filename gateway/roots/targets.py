"""Port: where roots are brought, so that somebody else holds them: a folder, or an address that takes them by POST."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Protocol

import requests

from gateway.core.signing import SigningAuthority
from gateway.roots.root import Root, read

TIMEOUT_SECONDS = (3, 5)


class NotTaken(Exception):
    """The target did not take a root; it is brought again later."""


class Target(Protocol):
    """Port: takes roots; the same root again is harmless."""

    def push(self, root: Root) -> None:
        """Raise ``NotTaken`` or ``OSError``."""
        ...


class Folder:
    """A folder of files that are only added, each named by its chain, number and hash: a mount of another machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def push(self, root: Root) -> None:
        """Write the root's file, unless it is there. Raises ``NotTaken`` or ``OSError``."""
        if not self._path.is_dir():
            raise NotTaken(f"there is no folder {self._path}")
        file, line = self._path / f"{root.name}.json", root.line()
        partial = self._path / f".{root.name}.{secrets.token_hex(8)}"
        try:
            with partial.open("x", encoding="utf-8") as handle:
                handle.write(line)
                handle.flush()
                os.fsync(handle.fileno())
            os.link(partial, file)  # a file that is there is never replaced
        except FileExistsError:
            if [kept.signed_text for kept in read(file)] != [root.signed_text]:
                raise NotTaken(f"{file} already exists with different content") from None
        finally:
            partial.unlink(missing_ok=True)


class Address:
    """An address that takes each root by POST, with a signature over the body by the key that signs the roots."""

    def __init__(self, url: str, authority: SigningAuthority) -> None:
        self._url, self._authority = url, authority

    def push(self, root: Root) -> None:
        """Send the root. Raises ``NotTaken``."""
        body = root.line().encode()
        signature = self._authority.sign(body)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": root.name,
            "Fenqi-Key-Id": signature.key_id,
            "Fenqi-Signature": signature.value,
        }
        try:
            answer = requests.post(
                self._url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise NotTaken(f"no answer: {type(error).__name__}") from None
        if not 200 <= answer.status_code < 300:
            raise NotTaken(f"it answered {answer.status_code}")


def target_of(setting: str, authority: SigningAuthority) -> Target | None:
    """The target that the setting names; None where roots stay in the database."""
    if not setting:
        return None
    return Address(setting, authority) if "://" in setting else Folder(Path(setting))
