"""What settlements, their lines and payouts look like; amounts in fen."""

from marshmallow import fields

from gateway.operators.decisions import LONGEST_REASON
from gateway.operators.schemas import ProposalAnswer
from gateway.settlement.payout_accounts import KINDS
from gateway.web.fields import CalendarDay, Choice, Fen, Line, Moment, Strict, WholeNumber


class SettlementAnswer(Strict):
    """One day's settlement; the equation holds to the fen.

    opening + captures + subsidies - merchant_fees - merchant_subsidies - refunds - disputes + adjustments -
    reserve_change = closing + payout_amount.
    """

    id = fields.String()
    object = fields.Constant("settlement")
    mode = fields.String()
    date = fields.String(metadata={"format": "date"})
    currency = fields.Constant("CNY")
    opening = fields.Integer()
    captures = fields.Integer()
    subsidies = fields.Integer()
    merchant_fees = fields.Integer(metadata={"description": "Net of fees returned by refunds."})
    merchant_subsidies = fields.Integer(metadata={"description": "Net of subsidies returned by refunds."})
    refunds = fields.Integer()
    disputes = fields.Integer()
    adjustments = fields.Integer()
    reserve_change = fields.Integer()
    closing = fields.Integer(
        metadata={
            "description": "Carried to the next batch: negative while the merchant owes, "
            "positive where it is less than the minimum payout."
        }
    )
    payout_amount = fields.Integer()
    payout = fields.String(allow_none=True)
    created_at = Moment()


class SettlementLineAnswer(Strict):
    """One line of a settlement, signed from the merchant's side: what adds to the payout is positive."""

    id = fields.String()
    object = fields.Constant("settlement_line")
    kind = fields.String()
    merchant_reference = fields.String()
    store = fields.String(allow_none=True)
    payment = fields.String(allow_none=True)
    capture = fields.String(allow_none=True)
    refund = fields.String(allow_none=True)
    dispute = fields.String(allow_none=True)
    payout = fields.String(allow_none=True, metadata={"description": "A payout that failed or was returned."})
    milestone = fields.String(allow_none=True, metadata={"description": "The stage that it is about."})
    amount = fields.Integer()
    merchant_fee = fields.Integer()
    merchant_subsidy = fields.Integer()
    net = fields.Integer()
    entry = fields.String(metadata={"description": "The ledger entry that booked it."})
    created_at = Moment()


class PayoutAnswer(Strict):
    """An instruction to the payment institution, and its state."""

    id = fields.String()
    object = fields.Constant("payout")
    mode = fields.String()
    status = fields.String()
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    settlement = fields.String()
    institution = fields.String()
    failure = fields.String(allow_none=True, metadata={"description": "Why it failed or came back."})
    created_at = Moment()
    in_transit_at = Moment(
        allow_none=True,
        metadata={"description": "When the institution had accepted it without having paid yet."},
    )
    paid_at = Moment(allow_none=True)
    account = fields.String(
        allow_none=True,
        metadata={"description": "The payout account it was sent to, since its first sending."},
    )
    institution_says = fields.String(
        allow_none=True,
        metadata={
            "description": "What the institution said last: accepted, paid, failed, returned, or unknown when it gave "
            "no answer; unknown is never a failure, it is asked again."
        },
    )
    problem = fields.String(
        allow_none=True,
        metadata={
            "description": "amount_differs where the institution has moved another amount than the books say, such as "
            "too little, too much or twice. Nothing is booked from it: the institution puts it right."
        },
    )
    moved_amount = fields.Integer(
        allow_none=True,
        metadata={
            "description": "What the institution has moved in all, less what came back; null where it does not say."
        },
    )


class PayoutAccountRequest(Strict):
    """The account that payouts should go to; a card or bank account with its holder and bank."""

    kind = Choice(*KINDS, required=True)
    number = Line(
        longest=100,
        personal=True,
        required=True,
        metadata={
            "description": "A card's number is checked by its check digit. Spaces and hyphens are left out. It is "
            "stored sealed and shown by its last four digits."
        },
    )
    holder = Line(
        longest=100, load_default=None, metadata={"description": "Needed for a card or bank account."}
    )
    bank = Line(
        longest=100, load_default=None, metadata={"description": "Needed for a card or bank account."}
    )
    reason = Line(longest=200, load_default=None, metadata={"description": "Shown to the other owners."})


class PayoutAccountAnswer(Strict):
    """An account that payouts go to, went to or will go to; the number is masked."""

    id = fields.String()
    object = fields.Constant("payout_account")
    mode = fields.String()
    status = fields.String(
        metadata={"description": "waiting (cooling off), in_force, replaced by a later one, or canceled."}
    )
    kind = fields.String()
    number = fields.String(metadata={"description": "The last four digits behind asterisks."})
    holder = fields.String(allow_none=True, metadata={"description": "Masked."})
    bank = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    requested_by = fields.String(metadata={"description": "The member, or who acted for the operator."})
    created_at = Moment()
    effective_at = Moment(metadata={"description": "From when on payouts are sent there."})
    canceled_at = Moment(allow_none=True)
    canceled_by = fields.String(allow_none=True)


class SettlementTermsAnswer(Strict):
    """How the merchant is settled from a day on, until the first day of newer terms; amounts in fen."""

    id = fields.String(allow_none=True, metadata={"description": "Null for the standard terms."})
    object = fields.Constant("settlement_terms")
    mode = fields.String()
    currency = fields.Constant("CNY")
    valid_from = fields.String(
        allow_none=True,
        metadata={
            "format": "date",
            "description": "Their first day in Shanghai; null for the standard terms.",
        },
    )
    t_plus = fields.Integer(
        metadata={"description": "Days from the business date of a capture to its settlement."}
    )
    days = fields.String(metadata={"description": "The days that count: `banking` or `calendar`."})
    cutoff = fields.String(
        metadata={"description": "Time in Shanghai from which a capture belongs to the next business date."}
    )
    minimum_payout = fields.Integer(metadata={"description": "What is less is carried to the next batch."})
    reserve_rate = fields.String(metadata={"description": "Part of the captures that is held back."})
    reserve_days = fields.Integer(metadata={"description": "After how many days it is released."})
    reserve_most = fields.Integer(
        allow_none=True, metadata={"description": "The most that is held back at once; null without a bound."}
    )
    invoice_after_days = fields.Integer(
        allow_none=True,
        metadata={"description": "After how many days a debt is invoiced; null for never."},
    )
    invoice_due_days = fields.Integer(metadata={"description": "Days until an invoice is due."})
    created_at = Moment(allow_none=True)


class TermsRequest(Strict):
    """What is to change of a merchant's settlement terms; what is left out stays as it is."""

    t_plus = WholeNumber()
    days = Line(longest=20)
    cutoff = Line(longest=5)
    minimum_payout = Fen(low=0, data_key="minimum_payout", attribute="minimum_payout_fen")
    reserve_rate = Line(longest=20)
    reserve_days = WholeNumber()
    reserve_most = Fen(low=0, allow_none=True, data_key="reserve_most", attribute="reserve_most_fen")
    invoice_after_days = WholeNumber(allow_none=True)
    invoice_due_days = WholeNumber()


class TermsProposalRequest(Strict):
    """Terms for a merchant in a mode from a day on, tomorrow (Shanghai) unless it is said."""

    merchant = Line(longest=40, required=True)
    mode = Choice("test", "live", required=True)
    valid_from = CalendarDay(load_default=None)
    changes = fields.Nested(TermsRequest, required=True)
    reason = Line(longest=LONGEST_REASON, required=True)


class TermsProposalAnswer(ProposalAnswer):
    """Terms that an operator has proposed, with what they change; amounts in fen."""

    object = fields.Constant("settlement_terms_proposal")
    mode = fields.String()
    changes = fields.Dict(metadata={"description": "What is to change, by the names of settlement terms."})
    settlement_terms = fields.String(
        allow_none=True, metadata={"description": "The terms that the confirmation made."}
    )


class TermsPreviewAnswer(TermsProposalAnswer):
    """The same with the terms of its first day as they stand, and as a confirmation would make them now.

    Both are null once it is decided, or where it could not be confirmed any more.
    """

    before = fields.Nested(SettlementTermsAnswer, allow_none=True)
    after = fields.Nested(SettlementTermsAnswer, allow_none=True)


class InvoiceAnswer(Strict):
    """What the merchant is asked to pay of its debt; later settlements pay it, too. Amounts in fen."""

    id = fields.String()
    object = fields.Constant("invoice")
    mode = fields.String()
    number = fields.Integer(metadata={"description": "Counted from 1 for each merchant and mode."})
    status = fields.String(metadata={"description": "`open`, `overdue` or `paid`."})
    amount = fields.Integer()
    amount_left = fields.Integer(metadata={"description": "What is not paid yet."})
    currency = fields.Constant("CNY")
    opened_on = fields.String(metadata={"format": "date"})
    due_on = fields.String(metadata={"format": "date"})
    created_at = Moment()


class ReserveReleaseAnswer(Strict):
    """What one settlement held back, and when it is released."""

    id = fields.String()
    object = fields.Constant("reserve_release")
    mode = fields.String()
    amount = fields.Integer()
    currency = fields.Constant("CNY")
    held_by = fields.String(metadata={"description": "The settlement that held it back."})
    release_date = fields.String(
        metadata={
            "format": "date",
            "description": "The settlement of this day releases it, or of the next banking day.",
        }
    )
    released_by = fields.String(
        allow_none=True, metadata={"description": "The settlement that released it; null while it is held."}
    )
    created_at = Moment()
