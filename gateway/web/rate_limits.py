"""Rate limits: how many requests of a kind one caller may make, by the generic cell rate algorithm.

A caller has ``burst`` requests at once and gets ``per_second`` back each second. Only what costs or can be guessed
is limited; each room declares how much. Each process counts for itself; with ``FENQI_RATE_LIMITS=redis://…`` all of
them count together.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from flask import Flask, request

from gateway.errors import TooManyRequests, Unavailable
from gateway.web import browser_address

if TYPE_CHECKING:
    from redis import Redis

PageView = TypeVar("PageView", bound=Callable[..., Any])
LONGEST_ADDRESS = 45
log = logging.getLogger("gateway.rate_limits")


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_second`` requests a second in the long run, ``burst`` at once, for each caller.

    ``strict`` guards what can be guessed: when the shared count cannot be read it is refused, else each process goes
    on by its own count.
    """

    name: str
    per_second: float
    burst: int
    strict: bool = False


class Counter(Protocol):
    """Counts requests."""

    def wait(self, rate: Rate, who: str) -> float:
        """Seconds until the next request is due; 0 admits this one and counts it."""
        ...

    def is_first(self, key: str, seconds: int) -> bool:
        """Whether no process has asked this of ``key`` for so many seconds, as far as processes count together."""
        ...


class InProcess:
    """Counts in this process, for at most ``most`` callers; beyond that, those who have all their burst are forgotten.

    ``now`` tells seconds. When it goes back by more than a burst lasts, callers have their whole burst again.
    """

    def __init__(self, now: Callable[[], float], most: int = 100_000) -> None:
        self._now, self._most = now, most
        self._full_at: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def wait(self, rate: Rate, who: str) -> float:
        """Keep for each caller the moment at which its burst is whole again."""
        now, key = self._now(), (rate.name, who)
        with self._lock:
            # When this caller has its whole burst again.
            whole = rate.burst / rate.per_second
            full_at = max(self._full_at.get(key, now), now)
            if full_at > now + whole + 1 / rate.per_second:  # counted before the clock was set back
                full_at = now
            wait = full_at + 1 / rate.per_second - whole - now
            refused = wait > 1e-9
            self._full_at[key] = full_at if refused else full_at + 1 / rate.per_second
            if len(self._full_at) > self._most:
                self._forget(now)
        return wait if refused else 0

    def is_first(self, key: str, seconds: int) -> bool:
        """Always True: a process cannot know what the others were asked."""
        return True

    def _forget(self, now: float) -> None:
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        while len(self._full_at) > self._most:
            # Only a flood of addresses comes here; who came first goes first.
            del self._full_at[next(iter(self._full_at))]


class Shared:
    """Counts in Redis for all processes, by Redis's clock.

    Who is beyond the rate in this process alone is refused without asking.
    """

    SCRIPT = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
    local whole = interval * burst
    local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
    if full_at > now + whole + interval then full_at = now end
    local wait = full_at + interval - whole - now
    if wait <= 0 then full_at = full_at + interval end
    redis.call('SET', KEYS[1], full_at, 'PX', math.max(math.ceil(full_at - now), 1))
    return math.max(math.ceil(wait), 0)
    """

    def __init__(self, redis: Redis, own: InProcess) -> None:
        self._own, self._redis = own, redis
        self._script = redis.register_script(self.SCRIPT)

    @classmethod
    def at(cls, url: str, own: InProcess) -> Shared:
        """Counts in the Redis at ``url``. Raises ``ImportError`` without the extra ``redis``."""
        from redis import Redis  # noqa: PLC0415

        return cls(Redis.from_url(url, socket_timeout=0.2, socket_connect_timeout=0.2), own)

    def wait(self, rate: Rate, who: str) -> float:
        """Ask the process's own count first, which spares Redis most refusals."""
        from redis.exceptions import RedisError  # noqa: PLC0415

        wait = self._own.wait(rate, who)
        if wait:
            return wait
        try:
            milliseconds = self._script(
                keys=[f"fenqi:rate:{rate.name}:{who}"], args=[1000 / rate.per_second, rate.burst]
            )
        except RedisError as error:
            log.warning("the shared rate limits cannot be read: %s", type(error).__name__)
            if rate.strict:
                raise Unavailable(
                    "This is temporarily unavailable. Nothing was changed. Try again in a moment."
                ) from None
            return 0
        return float(milliseconds) / 1000

    def is_first(self, key: str, seconds: int) -> bool:
        """Whether no process has seen the key; True with a warning when Redis does not answer."""
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            return bool(self._redis.set(f"fenqi:once:{key}", 1, nx=True, ex=seconds))
        except RedisError as error:
            log.warning("what was used once cannot be shared: %s", type(error).__name__)
            return True


class Unlimited:
    """Counts nothing: for measuring, and where something in front of the gateway limits."""

    def wait(self, rate: Rate, who: str) -> float:
        """Always 0 seconds."""
        return 0

    def is_first(self, key: str, seconds: int) -> bool:
        """Always True."""
        return True


def counter_of(setting: str, now: Callable[[], float]) -> Counter:
    """The counter that ``FENQI_RATE_LIMITS`` names: ``memory``, ``off`` or a Redis address."""
    if setting == "off":
        return Unlimited()
    own = InProcess(now)
    return own if setting == "memory" else Shared.at(setting, own)


def check(counter: Counter, rate: Rate, who: str) -> None:
    """Admit and count a request of ``who``. Raises ``TooManyRequests``, ``Unavailable``."""
    wait = counter.wait(rate, who)
    if wait:
        raise TooManyRequests(
            f"At most {rate.burst} requests at once and {rate.per_second:g} a second are allowed. Wait and try again.",
            retry_after=int(wait) + 1,
        )


def address() -> str:
    """Where the current request came from: the browser that the portal speaks for, else who is connected.

    Of an IPv6 address the first half: the other half is a customer's own to choose.
    """
    return network_of(browser_address.of(request) or request.remote_addr or "")


def network_of(text: str) -> str:
    """The address, or the /64 network of an IPv6 address; an IPv4 address in either notation is one."""
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return text[:LONGEST_ADDRESS]
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or IPv6Address(int(ip) >> 64 << 64))
    return str(ip)


def limited(rate: Rate) -> Callable[[PageView], PageView]:
    """Limit a page, or a route that is no operation of the API, for each address that asks."""

    def declare(view: PageView) -> PageView:
        view.rate = rate  # type: ignore[attr-defined]
        return view

    return declare


def register(app: Flask, counter: Counter) -> None:
    """Limit what is ``limited``."""

    @app.before_request
    def limit() -> None:
        rate = getattr(app.view_functions.get(request.endpoint or ""), "rate", None)
        if rate is not None and request.method != "OPTIONS":
            check(counter, rate, address())
