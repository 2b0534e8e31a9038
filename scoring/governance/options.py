"""The options of `fenqi-score monitor` and `replay`; they import nothing, so that `--help` is instant."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[argparse.Namespace], int]


def add_commands(commands: Any, *, monitor: Run, replay: Run) -> None:
    """Declare both commands."""
    watching = commands.add_parser("monitor", help="compare a score log with a reference population")
    watching.add_argument("--reference", type=Path, metavar="LOG", help="an earlier log (default: generated)")
    watching.set_defaults(run=monitor)
    again = commands.add_parser("replay", help="compute every score of a log again and compare")
    again.add_argument("--any-bundle", action="store_true", help="also where another bundle had scored")
    again.set_defaults(run=replay)
    for command in (watching, again):
        command.add_argument(
            "--log", type=Path, required=True, metavar="FILE", help="score log, plain or .gz"
        )
        command.add_argument("--bundle", type=Path, metavar="DIR", help="bundle (default: the packaged one)")
        command.add_argument("--json", action="store_true", help="print JSON")
