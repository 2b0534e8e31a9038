"""The client: credentials, settings and the resources as attributes. A caller cannot change its state."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import requests

from ._answers import value_in
from ._auth import ClientCredentials, GivenToken
from ._calls import Caller, onward
from ._encoding import Query
from ._errors import ConfigurationError
from ._model import Response, model_for
from ._pages import Page
from ._transport import Retry, Timeout, Transport

if TYPE_CHECKING:
    from ._resources.balance import BalanceEntries, BalanceNow
    from ._resources.certificates import Certificates
    from ._resources.checkouts import Checkouts
    from ._resources.clocks import TestClocks
    from ._resources.disputes import Disputes
    from ._resources.events import Events
    from ._resources.exports import Exports
    from ._resources.helpers import TestHelpers
    from ._resources.invoices import Invoices
    from ._resources.loans import Loans
    from ._resources.me import Me
    from ._resources.payments import Payments
    from ._resources.payout_accounts import PayoutAccounts
    from ._resources.payouts import Payouts
    from ._resources.plans import Plans
    from ._resources.rate_cards import RateCards
    from ._resources.reconciliations import Reconciliations
    from ._resources.refunds import Refunds
    from ._resources.scores import Scores
    from ._resources.settlement_terms import AgreedTerms, ReserveReleases
    from ._resources.settlements import Settlements
    from ._resources.webhook_endpoints import WebhookEndpoints
    from ._webhook import Webhook

C = TypeVar("C", bound="Fenqi")


class Fenqi(Caller):
    """A client of the gateway for one merchant and mode; share one between threads.

    Credentials are ``client_id`` and ``client_secret`` (or FENQI_CLIENT_ID and FENQI_CLIENT_SECRET), or an
    ``access_token`` held by the caller: text, or a function asked before every request. ``base_url`` (or
    FENQI_BASE_URL) is the gateway's address; ``timeout`` is (connect, read) in seconds; ``max_retries``
    counts repeats after a lost connection, 429 and 5xx, always with the same idempotency key; ``on_retry``
    is told of each. A given ``session`` is used by every thread and is never closed here. Raises
    ConfigurationError.
    """

    __slots__ = ("_mode",)

    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        access_token: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        api_version: str = "2026-11-23",
        timeout: Timeout = (3.05, 20.0),
        max_retries: int = 2,
        webhook_secret: str | None = None,
        session: requests.Session | None = None,
        on_retry: Callable[[Retry], object] | None = None,
    ) -> None:
        if access_token is None:
            client_id = _setting("client_id", client_id, "FENQI_CLIENT_ID")
            client_secret = _setting("client_secret", client_secret, "FENQI_CLIENT_SECRET")
        elif client_id is not None or client_secret is not None:
            raise ConfigurationError("pass client_id and client_secret, or access_token, not both")
        elif not access_token:
            raise ConfigurationError("access_token is empty")
        self._base_url = _checked_base_url(_setting("base_url", base_url, "FENQI_BASE_URL"))
        self._mode: str | None = None
        self._settings = {
            "client_id": client_id,
            "client_secret": client_secret,
            "access_token": access_token,
            "base_url": self._base_url,
            "api_version": api_version,
            "timeout": timeout,
            "max_retries": max_retries,
            "webhook_secret": webhook_secret or os.environ.get("FENQI_WEBHOOK_SECRET") or None,
            "session": session,
            "on_retry": on_retry,
        }
        self._transport = Transport(self._base_url, session)
        self._tokens = (
            ClientCredentials(self._fetch_token) if access_token is None else GivenToken(access_token)
        )

    def with_options(self, **changes: Any) -> Fenqi:
        """A client with other options (those of the constructor) that shares connections and token where it can."""
        if "access_token" in changes:
            changes = {"client_id": None, "client_secret": None, **changes}
        elif "client_id" in changes or "client_secret" in changes:
            changes = {"access_token": None, **changes}
        settings = {**self._settings, **changes}
        other = type(self)(**settings)
        same = {name for name, value in self._settings.items() if other._settings[name] == value}
        if {"base_url", "session"} <= same:
            other._transport = self._transport
        if {"base_url", "session", "client_id", "client_secret", "access_token"} <= same:
            other._tokens = self._tokens
        return other

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._transport.close()

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        who = self._settings["client_id"] or "access token"
        return f"<Fenqi {who} at {self._base_url}>"

    @property
    def mode(self) -> str:
        """``"test"`` or ``"live"``: from the secret's prefix, else asked from the gateway once."""
        if self._mode is None:
            secret = self._settings["client_secret"] or ""
            for mode in ("test", "live"):
                if secret.startswith(f"sk_{mode}_"):
                    self._mode = mode
                    return mode
            self._mode = self.me.retrieve().mode
        return self._mode

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Query | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> Any:
        """Call any path of the API, for what this package has no method for yet.

        Answers a Page for a list, else a Model; None for an empty answer. Raises the same errors as every
        method.
        """
        answer = self._send(
            method.upper(),
            path,
            json=json,
            params=params,
            headers=headers,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )
        value = value_in(answer.status_code, answer.headers, answer.content)
        if not isinstance(value, dict):
            return value

        response = Response(answer.status_code, answer.headers)
        if value.get("object") != "list" or not isinstance(value.get("data"), list):
            return model_for(value)(value, response)

        def fetch(cursor: str, _remaining: int | None) -> Page[Any]:
            following = self.request(
                method, path, params={**(params or {}), "cursor": cursor}, headers=headers, timeout=timeout
            )
            return cast("Page[Any]", following)

        has_more, next_cursor = onward(value, path, response)
        return Page(
            [model_for(item)(item, response) if isinstance(item, dict) else item for item in value["data"]],
            has_more=has_more,
            next_cursor=next_cursor,
            fetch=fetch,
            asked=cast("str | None", (params or {}).get("cursor")),
        )

    @property
    def plans(self) -> Plans:
        """Quotes."""
        from ._resources.plans import Plans

        return Plans(self)

    @property
    def checkouts(self) -> Checkouts:
        """Shoppers' applications."""
        from ._resources.checkouts import Checkouts

        return Checkouts(self)

    @property
    def payments(self) -> Payments:
        """Approved checkouts: capture, void, acknowledge."""
        from ._resources.payments import Payments

        return Payments(self)

    @property
    def refunds(self) -> Refunds:
        """Money given back."""
        from ._resources.refunds import Refunds

        return Refunds(self)

    @property
    def loans(self) -> Loans:
        """What captures lent."""
        from ._resources.loans import Loans

        return Loans(self)

    @property
    def balance(self) -> BalanceNow:
        """What the gateway owes the merchant now."""
        from ._resources.balance import BalanceNow

        return BalanceNow(self)

    @property
    def balance_entries(self) -> BalanceEntries:
        """The merchant's side of the ledger."""
        from ._resources.balance import BalanceEntries

        return BalanceEntries(self)

    @property
    def rate_cards(self) -> RateCards:
        """What was agreed about prices."""
        from ._resources.rate_cards import RateCards

        return RateCards(self)

    @property
    def settlements(self) -> Settlements:
        """Daily batches."""
        from ._resources.settlements import Settlements

        return Settlements(self)

    @property
    def settlement_terms(self) -> AgreedTerms:
        """When captures are settled, and from which amount they are paid out."""
        from ._resources.settlement_terms import AgreedTerms

        return AgreedTerms(self)

    @property
    def reserve_releases(self) -> ReserveReleases:
        """What settlements held in reserve."""
        from ._resources.settlement_terms import ReserveReleases

        return ReserveReleases(self)

    @property
    def invoices(self) -> Invoices:
        """What the merchant is asked to pay of its debt."""
        from ._resources.invoices import Invoices

        return Invoices(self)

    @property
    def payouts(self) -> Payouts:
        """Instructions to the payment institution."""
        from ._resources.payouts import Payouts

        return Payouts(self)

    @property
    def payout_accounts(self) -> PayoutAccounts:
        """Where payouts go."""
        from ._resources.payout_accounts import PayoutAccounts

        return PayoutAccounts(self)

    @property
    def disputes(self) -> Disputes:
        """Captures that shoppers contest."""
        from ._resources.disputes import Disputes

        return Disputes(self)

    @property
    def events(self) -> Events:
        """What happened, in order."""
        from ._resources.events import Events

        return Events(self)

    @property
    def me(self) -> Me:
        """The owner of these credentials."""
        from ._resources.me import Me

        return Me(self)

    @property
    def exports(self) -> Exports:
        """Files of what the API shows, for spreadsheets, accountants and banks."""
        from ._resources.exports import Exports

        return Exports(self)

    @property
    def certificates(self) -> Certificates:
        """What your balances were in closed months, signed."""
        from ._resources.certificates import Certificates

        return Certificates(self)

    @property
    def reconciliations(self) -> Reconciliations:
        """Your own files, matched to what happened at the gateway."""
        from ._resources.reconciliations import Reconciliations

        return Reconciliations(self)

    @property
    def scores(self) -> Scores:
        """The gateway's scorer, for partner institutions."""
        from ._resources.scores import Scores

        return Scores(self)

    @property
    def test_clocks(self) -> TestClocks:
        """Test mode only: the merchant's own time."""
        from ._resources.clocks import TestClocks

        return TestClocks(self)

    @property
    def test_helpers(self) -> TestHelpers:
        """Test mode only: act as the shopper."""
        from ._resources.helpers import TestHelpers

        return TestHelpers(self)

    @property
    def webhook_endpoints(self) -> WebhookEndpoints:
        """Addresses that are told of events."""
        from ._resources.webhook_endpoints import WebhookEndpoints

        return WebhookEndpoints(self)

    @property
    def webhooks(self) -> Webhook:
        """Verifier of deliveries with this client's ``webhook_secret``. Raises ConfigurationError without one."""
        secret = self._settings["webhook_secret"]
        if not secret:
            raise ConfigurationError(
                "webhook_secret is missing: pass webhook_secret or set FENQI_WEBHOOK_SECRET"
            )
        from ._webhook import Webhook

        return Webhook(secret)


def _setting(name: str, given: str | None, variable: str) -> str:
    value = given if given is not None else os.environ.get(variable)
    if not value:
        raise ConfigurationError(f"{name} is missing: pass {name} or set {variable}")
    if not isinstance(value, str) or not value.isprintable() or value != value.strip():
        raise ConfigurationError(
            f"{name} is malformed (spaces, line breaks or not text): check it and {variable}"
        )
    return value


def _checked_base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        port_is_good, parts = False, urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_good:
        raise ConfigurationError(
            f"base_url (or FENQI_BASE_URL) must look like https://gateway.example, not {value!r}"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            "base_url (or FENQI_BASE_URL) must not contain a user, password, query or fragment"
        )
    return value.rstrip("/")
