"""Two roles on PostgreSQL: an owner, which migrates, and the server's, which owns nothing.

The server's role may do what the triggers leave open and no more: it adds and reads, changes only columns that are not
frozen, and deletes only from tables whose rows may go. It cannot switch a trigger off, for only an owner can.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from gateway.db.engine import connect


class RoleUnusable(ValueError):
    """The named role cannot be the server's; the message says why."""


VERSION_TABLE = "alembic_version"
REWRITTEN = ("subject_key", "one_time_code")
"""Small tables of keys and of messages that the master key seals, rewritten after an erasure. From PostgreSQL 17 on
whoever may maintain them may do it; before, only their owner."""
MAINTAIN_FROM = (17,)

TABLES = text(
    "SELECT oid::regclass::text, relname FROM pg_class"
    " WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace ORDER BY relname"
)
COLUMNS = text(
    "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped"
    " ORDER BY attnum"
)
REFUSALS = text(
    "SELECT t.tgrelid::regclass::text AS guarded, t.tgname, t.tgtype & 8 > 0 AS deletes, t.tgtype & 16 > 0 AS updates,"
    " t.tgqual IS NOT NULL AS conditional,"
    " ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = t.tgrelid AND attnum = ANY (t.tgattr)) AS columns"
    " FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
    # What returns no row lets nothing through.
    " WHERE NOT t.tgisinternal AND t.tgtype & 2 > 0 AND p.prosrc NOT LIKE '%RETURN%'"
)
MIGHT = {
    "it is a superuser": "SELECT rolsuper FROM pg_roles WHERE rolname = current_user",
    "it owns tables or may act as their owner": (
        "SELECT coalesce(bool_or(pg_has_role(relowner, 'MEMBER')), false) FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
    ),
    "it may make triggers, or empty a table with TRUNCATE": (
        "SELECT coalesce(bool_or(has_table_privilege(oid, 'TRIGGER, TRUNCATE')), false) FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
    ),
    "it may create tables in the schema": "SELECT has_schema_privilege(current_schema(), 'CREATE')",
}


def too_mighty(connection: Connection) -> list[str]:
    """What the role of this connection could do to the triggers or past them; empty on SQLite, which has no roles."""
    if connection.dialect.name == "sqlite":
        return []
    return [what for what, query in MIGHT.items() if connection.execute(text(query)).scalar_one()]


def grant(url: str, role: str) -> None:
    """Give the server's role what it needs on the database at ``url``, whose owner asks. Safe to run again.

    Raises ``RoleUnusable`` where there are no roles, no such role, or one that would not be bound by the grants.
    """
    engine = connect(url)
    try:
        if engine.dialect.name == "sqlite":
            raise RoleUnusable("SQLite has no roles: --grant-to is for PostgreSQL.")
        with engine.begin() as connection:
            _check(connection, role)
            for statement in grants(connection, role):
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def grants(connection: Connection, role: str) -> Iterator[str]:
    """The statements that leave the role just what the triggers leave open."""
    quote = connection.dialect.identifier_preparer.quote
    schema, to = quote(connection.execute(text("SELECT current_schema()")).scalar_one()), quote(role)
    kept, frozen = _refused(connection)
    yield f"GRANT USAGE ON SCHEMA {schema} TO {to}"
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {to}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {to}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {to}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {to}"
    for table, name in connection.execute(TABLES).all():
        if name == VERSION_TABLE:
            continue
        yield f"GRANT INSERT{'' if table in kept else ', DELETE'} ON {table} TO {to}"
        columns = connection.execute(COLUMNS, {"table": table}).scalars()
        changing = [quote(column) for column in columns if column not in frozen.get(table, set())]
        if changing and "*" not in frozen.get(table, set()):
            yield f"GRANT UPDATE ({', '.join(changing)}) ON {table} TO {to}"
    if (connection.dialect.server_version_info or (0,)) >= MAINTAIN_FROM:
        yield f"GRANT MAINTAIN ON {', '.join(REWRITTEN)} TO {to}"


def _refused(connection: Connection) -> tuple[set[str], dict[str, set[str]]]:
    """By the triggers: tables whose rows stay, and the columns that never change, ``*`` for all of a table."""
    kept: set[str] = set()
    frozen: dict[str, set[str]] = {}
    for row in connection.execute(REFUSALS):
        if row.deletes and not row.conditional:
            kept.add(row.guarded)
        if row.updates and row.tgname.endswith(("_frozen", "_keeps_tenant")):
            frozen.setdefault(row.guarded, set()).update(row.columns)
        elif row.updates and not row.conditional and not row.columns:
            frozen.setdefault(row.guarded, set()).add("*")
    return kept, frozen


def _check(connection: Connection, role: str) -> None:
    query = text(
        "SELECT rolsuper OR pg_has_role(rolname, current_user, 'MEMBER') FROM pg_roles WHERE rolname = :role"
    )
    bound = connection.execute(query, {"role": role}).scalar()
    if bound is None:
        raise RoleUnusable(f"There is no role {role!r}. Make it first: CREATE ROLE {role} LOGIN PASSWORD '…'")
    if bound:
        raise RoleUnusable(
            f"The role {role!r} is a superuser, owns the tables, or may act as their owner: name another role."
        )
