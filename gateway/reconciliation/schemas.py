"""What reconciliations are asked for and what they look like; amounts in fen, signed from the merchant's side."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from gateway.reconciliation.reading.headings import FIELDS
from gateway.web.fields import (
    AsStored,
    Choice,
    Fen,
    Line,
    Moment,
    QueryNumber,
    Reference,
    Strict,
    UploadedFile,
)
from gateway.web.fields import WholeNumber as Whole
from gateway.web.paging import PageQuery

KINDS = ("shop_orders", "bank_statement", "institution_file")
STATUSES = ("mapping", "running", "completed", "failed")
VERDICTS = ("amount_differs", "missing_here", "missing_there", "duplicate", "status_differs", "fee_differs")
MOST_AT_ONCE = 200
MOST_TOLERANCE = 100_000
TOLERANCE = "In fen; amounts and fees that differ by no more agree. Default 0."
WINDOW = (
    "Days between the file's date and ours; by default 5 for a bank's statement, and any for the others, where the "
    "reference decides."
)
MEMO = "Only rows whose memo contains this text are compared; others are counted as ignored."


class ReconciliationRequest(Strict):
    """A file to compare with what happened here; a form (multipart/form-data)."""

    file = UploadedFile(required=True, metadata={"description": "CSV, XLSX or camt.053, up to 31 MB."})
    kind = Choice(*KINDS, required=True)
    tolerance = QueryNumber(high=MOST_TOLERANCE, load_default=0, metadata={"description": TOLERANCE})
    window_days = QueryNumber(high=366, load_default=None, metadata={"description": WINDOW})
    memo_contains = Line(longest=100, load_default=None, metadata={"description": MEMO})


class ReconciliationColumnsRequest(Strict):
    """By field the heading of the column that holds it; amount, or credit and debit."""

    reference = Reference(longest=110, load_default=None)
    amount = Reference(longest=110, load_default=None)
    credit = Reference(longest=110, load_default=None)
    debit = Reference(longest=110, load_default=None)
    sign = Reference(longest=110, load_default=None)
    refund = Reference(longest=110, load_default=None)
    fee = Reference(longest=110, load_default=None)
    date = Reference(longest=110, load_default=None)
    status = Reference(longest=110, load_default=None)
    memo = Reference(longest=110, load_default=None)


class ReconciliationConfirmRequest(Strict):
    """The columns as the merchant confirms them; they are remembered for files with the same headings."""

    columns = fields.Nested(ReconciliationColumnsRequest, required=True)
    tolerance = Fen(low=0, high=MOST_TOLERANCE, load_default=None, metadata={"description": TOLERANCE})
    window_days = Whole(high=366, load_default=None, metadata={"description": WINDOW})
    memo_contains = Line(longest=100, load_default=None, metadata={"description": MEMO})


class ReconciliationResolveRequest(Strict):
    """Why a difference needs no more attention."""

    note = Line(longest=500, required=True)


class ReconciliationBulkResolveRequest(ReconciliationResolveRequest):
    """Several differences that need no more attention for the same reason: all are resolved, or none."""

    items = fields.List(Line(longest=60), required=True)

    @validates_schema
    def _check_items(self, data: dict[str, Any], **kwargs: Any) -> None:
        count = len(data.get("items", ()))
        if not 1 <= count <= MOST_AT_ONCE or len(set(data["items"])) != count:
            raise ValidationError(f"Must name 1 to {MOST_AT_ONCE} items, each once.", "items")


class ReconciliationListQuery(PageQuery):
    """Query parameters of the list of reconciliations."""

    kind = Choice(*KINDS, load_default=None)
    status = Choice(*STATUSES, load_default=None)


class ReconciliationItemQuery(PageQuery):
    """Query parameters of the list of differences."""

    status = Choice(*VERDICTS, load_default=None)
    resolved = Choice("true", "false", load_default=None)


class ReconciliationFile(Strict):
    """The file as it was uploaded."""

    name = fields.String()
    form = fields.String(metadata={"enum": ["csv", "xlsx", "camt.053"]})
    bytes = fields.Integer()
    sha256 = fields.String()
    rows = fields.Integer(
        allow_none=True, metadata={"description": "Rows below the headings, without totals."}
    )
    first_day = fields.String(allow_none=True, metadata={"format": "date"})
    last_day = fields.String(allow_none=True, metadata={"format": "date"})
    heading_row = fields.Integer()
    headings = fields.List(fields.String())
    deleted_at = Moment(allow_none=True)


class ReconciliationFault(Strict):
    """What keeps the file from being compared."""

    row = fields.Integer(allow_none=True)
    column = fields.String(allow_none=True)
    detail = fields.String()


class ReconciliationAnswer(Strict):
    """A file and how it compares; poll it until ``status`` is completed or failed."""

    id = fields.String()
    object = fields.Constant("reconciliation")
    mode = fields.String()
    kind = fields.String(metadata={"enum": list(KINDS)})
    status = fields.String(metadata={"enum": list(STATUSES)})
    columns = fields.Dict(keys=fields.String(metadata={"enum": list(FIELDS)}), values=fields.String())
    columns_from = fields.String(metadata={"enum": ["guessed", "remembered", "confirmed"]})
    tolerance = fields.Integer()
    window_days = fields.Integer(allow_none=True)
    memo_contains = fields.String(allow_none=True)
    progress = fields.Integer(metadata={"description": "Percent, from 0 to 100."})
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        allow_none=True,
        metadata={"description": "By verdict, and rows that were ignored; None until it is completed."},
    )
    errors = AsStored(ReconciliationFault, many=True)
    file = fields.Nested(ReconciliationFile)
    created_at = Moment()
    ended_at = Moment(allow_none=True)


class ReconciliationOurs(Strict):
    """What happened here: a capture, a refund or a payout; of several that belong together, the first and their sum."""

    id = fields.String()
    amount = fields.Integer(allow_none=True)


class ReconciliationTheirs(Strict):
    """What the row of the file says."""

    amount = fields.Integer()


class ReconciliationSuggestion(Strict):
    """What probably happened; nothing is done by itself."""

    code = fields.String(
        metadata={
            "enum": [
                "repeats_line",
                "is_net_of_fee",
                "outside_window",
                "other_reference",
                "near_edge_of_period",
            ]
        }
    )
    line = fields.Integer(allow_none=True)
    ours = fields.String(allow_none=True)


class ReconciliationResolution(Strict):
    """Who resolved a difference; above the limit a second person confirms (``confirmed``)."""

    by = fields.String()
    at = Moment()
    note = fields.String()
    proposed_by = fields.String(allow_none=True)
    confirmed = fields.Boolean()


class ReconciliationItemAnswer(Strict):
    """One difference: a row of the file, or what happened here and the file lacks (``line`` is null)."""

    id = fields.String()
    object = fields.Constant("reconciliation_item")
    reconciliation = fields.String()
    line = fields.Integer(allow_none=True, metadata={"description": "The row of the file, from 1."})
    verdict = fields.String(metadata={"enum": list(VERDICTS)})
    theirs = fields.Nested(ReconciliationTheirs, allow_none=True)
    ours = fields.Nested(ReconciliationOurs, allow_none=True)
    difference = fields.Integer(
        metadata={"description": "Theirs less ours, in fen; of fees for fee_differs."}
    )
    suggestion = AsStored(ReconciliationSuggestion, allow_none=True)
    needs_second_person = fields.Boolean()
    resolved = fields.Nested(ReconciliationResolution, allow_none=True)


class ReconciliationResolvedAnswer(Strict):
    """The items of a bulk resolution, in the order of the request."""

    object = fields.Constant("reconciliation_resolution")
    items = fields.List(fields.Nested(ReconciliationItemAnswer))
