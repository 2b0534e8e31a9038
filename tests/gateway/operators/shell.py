"""The command on a data folder of its own, with the authenticator apps of its operators."""

from __future__ import annotations

import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp

from gateway.cli import main


class Shell:
    """The command on a data folder of its own, with the apps of its operators."""

    def __init__(self, folder: Any, monkeypatch: Any, capsys: Any) -> None:
        self.folder, self.monkeypatch, self.capsys = folder, monkeypatch, capsys
        self.secrets: dict[str, str] = {}
        self.used: dict[str, int] = {}

    def __call__(self, *arguments: str, code: int = 0, types: str = "") -> Any:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(types))
        assert main([*arguments, "--data", str(self.folder)]) == code, self.capsys.readouterr()
        found = self.capsys.readouterr()
        return json.loads(found.out) if found.out.startswith(("{", "[")) else found.out + found.err

    def app(self, name: str) -> str:
        """A code of somebody's app that was not shown before: of the step before, of now, or of the next one."""
        now = int(datetime.now(UTC).timestamp()) // 30
        step = self.used[name] = max(now - 1, self.used.get(name, 0) + 1)
        return pyotp.TOTP(self.secrets[name]).generate_otp(step) + "\n"

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
