"""``fenqi-gateway messages …``."""

from __future__ import annotations

import argparse

from gateway.cli.parsing import MODES, Verbs, database_of
from gateway.cli.records import limit

STATUSES = ("planned", "sending", "sent", "failed", "dropped")


def add(verbs: Verbs) -> None:
    """Declare the commands that show what shoppers were told; they show neither texts nor phones."""
    messages = verbs.group("messages", "show what shoppers were told, without texts and phones")
    some = messages.reading("list", "list messages to shoppers, newest first", _list)
    some.add_argument("--merchant", metavar="MERCHANT", help="only of this merchant, mer_…")
    some.add_argument("--mode", choices=MODES, help="only this mode (default: both)")
    some.add_argument("--shopper", metavar="SHOPPER", help="only to this person, shp_…")
    some.add_argument("--status", choices=STATUSES, help="only in this state, such as failed")
    limit(some)
    show = messages.reading("show", "print what a message is about and what became of it", _show)
    show.add_argument("message", help="identifier of the message, msg_…")


def _list(options: argparse.Namespace) -> int:
    from gateway.messages import commands

    return commands.show_list(
        database_of(options),
        merchant=options.merchant,
        mode=options.mode,
        shopper=options.shopper,
        status=options.status,
        limit=options.limit,
        as_json=options.json,
    )


def _show(options: argparse.Namespace) -> int:
    from gateway.messages import commands

    return commands.show(database_of(options), options.message, as_json=options.json)
