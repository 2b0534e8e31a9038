"""Whoever edits one row of a database, with every trigger on, is refused by it or named by a verification.

Every column of every table is moved by one step, and a row of each is deleted and copied; the tables and columns are
those of the schema, so that a new one is covered without a line here. Of what is not refused one edit of each column is
verified; ``FENQI_JUDGE=1 pytest -s tests/house/test_no_edit_is_silent.py`` verifies all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.db.engine import connect
from gateway.db.frozen import GUARDED_BEFORE, RULES
from gateway.db.models import KEYED_HASH
from gateway.db.tables import metadata
from tests.house import lock_order, words_kept
from tests.house.exempt_edits import EXEMPT, is_exempt
from tests.house.forged import forge
from tests.house.judged import judge
from tests.house.rich_book import RichBook
from tests.house.server_role import served_as

pytestmark = pytest.mark.long(35)

ALL = 1_000
VERIFIED = {"sqlite": 1, "postgresql": 0}
"""How many edits of a column that are not refused are verified."""


@pytest.fixture
def database_url(database_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The book is written by the server's role, which owns nothing; the edits are the owner's."""
    request.node.owners_url = database_url
    with served_as(database_url) as url:
        yield url


def test_every_edit_of_one_row_is_refused_or_named(
    app: Any, books: Any, new_merchant: Any, people: Any, request: pytest.FixtureRequest
) -> None:
    """Nor is one silent of which the attacker has dropped the triggers and written the hash, without its key.

    On PostgreSQL only what may change is not refused; that it is then named, by the same SQL, SQLite shows.
    """
    with lock_order.watched(app.extensions["fenqi"].db.engine) as locks:
        book = RichBook(app, books, new_merchant, people)
    assert not locks.against
    assert locks.unplaced <= lock_order.ALONE
    assert len(locks.locked) > 20
    owner = connect(request.node.owners_url)
    if owner.name == "sqlite":
        words_kept.compare(book, locks)
    of_each = ALL if os.environ.get("FENQI_JUDGE") else VERIFIED[owner.name]
    verdicts = judge(
        book.gateway,
        owner,
        lambda edit: is_exempt(edit.name),
        of_each=of_each,
    )
    print(
        f"\n{owner.name}: {verdicts.told()}", *(f"{owner.name} {edit}" for edit in verdicts.silent), sep="\n"
    )
    if of_each:
        assert verdicts.silent == []
    else:
        assert {edit.partition(":")[0] for edit in verdicts.alike} <= may_change()
    if owner.name == "sqlite":
        of_facts = ALL if of_each == ALL else 1
        tried, silent = forge(book.gateway, owner, lambda edit: is_exempt(edit.name), of_facts=of_facts)
        print(f"{tried} edits with a forged hash, {len(silent)} silent", *silent, sep="\n")
        assert silent == []
        assert tried > len(metadata().tables)
    owner.dispose()


def may_change() -> set[str]:
    """Columns that are declared as changing, and copies, which a verification names."""
    return {
        f"{table}.{what}" for table, rule in RULES.items() for what in (*rule.changing(), KEYED_HASH, "copy")
    } | {f"{table}.copy" for table in GUARDED_BEFORE}


def test_what_is_exempt_exists_has_a_reason_and_is_no_money() -> None:
    tables = metadata().tables
    for name, reason in EXEMPT.items():
        table, _, what = name.partition(".")
        columns = [what] if what else list(tables[table].columns.keys())
        assert not [column for column in columns if column.endswith("_fen")], name
        assert not what or what in {*tables[table].columns.keys(), "delete", "copy"}, name
        assert len(reason.split()) > 1, name
