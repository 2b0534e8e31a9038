"""Under which names this server answers: those of its public URL. Another name in ``Host`` is refused."""

from __future__ import annotations

import logging
import threading
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Flask, request

from gateway.errors import InvalidRequest

log = logging.getLogger("gateway.hosts")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""What a probe or a person on the machine itself says; no browser of anybody else sends it here."""
PROBES = ("/healthz", "/readyz")
"""What a load balancer asks by address."""


@lru_cache(maxsize=64)
def is_ours(host: str, public_url: str) -> bool:
    """Whether ``host``, as a request names it, is the public URL's, or this machine for itself."""
    try:
        called, public = urlsplit(f"//{host}"), urlsplit(public_url)
        default = 443 if public.scheme == "https" else 80
        same = (called.hostname, called.port or default) == (public.hostname, public.port or default)
    except ValueError:
        return False
    return called.netloc == host and called.username is None and (same or called.hostname in LOOPBACK)


def register(app: Flask, public_url: str, *, proxies: int) -> None:
    """Refuse requests for other hosts, and say once in the log when a proxy is at work that nobody declared."""
    told = threading.Event()

    @app.before_request
    def check() -> None:
        if not proxies and "X-Forwarded-For" in request.headers and not told.is_set():
            told.set()
            log.warning(
                "X-Forwarded-For arrives but FENQI_PROXIES is 0, so every client appears with the proxy's "
                "address: set "
                "FENQI_PROXIES to the number of proxies in front, or let the proxy drop the header"
            )
        if request.path not in PROBES and not is_ours(request.headers.get("Host", ""), public_url):
            raise InvalidRequest(
                f"This server answers only for {public_url}: use that address, or set FENQI_PUBLIC_URL to the "
                "one you use."
            )
