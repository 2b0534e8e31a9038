"""Recomputing the trees: each must be the root of the entries at its places, and follow the tree before it."""

from __future__ import annotations

from sqlalchemy import Connection

from gateway.core import merkle
from gateway.db.progress import Progress, silent
from gateway.ledger.integrity import trees
from gateway.ledger.integrity.chain import NO_HASH, head_of
from gateway.ledger.integrity.checks import Check
from gateway.ledger.integrity.trees import Tree


def check(connection: Connection, progress: Progress = silent) -> Check:
    """Look at every tree, in memory that does not depend on their size."""
    broken, first, detail = 0, None, ""
    number, position, previous = 0, 0, NO_HASH
    end = head_of(connection).position
    for tree in trees.stored(connection):
        wrong = _wrong(connection, tree, (number + 1, position + 1, previous))
        if wrong:
            broken += 1
            first, detail = (str(tree.number), wrong) if first is None else (first, detail)
        number, position, previous = tree.number, tree.last, tree.hash
        progress("trees", position, end)
    return Check(
        "trees",
        "every tree is the root of the entries at its places and follows the one before",
        ok=not broken,
        broken=broken,
        names="tree",
        first=first,
        detail=detail,
    )


def _wrong(connection: Connection, tree: Tree, follows: tuple[int, int, str]) -> str:
    """What is wrong with a tree; empty when nothing is."""
    if (tree.number, tree.first, tree.previous_hash) != follows:
        return f"it does not follow tree {follows[0] - 1}"
    stated = trees.tree_hash(
        tree.number, tree.first, tree.last, tree.root, tree.previous_hash, tree.created_at
    )
    if stated != tree.hash:
        return "it was changed after it was made"
    if trees.chunks_of(connection, tree) != tree.chunks:
        return f"the entries at {tree.first} to {tree.last} of the chain are not those it was made over"
    if merkle.root(tree.chunk_hashes).hex() != tree.root:
        return "its root is not that of its entries"
    return ""
