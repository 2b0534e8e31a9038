"""The objects of the API, with the fields it documents.

Amounts are integer fen, rates are decimal strings, times are RFC 3339 text in UTC, dates are ISO text in
Shanghai.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from ._model import Model


class ScheduleRow(Model):
    """One instalment; amounts in fen, ``balance`` is the principal still owed after it."""

    __slots__ = ()
    period: int
    due_date: str
    principal: int
    interest: int
    fee: int
    payment: int
    balance: int


class Plan(Model, object="plan"):
    """A quoted or agreed plan; ``annual_rate.nominal`` and ``.effective`` are decimal strings per year."""

    __slots__ = ()
    _nested: ClassVar[Mapping[str, type[Model]]] = {"schedule": ScheduleRow}
    term: int
    method: str
    amount: int
    financed_amount: int
    installment: Model
    total_payment: int
    total_interest: int
    total_fee: int
    annual_rate: Model
    interest_free: bool
    merchant_subsidy: int
    schedule: list[ScheduleRow]
    disclosure: Model
    quote_hash: str


class PlanList(list[Plan]):
    """The plans on offer for an amount; ``unavailable`` says why the other terms are not (term, reason, limits)."""

    unavailable: list[Model]

    def __init__(self, plans: Iterable[Plan] = (), unavailable: Iterable[Model] = ()) -> None:
        super().__init__(plans)
        self.unavailable = list(unavailable)


class Checkout(Model, object="checkout"):
    """A shopper's application at the gateway; send the shopper to ``url``, and read the outcome in ``status``.

    The ``url`` carries a secret: the call that creates the checkout, and its repetition, answer it; everywhere
    else it is None.

    ``open → identified → deciding → under_review → approved | declined | expired | canceled``; an approved one
    has ``payment``. ``deciding``, while the lender is asked, is usually over within a second. A person answers
    what is ``under_review`` by ``review_due_at``. ``reopens`` names the declined checkout of the same order
    that a person found worth a new offer. A decline for the amount alone has a ``counter_offer`` (``term``,
    ``down_payment`` and ``financed_amount`` in fen, ``expires_at``) where a smaller loan or another term would be
    approved; the checkout in which the shopper takes it names the declined one as ``counter_offer_of``.
    ``cancel_reason`` says why it is canceled: ``merchant``, ``shopper``,
    or ``pay_in_full`` for a shopper who wants to pay you the whole amount without a loan.
    """

    __slots__ = ()
    _nested: ClassVar[Mapping[str, type[Model]]] = {"plans": Plan}
    id: str
    mode: str
    status: str
    amount: int
    currency: str
    merchant_reference: str
    items: list[Model]
    url: str | None
    expires_at: str
    created_at: str
    plans: list[Plan]
    term: int | None
    payment: str | None
    decline: Model | None
    cancel_reason: str | None
    store: str | None
    locale: str | None
    review_due_at: str | None
    reopens: str | None
    counter_offer: Model | None
    counter_offer_of: str | None
    metadata: dict[str, str]


class CapturedItem(Model):
    """Pieces of a line that left with a capture; ``amount`` is what they were captured for."""

    __slots__ = ()
    line: int
    quantity: int
    amount: int


class ReturnedItem(Model):
    """Pieces of a line that came back with a refund."""

    __slots__ = ()
    line: int
    quantity: int


class Capture(Model, object="capture"):
    """One capture of a payment; ``loan`` is the id of the loan it drew, ``settlement_date`` the merchant's date."""

    __slots__ = ()
    _nested: ClassVar[Mapping[str, type[Model]]] = {"items": CapturedItem}
    id: str
    amount: int
    refunded_amount: int
    staged_amount: int
    merchant_fee: int
    merchant_subsidy: int
    items: list[CapturedItem]
    loan: str
    captured_at: str
    settlement_date: str
    delivery: Model | None
    return_until: str


class PaymentLine(Model):
    """A line of the order: how many pieces were ordered, captured and returned.

    ``amount`` is what it is worth of the payment, in fen.
    """

    __slots__ = ()
    line: int
    name: str
    ordered: int
    captured: int
    returned: int
    amount: int


class Payment(Model, object="payment"):
    """What an approved checkout became; capture it when the goods leave. ``status`` follows from the amounts."""

    __slots__ = ()
    _nested: ClassVar[Mapping[str, type[Model]]] = {"plan": Plan, "captures": Capture, "lines": PaymentLine}
    id: str
    mode: str
    status: str
    amount: int
    currency: str
    captured_amount: int
    refunded_amount: int
    voided_amount: int
    expired_amount: int
    capturable_amount: int
    refundable_amount: int
    refund_pending_amount: int
    term: int
    plan: Plan
    captures: list[Capture]
    lines: list[PaymentLine]
    shipping: Model | None
    authorization_expires_at: str
    authorization_extended: bool
    acknowledged_at: str | None
    acknowledge_by: str | None
    checkout: str
    merchant_reference: str
    merchant_order_id: str | None
    store: str | None
    metadata: dict[str, str]
    created_at: str


class Refund(Model, object="refund"):
    """Money the merchant gives back; ``pending → succeeded | failed``."""

    __slots__ = ()
    _nested: ClassVar[Mapping[str, type[Model]]] = {"items": ReturnedItem}
    id: str
    mode: str
    status: str
    payment: str
    amount: int
    currency: str
    items: list[ReturnedItem]
    kind: str
    reason: str
    capture: str | None
    refund_reference: str
    loan_reduction: int
    returned_to_shopper: int
    merchant_fee_returned: int
    merchant_subsidy_returned: int
    initiated_by: str
    created_at: str


class LoanScheduleRow(ScheduleRow):
    """One row of the schedule of ``loan``."""

    __slots__ = ()
    loan: str


class RefundPreview(Model, object="refund_preview"):
    """What a refund made now would do; fields that a refund has are equal to it.

    ``schedule_before`` and ``schedule_after`` are of the loans it touches, ``shopper_returns`` is the money that
    would go back to the shopper, ``settlement_effect`` has ``net`` and the ``lines`` of your settlements.
    """

    __slots__ = ()
    _nested: ClassVar[Mapping[str, type[Model]]] = {
        "items": ReturnedItem,
        "schedule_before": LoanScheduleRow,
        "schedule_after": LoanScheduleRow,
    }
    mode: str
    status: str
    payment: str
    amount: int
    currency: str
    items: list[ReturnedItem]
    kind: str
    reason: str
    capture: str | None
    refund_reference: str | None
    loan_reduction: int
    returned_to_shopper: int
    merchant_fee_returned: int
    merchant_subsidy_returned: int
    subsidy_returned: int
    late_interest_waived: int
    initiated_by: str
    shopper_returns: list[Model]
    schedule_before: list[LoanScheduleRow]
    schedule_after: list[LoanScheduleRow]
    settlement_effect: Model


class Loan(Model, object="loan"):
    """What the shopper owes the funder after one capture, without personal data or scores."""

    __slots__ = ()
    _nested: ClassVar[Mapping[str, type[Model]]] = {"schedule": ScheduleRow}
    id: str
    mode: str
    status: str
    bucket: str | None
    payment: str
    capture: str
    principal: int
    refunded_principal: int
    written_off_principal: int
    written_off_charges: int
    recovered: int
    left_to_recover: int
    outstanding_principal: int
    contract_date: str
    schedule: list[ScheduleRow]
    total_payment: int
    total_interest: int
    total_fee: int
    created_at: str


class Balance(Model, object="balance"):
    """What the gateway owes the merchant now, by state; fen."""

    __slots__ = ()
    mode: str
    currency: str


class BalanceEntry(Model, object="balance_entry"):
    """One line of the merchant's side of the ledger; fen."""

    __slots__ = ()
    id: str
    amount: int
    created_at: str


class RateCard(Model, object="rate_card"):
    """All that is agreed about prices from ``valid_from`` on, in both modes; the next card replaces the whole of it.

    Each of ``prices`` has term, method, its rates (decimal text), ``merchant_fee_rate`` and ``merchant_subsidy_rate``
    for what the merchant pays, amounts (fen), category and lender (None is any) and its days. ``in_force`` says
    whether it is the card of today in Shanghai.
    """

    __slots__ = ()
    id: str
    status: str
    in_force: bool
    valid_from: str
    prices: list[Model]
    subsidy_programmes: list[Model]
    created_at: str


class Settlement(Model, object="settlement"):
    """One day's batch; opening plus its components is closing plus the payout, to the fen."""

    __slots__ = ()
    id: str
    mode: str
    date: str
    opening: int
    captures: int
    subsidies: int
    merchant_fees: int
    merchant_subsidies: int
    refunds: int
    disputes: int
    adjustments: int
    reserve_change: int
    closing: int
    payout_amount: int
    payout: str | None


class SettlementLine(Model, object="settlement_line"):
    """One capture or refund inside a settlement; fen, positive when it adds to the payout."""

    __slots__ = ()
    id: str
    kind: str
    merchant_reference: str
    store: str | None
    payment: str
    milestone: str | None
    amount: int
    merchant_fee: int
    merchant_subsidy: int
    net: int
    created_at: str


class SettlementTerms(Model, object="settlement_terms"):
    """How the merchant is settled from a day on; amounts in fen. ``id`` is None in the standard terms."""

    __slots__ = ()
    id: str | None
    mode: str
    valid_from: str | None
    t_plus: int
    days: str
    cutoff: str
    minimum_payout: int
    reserve_rate: str
    reserve_days: int
    reserve_most: int | None
    invoice_after_days: int | None
    invoice_due_days: int


class Invoice(Model, object="invoice"):
    """What the merchant is asked to pay of its debt (fen); ``open → paid | overdue``, ``overdue → paid``."""

    __slots__ = ()
    id: str
    mode: str
    number: int
    status: str
    amount: int
    amount_left: int
    opened_on: str
    due_on: str
    created_at: str


class ReserveRelease(Model, object="reserve_release"):
    """What one settlement held back (fen), and when it is released."""

    __slots__ = ()
    id: str
    mode: str
    amount: int
    held_by: str
    release_date: str
    released_by: str | None
    created_at: str


class Payout(Model, object="payout"):
    """The instruction to the payment institution; ``pending → in_transit → paid | failed``, ``paid → returned``.

    ``institution_says`` is what it said last (``unknown`` is not a failure), ``failure`` why it failed or came back.
    ``problem`` is ``amount_differs`` where ``moved_amount`` is another amount than the books say.
    """

    __slots__ = ()
    id: str
    mode: str
    status: str
    amount: int
    currency: str
    settlement: str
    created_at: str


class PayoutAccount(Model, object="payout_account"):
    """Where payouts go, masked; ``waiting → in_force → replaced``, or ``canceled`` while it waits.

    It counts from ``effective_at`` on: until then payouts go to the account before.
    """

    __slots__ = ()
    id: str
    mode: str
    status: str
    kind: str
    number: str
    bank: str | None
    created_at: str
    effective_at: str


class Export(Model, object="export"):
    """A file that is made in the background; ``running → completed | failed``, ``completed → expired``.

    ``lines`` counts what is written so far; ``file`` (name, media_type, bytes, sha256) is there once it is completed.
    """

    __slots__ = ()
    id: str
    mode: str
    kind: str
    format: str
    to: str | None
    filter: Model
    status: str
    lines: int
    file: Model | None
    error: str | None
    created_at: str
    ended_at: str | None
    expires_at: str


class VoucherAccounts(Model, object="voucher_accounts"):
    """The codes and names of your own accounts in vouchers, by what they stand for."""

    __slots__ = ()
    mode: str
    accounts: Model


class Certificate(Model, object="certificate"):
    """What your balances were in a closed month, signed; amounts in fen, above 0 what you are owed."""

    __slots__ = ()
    certificate: int
    merchant: str
    mode: str
    month: str
    closed_on: str
    currency: str
    opening: Model
    movements: list[Model]
    closing: Model
    entries: int
    late: list[Model]
    sha256: str
    text: str
    signature: Model


class Reconciliation(Model, object="reconciliation"):
    """A file compared with what happened at the gateway; ``mapping → running → completed | failed``.

    ``columns`` says by field (reference, amount, date and others) which heading holds it: guessed, remembered or
    confirmed (``columns_from``). ``counts`` has a number for each verdict, and ``errors`` the row, column and detail of
    what keeps the file from being read.
    """

    __slots__ = ()
    id: str
    mode: str
    kind: str
    status: str
    columns: Model
    columns_from: str
    tolerance: int
    window_days: int | None
    progress: int
    counts: Model | None
    errors: list[Model]
    file: Model
    created_at: str
    ended_at: str | None


class ReconciliationItem(Model, object="reconciliation_item"):
    """A row that does not agree: of the file, or (``line`` is None) of what happened and the file lacks; fen."""

    __slots__ = ()
    id: str
    reconciliation: str
    line: int | None
    verdict: str
    theirs: Model | None
    ours: Model | None
    difference: int
    suggestion: Model | None
    needs_second_person: bool
    resolved: Model | None


class ReconciliationResolution(Model, object="reconciliation_resolution"):
    """What became of the ``items`` that were resolved together."""

    __slots__ = ()
    items: list[ReconciliationItem]


class Event(Model, object="event"):
    """Something that happened to an object. ``data`` is that object; ``sequence`` counts its events without gaps."""

    __slots__ = ()
    id: str
    mode: str
    type: str
    created_at: str
    sequence: int
    data: Model


class WebhookEndpoint(Model, object="webhook_endpoint"):
    """An address that receives events; ``secret`` (``whsec_…``) only in the answers that make one.

    ``secrets`` lists what signs now, each with ``id``, ``created_at`` and ``expires_at`` (None: the current one).
    ``disabled_reason`` is requested, gone (it answered 410) or failing (five days without a success).
    """

    __slots__ = ()
    id: str
    mode: str
    url: str
    description: str | None
    enabled_events: list[str]
    api_version: str
    status: str
    disabled_reason: str | None
    disabled_at: str | None
    failing_since: str | None
    secrets: list[Model]
    secret: str
    created_at: str


class WebhookDelivery(Model, object="webhook_delivery"):
    """One event on its way to one endpoint; ``pending → succeeded | failed | canceled``.

    ``log`` holds its attempts, the newest first: request_headers, request_body, response_status, response_body,
    error, duration_ms. ``response_body`` is short, masked, and None again after some days.
    """

    __slots__ = ()
    id: str
    mode: str
    endpoint: str
    event: str
    type: str
    sequence: int
    cause: str
    status: str
    attempts: int
    next_attempt_at: str | None
    log: list[Model]
    created_at: str


class Score(Model, object="score"):
    """What the gateway's scorer says about one application.

    ``fraud_score`` is 0 (least risk) to 100, ``credit_score`` 300 to 850 (600 at odds of 20 to 1). ``reasons``
    have code, score, text_zh, text_en and person_may_see.
    """

    __slots__ = ()
    id: str
    mode: str
    reference: str
    fraud_score: int
    credit_score: int
    reasons: list[Model]
    model: Model
    quota: Model
    created_at: str


class Dispute(Model, object="dispute"):
    """A shopper contests a capture; ``amount`` (fen) is set aside until it is decided.

    ``needs_response → under_review → won | lost | accepted | canceled``; unanswered after ``respond_by`` it is lost.
    """

    __slots__ = ()
    id: str
    mode: str
    status: str
    payment: str
    capture: str
    amount: int
    currency: str
    reason: str
    evidence: str | None
    respond_by: str
    created_at: str
    decided_at: str | None


class Milestone(Model, object="milestone"):
    """A stage of a payment: a delivery, some lessons; ``held_amount`` (fen) is kept back for it until it is done.

    ``planned → claimed → released``, or ``contested`` by the shopper until a person decides, or ``canceled``.
    """

    __slots__ = ()
    id: str
    mode: str
    payment: str
    capture: str | None
    kind: str
    description: str | None
    amount: int
    currency: str
    returned_amount: int
    held_amount: int | None
    due: str | None
    status: str
    evidence: Model | None
    claimed_at: str | None
    releases_at: str | None
    contest: Model | None
    answer: str | None
    ended_at: str | None
    created_at: str


class TestClock(Model, object="test_clock"):
    """A merchant's own business time in test mode; ``ready`` or ``advancing`` to ``advance_to``."""

    __slots__ = ()
    __test__ = False
    id: str
    mode: str
    name: str
    status: str
    now: str
    advance_to: str | None
    created_at: str


class Identity(Model, object="me"):
    """The owner of these credentials: merchant, mode, scopes, version, limits."""

    __slots__ = ()
    merchant: str
    name: str
    name_en: str
    mode: str
    client_id: str
    scopes: list[str]
    frame_origins: list[str]
    publishable_key: str
    api_version: str
    limits: Model
