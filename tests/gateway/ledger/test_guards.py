"""The attacks: each is refused by the database itself, on SQLite and on PostgreSQL, and leaves every row as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.db.guards import loose_settings, missing_guards
from gateway.ledger import service
from gateway.ledger.integrity.verify import invariants

Attack = Callable[..., None]
TABLES = ("ledger_entry", "ledger_posting", "ledger_seal", "ledger_account")
FIRST, SECOND = "test:merchant_pending:mer_shop", "test:loan_principal:demo_bank"


def entry(
    id: str = "ent_x", key: str = "x", mode: str = "test", reverses: str = "NULL", merchant: str = "mer_shop"
) -> str:
    return (
        "INSERT INTO ledger_entry (id, mode, kind, key, request_sha256, reverses, merchant_id, object_type, object_id,"
        f" effective_date, recorded_at) VALUES ('{id}', '{mode}', 'x', '{key}', '', {reverses}, '{merchant}', 'x', 'x',"
        " '2026-11-23', '2026-11-23T00:00:00.000000Z')"
    )


def posting(line: int, amount: Any, account: str = FIRST, entry: str = "ent_x") -> str:
    return (
        "INSERT INTO ledger_posting (entry_id, line, account_id, amount, object_id)"
        f" VALUES ('{entry}', {line}, '{account}', {amount}, 'x')"
    )


def seal(lines: int = 2, gross: int = 100, entry: str = "ent_x") -> str:
    return f"INSERT INTO ledger_seal (entry_id, lines, gross) VALUES ('{entry}', {lines}, {gross})"


SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

LEGS = (posting(1, 100), posting(2, -100, SECOND))


@pytest.fixture(autouse=True)
def _sealed(books: Any) -> str:
    """A sealed entry to attack."""
    return books.capture()


@pytest.fixture
def victim(_sealed: str) -> str:
    return _sealed


def test_a_true_entry_is_taken_so_that_the_attacks_below_fail_for_their_own_reason(books: Any) -> None:
    books.run(entry(), *LEGS, seal())
    assert books.counts()[0] == 2


def test_entry_without_postings_and_seal(refused: Attack) -> None:
    refused(entry(), saying="(?i)foreign key")


def test_balanced_entry_without_seal(refused: Attack) -> None:
    refused(entry(), *LEGS, saying="(?i)foreign key")


def test_unbalanced_entry(refused: Attack) -> None:
    refused(entry(), posting(1, 100), posting(2, -99, SECOND), seal(), saying="sum to zero")


def test_entry_with_one_leg_or_none(refused: Attack) -> None:
    refused(entry(), posting(1, 100), seal(lines=1), saying="at least two postings")
    refused(entry(), seal(lines=0, gross=0), saying="at least two postings")


@pytest.mark.parametrize(("lines", "gross"), [(2, 99), (2, 0), (3, 100)])
def test_seal_that_states_something_else(refused: Attack, lines: int, gross: int) -> None:
    refused(entry(), *LEGS, seal(lines=lines, gross=gross), saying="seal")


def test_posting_after_the_seal(refused: Attack, victim: str) -> None:
    refused(posting(9, 1, entry=victim), posting(10, -1, SECOND, entry=victim), saying="sealed")


def test_posting_of_nothing(refused: Attack) -> None:
    refused(entry(), posting(1, 0), posting(2, 0, SECOND), seal(gross=0), saying="(?i)check")


@pytest.mark.parametrize("table", TABLES)
def test_update(refused: Attack, table: str) -> None:
    column = {"ledger_entry": "kind", "ledger_posting": "object_id", "ledger_seal": "entry_id"}.get(
        table, "owner"
    )
    refused(f"UPDATE {table} SET {column} = 'y'", saying="never changed")


@pytest.mark.parametrize("table", TABLES)
def test_update_that_changes_nothing(refused: Attack, table: str) -> None:
    column = "entry_id" if table in ("ledger_posting", "ledger_seal") else "id"
    refused(f"UPDATE {table} SET {column} = {column}", saying="never changed")


@pytest.mark.parametrize("table", TABLES)
def test_delete(refused: Attack, table: str) -> None:
    refused(f"DELETE FROM {table}", saying="never changed")


def test_swap_of_an_entry_for_a_new_one(refused: Attack, victim: str) -> None:
    refused(
        f"DELETE FROM ledger_seal WHERE entry_id = '{victim}'", seal(3, 1, victim), saying="never changed"
    )


@SQLITE
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE"])
def test_insert_or_replace(refused: Attack, victim: str, verb: str) -> None:
    refused(entry(victim, key="other").replace("INSERT", verb, 1), saying="ledger")
    refused(entry("ent_y", key="event:2").replace("INSERT", verb, 1), saying="(ledger|FOREIGN KEY)")
    refused(posting(1, 5, entry=victim).replace("INSERT", verb, 1), saying="ledger")
    refused(seal(4, 599_900, victim).replace("INSERT", verb, 1), saying="never changed")
    same = f"('{FIRST}', 'test', 'merchant_pending', 'mer_shop')"
    refused(f"{verb} INTO ledger_account (id, mode, kind, owner) VALUES {same}", saying="never changed")


@SQLITE
def test_replace_is_refused_even_when_triggers_do_not_recurse(books: Any, victim: str) -> None:
    with books.db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA recursive_triggers = 0")
        connection.commit()
        for statement in (
            entry(victim, key="other").replace("INSERT", "REPLACE", 1),
            entry("ent_y", key="event:2").replace("INSERT", "REPLACE", 1),
            posting(1, 5, entry=victim).replace("INSERT", "REPLACE", 1),
        ):
            with pytest.raises(Exception, match=r"(ledger|FOREIGN KEY)"):
                connection.exec_driver_sql(statement)
            connection.rollback()
        connection.exec_driver_sql("PRAGMA recursive_triggers = 1")
    assert books.counts()[0] == 1


@SQLITE
def test_ignored_conflicts_do_not_ignore_the_guards(refused: Attack, victim: str) -> None:
    ignoring = [s.replace("INSERT", "INSERT OR IGNORE", 1) for s in (entry(), posting(1, 100), seal(1, 100))]
    refused(*ignoring, saying="at least two postings")
    refused(posting(9, 1, entry=victim).replace("INSERT", "INSERT OR IGNORE", 1), saying="sealed")


def test_on_conflict_do_update(refused: Attack, victim: str) -> None:
    upsert = " ON CONFLICT ({}) DO UPDATE SET {} = excluded.{}"
    refused(entry(victim) + upsert.format("id", "kind", "kind"), saying="ledger")
    refused(entry("ent_y", key="event:2") + upsert.format("mode, key", "kind", "kind"), saying="ledger")
    refused(seal(4, 599_900, victim) + upsert.format("entry_id", "gross", "gross"), saying="ledger")
    refused(
        posting(1, 5, entry=victim) + upsert.format("entry_id, line", "amount", "amount"), saying="ledger"
    )


@pytest.mark.parametrize("amount", ["'ten'", "x'01'", "1e19"])
def test_anything_but_a_whole_number_as_amount(refused: Attack, amount: str) -> None:
    refused(entry(), posting(1, amount), saying="(?i)(cannot store|type|out of range)")


@SQLITE  # PostgreSQL rounds 1.5 to an integer before it stores it
def test_half_a_fen(refused: Attack) -> None:
    refused(entry(), posting(1, 1.5), saying="cannot store REAL")


def test_sum_beyond_64_bits_is_not_taken_for_zero(refused: Attack) -> None:
    most = 2**63 - 1
    refused(
        entry(),
        posting(1, most),
        posting(2, most),
        posting(3, 2, SECOND),
        seal(3, 2),
        saying="(overflow|sum to zero)",
    )


@POSTGRESQL  # on SQLite it is a DELETE, tried above
@pytest.mark.parametrize("table", TABLES)
def test_truncate(refused: Attack, table: str) -> None:
    refused(f"TRUNCATE {table} CASCADE", saying="never changed")


def test_duplicate_key(refused: Attack) -> None:
    refused(entry(key="event:2"), *LEGS, seal(), saying="(?i)unique")


def test_test_and_live_in_one_entry(books: Any, refused: Attack) -> None:
    live = "INSERT INTO ledger_account (id, mode, kind, owner) VALUES ('live:vat_payable', 'live', 'vat_payable', '')"
    books.run(live)
    refused(entry(), posting(1, 100), posting(2, -100, "live:vat_payable"), seal(), saying="never meet")


def test_account_under_another_name(refused: Attack) -> None:
    row = "INSERT INTO ledger_account (id, mode, kind, owner) VALUES ('live:x', 'test', 'vat_payable', '')"
    refused(row, saying="(?i)check")


def test_second_reversal_and_reversal_of_a_reversal(books: Any, refused: Attack, victim: str) -> None:
    reversal = books.db.write(lambda tx: service.reverse(tx, victim, key="undo"))
    refused(entry(reverses=f"'{victim}'"), *LEGS, seal(), saying="(?i)unique")
    refused(entry(reverses=f"'{reversal}'"), *LEGS, seal(), saying="no reversal")


def test_reversal_of_another_merchant_or_mode(refused: Attack, victim: str) -> None:
    for changes in ({"merchant": "mer_other"}, {"mode": "live"}):
        refused(entry(reverses=f"'{victim}'", **changes), saying="same merchant and mode")


def test_reversal_that_cancels_something_else(refused: Attack, victim: str) -> None:
    refused(entry(reverses=f"'{victim}'"), *LEGS, seal(), saying="cancels its entry")


def test_every_guard_stands_in_a_migrated_database(books: Any) -> None:
    with books.db.read() as tx:
        assert missing_guards(tx.connection()) == []
        assert loose_settings(tx.connection()) == []


def test_a_dropped_guard_is_missed(books: Any) -> None:
    table = "" if books.on_sqlite else " ON ledger_seal"
    books.run(f"DROP TRIGGER ledger_seal_is_true{table}")
    with books.db.read() as tx:
        assert missing_guards(tx.connection()) == ["ledger_seal_is_true"]


def test_a_weakened_guard_is_missed(books: Any) -> None:
    if books.on_sqlite:
        books.run(
            "DROP TRIGGER ledger_posting_no_delete",
            "CREATE TRIGGER ledger_posting_no_delete BEFORE DELETE ON ledger_posting WHEN 0 BEGIN SELECT 1; END",
        )
        expected = ["ledger_posting_no_delete"]
    else:
        books.run(
            "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "ALTER TABLE ledger_posting DISABLE TRIGGER ledger_posting_is_in_time",
            "DROP TRIGGER ledger_seal_is_true ON ledger_seal",
            "CREATE TRIGGER ledger_seal_is_true BEFORE INSERT ON ledger_seal FOR EACH ROW WHEN (NEW.lines < 2)"
            " EXECUTE FUNCTION ledger_check_seal()",
        )
        expected = ["ledger_posting_is_in_time", "ledger_refuse", "ledger_seal_is_true"]
    with books.db.read() as tx:
        assert sorted(missing_guards(tx.connection())) == expected


def test_a_connection_without_foreign_keys_is_named(books: Any) -> None:
    with books.db.engine.connect() as connection:
        if books.on_sqlite:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys = 0")
            assert loose_settings(connection) == ["foreign_keys = 0"]
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
            assert loose_settings(connection) == ["session_replication_role = replica"]
        strict = next(check for check in invariants(connection) if check.name == "settings_strict")
        assert (strict.ok, strict.broken, strict.first) == (False, 1, loose_settings(connection)[0])
        connection.invalidate()
