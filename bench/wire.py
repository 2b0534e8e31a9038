"""One request, sent again and again by wrk, which costs a fraction of what the server does; else by ``load``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.load import Request, run

UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Flow:
    """Answers per second, the 99th percentile of waits in milliseconds, and how many answers were errors."""

    rate: float
    p99: float
    errors: int


def tool() -> str:
    """What sends the requests here."""
    return "wrk" if shutil.which("wrk") else "Python threads"


def flow(host: str, port: int, request: Request, *, clients: int, seconds: float) -> Flow:
    """Send ``request`` from ``clients`` connections for ``seconds``."""
    if seconds < 1 or not shutil.which("wrk"):  # wrk counts whole seconds
        waits = run(host, port, lambda _: request, clients=clients, seconds=seconds)
        return Flow(waits.rate, waits.percentile(99), waits.errors)
    method, path, headers, body = request
    lines = [f"wrk.method = {json.dumps(method)}", f"wrk.body = {json.dumps(body.decode())}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        script.write_text("\n".join(lines))
        command = ["wrk", "-t1", f"-c{clients}", f"-d{max(seconds, 1):.0f}s", "--latency", "-s", str(script)]
        text = subprocess.run(
            [*command, f"http://{host}:{port}{path}"], check=True, capture_output=True, text=True
        ).stdout
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", text)[0])
    wait, unit = _found(r"99%\s+([\d.]+)(us|ms|s)", text)
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Flow(rate, float(wait) * UNITS[unit], int(errors.group(1)) if errors else 0)


def _found(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"wrk said what is not understood: {text}")
    return match.groups()
