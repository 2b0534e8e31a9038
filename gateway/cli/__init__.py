"""The ``fenqi-gateway`` command: its words. What they do is in the rooms' ``commands.py``.

Each verb imports what it needs when it runs, so that ``--help`` is instant.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gateway.cli import books, clients, merchants, people, reviews, risk, running
from gateway.cli.verbs import Verbs


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        options = parser().parse_args(argv)
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _told(error)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    found = argparse.ArgumentParser(
        prog="fenqi-gateway", description="Instalment gateway that merchants embed."
    )
    verbs = Verbs(found, title="commands", metavar="COMMAND")
    for room in (running, merchants, clients, books, people, reviews, risk):
        room.add(verbs)
    return found


def _told(error: Exception) -> int:
    """A refusal of the gateway in one line, without a traceback; anything else is a mistake of ours and is shown."""
    from gateway.errors import GatewayError

    if not isinstance(error, GatewayError):
        raise error
    print(f"{error.title}: {error.__cause__ or error.message}".splitlines()[0], file=sys.stderr)
    return 1
