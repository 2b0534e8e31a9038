"""Stories: what happens in a seed, as plain data. A step names orders by name, so that it stands when others vanish."""

from __future__ import annotations

import random
from typing import Any

from tests.simulator.actions import PEOPLE
from tests.simulator.plots import HALVES, PLOTS, SUBSIDISED, extended, taught

Step = dict[str, Any]
SHOPS = 5
KINDS = ("return", "return", "price_adjustment", "unused_lessons", "goodwill", "unwind")
PARTIES = ("institution", "funder", "bureau", "real_name", "notifier", "receivers")
DAY = 24 * 60
BUSY = {
    "order": 8, "apply": 12, "capture": 13, "refund": 9, "void": 3, "acknowledge": 1, "deliver": 2, "cancel": 1,
    "again": 5, "events": 1, "lists": 1, "stranger": 3, "pay": 9, "miss": 2, "contest": 2, "dispute": 3, "review": 3,
    "settle": 4, "bounce": 3, "programme": 2, "rotate": 1, "pass": 9, "drain": 6, "sweep": 9, "day": 2,
    "hooks": 4, "clock": 3,
}  # fmt: skip
"""How often each action is drawn."""
OWN = {0: taught, 17: extended}
"""Of twenty seeds two have an opening by their number: it is not drawn, so that all others keep their stories."""


class Teller:
    """Draws a story from a seed, with some sense of what can happen next."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(f"story {seed}")
        self.number = 0
        self.orders: list[tuple[str, int]] = []
        self.applied: list[str] = []
        self.captured: list[str] = []
        # Some seeds are about few shops and people, so that these meet; some are calm.
        self.shops = self.chance.choice([[0], [0, 1], [0, 2], [0, 1, 2, 3, 4], [3, 4], [0, 1, 3]])
        self.people = self.chance.choice([1, 2, PEOPLE])
        self.trouble = self.chance.choice([0, 10, 25, 50])

    def tell(self, steps: int) -> list[Step]:
        told = self._opening()
        while len(told) < steps:
            told.append(self.step())
        return told[:steps]

    def _opening(self) -> list[Step]:
        """Something to begin with: a plot, or an order or two that are lent on."""
        if self.seed % 20 in OWN:
            return [self._finished(step) for step in OWN[self.seed % 20](self)]
        if self.chance.random() < 0.8:
            return [self._finished(step) for step in self.chance.choice(PLOTS)(self)]
        told = []
        for _ in range(self.chance.choice([1, 2, 2, 3])):
            told += [self._named("order"), self._named("apply")]
            if self.chance.random() < 0.8:
                told.append(self._named("capture"))
        return [self._finished(step) for step in told]

    def step(self) -> Step:
        what = self.chance.choices(list(BUSY), list(BUSY.values()))[0]
        if self.orders and self.orders[-1][0] not in self.applied and self.chance.random() < 0.6:
            what = "apply"  # a new order is gone on with
        elif self.applied and self.applied[-1] not in self.captured and self.chance.random() < 0.4:
            what = "capture"
        return self._finished(self._named(what))

    def _named(self, what: str) -> Step:
        return {"do": what, **getattr(self, f"_{what}", lambda: {})()}

    def _finished(self, step: Step) -> Step:
        self.number += 1
        step["key"] = f"k{self.number}"
        if self.chance.randrange(100) < self.trouble and "faults" not in step:
            step["faults"] = [self._fault()]
        if self.chance.randrange(100) < self.trouble and "mood" not in step:
            party = self.chance.choice(PARTIES)
            mood = party + self.chance.choice(["", "", ".deaf", ".lost", ".slow", ".no", ".odd"])
            step["mood"] = {mood: self.chance.choice([40, 70, 100])}
        return step

    def _fault(self) -> Step:
        what = self.chance.choice(["die", "die", "die_in", "race", "race", "race_at", "busy", "gap", "gap"])
        most = {"die": 12, "gap": 12, "race_at": 40}.get(what, 4)
        fault: Step = {what: 1 + min(self.chance.randrange(most), self.chance.randrange(most))}
        if what in ("race", "race_at", "gap") and self.chance.random() < 0.8:
            inner = self._named(self.chance.choices(list(BUSY), list(BUSY.values()))[0])
            self.number += 1
            fault["meanwhile"] = {**inner, "key": f"k{self.number}"}
        elif what == "gap":
            self.number += 1
            fault["meanwhile"] = {"do": "sweep", "key": f"k{self.number}"}
        return fault

    # -- what each action needs

    def _shop(self) -> Step:
        return {"shop": self.chance.choice(self.shops)}

    def _any(self, names: list[str]) -> Step:
        """One of the newest orders rather than one of the oldest."""
        if not names:
            return {"order": "none"}
        return {
            "order": names[-1 - min(self.chance.randrange(len(names)), self.chance.randrange(len(names)))]
        }

    def _order(self) -> Step:
        shop, name = self.chance.choice(self.shops), f"o{self.number}-{len(self.orders)}"
        self.orders.append((name, shop))
        amount = self.chance.choice([10_000, 99_999, 250_001, 300_000, 300_000, 599_900, *HALVES, 1_200_000])
        amount += self.chance.choice([0, self.chance.randrange(10_000)])
        step: Step = {"shop": shop, "name": name, "amount": amount, "lines": self.chance.choice([1, 1, 2, 3])}
        if self.chance.random() < 0.15:
            step["down"] = amount // 5
        if self.chance.random() < 0.1:
            step["life"] = 3600
        if self.chance.random() < 0.15:
            step["discount"] = self.chance.choice([1_001, 3_333])
        if shop < 2 and self.chance.random() < 0.1:
            step |= {"amount": SUBSIDISED, "subsidy": 50_000, "lines": 1, "discount": 0, "down": 0}
        return step

    def _apply(self) -> Step:
        waiting = [name for name, _ in self.orders if name not in self.applied]
        chosen = self._any(waiting[-1:] or [name for name, _ in self.orders])
        if chosen["order"] not in self.applied:
            self.applied.append(chosen["order"])
        step = {
            **chosen,
            "person": self.chance.randrange(self.people),
            "term": self.chance.choice([3, 6, 9, 12]),
        }
        if self.chance.random() < 0.1:
            step["leaves"] = True
        if self.chance.random() < 0.05:
            step["without"] = self.chance.choice(["bureau_query", "credit_service", "funder_sharing"])
        return step

    def _capture(self) -> Step:
        fresh = [name for name in self.applied if name not in self.captured]
        step = self._any(fresh if fresh and self.chance.random() < 0.6 else self.applied)
        if step["order"] not in self.captured:
            self.captured.append(step["order"])
        how = self.chance.random()
        if how < 0.35:
            step["share"] = self.chance.choice([20, 33, 50, 67, 100, 120])
        elif how < 0.5:
            step["line"] = self.chance.randrange(3)
        if self.chance.random() < 0.2:
            step["final"] = True
        return step

    def _refund(self) -> Step:
        step = {**self._any(self.captured), "kind": self.chance.choice(KINDS)}
        if self.chance.random() < 0.6:
            step["share"] = self.chance.choice([1, 13, 33, 50, 99, 100, 150])
        if self.chance.random() < 0.3:
            step["capture"] = self.chance.randrange(3)
        if self.chance.random() < 0.3:
            step["reference"] = self.chance.choice(["r1", "r2"])
        return step

    def _void(self) -> Step:
        return {**self._any(self.applied), **({"share": 30} if self.chance.random() < 0.5 else {})}

    def _acknowledge(self) -> Step:
        return self._any(self.applied)

    def _deliver(self) -> Step:
        return {**self._any(self.captured), "hours": self.chance.choice([0, 1, 30, 100])}

    def _cancel(self) -> Step:
        return self._any([name for name, _ in self.orders])

    def _again(self) -> Step:
        return {"which": self.chance.randrange(100), "changed": self.chance.random() < 0.25}

    def _events(self) -> Step:
        return self._shop()

    def _stranger(self) -> Step:
        return {**self._any([name for name, _ in self.orders]), "shop": self.chance.randrange(SHOPS)}

    def _pay(self) -> Step:
        how = self.chance.choice(["due", "due", "part", "part", "early"])
        step = {**self._any(self.captured), "how": how, "loan": self.chance.randrange(3)}
        step["amount"] = self.chance.choice([1, 777, 20_000, 55_000, 150_000, 700_000])
        if self.chance.random() < 0.4:
            step["days"] = self.chance.choice([1, 2, 5, 12, 40])
        if self.chance.random() < 0.2:
            step["twice"] = 1
        return step

    def _miss(self) -> Step:
        return {**self._any(self.captured), "count": self.chance.choice([1, 2, 12])}

    def _contest(self) -> Step:
        return {**self._any(self.captured), **({"share": 40} if self.chance.random() < 0.5 else {})}

    def _dispute(self) -> Step:
        outcome = self.chance.choice(["respond", "accept", "won", "lost", "canceled"])
        return {**self._any(self.captured), "outcome": outcome}

    def _review(self) -> Step:
        outcome = "approve" if self.chance.random() < 0.75 else "decline"
        return {"which": self.chance.randrange(5), "outcome": outcome}

    def _settle(self) -> Step:
        return {"ahead": self.chance.choice([0, 0, 1, 2])}

    def _bounce(self) -> Step:
        return {"which": self.chance.randrange(5)}

    def _programme(self) -> Step:
        return self._any(self.captured)

    def _lists(self) -> Step:
        return self._shop()

    def _rotate(self) -> Step:
        return self._shop()

    def _pass(self) -> Step:
        near, far = (
            [1, 5, 70, DAY, 2 * DAY],
            [7 * DAY, 8 * DAY, 29 * DAY, 31 * DAY, 31 * DAY, 45 * DAY, 200 * DAY],
        )
        return {"minutes": self.chance.choice(near if self.chance.random() < 0.5 else far)}

    def _day(self) -> Step:
        return self._shop()

    def _hooks(self) -> Step:
        return {"plain": self.chance.random() < 0.5}

    def _clock(self) -> Step:
        return {**self._shop(), "days": self.chance.choice([1, 3, 8, 32, 65])}
