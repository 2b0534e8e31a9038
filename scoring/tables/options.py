"""The options of ``fenqi-score`` for a table; they import nothing, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
from math import isfinite
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """What ``train`` and ``evaluate`` share for a table."""
    table = parser.add_argument_group("a table instead of the generator")
    table.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="CSV, plain or .xz, .gz, .bz2, .zip; .parquet; .xlsx",
    )
    table.add_argument("--target", metavar="COLUMN", help="what to predict: 0 and 1, or good and bad")
    table.add_argument("--bad", metavar="VALUE", help="value of the target that is bad; every other is good")
    _add_reading(table)
    table.add_argument(
        "--drop", type=_names, default=(), metavar="A,B", help="columns excluded from every model"
    )
    table.add_argument(
        "--ratio", action="append", default=[], metavar="A/B", help="a further input; may be repeated"
    )
    table.add_argument("--time", metavar="COLUMN", help="when each row happened; not used as an input")
    table.add_argument("--recipe", metavar="NAME", help="of the trees (default: cross-validation chooses)")
    table.add_argument(
        "--threads", type=int, default=0, metavar="N", help="for the trees (default: all cores)"
    )
    table.add_argument(
        "--monotone",
        type=_signs,
        default=(),
        metavar="A:+,B:-",
        help="columns with which the risk may only rise (+) or fall (-)",
    )
    table.add_argument(
        "--special",
        type=_codes,
        default=(),
        metavar="-9,-8",
        help="codes in number columns that are not amounts",
    )
    table.add_argument(
        "--budget", type=_seconds, metavar="SECONDS", help="for the search (default: everything is tried)"
    )
    table.add_argument("--trees-only", action="store_true", help="do not search for a blend")


def add_test_options(parser: argparse.ArgumentParser) -> None:
    """What ``evaluate`` alone takes: how a table is tested."""
    test = parser.add_argument_group("how a table is tested: --cv, --time or --bundle")
    test.add_argument(
        "--cv", type=int, metavar="FOLDS", help="stratified, shuffled cross-validation, seed 42"
    )
    test.add_argument("--groups", type=_names, default=(), metavar="A,B", help="unseen columns to compare by")
    test.add_argument("--card", metavar="COLUMN", help="with --time: precision of 100 daily alerts")
    for name, text in (("train", "learn from"), ("delay", "wait for labels"), ("test", "test on")):
        test.add_argument(
            f"--{name}-days", type=int, default=7, metavar="N", help=f"days to {text} (default 7)"
        )


def add_row_options(parser: argparse.ArgumentParser) -> None:
    """What ``explain`` takes for a row of a table."""
    table = parser.add_argument_group("a row of a table, with --bundle")
    table.add_argument("--data", type=Path, metavar="FILE", help="CSV with the columns of the training")
    _add_reading(table)
    table.add_argument("--row", type=int, default=1, metavar="N", help="which row, from 1 (default 1)")
    table.add_argument(
        "--ratio", action="append", default=[], metavar="A/B", help="as given to train; may be repeated"
    )


def _add_reading(table: argparse._ArgumentGroup) -> None:
    table.add_argument(
        "--missing", metavar="A,B", help="further texts of a gap, besides NA, N/A, - and others"
    )
    table.add_argument("--encoding", metavar="NAME", help="of the file (default: found out)")
    table.add_argument("--delimiter", metavar="CHAR", help="between the cells (default: found out)")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _signs(text: str) -> tuple[tuple[str, int], ...]:
    found = []
    for part in _names(text):
        name, _, sign = part.rpartition(":")
        if not name or sign not in {"+", "-"}:
            raise argparse.ArgumentTypeError(
                f"takes columns with a direction, such as debts:+,income:-, not {part!r}"
            )
        found.append((name, 1 if sign == "+" else -1))
    return tuple(found)


def _codes(text: str) -> tuple[float, ...]:
    try:
        found = tuple(dict.fromkeys(float(part) for part in _names(text)))
    except ValueError:
        found = ()
    if not found or not all(map(isfinite, found)):
        raise argparse.ArgumentTypeError(f"takes numbers, such as -9,-8, not {text!r}")
    return found


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1e9:
        raise argparse.ArgumentTypeError(f"takes seconds above 0, not {text!r}")
    return found
