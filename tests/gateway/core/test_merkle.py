"""Merkle trees as RFC 9162 defines them, whole or by chunks, and proofs that stay small."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pytest

from gateway.core import merkle


def of_the_rfc(leaves: Sequence[bytes]) -> bytes:
    """Section 2.1.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(of_the_rfc(leaves[:split]), of_the_rfc(leaves[split:]))


@pytest.mark.parametrize("size", [*range(1, 20), 63, 64, 65])
def test_every_leaf_of_a_tree_of_any_size_is_proved(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "CHUNK", 4)
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(size)]
    root, chunks = of_the_rfc(leaves), list(merkle.chunks(leaves))
    assert merkle.root(leaves) == merkle.root(chunks) == root
    for index, leaf in enumerate(leaves):
        path = merkle.path(leaves, index)
        chunk = index // 4
        assert path == merkle.path(leaves[4 * chunk : 4 * chunk + 4], index % 4) + merkle.path(chunks, chunk)
        assert merkle.root_of_path(leaf, index, size, path) == root
        assert merkle.root_of_path(merkle.leaf_hash(b"another"), index, size, path) != root
        if size > 1:
            with pytest.raises(ValueError, match="too long"):
                merkle.root_of_path(leaf, index, size, [*path, leaf])
            with pytest.raises(ValueError, match="too short"):
                merkle.root_of_path(leaf, index, size, path[:-1])


def test_a_place_that_is_not_there_has_no_proof() -> None:
    for index in (-1, 2):
        with pytest.raises(ValueError, match="there is no leaf"):
            merkle.path([b"a", b"b"], index)
        with pytest.raises(ValueError, match="there is no leaf"):
            merkle.root_of_path(b"a", index, 2, [b"b"])
    with pytest.raises(ValueError, match="at least one"):
        merkle.root([])


def test_a_proof_among_a_million_is_below_a_kilobyte() -> None:
    chunks = [merkle.leaf_hash(str(number).encode()) for number in range(977)]
    path = merkle.path(chunks[:1] * merkle.CHUNK, 500) + merkle.path(chunks, 500)
    assert len(path) == 20
    assert len("".join(base64.b64encode(one).decode() for one in path)) < 1_000
