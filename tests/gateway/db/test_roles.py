"""The server's role on PostgreSQL owns nothing: it does what the triggers leave open, and cannot switch them off."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from gateway.cli import main
from gateway.config import WrongSetting, from_environment
from gateway.db.engine import canonical_url, connect
from gateway.db.roles import MAINTAIN_FROM, REWRITTEN, RoleUnusable, grant, too_mighty
from gateway.db.scrub import scrub
from gateway.process import live_gate
from tests.house.server_role import served_as

ROOT = Path(__file__).parents[3]
POSTGRES = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def server(database_url: str) -> Iterator[Connection]:
    """A connection of the server's role."""
    with served_as(database_url) as url:
        engine = connect(url)
        with engine.connect() as connection:
            yield connection
        engine.dispose()


@POSTGRES
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE loan_instalment SET principal_fen = principal_fen + 1",
        "UPDATE loan SET principal_fen = principal_fen + 1",
        "UPDATE contract SET text = ''",
        "DELETE FROM event",
        "TRUNCATE webhook_attempt",
        "ALTER TABLE loan DISABLE TRIGGER ALL",
        "DROP TRIGGER loan_frozen ON loan",
        "CREATE TABLE mine (id text)",
        "UPDATE alembic_version SET version_num = '0001'",
        "SET session_replication_role = replica",
    ],
)
def test_what_the_triggers_refuse_the_role_may_not_even_try(server: Connection, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        server.execute(text(statement))


@POSTGRES
def test_the_role_is_bound_and_the_owner_is_not(
    server: Connection, database_url: str, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert too_mighty(server) == []
    server.execute(text("UPDATE loan SET status = 'overdue' WHERE false"))
    server.execute(text("DELETE FROM webhook_delivery WHERE false"))
    owner = from_environment({"DATABASE_URL": database_url, "FENQI_DATA_DIR": str(tmp_path)})
    told = live_gate.database_role(owner)
    assert told is not None
    assert "it owns tables" in told
    assert "migrate --grant-to ROLE" in told
    live_gate.role_must_be_bound(owner)  # test mode: said, and not refused
    assert "live mode would be refused: The server's database role can bypass" in caplog.text
    live = {"FENQI_INSTITUTION_LIVE_KEY": "sk_live", "FENQI_INSTITUTION_URL": "https://bank.example"}
    with pytest.raises(WrongSetting, match="can bypass the triggers"):
        live_gate.role_must_be_bound(
            from_environment({"DATABASE_URL": database_url, "FENQI_DATA_DIR": str(tmp_path), **live})
        )


@POSTGRES
def test_a_role_that_would_not_be_bound_gets_nothing(database_url: str) -> None:
    with pytest.raises(RoleUnusable, match="There is no role 'nobody'"):
        grant(database_url, "nobody")
    with pytest.raises(RoleUnusable, match="is a superuser"):
        grant(database_url, str(canonical_url(database_url).username))


@POSTGRES
def test_the_command_grants_and_says_so(
    database_url: str, tmp_path: Any, monkeypatch: Any, capsys: Any
) -> None:
    with served_as(database_url, granted=False) as url:
        role = str(canonical_url(url).username)
        monkeypatch.setenv("DATABASE_URL", database_url)
        assert main(["migrate", "--grant-to", role, "--data", str(tmp_path)]) == 0
        assert f"{role} can serve it" in capsys.readouterr().out
        engine = connect(url)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM loan")).scalar_one() == 0
        engine.dispose()


@POSTGRES
def test_what_an_erasure_leaves_is_rewritten_by_the_owner(server: Connection, database_url: str) -> None:
    owner = connect(database_url)
    if (server.dialect.server_version_info or (0,)) < MAINTAIN_FROM:
        told = scrub(server.engine, REWRITTEN, seconds=0)
        assert told is not None
        assert "privacy scrub" in told
    server.rollback()
    assert scrub(owner, REWRITTEN, seconds=5) is None
    owner.dispose()


def test_the_file_for_the_first_day_makes_both_roles(
    postgres_administrator: Connection, postgres_url: str
) -> None:
    mine = f"first_day_{uuid.uuid4().hex[:8]}"
    sql = re.sub(r"--.*", "", (ROOT / "deploy/postgresql-roles.sql").read_text()).replace("fenqi", mine)
    for statement in filter(None, map(str.strip, sql.split(";"))):
        postgres_administrator.execute(text(statement))
    try:
        url = canonical_url(postgres_url).set(database=mine)
        for role, may in ((f"{mine}_owner", True), (mine, False)):
            engine = connect(url.set(username=role).render_as_string(hide_password=False))
            with engine.connect() as connection:
                query = text("SELECT has_schema_privilege('public', 'CREATE')")
                assert connection.execute(query).scalar_one() is may
            engine.dispose()
    finally:
        postgres_administrator.execute(text(f"DROP DATABASE {mine}"))
        postgres_administrator.execute(text(f"DROP ROLE {mine}, {mine}_owner"))


def test_sqlite_has_no_roles(sqlite_template: Any) -> None:
    with pytest.raises(RoleUnusable, match="SQLite has no roles"):
        grant(f"sqlite:///{sqlite_template}", "fenqi")
