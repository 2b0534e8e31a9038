"""PostgreSQL databases of a test run: made from a template, emptied after a test, and used again.

Making one, dropping it, and what each new connection of the server learns anew about its tables cost more than a short
test. Used again is only what a test left as it was: no statement of its own that changed a table, a trigger, a function
or a right, and nobody still at work.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Pool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.db.engine import canonical_url

USES = 60
"""So often a database is used again: what was deleted stays in its files, since nothing vacuums them."""
KEPT = 3
"""So many connections of a gateway are kept for the next one."""

CATALOGUES = {
    "pg_class": "oid",
    "pg_attribute": "attrelid",
    "pg_constraint": "oid",
    "pg_trigger": "oid",
    "pg_proc": "oid",
    "pg_namespace": "oid",
}
SETTINGS = (
    "SELECT 'pg_db_role_setting', count(*), 0 FROM pg_db_role_setting"
    " WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
SHAPE = " UNION ALL ".join(
    [
        *(
            f"SELECT '{name}', count(*), sum(xmin::text::bigint) FROM {name} WHERE {key} >= 16384"
            for name, key in CATALOGUES.items()
        ),
        SETTINGS,
    ]
)
"""How many definitions there are, and which transactions wrote them: another answer is another shape."""
BUSY = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
)


@dataclass
class Database:
    """One database, what it looked like when it was new, and a connection that puts it back into that state."""

    name: str
    connection: Connection
    shape: list[tuple[Any, ...]] = field(init=False)
    tables: list[str] = field(init=False)
    first_rows: dict[str, list[str]] = field(init=False)
    counters: str = field(init=False)
    uses: int = 0
    pools: list[tuple[Any, Pool]] = field(default_factory=list)
    sessions: dict[Any, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Planning what is prepared here takes longer than many a test, and another role would have it planned again.
        self._session.prepare_threshold = None  # the connection forgets what it prepares with each rollback
        self._run("SET session_replication_role = replica")
        self._run(f"PREPARE shape AS {SHAPE}")
        self.shape = self._rows("EXECUTE shape")
        self.tables = [
            name
            for (name,) in self._rows(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                " AND relnamespace = 'public'::regnamespace ORDER BY relname"
            )
        ]
        each = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in self.tables)
        self._run(f"PREPARE filled AS {' UNION ALL '.join(each)}")
        self.first_rows = {name: self._values(name) for name in self._filled()}
        sequences = self._rows("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
        states = [
            (name, *self._rows(f'SELECT last_value, is_called FROM "{name}"')[0]) for (name,) in sequences
        ]
        self.counters = ";".join(
            f"SELECT setval('\"{name}\"', {at}, {called})" for name, at, called in states
        )

    def emptied(self) -> bool:
        """Put it back; False where that cannot be: somebody is at work in it, or it has another shape."""
        with suppress(SQLAlchemyError):
            self.uses += 1
            if self.uses >= USES or self._rows(BUSY) != [(0,)] or self._rows("EXECUTE shape") != self.shape:
                return False
            statements = ["BEGIN", "SET LOCAL lock_timeout = '1s'"]
            statements += [f'DELETE FROM "{name}"' for name in self._filled()]
            for name, rows in self.first_rows.items():
                statements += [f'INSERT INTO "{name}" VALUES {row}' for row in rows]
            self._run("; ".join([*statements, self.counters, "COMMIT"]))
            for key, pool in self.pools:
                self.sessions.setdefault(key, []).extend(_taken(pool))
            self.pools.clear()
            return True
        return False

    def join(self, key: Any, pool: Pool) -> None:
        """Let a gateway's pool begin with the sessions that earlier ones of its limits left."""
        waiting, make_one = self.sessions.setdefault(key, []), pool._invoke_creator  # type: ignore[attr-defined]
        pool._creator = lambda: waiting.pop() if waiting else make_one(None)  # type: ignore[attr-defined]
        self.pools.append((key, pool))

    def close(self) -> None:
        """Give up every connection."""
        for session in [session for sessions in self.sessions.values() for session in sessions]:
            session.close()
        self.connection.close()
        self.connection.engine.dispose()

    def _filled(self) -> list[str]:
        """The tables in which there are rows."""
        return [name for (name,) in self._rows("EXECUTE filled")]

    def _values(self, name: str) -> list[str]:
        """Every row of a table as PostgreSQL writes it behind VALUES."""
        columns = [
            column
            for (column,) in self._rows(
                f"SELECT attname FROM pg_attribute WHERE attrelid = '\"{name}\"'::regclass AND attnum > 0"
                " AND NOT attisdropped ORDER BY attnum"
            )
        ]
        values = ", ', ', ".join(f'quote_nullable("{column}"::text)' for column in columns)
        return [f"({row})" for (row,) in self._rows(f'SELECT concat({values}) FROM "{name}"')]

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.connection.exec_driver_sql(statement)]

    def _run(self, script: str) -> None:
        self._session.execute(script)

    @property
    def _session(self) -> Any:
        return self.connection.connection.dbapi_connection


class Databases:
    """The databases of this process that wait for a test, and who has one now."""

    def __init__(self, server: str, administrator: Connection, template: str) -> None:
        self._server, self._administrator, self._template = server, administrator, template
        self._waiting: list[Database] = []
        self._lent: dict[str, Database] = {}

    @contextmanager
    def lent(self) -> Iterator[str]:
        """URL of a migrated, empty database."""
        database = self._waiting.pop() if self._waiting else self._made()
        url = named(self._server, database.name)
        self._lent[url] = database
        try:
            yield url
        finally:
            del self._lent[url]
            if database.emptied():
                self._waiting.append(database)
            else:
                self._drop(database)

    @contextmanager
    def anew(self) -> Iterator[str]:
        """URL of a database that no other test had, and none will have."""
        with database(self._server, self._administrator, self._template) as url:
            yield url

    def join(self, url: str, key: Any, pool: Pool) -> None:
        """Tell the pool of a new gateway of the sessions that wait for it, if its database is one of these."""
        if url in self._lent:
            self._lent[url].join(key, pool)

    def close(self) -> None:
        """Drop them all."""
        for database in self._waiting:
            self._drop(database)

    def begin_anew(self) -> None:
        """In a process that was forked from this one: nothing of what the other holds, a connection least of all."""
        self._of_the_other = (self._administrator, self._waiting, self._lent)
        engine = create_engine(canonical_url(self._server), isolation_level="AUTOCOMMIT")
        self._administrator, self._waiting, self._lent = engine.connect(), [], {}

    def _made(self) -> Database:
        name = make(self._administrator, self._template)
        engine = create_engine(canonical_url(named(self._server, name)), isolation_level="AUTOCOMMIT")
        return Database(name, engine.connect())

    def _drop(self, database: Database) -> None:
        database.close()
        drop(self._administrator, database.name)


@contextmanager
def database(server: str, administrator: Connection, template: str = "template1") -> Iterator[str]:
    """URL of a database like ``template``, for as long as it is wanted."""
    name = make(administrator, template)
    try:
        yield named(server, name)
    finally:
        drop(administrator, name)


def make(administrator: Connection, template: str) -> str:
    """Make a database like ``template``; returns its name."""
    name = f"fenqi_{uuid.uuid4().hex[:12]}"
    # Copying files is twice as fast as logging every page of a template of eleven megabytes.
    copied = " STRATEGY FILE_COPY" if (administrator.dialect.server_version_info or (0,)) >= (15,) else ""
    administrator.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}{copied}"))
    return name


def drop(administrator: Connection, name: str) -> None:
    """Drop a database, whoever is still in it."""
    administrator.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def named(url: str, name: str) -> str:
    """The URL of another database of a server."""
    return canonical_url(url).set(database=name).render_as_string(hide_password=False)


def _taken(pool: Pool) -> list[Any]:
    """The sessions of a pool that nobody uses, as if they were new; those beyond the first few are closed."""
    idle = [pool.connect() for _ in range(pool.checkedin())]  # type: ignore[attr-defined]
    for connection in idle[KEPT:]:
        connection.invalidate()
    sessions = []
    for connection in idle[:KEPT]:
        session: Any = connection.dbapi_connection
        connection.detach()
        session.execute("RESET ALL; RESET ROLE; SELECT pg_advisory_unlock_all()")
        session.commit()
        sessions.append(session)
    return sessions
