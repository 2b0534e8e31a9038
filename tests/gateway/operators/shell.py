"""The command on a data folder of its own, with the authenticator apps of its operators."""

from __future__ import annotations

import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp

from gateway import app as application
from gateway.cli import main
from gateway.core.calendar import SHANGHAI

A_STEP = timedelta(seconds=30)
"""How long an app shows a code (RFC 6238, section 5.2)."""


class Shell:
    """The command on a data folder of its own, with the apps of its operators.

    Its clock goes on by a step with each code that is read from an app, and else stands still.
    """

    def __init__(self, folder: Any, monkeypatch: Any, capsys: Any) -> None:
        self.folder, self.monkeypatch, self.capsys = folder, monkeypatch, capsys
        self.secrets: dict[str, str] = {}
        self.now = datetime.now(SHANGHAI).replace(hour=12)
        monkeypatch.setattr(application, "utc_now", lambda: self.now.astimezone(UTC))

    def __call__(self, *arguments: str, code: int = 0, types: str = "") -> Any:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(types))
        assert main([*arguments, "--data", str(self.folder)]) == code, self.capsys.readouterr()
        found = self.capsys.readouterr()
        return json.loads(found.out) if found.out.startswith(("{", "[")) else found.out + found.err

    def app(self, name: str) -> str:
        """The code that somebody's app shows next."""
        self.now += A_STEP
        return pyotp.TOTP(self.secrets[name]).at(self.now) + "\n"

    def operator(self, name: str, by: str | None = None) -> str:
        vouched = ("--by", by) if by else ()
        made = self("operators", "add", name, *vouched, types=self.app(by) if by else "")
        self.secrets[made["name"]] = made["secret"]
        self("operators", "confirm", name, types=self.app(made["name"]))
        return str(made["operator"])

    def file(self, name: str, text: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)


def opened(folder: Path, template: Path, monkeypatch: Any, capsys: Any) -> Shell:
    """A shell before a fresh database in ``folder``."""
    shutil.copy(template, folder / "fenqi.sqlite")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("FENQI_DATA_DIR", raising=False)
    return Shell(folder, monkeypatch, capsys)
