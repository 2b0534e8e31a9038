"""Serving: granian in front of one WSGI application that holds the gateway and, beside it, the portal."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any, TypeVar

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.utils import import_string

import fenqi
from gateway import __version__, keyring
from gateway.app import create_app, gateway_of
from gateway.config import WrongSetting, from_environment
from gateway.db.engine import canonical_url
from gateway.db.existing import must_exist
from gateway.errors import DatabaseUnavailable
from gateway.monitoring import logs, memory, metrics, security_events
from gateway.process.live_gate import must_be_open, unbound, unguarded
from gateway.process.worker import sign_last, start_worker
from gateway.web import browser_address
from gateway.web.context import Gateway
from gateway.web.front import Front

if TYPE_CHECKING:
    from flask import Flask

T = TypeVar("T")
log = logging.getLogger("gateway.server")
HEADER_SECONDS, LONGEST_HEADERS = 10, 32 * 1024
"""Within which time and length the headers of a request must have come; also how long a connection may be idle."""
SOCKETS = 16_384
STOP_FIRST = 100
PARENT_SECONDS, DATABASE_SECONDS = 0.25, 0.5
"""How often a process looks whether its parent lives, and whether a database is back that it needs to start."""
STOP_SECONDS = {signal.SIGINT: 1, signal.SIGTERM: 8}
"""After how many seconds a process that still works is ended; what it did not acknowledge can be sent again."""


class Unservable(WrongSetting):
    """The address cannot be listened on; the message says why."""


def serve(*, host: str, port: int, workers: int, data_dir: str | None) -> int:
    """Serve until a signal ends it; the settings travel to the server's processes by the environment."""
    check_sdk_version()
    settings = from_environment(data_dir=data_dir)
    address = address_to_bind(host, port)
    if workers > 1 and canonical_url(settings.database_url).get_backend_name() == "sqlite":
        raise WrongSetting(
            "--workers above 1 needs PostgreSQL, because SQLite allows one writing process. Set DATABASE_URL."
        )
    must_exist(settings)
    keyring.check(gateway_of(settings))
    must_be_open(settings)
    os.environ["FENQI_DATA_DIR"] = str(settings.data_dir)
    os.environ.setdefault("FENQI_PUBLIC_URL", f"http://{f'[{host}]' if ':' in host else host}:{port}")
    run("gateway.process.server:application", host=address, port=port, workers=workers)
    return 0


def run(target: str, *, host: str, port: int, workers: int = 1) -> None:
    """Run granian on a WSGI factory behind our front; returns when it was told to stop.

    A process that dies is started again. One that dies again within five seconds ends the server, for its
    supervisor to restart.
    """
    from granian import Granian  # noqa: PLC0415
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415
    from granian.http import HTTP1Settings  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    from gateway.process.handing_over import serve_process  # noqa: PLC0415

    class Server(Granian):  # type: ignore[misc, valid-type]
        """Waits for what its processes are doing: as long as a person waits after Ctrl-C, longer for a deployment."""

        def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
            self.workers_kill_timeout = STOP_SECONDS[signal.Signals(args[0])]
            super().signal_handler_interrupt(*args, **kwargs)

    logs.to_stderr()
    Server(
        target,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,  # to guess the version it would wait for a first byte, as long as it takes
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=LONGEST_HEADERS
        ),
        websockets=False,
        workers=workers,
        respawn_failed_workers=True,
        backpressure=open_files() // 2,
        log_level=LogLevels.error,
        log_dictconfig=logs.for_granian(),
    ).serve(spawn_target=serve_process, target_loader=front_of)


def front_of(target: str) -> Front:
    """The front of one server process, with the application that the factory ``module:name`` makes."""
    memory.share_arenas()
    logs.to_stderr()
    try:
        return Front(import_string(target)(), proxies=from_environment().proxies)
    except WrongSetting as error:
        log.critical("this process cannot serve: %s", error)
    except Exception:  # told as all else is told
        log.critical("this process cannot serve", exc_info=True)
    raise SystemExit(1)


def open_files() -> int:
    """How many sockets a process may have open at once, after asking for as many as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = SOCKETS if most == resource.RLIM_INFINITY else min(most, SOCKETS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted


def address_to_bind(host: str, port: int) -> str:
    """The IP address behind ``host``, on which nobody listens yet.

    The server shares its port among its processes, so a second one would get half of the requests: it is refused.
    Raises ``Unservable``.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise Unservable(f"--host {host} cannot be used: {error}") from None
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Unservable(
                    f"Port {port} is in use: another server listens on {where[0]}. Try --port {port + 1}"
                ) from None
            raise Unservable(f"{host}:{port} cannot be listened on: {error.strerror}") from None
    return str(where[0])


def leave_the_terminal() -> None:
    """Let Ctrl-C reach the main process alone, which then stops this one: two signals at once could hang it.

    When the main process is killed, this one ends as well, or it would serve on and hold the port.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        os.setpgid(0, 0)
        threading.Thread(
            target=_end_after, args=(parent.pid,), name="end with the parent", daemon=True
        ).start()


def _end_after(parent: int | None) -> None:
    # Processes that were forked later hold the pipe that would tell of its end; the number of our parent tells always.
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS[signal.SIGTERM])
    os._exit(1)


def application() -> Any:
    """The WSGI application of one server process: the gateway, with the portal under /portal."""
    leave_the_terminal()
    app = create_app()
    once_there(lambda: check_guards(app))
    once_there(lambda: keyring.check(app.extensions["fenqi"], record=False))
    beside = once_there(lambda: portal(app))
    begin_background_work(app)
    return DispatcherMiddleware(app, {"/portal": beside})


def once_there(step: Callable[[], T]) -> T:
    """Run a step that needs the database as soon as it is there: a process that starts meanwhile must not die of it."""
    while True:
        try:
            return step()
        except DatabaseUnavailable:
            time.sleep(DATABASE_SECONDS)


def check_guards(app: Flask) -> None:
    """Refuse to serve a database whose triggers are gone. Raises ``WrongSetting`` naming them."""
    gateway: Gateway = app.extensions["fenqi"]
    problem = unguarded(gateway.db)
    if problem is not None:
        raise WrongSetting(problem)
    warning = unbound(gateway.db)
    if warning is not None:
        log.warning("live mode would be refused: %s", warning)


def check_sdk_version() -> None:
    """The SDK is released together with the gateway, which speaks to itself by it. Raises ``WrongSetting``."""
    if fenqi.__version__ != __version__:
        raise WrongSetting(
            f"fenqi {fenqi.__version__} is installed with fenqi-gateway {__version__}, but they are released "
            "together. "
            f"Install fenqi=={__version__}."
        )


def begin_background_work(app: Flask) -> None:
    """Load the scorer and the links and, where this process also works, drain the outbox; the port is open already."""
    gateway: Gateway = app.extensions["fenqi"]
    gateway.ports.scorer.load_in_background()
    gateway.ports.links.load_in_background()
    if gateway.settings.worker_in_process:
        app.extensions["fenqi.stop_worker"] = start_worker(gateway)
        # Granian ends its processes without atexit: multiprocessing runs this when a process is told to stop. What the
        # worker has in hand is not waited for, as somebody waits for Ctrl-C: the next worker to claim it looks it up.
        Finalize(app, partial(sign_last, gateway), exitpriority=STOP_FIRST)


def portal(app: Flask) -> Flask:
    """The portal beside the gateway: a client of the API by the SDK, whose calls go to ``app`` in this process."""
    import merchant_portal  # noqa: PLC0415
    from fenqi.wsgi import wsgi_session  # noqa: PLC0415

    gateway: Gateway = app.extensions["fenqi"]
    url = gateway.settings.public_url
    site = merchant_portal.create_app(
        gateway_url=url,
        portal_url=f"{url}/portal",
        client_id=portal_client_id(gateway),
        secret_key=portal_key(gateway),
        folder=gateway.settings.data_dir / "portal",
        session=wsgi_session(app, url),
        gateway_key=browser_address.key_of(gateway),
        clock=lambda: gateway.clock().timestamp(),
        proxies=gateway.settings.proxies,
        record=security_events.of_portal(gateway),
    )
    metrics.count_requests(site, "/portal")
    return site


def portal_client_id(gateway: Gateway) -> str:
    """The portal's own OAuth client in test mode, made at the first start; its redirect address follows the URL."""
    from gateway.oauth import service as oauth  # noqa: PLC0415

    redirect = f"{gateway.settings.public_url}/portal/callback"
    return gateway.db.write(lambda tx: oauth.portal_client(tx, redirect_uris=[redirect], mode="test").id)


def portal_key(gateway: Gateway) -> bytes:
    """The key that signs the portal's cookies: derived from the gateway's own, so that it survives a restart."""
    return bytes.fromhex(gateway.vault.lookup("portal", "cookie_key"))


def wait_until_open(url: str, then: Any) -> threading.Thread:
    """Call ``then`` in a thread as soon as the server answers."""
    import requests  # noqa: PLC0415

    def poll() -> None:
        for _ in range(200):
            try:
                if requests.get(f"{url}/healthz", timeout=1).ok:
                    then()
                    return
            except requests.RequestException:
                time.sleep(0.05)

    thread = threading.Thread(target=poll, name="announce", daemon=True)
    thread.start()
    return thread
