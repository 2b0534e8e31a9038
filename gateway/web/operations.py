"""Operations: the one place where a route is authorised, parsed, run in a transaction, made idempotent and answered.

A room declares its routes like this, and the same declaration writes the OpenAPI document::

    api = Api("payments", prefix="/v1/payments")

    @api.post("/<payment_id>/capture", scope="payments:write", body=CaptureRequest, answer=PaymentAnswer,
              idempotency=Idempotency(required=True, keep_days=30))
    def capture_payment(call: Call, payment_id: str) -> Any:
        \"\"\"Capture all or part of an authorised payment, usually on shipment.\"\"\"
        return service.capture(call.tx, call.tenant, payment_id=payment_id, amount_fen=call.body["amount"])

The view returns what ``answer`` dumps (an object, a mapping, or for ``lists=True`` what ``paging.listed`` returns), or
``Created(thing)`` for 201. It runs again from the start when its transaction loses a race, so it must touch nothing
but ``call.tx``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from io import SEEK_END
from typing import Any, Literal

import orjson
from flask import Blueprint, Response, g, request
from marshmallow import Schema

from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, SERIALIZABLE, Level, Transaction
from gateway.errors import DatabaseUnavailable, UnsupportedVersion
from gateway.web import faults, permissions, rate_limits
from gateway.web.bodies import loaded, read_form, read_json, read_query
from gateway.web.context import UNSPENT, Caller, Gateway, gateway
from gateway.web.fields import Strict
from gateway.web.idempotency import (
    HEADER,
    LONGEST_KEY,
    FileAnswer,
    Idempotency,
    Keyed,
    Outcome,
    amend,
    answered,
    key_of,
    once,
)
from gateway.web.rate_limits import Rate

VERSION = "2026-11-23"
VERSION_HEADER = "Fenqi-Version"
NOTHING = Strict()
"""For what takes no body."""
PIECE = 64 * 1024
"""Bytes of a file that are sent at once."""
ACCEPTED = 202
"""Status under which an answer is kept until ``finish`` has given the last word."""


@dataclass(frozen=True, slots=True)
class Created:
    """Marks the answer of a view as newly made: 201."""

    thing: Any


@dataclass(frozen=True, slots=True)
class Pending:
    """Marks what a ``finish`` returns while it is not the last word: 202, and a repeated request asks again."""

    thing: Any


@dataclass(frozen=True, slots=True)
class Call:
    """What a view is given: its transaction, its caller, and the validated request."""

    tx: Transaction
    caller: Caller
    gateway: Gateway
    body: dict[str, Any]
    query: dict[str, Any]
    prepared: Any = None
    """What the operation's ``prepare`` found out before the transaction."""

    @property
    def tenant(self) -> Tenant:
        """The caller's merchant and mode, which every query names."""
        return self.caller.tenant


View = Callable[..., Any]
Prepare = Callable[[Gateway, Caller, dict[str, Any]], Any]
Finish = Callable[[Gateway, Caller, dict[str, str], str | None], Any]
"""Takes the path's values, and the fault of test mode that is to be played."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route of the API, as declared."""

    method: str
    path: str
    view: View
    scope: tuple[str, ...]
    body: Schema | None
    query: Schema
    answer: Schema | None
    lists: bool
    idempotency: Idempotency
    publishable: Rate | None
    """How often one publishable key may ask from one address; None where it may not."""
    privileged: bool
    """Whether a merchant's server, too, is named in the audit log; people always are."""
    rate: Rate | None
    """How often one caller may ask; None is as often as it likes."""
    csv: View | None
    """The same answer as a file, for ``Accept: text/csv``."""
    media_type: str | None
    """Of an answer that is a file, which the view returns as bytes or as a ``FileAnswer``; None for JSON."""
    prepare: Prepare | None
    """Asks the outside before the transaction begins, as a transaction must not wait for it; raises nothing, so that a
    repeated request gets its first answer whatever the outside says today."""
    tag: str
    roles: tuple[str, ...] = ()
    """Which people may; empty: all whose role has the scope."""
    finish: Finish | None = None
    """Goes on after the commit, outside any transaction, and returns what is answered instead. A repeated request runs
    it again where it was interrupted or had no last word."""
    level: Level = SERIALIZABLE
    """What the transaction of one that writes is kept from, on PostgreSQL (see ``Database.write``)."""
    computes: bool = False
    """Whether it takes a body but changes nothing: it looks at one moment of the books, and is not kept by a key."""
    upload: bool = False
    """Whether the body is a form with a file (multipart/form-data) instead of JSON."""
    step_up: bool | Literal["login"] = False
    """Whether a person must have logged in within five minutes, in live mode with a second factor; for ``login``
    without one too."""

    @property
    def writes(self) -> bool:
        """Whether it may change something, and so takes an Idempotency-Key."""
        return self.method != "GET" and not self.computes

    @property
    def takes_body(self) -> bool:
        """Whether a body is read."""
        return self.method != "GET"


@dataclass
class Api:
    """The operations of one room, mounted as a Flask blueprint."""

    name: str
    prefix: str
    operations: list[Operation] = field(default_factory=list)

    def get(self, path: str = "", **options: Any) -> Callable[[View], View]:
        """Declare a route that reads; ``options`` are the fields of ``Operation``."""
        return self._declare("GET", path, options)

    def post(self, path: str = "", **options: Any) -> Callable[[View], View]:
        """Declare a route that creates or acts."""
        return self._declare("POST", path, options)

    def patch(self, path: str = "", **options: Any) -> Callable[[View], View]:
        """Declare a route that changes some fields."""
        return self._declare("PATCH", path, options)

    def delete(self, path: str = "", **options: Any) -> Callable[[View], View]:
        """Declare a route that removes."""
        return self._declare("DELETE", path, options)

    def blueprint(self) -> Blueprint:
        """Flask blueprint with one rule per operation."""
        blueprint = Blueprint(f"api_{self.name}", __name__)
        for operation in self.operations:
            blueprint.add_url_rule(
                operation.path,
                endpoint=operation.view.__name__,
                view_func=_runner(operation),
                methods=[operation.method],
            )
        return blueprint

    def _declare(self, method: str, path: str, options: dict[str, Any]) -> Callable[[View], View]:
        def declare(view: View) -> View:
            body, query, answer = (options.get(name) for name in ("body", "query", "answer"))
            scope = options.get("scope") or ()
            self.operations.append(
                Operation(
                    method=method,
                    path=self.prefix + path,
                    view=view,
                    scope=(scope,) if isinstance(scope, str) else tuple(scope),
                    # Schemas are built once: making one per request costs three times as much as loading.
                    body=body() if body else None,
                    query=(query or Strict)(),
                    answer=answer() if answer else None,
                    lists=options.get("lists", False),
                    idempotency=options.get("idempotency", Idempotency()),
                    publishable=options.get("publishable"),
                    privileged=options.get("privileged", False),
                    rate=options.get("rate"),
                    csv=options.get("csv"),
                    media_type=options.get("media_type"),
                    prepare=options.get("prepare"),
                    finish=options.get("finish"),
                    level=options.get("level", SERIALIZABLE),
                    computes=options.get("computes", False),
                    tag=self.name,
                    roles=options.get("roles", ()),
                    upload=options.get("upload", False),
                    step_up=options.get("step_up", False),
                )
            )
            return view

        return declare


def _runner(operation: Operation) -> Callable[..., Response]:
    def run(**path: str) -> Response:
        here = gateway()
        try:
            return response_of(operation, _outcome(here, operation, path))
        except DatabaseUnavailable:
            raise
        except Exception:
            if UNSPENT in g:  # nothing was committed that has remembered the proof; it is spent all the same
                here.db.write(here.authenticator.spend, READ_COMMITTED)
            raise

    run.__name__ = operation.view.__name__
    run.__doc__ = operation.view.__doc__
    return run


def _outcome(here: Gateway, operation: Operation, path: dict[str, str]) -> Outcome:
    """Admit, read, run and finish one request."""
    g.open_to_all_origins = operation.publishable is not None
    check_version()
    query = read_query(request)
    key = query.pop("key", None) if operation.publishable else None
    caller = _admitted(here, operation, key)
    fault = faults.wanted(request, caller, writes=operation.writes)
    faults.before(fault, here.counter)
    raw = _read(operation) if operation.takes_body else {}
    keyed = _keyed(operation, caller, raw)
    if keyed is not None and not (query or fault or UNSPENT in g) and keyed.record_id in here.answered:
        outcome = _answered(here, operation, keyed)
        if outcome is not None:
            return outcome
    body = loaded(operation.body or NOTHING, raw) if operation.takes_body else {}
    values = loaded(operation.query, query)
    prepared = operation.prepare(here, caller, body) if operation.prepare and caller else None

    def work(tx: Transaction) -> Outcome:
        if operation.writes:
            here.authenticator.spend(tx)
        who = caller or here.authenticator.publishable_key(tx, key or "")
        g.caller = who
        here.at_time_of(tx, who.tenant)
        if fault is not None:
            tx.info["test_fault"] = fault.name
        call = Call(tx=tx, caller=who, gateway=here, body=body, query=values, prepared=prepared)
        idempotency_key = key_of(request, operation.idempotency) if operation.writes else None
        if idempotency_key is None or keyed is None:
            return _act(operation, call, path)
        return once(
            tx,
            keyed,
            keep_days=operation.idempotency.keep_days,
            work=lambda: _act(operation, call, path),
            vault=here.vault if operation.idempotency.sealed else None,
        )

    if operation.writes:
        outcome = here.db.write(work, operation.level)
        g.pop(UNSPENT, None)
        if caller is not None and outcome.status == ACCEPTED:
            outcome = _finished(here, operation, caller, path, outcome, keyed, fault.name if fault else None)
        if keyed is not None:
            here.answered.add(keyed.record_id)
    else:
        if UNSPENT in g:
            here.db.write(here.authenticator.spend, READ_COMMITTED)
            g.pop(UNSPENT)
        with here.db.read(snapshot=operation.computes) as tx:
            outcome = work(tx)
    faults.after(fault, outcome)
    return outcome


def _read(operation: Operation) -> dict[str, Any]:
    """The body as it came, before any schema."""
    return read_form(request) if operation.upload else read_json(request)


def _act(operation: Operation, call: Call, path: dict[str, str]) -> Outcome:
    """Run the view; what is privileged, and all that people do, is written into the audit log."""
    if operation.csv is not None and _wants_csv():
        return Outcome(200, operation.csv(call, **path), content_type="text/csv; charset=utf-8")
    if operation.media_type is not None:
        return _as_file(operation.view(call, **path), operation.media_type)
    outcome = dumped(operation, operation.view(call, **path))
    if operation.finish is not None:
        outcome = replace(outcome, status=ACCEPTED)
    if operation.writes and (operation.privileged or call.caller.user_id is not None):
        about = _about(path, outcome)
        call.gateway.audit(call.tx, call.caller, operation.view.__name__, about, outcome.body)
    return outcome


def _as_file(made: bytes | FileAnswer, media_type: str) -> Outcome:
    if isinstance(made, FileAnswer):
        return Outcome(200, b"", content_type=made.media_type or media_type, file=made)
    return Outcome(200, made, content_type=media_type)


def _keyed(operation: Operation, caller: Caller | None, raw: dict[str, Any]) -> Keyed | None:
    """The request by its key, where it has one that is kept; whether the key may be so is asked later."""
    key = request.headers.get(HEADER) if operation.writes and operation.idempotency.keep_days else None
    if key is None or caller is None or len(key) > LONGEST_KEY:
        return None
    return Keyed.of(caller.tenant, f"{operation.method} {request.path}", key, raw)


def _answered(here: Gateway, operation: Operation, keyed: Keyed) -> Outcome | None:
    """The answer that a look finds to a request that was answered; None unless it is the same and the last word."""
    with here.db.read() as tx:
        outcome = answered(tx, keyed, vault=here.vault if operation.idempotency.sealed else None)
    return outcome if outcome is not None and outcome.status != ACCEPTED else None


def _finished(
    here: Gateway,
    operation: Operation,
    caller: Caller,
    path: dict[str, str],
    outcome: Outcome,
    keyed: Keyed | None,
    fault: str | None,
) -> Outcome:
    """What ``finish`` answers instead; a repeated request gets it too, once it is the last word.

    A request that was interrupted after its commit is finished by its repeat.
    """
    assert operation.finish is not None
    result = operation.finish(here, caller, path, fault)
    is_last, thing = (False, result.thing) if isinstance(result, Pending) else (True, result)
    last = dumped(operation, thing)
    final = replace(outcome, status=last.status if is_last else ACCEPTED, body=last.body)
    if keyed is not None and is_last:
        here.db.write(lambda tx: amend(tx, keyed, final), READ_COMMITTED)
    return final


def _wants_csv() -> bool:
    return request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv"


def check_version() -> None:
    """Refuse a request for another version of the API. Raises ``UnsupportedVersion``."""
    wanted = request.headers.get(VERSION_HEADER, VERSION)
    if wanted != VERSION:
        raise UnsupportedVersion(
            f"{VERSION_HEADER} {wanted!r} does not exist; this gateway supports {VERSION}.",
            param=VERSION_HEADER,
        )


def _about(path: dict[str, str], outcome: Outcome) -> str:
    """What an operation acted upon: the object its path names, else the one it made."""
    return next(iter(path.values()), None) or str(orjson.loads(outcome.body).get("id", ""))


def _admitted(here: Gateway, operation: Operation, key: str | None) -> Caller | None:
    """Who calls with an access token, and may; None with a publishable ``key``. Raises what refuses the caller."""
    caller = None if key is not None else here.authenticator.bearer(request)
    if caller is not None:
        g.caller = caller
        permissions.check(caller, scope=operation.scope, roles=operation.roles)
        if operation.step_up:
            permissions.check_step_up(caller, here.clock(), second_factor=operation.step_up != "login")
    _check_rate(here, operation, caller, key)
    return caller


def _check_rate(here: Gateway, operation: Operation, caller: Caller | None, key: str | None) -> None:
    if operation.rate is not None and caller is not None:
        rate_limits.check(here.counter, operation.rate, f"{caller.merchant_id}:{caller.mode}")
    if operation.publishable is not None and key is not None:
        rate_limits.check(here.counter, operation.publishable, f"{key[:100]}@{rate_limits.address()}")


def dumped(operation: Operation, result: Any) -> Outcome:
    """What a view returned, as the answer's status and bytes."""
    status = 200
    if isinstance(result, Created):
        result, status = result.thing, 201
    if operation.answer is not None:
        if operation.lists:
            result = {**result, "data": [operation.answer.dump(row) for row in result["data"]]}
        else:
            result = operation.answer.dump(result)
    return Outcome(status, orjson.dumps(result))


def _send(response: Response, answer: FileAnswer) -> None:
    """Send a file in pieces."""
    length = answer.file.seek(0, SEEK_END)
    answer.file.seek(0)
    response.response = iter(partial(answer.file.read, PIECE), b"")
    response.content_length = length
    response.call_on_close(answer.file.close)
    if answer.name is not None:
        response.headers["Content-Disposition"] = f'attachment; filename="{answer.name}"'


def response_of(operation: Operation, outcome: Outcome) -> Response:
    """The answer of an operation, with its headers."""
    response = Response(outcome.body, status=outcome.status, content_type=outcome.content_type)
    if outcome.file is not None:
        _send(response, outcome.file)
    response.headers[VERSION_HEADER] = VERSION
    if operation.publishable:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cache-Control"] = "public, max-age=60"
        response.headers["Vary"] = "Authorization"
    else:
        response.headers["Cache-Control"] = "no-store"
    if outcome.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
