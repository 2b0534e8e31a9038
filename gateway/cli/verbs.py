"""What the commands share: how a verb is declared, how its gateway is opened, and how its arguments are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.web.context import Gateway

Run = Callable[[argparse.Namespace], int]
MODES = ("test", "live")


class Verbs:
    """The verbs of one parser; each takes ``--data``."""

    def __init__(self, parser: argparse.ArgumentParser, *, title: str = "", metavar: str = "VERB") -> None:
        self._parsers = parser.add_subparsers(title=title or "verbs", required=True, metavar=metavar)

    def add(self, name: str, text: str, run: Run) -> argparse.ArgumentParser:
        """A verb that runs ``run`` with the parsed options and exits with what it returns."""
        found = self._parsers.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        found.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")
        found.set_defaults(run=run)
        return found

    def group(self, name: str, text: str) -> Verbs:
        """A command with verbs of its own."""
        return Verbs(self._parsers.add_parser(name, help=text, description=text[:1].upper() + text[1:] + "."))


def gateway_of(options: argparse.Namespace) -> Gateway:
    """The gateway that the environment and ``--data`` describe."""
    from gateway import app
    from gateway.config import from_environment

    return app.gateway_of(from_environment(data_dir=options.data))


def port(text: str) -> int:
    """A TCP port."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: want 1 to 65535")
    return int(text)


def day(text: str) -> date:
    """A date such as 2026-11-23."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: want YYYY-MM-DD") from None
