"""The command line before a fresh database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.gateway.operators.shell import Shell, opened


@pytest.fixture
def shell(tmp_path: Path, sqlite_template: Path, monkeypatch: Any, capsys: Any) -> Shell:
    return opened(tmp_path, sqlite_template, monkeypatch, capsys)
