"""One gateway in one process with simulated time, chance, database and outside, made anew for each seed.

The application is built once; in milliseconds a seed gets a copy of a migrated database in which the merchants of
``TOWN`` are on board. What a process keeps in memory is made anew with it, as after a restart.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import sqlite3
import string
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import create_engine, text

from gateway import keyring
from gateway.app import create_app, database_of
from gateway.config import Settings
from gateway.core.tenant import Tenant
from gateway.db import engine as engines
from gateway.db import scrub, transactions
from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade
from gateway.decision.link_book import LinkBook
from gateway.merchants import service as merchants
from gateway.oauth import service as oauth
from gateway.process import worker
from gateway.process.onboarding import onboard
from gateway.team import passwords
from gateway.webhooks.endpoints import service as endpoints
from tests import older_release
from tests.postgres import named
from tests.simulator.faults import Points
from tests.simulator.moved import Moved
from tests.simulator.outside import Outside

START = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
"""A Monday morning in Shanghai."""
MEMORY = Path("/dev/shm")
TOWN = (
    ("3c", ("test", "live"), "0.05"),
    ("furnishing", ("test",), None),
    ("education", ("test", "live"), None),
)
"""Merchants: category, modes, and the rate of a reserve."""

SECOND, SECOND_URL = 0, "https://shop0.example/bookkeeping"
"""The shop with a second endpoint, and what is told there."""
SECOND_EVENTS = ("payment.captured", "refund.created", "payout.paid")


class Clock:
    """Time that stands still until the simulation moves it; also what the product takes for ``time``."""

    def __init__(self) -> None:
        self.now = START
        self.on_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)

    def sleep(self, seconds: float) -> None:
        """What waits between two attempts of a transaction, or polls, lets time pass; others act meanwhile."""
        self.now += timedelta(seconds=seconds)
        self.on_sleep()

    def monotonic(self) -> float:
        return self.now.timestamp()

    time = perf_counter = monotonic


class Chance:
    """All chance of the product, seeded anew by each step, so that a step that vanishes changes no other's."""

    def __init__(self) -> None:
        self._random = random.Random(0)

    def seed(self, text: str) -> None:
        self._random = random.Random(text)

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def token_bytes(self, count: int | None = None) -> bytes:
        return self._random.randbytes(count or 32)

    def token_hex(self, count: int | None = None) -> str:
        return self.token_bytes(count).hex()

    def token_urlsafe(self, count: int | None = None) -> str:
        letters = string.ascii_letters + string.digits
        return "".join(self._random.choices(letters, k=(count or 32) * 4 // 3))

    def choice(self, sequence: Any) -> Any:
        return self._random.choice(sequence)


class World:
    """The gateway under simulation. Use it as a context: what it puts in the product's place is taken out again."""

    def __init__(self, database: str = "sqlite", server: str = "", migrated: str = "") -> None:
        self.clock, self.chance = Clock(), Chance()
        self.points, self.outside, self.moved = Points(), Outside(self.clock), Moved()
        self.database, self._server, self._migrated = database, server, migrated
        room = MEMORY if os.access(MEMORY, os.W_OK) else None
        self._folder = Path(tempfile.mkdtemp(prefix="fenqi-simulator-", dir=room))
        self.tenants: list[Tenant] = []
        self.credentials: list[tuple[str, str]] = []
        self.secrets: list[str] = []
        self.app: Flask = None  # type: ignore[assignment]
        self._stack = ExitStack()
        self._driver: sqlite3.Connection | None = None

    def __enter__(self) -> World:
        try:
            self._put_in_place()
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.app is not None:
            self._let_go()
        self._stack.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def gateway(self) -> Any:
        return self.app.extensions["fenqi"]

    def _put_in_place(self) -> None:
        """Time, chance, and the moments at which a transaction begins and ends."""
        put = self._stack.enter_context
        for module in (transactions, worker, scrub):
            put(mock.patch.object(module, "time", self.clock))
        put(mock.patch.object(transactions, "random", self.chance))
        for name in ("token_bytes", "token_hex", "token_urlsafe", "choice"):
            put(mock.patch.object(secrets, name, getattr(self.chance, name)))
        put(
            mock.patch.object(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        )
        put(mock.patch.dict(engines.SQLITE_PRAGMAS, {"synchronous": 0}))
        put(mock.patch.object(os, "fsync", return_value=None))
        put(self.points.in_place())
        self.clock.on_sleep = self.points.lost

    def _build(self) -> None:
        self.chance.seed("town")
        self._make_database()
        settings = Settings(
            database_url=self._url,
            data_dir=self._folder / "data",
            public_url="http://gateway.test",
            worker_in_process=False,
            webhook_local=True,
            rate_limits="off",
            disclosure_reading_seconds=3,
        )
        database = database_of(settings, clock=self.clock, random_bits=self.chance.bits)
        keyring.init(settings, database)
        database.engine.dispose()
        self.app = create_app(
            settings, clock=self.clock, random_bits=self.chance.bits, ports=self.outside.ports()
        )
        self.points.watch(self.gateway.db.engine)
        for database in (self.gateway.db, self.gateway.ports.links._db):
            self.moved.watch(database.engine)
        self.gateway.db.engine._compiled_cache.capacity = (
            5_000  # every statement is compiled once for all seeds
        )
        self._populate()
        self._keep_template()

    def _populate(self) -> None:
        """The merchants, with an account for payouts, a client and a webhook for each mode."""
        for number, (category, modes, reserve) in enumerate(TOWN):
            found = onboard(
                self.gateway,
                name=f"商户{number}",
                name_en=f"Merchant {number}",
                category=category,
                mode=modes[0],  # type: ignore[arg-type]
                email=f"owner{number}@shop.example",
                webhook_url=None,
            )
            self.credentials.append((found["client_id"], found["client_secret"]))
            self.tenants.append(Tenant(found["merchant"], modes[0]))  # type: ignore[arg-type]
            for mode in modes[1:]:
                tenant = Tenant(found["merchant"], mode)  # type: ignore[arg-type]
                self.tenants.append(tenant)
                self.credentials.append(
                    self.gateway.db.write(
                        lambda tx, of=tenant: oauth.create_client(
                            tx, self.gateway.vault, merchant_id=of.merchant_id, mode=of.mode
                        )
                    )
                )
            self.gateway.db.write(
                lambda tx, of=found["merchant"]: older_release.name_payout_account(tx, of, f"acct-{of}")
            )
            if reserve:
                self.gateway.db.write(
                    lambda tx, of=found["merchant"], rate=reserve: merchants.agree_reserve(
                        tx, of, rate=rate, days=30
                    )
                )
        for number, tenant in enumerate(self.tenants):
            client = self.credentials[number][0]
            _, secret = self.gateway.db.write(
                lambda tx, of=tenant, n=number, by=client: endpoints.create_endpoint(
                    tx, of, self.gateway.vault, url=f"https://shop{n}.example/hook", client_id=by
                )
            )
            self.secrets.append(secret)
        _, self.second_secret = self.gateway.db.write(
            lambda tx: endpoints.create_endpoint(
                tx,
                self.tenants[SECOND],
                self.gateway.vault,
                url=SECOND_URL,
                enabled_events=list(SECOND_EVENTS),
                client_id=self.credentials[SECOND][0],
            )
        )

    # -- the database

    def _make_database(self) -> None:
        if self.database == "sqlite":
            self._file, self._template = self._folder / "fenqi.sqlite", self._folder / "template.sqlite"
            self._url = f"sqlite:///{self._file}"
            if self._migrated and Path(self._migrated).exists():
                shutil.copyfile(self._migrated, self._file)
                return
            upgrade(self._url)
            if self._migrated:
                made = Path(f"{self._migrated}.{os.getpid()}")
                shutil.copyfile(self._file, made)
                made.rename(self._migrated)
            return
        self._name = f"fenqi_sim_{os.getpid()}"
        self._url = named(self._server, self._name)
        template = f" TEMPLATE {self._migrated}" if self._migrated else ""
        self._as_administrator(
            f"DROP DATABASE IF EXISTS {self._name}", f"CREATE DATABASE {self._name}{template}"
        )
        if not self._migrated:
            upgrade(self._url)

    def _keep_template(self) -> None:
        self._let_go()
        if self.database == "sqlite":
            self._file.rename(self._template)
        else:
            self._as_administrator(
                f"DROP DATABASE IF EXISTS {self._name}_t",
                f"ALTER DATABASE {self._name} RENAME TO {self._name}_t",
            )
            self._stack.callback(
                self._as_administrator,
                f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)",
                f"DROP DATABASE IF EXISTS {self._name}_t WITH (FORCE)",
            )

    def _let_go(self) -> None:
        if self._driver is not None:
            self._driver.close()
            self._driver = None
        self.gateway.db.engine.dispose()
        self.gateway.ports.links._db.engine.dispose()
        self.restart()

    def driver(self) -> sqlite3.Connection:
        """A connection to the SQLite file that only reads, beside the product's."""
        if self._driver is None:
            self._driver = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, isolation_level=None)
        return self._driver

    def _as_administrator(self, *statements: str) -> None:
        engine = create_engine(canonical_url(self._server), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def begin(self, seed: int | str) -> None:
        """The town as it was founded, on a day that the seed chooses."""
        self._let_go()
        if self.database == "sqlite":
            for ending in ("", "-wal", "-shm"):
                Path(f"{self._file}{ending}").unlink(missing_ok=True)
            shutil.copyfile(self._template, self._file)
        else:
            self._as_administrator(
                f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)",
                f"CREATE DATABASE {self._name} TEMPLATE {self._name}_t",
            )
        chance = random.Random(f"day of {seed}")
        self.clock.now = START + timedelta(days=chance.randrange(40), minutes=chance.randrange(1440))
        self.chance.seed(f"world of {seed}")
        for database in (self.gateway.db, self.gateway.ports.links._db):
            database.ids._last = 0  # identifiers rise within a process: each seed has a process of its own
        self.outside.begin()
        self.points.begin()
        self.moved.begin()

    def restart(self) -> None:
        """What a process holds in memory is gone."""
        links = self.gateway.ports.links
        self.gateway.authenticator.revoked.forget()
        self.gateway.ports.links = LinkBook(links._db)


@contextmanager
def world(database: str = "sqlite", server: str = "", *, migrated: str = "") -> Iterator[World]:
    """A world for some seeds.

    ``migrated`` names an empty database that has all tables: a file, which is made if it is not there, or a template of
    PostgreSQL.
    """
    with World(database, server, migrated) as made:
        yield made
