"""The tree of errors: which answer raises which, and what each one carries."""

from __future__ import annotations

import builtins
import copy
import pickle

import pytest

import fenqi
from fenqi import _errors

KINDS = [
    kind
    for kind in vars(_errors).values()
    if isinstance(kind, type) and issubclass(kind, fenqi.FenqiError) and kind.__module__ == _errors.__name__
]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request", fenqi.InvalidRequestError),
        (422, "validation_failed", fenqi.InvalidRequestError),
        (422, "idempotency_key_reused", fenqi.IdempotencyKeyReused),
        (401, "unauthenticated", fenqi.AuthenticationError),
        (403, "insufficient_scope", fenqi.PermissionDeniedError),
        (404, "not_found", fenqi.NotFoundError),
        (409, "wrong_state", fenqi.ConflictError),
        (409, "duplicate_reference", fenqi.DuplicateReference),
        (429, "rate_limited", fenqi.RateLimitError),
        (500, "internal_error", fenqi.ServerError),
        (503, "unavailable", fenqi.ServerError),
        (418, None, fenqi.APIError),
        (500, "duplicate_reference", fenqi.ServerError),
        (404, ["not", "text"], fenqi.NotFoundError),
    ],
)
def test_answer_raises_by_code_then_by_status(status: int, code: object, kind: type[Exception]) -> None:
    error = _errors.api_error(status, {"code": code, "title": "T", "detail": "D"}, headers={})
    assert type(error) is kind


def test_error_carries_the_problem_document() -> None:
    problem = {
        "title": "Some fields are not valid",
        "detail": "amount: must be positive",
        "code": "validation_failed",
        "param": "amount",
        "errors": [{"param": "amount", "code": "invalid"}],
        "request_id": "req_1",
        "difference": 7,
    }
    error = _errors.api_error(422, problem, headers={"X-Request-Id": "req_other"}, idempotency_key="order-1")
    assert (error.status, error.code, error.param, error.detail) == (
        422,
        "validation_failed",
        "amount",
        "amount: must be positive",
    )
    assert error.errors == [{"param": "amount", "code": "invalid"}]
    assert (error.request_id, error.idempotency_key) == ("req_1", "order-1")
    assert error.problem["difference"] == 7
    assert str(error) == "amount: must be positive (request req_1)"


def test_problem_document_of_wrong_types_still_raises() -> None:
    error = _errors.api_error(422, {"detail": 5, "errors": "x", "param": {}, "request_id": 1}, headers={})
    assert (error.message, error.errors, error.param, error.request_id) == (
        "the gateway answered 422",
        [],
        None,
        None,
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_pickles_and_copies(kind: type[fenqi.FenqiError]) -> None:
    error = kind("what happened")
    error.request_id, error.idempotency_key, error.code = "req_1", "order-1", "some_code"
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is kind
        assert vars(other) == vars(error)
        assert str(other) == str(error)


def test_api_error_pickles_with_everything() -> None:
    error = _errors.api_error(429, {"code": "rate_limited"}, headers={"Retry-After": "7"}, retry_after=7.0)
    other = pickle.loads(pickle.dumps(error))
    assert isinstance(other, fenqi.RateLimitError)
    assert (other.retry_after, other.headers, other.problem) == (
        7.0,
        {"Retry-After": "7"},
        {"code": "rate_limited"},
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_error_shadows_a_builtin_and_each_is_drawn_and_exported(kind: type[fenqi.FenqiError]) -> None:
    assert not hasattr(builtins, kind.__name__)
    assert kind.__name__ in (_errors.__doc__ or "")
    assert getattr(fenqi, kind.__name__) is kind


@pytest.mark.parametrize(
    ("status", "answer", "kind", "says"),
    [
        (
            401,
            {"error": "invalid_client", "error_description": "No."},
            fenqi.AuthenticationError,
            "client_secret",
        ),
        (400, {"error": "invalid_scope", "error_description": "x:y"}, fenqi.AuthenticationError, "x:y"),
        (503, {"error": "temporarily_unavailable"}, fenqi.ServerError, "503"),
        (401, {"code": "unauthenticated", "detail": "Who?"}, fenqi.AuthenticationError, "Who?"),
    ],
)
def test_token_endpoint_refusal_is_a_sentence(
    status: int, answer: dict[str, str], kind: type[Exception], says: str
) -> None:
    error = _errors.token_error(status, answer, headers={})
    assert type(error) is kind
    assert says in error.message
