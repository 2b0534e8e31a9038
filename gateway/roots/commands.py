"""What ``fenqi-gateway audit roots`` and ``ledger roots`` share: printing roots, and reading what was exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.core.signing import PublicKeys
from gateway.core.tables import listed
from gateway.roots.root import Root


def show(roots: Sequence[Root], *, as_json: bool) -> int:
    """Print roots, with ``as_json`` as a line of JSON each: what ``--roots`` reads."""
    if as_json:
        print("".join(root.line() for root in roots), end="")
        return 0
    rows = [
        {
            "chain": root.chain,
            "number": root.number,
            "hash": root.hash,
            "signed": root.when,
            "key_id": root.signature.key_id,
            "signature": root.signature.value,
        }
        for root in roots
    ]
    print(listed(rows, as_json=False))
    return 0


def public_keys(path: Path) -> PublicKeys:
    """The keys of a file of PEM texts. Raises ``ValueError``."""
    try:
        return PublicKeys.of_pem(path.read_text("ascii"))
    except ValueError as error:
        raise ValueError(f"{path} contains no usable public key: {error}") from None
