"""What the merchant's side of the ledger looks like; amounts in fen."""

from marshmallow import fields

from gateway.web.fields import CalendarDay, Line, Moment, Strict
from gateway.web.paging import PageQuery


class BalanceAnswer(Strict):
    """The merchant's claims, each positive when owed to the merchant; ``receivable`` is what the merchant owes."""

    object = fields.Constant("balance")
    mode = fields.String()
    currency = fields.Constant("CNY")
    pending = fields.Integer(metadata={"description": "Captured, not yet settled."})
    staged = fields.Integer(metadata={"description": "Captured, waits for a stage of its order."})
    available = fields.Integer(metadata={"description": "Settled, not yet instructed."})
    reserve = fields.Integer()
    in_dispute = fields.Integer()
    receivable = fields.Integer(metadata={"description": "What the merchant owes."})
    as_of = Moment()


class CertificateMovementAnswer(Strict):
    """What one kind of event moved in the month; by balance, in fen."""

    kind = fields.String()
    entries = fields.Integer()
    amounts = fields.Dict(keys=fields.String(), values=fields.Integer())


class LateEntryAnswer(Strict):
    """An entry that was reported when its own month was closed."""

    entry = fields.String()
    value_date = fields.String(metadata={"format": "date"})


class CertificateSignatureAnswer(Strict):
    """A detached signature."""

    algorithm = fields.String()
    key_id = fields.String()
    signature = fields.String(metadata={"description": "Base64."})


class CertificateAnswer(Strict):
    """What the claims of a merchant were in a closed month; by balance, in fen, above 0 what the merchant is owed."""

    object = fields.Constant("certificate")
    certificate = fields.Integer(metadata={"description": "The version of the form: 1."})
    merchant = fields.String()
    mode = fields.String()
    month = fields.String(metadata={"description": "Such as 2026-11."})
    closed_on = fields.String(metadata={"format": "date"})
    currency = fields.String()
    opening = fields.Dict(keys=fields.String(), values=fields.Integer())
    movements = fields.List(fields.Nested(CertificateMovementAnswer))
    closing = fields.Dict(keys=fields.String(), values=fields.Integer())
    entries = fields.Integer()
    late = fields.List(
        fields.Nested(LateEntryAnswer),
        metadata={
            "description": "Booked in this month because its own was closed; value_date is its own day."
        },
    )
    sha256 = fields.String(metadata={"description": "Of text."})
    text = fields.String(
        metadata={"description": "All of the above as the signature covers it: JSON, keys sorted."}
    )
    signature = fields.Nested(CertificateSignatureAnswer)


class BalanceEntryQuery(PageQuery):
    """Filters of the list; dates are effective dates in Shanghai, both included."""

    start = CalendarDay(data_key="from", load_default=None)
    end = CalendarDay(data_key="to", load_default=None)
    payment = Line(longest=100, load_default=None)


class BalanceEntryAnswer(Strict):
    """One line of the merchant's side: a positive amount is owed to the merchant."""

    id = fields.String()
    object = fields.Constant("balance_entry")
    kind = fields.String(metadata={"description": "The business event."})
    account = fields.String()
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    about = fields.String(metadata={"description": "The payment, settlement or payout."})
    payment = fields.String(allow_none=True)
    entry = fields.String()
    effective_date = fields.String(metadata={"format": "date"})
    value_date = fields.String(
        metadata={
            "format": "date",
            "description": "Its own day; another than effective_date where its month was closed when it was reported.",
        }
    )
    created_at = Moment()
