"""Trees over the chain: made when it is time, guarded, and recomputed by verify."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from gateway.core import merkle
from gateway.core.signing import Signature
from gateway.ledger.integrity import chain, tree_check, trees
from gateway.ledger.integrity.verify import verify
from gateway.ledger.models import TREE
from gateway.roots import service as signing
from tests.by_force import by_force
from tests.one_database import database_url, on_both  # noqa: F401


class Signer:
    """Signs anything."""

    def sign(self, content: bytes) -> Signature:
        return Signature("Ed25519", "0" * 16, "")


@pytest.fixture
def grown(a_week: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Eleven entries under a tree of six chunks."""
    monkeypatch.setattr(merkle, "CHUNK", 2)
    monkeypatch.setattr(trees, "LINKS_A_PAGE", 3)
    monkeypatch.setattr(chain, "ENTRIES_A_BLOCK", 4)
    assert chain.extend(a_week.db) == 11
    tree = trees.grow(a_week.db)
    assert tree is not None
    assert (tree.number, tree.first, tree.last, len(tree.chunk_hashes)) == (1, 1, 11, 6)
    return a_week


def checked(books: Any) -> tuple[str | None, str]:
    with books.db.read() as tx:
        found = tree_check.check(tx.connection())
    return found.first, found.detail


def grow(books: Any, **how: Any) -> tuple[int, int] | None:
    chain.extend(books.db)
    tree = trees.grow(books.db, **how)
    return (tree.number, tree.first) if tree is not None else None


@on_both
def test_a_tree_waits_for_its_hour_unless_a_batch_has_closed(
    grown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert grow(grown, at_once=True) is None, "there is nothing new"
    grown.capture()
    assert grow(grown) is None
    with monkeypatch.context() as an_hour_later:
        an_hour_later.setattr(trees, "EVERY", timedelta())
        assert grow(grown) == (2, 12)
    grown.capture()
    assert grow(grown) is None
    grown.capture(kind="payout_instructed")
    assert grow(grown) == (3, 13)
    assert checked(grown) == (None, "")


@on_both
def test_an_entry_without_a_tree_has_no_proof_and_each_other_has(grown: Any) -> None:
    late = grown.capture()
    chain.extend(grown.db)
    with grown.db.read() as tx:
        ids = list(tx.connection().exec_driver_sql("SELECT id FROM ledger_entry").scalars())
        proven = trees.prove(tx, [*ids, "ent_nobody"])
        (tree,) = trees.between(tx, 1, 9)
    assert set(proven) == {*ids} - {late}
    for entry_id, proof in proven.items():
        content = chain.Content.of(entry_id, *proof.content)
        leaf = merkle.leaf_hash(bytes.fromhex(content.sha256))
        root = merkle.root_of_path(leaf, proof.position - tree.first, tree.size, proof.path)
        assert root.hex() == tree.root


@on_both
@pytest.mark.parametrize(
    ("change", "first", "detail"),
    [
        ("UPDATE ledger_tree SET root = 'x' WHERE number = 1", "1", "changed after it was made"),
        ("UPDATE ledger_tree SET last_position = 9 WHERE number = 1", "1", "changed after it was made"),
        ("UPDATE ledger_link SET entry_sha256 = '00' WHERE position = 3", "1", "at 1 to 11"),
        ("DELETE FROM ledger_link WHERE position = 11", "1", "at 1 to 11"),
        ("DELETE FROM ledger_tree WHERE number = 1", "2", "does not follow tree 0"),
        ("UPDATE ledger_tree SET previous_hash = 'x' WHERE number = 2", "2", "does not follow tree 1"),
    ],
)
def test_what_was_changed_behind_the_guards_is_named(
    grown: Any, change: str, first: str, detail: str
) -> None:
    grown.capture(kind="settlement")
    grow(grown)
    with grown.db.engine.begin() as connection:
        by_force(connection, change)
    found = checked(grown)
    assert found[0] == first
    assert detail in found[1]


@on_both
def test_a_cut_off_tree_is_missed_by_its_signed_root(grown: Any) -> None:
    grown.capture(kind="settlement")
    grow(grown)
    root = signing.sign(grown.db, Signer(), trees.TREES, at_once=True)  # type: ignore[arg-type]
    assert root is not None
    assert root.number == 2
    with grown.db.engine.begin() as connection:
        by_force(connection, "DELETE FROM ledger_tree WHERE number = 2")
    assert checked(grown) == (None, "")
    with grown.db.read() as tx:
        report = verify(tx)
    broken = [(check.name, check.first) for check in report.checks if not check.ok]
    assert broken == [("tree_roots", "2")]


@on_both
def test_trees_are_only_ever_added_and_follow_each_other(grown: Any) -> None:
    refused = (
        "UPDATE ledger_tree SET root = 'x'",
        "DELETE FROM ledger_tree",
        "INSERT INTO ledger_tree SELECT 3, 12, 12, root, chunks, hash, 'x', created_at FROM ledger_tree",
        "INSERT INTO ledger_tree SELECT 2, 13, 13, root, chunks, hash, 'x', created_at FROM ledger_tree",
        "INSERT INTO ledger_tree SELECT 2, 12, 12, root, chunks, root, 'x', created_at FROM ledger_tree",
        "INSERT INTO ledger_tree SELECT 2, 12, 12, root, chunks, hash, 'x', created_at FROM ledger_tree",
    )
    for statement in refused:
        with pytest.raises(DBAPIError, match="ledger: "), grown.db.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert TREE.c.keys()[:5] == ["number", "first_position", "last_position", "root", "chunks"]
