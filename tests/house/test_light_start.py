"""What every command waits for when it starts: no library that only some of them need.

A library of these costs a tenth of a second or more, in each command and each process of a server. Who needs it
imports it in the function that does.
"""

from __future__ import annotations

import subprocess
import sys

TO_SAY = (
    "flask", "granian", "marshmallow", "numpy", "onnxruntime", "requests", "sklearn", "sqlalchemy", "sqlmodel",
    "xgboost",
)  # fmt: skip
"""What naming the version and showing the help must not load."""
TO_START = (
    "alembic", "defusedxml", "duckdb", "gateway.identity.real_name_http", "gateway.institution.stripe_like",
    "granian", "igraph", "matplotlib", "numpy", "onnxruntime", "openpyxl", "OpenSSL", "pandas", "phonenumbers",
    "pyarrow", "redis", "scipy", "sklearn", "tqdm", "webauthn", "xgboost",
)  # fmt: skip
"""What the whole gateway must not load before somebody uses it."""
CODE = f"""
import contextlib, sys
from gateway.cli import main
from scoring.cli import main as score
for run, word in ((main, "--version"), (main, "--help"), (score, "--help")):
    with contextlib.suppress(SystemExit):
        run([word])
print([name for name in {TO_SAY} if name in sys.modules], file=sys.stderr)
import gateway.app
print([name for name in {TO_START} if name in sys.modules], file=sys.stderr)
"""


def test_no_command_loads_a_library_that_it_does_not_need() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("fenqi-gateway ")
    assert done.stderr.splitlines() == ["[]", "[]"]
