"""Operations of the gateway's own people, under ``/v1/operator``: declared as those of merchants, admitted otherwise.

An operator belongs to no merchant and to no mode: which merchant is meant stands in the request. Whoever acts has
logged in with password and code within five minutes; that a step is done once is held by the step itself, not by a key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from gateway.db.transactions import Transaction
from gateway.errors import ScopeMissing, StepUpRequired
from gateway.web.bodies import loaded, read_json, read_query
from gateway.web.context import Gateway, OperatorCaller, gateway
from gateway.web.idempotency import Outcome
from gateway.web.line import WHOSE
from gateway.web.operations import NOTHING, Api, Operation, check_version, dumped, response_of
from gateway.web.permissions import STEP_UP_SECONDS


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """What a view is given: its transaction, the operator, and the validated request."""

    tx: Transaction
    caller: OperatorCaller
    gateway: Gateway
    body: dict[str, Any]
    query: dict[str, Any]


class OperatorApi(Api):
    """The operations of one room for operators, mounted as a Flask blueprint."""

    def blueprint(self) -> Blueprint:
        """Flask blueprint with one rule per operation."""
        blueprint = Blueprint(f"operator_api_{self.name}", __name__)
        for operation in self.operations:
            blueprint.add_url_rule(
                operation.path,
                endpoint=operation.view.__name__,
                view_func=_runner(operation),
                methods=[operation.method],
            )
        return blueprint


def _runner(operation: Operation) -> Callable[..., Response]:
    def run(**path: str) -> Response:
        return response_of(operation, _outcome(gateway(), operation, path))

    run.__name__ = operation.view.__name__
    run.__doc__ = operation.view.__doc__
    return run


def _outcome(here: Gateway, operation: Operation, path: dict[str, str]) -> Outcome:
    """Admit, read and run one request; who is refused learns that before anything of the request is looked at."""
    check_version()
    claims = here.operators.claims(request)
    with here.db.read() as tx:
        caller = here.operators.admitted(tx, claims)
    request.environ[WHOSE] = f"operator {caller.id}"
    _check(here, operation, caller)
    values = loaded(operation.query, read_query(request))
    body = loaded(operation.body or NOTHING, read_json(request)) if operation.takes_body else {}

    def act(tx: Transaction) -> Outcome:
        # Asked again: who was removed meanwhile changes nothing any more.
        who = here.operators.admitted(tx, claims) if operation.writes else caller
        call = OperatorCall(tx=tx, caller=who, gateway=here, body=body, query=values)
        return dumped(operation, operation.view(call, **path))

    if operation.writes:
        return here.db.write(act, operation.level)
    with here.db.read() as tx:
        return act(tx)


def _check(here: Gateway, operation: Operation, caller: OperatorCaller) -> None:
    """Raise ``ScopeMissing`` or, for what writes, ``StepUpRequired``."""
    if not caller.scopes & set(operation.scope):
        raise ScopeMissing(
            f"This requires the scope {' or '.join(operation.scope)}; the token has: "
            f"{' '.join(sorted(caller.scopes)) or 'none'}."
        )
    if operation.writes and here.clock().timestamp() - caller.auth_time > STEP_UP_SECONDS:
        raise StepUpRequired(
            "Log in again: this is only allowed within five minutes of a login.", max_age=STEP_UP_SECONDS
        )
