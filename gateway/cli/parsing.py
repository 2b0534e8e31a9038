"""What the commands share: how a verb is declared, how its gateway is opened, and how its arguments are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.db.transactions import Database
    from gateway.web.context import Gateway

Run = Callable[[argparse.Namespace], int]
MODES = ("test", "live")


class Verbs:
    """The verbs of one parser; each takes ``--data``, and one that reads also takes ``--json``."""

    def __init__(self, parser: argparse.ArgumentParser, *, title: str = "", metavar: str = "VERB") -> None:
        self._parsers = parser.add_subparsers(title=title or "verbs", required=True, metavar=metavar)

    def add(self, name: str, text: str, run: Run) -> argparse.ArgumentParser:
        """A verb that runs ``run`` with the parsed options and exits with what it returns."""
        found = self._parsers.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        found.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")
        found.set_defaults(run=run, reads=False)
        return found

    def reading(self, name: str, text: str, run: Run) -> argparse.ArgumentParser:
        """A verb that only reads: it creates nothing, prints a table or lines, and JSON with ``--json``."""
        found = self.add(name, text, run)
        found.add_argument("--json", action="store_true", help="print JSON")
        found.set_defaults(reads=True)
        return found

    def exporting(self, name: str, text: str, run: Run) -> argparse.ArgumentParser:
        """A verb that only reads, and writes the one file that it is told to."""
        found = self.add(name, text, run)
        found.set_defaults(reads=True)
        return found

    def group(self, name: str, text: str) -> Verbs:
        """A command with its own verbs."""
        return Verbs(self._parsers.add_parser(name, help=text, description=text[:1].upper() + text[1:] + "."))


def gateway_of(options: argparse.Namespace) -> Gateway:
    """The gateway that the environment and ``--data`` describe, with the keys that belong to its database.

    Raises ``NoData`` when there is no database, and ``KeyFileError`` where its keys are not in the folder.
    """
    from gateway import app, keyring

    gateway = app.gateway_of(existing_settings(options))
    keyring.check(gateway, record=not options.reads)
    return gateway


def record_keys(gateway: Gateway, status: int) -> int:
    """Write down which keys a rotation has made; returns its exit status."""
    from gateway import keyring

    keyring.check(gateway)
    return status


def database_of(options: argparse.Namespace) -> Database:
    """The database alone, for verbs that need no keys. Raises ``NoData``."""
    from gateway.app import database_of, utc_now

    return database_of(existing_settings(options), clock=utc_now)


def existing_settings(options: argparse.Namespace) -> Settings:
    """The settings of a gateway whose data are there, for a command that may take its time. Raises ``NoData``."""
    from dataclasses import replace

    from gateway.config import from_environment
    from gateway.db.existing import must_exist

    settings = from_environment(data_dir=options.data)
    must_exist(settings)
    return replace(settings, database_statement_seconds=0, database_lock_seconds=0, database_idle_seconds=0)


def port(text: str) -> int:
    """A TCP port."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid port (1-65535)")
    return int(text)


def count(most: int) -> Callable[[str], int]:
    """A whole number from 1 to ``most``."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {most}")
        return int(text)

    return read


def share(text: str) -> float:
    """A share from 0 to 1."""
    try:
        read = float(text)
    except ValueError:
        read = -1
    if not 0 <= read <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1, such as 0.2")
    return read


def day(text: str) -> date:
    """A date such as 2026-11-23."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid date (YYYY-MM-DD)") from None


def of_nobody(text: str) -> str:
    """Free words that are kept; a personal number in them is refused, and not repeated."""
    from gateway.core.masking import holds_personal_number

    if holds_personal_number(text):
        raise argparse.ArgumentTypeError("it must not contain an ID number, a mobile number or a card number")
    return text
