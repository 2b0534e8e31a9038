"""Run the portal alone.

``WANTED`` names the variables of the environment that say how, ``PORTAL_GATEWAY_KEY`` is one more (see
``docs/settings.md``).
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, run_simple

from merchant_portal import create_app

WANTED = ("FENQI_BASE_URL", "PORTAL_URL", "PORTAL_CLIENT_ID", "PORTAL_SECRET_KEY", "PORTAL_DATA_DIR")


class Requests(WSGIRequestHandler):
    """Log lines without the query, which carries the code of a login, and of bounded length."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Cut the query off and the path to 200 characters."""
        self.path = getattr(self, "path", "").partition("?")[0][:200]
        super().log_request(code, size)


def main() -> None:
    """Serve on the port of ``PORTAL_URL``, on the loopback; put a real server in front of anything public."""
    missing = [name for name in WANTED if not os.environ.get(name)]
    if missing:
        raise SystemExit(f"Set {', '.join(missing)} first.")
    gateway_url, portal_url, client_id, key, folder = (os.environ[name] for name in WANTED)
    app = create_app(
        gateway_url=gateway_url,
        portal_url=portal_url,
        client_id=client_id,
        secret_key=key.encode(),
        folder=Path(folder),
        proxies=int(os.environ.get("PORTAL_PROXIES", "0")),
        gateway_key=os.environ.get("PORTAL_GATEWAY_KEY", ""),
    )
    run_simple("127.0.0.1", urlsplit(portal_url).port or 8500, app, threaded=True, request_handler=Requests)


if __name__ == "__main__":
    main()
