"""Openings: what often happens to a purchase, from its order on. Most seeds begin with one and go on at random.

Thirty steps at random seldom reach the last day of a window, the second answer of a slow institution or a payout that
came back. An opening leads there with chosen days and amounts, and the random steps after it start from that place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulator.story import Teller

Step = dict[str, Any]
Plot = Callable[["Teller"], Iterator[Step]]
DAY = 24 * 60
HALVES = (100_250, 250_750, 300_250, 599_750)
"""Amounts of which the shops' fee is a whole fen and a half."""
SUBSIDISED = 549_900
"""What a shopper pays for a phone of 5,999 yuan, of which the programme bears 500."""


def buy(teller: Teller, *, captured: bool = True, **order: Any) -> Iterator[Step]:
    """An order that is lent on, and, if ``captured``, taken whole."""
    name = f"p{len(teller.orders)}"
    shop = order.setdefault("shop", teller.chance.choice(teller.shops))
    person = order.pop("person", teller.chance.randrange(teller.people))
    term = order.pop("term", teller.chance.choice([3, 6, 12]))
    amount = order.setdefault("amount", teller.chance.choice([249_998, 300_250, 599_900]))
    teller.orders.append((name, shop))
    teller.applied.append(name)
    yield {"do": "order", "name": name, "lines": 1, **order, "amount": amount}
    yield {"do": "apply", "order": name, "person": person, "term": term}
    yield {"do": "review", "which": 0, "outcome": "approve"}
    if captured:
        teller.captured.append(name)
        yield {"do": "capture", "order": name}


def passes(days: int, *, minutes: int = 0) -> Step:
    return {"do": "pass", "minutes": days * DAY + minutes}


def overdue(teller: Teller) -> Iterator[Step]:
    """The first bill stays unpaid for some days, is paid in parts, and the money was there earlier than it is told."""
    yield from buy(teller)
    name, chance = teller.captured[-1], teller.chance
    refused = {"institution.no": 100}
    yield passes(31)
    yield {"do": "sweep", "mood": refused}
    yield {"do": "drain", "mood": refused}
    yield passes(chance.choice([2, 3, 3, 4, 6]))
    yield {"do": "sweep", "mood": refused}
    yield {"do": "pay", "order": name, "how": "part", "amount": 20_000, "loan": 0}
    yield passes(chance.choice([2, 5]))
    yield {"do": "sweep", "mood": refused}
    days = chance.choice([1, 3, 6])
    yield {"do": "pay", "order": name, "how": "part", "amount": 15_000, "loan": 0, "days": days}
    yield passes(5)
    yield {"do": "sweep", "mood": refused}


def slow_bank(teller: Teller) -> Iterator[Step]:
    """A collection is on its way, or its answer is lost, for days; the worker asks again, in the same day and later."""
    yield from buy(teller)
    mood = {teller.chance.choice(["institution.deaf", "institution.slow", "institution.lost"]): 100}
    shop = teller.orders[-1][1]
    yield passes(31)
    for _ in range(2):
        yield {"do": "day", "shop": shop, "mood": mood}
    yield passes(teller.chance.choice([1, 4, 5]))
    yield {"do": "sweep", "mood": mood}
    yield {"do": "drain", "mood": mood}
    yield passes(1)
    yield {"do": "sweep"}


def early(teller: Teller) -> Iterator[Step]:
    """All that is left is paid at once, or more than it."""
    yield from buy(teller, term=teller.chance.choice([6, 12]), shop=teller.chance.choice([2, 3, 4]))
    name = teller.captured[-1]
    yield passes(teller.chance.choice([3, 10, 45]))
    yield {"do": "sweep"}
    if teller.chance.random() < 0.5:
        yield {"do": "pay", "order": name, "how": "early", "loan": 0, "amount": 1}
    else:
        yield passes(370)
        yield {"do": "sweep", "mood": {"institution.no": 100}}
        yield {"do": "pay", "order": name, "how": "part", "loan": 0, "amount": 3_000_000}
    yield {"do": "drain"}


def contested(teller: Teller) -> Iterator[Step]:
    """A dispute is decided, and decided again."""
    yield from buy(teller)
    name = teller.captured[-1]
    yield {"do": "contest", "order": name, "share": 40}
    for _ in range(3):
        outcome = teller.chance.choice(["lost", "lost", "won", "respond"])
        yield {"do": "dispute", "order": name, "outcome": outcome}


def paid_out(teller: Teller) -> Iterator[Step]:
    """Batches are closed day by day; payouts are slow, arrive, and come back."""
    chance = teller.chance
    yield from buy(teller, shop=chance.choice([0, 0, 1, 3]))
    mood = {chance.choice(["institution.deaf", "institution.slow", "institution.lost", "notifier"]): 100}
    yield passes(4)
    yield {"do": "settle", "ahead": 0}
    yield {"do": "sweep"}
    yield {"do": "drain", "mood": mood}
    yield passes(0, minutes=40)
    yield {"do": "drain"}
    yield {"do": "bounce", "which": chance.randrange(2)}
    yield from buy(teller, shop=teller.orders[-1][1])
    yield passes(3)
    yield {"do": "sweep"}
    yield {"do": "settle", "ahead": chance.choice([0, 1])}


def subsidised(teller: Teller) -> Iterator[Step]:
    """The state bears a part: the programme pays, twice, before or after the goods come back."""
    shop = teller.chance.choice([0, 1])
    yield from buy(teller, shop=shop, amount=SUBSIDISED, subsidy=50_000, captured=False)
    name = teller.applied[-1]
    teller.captured.append(name)
    part = {"share": 50} if teller.chance.random() < 0.4 else {}
    yield {"do": "capture", "order": name, **part}
    steps = [{"do": "programme", "order": name}, {"do": "programme", "order": name}]
    back = {"do": "refund", "order": name, "kind": "return", **teller.chance.choice([{}, {"share": 50}])}
    steps.insert(teller.chance.randrange(3), back)
    yield from steps
    yield passes(3)
    yield {"do": "sweep"}
    yield {"do": "drain"}
    yield {"do": "bounce", "which": 0}


def last_days(teller: Teller) -> Iterator[Step]:
    """What is done on the last day of a window, or on the day after."""
    chance = teller.chance
    yield from buy(teller)
    name = teller.captured[-1]
    if chance.random() < 0.5:
        yield {"do": "deliver", "order": name, "hours": 0}
    yield passes(chance.choice([6, 7, 7, 8]))
    yield {"do": "refund", "order": name, "kind": chance.choice(["return", "unwind"])}
    yield from buy(teller, captured=False)
    name = teller.applied[-1]
    teller.captured.append(name)
    yield {"do": "acknowledge", "order": name}
    yield passes(chance.choice([8, 15, 28, 29]))
    if chance.random() < 0.5:
        yield {"do": "sweep"}
    yield {"do": "capture", "order": name}


def voided(teller: Teller) -> Iterator[Step]:
    """A part is captured, and the rest, or a part of it, released; then more is wanted."""
    yield from buy(teller, captured=False)
    name, chance = teller.applied[-1], teller.chance
    teller.captured.append(name)
    if chance.random() < 0.6:
        yield {"do": "capture", "order": name, "share": 33}
    yield {"do": "void", "order": name, **chance.choice([{}, {"share": 30}])}
    yield {"do": "capture", "order": name, **chance.choice([{}, {"share": 100}])}


def in_parts(teller: Teller) -> Iterator[Step]:
    """Several captures of amounts that no rate divides, and refunds of each of them in parts."""
    chance = teller.chance
    amount = chance.choice(HALVES)
    yield from buy(teller, captured=False, amount=amount, lines=3, discount=chance.choice([0, 1_001, 20_000]))
    name = teller.applied[-1]
    teller.captured.append(name)
    for share in chance.choice([(33, 50, 100), (100,), (50, 100)]):
        yield {"do": "capture", "order": name, "share": share}
    for share in chance.choice([(13, 33, 120), (60, 60), (13, 80)]):
        named = {"capture": chance.randrange(2)} if chance.random() < 0.7 else {}
        yield {"do": "refund", "order": name, "kind": "return", "share": share, **named}


def limit_used_up(teller: Teller) -> Iterator[Step]:
    """One person buys until the lender's limit is used up, and goes on; strangers try what nobody has captured."""
    for _ in range(4):
        yield from buy(teller, person=0, amount=1_200_000, captured=False)
    for shop in (2, 4):
        yield {"do": "stranger", "order": teller.applied[-1], "shop": shop}
        yield {"do": "stranger", "order": teller.applied[-3], "shop": shop}


def lapsing(teller: Teller) -> Iterator[Step]:
    """Two shops leave authorisations to lapse; the day of one of them runs, then everybody's."""
    first, second = teller.chance.choice([(0, 2), (3, 2), (1, 4)])
    for shop in (first, second):
        yield from buy(teller, shop=shop, captured=False)
    if teller.chance.random() < 0.5:
        yield {"do": "acknowledge", "order": teller.applied[-1]}
    yield passes(teller.chance.choice([8, 29, 31]))
    yield {"do": "day", "shop": first}
    yield passes(1)
    yield {"do": "sweep"}


def sent_back(teller: Teller) -> Iterator[Step]:
    """Money of the shopper goes back, by an institution that is slow or does not answer; it is asked again."""
    chance = teller.chance
    yield from buy(teller)
    name = teller.captured[-1]
    yield passes(chance.choice([1, 3]))
    yield {"do": "pay", "order": name, "how": "early", "loan": 0, "amount": 1}
    yield {"do": "refund", "order": name, "kind": "return", **chance.choice([{}, {"share": 50}])}
    mood = {
        chance.choice(["institution.deaf", "institution.slow", "institution.slow", "institution.lost"]): 100
    }
    yield {"do": "drain", "mood": mood}
    yield passes(0, minutes=chance.choice([2, 40]))
    yield {"do": "drain", "mood": chance.choice([mood, {}])}
    yield passes(0, minutes=90)
    yield {"do": "drain"}


def at_once(teller: Teller) -> Iterator[Step]:
    """Somebody else is first: an order, a limit or a loan is changed while a transaction is lost and run again."""
    chance = teller.chance
    yield from buy(teller, person=0, captured=False)
    name = teller.applied[-1]
    teller.captured.append(name)
    for number, what in enumerate(("capture", "capture", "refund", "pay", "void")):
        other = _part_of(teller, chance.choice([what, "capture", "refund"]), name)
        fault = {chance.choice(["race", "race", "gap"]): 1 + chance.randrange(2)}
        meanwhile = {**other, "key": f"meanwhile-{number}"}
        yield {**_part_of(teller, what, name), "faults": [{**fault, "meanwhile": meanwhile}]}
        if what == "refund":
            yield passes(31)


def _part_of(teller: Teller, what: str, order: str) -> Step:
    step: Step = {"do": what, "order": order, **teller.chance.choice([{"share": 33}, {"share": 50}, {}])}
    if what == "refund":
        step["kind"] = "return"
    if what == "pay":
        step |= {"how": "due", "amount": 20_000, "loan": 0}
    return step


def two_modes(teller: Teller) -> Iterator[Step]:
    """One merchant sells in test and in live mode on one day; one of them is settled, or its clock moves."""
    yield from buy(teller, shop=1)
    yield from buy(teller, shop=0)
    yield {"do": "clock", "shop": 0, "days": teller.chance.choice([3, 32])}
    yield {"do": "day", "shop": 0}
    yield {"do": "again", "which": 0, "changed": False}
    yield passes(2)
    yield {"do": "settle", "ahead": 2}


def far_ahead(teller: Teller) -> Iterator[Step]:
    """A shop's clock is ahead when it acts, and its calls are sent again."""
    yield {"do": "clock", "shop": 0, "days": 3}
    yield from buy(teller, shop=0)
    for which in range(4):
        yield {"do": "again", "which": which, "changed": False}
    yield from buy(teller, shop=2, captured=False)
    yield {"do": "clock", "shop": 0, "days": 32}
    yield {"do": "day", "shop": 0}


def watched(teller: Teller) -> Iterator[Step]:
    """Receivers answer with errors and redirections while events come one after the other; strangers look in."""
    chance = teller.chance
    mood = {chance.choice(["receivers.no", "receivers.moved", "receivers.garbled", "receivers"]): 70}
    yield from buy(teller, shop=chance.choice([0, 3]))
    name = teller.captured[-1]
    yield {"do": "stranger", "order": name, "shop": 2}
    plain = chance.random() < 0.5
    yield {"do": "hooks", "plain": plain, "mood": mood}
    yield {"do": "refund", "order": name, "kind": "goodwill", "share": 20}
    yield passes(0, minutes=chance.choice([2, 9]))
    yield {"do": "hooks", "plain": plain, "mood": mood}
    yield {"do": "stranger", "order": name, "shop": 4}


def killed_workers(teller: Teller) -> Iterator[Step]:
    """Steps whose process dies, or that lose their race, and are repeated."""
    chance = teller.chance
    yield from buy(teller)
    yield passes(31)
    for what, most in (("day", 14), ("drain", 8), ("drain", 8)):
        fault = {chance.choice(["die", "die_in", "race"]): 1 + chance.randrange(most)}
        yield {"do": what, "shop": teller.orders[-1][1], "faults": [fault]}
    for call in range(2):
        again = {"do": "refund", "order": teller.captured[-1], "kind": "goodwill", "share": 20 + call}
        yield {**again, "faults": [{"die": 2 + chance.randrange(4)}]}
    yield {"do": "again", "which": chance.randrange(9), "changed": False}


def extended(teller: Teller) -> Iterator[Step]:
    """A shop that has not named its order extends it, once and again, and captures it when it would have lapsed."""
    chance = teller.chance
    yield from buy(teller, shop=chance.choice([2, 3, 4]), captured=False)
    name = teller.applied[-1]
    teller.captured.append(name)
    yield passes(chance.choice([1, 5]))
    yield {"do": "extend", "order": name, **chance.choice([{}, {"days": 40}, {"days": 400}])}
    yield {"do": "extend", "order": name}
    yield passes(chance.choice([3, 8]))
    yield {"do": "sweep"}
    yield passes(20)
    yield {"do": "sweep"}
    yield {"do": "capture", "order": name, "share": 33}
    yield passes(chance.choice([30, 120]))
    yield {"do": "sweep"}


def taught(teller: Teller) -> Iterator[Step]:
    """Lessons are staged and claimed while messages fail; one stage is contested, one refunded, one is never told."""
    chance = teller.chance
    yield from buy(teller, shop=chance.choice([3, 4]), amount=599_900, captured=False)
    name = teller.applied[-1]
    teller.captured.append(name)
    for _ in range(3):
        yield {"do": "stage", "order": name, "share": chance.choice([25, 30, 33])}
    yield {"do": "capture", "order": name}
    for which in (0, 1):
        yield {"do": "claim", "order": name, "which": which}
    yield {"do": "drain", "mood": {"notifier": 100} if chance.random() < 0.7 else {}}
    if chance.random() < 0.5:
        yield {"do": "doubt", "order": name, "which": 1}
    yield passes(chance.choice([6, 8]))
    yield {"do": "sweep", "mood": {"notifier": 100}}
    yield {"do": "drain"}
    yield {"do": "refund", "order": name, "kind": "unused_lessons", "share": chance.choice([20, 33])}
    yield passes(chance.choice([6, 8]))
    yield {"do": "sweep"}


PLOTS: tuple[Plot, ...] = (
    overdue, slow_bank, early, contested, paid_out, subsidised, last_days, voided, in_parts, limit_used_up,
    two_modes, far_ahead, watched, killed_workers, lapsing, sent_back, at_once,
)  # fmt: skip
