"""One request, sent again and again by wrk, which costs a fraction of what the server does; else by ``load``."""

from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load import Request, run

UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Flow:
    """Answers per second, percentiles of the waits in milliseconds, and how many answers were errors."""

    rate: float
    p50: float
    p99: float
    errors: int
    good: float
    """Answers per second that were no errors."""
    sending: float
    """How much of a processor sending took: where it is much, less is left for the server."""


def tool() -> str:
    """What sends the requests here."""
    return "wrk" if shutil.which("wrk") else "Python threads"


def flow(
    host: str,
    port: int,
    request: Request,
    *,
    clients: int,
    seconds: float,
    pause: float = 0,
    name: str = "",
    paths: Sequence[str] = (),
) -> Flow:
    """Send ``request`` from ``clients`` connections for ``seconds``.

    ``pause`` is how many seconds a connection waits after each answer, by wrk alone. With a ``name``, every ``{n}`` in
    the headers and the body becomes ``name`` and a number of the request's own, and each of ``paths`` is asked once:
    whoever has asked all of them gets errors.
    """
    if seconds < 1 or not shutil.which("wrk"):  # wrk counts whole seconds
        used = time.process_time()
        waits = run(
            host,
            port,
            lambda number: numbered(request, name, number, paths),
            clients=clients,
            seconds=seconds,
            most=len(paths) or 10**9,
        )
        good = waits.rate - waits.errors / waits.seconds
        took = (time.process_time() - used) / waits.seconds
        return Flow(waits.rate, waits.percentile(50), waits.percentile(99), waits.errors, good, took)
    lines = _script(request, pause, name, paths)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        script.write_text("\n".join(lines))
        command = ["wrk", "-t1", f"-c{clients}", f"-d{max(seconds, 1):.0f}s", "--latency", "-s", str(script)]
        used, started = _children(), time.perf_counter()
        text = subprocess.run(
            [*command, f"http://{host}:{port}{request[1]}"], check=True, capture_output=True, text=True
        ).stdout
        sending = (_children() - used) / (time.perf_counter() - started)
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", text)[0])
    answered = int(_found(r"(\d+) requests in ", text)[0])
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = int(refused.group(1)) if refused else 0
    return Flow(
        rate,
        _wait("50", text),
        _wait("99", text),
        errors,
        rate * (1 - errors / answered) if answered else 0.0,
        sending,
    )


def _children() -> float:
    """Processor seconds of processes that this one started, and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _script(request: Request, pause: float, name: str, paths: Sequence[str]) -> list[str]:
    """What wrk is told to send, in Lua."""
    method, _, headers, body = request
    lines = [f"wrk.method = {json.dumps(method)}", f"local body = {json.dumps(body.decode())}"]
    lines += [f"wrk.headers[{json.dumps(key)}] = {json.dumps(value)}" for key, value in headers.items()]
    lines += ["wrk.body = body"]
    if name:
        lines += [
            "local n, fields = 0, {}",
            f"local paths = {{{', '.join(map(json.dumps, paths))}}}",
            "for key, value in pairs(wrk.headers) do fields[key] = value end",
            "function request()",
            "  n = n + 1",
            "  local named = {}",
            f'  local own = {json.dumps(name)} .. "-" .. n',
            '  for key, value in pairs(fields) do named[key] = value:gsub("{n}", own) end',
            '  local path = #paths > 0 and (paths[n] or "/all-were-asked") or nil',
            '  return wrk.format(nil, path, named, (body:gsub("{n}", own)))',
            "end",
        ]
    if pause:
        lines += [f"function delay() return math.random(0, {2000 * pause:.0f}) end"]
    return lines


def numbered(request: Request, name: str, number: int, paths: Sequence[str] = ()) -> Request:
    """The request with every ``{n}`` filled in; without a name it stays as it is."""
    if not name:
        return request
    method, path, headers, body = request
    if paths:
        path = paths[number] if number < len(paths) else "/all-were-asked"
    own = f"{name}-{number}"
    named = {key: value.replace("{n}", own) for key, value in headers.items()}
    return method, path, named, body.replace(b"{n}", own.encode())


def _wait(share: str, text: str) -> float:
    wait, unit = _found(rf"{share}%\s+([\d.]+)(us|ms|s)", text)
    return float(wait) * UNITS[unit]


def _found(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"wrk said what is not understood: {text}")
    return match.groups()
