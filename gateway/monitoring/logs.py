"""Log lines that nobody can forge and that hold no personal numbers, whichever code writes them."""

from __future__ import annotations

import logging
import re
import time
import traceback
from typing import Any

from gateway.core.masking import redacted

LONGEST_MESSAGE = 2000
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
IN_A_TRACEBACK = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
SECURITY = "gateway.security"
MARGIN = "  | "
"""Begins every line of a traceback: the message of an exception may be anybody's text, and hold line breaks."""


def install() -> None:
    """Mask ID numbers, phones and cards and escape control characters from now on; again changes nothing."""
    make = logging.getLogRecordFactory()
    if getattr(make, "masks", False):
        return

    def safe(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            record.msg, record.args = one_line(record.getMessage()), ()
        except (TypeError, ValueError):
            return record  # its arguments do not fit its message: logging itself reports that
        if record.exc_info and record.exc_info[0] is not None:
            # Formatters use this text as it stands instead of making their own.
            text = redacted("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
            record.exc_text = MARGIN + IN_A_TRACEBACK.sub(_escaped, text).replace("\n", f"\n{MARGIN}")
        return record

    safe.masks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(safe)


def to_stderr() -> None:
    """Write what has no handler yet to standard error, each line with its time and level; again changes nothing.

    A security event is a JSON object that holds both itself.
    """
    root = logging.getLogger()
    if not root.handlers:
        lines = logging.StreamHandler()
        lines.setFormatter(_Lines(LINE))
        root.addHandler(lines)


def for_granian() -> dict[str, Any]:
    """What granian says of its processes goes where all else goes."""
    return {
        "handlers": {},
        "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
    }


class _Lines(logging.Formatter):
    """Times in UTC to the millisecond, as everywhere else."""

    converter = time.gmtime  # type: ignore[assignment]
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage() if record.name == SECURITY else super().format(record)


def one_line(text: str) -> str:
    """``text`` for a log: masked, without line breaks and other control characters, and not endless."""
    shown = CONTROL.sub(_escaped, redacted(text))
    return shown if len(shown) <= LONGEST_MESSAGE else f"{shown[:LONGEST_MESSAGE]}…"


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
