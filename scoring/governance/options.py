"""The options of ``fenqi-score monitor``, ``replay`` and ``report``; they import nothing: ``--help`` is instant."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[argparse.Namespace], int]


def add_commands(commands: Any, *, monitor: Run, replay: Run, report: Run) -> None:
    """Declare the commands."""
    watching = commands.add_parser("monitor", help="compare a score log with a reference population")
    watching.add_argument("--reference", type=Path, metavar="LOG", help="an earlier log (default: generated)")
    watching.set_defaults(run=monitor)
    again = commands.add_parser("replay", help="recompute every score of a log and compare")
    again.add_argument("--any-bundle", action="store_true", help="also scores computed by another bundle")
    again.set_defaults(run=replay)
    told = commands.add_parser("report", help="write a report of a score log as one HTML file")
    told.add_argument("--out", type=Path, required=True, metavar="FILE", help="HTML file to write")
    told.add_argument("--reference", type=Path, metavar="LOG", help="an earlier log (default: generated)")
    told.add_argument(
        "--labels", type=Path, metavar="CSV", help="outcomes, with the columns decision and bad"
    )
    told.add_argument("--language", choices=("zh-CN", "en"), default="zh-CN", help="(default zh-CN)")
    told.set_defaults(run=report)
    for command in (watching, again, told):
        command.add_argument(
            "--log", type=Path, required=True, metavar="FILE", help="score log, plain or .gz"
        )
        command.add_argument("--bundle", type=Path, metavar="DIR", help="bundle (default: the packaged one)")
    for command in (watching, again):
        command.add_argument("--json", action="store_true", help="print JSON")
