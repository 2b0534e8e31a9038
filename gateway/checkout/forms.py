"""The forms of the shopper's pages: what they take, and what is wrong with what came, in words."""

from __future__ import annotations

from typing import Any

from gateway.errors import (
    CodeRefused,
    GatewayError,
    IdentityRefused,
    MessagesUnavailable,
    SubsidyQuotaUsed,
    TermUnavailable,
    TooManyRequests,
    ValidationFailed,
)
from gateway.web.fields import Line, QueryNumber, Strict
from gateway.web.i18n import t, waiting_time


class PhoneForm(Strict):
    """What asking for a code needs."""

    phone = Line(longest=20, personal=True, required=True)


class CodeForm(PhoneForm):
    """A phone and the code that was sent to it."""

    code = Line(longest=6, shortest=6, pattern="[0-9]{6}", required=True)


class TermForm(Strict):
    """The plan that is chosen, by its months."""

    term = QueryNumber(low=3, high=12, required=True)


class IdentityForm(TermForm, CodeForm):
    """What the shopper fills in."""

    name = Line(longest=60, shortest=2, required=True)
    id_number = Line(longest=60, personal=True, required=True)


REFUSED = (
    ValidationFailed,
    IdentityRefused,
    CodeRefused,
    TermUnavailable,
    TooManyRequests,
    MessagesUnavailable,
    SubsidyQuotaUsed,
)
"""What sends the shopper back to the form."""
FORM_FIELDS = ("term", "name", "id_number", "phone", "code")
PHONE, CODE, TERM, IDENTITY = PhoneForm(), CodeForm(), TermForm(), IdentityForm()


def field_problems(error: GatewayError) -> dict[str, list[Any]]:
    """By field, in the order of the form, the key of the words and the seconds to wait."""
    if isinstance(error, ValidationFailed):
        found = {row["param"]: f"field.{row['param']}.error" for row in error.extra["errors"]}
    else:
        reason = error.extra.get("reason", error.code)
        found = {error.param or "code": f"refused.{reason}"}
    wait = error.extra.get("retry_after", 0)
    return {name: [found[name], wait] for name in FORM_FIELDS if name in found}


def said(problems: dict[str, list[Any]]) -> dict[str, str]:
    """What is wrong with each field, in the reader's language."""
    return {name: t(key, wait=waiting_time(seconds)) for name, (key, seconds) in problems.items()}


def field_errors(error: GatewayError) -> dict[str, str]:
    """The same of an error."""
    return said(field_problems(error))
