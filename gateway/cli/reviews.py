"""``fenqi-gateway review …``."""

from __future__ import annotations

import argparse

from gateway.cli.parsing import MODES, Verbs, database_of, gateway_of, of_nobody
from gateway.cli.records import limit


def add(verbs: Verbs) -> None:
    """Declare the commands by which a person decides."""
    review = verbs.group("review", "decide applications in review and appeals against declines")
    waiting = review.reading("list", "list what waits for a person, earliest due first", _list)
    waiting.add_argument("--mode", choices=MODES, help="only this mode (default: both)")
    waiting.add_argument("--after", metavar="REVIEW", help="continue after this one")
    limit(waiting)
    show = review.reading("show", "print what a reviewer needs to know about one review", _show)
    show.add_argument(
        "--in-clear", action="store_true", help="show names and numbers unmasked; recorded in the audit log"
    )
    approve = review.add(
        "approve", "approve an application, or make a new offer to a declined shopper", _approve
    )
    decline = review.add("decline", "decline an application, or uphold a decline", _decline)
    for verb in (show, approve, decline):
        verb.add_argument("review", help="identifier from the list: chk_… or hrv_…")
    approve.add_argument(
        "--person",
        choices=("same", "another"),
        help="whose an ID number is that is on file with another name or phone: of the person on file, who then gets"
        " the new ones, or of the applicant, who is another",
    )
    for verb in (approve, decline):
        verb.add_argument("--by", required=True, help="who decided")
        verb.add_argument(
            "--reason",
            type=of_nobody,
            required=True,
            help="the reason, for the lender's file; must not name anyone",
        )


def _list(options: argparse.Namespace) -> int:
    from gateway.checkout import commands

    return commands.show_list(
        database_of(options),
        mode=options.mode,
        after=options.after,
        limit=options.limit,
        as_json=options.json,
    )


def _show(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.checkout import commands

    return commands.show(
        gateway_of(options),
        Actor.at_the_command_line(),
        options.review,
        in_clear=options.in_clear,
        as_json=options.json,
    )


def _approve(options: argparse.Namespace) -> int:
    return _decide(options, approve=True, person=options.person)


def _decline(options: argparse.Namespace) -> int:
    return _decide(options, approve=False)


def _decide(options: argparse.Namespace, *, approve: bool, person: str | None = None) -> int:
    from gateway.audit.service import Actor
    from gateway.checkout import commands

    return commands.decide(
        gateway_of(options),
        Actor.at_the_command_line(),
        options.review,
        approve=approve,
        by=options.by,
        reason=options.reason,
        person=person,
    )
