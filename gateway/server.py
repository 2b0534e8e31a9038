"""Serving: granian in front of one WSGI application that holds the gateway and, beside it, the portal."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import socket
import threading
import time
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from gateway.app import create_app
from gateway.config import WrongSetting, from_environment
from gateway.db.engine import canonical_url
from gateway.db.existing import must_exist
from gateway.db.guards import AUDIT, CONSENTS, CONTRACTS, LEDGER, TENANCY, missing_guards
from gateway.runtime import sign_last, start_worker
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from flask import Flask

BLOCKING_THREADS = 8
STOP_FIRST = 100
STOP_SECONDS = {signal.SIGINT: 1, signal.SIGTERM: 20}
"""After how many seconds a process that still works is ended; what it did not acknowledge can be sent again."""


class Unservable(WrongSetting):
    """The address cannot be listened on; the message says why."""


def serve(*, host: str, port: int, workers: int, data_dir: str | None) -> int:
    """Serve until a signal ends it; the settings travel to the server's processes by the environment."""
    settings = from_environment(data_dir=data_dir)
    address = address_to_bind(host, port)
    if workers > 1 and canonical_url(settings.database_url).get_backend_name() == "sqlite":
        raise WrongSetting(
            "--workers above 1 needs PostgreSQL: SQLite has one writing process. Set DATABASE_URL."
        )
    must_exist(settings)
    os.environ["FENQI_DATA_DIR"] = str(settings.data_dir)
    os.environ.setdefault("FENQI_PUBLIC_URL", f"http://{host}:{port}")
    run("gateway.server:application", host=address, port=port, workers=workers)
    return 0


def run(target: str, *, host: str, port: int, workers: int = 1) -> None:
    """Run granian on a WSGI factory; returns when it was told to stop."""
    from granian import Granian  # noqa: PLC0415
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    class Server(Granian):  # type: ignore[misc, valid-type]
        """Waits for what its processes are doing: as long as a person waits after Ctrl-C, longer for a deployment."""

        def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
            self.workers_kill_timeout = STOP_SECONDS[signal.Signals(args[0])]
            super().signal_handler_interrupt(*args, **kwargs)

    Server(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=BLOCKING_THREADS,
        factory=True,
        log_level=LogLevels.error,
        working_dir=Path.cwd(),
    ).serve()


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
                    f"Port {port} is taken: another server listens on {where[0]}. Try --port {port + 1}"
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
        threading.Thread(target=_end_after, args=(parent,), name="end with the parent", daemon=True).start()


def _end_after(parent: Any) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS[signal.SIGTERM])
    os._exit(1)


def application() -> Any:
    """The WSGI application of one server process: the gateway, with the portal under /portal."""
    leave_the_terminal()
    app = create_app()
    check_guards(app)
    begin_background_work(app)
    return DispatcherMiddleware(app, {"/portal": portal(app)})


def check_guards(app: Flask) -> None:
    """Refuse to serve a database whose triggers are gone. Raises ``WrongSetting`` naming them."""
    gateway: Gateway = app.extensions["fenqi"]
    with gateway.db.read() as tx:
        missing = missing_guards(tx.connection(), [*LEDGER, *CONTRACTS, *TENANCY, *AUDIT, *CONSENTS])
    if missing:
        raise WrongSetting(f"The database is not guarded; these triggers are missing: {', '.join(missing)}")


def begin_background_work(app: Flask) -> None:
    """Load the scorer and the links and, where this process also works, drain the outbox; the port is open already."""
    gateway: Gateway = app.extensions["fenqi"]
    gateway.ports["scorer"].load_in_background()
    gateway.ports["links"].load_in_background()
    if gateway.settings.worker_in_process:
        app.extensions["fenqi.stop_worker"] = start_worker(gateway)
        # Granian ends its processes without atexit: multiprocessing runs this when a process is told to stop. What the
        # worker has in hand is not waited for, as somebody waits for Ctrl-C: whoever claims it next looks it up.
        Finalize(app, partial(sign_last, gateway), exitpriority=STOP_FIRST)


def portal(app: Flask) -> Flask:
    """The portal beside the gateway: a client of the API by the SDK, whose calls go to ``app`` in this process."""
    import merchant_portal  # noqa: PLC0415
    from fenqi.testing.wsgi import wsgi_session  # noqa: PLC0415

    gateway: Gateway = app.extensions["fenqi"]
    url = gateway.settings.public_url
    return merchant_portal.create_app(
        gateway_url=url,
        portal_url=f"{url}/portal",
        client_id=portal_client_id(gateway),
        secret_key=portal_key(gateway),
        folder=gateway.settings.data_dir / "portal",
        session=wsgi_session(app, url),
        clock=lambda: gateway.clock().timestamp(),
    )


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
