"""Text that comes in an address or a form is UTF-8: what is in another encoding would be read as other characters."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from gateway.errors import InvalidRequest

FORM_TYPE = "application/x-www-form-urlencoded"
LOST = "\ufffd"
"""What stands for bytes that are no character."""


def check_query(query: str) -> None:
    """Refuse a query string in another encoding. Raises ``InvalidRequest``.

    What is not ASCII is percent-encoded by every client that reads the standard; raw bytes came to us already replaced.
    """
    if LOST in query or not _is_utf8(query.encode()):
        raise InvalidRequest(
            "The query string cannot be read. Encode it as UTF-8 (%E5%BC%A0 for 张), not as GB18030 or any other."
        )


def check_form(content_type: str, body: bytes) -> None:
    """Refuse a form in another encoding. Raises ``InvalidRequest``."""
    if content_type.partition(";")[0].strip().lower() == FORM_TYPE and not _is_utf8(body):
        raise InvalidRequest(
            "The form cannot be read. Encode it as UTF-8 (%E5%BC%A0 for 张), not as GB18030 or another encoding. "
            "Nothing was changed."
        )


def check_fields(*texts: str) -> None:
    """Refuse names and values of a form with files whose bytes were no UTF-8. Raises ``InvalidRequest``."""
    if any(LOST in text for text in texts):
        raise InvalidRequest(
            "A field of the form cannot be read: send its text as UTF-8. Nothing was changed."
        )


def _is_utf8(encoded: bytes) -> bool:
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False
    return True
