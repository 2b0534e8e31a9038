"""``fenqi-gateway complaints …``."""

from __future__ import annotations

import argparse

from gateway.cli.parsing import MODES, Verbs, database_of, gateway_of, of_nobody
from gateway.cli.records import limit

LONGEST = 2000


def add(verbs: Verbs) -> None:
    """Declare the commands by which a person answers shoppers."""
    complaints = verbs.group("complaints", "answer complaints and requests of shoppers")
    waiting = complaints.reading("list", "list what waits for an answer, the earliest day first", _list)
    waiting.add_argument("--mode", choices=MODES, help="only this mode (default: both)")
    limit(waiting)
    show = complaints.reading(
        "show", "print a complaint with its words and its answer; recorded in the audit log", _show
    )
    answer = complaints.add("answer", "answer a complaint; the shopper reads the words", _answer)
    for verb in (show, answer):
        verb.add_argument("complaint", help="identifier from the list, cpl_…")
    answer.add_argument("--by", type=of_nobody, required=True, help="who answers")
    answer.add_argument("--text", type=_words, required=True, help="the answer, at most 2,000 characters")


def _words(text: str) -> str:
    words = text.strip()
    if not 2 <= len(words) <= LONGEST:
        raise argparse.ArgumentTypeError(
            f"an answer has 2 to {LONGEST} characters, this one has {len(words)}"
        )
    return words


def _list(options: argparse.Namespace) -> int:
    from gateway.complaints import commands

    return commands.show_list(
        database_of(options), mode=options.mode, limit=options.limit, as_json=options.json
    )


def _show(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.complaints import commands

    return commands.show(
        gateway_of(options), Actor.at_the_command_line(), options.complaint, as_json=options.json
    )


def _answer(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.complaints import commands

    return commands.answer(
        gateway_of(options), Actor.at_the_command_line(), options.complaint, words=options.text, by=options.by
    )
