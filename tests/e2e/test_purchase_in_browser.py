"""The whole purchase in a real browser: shop, hosted checkout, return page, merchant desk, settlement, portal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

playwright = pytest.importorskip("playwright.sync_api", reason="the playwright package is missing: ./run test installs it")
CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or set CHROMIUM"),
]
ID_NUMBER = "11010519900307123X"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The demo as a user starts it, on a free port and in a folder of its own."""
    folder = tmp_path_factory.mktemp("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-c", "from gateway.cli import main; raise SystemExit(main())", "demo"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--data", str(folder)], env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        for _ in range(300):
            try:
                if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=1).json()["scorer"] == "ready":
                    break
            except (requests.RequestException, ValueError):
                pass
            time.sleep(0.1)
        else:
            pytest.fail("the demo did not start")
        yield {**json.loads((folder / "demo.json").read_text("utf-8")), "folder": folder}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield running
        running.close()


def settle(demo: dict[str, Any], date: str) -> None:
    command = [sys.executable, "-c", "from gateway.cli import main; raise SystemExit(main())", "settle"]
    subprocess.run([*command, "--date", date, "--data", str(demo["folder"])], check=True, capture_output=True)
