"""Client of the Fenqi instalment gateway.

Names only: each is loaded when first used, so that ``import fenqi`` and a command's ``--help`` stay cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from ._client import Fenqi as Fenqi
    from ._errors import APIConnectionError as APIConnectionError
    from ._errors import APIError as APIError
    from ._errors import APITimeoutError as APITimeoutError
    from ._errors import AuthenticationError as AuthenticationError
    from ._errors import ConfigurationError as ConfigurationError
    from ._errors import ConflictError as ConflictError
    from ._errors import DuplicateReference as DuplicateReference
    from ._errors import FenqiError as FenqiError
    from ._errors import IdempotencyKeyReused as IdempotencyKeyReused
    from ._errors import InvalidRequestError as InvalidRequestError
    from ._errors import NotFoundError as NotFoundError
    from ._errors import PermissionDeniedError as PermissionDeniedError
    from ._errors import RateLimitError as RateLimitError
    from ._errors import ServerError as ServerError
    from ._errors import UnexpectedResponseError as UnexpectedResponseError
    from ._errors import WebhookVerificationError as WebhookVerificationError
    from ._model import Model as Model
    from ._model import Response as Response
    from ._models import Balance as Balance
    from ._models import BalanceEntry as BalanceEntry
    from ._models import Capture as Capture
    from ._models import CapturedItem as CapturedItem
    from ._models import Certificate as Certificate
    from ._models import Checkout as Checkout
    from ._models import Dispute as Dispute
    from ._models import Event as Event
    from ._models import Export as Export
    from ._models import Identity as Identity
    from ._models import Invoice as Invoice
    from ._models import Loan as Loan
    from ._models import LoanScheduleRow as LoanScheduleRow
    from ._models import Milestone as Milestone
    from ._models import Payment as Payment
    from ._models import PaymentLine as PaymentLine
    from ._models import Payout as Payout
    from ._models import PayoutAccount as PayoutAccount
    from ._models import Plan as Plan
    from ._models import PlanList as PlanList
    from ._models import RateCard as RateCard
    from ._models import Reconciliation as Reconciliation
    from ._models import ReconciliationItem as ReconciliationItem
    from ._models import ReconciliationResolution as ReconciliationResolution
    from ._models import Refund as Refund
    from ._models import RefundPreview as RefundPreview
    from ._models import ReserveRelease as ReserveRelease
    from ._models import ReturnedItem as ReturnedItem
    from ._models import ScheduleRow as ScheduleRow
    from ._models import Score as Score
    from ._models import Settlement as Settlement
    from ._models import SettlementLine as SettlementLine
    from ._models import SettlementTerms as SettlementTerms
    from ._models import TestClock as TestClock
    from ._models import VoucherAccounts as VoucherAccounts
    from ._models import WebhookDelivery as WebhookDelivery
    from ._models import WebhookEndpoint as WebhookEndpoint
    from ._money import fen as fen
    from ._money import yuan as yuan
    from ._pages import Page as Page
    from ._transport import Retry as Retry
    from ._webhook import Webhook as Webhook

_HOMES = {
    "_client": ("Fenqi",),
    "_errors": (
        "APIConnectionError",
        "APIError",
        "APITimeoutError",
        "AuthenticationError",
        "ConfigurationError",
        "ConflictError",
        "DuplicateReference",
        "FenqiError",
        "IdempotencyKeyReused",
        "InvalidRequestError",
        "NotFoundError",
        "PermissionDeniedError",
        "RateLimitError",
        "ServerError",
        "UnexpectedResponseError",
        "WebhookVerificationError",
    ),
    "_model": ("Model", "Response"),
    "_models": (
        "Balance",
        "BalanceEntry",
        "Capture",
        "CapturedItem",
        "Certificate",
        "Checkout",
        "Dispute",
        "Event",
        "Export",
        "Identity",
        "Invoice",
        "Loan",
        "LoanScheduleRow",
        "Milestone",
        "Payment",
        "PaymentLine",
        "Payout",
        "PayoutAccount",
        "Plan",
        "PlanList",
        "RateCard",
        "Reconciliation",
        "ReconciliationItem",
        "ReconciliationResolution",
        "Refund",
        "RefundPreview",
        "ReserveRelease",
        "ReturnedItem",
        "ScheduleRow",
        "Score",
        "Settlement",
        "SettlementLine",
        "SettlementTerms",
        "TestClock",
        "VoucherAccounts",
        "WebhookDelivery",
        "WebhookEndpoint",
    ),
    "_money": ("fen", "yuan"),
    "_pages": ("Page",),
    "_transport": ("Retry",),
    "_webhook": ("Webhook",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module 'fenqi' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"fenqi.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
