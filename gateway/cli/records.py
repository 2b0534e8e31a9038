"""``fenqi-gateway payment …``, ``payout …``, ``delivery …``, ``outbox …``: what there is, newest first."""

from __future__ import annotations

import argparse

from gateway.cli.parsing import MODES, Verbs, count, database_of, day, gateway_of

STATUSES = ("pending", "succeeded", "failed", "canceled")


def add(verbs: Verbs) -> None:
    """Declare the commands that list payments, deliveries of webhooks and what waits to leave the gateway."""
    payments = verbs.group("payment", "list payments").reading("list", "list the newest payments", _payments)
    deliveries = verbs.group("delivery", "list deliveries of webhooks").reading(
        "list", "list the newest deliveries of webhooks", _deliveries
    )
    deliveries.add_argument("--status", choices=STATUSES, help="only those with this status")
    verbs_of_outbox = verbs.group(
        "outbox", "list what leaves the gateway and compare it with the institution"
    )
    outbox = verbs_of_outbox.reading("list", "list what waits to leave the gateway, the next first", _outbox)
    outbox.add_argument("--all", action="store_true", help="include what is done, newest first")
    compare = verbs_of_outbox.reading(
        "compare", "compare what was instructed with what the payment institution moved", _compare
    )
    compare.add_argument("--since", type=day, help="from this day in Shanghai, YYYY-MM-DD (default: all)")
    _add_payouts(verbs.group("payout", "list payouts and what the institution says of them"))
    for verb in (payments, deliveries):
        verb.add_argument("--merchant", metavar="MERCHANT", help="only this merchant's, mer_…")
        verb.add_argument("--mode", choices=MODES, help="only this mode (default: both)")
    for verb in (payments, deliveries, outbox):
        limit(verb)


def _add_payouts(verbs: Verbs) -> None:
    payouts = verbs.reading("list", "list the newest payouts and how old they are", _payouts)
    payouts.add_argument(
        "--open",
        action="store_true",
        help="only those that have not ended, and those of which another amount has moved",
    )
    limit(payouts)
    history = verbs.reading("history", "print what the institution said of a payout", _payout_history)
    history.add_argument("payout", help="identifier of the payout, po_…")


def limit(verb: argparse.ArgumentParser) -> None:
    """Give a verb that lists its ``--limit``."""
    verb.add_argument("--limit", type=count(1000), default=50, help="at most this many (1-1000, default 50)")


def _payments(options: argparse.Namespace) -> int:
    from gateway.payments import commands

    return commands.show(
        database_of(options),
        merchant=options.merchant,
        mode=options.mode,
        limit=options.limit,
        as_json=options.json,
    )


def _payouts(options: argparse.Namespace) -> int:
    from gateway.settlement import account_commands

    return account_commands.show(
        database_of(options), only_open=options.open, limit=options.limit, as_json=options.json
    )


def _payout_history(options: argparse.Namespace) -> int:
    from gateway.settlement import account_commands

    return account_commands.history(database_of(options), options.payout, as_json=options.json)


def _deliveries(options: argparse.Namespace) -> int:
    from gateway.webhooks import commands

    return commands.show_deliveries(
        database_of(options),
        merchant=options.merchant,
        mode=options.mode,
        status=options.status,
        limit=options.limit,
        as_json=options.json,
    )


def _outbox(options: argparse.Namespace) -> int:
    from gateway.outbox import commands

    return commands.show(
        database_of(options), everything=options.all, limit=options.limit, as_json=options.json
    )


def _compare(options: argparse.Namespace) -> int:
    from datetime import datetime, time

    from gateway.core.calendar import SHANGHAI
    from gateway.payments import reconciling

    since = datetime.combine(options.since, time(), SHANGHAI) if options.since else None
    return reconciling.compare(gateway_of(options), since=since, as_json=options.json)
