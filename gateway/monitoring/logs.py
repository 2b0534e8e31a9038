"""Logs are lines that nobody can forge and that hold no personal numbers: each record is made so, whoever writes it."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

from gateway.core.masking import redacted

LONGEST_MESSAGE = 2000
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
IN_A_TRACEBACK = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
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


def one_line(text: str) -> str:
    """``text`` for a log: masked, without line breaks and other control characters, and not endless."""
    shown = CONTROL.sub(_escaped, redacted(text))
    return shown if len(shown) <= LONGEST_MESSAGE else f"{shown[:LONGEST_MESSAGE]}…"


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
