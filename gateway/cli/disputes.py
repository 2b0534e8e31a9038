"""``fenqi-gateway disputes …``."""

from __future__ import annotations

import argparse

from gateway.cli.parsing import MODES, Verbs, database_of, gateway_of, of_nobody
from gateway.cli.records import limit

OUTCOMES = ("won", "lost", "canceled")


def add(verbs: Verbs) -> None:
    """Declare the commands by which a person decides disputes."""
    disputes = verbs.group("disputes", "decide disputes of shoppers about payments")
    waiting = disputes.reading("list", "list disputes that are not decided, the earliest day first", _list)
    waiting.add_argument("--mode", choices=MODES, help="only this mode (default: both)")
    limit(waiting)
    show = disputes.reading(
        "show",
        "print a dispute with the words of the shopper, recorded in the audit log, and the answer of the merchant",
        _show,
    )
    resolve = disputes.add("resolve", "decide a dispute, with its effects on loan and settlement", _resolve)
    for verb in (show, resolve):
        verb.add_argument("dispute", help="identifier from the list, dp_…")
    resolve.add_argument(
        "--outcome",
        choices=OUTCOMES,
        required=True,
        help="won: the merchant is right; lost: the shopper is right; canceled: the shopper took it back",
    )
    resolve.add_argument("--by", type=of_nobody, required=True, help="who decided")
    resolve.add_argument(
        "--reason", type=of_nobody, required=True, help="the reason, which stays; must not name anyone"
    )


def _list(options: argparse.Namespace) -> int:
    from gateway.payments.disputes import commands

    return commands.show_list(
        database_of(options), mode=options.mode, limit=options.limit, as_json=options.json
    )


def _show(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.payments.disputes import commands

    return commands.show(
        gateway_of(options), Actor.at_the_command_line(), options.dispute, as_json=options.json
    )


def _resolve(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.payments.disputes import commands

    return commands.resolve(
        gateway_of(options).db,
        Actor.at_the_command_line(),
        options.dispute,
        outcome=options.outcome,
        by=options.by,
        reason=options.reason,
    )
