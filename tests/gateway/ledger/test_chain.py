"""The hash chain: it covers every entry once, and names what was changed behind the guards' back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.db.guards import missing_guards
from gateway.ledger import commands, service
from gateway.ledger.booking import postings
from gateway.ledger.integrity import chain, chain_check, chain_state
from gateway.ledger.integrity.chain import NO_HASH, Content, extend
from gateway.ledger.integrity.verify import verify
from gateway.ledger.models import ENTRY, POSTING, SEAL
from tests.one_database import database_url, on_both  # noqa: F401

CHAIN = ("ledger_block", "ledger_link", "ledger_head")
ALL = (*CHAIN, "ledger_entry", "ledger_posting", "ledger_seal", "ledger_account")

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four entries a block, so that a week of business fills several."""
    monkeypatch.setattr(chain, "ENTRIES_A_BLOCK", 4)
    monkeypatch.setattr(chain_check, "ROWS_A_PAGE", 3)


def read(books: Any, query: str) -> list[tuple[Any, ...]]:
    with books.db.read() as tx:
        return [tuple(row) for row in tx.connection().exec_driver_sql(query)]


def broken(books: Any) -> dict[str, tuple[str | None, str]]:
    """First and detail of each broken rule of the chain."""
    with books.db.read() as tx:
        found = chain_check.checks(tx.connection())
    return {check.name: (check.first, check.detail) for check in found if not check.ok}


def state(books: Any) -> tuple[int, int, int]:
    with books.db.read() as tx:
        found = chain_check.state(tx.connection())
    return found.blocks, found.chained, found.not_chained


@pytest.fixture
def chained(a_week: Any) -> Any:
    """Eleven entries in three blocks."""
    assert extend(a_week.db) == 11
    return a_week


def attack(books: Any, *statements: str) -> None:
    """Raw SQL of somebody who took off every guard."""
    if books.on_sqlite:
        triggers = read(books, "SELECT name FROM sqlite_master WHERE type = 'trigger'")
        statements = (*(f"DROP TRIGGER {name}" for (name,) in triggers), *statements)
    else:
        statements = (*(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ALL), *statements)
    with books.db.engine.connect() as connection:
        if books.on_sqlite:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys = 0")
        for statement in statements:
            connection.exec_driver_sql(statement)
        if not books.on_sqlite:
            connection.commit()
        connection.invalidate()


def capture_of(books: Any, place: int = 0) -> str:
    ids = read(books, "SELECT id FROM ledger_entry WHERE kind = 'capture' ORDER BY id")
    return str(ids[place][0])


# What the chain is made of


def test_every_column_of_the_tables_is_covered() -> None:
    assert set(chain.ENTRY_COLUMNS) == set(ENTRY.columns.keys())
    assert set(chain.SEAL_COLUMNS) == set(SEAL.columns.keys())
    assert set(chain.POSTING_COLUMNS) == set(POSTING.columns.keys())


@on_both
def test_the_same_books_have_the_same_hashes_on_both_databases(books: Any) -> None:
    """Whatever characters somebody put in, and in whatever zone the server shows its times."""
    books.capture(599_900, key="capture:1", about_id="pay_1")
    copy = "mode, key, request_sha256, merchant_id, object_type, effective_date, recorded_at"
    books.run(
        f"INSERT INTO ledger_entry (id, kind, object_id, {copy}) SELECT 'ent_x', 'x:y|-', '订单\n号',"
        f" {copy.replace('key', chr(39) + 'k' + chr(39))} FROM ledger_entry",
        "INSERT INTO ledger_posting (entry_id, line, account_id, amount, object_id)"
        " SELECT 'ent_x', line, account_id, amount, '号' FROM ledger_posting",
        "INSERT INTO ledger_seal (entry_id, lines, gross) SELECT 'ent_x', lines, gross FROM ledger_seal",
    )
    assert extend(books.db) == 2
    assert read(books, "SELECT position, block, entry_sha256, parts FROM ledger_link ORDER BY position") == [
        (
            1,
            1,
            "026b723ae37fddd4651d6b543e8be7dbb3676a297deca6762f8e8db5a5a564ad",
            "98ee765a fd95c4f7 f36eaa16 657be991 43c3340b 2374a8be",
        ),
        (
            2,
            1,
            "9edd3eda06c0482e577caab4504791a128950162fe1be28e6f324304fc1ec9e5",
            "23c91a6f 98c9e009 9af8dad1 351c4bce e6b26b6b 1d698657",
        ),
    ]
    ((hash,),) = read(books, "SELECT hash FROM ledger_head")
    assert hash == "3e32dda512b8d77bbc612956f5089b7b6b33d580ddfe7326634606df36fb67f5"


def test_extending_twice_late_and_with_nothing_to_do(books: Any) -> None:
    assert extend(books.db) == 0
    assert state(books) == (0, 0, 0)
    with books.db.read() as tx:
        assert chain.CHAIN.head(tx).number == 0, "nothing to sign yet"
    books.capture()
    assert state(books) == (0, 0, 1)
    assert extend(books.db) == 1
    assert extend(books.db) == 0
    for _ in range(9):
        books.capture()
    assert extend(books.db) == 9
    assert state(books) == (4, 10, 0)
    assert broken(books) == {}
    blocks = read(books, "SELECT number, first_position, last_position, entries FROM ledger_block ORDER BY 1")
    assert blocks == [(1, 1, 1, 1), (2, 2, 5, 4), (3, 6, 9, 4), (4, 10, 10, 1)]
    hashes = read(books, "SELECT previous_hash, hash FROM ledger_block ORDER BY number")
    assert [previous for previous, _ in hashes] == [NO_HASH, *(own for _, own in hashes[:-1])]
    assert read(books, "SELECT number, hash, position FROM ledger_head") == [(4, hashes[-1][1], 10)]


@on_both
def test_many_writers_of_the_chain_and_of_the_books_at_once(books: Any) -> None:
    chained: list[int] = []
    failures: list[Exception] = []

    def work(what: Callable[[], object]) -> None:
        try:
            what()
        except Exception as error:
            failures.append(error)

    def post() -> None:
        for _ in range(10):
            books.capture()

    def chain_on() -> None:
        for _ in range(6):
            chained.append(extend(books.db))

    threads = [
        threading.Thread(target=work, args=(what,)) for what in (post, chain_on, post, chain_on, chain_on)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chained.append(extend(books.db))
    assert failures == []
    assert sum(chained) == 20
    assert state(books)[1:] == (20, 0)
    assert broken(books) == {}


@POSTGRESQL  # SQLite has one writer
def test_an_entry_that_commits_late_with_a_smaller_id_is_neither_lost_nor_a_break(books: Any) -> None:
    """The slow writer mints its id first and commits after a block was closed over the later one."""
    minted, closed = threading.Event(), threading.Event()

    def slowly(tx: Any) -> str:
        lines = postings.authorise(amount_fen=100, payment="pay_slow")
        entry = service.book(tx, books.tenant, postings.Event("authorize", ("payment", "pay_slow"), lines))
        minted.set()
        closed.wait(10)
        return entry

    books.capture()
    thread = threading.Thread(target=books.db.write, args=(slowly,))
    thread.start()
    assert minted.wait(10)
    later = books.capture()
    assert extend(books.db) == 2
    closed.set()
    thread.join()
    assert state(books) == (1, 2, 1)
    assert extend(books.db) == 1
    assert broken(books) == {}
    ids = [id for (id,) in read(books, "SELECT entry_id FROM ledger_link ORDER BY position")]
    assert ids[-1] < later
    assert len(ids) == 3


# Refused while the guards stand

LINK = (
    "INSERT INTO ledger_link (position, block, entry_id, entry_sha256, parts) VALUES ({}, {}, '{}', 'x', 'x')"
)
BLOCK = (
    "INSERT INTO ledger_block (number, first_position, last_position, entries, content_sha256, previous_hash, hash,"
    " created_at) VALUES ({number}, {first}, {last}, {entries}, 'x', '{previous}', 'h', '2026-11-23T04:00:00.000000Z')"
)


def refuse(books: Any, statement: str) -> None:
    before = [read(books, f"SELECT * FROM {name} ORDER BY 1") for name in CHAIN]
    with pytest.raises(Exception, match=r"ledger: the (chain is only ever added to|head of the chain moves)"):
        books.run(statement)
    assert [read(books, f"SELECT * FROM {name} ORDER BY 1") for name in CHAIN] == before


@pytest.mark.parametrize("table", CHAIN)
@on_both
def test_the_chain_is_never_changed(chained: Any, table: str) -> None:
    column = {"ledger_link": "parts", "ledger_block": "number", "ledger_head": "hash"}[table]
    refuse(chained, f"UPDATE {table} SET {column} = {column}")
    refuse(chained, f"DELETE FROM {table}")


@POSTGRESQL  # on SQLite it is a DELETE, tried above
@pytest.mark.parametrize("table", CHAIN)
def test_the_chain_is_not_truncated(chained: Any, table: str) -> None:
    refuse(chained, f"TRUNCATE {table} CASCADE")


@on_both
def test_nothing_enters_a_closed_block(chained: Any) -> None:
    entry = chained.capture()
    for position, block in ((12, 1), (12, 3), (-1, 2)):
        with pytest.raises(Exception, match="the block is closed"):
            chained.run(LINK.format(position, block, entry))


@on_both
def test_a_link_without_its_block_is_refused(chained: Any) -> None:
    entry = chained.capture()
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        chained.run(LINK.format(12, 4, entry))


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 5},
        {"previous": NO_HASH},
        {"first": 11},
        {"entries": 2},
        {"last": 13, "entries": 2},
        {"number": 3},
    ],
)
@on_both
def test_a_block_follows_the_head_and_lists_its_entries(chained: Any, changes: dict[str, Any]) -> None:
    entry = chained.capture()
    ((head,),) = read(chained, "SELECT hash FROM ledger_head")
    facts = {"number": 4, "first": 12, "last": 12, "entries": 1, "previous": head}
    link = LINK.format(12, 4, entry)
    with pytest.raises(Exception, match=r"ledger: (a block|the block is closed)"):
        chained.run(link, BLOCK.format(**{**facts, **changes}))
    chained.run(link, BLOCK.format(**facts))  # so that the refusals above were for their own reason
    assert read(chained, "SELECT number, position FROM ledger_head") == [(4, 12)]


@on_both
def test_the_head_is_one_and_is_not_moved_by_hand(chained: Any) -> None:
    with pytest.raises(Exception, match=r"(?i)ledger: the chain"):
        chained.run("INSERT INTO ledger_head (id, number, hash, position) VALUES (2, 9, 'x', 9)")
    with pytest.raises(Exception, match="moves with its blocks only"):
        chained.run("UPDATE ledger_head SET number = 4, hash = 'x', position = 12")


@SQLITE
def test_replace_is_refused_even_when_triggers_do_not_recurse(chained: Any) -> None:
    entry = capture_of(chained)
    with chained.db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA recursive_triggers = 0")
        connection.commit()
        for statement in (
            LINK.format(1, 4, "ent_x"),
            LINK.format(12, 4, entry),
            BLOCK.format(number=1, first=1, last=4, entries=4, previous=NO_HASH),
            "INSERT INTO ledger_head (id, number, hash, position) VALUES (1, 0, 'x', 0)",
        ):
            with pytest.raises(Exception, match="ledger"):
                connection.exec_driver_sql(statement.replace("INSERT", "REPLACE", 1))
            connection.rollback()
        connection.exec_driver_sql("PRAGMA recursive_triggers = 1")
    assert broken(chained) == {}


@on_both
def test_dropped_guards_of_the_chain_are_missed(chained: Any) -> None:
    table = "" if chained.on_sqlite else " ON ledger_block"
    chained.run(f"DROP TRIGGER ledger_block_is_head{table}")
    with chained.db.read() as tx:
        assert missing_guards(tx.connection()) == ["ledger_block_is_head"]


# Named when the guards were taken off


@on_both
def test_taking_off_the_guards_alone_breaks_no_rule_of_the_chain(chained: Any) -> None:
    attack(chained)
    assert broken(chained) == {}


SWAP = (
    "UPDATE ledger_posting SET account_id = CASE line WHEN 3 THEN 'test:vat_payable'"
    " ELSE 'test:merchant_fee_income' END WHERE entry_id = '{entry}' AND line IN (3, 4)"
)


@on_both
def test_swapped_accounts_are_found_by_the_chain_alone(chained: Any) -> None:
    entry = capture_of(chained, 1)
    attack(chained, SWAP.format(entry=entry))
    with chained.db.read() as tx:
        report = verify(tx)
    assert {check.name for check in report.checks if not check.ok} == {"chain_entries", "guards_stand"}
    assert report.first_broken == entry
    ((first, detail),) = broken(chained).values()
    assert first == entry
    assert detail.startswith("line 3, line 4 changed: now -900 fen on test:vat_payable about pay_")


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (
            [
                "UPDATE ledger_posting SET amount = amount - 1 WHERE entry_id = '{entry}' AND line = 2",
                "UPDATE ledger_posting SET amount = amount + 1 WHERE entry_id = '{entry}' AND line = 3",
            ],
            "line 2, line 3 changed",
        ),
        (
            ["UPDATE ledger_posting SET object_id = 'ln_other' WHERE entry_id = '{entry}' AND line = 1"],
            "about ln_other",
        ),
        (["DELETE FROM ledger_posting WHERE entry_id = '{entry}' AND line = 4"], "has 3 lines, had 4"),
        (["DELETE FROM ledger_seal WHERE entry_id = '{entry}'"], "its seal was changed"),
        (
            ["UPDATE ledger_entry SET effective_date = '2026-11-22' WHERE id = '{entry}'"],
            "its row was changed",
        ),
        (["UPDATE ledger_entry SET request_sha256 = 'x' WHERE id = '{entry}'"], "its row was changed"),
        (["UPDATE ledger_entry SET kind = 'x' WHERE id = '{entry}'"], "its row was changed"),
        (
            [
                "DELETE FROM ledger_seal WHERE entry_id = '{entry}'",
                "DELETE FROM ledger_posting WHERE entry_id = '{entry}'",
                "DELETE FROM ledger_entry WHERE id = '{entry}'",
            ],
            "is gone",
        ),
    ],
)
@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_entry_is_named_with_what_was_changed(
    chained: Any, statements: list[str], says: str, place: int
) -> None:
    entry = capture_of(chained, place)
    attack(chained, *(statement.format(entry=entry) for statement in statements))
    found = broken(chained)
    assert set(found) == {"chain_entries"}
    assert found["chain_entries"][0] == entry
    assert says in found["chain_entries"][1]


def test_an_entry_listed_in_a_closed_block_afterwards_is_named(chained: Any) -> None:
    entry = chained.capture()
    attack(chained, LINK.format(12, 2, entry))
    found = broken(chained)
    assert found["chain_entries"] == (entry, "stands at 12, behind the last block")


def test_an_entry_put_in_the_place_of_another_is_named(chained: Any) -> None:
    new = chained.capture()
    old = capture_of(chained)
    attack(
        chained,
        f"UPDATE ledger_link SET entry_id = '{new}' WHERE entry_id = '{old}'",
    )
    found = broken(chained)
    assert found["chain_entries"][0] == new
    assert found["chain_blocks"] == ("1", "its list of entries was changed")


def test_an_entry_dated_back_into_closed_days_is_named(chained: Any) -> None:
    copy = "mode, kind, {}, request_sha256, merchant_id, object_type, object_id, effective_date"
    entry = capture_of(chained)
    statements = [
        f"INSERT INTO ledger_entry (id, recorded_at, {copy.format('key')})"
        f" SELECT 'ent_0', '2026-11-20T04:00:00.000000Z', {copy.format(chr(39) + 'forged' + chr(39))}"
        f" FROM ledger_entry WHERE id = '{entry}'",
        "INSERT INTO ledger_posting (entry_id, line, account_id, amount, object_id)"
        f" SELECT 'ent_0', line, account_id, amount, object_id FROM ledger_posting WHERE entry_id = '{entry}'",
        f"INSERT INTO ledger_seal (entry_id, lines, gross) SELECT 'ent_0', lines, gross FROM ledger_seal"
        f" WHERE entry_id = '{entry}'",
    ]
    attack(chained, *statements)
    assert broken(chained) == {
        "chain_in_time": ("ent_0", "is in no block, though block 3 was closed days later")
    }
    assert state(chained) == (3, 11, 1)


@pytest.mark.parametrize(
    ("statements", "block", "says"),
    [
        (["UPDATE ledger_block SET entries = 3 WHERE number = 2"], "2", "changed after it was closed"),
        (
            ["UPDATE ledger_block SET content_sha256 = 'x' WHERE number = 2"],
            "2",
            "changed after it was closed",
        ),
        (["UPDATE ledger_block SET hash = 'x' WHERE number = 2"], "2", "changed after it was closed"),
        (
            ["UPDATE ledger_block SET created_at = '2026-11-24T04:00:00.000000Z' WHERE number = 1"],
            "1",
            "changed",
        ),
        (["UPDATE ledger_block SET previous_hash = 'x' WHERE number = 2"], "2", "does not follow block 1"),
        (
            [
                "UPDATE ledger_block SET number = 9 WHERE number = 1",
                "UPDATE ledger_block SET number = 1 WHERE number = 2",
                "UPDATE ledger_block SET number = 2 WHERE number = 9",
            ],
            "1",
            "does not follow",
        ),
        (["DELETE FROM ledger_block WHERE number = 2"], "3", "block 2 before it is missing"),
        (["DELETE FROM ledger_link WHERE position = 6"], "2", "list of entries was changed"),
        (["UPDATE ledger_link SET parts = 'x' WHERE position = 6"], "2", "list of entries was changed"),
        (
            ["DELETE FROM ledger_link WHERE block = 3", "DELETE FROM ledger_block WHERE number = 3"],
            "3",
            "cut off after block 2, it had 3 with 11 entries",
        ),
        (["DELETE FROM ledger_link", "DELETE FROM ledger_block"], "3", "cut off after block 0"),
        (["DELETE FROM ledger_block WHERE number = 3"], "3", "cut off after block 2"),
        (["UPDATE ledger_head SET number = 2"], "2", "the chain ends at block 3, which is not its head"),
        (["DELETE FROM ledger_head"], "0", "the chain ends at block 3, which is not its head"),
    ],
)
def test_a_changed_chain_is_named_by_its_block(
    chained: Any, statements: list[str], block: str, says: str
) -> None:
    attack(chained, *statements)
    first, detail = broken(chained)["chain_blocks"]
    assert first == block
    assert says in detail


def test_links_in_another_order_are_found(chained: Any) -> None:
    attack(
        chained,
        "UPDATE ledger_link SET position = 99 WHERE position = 2",
        "UPDATE ledger_link SET position = 2 WHERE position = 3",
        "UPDATE ledger_link SET position = 3 WHERE position = 99",
    )
    assert broken(chained) == {"chain_blocks": ("1", "its list of entries was changed")}


def test_a_rewritten_link_does_not_hide_its_entry(chained: Any) -> None:
    entry = capture_of(chained)
    attack(chained, SWAP.format(entry=entry))
    with chained.db.read() as tx:
        links = chain_check._links(tx.connection())
        now = next(link for link in links if link["entry_id"] == entry)
    forged = Content.of(entry, now["entry"], now["seal"], now["postings"])
    attack_again = f"UPDATE ledger_link SET entry_sha256 = '{forged.sha256}', parts = '{forged.parts}'"
    with chained.db.engine.begin() as connection:
        connection.exec_driver_sql(f"{attack_again} WHERE entry_id = '{entry}'")
    assert broken(chained) == {"chain_blocks": ("1", "its list of entries was changed")}


def test_the_command_says_how_far_the_chain_reaches(chained: Any, capsys: Any) -> None:
    chained.capture()
    ((head,),) = read(chained, "SELECT hash FROM ledger_head")
    assert commands.verify(chained.db, as_json=False) == 0
    assert f"chain 3:{head} of 11 entries; 1 not yet chained" in capsys.readouterr().out


def test_a_search_in_the_background_looks_back_some_minutes_and_each_time_at_the_next_part_of_the_book(
    books: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "ENTRIES_A_ROUND", 3)
    start = books.db.clock()
    for minutes in (0, 7, 14, 21):
        books.db.clock = lambda minutes=minutes: start + timedelta(minutes=minutes)
        books.capture()
        assert extend(books.db) == 1
    ids = [id for (id,) in read(books, "SELECT id FROM ledger_entry ORDER BY id")]
    with books.db.read() as tx:
        assert chain._search_from(tx.connection()) == ids[1]
        chain._round.clear()
        assert chain._next_of_round(tx.connection()) == ("", ids[2])
        assert chain._next_of_round(tx.connection()) == (ids[2], ids[3])
        assert chain._next_of_round(tx.connection()) == ("", ids[2])


def test_an_entry_of_a_clock_that_went_wrong_gets_its_place_in_the_next_round(books: Any) -> None:
    now = books.db.clock()
    for time in (now, now + timedelta(days=3), now - timedelta(days=3)):
        books.db.clock = lambda time=time: time
        books.capture()
        books.db.ids._last = 0  # as if a process began anew, with another clock
        assert extend(books.db) == 1


def test_the_end_of_the_chain_is_told_with_what_waits_for_its_place(books: Any) -> None:
    with books.db.read() as tx:
        assert chain_state.read(tx) == chain_state.ChainEnd(0, None, None)
    start = books.db.clock()
    books.capture()
    with books.db.read() as tx:
        assert chain_state.read(tx) == chain_state.ChainEnd(0, None, start)
    books.capture()
    assert extend(books.db) == 2
    with books.db.read() as tx:
        assert chain_state.read(tx) == chain_state.ChainEnd(2, start, None)
    books.db.clock = lambda: start + timedelta(days=1)
    books.capture()
    with books.db.read() as tx:
        assert chain_state.read(tx) == chain_state.ChainEnd(2, start, start + timedelta(days=1))
