"""Delivering: one run of events to one endpoint, signed, and what each answer means for the row and the endpoint."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from gateway.core.masking import redacted_answer
from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.webhooks import service
from gateway.webhooks.delivery import queue, retries, signatures
from gateway.webhooks.delivery.addresses import Rules
from gateway.webhooks.delivery.queue import Run
from gateway.webhooks.delivery.transport import KEPT_BYTES, Answer, Line, NotDelivered
from gateway.webhooks.endpoints import service as endpoints
from gateway.webhooks.endpoints import signing_secrets
from gateway.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from gateway.webhooks.schemas import KEPT_CHARACTERS, EventAnswer, WebhookEndpointAnswer

if TYPE_CHECKING:
    from gateway.web.context import Gateway

log = logging.getLogger("gateway.webhooks")
PAYLOAD = EventAnswer()
ENDPOINT = WebhookEndpointAnswer()
RUN_SECONDS = 20.0
"""After so long a run begins no further request, so that it ends well inside its lease."""
SLOW_SECONDS = 1.0
LONGEST_NUMBER = 40
"""At least as many characters as an ID, card or phone number has, however it is set."""
CHANCES = 1 << 32


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and what came of it: an answer, or the error that stands for none."""

    delivery: WebhookDelivery
    headers: dict[str, str]
    answer: Answer | None
    error: str | None
    seconds: float
    chance: float
    """From 0 to 1: places the next attempt within the jitter."""

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint answered with 2xx."""
        return self.answer is not None and 200 <= self.answer.status < 300


@dataclass(slots=True)
class Done:
    """A run that came back: its attempts, and the deliveries it did not get to."""

    run: Run
    attempts: list[Attempt] = field(default_factory=list)
    untried: list[WebhookDelivery] = field(default_factory=list)


def body_of(delivery: WebhookDelivery, event: Any) -> bytes:
    """The bytes that are signed and sent: the event as ``/v1/events`` shows it, or the sample of a test."""
    content = delivery.sample if delivery.sample is not None else PAYLOAD.dump(event)
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def rules_for(gateway: Gateway, mode: str) -> Rules:
    """Where deliveries of a mode may go; the loopback only in test mode and only when the setting says so."""
    settings = gateway.settings
    return Rules(frozenset(settings.webhook_ports), local=settings.webhook_local and mode == "test")


def send(gateway: Gateway, run: Run) -> Done:
    """Send a run in order, over one connection. Touches no database; nothing that an endpoint does raises."""
    done, failed_objects = Done(run), set[str]()
    keys = signing_secrets.keys(run.secrets, gateway.vault, at=gateway.clock())
    rules, stopped = rules_for(gateway, run.endpoint.mode), False
    with gateway.ports.webhook_transport.line(run.endpoint.url, rules) as line:
        for delivery in run.deliveries:
            if stopped or delivery.object_id in failed_objects or line.seconds > RUN_SECONDS:
                done.untried.append(delivery)
                continue
            attempt = _attempt(gateway, run, delivery, keys, line)
            done.attempts.append(attempt)
            if not attempt.succeeded:
                failed_objects.add(delivery.object_id)
                # Without an answer, gone, or told to wait: the next request would only meet the same.
                stopped = attempt.answer is None or attempt.answer.status in (410, 429)
    return done


def _attempt(
    gateway: Gateway, run: Run, delivery: WebhookDelivery, keys: Sequence[str], line: Line
) -> Attempt:
    body = body_of(delivery, run.events.get(delivery.event_id))
    timestamp = int(gateway.clock().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Fenqi-Webhooks/1",
        "Fenqi-Version": run.endpoint.api_version,
        "webhook-id": delivery.event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures.sign(
            keys, message_id=delivery.event_id, timestamp=timestamp, body=body
        ),
    }
    began, answer, error = line.seconds, None, None
    try:
        answer = line.post(headers, body)
    except NotDelivered as failure:
        error = f"{failure.kind}: {failure}"
    chance = gateway.random_bits(32) / CHANCES
    return Attempt(delivery, headers, answer, error, line.seconds - began, chance)


def settle(tx: Transaction, done: Done) -> None:
    """Write down a run: attempts, next times, the endpoint's health. What was leased again meanwhile is left alone."""
    endpoint = tx.get_one(WebhookEndpoint, done.run.endpoint.id, with_for_update={"key_share": True})
    ours = _still_ours(tx, [*(one.delivery for one in done.attempts), *done.untried])
    push: timedelta | None = None
    for attempt in done.attempts:
        row = ours.get(attempt.delivery.id)
        if row is not None:
            _write(tx, row, endpoint, attempt)
            if attempt.answer is None or attempt.answer.status == 429:
                push = row.next_at - tx.wall
    for delivery in done.untried:
        row = ours.get(delivery.id)
        if row is not None:
            row.leased_until = None
            if push is not None:
                row.next_at = tx.wall + min(push, queue.LONGEST_PUSH)
            tx.add(row)
    if ours:
        _judge(tx, endpoint, done.attempts)


def _still_ours(tx: Transaction, taken: Iterable[WebhookDelivery]) -> dict[str, WebhookDelivery]:
    claims = {row.id: row.claims for row in taken}
    query = select(WebhookDelivery).where(
        col(WebhookDelivery.id).in_(claims), WebhookDelivery.status == "pending"
    )
    query = query.order_by(col(WebhookDelivery.id))
    return {row.id: row for row in tx.exec(query.with_for_update()) if row.claims == claims[row.id]}


def _write(tx: Transaction, row: WebhookDelivery, endpoint: WebhookEndpoint, attempt: Attempt) -> None:
    answer = attempt.answer
    row.attempts += 1
    row.leased_until = None
    if attempt.succeeded:
        row.status, row.finished_at = "succeeded", tx.wall
    else:
        row.failures += 1
        wanted_wait = answer and retries.asked_wait(answer.status, answer.retry_after, now=tx.wall)
        row.next_at = tx.wall + retries.next_wait(row.failures, wanted_wait or None, chance=attempt.chance)
        if row.cause == "test" or row.next_at > (row.first_attempt_at or tx.wall) + retries.GIVE_UP_AFTER:
            row.status, row.finished_at = "failed", tx.wall
    tx.add(row)
    tx.add(
        WebhookAttempt(
            id=tx.new_id("wha"),
            delivery_id=row.id,
            number=row.attempts,
            url=endpoint.url,
            request_headers=attempt.headers,
            response_status=answer.status if answer else None,
            response_body=_kept(answer.body) if answer else None,
            error=attempt.error,
            duration_ms=round(attempt.seconds * 1000),
            next_at=row.next_at if row.status == "pending" else None,
            created_at=tx.wall,
        )
    )


def _kept(body: bytes) -> str:
    """What is written down of an answer: its beginning, masked. The end of a cut one may hold half a number."""
    text = body.decode("utf-8", "replace").replace("\x00", "\ufffd")
    whole = text if len(body) < KEPT_BYTES else text[:-LONGEST_NUMBER]
    return redacted_answer(whole)[:KEPT_CHARACTERS]


def _judge(tx: Transaction, endpoint: WebhookEndpoint, attempts: Sequence[Attempt]) -> None:
    """What a run says of its endpoint; the row is written only when something changed, as events read it."""
    if endpoint.deleted_at is not None or not attempts:
        return
    succeeded = any(attempt.succeeded for attempt in attempts)
    slow = any(attempt.answer is None or attempt.seconds > SLOW_SECONDS for attempt in attempts)
    failing_since = None if succeeded else endpoint.failing_since or tx.wall
    if succeeded and endpoint.failing_since is not None:
        queue.bring_forward(tx, endpoint.id)
    if (slow, failing_since) != (endpoint.slow, endpoint.failing_since):
        endpoint.slow, endpoint.failing_since = slow, failing_since
        tx.add(endpoint)
    if not endpoint.enabled:
        return
    if any(attempt.answer is not None and attempt.answer.status == 410 for attempt in attempts):
        _disable(tx, endpoint, "gone")
    elif failing_since is not None and tx.wall - failing_since >= retries.GIVE_UP_AFTER:
        _disable(tx, endpoint, "failing")


def _disable(tx: Transaction, endpoint: WebhookEndpoint, reason: str) -> None:
    endpoints.disable(tx, endpoint, reason)
    log.warning("webhook endpoint %s is disabled: %s", endpoint.id, reason)
    service.record(
        tx,
        Tenant.of(endpoint),
        "webhook_endpoint.disabled",
        object_id=endpoint.id,
        data=ENDPOINT.dump(endpoints.view(tx, endpoint)),
    )


def drain(gateway: Gateway) -> int:
    """Send what is due now, endpoint by endpoint in this thread; returns how many deliveries were taken."""
    with gateway.db.read() as tx:
        due = queue.endpoints_due(tx, slow=None, after="", limit=100)
    taken = 0
    for endpoint_id in due:
        run = gateway.db.write(partial(queue.claim, endpoint_id=endpoint_id), READ_COMMITTED)
        if run is not None:
            done = send(gateway, run)
            gateway.db.write(partial(settle, done=done), READ_COMMITTED)
            taken += len(run.deliveries)
    return taken
