"""The application factory: every room's routes, the ports to the outside, and what all requests share."""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import cache
from typing import Any

from flask import Flask, Response, g
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import keyring
from gateway.audit import recording
from gateway.audit import routes as audit_routes
from gateway.checkout import (
    consent_pages,
    document_pages,
    entry_pages,
    method_pages,
    public_pages,
    result_pages,
    stage_pages,
)
from gateway.checkout import pages as checkout_pages
from gateway.checkout import routes as checkout_routes
from gateway.config import Settings, WrongSetting, from_environment
from gateway.core.calendar import OfficialWorkingDays
from gateway.core.identifiers import IdSource
from gateway.core.tenant import Mode
from gateway.db.engine import Limits, connect
from gateway.db.transactions import Database
from gateway.decision.bureau import SimulatedBureau
from gateway.decision.funder import SimulatedFunder
from gateway.decision.link_book import LinkBook
from gateway.decision.scorer import EmbeddedScorer
from gateway.decision.shadow import Challenger
from gateway.documents.signing import BuiltInDocumentAuthority
from gateway.exports import routes as export_routes
from gateway.identity.notifier import Notifier, SandboxNotifier
from gateway.identity.real_name import OneForEachMode, RealName, SimulatedRealName
from gateway.institution.port import PaymentInstitution
from gateway.institution.simulator import SimulatedInstitution
from gateway.ledger import routes as ledger_routes
from gateway.loans import routes as loan_routes
from gateway.merchants import business_clock
from gateway.merchants import routes as merchant_routes
from gateway.monitoring import logs, metrics, security_events
from gateway.my import pages as my_pages
from gateway.oauth import routes as oauth_routes
from gateway.oauth.operators import login as operator_login
from gateway.oauth.operators import routes as operator_oauth_routes
from gateway.oauth.operators.bearer import OperatorBearer
from gateway.oauth.tokens.bearer import Bearer
from gateway.outbox import service as outbox
from gateway.payments import routes as payment_routes
from gateway.payments.disputes import operator_routes as dispute_operator_routes
from gateway.payments.disputes import routes as dispute_routes
from gateway.payments.milestones import routes as milestone_routes
from gateway.payments.refunds import routes as refund_routes
from gateway.plans import operator_routes as plan_operator_routes
from gateway.plans import routes as plan_routes
from gateway.privacy.row_key_file import RowKeyFile
from gateway.process import routes as monitoring_routes
from gateway.reconciliation import routes as reconciliation_routes
from gateway.roots import routes as roots_routes
from gateway.roots.targets import target_of
from gateway.sandbox import after_approval, before_approval
from gateway.scores import routes as score_routes
from gateway.settlement import account_routes as payout_account_routes
from gateway.settlement import operator_routes as settlement_operator_routes
from gateway.settlement import routes as settlement_routes
from gateway.team import pages as account_pages
from gateway.team import routes as team_routes
from gateway.web import api_reference, headers, hosts, pages, problems, rate_limits
from gateway.web.bodies import MAX_BODY_BYTES
from gateway.web.context import Clock, Gateway
from gateway.web.operations import Api
from gateway.web.operator_operations import OperatorApi
from gateway.web.ports import Ports
from gateway.webhooks import routes as event_routes
from gateway.webhooks.delivery.transport import Transport
from gateway.webhooks.endpoints import routes as endpoint_routes

APIS: tuple[Api, ...] = (
    plan_routes.api,
    plan_routes.rate_cards,
    checkout_routes.api,
    payment_routes.api,
    refund_routes.api,
    dispute_routes.api,
    milestone_routes.api,
    loan_routes.api,
    *ledger_routes.apis,
    *settlement_routes.apis,
    payout_account_routes.api,
    roots_routes.api,
    reconciliation_routes.api,
    *export_routes.apis,
    event_routes.api,
    endpoint_routes.api,
    endpoint_routes.delivery_api,
    score_routes.api,
    merchant_routes.api,
    audit_routes.api,
    *team_routes.apis,
    before_approval.api,
    after_approval.helpers,
    after_approval.clocks,
)
OPERATOR_APIS: tuple[OperatorApi, ...] = (
    plan_operator_routes.api,
    settlement_operator_routes.api,
    dispute_operator_routes.api,
)
"""What the gateway's own people may do; no merchant's token opens any of it."""


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    random_bits: Callable[[int], int] = secrets.randbits,
    ports: dict[str, Any] | None = None,
) -> Flask:
    """One gateway as a WSGI application.

    ``clock``, ``random_bits`` and ``ports`` replace time, chance and the outside world; a seeded simulator or a test
    gives its own. The database must be migrated; nothing is started here (see ``gateway.process.worker``).
    """
    settings = settings or from_environment()
    clock = clock or utc_now
    app = Flask("gateway", static_folder=None)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["fenqi"] = gateway_of(settings, clock=clock, random_bits=random_bits, ports=ports or {})
    app.extensions["fenqi.apis"] = APIS
    app.extensions["fenqi.operator_apis"] = OPERATOR_APIS
    # Set for every request; a route that takes more says so.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)  # type: ignore[method-assign]
    # First of all, so that they see the answer last.
    metrics.count_requests(app)
    security_events.register(app, app.extensions["fenqi"])
    _name_requests(app)
    hosts.register(app, settings.public_url, proxies=settings.proxies)
    headers.register(app, settings.public_url)
    problems.register(app)
    rate_limits.register(app, app.extensions["fenqi"].counter)
    for api in (*APIS, *OPERATOR_APIS):
        app.register_blueprint(api.blueprint())
    app.register_blueprint(monitoring_routes.blueprint)
    oauth_routes.register(app)
    app.register_blueprint(operator_login.blueprint)
    app.register_blueprint(operator_oauth_routes.blueprint)
    app.register_blueprint(account_pages.blueprint)
    pages.register(app)
    checkout_pages.register(app)
    app.register_blueprint(consent_pages.blueprint)
    app.register_blueprint(result_pages.blueprint)
    app.register_blueprint(stage_pages.blueprint)
    app.register_blueprint(method_pages.blueprint)
    app.register_blueprint(document_pages.blueprint)
    app.register_blueprint(public_pages.blueprint)
    entry_pages.register(app)
    my_pages.register(app)
    api_reference.register(app)
    return app


def gateway_of(
    settings: Settings,
    *,
    clock: Clock | None = None,
    random_bits: Callable[[int], int] = secrets.randbits,
    ports: dict[str, Any] | None = None,
) -> Gateway:
    """The gateway without its web: what the worker and the commands need. Raises ``KeyFileError`` without its keys."""
    logs.install()
    clock = clock or utc_now
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = keyring.opened(settings.data_dir, clock)
    database = database_of(settings, clock=clock, random_bits=random_bits)
    metrics.watch_pool(database.engine)  # no other: their room would hide that this one is full
    return Gateway(
        settings=settings,
        db=database,
        clock=clock,
        vault=keys.vault,
        authenticator=Bearer(keys.tokens, settings.public_url, clock),
        operators=OperatorBearer(keys.tokens, settings.public_url, clock),
        audit=recording.of_call,
        counter=rate_limits.counter_of(settings.rate_limits, lambda: clock().timestamp()),
        at_time_of=business_clock.enter,
        random_bits=random_bits,
        queue=outbox.put,
        ports=Ports(
            **{
                "working_days": OfficialWorkingDays(),
                "scorer": EmbeddedScorer(settings.scorer_bundle),
                "challengers": [
                    Challenger(name, EmbeddedScorer(folder), share)
                    for name, folder, share in settings.scorer_challengers
                ],
                "links": LinkBook(database_of(settings, clock=clock, random_bits=random_bits)),
                "signing_keys": keys.tokens,
                "webhook_transport": Transport(),
                "signing_authority": keys.authority,
                "document_authority": BuiltInDocumentAuthority(settings.data_dir),
                "roots_target": target_of(settings.roots_to, keys.authority),
                **outside_ports(settings),
                **(ports or {}),
            }
        ),
    )


def database_of(
    settings: Settings, *, clock: Clock, random_bits: Callable[[int], int] = secrets.randbits
) -> Database:
    """The database alone; of keys it reads those of rows, when something is written that is hashed with them."""
    ids = IdSource(lambda: int(clock().timestamp() * 1000), random_bits)
    limits = Limits(
        connect=settings.database_connect_seconds,
        statement=settings.database_statement_seconds,
        lock=settings.database_lock_seconds,
        idle=settings.database_idle_seconds,
        tcp=settings.database_tcp_seconds,
    )
    row_keys = cache(lambda: RowKeyFile.of_folder(settings.data_dir).keys)
    return Database(connect(settings.database_url, limits), clock=clock, ids=ids, row_keys=row_keys)


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def outside_ports(settings: Settings) -> dict[str, Any]:
    """The foreign systems of these settings: the simulators, unless adapters take their places.

    Nothing is connected to and nothing is created. Raises ``WrongSetting`` for adapters that cannot be loaded.
    """
    simulators: dict[str, Any] = {
        "funder": SimulatedFunder(settings.funder),
        "notifier": _notifier(settings),
        "institution": _institution(settings),
        "real_name": _real_name(settings),
        "bureau": SimulatedBureau() if settings.bureau == "simulator" else None,
    }
    return {**simulators, **adapters_of(settings, simulators)}


def adapters_of(settings: Settings, places: Collection[str]) -> dict[str, Any]:
    """What the function that ``FENQI_ADAPTERS`` names makes of the settings: ports by name. Raises ``WrongSetting``."""
    if not settings.adapters:
        return {}
    module, _, name = settings.adapters.partition(":")
    try:
        adapters = dict(getattr(importlib.import_module(module), name)(settings))
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise WrongSetting(f"FENQI_ADAPTERS={settings.adapters!r} cannot be used: {error}") from None
    unknown = sorted(set(adapters) - set(places))
    if unknown:
        raise WrongSetting(
            f"FENQI_ADAPTERS={settings.adapters!r} has {', '.join(unknown)}: expected any of {', '.join(places)}"
        )
    return adapters


def _institution(settings: Settings) -> PaymentInstitution:
    if settings.fake_bank_url:
        if settings.institution_url:
            raise WrongSetting(
                "FENQI_FAKE_BANK_URL and FENQI_INSTITUTION_URL are both set: choose one institution."
            )
        from gateway.institution.fake_bank_client import FakeBank  # noqa: PLC0415

        return FakeBank(settings.fake_bank_url)
    if not settings.institution_url:
        return SimulatedInstitution()
    from gateway.institution.stripe_like import StripeLikeInstitution  # noqa: PLC0415

    keys: dict[Mode, str] = {"test": settings.institution_test_key, "live": settings.institution_live_key}
    settling = float(settings.institution_settling_seconds)
    return StripeLikeInstitution(
        settings.institution_url,
        keys,
        settling_seconds=settling,
        setup_origin=settings.institution_setup_origin,
    )


def _notifier(settings: Settings) -> Notifier:
    mailbox = SandboxNotifier(settings.data_dir / "test-messages.jsonl")
    if not settings.messages_url:
        return mailbox
    if not settings.messages_key:
        raise WrongSetting("FENQI_MESSAGES_URL is set without FENQI_MESSAGES_KEY: set both, or neither.")
    from gateway.identity.notifier_http import HttpNotifier, NotifierOfEachMode  # noqa: PLC0415

    return NotifierOfEachMode(HttpNotifier(settings.messages_url, settings.messages_key), mailbox)


def _real_name(settings: Settings) -> RealName:
    if not settings.real_name_url:
        return SimulatedRealName()
    if not settings.real_name_key:
        raise WrongSetting("FENQI_REAL_NAME_URL is set without FENQI_REAL_NAME_KEY: set both, or neither.")
    from gateway.identity.real_name_http import HttpRealName  # noqa: PLC0415

    return OneForEachMode(HttpRealName(settings.real_name_url, settings.real_name_key))


def _name_requests(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.request_id = problems.new_request_id()

    @app.after_request
    def name(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        return response
