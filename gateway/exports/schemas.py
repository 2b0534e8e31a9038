"""What exports are asked for and what they look like."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from gateway.core.closed_months import next_month
from gateway.core.payment_status import PAYMENT_STATUSES
from gateway.exports.kinds import KINDS, PAPER
from gateway.exports.own_books import ROLES
from gateway.web.fields import CalendarDay, Choice, Line, Moment, QueryNumber, Reference, Strict
from gateway.web.paging import PageQuery

FORMATS = ("csv", "xlsx", "pdf", "camt.053", "hledger", "beancount", "vouchers")
STATUSES = ("running", "completed", "failed", "expired")
YEARS = (1990, 2099)
"""Others are mistyped; a balance before the first day of the calendar cannot be stated at all."""
WITH_DAYS = ("camt.053", "hledger", "beancount", "vouchers")
"""Formats that state a balance at a first and a last day, or count by month."""


class ExportFilter(Strict):
    """What narrows the rows; which of these a kind takes, its list in the API takes, too."""

    settlement = Line(longest=100, load_default=None)
    payment = Line(longest=100, load_default=None)
    reference = Reference(longest=100, load_default=None)
    merchant_reference = Reference(longest=100, load_default=None)
    merchant_order_id = Reference(longest=100, load_default=None)
    store = Line(longest=100, load_default=None)
    status = Choice(*PAYMENT_STATUSES, load_default=None)
    amount_min = QueryNumber(load_default=None, metadata={"description": "In fen."})
    amount_max = QueryNumber(load_default=None, metadata={"description": "In fen."})


class ExportRequest(Strict):
    """A file to make; the days are those of Shanghai, both included."""

    kind = Choice(*KINDS, required=True)
    format = Choice(*FORMATS, required=True)
    first = CalendarDay(data_key="from", load_default=None)
    last = CalendarDay(data_key="to", load_default=None)
    filter = fields.Nested(ExportFilter, load_default=dict)

    @validates_schema
    def fits(self, body: dict[str, Any], **_: Any) -> None:
        """Refuse what makes no sense together, and say what does."""
        kind, format = KINDS[body["kind"]], body["format"]
        if format not in kind.formats:
            able = [name for name, one in KINDS.items() if format in one.formats]
            raise ValidationError(
                f"{body['kind']} is exported as {' or '.join(kind.formats)}; {format} is made of {' or '.join(able)}.",
                "format",
            )
        other = [
            name for name, value in body["filter"].items() if value is not None and name not in kind.filters
        ]
        if other:
            takes = ", ".join(kind.filters) or "no filter, only from and to"
            raise ValidationError({"filter": {other[0]: [f"{body['kind']} takes {takes}."]}})
        first, last = body["first"], body["last"]
        for name, day in (("from", first), ("to", last)):
            if day is not None and not YEARS[0] <= day.year <= YEARS[1]:
                raise ValidationError(f"Must be a day of the years {YEARS[0]} to {YEARS[1]}.", name)
        if first is not None and last is not None and last < first:
            raise ValidationError(f"Must not be before from: {last} is before {first}.", "to")
        if format in WITH_DAYS and (first is None or last is None):
            raise ValidationError(
                f"{format} states balances: name its first and last day.", "to" if first else "from"
            )
        if format in WITH_DAYS and body["filter"].get("payment") is not None:
            raise ValidationError(
                {
                    "filter": {
                        "payment": [f"{format} states balances, which one payment has not: use csv or xlsx."]
                    }
                }
            )
        if format == PAPER:
            _fits_on_paper(body, first, last)
        if body["filter"].get("settlement") is not None and (first or last):
            raise ValidationError(
                "A settlement has one day: leave from and to out.", "from" if first else "to"
            )


def _fits_on_paper(body: dict[str, Any], first: date | None, last: date | None) -> None:
    """Refuse a PDF that would not be of one thing: a settlement, some days of the balances, or a month."""
    if body["kind"] == "settlement_lines":
        if body["filter"].get("settlement") is None:
            raise ValidationError(
                {
                    "filter": {
                        "settlement": ["A PDF is of one settlement: name it, and leave from and to out."]
                    }
                }
            )
        return
    if first is None or last is None:
        raise ValidationError(
            "A PDF states balances: name its first and last day.", "to" if first else "from"
        )
    if body["filter"].get("payment") is not None:
        raise ValidationError(
            {"filter": {"payment": ["A PDF states balances, which one payment has not: use csv or xlsx."]}}
        )
    if body["kind"] == "certificates" and (first.day != 1 or last != next_month(first) - timedelta(days=1)):
        raise ValidationError("A certificate is of one month: name its first day and its last day.", "from")


class ExportListQuery(PageQuery):
    """Filters of the list of exports."""

    kind = Choice(*KINDS, load_default=None)
    status = Choice(*STATUSES, load_default=None)


class ExportFileAnswer(Strict):
    """The file of a completed export."""

    name = fields.String()
    media_type = fields.String()
    bytes = fields.Integer()
    sha256 = fields.String()


class ExportAnswer(Strict):
    """An export: ``running``, ``completed``, ``failed``, or ``expired`` once its file was deleted."""

    id = fields.String()
    object = fields.Constant("export")
    mode = fields.String()
    kind = fields.String()
    format = fields.String()
    first = fields.String(data_key="from", allow_none=True, metadata={"format": "date"})
    last = fields.String(data_key="to", allow_none=True, metadata={"format": "date"})
    filter = fields.Dict(keys=fields.String())
    status = fields.String(metadata={"enum": list(STATUSES)})
    lines = fields.Integer(metadata={"description": "Lines written so far."})
    file = fields.Nested(ExportFileAnswer, allow_none=True)
    error = fields.String(allow_none=True, metadata={"description": "Why it failed, and what to do."})
    created_at = Moment()
    ended_at = Moment(allow_none=True)
    expires_at = Moment(metadata={"description": "The file is deleted then."})


class VoucherAccount(Strict):
    """One account of the merchant's own books."""

    code = Line(longest=40, required=True)
    name = Line(longest=80, required=True)


VOUCHER_FIELDS: dict[str, fields.Field[Any]] = {name: fields.Nested(VoucherAccount) for name in ROLES}
VoucherAccountsFields = Strict.from_dict(VOUCHER_FIELDS, name="VoucherAccountsFields")


class VoucherAccountsRequest(Strict):
    """Accounts to change; those that are not named stay as they are."""

    accounts = fields.Nested(VoucherAccountsFields, required=True)


class VoucherAccountsAnswer(Strict):
    """All accounts, by what they stand for."""

    object = fields.Constant("voucher_accounts")
    mode = fields.String()
    accounts = fields.Nested(VoucherAccountsFields)
