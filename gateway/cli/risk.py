"""``fenqi-gateway lists …`` and ``fenqi-gateway scores …``."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from gateway.cli.parsing import MODES, Verbs, database_of, day, gateway_of, of_nobody

KINDS = ("blocked", "watched", "trusted")


def add(verbs: Verbs) -> None:
    """Declare the commands about the lender's lists and about what the scorer answered."""
    _lists(verbs)
    scores = verbs.group("scores", "export, repeat and monitor the scorer's answers")
    export = scores.exporting(
        "export", "write the score log, champion and challengers, as JSON lines", _export
    )
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write, plain or .gz")
    monitor = scores.reading(
        "monitor", "compare the scores with a reference; exit status 3 is an alarm", _monitor
    )
    monitor.add_argument("--reference", type=Path, metavar="LOG", help="an earlier log (default: generated)")
    for verb in (export, monitor):
        verb.add_argument("--mode", choices=MODES, default="live")
        verb.add_argument("--from", dest="start", type=day, metavar="DAY", help="first day in Shanghai")
        verb.add_argument("--to", dest="end", type=day, metavar="DAY", help="last day in Shanghai")
    replay = scores.reading("replay", "recompute the scores of a decision and compare", _replay)
    replay.add_argument("decision", help="identifier of the decision, dec_…")


def _lists(verbs: Verbs) -> None:
    lists = verbs.group("lists", "add people to the lender's lists and remove them")
    put = lists.add(
        "add", "add the person with a phone or ID number (read from standard input) to a list", _add
    )
    put.add_argument("list", choices=KINDS)
    put.add_argument("--by", choices=("phone", "id_number"), default="phone", help="what is read")
    put.add_argument("--note", type=of_nobody, required=True, help="why; names nobody")
    end = lists.add("end", "remove an entry from its list", _end)
    end.add_argument("entry", help="identifier of the entry, lst_…")
    show = lists.reading("show", "print the entries in force", _show)
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

    return commands.show(database_of(options), options.mode, as_json=options.json)


def _export(options: argparse.Namespace) -> int:
    from gateway.decision import score_log_commands

    start, end = _span(options)
    return score_log_commands.export(gateway_of(options), options.mode, options.out, start=start, end=end)


def _monitor(options: argparse.Namespace) -> int:
    from gateway.decision import score_log_commands

    start, end = _span(options)
    return score_log_commands.monitor(
        gateway_of(options),
        options.mode,
        start=start,
        end=end,
        reference=options.reference,
        as_json=options.json,
    )


def _replay(options: argparse.Namespace) -> int:
    from gateway.decision import score_log_commands

    return score_log_commands.replay(gateway_of(options), options.decision, as_json=options.json)


def _span(options: argparse.Namespace) -> tuple[datetime | None, datetime | None]:
    """From the start of the first day to the end of the last, UTC."""
    from gateway.core.calendar import SHANGHAI

    def midnight(at: date) -> datetime:
        return datetime.combine(at, time(), SHANGHAI).astimezone(UTC)

    last = midnight(options.end + timedelta(days=1)) if options.end else None
    return midnight(options.start) if options.start else None, last
