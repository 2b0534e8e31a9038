"""Typesetting: a template of ours and the values of one document make a PDF/A file, always the same bytes.

Values go in as JSON and are never read as code of the templates. A process of its own does it, for a bounded time and
with bounded memory, and at most two at once for each process of the gateway.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.documents import fonts
from gateway.errors import DocumentsUnavailable, Overloaded

TEMPLATES = Path(__file__).parent / "templates"
TYPESETTER = Path(__file__).parent / "typesetter.py"
SECONDS = 30
MEMORY_BYTES = 3 * 1024**3
"""Address space; what is really used is a tenth of it."""
LONGEST_DATA = 4 * 1024 * 1024
"""Characters of the values of one document, as JSON in ASCII."""
AT_ONCE = 2
PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "TMPDIR")
"""Of the environment; passwords and addresses stay here."""
_running = threading.BoundedSemaphore(AT_ONCE)


def typeset(template: str, values: Mapping[str, Any], *, dated: datetime) -> bytes:
    """The PDF of a document that says it was made at ``dated``; texts among ``values`` are shown as they can be.

    Raises ``DocumentsUnavailable``, and ``Overloaded`` when others are typeset for too long.
    """
    if len(json.dumps(values)) > LONGEST_DATA:
        raise DocumentsUnavailable("The document is too long to be typeset. Ask for fewer lines.")
    data = json.dumps(_printable(values), ensure_ascii=False, sort_keys=True)
    job = {
        "template": str(TEMPLATES / f"{template}.typ"),
        "root": str(TEMPLATES),
        "fonts": str(fonts.folder()),
        "data": data,
        "dated": int(dated.timestamp()),
        "seconds": SECONDS,
        "memory": MEMORY_BYTES,
    }
    if not _running.acquire(timeout=SECONDS):
        raise Overloaded(retry_after=10)
    try:
        return _run(json.dumps(job).encode())
    finally:
        _running.release()


def _run(job: bytes) -> bytes:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, str(TYPESETTER)],
            input=job,
            capture_output=True,
            timeout=SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DocumentsUnavailable(f"The document was not typeset within {SECONDS} seconds.") from None
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise DocumentsUnavailable(f"The document cannot be typeset (exit code {done.returncode}): {said}.")
    return done.stdout


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return fonts.printable(value)
    if isinstance(value, Mapping):
        return {str(name): _printable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(one) for one in value]
    return value
