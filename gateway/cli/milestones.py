"""``fenqi-gateway milestones …``."""

from __future__ import annotations

import argparse

from gateway.cli.parsing import MODES, Verbs, database_of, gateway_of, of_nobody
from gateway.cli.records import limit

STATUSES = ("planned", "claimed", "contested", "released", "canceled")


def add(verbs: Verbs) -> None:
    """Declare the commands by which a person decides stages, and stops sellers."""
    milestones = verbs.group(
        "milestones", "decide contested stages and stop sellers that do not deliver or teach"
    )
    some = milestones.reading("list", "list milestones, newest first", _list)
    some.add_argument("--merchant", metavar="MERCHANT", help="only of this merchant, mer_…")
    some.add_argument("--mode", choices=MODES, help="only this mode (default: both)")
    some.add_argument("--status", choices=STATUSES, help="only in this state, such as contested")
    some.add_argument(
        "--untold", action="store_true", help="only what was claimed, and its shopper was not told of it"
    )
    limit(some)
    show = milestones.reading("show", "print a milestone and what happened to it", _show)
    release = milestones.add(
        "release", "decide for the merchant: the stage is settled with the next batch", _release
    )
    cancel = milestones.add("cancel", "decide for the shopper: the amount of the stage is refunded", _cancel)
    stopped = milestones.reading("stops", "list stops, newest first", _stops)
    stopped.add_argument("--merchant", metavar="MERCHANT", help="only of this merchant, mer_…")
    limit(stopped)
    stop = milestones.add("stop", "release nothing more that waits for a stage of a merchant", _stop)
    stop.add_argument("merchant", help="identifier of the merchant, mer_…")
    stop.add_argument("--mode", choices=MODES, default="live", help="test or live (default live)")
    lift = milestones.add("lift", "lift a stop", _lift)
    lift.add_argument("stop", help="identifier of the stop, mss_…")
    for verb in (show, release, cancel):
        verb.add_argument("milestone", help="identifier of the milestone, ms_…")
    for verb in (release, cancel, stop, lift):
        verb.add_argument("--by", type=of_nobody, required=True, help="who decided")
        verb.add_argument(
            "--reason", type=of_nobody, required=True, help="the reason, which stays; must not name anyone"
        )


def _list(options: argparse.Namespace) -> int:
    from gateway.payments.milestones import commands

    return commands.show_list(
        database_of(options),
        merchant=options.merchant,
        mode=options.mode,
        status=options.status,
        untold=options.untold,
        limit=options.limit,
        as_json=options.json,
    )


def _show(options: argparse.Namespace) -> int:
    from gateway.payments.milestones import commands

    return commands.show(database_of(options), options.milestone)


def _release(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.payments.milestones import commands

    db, actor = gateway_of(options).db, Actor.at_the_command_line()
    return commands.release(db, actor, options.milestone, person=options.by, reason=options.reason)


def _cancel(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.payments.milestones import commands

    db, actor = gateway_of(options).db, Actor.at_the_command_line()
    return commands.cancel(db, actor, options.milestone, person=options.by, reason=options.reason)


def _stops(options: argparse.Namespace) -> int:
    from gateway.payments.milestones import commands

    return commands.show_stops(
        database_of(options), merchant=options.merchant, limit=options.limit, as_json=options.json
    )


def _stop(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.payments.milestones import commands

    db, actor = gateway_of(options).db, Actor.at_the_command_line()
    return commands.stop(db, actor, options.merchant, options.mode, person=options.by, reason=options.reason)


def _lift(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.payments.milestones import commands

    db, actor = gateway_of(options).db, Actor.at_the_command_line()
    return commands.lift(db, actor, options.stop, person=options.by, reason=options.reason)
