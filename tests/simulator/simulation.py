"""One seed: its steps, the invariants after each, calm at the end, and all invariants again."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from gateway.errors import Unavailable
from gateway.loans import service as loans
from gateway.merchants import business_clock
from gateway.process import daily, worker
from gateway.webhooks.delivery import sending
from tests.simulator import invariants
from tests.simulator.actions import ACTIONS, PERSONAL, Step, owner
from tests.simulator.faults import Hung, Killed
from tests.simulator.shops import Call, Order, Shops, Unexpected
from tests.simulator.world import World

CALM_ROUNDS = 60
LISTS = {
    "checkouts": "checkout",
    "payments": "payment",
    "refunds": "refund",
    "disputes": "dispute",
    "settlements": "settlement_batch",
    "payouts": "payout",
    "events": "event",
}
SIMULATED = ("gives no answer", "lost ", "cannot be asked", "has not decided", "no answer of", "simulated", "locked",
             "database is not available", "is busy", "is on its way")  # fmt: skip


class Broken(Exception):
    """An invariant does not hold: its name, and what is wrong."""

    def __init__(self, invariant: str, words: str) -> None:
        super().__init__(f"{invariant}: {words}")
        self.invariant, self.words = invariant, words


@dataclass
class Failure:
    """What a seed has shown: the step (from 1; after the last one, while all is calm), the invariant, and the story."""

    seed: int
    step: int
    invariant: str
    words: str
    story: list[Step] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return vars(self)


class Watching(logging.Handler):
    """Reads every line of the log: nothing personal, and no mistake of ours that somebody has caught."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.personal: list[str] = []
        self.mistakes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if any(text in line for text in PERSONAL):
            self.personal.append(line[:300])
        if record.levelno >= logging.WARNING and record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            if not isinstance(error, Unavailable) and not any(word in str(error) for word in SIMULATED):
                self.mistakes.append(f"{record.getMessage()}: {type(error).__name__}: {error}"[:400])


class Simulation:
    """Plays stories in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shops = Shops(world)
        self.every = 6
        """Invariants over all rows are checked after every so many steps, and at the end."""

    @property
    def gateway(self) -> Any:
        return self.world.gateway

    def play(self, seed: int | str, story: list[Step]) -> Failure | None:
        """Play a story from the beginning; the first thing that is wrong, or None."""
        self.world.begin(seed)
        self.shops.begin()
        self.receipts: dict[tuple[str, str], str] = {}
        self.bounced: set[str] = set()
        self.trace = hashlib.sha256()
        self.seed, self.now_at = seed, 0
        self.watching = Watching()
        self.world.points.perform = self._nested
        self.world.outside.gap = self.world.points.gap
        root = logging.getLogger()
        level, handlers = root.level, root.handlers
        root.handlers, root.level = [self.watching], logging.INFO
        try:
            for self.now_at, step in enumerate(story, start=1):
                self._play(step)
                self._after(step)
            self.now_at = len(story) + 1
            self._calm()
        except Broken as broken:
            return Failure(int(seed), self.now_at, broken.invariant, broken.words, story)
        except Hung:
            return Failure(int(seed), self.now_at, "no_hang", "the step does not end", story)
        finally:
            root.handlers, root.level = handlers, level
        return None

    def fails(self, invariant: str, words: str) -> None:
        raise Broken(invariant, words)

    def _play(self, step: Step) -> None:
        self.world.chance.seed(f"{self.seed} {step['key']}")
        self.world.outside.seed, self.world.outside.mood = f"{self.seed} {step['key']}", step.get("mood", {})
        self.world.points.happened.clear()
        self.shops.log.clear()
        before = self._of_others(step)
        with self.world.points.during(step.get("faults", [])):
            try:
                self._perform(step)
            except Killed:
                self.shops.log.append("killed")
                self.world.restart()
        self.world.outside.mood = {}
        self._compare(step, before)
        line = [
            step["do"],
            step["key"],
            *self.shops.log,
            *self.world.points.happened,
            str(self.world.clock.now),
        ]
        self.trace.update("|".join(line).encode())
        self.world.clock.advance(seconds=1)

    def _of_others(self, step: Step) -> dict[tuple[str, str], dict[str, str]] | None:
        """Everybody else's rows, before a step that is about one merchant; None where that is not looked at."""
        looked_at = step["do"] == "day" or self.now_at % 3 == 0
        if (
            not looked_at
            or owner(self, step) is None
            or any("meanwhile" in one for one in step.get("faults", []))
        ):
            return None
        return invariants.by_tenant(self)

    def _compare(self, step: Step, before: dict[tuple[str, str], dict[str, str]] | None) -> None:
        mine = owner(self, step)
        if before is None or mine is None:
            return
        after = invariants.by_tenant(self)
        for place in before.keys() | after.keys():
            if place != (mine.merchant_id, mine.mode) and before.get(place) != after.get(place):
                self.fails("tenants_apart", f"{step['do']} of {mine} changed rows of {place}")

    def _perform(self, step: Step) -> None:
        try:
            ACTIONS[step["do"]](self, step)
        except (Broken, Killed):
            raise
        except Unexpected as error:
            self.fails("no_unexpected_failure", str(error))
        except Unavailable as error:
            if not self.world.points.happened:
                self.fails("no_unexpected_failure", f"{step['do']}: {type(error).__name__}: {error}")
        except Exception as error:
            if self.world.points.happened and any(word in str(error) for word in SIMULATED):
                return
            self.fails("no_unexpected_failure", f"{step['do']}: {type(error).__name__}: {error}")

    def _nested(self, step: Step) -> None:
        """Somebody else acts in the middle of a step; its own faults are its own."""
        self.shops.log.append(f"meanwhile {step['do']}")
        with self.world.points.during(step.get("faults", [])):
            try:
                self._perform(step)
            except Killed:
                self.shops.log.append("killed meanwhile")

    def _after(self, step: Step) -> None:
        """What is cheap after every step, the rest now and then."""
        self._cheap()
        if self.now_at % self.every == 0:
            self._heavy(final=False)

    def _cheap(self) -> None:
        for name, found in (
            ("outside_once", self.world.outside.violations),
            ("locked_before_changed", self.world.points.unlocked),
            ("isolated", self.world.points.shared),
            ("nothing_personal_in_the_log", self.watching.personal),
            ("no_mistake_in_the_log", self.watching.mistakes),
        ):
            if found:
                self.fails(name, found[0])

    def _heavy(self, *, final: bool) -> None:
        for name, words in invariants.check(self, final=final):
            self.fails(name, words)

    # -- calm

    def _calm(self) -> None:
        """Nothing fails any more: what is unknown is asked again, and the worker works until there is nothing to do."""
        self.world.chance.seed(f"{self.seed} calm")
        self.world.outside.seed, self.world.outside.mood = f"{self.seed} calm", {}
        self.world.points.happened.clear()
        self.world.restart()
        try:
            self._settle_down()
        except Unexpected as error:
            self.fails("no_unexpected_failure", str(error))
        except (Broken, Killed):
            raise
        except Exception as error:
            self.fails("no_unexpected_failure", f"while all is calm: {type(error).__name__}: {error}")
        self._cheap()
        self._heavy(final=True)
        self.trace.update(invariants.digest(self).encode())

    def _settle_down(self) -> None:
        self.world.clock.advance(minutes=2)  # leases of the dead end
        for call in list(self.shops.unknown()):
            self.shops.write(call)
            if call.status is None:
                self.fails("acknowledged", f"{call.key} stays unanswered")
        for _ in range(CALM_ROUNDS):
            daily.sweep(self.gateway)
            self._work()
            waiting = self._next()
            if waiting is None:
                break
            self.world.clock.now = max(self.world.clock.now, waiting)
        else:
            self.fails("quiet_at_last", f"there is still work after {CALM_ROUNDS} rounds")
        for shop in sorted({order.shop for order in self.shops.orders.values()}):
            self.read_events(shop)

    def _work(self) -> None:
        for _ in range(50):
            if not worker.drain_outbox(self.gateway) + sending.drain(self.gateway):
                return
        self.fails("quiet_at_last", "the outbox does not get empty")

    def _next(self) -> datetime | None:
        """When something waits next: a row that failed, at most a month ahead."""
        found = self.rows(
            "SELECT min(next_at) AS at FROM outbox WHERE done_at IS NULL"
            " UNION ALL SELECT min(next_at) FROM webhook_delivery WHERE status = 'pending'"
        )
        moments = [invariants.moment(row["at"]) for row in found if row["at"] is not None]
        return min(moments, default=None)

    # -- what actions ask for

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """What the database says, without the product; on SQLite by its driver alone, which is three times as fast."""
        if self.world.database == "sqlite":
            cursor = self.world.driver().execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        with self.gateway.db.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]

    def business_now(self, shop: int) -> datetime:
        with self.gateway.db.read() as tx:
            return business_clock.business_now(tx, self.shops.tenant(shop))

    def amount_due(self, tx: Any, loan_id: str) -> int:
        """What a loan owes now (fen)."""
        return sum(loans.owed_fen(bill) for bill in loans.bills_of(tx, loan_id))

    def read_events(self, shop: int) -> None:
        """The shop walks on along its events; none may be left out, and each is its own."""
        after = self.shops.last_event.get(shop)
        if after is None:
            status, found = self.shops.get(shop, "/v1/events?limit=100")
            rows = found["data"][::-1] if status == 200 else []
            if status == 200 and found.get("has_more"):
                rows = []  # an older page is missing: it is begun when there are fewer
        else:
            status, found = self.shops.get(shop, f"/v1/events?after={after}&limit=100")
            rows = found["data"] if status == 200 else []
        if rows:
            self.shops.events.setdefault(shop, []).extend(rows)
            self.shops.last_event[shop] = rows[-1]["id"]

    def read_lists(self, shop: int) -> None:
        """Each list of a shop holds its own, all of it, and nothing of anybody else."""
        tenant = self.shops.tenant(shop)
        for path, table in LISTS.items():
            status, found = self.shops.get(shop, f"/v1/{path}?limit=100")
            if status != 200:
                continue
            rows = self.rows(
                f"SELECT id FROM {table} WHERE merchant_id = :merchant AND mode = :mode ORDER BY id DESC LIMIT 100",
                merchant=tenant.merchant_id,
                mode=tenant.mode,
            )
            if [row["id"] for row in found["data"]] != [row["id"] for row in rows]:
                self.fails("tenants_apart", f"/v1/{path} of shop {shop} is not its {table} rows")

    def refused_with_another_body(self, call: Call) -> None:
        """The same key with another body is refused."""
        other = Call(call.shop, call.method, call.path, {**call.body, "metadata": {"other": "1"}}, call.key,
                     ("other", ""), call.at)  # fmt: skip
        kept, self.shops.calls[call.key] = self.shops.calls[call.key], call
        self.shops.write(other, note=False)
        self.shops.calls[call.key] = kept
        if other.acknowledged:
            self.fails("key_names_one_request", f"{call.path} {call.key} with another body: {other.status}")

    def trespass(self, shop: int, order: Order, key: str) -> None:
        """Whatever a shop tries with what is another's: 404, and nothing of the other's changes."""
        before = invariants.of_tenant(self, self.shops.tenant(order.shop))
        paths = [f"/v1/checkouts/{order.checkout}"]
        if order.payment:
            paths.append(f"/v1/payments/{order.payment}")
        paths += [f"/v1/loans/{loan}" for loan in order.loans[:1]]
        paths += [f"/v1/refunds/{refund}" for refund in list(order.refunds)[:1]]
        paths += [f"/v1/disputes/{dispute}" for dispute in order.disputes[:1]]
        for path in paths:
            status, _ = self.shops.get(shop, path)
            if status not in (404, 503):
                self.fails("tenants_apart", f"shop {shop} reads {path} of shop {order.shop}: {status}")
        tries = [(f"/v1/checkouts/{order.checkout}/cancel", {})]
        if order.payment:
            tries += [
                (f"/v1/payments/{order.payment}/capture", {}),
                (f"/v1/payments/{order.payment}/void", {"reason": "x"}),
                ("/v1/refunds", {"payment": order.payment, "kind": "return", "reason": "x"}),
            ]
        for number, (path, body) in enumerate(tries):
            call = self.shops.act(shop, "POST", path, body, f"{key}-{number}", ("trespass", ""))
            if call.acknowledged:
                self.fails("tenants_apart", f"shop {shop} acts on {path} of shop {order.shop}: {call.status}")
        others_acted = {"meanwhile", "race"} & set(self.world.points.happened)
        if not others_acted and invariants.of_tenant(self, self.shops.tenant(order.shop)) != before:
            self.fails("tenants_apart", f"rows of shop {order.shop} changed by shop {shop}")

    def secrets_of(self, shop: int) -> list[str]:
        """The secrets that the shop was ever told."""
        told = [self.world.secrets[shop]]
        for call in self.shops.calls.values():
            if call.about[0] == "rotate" and call.shop == shop and call.acknowledged:
                told.append(call.json["secret"])
        return told

    def rotate(self, shop: int, key: str) -> None:
        tenant = self.shops.tenant(shop)
        found = self.rows(
            "SELECT id FROM webhook_endpoint WHERE merchant_id = :merchant AND mode = :mode AND url LIKE '%/hook'",
            merchant=tenant.merchant_id,
            mode=tenant.mode,
        )
        path = f"/v1/webhook_endpoints/{found[0]['id']}/rotate_secret"
        self.shops.act(shop, "POST", path, {}, key, ("rotate", ""))


def as_text(story: list[Step]) -> str:
    """A story as the lines of a JSON document."""
    return "[\n" + ",\n".join("  " + json.dumps(step, ensure_ascii=False) for step in story) + "\n]\n"
