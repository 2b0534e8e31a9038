"""Logs hold no personal numbers: every record of this process is masked when it is made, whoever writes it."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from gateway.core.masking import redacted


def install() -> None:
    """Mask ID numbers, phones and cards in messages and tracebacks from now on; again changes nothing."""
    make = logging.getLogRecordFactory()
    if getattr(make, "masks", False):
        return

    def masked(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            record.msg, record.args = redacted(record.getMessage()), ()
        except (TypeError, ValueError):
            return record  # its arguments do not fit its message: logging itself reports that
        if record.exc_info and record.exc_info[0] is not None:
            # Formatters use this text as it stands instead of making their own.
            record.exc_text = redacted("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        return record

    masked.masks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(masked)
