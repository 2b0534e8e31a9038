"""Merkle trees: one hash for many, and short proofs that one of them is among them.

The tree, its proofs and their check are those of RFC 9162 (certificate transparency), section 2.1, with SHA-256. A
library of its own would be more than these lines, and the kept one is under the GPL. Hashes are 32 bytes.

A tree over many leaves is kept as the hashes of its chunks (``CHUNK`` leaves each), so that a proof reads one chunk and
these, never all leaves: the tree over the chunks' hashes has the same upper part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

CHUNK = 1024
"""A power of two."""


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf, which no inner node has."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The tree over leaves, or over chunks, from them up to the root. Raises ``ValueError`` for none."""
    if not hashes:
        raise ValueError("a tree needs at least one leaf")
    tree = [list(hashes)]
    while len(level := tree[-1]) > 1:
        # Pairs from the left, with an odd last one carried up, are the split at the largest power of two.
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        tree.append(paired + level[len(level) - len(level) % 2 :])
    return tree


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaves, or over chunks. Raises ``ValueError`` for none."""
    return levels(hashes)[-1][0]


def path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes beside the way from the leaf (or chunk) at ``index``, counted from 0, up to the root."""
    if not 0 <= index < len(hashes):
        raise ValueError(f"there is no leaf {index} among {len(hashes)}")
    return path_in(levels(hashes), index)


def path_in(tree: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The path of ``index`` in a tree of which all ``levels`` are there: for many paths in one tree."""
    beside = []
    for level in tree:
        other = index ^ 1
        if other < len(level):
            beside.append(level[other])
        index //= 2
    return beside


def root_of_path(leaf: bytes, index: int, size: int, beside: Sequence[bytes]) -> bytes:
    """The root to which a path leads. Raises ``ValueError`` for a path that no tree of ``size`` leaves has."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    found, rest, last = leaf, iter(beside), size - 1
    while last:
        if index % 2 or index < last:
            other = next(rest, None)
            if other is None:
                raise ValueError("the path is too short")
            found = node_hash(other, found) if index % 2 else node_hash(found, other)
        index //= 2
        last //= 2
    if next(rest, None) is not None:
        raise ValueError("the path is too long")
    return found


def chunks(leaves: Iterable[bytes]) -> Iterator[bytes]:
    """The root of each ``CHUNK`` leaves, of which only one chunk is held."""
    rest = iter(leaves)
    while chunk := list(islice(rest, CHUNK)):
        yield root(chunk)
