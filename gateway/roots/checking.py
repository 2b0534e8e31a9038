"""Does a chain still hold what was signed? Asked of the roots in the database and of those that were exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.signing import BadSignature, Signature, UnknownKey
from gateway.db.transactions import Transaction
from gateway.roots.chains import Chain
from gateway.roots.root import Root

What = Literal["emptied", "cut", "rewritten", "root"]


class Verifier(Protocol):
    """Something that knows the public keys."""

    def verify(self, content: bytes, signature: Signature) -> None:
        """Raise ``UnknownKey`` or ``BadSignature``."""
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """What a root shows: the chain was ``emptied``, ``cut`` or ``rewritten``, or a ``root`` itself is wrong."""

    number: int
    what: What
    detail: str


def check(
    tx: Transaction,
    chain: Chain,
    kept: Sequence[Root],
    exported: Sequence[Root] = (),
    *,
    verifier: Verifier | None,
) -> list[Problem]:
    """What is wrong, by number: ``kept`` are the roots of the database, ``exported`` those kept elsewhere.

    Without a ``verifier`` only hashes are compared, which an outsider's signature does not vouch for.
    """
    problems: list[Problem] = []
    sound = []
    for root in dict.fromkeys((*kept, *exported)):
        problem = _of_signature(root, verifier)
        sound += [root] if problem is None else []
        problems += [problem] if problem is not None else []
    sound.sort(key=lambda root: root.number)
    problems += _of_length(tx, chain, sound)
    problems += _of_hashes(tx, chain, sound)
    known = {root.name for root in kept}
    problems += [
        Problem(root.number, "root", f"the exported root of {root.when} is missing from the database")
        for root in sound
        if root.name not in known
    ]
    return sorted(problems, key=lambda problem: problem.number)


def of_chain(roots: Sequence[Root], chain: Chain, source: object) -> list[Root]:
    """The exported roots of one chain. Raises ``ValueError`` when there is none: nothing would be proven."""
    found = [root for root in roots if root.chain == chain.name]
    if not found:
        raise ValueError(f"{source} contains no root of {chain.title}, so it proves nothing about it.")
    return found


def _of_signature(root: Root, verifier: Verifier | None) -> Problem | None:
    if verifier is None:
        return None
    try:
        verifier.verify(root.signed_text, root.signature)
    except (BadSignature, UnknownKey) as error:
        return Problem(root.number, "root", f"the root of {root.when} is not signed by us: {error}")
    return None


def _of_length(tx: Transaction, chain: Chain, roots: Sequence[Root]) -> list[Problem]:
    last = chain.head(tx).number
    beyond = [root for root in roots if root.number > last]
    if not beyond:
        return []
    signed = f"{chain.unit} {beyond[-1].number} was signed at {beyond[-1].when}"
    if last == 0:
        return [Problem(1, "emptied", f"{chain.title} is empty, and {signed}")]
    return [Problem(last + 1, "cut", f"{chain.title} is cut off after {chain.unit} {last}, and {signed}")]


def _of_hashes(tx: Transaction, chain: Chain, roots: Sequence[Root]) -> list[Problem]:
    """The first root that is not met, and since which one the chain must have been rewritten."""
    met = 0
    last = chain.head(tx).number
    for root in roots:
        if root.number > last:
            break
        if chain.hash_at(tx, root.number) != root.hash:
            span = f"from {chain.unit} {met + 1} to {root.number}" if met + 1 < root.number else "there"
            detail = f"{chain.title} was rewritten {span}: its hash is not the one signed at {root.when}"
            return [Problem(root.number, "rewritten", detail)]
        met = root.number
    return []
