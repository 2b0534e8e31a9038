"""Signing where a chain stands, and reading what was signed.

The head is read, signed and kept in three steps, so that no transaction waits for a signature. A chain only grows, so
whatever is added meanwhile is for the next root. Of two workers at once, one keeps its root.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import col, select

from gateway.core.signing import Signature, SigningAuthority
from gateway.db.transactions import Database, Transaction
from gateway.roots.chains import Chain
from gateway.roots.models import SignedRoot
from gateway.roots.root import Root, signed_text

SIGN_EVERY = timedelta(minutes=5)
"""How much of a chain may stand unsigned while the worker runs."""


class ChainBroken(Exception):
    """A chain no longer holds what was signed: it is not signed again, which would hide it."""


def sign(
    db: Database,
    authority: SigningAuthority,
    chain: Chain,
    *,
    at_once: bool = False,
    kept: Callable[[Transaction, Root], object] = lambda tx, root: None,
) -> Root | None:
    """Sign the head of a chain when it has moved and ``SIGN_EVERY`` is over, or ``at_once``; returns the new root.

    ``kept`` is told in the transaction that keeps the root. Raises ``ChainBroken``.
    """
    with db.read() as tx:
        last = _newest(tx, chain.name)
        head = chain.head(tx)  # read after the last root: a chain that grows meanwhile was not cut
        if last is not None:
            _must_hold(tx, chain, last, head.number)
        now = tx.wall
    if head.number == 0 or (last is not None and last.number == head.number):
        return None
    if last is not None and not at_once and timedelta() <= now - last.signed_at < SIGN_EVERY:
        return None  # a clock that went back waits for nothing
    signature = authority.sign(signed_text(chain.name, head.number, head.hash, signed_at=now))
    root = Root(chain.name, head.number, head.hash, signature, signed_at=now)

    def keep(tx: Transaction) -> Root | None:
        newest = _newest(tx, chain.name)
        if newest is not None and newest.number >= root.number:
            return None
        tx.add(
            SignedRoot(
                chain=root.chain,
                number=root.number,
                hash=root.hash,
                signed_at=now,
                algorithm=signature.algorithm,
                key_id=signature.key_id,
                signature=signature.value,
            )
        )
        tx.flush()
        kept(tx, root)
        return root

    return db.write(keep)


def signed(tx: Transaction, chain: str) -> list[Root]:
    """Every root of a chain, oldest first."""
    query = select(SignedRoot).where(SignedRoot.chain == chain).order_by(col(SignedRoot.number))
    return [_root(row) for row in tx.exec(query)]


def one(tx: Transaction, chain: str, number: int) -> Root | None:
    """The root of one number."""
    row = tx.get(SignedRoot, (chain, number))
    return _root(row) if row is not None else None


def signed_from(tx: Transaction, chain: str, number: int) -> Root | None:
    """The first root of this number or a later one; None while no such is signed."""
    query = select(SignedRoot).where(SignedRoot.chain == chain, SignedRoot.number >= number)
    row = tx.exec(query.order_by(col(SignedRoot.number)).limit(1)).first()
    return _root(row) if row is not None else None


def newest(tx: Transaction, chain: str) -> tuple[int, datetime | None]:
    """Up to where a chain is signed, and since when; 0 and None before the first root."""
    row = _newest(tx, chain)
    return (row.number, row.signed_at) if row is not None else (0, None)


def _must_hold(tx: Transaction, chain: Chain, last: SignedRoot, number: int) -> None:
    at = f"{chain.unit} {last.number} was signed at {last.signed_at:%Y-%m-%dT%H:%M:%SZ}"
    if number < last.number:
        raise ChainBroken(f"{chain.title} ends at {chain.unit} {number}, and {at}: it was cut off")
    if chain.hash_at(tx, last.number) != last.hash:
        raise ChainBroken(f"{chain.title} was rewritten: {at} with another hash")


def _newest(tx: Transaction, chain: str) -> SignedRoot | None:
    query = select(SignedRoot).where(SignedRoot.chain == chain).order_by(col(SignedRoot.number).desc())
    return tx.exec(query.limit(1)).first()


def _root(row: SignedRoot) -> Root:
    signature = Signature(row.algorithm, row.key_id, row.signature)
    return Root(row.chain, row.number, row.hash, signature, signed_at=row.signed_at)
