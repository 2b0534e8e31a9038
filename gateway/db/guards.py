"""Triggers that guard what never changes, as SQL beside the migrations, and which of them stand in a database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sqlalchemy import Connection

from gateway.db.engine import SQLITE_PRAGMAS

SQL = Path(__file__).parent / "migrations" / "sql"
SEPARATOR = "\n-- next\n"
LEDGER, CONTRACTS, TENANCY, AUDIT, CONSENTS, FACTS = (
    ("ledger", "ledger_chain", "ledger_trees", "ledger_late"),
    ("contracts",),
    ("tenancy", "deliveries", "scores", "outbox", "lines", "reconciliations", "exports"),
    ("audit", "roots"),
    ("consents",),
    (
        "frozen",
        "extension",
        "rate_cards",
        "settlement_terms",
        "payouts",
        "milestones",
        "terms_proposals",
        "messages",
        "methods",
        "complaints",
        "checkout_wishes",
        "counter_offers",
        "dispute_statements",
    ),
)
"""Files by what they guard, in the order of their migrations; a file that a release carried is never changed."""

TRIGGER = re.compile(r"CREATE TRIGGER (\w+) .*?\bON (\w+)(.*)", re.DOTALL)
FUNCTION = re.compile(r"CREATE FUNCTION (\w+)\(.*?\$\$(.*)\$\$", re.DOTALL)


@cache
def statements(file: str, dialect: str) -> tuple[str, ...]:
    """The statements of ``<file>.<dialect>.sql``, which are parted by a line ``-- next``."""
    text = (SQL / f"{file}.{dialect}.sql").read_text("utf-8")
    return tuple(statement.strip() for statement in text.split(SEPARATOR) if statement.strip())


def install(connection: Connection, file: str = "ledger") -> None:
    """Run every statement of a file of guards."""
    for statement in statements(file, connection.dialect.name):
        connection.exec_driver_sql(statement)


def missing_guards(connection: Connection, files: Sequence[str] = LEDGER) -> list[str]:
    """Names of triggers and functions that are absent, switched off or changed; empty when all stand. For start-up."""
    dialect = connection.dialect.name
    wanted = [statement for file in files for statement in statements(file, dialect)]
    return (
        _missing_on_sqlite(connection, wanted)
        if dialect == "sqlite"
        else _missing_on_postgres(connection, wanted)
    )


def loose_settings(connection: Connection) -> list[str]:
    """Settings of this connection under which a guard would not act, such as ``foreign_keys = 0``."""
    if connection.dialect.name == "sqlite":
        wanted: dict[str, object] = {
            name: SQLITE_PRAGMAS[name] for name in ("foreign_keys", "recursive_triggers")
        }
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
    else:
        wanted = {"session_replication_role": "origin"}
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in wanted}
    return [f"{name} = {found[name]}" for name in wanted if found[name] != wanted[name]]


def _missing_on_sqlite(connection: Connection, wanted: list[str]) -> list[str]:
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = {name: sql.strip() for name, sql in rows}
    triggers = {match[1]: match[0].strip() for match in map(TRIGGER.search, wanted) if match}
    return [name for name, sql in triggers.items() if found.get(name) != sql]


def _missing_on_postgres(connection: Connection, wanted: list[str]) -> list[str]:
    bodies: dict[str, str] = dict(
        connection.exec_driver_sql(
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
        ).all()
    )
    functions = {match[1]: match[2] for match in map(FUNCTION.search, wanted) if match}
    rows = connection.exec_driver_sql(
        "SELECT tgname, tgrelid::regclass::text, tgenabled::text, pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE NOT tgisinternal"
    )
    active = {(name, table): definition for name, table, enabled, definition in rows if enabled in ("O", "A")}
    missing = [name for name, body in functions.items() if bodies.get(name) != body]
    for match in filter(None, map(TRIGGER.search, wanted)):
        if _gist(active.get((match[1], match[2]), "")) != _gist(match[0]):
            missing.append(match[1])
    return missing


def _gist(definition: str) -> tuple[frozenset[str], str, bool, str]:
    """What a trigger does, however PostgreSQL words it: on which events, under what condition, calling what."""
    definition = definition.replace('"', "")  # PostgreSQL quotes columns that are words of its own
    events = re.search(r"((?:BEFORE|AFTER) [\w, ]+?) ON ", definition)
    condition = re.search(r"WHEN (\(.*\))\s+EXECUTE", definition, re.DOTALL)
    return (
        frozenset(re.split(" (?:OR )?", events[1])) if events else frozenset(),
        re.sub(r"(::text|[()\s])+", " ", condition[1]).lower().strip() if condition else "",
        "FOR EACH ROW" in definition,
        definition.rsplit(maxsplit=1)[-1] if definition else "",
    )
