"""``fenqi-gateway review …``."""

from __future__ import annotations

import argparse

from gateway.cli.verbs import MODES, Verbs, gateway_of

MOST = 500


def add(verbs: Verbs) -> None:
    """Declare the commands by which a person decides."""
    review = verbs.group("review", "decide applications in review, and look at declines again")
    listed = review.add("list", "list what waits for a person, the first due first", _list)
    listed.add_argument("--mode", choices=MODES, help="of this mode only (default: both)")
    listed.add_argument("--limit", type=_count, default=50, help=f"at most so many, 1 to {MOST} (default 50)")
    listed.add_argument("--after", metavar="REVIEW", help="go on behind this one")
    listed.add_argument("--json", action="store_true", help="print the list as JSON")
    show = review.add("show", "print what a reviewer needs about one review as JSON", _show)
    approve = review.add(
        "approve", "approve an application, or make a declined shopper a new offer", _approve
    )
    decline = review.add("decline", "decline an application, or let a decline stand", _decline)
    for verb in (show, approve, decline):
        verb.add_argument("review", help="identifier from the list: chk_… or hrv_…")
    for verb in (approve, decline):
        verb.add_argument("--by", required=True, help="who decided")
        verb.add_argument("--reason", required=True, help="why, for the lender's file; names nobody")


def _list(options: argparse.Namespace) -> int:
    from gateway.checkout import commands

    return commands.show_list(
        gateway_of(options),
        mode=options.mode,
        after=options.after,
        limit=options.limit,
        as_json=options.json,
    )


def _show(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.checkout import commands

    return commands.show(gateway_of(options), Actor.at_the_command_line(), options.review)


def _approve(options: argparse.Namespace) -> int:
    return _decide(options, approve=True)


def _decline(options: argparse.Namespace) -> int:
    return _decide(options, approve=False)


def _decide(options: argparse.Namespace, *, approve: bool) -> int:
    from gateway.audit.service import Actor
    from gateway.checkout import commands

    return commands.decide(
        gateway_of(options),
        Actor.at_the_command_line(),
        options.review,
        approve=approve,
        by=options.by,
        reason=options.reason,
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST}")
    return int(text)
