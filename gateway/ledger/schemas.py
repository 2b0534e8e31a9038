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
    created_at = Moment()
