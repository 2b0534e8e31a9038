"""``fenqi-gateway lists …``."""

from __future__ import annotations

import argparse
import sys

from gateway.cli.verbs import MODES, Verbs, gateway_of

KINDS = ("blocked", "watched", "trusted")


def add(verbs: Verbs) -> None:
    """Declare the commands about the lender's lists."""
    lists = verbs.group("lists", "put people on the lender's lists and take them off")
    put = lists.add(
        "add", "put the person with a phone or an ID number (read from standard input) on a list", _add
    )
    put.add_argument("list", choices=KINDS)
    put.add_argument("--by", choices=("phone", "id_number"), default="phone", help="what is read")
    put.add_argument("--note", required=True, help="why; names nobody")
    end = lists.add("end", "take an entry off its list", _end)
    end.add_argument("entry", help="identifier of the entry, lst_…")
    show = lists.add("show", "print the entries in force", _show)
    for verb in (put, show):
        verb.add_argument("--mode", choices=MODES, default="live")


def _add(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.decision import commands

    # Not an argument: those stand in the shell's history and in the list of processes.
    value = sys.stdin.readline().strip()
    actor = Actor.at_the_command_line()
    return commands.add(
        gateway_of(options),
        actor,
        mode=options.mode,
        kind=options.list,
        of=options.by,
        value=value,
        note=options.note,
    )


def _end(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.decision import commands

    return commands.end(gateway_of(options), Actor.at_the_command_line(), options.entry)


def _show(options: argparse.Namespace) -> int:
    from gateway.decision import commands

    return commands.show(gateway_of(options), options.mode)
