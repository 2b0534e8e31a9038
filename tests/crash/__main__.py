"""``python -m tests.crash``: server, worker and database killed again and again under traffic, and what was found then.

Prints a table and a line of JSON; exits with 1 when anything was lost, doubled, or not as it must be.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from tests.crash import faults, oracle
from tests.crash.place import BACK_SECONDS, LINE, Killer, Place, running, waited
from tests.crash.traffic import Buyer, Journal, Reader, Receiver, Shop

SHOPS, BUYERS = 2, 3
VERIFICATIONS = (["verify"], ["ledger", "verify"], ["audit", "verify"], ["contracts", "verify"])
"""The first holds all the others, which are commands of their own."""
DELIVERED_SECONDS = 150
"""A worker that was killed holds what it had in hand for a minute; a failed delivery comes again after five seconds."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the rounds that are asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="length of a round (default 60)")
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds (default 3)")
    parser.add_argument("--database", choices=("sqlite", "postgres"), help="only this one (default: both)")
    parser.add_argument("--faults", action="store_true", help="each fault alone, instead of rounds at random")
    parser.add_argument("--seed", type=int, default=20261123, help="seed of what is done when")
    options = parser.parse_args(argv)
    ended = 0
    for database in [options.database] if options.database else ["sqlite", "postgres"]:
        if options.faults:
            rows = faults.all_of(database)
            print(f"\n{database}, each fault alone")
            faults.show(rows)
            print(json.dumps(rows, ensure_ascii=False), flush=True)
            ended |= int(any(row.get("wrong") for row in rows))
            continue
        for number in range(options.rounds):
            found = one_round(database, options.seconds, random.Random(options.seed + number))
            print(f"\n{database}, round {number + 1}: {options.seconds:g} s of traffic")
            show(found)
            print(json.dumps(found, ensure_ascii=False), flush=True)
            ended |= int(bool(found["failures"]))
    return ended


def one_round(
    database: str,
    seconds: float,
    chance: random.Random,
    *,
    ways: Sequence[str] = (),
) -> dict[str, Any]:
    """A gateway under traffic, hurt at random moments, and what was found.

    With ``ways`` it is hurt in just these, one after the other, under a buyer a shop, verified by one command, and
    nobody waits for the last delivery.
    """
    receiver, journal = Receiver(chance), Journal()
    try:
        with running(database) as place:
            return _round(place, receiver, journal, seconds, chance, ways)
    finally:
        receiver.close()


def _round(
    place: Place,
    receiver: Receiver,
    journal: Journal,
    seconds: float,
    chance: random.Random,
    ways: Sequence[str],
) -> dict[str, Any]:
    shops = [Shop(place.url, place.merchant(number), journal) for number in range(SHOPS)]
    for shop in shops:
        shop.send("POST", "/v1/webhook_endpoints", {"url": receiver.url}, key="endpoint")
    stop, stop_reading = threading.Event(), threading.Event()
    readers = [Reader(shop, stop_reading) for shop in shops]
    buyers = [
        Buyer(shop, f"{at}-{number}", stop, random.Random(chance.random()))
        for at, shop in enumerate(shops)
        for number in range(1 if ways else BUYERS)
    ]
    for thread in (*readers, *buyers):
        thread.start()
    killer = Killer(place, chance)
    until = time.monotonic() + seconds
    to_come = list(ways)
    while to_come or (time.monotonic() < until and not ways):
        time.sleep(chance.uniform(0.1, seconds / len(ways) if ways else 1.5))
        killer.hurt(to_come.pop(0) if ways else "")
    stop.set()
    for buyer in buyers:
        buyer.join()
    again = list(journal.answered)
    for one in chance.sample(again, min(len(again), int(20 + 5 * seconds))):
        next(shop for shop in shops if shop.merchant == one.merchant).replay(one)
    delivered = None
    if not ways:
        delivered = waited(lambda: oracle.deliveries_waiting(place.rows) == 0, DELIVERED_SECONDS)
    stop_reading.set()
    for reader in readers:
        reader.join()
        while reader.step():
            pass
    verifications = VERIFICATIONS[:1] if ways else VERIFICATIONS
    return judged(place, journal, killer, readers, shops, receiver, delivered, verifications)


def judged(
    place: Place,
    journal: Journal,
    killer: Killer,
    readers: list[Reader],
    shops: list[Shop],
    receiver: Receiver,
    delivered: float | None,
    verifications: Sequence[list[str]],
) -> dict[str, Any]:
    """The figures of a round, and everything that is not as it must be."""
    rows = place.rows
    lost, doubled = oracle.nothing_lost_nothing_doubled(rows, journal)
    seen = {shop.merchant: reader.seen for shop, reader in zip(shops, readers, strict=True)}
    failures = [*lost, *doubled, *journal.unequal, *journal.strange, *journal.given_up]
    failures += oracle.books_balance(rows) + oracle.sums_agree(rows) + oracle.limits_agree(rows)
    failures += oracle.events_whole(rows, seen, set(receiver.received)) + oracle.money_stuck(rows)
    slowest = max(killer.back_after, default=0)
    if slowest > max(BACK_SECONDS, 2 * place.first_start):
        failures.append(f"back in service after {slowest:.1f} s")
    for command in verifications:
        ended = place.run(*command)
        if ended.returncode:
            failures.append(f"{' '.join(command)}: status {ended.returncode}: {ended.stdout}{ended.stderr}")
    bare = [line for line in place.log_lines() if not LINE.match(line)]
    failures += [f"a line of the log without time and level: {line}" for line in bare[:5]]
    stopped = place.server.stop()
    return {
        "kills": sum(killer.kills.values()),
        "killed": killer.kills,
        "acknowledged": len(journal.answered),
        "replayed": journal.replayed,
        "replays not byte-equal": len(journal.unequal),
        "lost": len(lost),
        "doubled": len(doubled),
        "answers 503": journal.statuses[503],
        "answers 5xx but 503": sum(
            n for status, n in journal.statuses.items() if status >= 500 and status != 503
        ),
        "connections lost": journal.dropped,
        "events": sum(len(events) for events in seen.values()),
        "webhooks received": len(receiver.received),
        "all delivered after (s)": None if delivered is None else round(delivered, 1),
        "first start (s)": round(place.first_start, 1),
        "back in service, slowest (s)": round(slowest, 1),
        "slowest by kind (s)": killer.slowest,
        "SIGTERM to end (s)": round(stopped, 1),
        "lines of the log": len(place.log_lines()),
        "failures": failures,
    }


def show(found: dict[str, Any]) -> None:
    """A table of the figures, and what failed."""
    for name, value in found.items():
        if name != "failures":
            print(f"  {name:<32}{value}")
    for failure in found["failures"][:20]:
        print(f"  FAILED: {failure}")


if __name__ == "__main__":
    sys.exit(main())
