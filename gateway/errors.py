"""Every way a request can fail: the name is the problem, ``code`` never changes, HTTP numbers live only here.

GatewayError
├─ InvalidRequest                  400 invalid_request          the request cannot be read
│  ├─ IdempotencyKeyMissing        400 idempotency_key_required
│  └─ UnsupportedVersion           400 unsupported_version
├─ Unauthenticated                 401 unauthenticated
│  └─ ProofRefused                 401 invalid_dpop_proof
│     └─ NonceRequired             401 use_dpop_nonce           send it again with the nonce of DPoP-Nonce
├─ StepUpRequired                  401 step_up_required         RFC 9470; names max_age
├─ ScopeMissing                    403 insufficient_scope
├─ SecondFactorRequired            403 second_factor_required   in live mode, for people without one
├─ RoleMissing                     403 insufficient_role        names the roles that may
├─ NotFound                        404 not_found                also for what belongs to somebody else
├─ MethodNotAllowed                405 method_not_allowed
├─ Conflict                        409 conflict
│  ├─ DuplicateReference           409 duplicate_reference
│  ├─ FileAlreadyUploaded          409 file_already_uploaded    names the reconciliation that has it
│  ├─ SecondPersonRequired         409 second_person_required
│  ├─ WrongState                   409 wrong_state
│  ├─ StatementNotReady            409 statement_not_ready
│  ├─ MonthOpen                    409 month_open
│  ├─ CheckoutExpired              409 checkout_expired
│  ├─ AuthorizationExpired         409 authorization_expired
│  ├─ ReadingTimeShort             409 reading_time_short
│  ├─ SerialNumberTaken            409 serial_number_taken
│  ├─ LineCaptured                 409 line_captured            names line and ordered
│  ├─ RepaymentConflict            409 repayment_conflict
│  ├─ RepaymentMethodMissing       409 repayment_method_missing
│  ├─ OutsideReturnWindow          409 outside_return_window
│  ├─ PriceOverlap                 409 price_overlap
│  ├─ LastOwner                    409 last_owner
│  ├─ ContractWithoutDisclosure    409 contract_without_disclosure
│  ├─ TooManyEndpoints             409 too_many_endpoints
│  ├─ TooManySecrets               409 too_many_secrets
│  └─ ModelNotServed               409 model_not_served         names the models that are
├─ RequestTooSlow                  408 request_too_slow         the body took too long; nothing was changed
├─ PayloadTooLarge                 413 payload_too_large
├─ UnsupportedMediaType            415 unsupported_media_type
├─ Unprocessable                   422 unprocessable
│  ├─ ValidationFailed             422 validation_failed        one entry of errors[] per field
│  ├─ IdempotencyKeyReused         422 idempotency_key_reused
│  ├─ AmountMismatch               422 amount_mismatch
│  ├─ AmountOutOfRange             422 amount_out_of_range
│  ├─ AmountAboveAuthorized        422 amount_above_authorized
│  ├─ AmountAboveRefundable        422 amount_above_refundable
│  ├─ CaptureTooSmall              422 capture_too_small
│  ├─ LineUnavailable              422 line_unavailable         names line, ordered, left
│  ├─ DeliveryRefused              422 delivery_refused
│  ├─ CategoryRefused              422 category_refused
│  ├─ TermUnavailable              422 term_unavailable
│  ├─ CostAboveCeiling             422 cost_above_ceiling
│  ├─ IdentityRefused              422 identity_refused
│  ├─ CodeRefused                  422 code_refused
│  ├─ ConsentMissing               422 consent_missing
│  ├─ ReserveInvalid               422 reserve_invalid
│  ├─ QuoteChanged                 422 quote_changed
│  ├─ PriceInvalid                 422 price_invalid
│  ├─ SubsidyRefused               422 subsidy_refused          names the expected amount
│  │  └─ SubsidyQuotaUsed          422 subsidy_quota_used       names programme and category
│  ├─ AddressNotAllowed            422 address_not_allowed      webhooks may not go there
│  ├─ ReplayTooLarge               422 replay_too_large
│  └─ FileUnreadable               422 file_unreadable          names file, row and column
├─ HeaderTooLarge                  431 header_too_large         names the header
├─ TooManyRequests                 429 rate_limited
│  └─ QuotaExceeded                429 quota_exceeded           names the limit
├─ OutcomeUnknown                  504 outcome_unknown          test mode, on request: it was carried out
└─ Unavailable                     503 unavailable              nothing was changed; try again
   ├─ Overloaded                   503 overloaded
   ├─ DatabaseUnavailable          503 database_unavailable
   ├─ FunderUnavailable            503 funder_unavailable
   ├─ MessagesUnavailable          503 messages_unavailable
   ├─ DocumentsUnavailable         503 documents_unavailable
   ├─ ScorerNotReady               503 scorer_not_ready
   └─ InstitutionUnavailable       503 institution_unavailable
"""

from __future__ import annotations

from typing import Any, ClassVar


class GatewayError(Exception):
    """Base of all: ``detail`` says what was wrong and what to do, ``param`` where, ``extra`` adds members."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    detail: ClassVar[str] = ""

    def __init__(self, detail: str = "", *, param: str | None = None, **extra: Any) -> None:
        self.message = detail or self.detail or self.title
        self.param = param
        self.extra = extra
        super().__init__(self.message)


class InvalidRequest(GatewayError):
    status, code, title = 400, "invalid_request", "The request cannot be read"


class IdempotencyKeyMissing(InvalidRequest):
    code, title = "idempotency_key_required", "An Idempotency-Key header is required"
    detail = "Send an Idempotency-Key header, such as your order, shipment or refund number."


class UnsupportedVersion(InvalidRequest):
    code, title = "unsupported_version", "This API version does not exist"


class Unauthenticated(GatewayError):
    """``challenges`` become the WWW-Authenticate headers of the answer; ``reason`` is one word for the log."""

    status, code, title = 401, "unauthenticated", "Credentials are missing or not valid"
    reason: str = ""
    challenges: tuple[str, ...] = ('Bearer realm="fenqi"',)


class ProofRefused(Unauthenticated):
    code, title = "invalid_dpop_proof", "Invalid DPoP proof"


class NonceRequired(ProofRefused):
    code, title = "use_dpop_nonce", "The DPoP proof must include a server-provided nonce"
    detail = "Send the request again with a proof that includes the nonce from the DPoP-Nonce header."


class ScopeMissing(GatewayError):
    status, code, title = 403, "insufficient_scope", "The token lacks a required scope"


class StepUpRequired(GatewayError):
    """``max_age`` is how many seconds ago the person may have logged in at most (RFC 9470)."""

    status, code, title = 401, "step_up_required", "The person must log in again"


class SecondFactorRequired(GatewayError):
    status, code, title = 403, "second_factor_required", "The person needs a second factor"


class RoleMissing(GatewayError):
    """``roles`` are those that may."""

    status, code, title = 403, "insufficient_role", "The person's role does not allow this"


class NotFound(GatewayError):
    status, code, title = 404, "not_found", "No such object"


class MethodNotAllowed(GatewayError):
    status, code, title = 405, "method_not_allowed", "This path does not support the method"


class Conflict(GatewayError):
    status, code, title = 409, "conflict", "The request conflicts with the current state of the object"


class DuplicateReference(Conflict):
    code, title = "duplicate_reference", "The merchant reference is already in use"


class FileAlreadyUploaded(Conflict):
    """``reconciliation`` is the one that has the file."""

    code, title = "file_already_uploaded", "This file was already uploaded"


class SecondPersonRequired(Conflict):
    code, title = "second_person_required", "Another person must confirm this"


class WrongState(Conflict):
    code, title = "wrong_state", "The object's state does not allow this"


class StatementNotReady(Conflict):
    code, title = "statement_not_ready", "The statement cannot be proved yet"


class MonthOpen(Conflict):
    code, title = "month_open", "The month is not closed yet"


class CheckoutExpired(Conflict):
    code, title = "checkout_expired", "The checkout has expired"


class AuthorizationExpired(Conflict):
    code, title = "authorization_expired", "The authorisation has expired"


class ReadingTimeShort(Conflict):
    """``seconds_left`` says how long the disclosure is still to be read."""

    code, title = "reading_time_short", "The cost disclosure has not been displayed long enough"


class SerialNumberTaken(Conflict):
    code, title = "serial_number_taken", "The serial number was already captured"


class LineCaptured(Conflict):
    """``line`` and ``ordered`` say which one, and how many pieces it had; ``left`` is 0."""

    code, title = "line_captured", "All pieces of the line were already captured"


class RepaymentConflict(Conflict):
    code, title = "repayment_conflict", "This reference was already used for a different payment"


class RepaymentMethodMissing(Conflict):
    code, title = "repayment_method_missing", "The shopper has not given a repayment method"


class OutsideReturnWindow(Conflict):
    """``last_day`` is the last day on which the purchase could be unwound."""

    code, title = "outside_return_window", "The purchase can no longer be unwound"


class PriceOverlap(Conflict):
    code, title = "price_overlap", "Overlaps an existing price"


class LastOwner(Conflict):
    code, title = "last_owner", "A team must have at least one owner"


class ContractWithoutDisclosure(Conflict):
    code, title = "contract_without_disclosure", "The cost disclosure was not confirmed for this contract"


class TooManyEndpoints(Conflict):
    code, title = "too_many_endpoints", "Too many webhook endpoints"


class TooManySecrets(Conflict):
    code, title = "too_many_secrets", "Too many secrets are in use"


class ModelNotServed(Conflict):
    code, title = "model_not_served", "The model is not served"


class RequestTooSlow(GatewayError):
    status, code, title = 408, "request_too_slow", "The request body took too long to arrive"


class PayloadTooLarge(GatewayError):
    status, code, title = 413, "payload_too_large", "The request body is too large"


class UnsupportedMediaType(GatewayError):
    status, code, title = 415, "unsupported_media_type", "The content type is not supported"


class Unprocessable(GatewayError):
    status, code, title = 422, "unprocessable", "The request was understood but cannot be carried out"


class ValidationFailed(Unprocessable):
    """``errors`` holds one ``{"param", "code", "detail"}`` for each field that is wrong."""

    code, title = "validation_failed", "Some fields are not valid"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        first = errors[0]
        super().__init__(f"{first['param']}: {first['detail']}", param=first["param"], errors=errors)


class IdempotencyKeyReused(Unprocessable):
    code, title = "idempotency_key_reused", "The Idempotency-Key was already used with a different request"


class AmountMismatch(Unprocessable):
    code, title = "amount_mismatch", "The items do not add up to the amount"


class AmountOutOfRange(Unprocessable):
    code, title = "amount_out_of_range", "The amount cannot be financed"


class AmountAboveAuthorized(Unprocessable):
    code, title = "amount_above_authorized", "The amount exceeds the authorised amount"


class AmountAboveRefundable(Unprocessable):
    code, title = "amount_above_refundable", "The amount exceeds the refundable amount"


class CaptureTooSmall(Unprocessable):
    code, title = "capture_too_small", "A partial capture must be at least 1,000 yuan"


class LineUnavailable(Unprocessable):
    """``line``, ``ordered`` and ``left`` say which line, how many pieces it had, and how many are left to take."""

    code, title = "line_unavailable", "The line does not have that many pieces left"


class DeliveryRefused(Unprocessable):
    code, title = "delivery_refused", "The goods cannot have been received at this time"


class CategoryRefused(Unprocessable):
    code, title = "category_refused", "This category cannot be financed"


class TermUnavailable(Unprocessable):
    code, title = "term_unavailable", "This term is not offered for the amount"


class CostAboveCeiling(Unprocessable):
    code, title = "cost_above_ceiling", "The cost of the loan exceeds the legal ceiling"


class IdentityRefused(Unprocessable):
    code, title = "identity_refused", "The identity data cannot be accepted"


class CodeRefused(Unprocessable):
    code, title = "code_refused", "Incorrect verification code"


class ConsentMissing(Unprocessable):
    code, title = "consent_missing", "A required consent was not given"


class ReserveInvalid(Unprocessable):
    code, title = "reserve_invalid", "Invalid reserve terms"


class QuoteChanged(Unprocessable):
    code, title = "quote_changed", "The terms differ from those that were disclosed"


class PriceInvalid(Unprocessable):
    code, title = "price_invalid", "Invalid price terms"


class SubsidyRefused(Unprocessable):
    """``expected`` is the subsidy the order is due, in fen."""

    code, title = "subsidy_refused", "The order is not eligible for this government subsidy"


class SubsidyQuotaUsed(SubsidyRefused):
    """One person gets one subsidy of each category of a programme: ``programme`` and ``category`` say which."""

    code, title = "subsidy_quota_used", "The person has already used this government subsidy"


class AddressNotAllowed(Unprocessable):
    code, title = "address_not_allowed", "Webhooks cannot be delivered to this address"


class ReplayTooLarge(Unprocessable):
    code, title = "replay_too_large", "The range contains more events than one replay allows"


class FileUnreadable(Unprocessable):
    """``file`` names it; ``row`` (from 1) and ``column`` say where, as far as that is known."""

    code, title = "file_unreadable", "The file cannot be read"


class HeaderTooLarge(GatewayError):
    status, code, title = 431, "header_too_large", "A header of the request is too large"


class TooManyRequests(GatewayError):
    """``retry_after`` is the wait in seconds."""

    status, code, title = 429, "rate_limited", "Too many requests"


class QuotaExceeded(TooManyRequests):
    code, title = "quota_exceeded", "Daily quota exceeded"


class OutcomeUnknown(GatewayError):
    status, code, title = 504, "outcome_unknown", "The response did not arrive in time"
    detail = (
        "It is not known whether the request was carried out. Send it again with the same Idempotency-Key."
    )


class Unavailable(GatewayError):
    status, code, title = 503, "unavailable", "Temporarily unavailable"


class Overloaded(Unavailable):
    """``retry_after`` is the wait in seconds."""

    code, title = "overloaded", "The server is overloaded"
    detail = "Nothing was changed. Try again after Retry-After seconds, with the same Idempotency-Key."


class DatabaseUnavailable(Unavailable):
    code, title = "database_unavailable", "The database cannot be reached"
    detail = "Nothing was changed. Try again in a few seconds, with the same Idempotency-Key."
    AT_COMMIT: ClassVar[str] = (
        "It is not known whether this was carried out. Try again in a few seconds, with the same "
        "Idempotency-Key: it takes effect only once."
    )


class FunderUnavailable(Unavailable):
    code, title = "funder_unavailable", "The lender cannot be reached"


class MessagesUnavailable(Unavailable):
    code, title = "messages_unavailable", "Messages cannot be sent"


class DocumentsUnavailable(Unavailable):
    code, title = "documents_unavailable", "The document cannot be made"


class ScorerNotReady(Unavailable):
    code, title = "scorer_not_ready", "The model is not ready"


class InstitutionUnavailable(Unavailable):
    code, title = "institution_unavailable", "The payment institution cannot be reached"
