"""What every command waits for when it starts: no library that only some of them need.

A library of these costs a tenth of a second or more, in each command and each process of a server. Who needs it
imports it in the function that does.
"""

from __future__ import annotations

import subprocess
import sys

WITHOUT_DATA = ("sqlalchemy", "sqlmodel", "flask", "marshmallow", "requests", "gateway.errors")
"""What naming the version and showing the help must not load."""
WITHOUT_USE = (
    "alembic", "gateway.identity.real_name_http", "gateway.payments.stripe_like", "granian", "igraph", "matplotlib",
    "numpy", "onnxruntime", "OpenSSL", "pandas", "phonenumbers", "pyarrow", "redis", "scipy", "sklearn", "tqdm",
    "webauthn", "xgboost",
)  # fmt: skip
"""What the whole gateway must not load before somebody uses it."""
CODE = f"""
import contextlib, sys
from gateway.cli import main
with contextlib.suppress(SystemExit):
    main(["--version"])
print(*(name for name in {WITHOUT_DATA!r} if name in sys.modules), file=sys.stderr)
import gateway.app
print(*(name for name in {WITHOUT_USE!r} if name in sys.modules), file=sys.stderr)
"""


def test_no_command_loads_a_library_that_it_does_not_need() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("fenqi-gateway ")
    assert done.stderr.splitlines() == ["", ""]
