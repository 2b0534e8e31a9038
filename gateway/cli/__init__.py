"""The ``fenqi-gateway`` command: its commands and options. What they do is in each room's ``commands.py``.

Each verb imports what it needs when it runs, so that ``--help`` is instant.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from gateway.cli import (
    backups,
    books,
    clients,
    complaints,
    disputes,
    merchants,
    messages,
    milestones,
    people,
    rates,
    records,
    reviews,
    risk,
    serve,
    settlements,
)
from gateway.cli.parsing import Verbs

INTERRUPTED, CLOSED = 130, 141
"""Exit statuses as of a program that a signal ended: SIGINT, and SIGPIPE for a reader that went away."""
COLLECT = 20_000, 20, 20
"""Objects between two garbage collections: by Python's own numbers a tenth of each start is spent on collections."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    gc.set_threshold(*COLLECT)
    try:
        options = parser().parse_args(argv)
        status = int(options.run(options))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # such as ``| head``: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except Exception as error:
        return _told(error)
    return status


@cache
def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    found = argparse.ArgumentParser(
        prog="fenqi-gateway", description="Instalment gateway that merchants embed."
    )
    found.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    verbs = Verbs(found, title="commands", metavar="COMMAND")
    for room in (
        serve,
        merchants,
        rates,
        settlements,
        clients,
        records,
        books,
        people,
        reviews,
        milestones,
        complaints,
        disputes,
        messages,
        risk,
        backups,
    ):
        room.add(verbs)
    return found


class _Version(argparse.Action):
    """Like argparse's own, but looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"fenqi-gateway {version('fenqi-gateway')}")
        parser.exit()


def _told(error: Exception) -> int:
    """What went wrong in one line, without a traceback; anything unforeseen is a mistake of ours and is shown."""
    sentence = _sentence(error)
    if sentence is None:
        raise error
    print(" ".join(sentence.split()), file=sys.stderr)
    return 1


def _sentence(error: Exception) -> str | None:
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

    from gateway.db.existing import NoData
    from gateway.errors import GatewayError
    from gateway.privacy.keyfile import KeyFileError

    if isinstance(error, GatewayError):
        return f"{error.title}: {error.__cause__ or error.message}".splitlines()[0]
    if isinstance(error, (ArgumentError, NoSuchModuleError)):
        return "DATABASE_URL cannot be read: expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    if isinstance(error, DBAPIError):
        return f"The database cannot be used: {_first_line(error.orig)}. Check DATABASE_URL and --data."
    if isinstance(error, SQLAlchemyError):
        return f"The database cannot be used: {_first_line(error)}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    if isinstance(error, (NoData, KeyFileError, ValueError)):
        return str(error) or type(error).__name__
    return None


def _first_line(error: object) -> str:
    return next(iter(str(error).splitlines()), "").rstrip(".")
