"""PostgreSQL databases that tests use one after the other: none sees anything of the one before."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from gateway.db.engine import canonical_url

ADD = "INSERT INTO row_version (of, row_key, sha256) VALUES ('a', 'b', repeat('c', 64)) RETURNING number"
KINDS = "SELECT current_setting('session_replication_role'), current_setting('application_name')"


@pytest.fixture
def lent(postgres_databases):
    """Run statements in a lent database, all in one session, and returns what the last one answered, and the URL."""

    def run(*statements):
        with postgres_databases.lent() as url:
            engine = create_engine(canonical_url(url))
            postgres_databases.join(url, "these", engine.pool)
            with engine.connect() as connection:
                for statement in statements:
                    answer = connection.execute(text(statement))
                rows = answer.fetchall() if answer.returns_rows else None
                connection.commit()
            return rows, url

    for database in postgres_databases._waiting:
        database.uses = 0  # none is given up during the test because others have used it often
    return run


def test_rows_settings_and_numbers_are_gone_and_the_session_stays(lent):
    before, place = lent(KINDS)
    (session,), _ = lent("SELECT pg_backend_pid()")
    (number,), _ = lent("SET session_replication_role = replica", "SET application_name = 'somebody'", ADD)
    assert lent(KINDS) == (before, place)
    assert lent("SELECT pg_backend_pid()")[0] == [session]
    assert lent("SELECT count(*) FROM row_version WHERE of = 'a'")[0] == [(0,)]
    assert lent(ADD)[0] == [number]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE shopper ADD COLUMN shoe_size integer",
        "ALTER TABLE shopper DISABLE TRIGGER ALL",
        "CREATE TABLE something (a integer)",
        "GRANT SELECT ON shopper TO public",
    ],
)
def test_a_database_of_another_shape_is_not_used_again(lent, change):
    _, place = lent(change)
    assert lent(KINDS)[1] != place
