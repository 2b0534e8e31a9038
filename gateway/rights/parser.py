"""The words of ``fenqi-gateway privacy …`` and ``fenqi-gateway review …``. Light: what runs is loaded when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.web.context import Gateway

KINDS = ("credit_service", "bureau_query", "funder_sharing", "marketing")
Opened = Callable[[argparse.Namespace], "Gateway"]


def privacy(parser: argparse.ArgumentParser, opened: Opened) -> None:
    """The verbs of ``privacy``; ``opened`` makes the gateway from the options."""
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    find = _verb(
        verbs, "find", "print the identifier of the shopper with an ID number (read from standard input)"
    )
    find.add_argument("--mode", choices=("test", "live"), default="live")
    find.set_defaults(run=lambda options: _find(opened(options), options))
    export = _verb(verbs, "export", "write all that is stored about a shopper as JSON")
    export.add_argument("--shopper", required=True, help="identifier of the shopper, shp_…")
    export.add_argument("--out", type=Path, help="file to write, for your eyes only (default: the output)")
    export.set_defaults(
        run=lambda options: _commands().export_person(
            opened(options), shopper=options.shopper, out=options.out
        )
    )
    erase = _verb(verbs, "erase", "erase a shopper, or freeze the wish and say why and until when")
    erase.add_argument("--shopper", required=True, help="identifier of the shopper, shp_…")
    erase.set_defaults(run=lambda options: _commands().erase_person(opened(options), shopper=options.shopper))
    withdraw = _verb(verbs, "withdraw", "take a shopper's consent back")
    withdraw.add_argument("--shopper", required=True, help="identifier of the shopper, shp_…")
    withdraw.add_argument("--kind", required=True, choices=KINDS)
    withdraw.set_defaults(
        run=lambda options: _commands().withdraw(opened(options), shopper=options.shopper, kind=options.kind)
    )
    rotate = _verb(verbs, "rotate-keys", "make a new master key and wrap every data key anew with it")
    rotate.add_argument(
        "--resume", action="store_true", help="make no new key: go on where a run was interrupted"
    )
    rotate.set_defaults(run=lambda options: _commands().rotate_keys(opened(options), resume=options.resume))


def review(parser: argparse.ArgumentParser, opened: Opened) -> None:
    """The verbs of ``review``."""
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    waiting = _verb(verbs, "list", "list the declined shoppers' requests that a person looks at it")
    waiting.set_defaults(run=lambda options: _commands().list_reviews(opened(options)))
    resolve = _verb(verbs, "resolve", "record the answer to a request")
    resolve.add_argument("review", help="identifier of the request, hrv_…")
    resolve.add_argument(
        "--outcome",
        required=True,
        choices=("upheld", "reconsider"),
        help="upheld: the decline stays; reconsider: a person decides the next applications",
    )
    resolve.add_argument("--by", required=True, help="who looked at it")
    resolve.set_defaults(
        run=lambda options: _commands().resolve_review(
            opened(options), review=options.review, outcome=options.outcome, by=options.by
        )
    )


def _verb(verbs: Any, name: str, text: str) -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    found.add_argument("--data", metavar="DIR", help="data folder (default: FENQI_DATA_DIR or ./var)")
    return found


def _find(gateway: Gateway, options: argparse.Namespace) -> int:
    import sys  # noqa: PLC0415

    # Not an argument: those stand in the shell's history and in the list of processes.
    return int(_commands().find(gateway, mode=options.mode, id_number=sys.stdin.readline()))


def _commands() -> Any:
    from gateway.rights import commands  # noqa: PLC0415

    return commands
