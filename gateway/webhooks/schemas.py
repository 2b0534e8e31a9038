"""What events, endpoints and deliveries look like from outside."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from gateway.web.fields import Choice, Line, Moment, Strict
from gateway.web.operations import VERSION
from gateway.web.paging import PageQuery

CHECKOUTS, PAYMENTS = ("checkouts:read", "checkouts:write"), ("payments:read",)
REFUNDS, SETTLEMENTS = ("refunds:write", "payments:read"), ("settlements:read",)
EVENT_SCOPES: dict[str, tuple[str, ...]] = {
    "checkout.approved": CHECKOUTS,
    "checkout.declined": CHECKOUTS,
    "checkout.expired": CHECKOUTS,
    "checkout.canceled": CHECKOUTS,
    "checkout.under_review": CHECKOUTS,
    "payment.authorized": PAYMENTS,
    "payment.unacknowledged": PAYMENTS,
    "payment.expiring": PAYMENTS,
    "payment.extended": PAYMENTS,
    "payment.captured": PAYMENTS,
    "payment.voided": PAYMENTS,
    "payment.expired": PAYMENTS,
    "refund.succeeded": REFUNDS,
    "refund.failed": REFUNDS,
    "loan.unwound": PAYMENTS,
    "settlement.closed": SETTLEMENTS,
    "payout.paid": SETTLEMENTS,
    "payout.failed": SETTLEMENTS,
    "dispute.opened": PAYMENTS,
    "dispute.won": PAYMENTS,
    "dispute.lost": PAYMENTS,
    "milestone.claimed": PAYMENTS,
    "milestone.contested": PAYMENTS,
    "milestone.released": PAYMENTS,
    "reconciliation.completed": ("reconciliations:write",),
    "reconciliation.failed": ("reconciliations:write",),
    "webhook_endpoint.disabled": ("webhooks:write",),
}
"""The types of events, each with the scopes of which one is needed to read it: those that read its object."""
EVENT_TYPES = tuple(EVENT_SCOPES)
TEST_EVENT = "webhook_endpoint.test"
"""Type of a test's sample when none is asked for; it is never recorded."""
KEPT_CHARACTERS = 500
"""So much of what an endpoint answered is written down."""
ANSWER_KEPT = (
    f"The beginning of the response, at most {KEPT_CHARACTERS} characters. Personal numbers, e-mail addresses "
    "and secrets are masked. "
    "Null without a response, and after seven days (or as many as the gateway is configured for)."
)
DELIVERY_STATES = ("pending", "succeeded", "failed", "canceled")


class EventQuery(PageQuery):
    """``after`` turns the list around: what came after that event, oldest first, to catch up."""

    after = Line(longest=100, load_default=None)
    type = Choice(*EVENT_TYPES, load_default=None)

    @validates_schema
    def check_place(self, data: dict[str, Any], **_: Any) -> None:
        """A list goes on either from an event or from a page."""
        if data["after"] is not None and data["cursor"] is not None:
            raise ValidationError(
                "Omit it on the first call; then pass it as after to get the events that followed.", "cursor"
            )


class EventAnswer(Strict):
    """One change of state; ``data`` is the object as it was then, without personal data."""

    id = fields.String()
    object = fields.Constant("event")
    type = fields.String()
    mode = fields.String()
    sequence = fields.Integer(
        metadata={"description": "Number of the event among those of its object, from 1."}
    )
    data = fields.Dict()
    created_at = Moment()


class EnabledEvents(fields.Field[list[str]]):
    """Types of events without repeats, or ``["*"]`` for all."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {
            "type": "array",
            "items": {"type": "string", "enum": ["*", *EVENT_TYPES]},
            "minItems": 1,
            "uniqueItems": True,
            **self.metadata,
        }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
            raise ValidationError('Must be a list of event types, or ["*"] for all.')
        unknown = sorted({one for one in value if one not in EVENT_TYPES and one != "*"})
        if unknown:
            raise ValidationError(f"There is no event type {unknown[0][:60]!r}.")
        return ["*"] if "*" in value else list(dict.fromkeys(value))


class EndpointRequest(Strict):
    """A new endpoint; it is told of all events unless ``enabled_events`` names some."""

    url = Line(longest=2000, required=True, metadata={"format": "uri"})
    enabled_events = EnabledEvents(load_default=None)
    description = Line(longest=500, load_default=None)
    api_version = Choice(VERSION, load_default=VERSION)


class EndpointChange(Strict):
    """What is to change; everything else stays."""

    url = Line(longest=2000, metadata={"format": "uri"})
    enabled_events = EnabledEvents()
    description = Line(longest=500, allow_none=True)
    api_version = Choice(VERSION)
    status = Choice("enabled", "disabled")


class RevokeRequest(Strict):
    """Which secret ends now."""

    secret = Line(longest=100, required=True, metadata={"description": "Its id, from the endpoint's list."})


class SecretAnswer(Strict):
    """A secret that signs; its value is never shown again."""

    id = fields.String()
    created_at = Moment()
    expires_at = Moment(allow_none=True, metadata={"description": "Null for the current one."})


class WebhookEndpointAnswer(Strict):
    """An endpoint; its ``secret`` is in the answer to its creation and to a rotation, and nowhere else."""

    id = fields.String()
    object = fields.Constant("webhook_endpoint")
    mode = fields.String()
    url = fields.String()
    description = fields.String(allow_none=True)
    enabled_events = fields.List(fields.String())
    api_version = fields.String()
    status = fields.String(metadata={"enum": ["enabled", "disabled"]})
    disabled_reason = fields.String(
        allow_none=True, metadata={"enum": ["requested", "gone", "failing", None]}
    )
    disabled_at = Moment(allow_none=True)
    failing_since = Moment(allow_none=True)
    withheld_events = fields.List(
        fields.String(),
        metadata={
            "description": "Types it subscribes to but does not receive, because the person or client that set "
            "it up may not read them."
        },
    )
    secrets = fields.List(
        fields.Nested(SecretAnswer),
        metadata={"description": "The secrets that sign deliveries, the current one first."},
    )
    secret = fields.String(metadata={"description": "Returned only at creation and rotation."})
    created_at = Moment()


class WebhookEndpointDeleted(Strict):
    """What is left of a deleted endpoint."""

    id = fields.String()
    object = fields.Constant("webhook_endpoint")
    deleted = fields.Constant(True)


class DeliveryQuery(PageQuery):
    """Deliveries of one status only."""

    status = Choice(*DELIVERY_STATES, load_default=None)


class WebhookAttemptAnswer(Strict):
    """One request and its answer; without an answer ``error`` says why."""

    number = fields.Integer()
    url = fields.String()
    request_headers = fields.Dict(keys=fields.String(), values=fields.String())
    request_body = fields.String()
    response_status = fields.Integer(allow_none=True)
    response_body = fields.String(allow_none=True, metadata={"description": ANSWER_KEPT})
    error = fields.String(allow_none=True)
    duration_ms = fields.Integer()
    next_attempt_at = Moment(allow_none=True)
    created_at = Moment()


class WebhookDeliveryAnswer(Strict):
    """One event on its way to one endpoint, and the log of its attempts, the newest first."""

    id = fields.String()
    object = fields.Constant("webhook_delivery")
    mode = fields.String()
    endpoint = fields.String()
    event = fields.String()
    type = fields.String()
    sequence = fields.Integer()
    cause = fields.String(metadata={"enum": ["event", "replay", "test"]})
    status = fields.String(metadata={"enum": list(DELIVERY_STATES)})
    attempts = fields.Integer()
    next_attempt_at = Moment(allow_none=True)
    log = fields.List(fields.Nested(WebhookAttemptAnswer))
    created_at = Moment()


class ReplayRequest(Strict):
    """Events recorded from ``from`` up to, not with, ``to``; by default those the endpoint asks for."""

    from_ = Moment(required=True, data_key="from")
    to = Moment(required=True)
    types = EnabledEvents(load_default=None)

    @validates_schema
    def _forward(self, data: dict[str, Any], **_: Any) -> None:
        if data["from_"] >= data["to"]:
            raise ValidationError("Must be later than from.", "to")


class ReplayAnswer(Strict):
    """How many events were queued again."""

    object = fields.Constant("webhook_replay")
    endpoint = fields.String()
    queued = fields.Integer()


class TestRequest(Strict):
    """The type of the sample; left out, the sample is the endpoint itself."""

    __test__ = False

    type = Choice(*EVENT_TYPES, load_default=None)
