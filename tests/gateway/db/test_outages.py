"""What a database does when it is not well, and what is answered then: 503 with Retry-After, a sentence, no damage."""

from __future__ import annotations

import re
import select
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from gateway.app import create_app
from gateway.config import Settings
from gateway.db import outages
from gateway.db.engine import canonical_url, connect
from gateway.db.outages import BY_SQLITE_CODE, BY_SQLSTATE, FULL, LOCKED, READ_ONLY, Told, outage_of
from gateway.errors import DatabaseUnavailable
from gateway.process import routes
from gateway.process.onboarding import onboard
from tests.gateway.conftest import Api, problem
from tests.gateway.scorer import loaded_scorer


class Wire:
    """A TCP port in front of PostgreSQL's socket, which can be held: what was sent is taken, and no answer comes."""

    def __init__(self, url: str) -> None:
        target = canonical_url(url)
        host = target.query.get("host") or target.host or ""
        self._to = f"{host}/.s.PGSQL.{target.port or 5432}" if str(host).startswith("/") else None
        self._address = (target.host, target.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def url(self, url: str) -> str:
        """``url`` by way of this port."""
        target = canonical_url(url).difference_update_query(["host"]).set(host="127.0.0.1", port=self.port)
        return target.render_as_string(hide_password=False)

    def close(self) -> None:
        self.flows.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX if self._to else socket.AF_INET)
        with client, server:
            server.connect(self._to or self._address)
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    self.flows.wait()
                    try:
                        data = ready.recv(65536)
                        (server if ready is client else client).sendall(data)
                    except OSError:
                        return
                    if not data:
                        return


def gateway(url: str, folder: Path, **settings: Any) -> Flask:
    """A gateway whose limits are short."""
    short = {"database_statement_seconds": 2, "database_lock_seconds": 1, "database_connect_seconds": 2}
    return create_app(
        Settings(
            database_url=url,
            data_dir=folder,
            public_url="http://gateway.test",
            worker_in_process=False,
            **{**short, **settings},
        ),
        ports={"scorer": loaded_scorer()},
    )


def merchant(app: Flask) -> Api:
    credentials = onboard(
        app.extensions["fenqi"],
        name="灯塔",
        name_en="Lighthouse",
        category="3c",
        mode="test",
        email="a@b.example",
        webhook_url=None,
    )
    api = Api(app.test_client(), credentials)
    api.login()
    return api


def refused(answer: Any) -> str:
    """The words of a 503 as it must be."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"] == "2"
    document = problem(answer)
    assert document["code"] == "database_unavailable"
    return str(document["detail"])


@pytest.fixture(autouse=True)
def no_answer_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """``/readyz`` looks at each question, so that nobody has to wait for its next look."""
    monkeypatch.setattr(routes, "REHEARSED_SECONDS", 0.0)


@contextmanager
def administrator(url: str) -> Iterator[Any]:
    engine = connect(canonical_url(url).set(database="postgres").render_as_string(hide_password=False))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated PostgreSQL database."""
    with request.getfixturevalue("postgres_databases").anew() as url:
        yield url


def test_postgresql_read_only_locked_and_with_its_connections_ended(
    postgres: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = gateway(postgres, tmp_path)
    api = merchant(app)
    name = make_url(postgres).database
    payment = api.approved()
    with administrator(postgres) as root:
        end = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")

        # Fail-over to a standby: reading goes on, nothing is written, and nobody is sent here.
        root.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        root.execute(end, {"name": name})
        for _ in range(20):
            assert "Nothing was changed" in refused(
                api.post(f"/v1/payments/{payment['id']}/capture", key="c")
            )
            assert api.get(f"/v1/payments/{payment['id']}").status_code == 200
        not_ready = app.test_client().get("/readyz")
        assert (not_ready.status_code, not_ready.json["database"]) == (503, "unavailable")
        assert app.test_client().get("/healthz").status_code == 200
        root.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = off"))
        root.execute(end, {"name": name})
        assert api.post(f"/v1/payments/{payment['id']}/capture", key="c").status_code == 200
        assert app.test_client().get("/readyz").status_code == 200
        said = [record.getMessage() for record in caplog.records if record.name == "gateway.db"]
        assert [line.split(" (")[0] for line in said if "does not accept writes" in line] == [READ_ONLY.says]
        assert any(line.startswith("the database is back: read-only") for line in said), said

    # Somebody holds a table.
    holder = psycopg.connect(canonical_url(postgres).set(drivername="postgresql").render_as_string(False))
    holder.execute("LOCK TABLE capture IN ACCESS EXCLUSIVE MODE")
    started = time.monotonic()
    refused(api.post("/v1/refunds", {"payment": payment["id"], "amount": 1, "kind": "return", "reason": "x"}))
    assert time.monotonic() - started < 5
    holder.close()

    # A statement that takes too long.
    with pytest.raises(DatabaseUnavailable), app.extensions["fenqi"].db.read() as tx:
        tx.execute(text("SELECT pg_sleep(30)"))
    assert api.get("/v1/payments").status_code == 200


def test_frozen_postgresql_is_given_up_and_health_is_answered_meanwhile(
    postgres: str, tmp_path: Path
) -> None:
    wire = Wire(postgres)
    app = gateway(wire.url(postgres), tmp_path, database_statement_seconds=1)
    api = merchant(app)
    order = api.order()
    wire.flows.clear()
    try:
        started = time.monotonic()
        assert "Nothing was changed" in refused(api.post("/v1/checkouts", order, key="frozen"))
        assert time.monotonic() - started < 10
        assert app.test_client().get("/healthz").status_code == 200
        assert app.test_client().get("/readyz").status_code == 503
    finally:
        wire.flows.set()
    started = time.monotonic()
    assert api.post("/v1/checkouts", order, key="frozen").status_code == 201
    assert time.monotonic() - started < 10
    assert len(api.get("/v1/checkouts").json["data"]) == 1
    wire.close()


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> str:
    (tmp_path / "fenqi.sqlite").write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{tmp_path / 'fenqi.sqlite'}"


def test_sqlite_full_read_only_locked_and_damaged(
    sqlite: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = gateway(sqlite, tmp_path)
    api, engine = merchant(app), app.extensions["fenqi"].db.engine
    payment = api.approved()
    path = f"/v1/payments/{payment['id']}/capture"

    def pragma(words: str) -> None:
        raw = engine.raw_connection()  # the pool hands the same one to the next request
        raw.driver_connection.execute(f"PRAGMA {words}")
        raw.close()

    for words, well in (
        ("max_page_count = 1", "max_page_count = 1000000"),
        ("query_only = 1", "query_only = 0"),
    ):
        pragma(words)
        for number in range(20):
            refused(
                api.post(
                    "/v1/checkouts",
                    api.order(items=[{"name": "x" * 200, "quantity": 1, "unit_price": 599_900}]),
                    key=f"{words} {number}",
                )
            )
        assert app.test_client().get("/readyz").status_code == (503 if "query" in words else 200)
        pragma(well)
        assert app.test_client().get("/readyz").status_code == 200

    other = sqlite3.connect(sqlite.removeprefix("sqlite:///"))
    other.execute("BEGIN IMMEDIATE")
    refused(api.post(path, key="c"))
    other.close()
    assert api.post(path, key="c").status_code == 200

    said = [record.getMessage() for record in caplog.records if record.name == "gateway.db"]
    for outage in (FULL, READ_ONLY, LOCKED):
        assert len([line for line in said if line.startswith(outage.says)]) == 1, said
    engine.dispose()
    (tmp_path / "fenqi.sqlite").write_bytes(b"not a database, but long enough to be taken for one" * 99)
    for ending in ("-wal", "-shm"):
        (tmp_path / f"fenqi.sqlite{ending}").unlink(missing_ok=True)
    refused(api.get("/v1/payments"))


def error(state: str | None = None, code: int | None = None, words: str = "") -> DBAPIError:
    """An error as SQLAlchemy raises it, of a driver that says ``state`` or ``code``."""
    orig: Any = psycopg.errors.lookup(state)(words) if state else sqlite3.OperationalError(words)
    if code is not None:
        orig.sqlite_errorcode = code
    return DBAPIError("SELECT", {}, orig)


def test_every_code_has_its_outage_and_a_mistake_of_ours_has_none() -> None:
    for state, outage in BY_SQLSTATE.items():
        if len(state) == 5:
            assert outage_of(error(state)) is outage, state
    for code, outage in BY_SQLITE_CODE.items():
        assert outage_of(error(code=code)) is outage, code
        assert outage_of(error(code=code | 0x500)) is outage, "extended"
    for mistake in (
        error("42601"),
        error("22P02"),
        error("23514"),
        error(code=1, words='near "x": syntax error'),
    ):
        assert outage_of(mistake) is None
    assert outage_of(ValueError()) is None
    kinds = {value for value in vars(outages).values() if isinstance(value, outages.Outage)}
    reachable = {*BY_SQLSTATE.values(), *BY_SQLITE_CODE.values()}
    assert kinds == reachable
    page = (Path(__file__).parents[3] / "docs" / "reliability.md").read_text("utf-8")
    assert {match[1] for match in re.finditer(r"^\| `([a-z/ -]+)` \|", page, re.MULTILINE)} >= {
        outage.name for outage in kinds
    }


def test_an_outage_is_one_line_and_its_end_another_however_often_it_is_met(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    told = Told(clock=lambda: now[0])
    caplog.set_level("WARNING")
    for _ in range(500):
        told.met(FULL, error("53100"))
        told.over(writing=False)  # reading goes on
        now[0] += 0.01
    told.over(writing=True)
    assert len(caplog.records) == 2
    assert "met 500 times" in caplog.records[1].getMessage()

    caplog.clear()
    for _ in range(500):  # comes and goes, 100 times a second
        told.met(LOCKED, error("55P03"))
        told.over(writing=True)
        now[0] += 0.01
    assert len(caplog.records) == 1
