"""What must hold after the steps of a story: the model's figures, who owns what, what was promised, what is told."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from gateway.audit.verify import verify as verify_audit
from gateway.contracts.verify import verify as verify_contracts
from gateway.core.tenant import Tenant
from gateway.ledger.integrity.verify import verify as verify_ledger
from gateway.merchants import business_clock
from gateway.proof.book_agreements import AGREEMENTS
from gateway.proof.facts import verify as verify_facts
from tests.simulator import accounts, model, promises, windows
from tests.simulator.actions import PERSONAL
from tests.simulator.model import moment
from tests.simulator.moved import ALL
from tests.simulator.outside import signed, told
from tests.simulator.world import SECOND, SECOND_EVENTS, SECOND_URL

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation

__all__ = ["by_tenant", "check", "digest", "moment", "of_tenant"]
Wrong = Iterator[tuple[str, str]]
READ = (
    "audit_entry",
    "capture", "checkout", "collection", "consent", "contract", "credit_decision", "credit_limit", "decision_request",
    "dispute", "event", "ledger_entry", "ledger_posting", "limit_movement", "loan", "loan_bill", "loan_credit_change",
    "loan_instalment", "loan_principal_reduction", "loan_repayment", "merchant", "outbox", "payment", "payout",
    "refund", "settlement_batch", "settlement_line", "shopper_return", "subsidy_claim", "webhook_delivery",
)  # fmt: skip
HEAVY_COLUMNS = {
    "checkout": ("plans", "prices", "items"),
    "contract": ("text", "signature"),
    "payment": ("plan",),
}
"""Columns that the model does not need and that take long to read."""
SPEAKS = (
    "audit_entry",
    "event",
    "outbox",
    "contract",
    "webhook_attempt",
    "idempotent_answer",
    "ledger_entry",
)
"""Tables that may name nobody."""
PERSONAL_BYTES = [words.encode() for words in PERSONAL]


@cache
def _columns(name: str) -> str:
    table = ALL().tables[name]
    left_out = HEAVY_COLUMNS.get(name, ())
    return ", ".join(f'"{column.name}"' for column in table.columns if column.name not in left_out)


def tables(sim: Simulation, *, anew: bool) -> model.Tables:
    """All rows of the tables that the model reads; those that have moved are read, and ``anew`` all of them."""

    def rows(name: str) -> list[model.Row]:
        return sim.rows(f"SELECT {_columns(name)} FROM {name}")

    if anew or sim.world.database != "sqlite":
        return {name: rows(name) for name in READ}
    return {name: sim.world.moved.kept("rows", name, partial(rows, name)) for name in READ}


def check(sim: Simulation, *, final: bool) -> Wrong:
    """Everything that does not hold now; with ``final`` also what holds only when all is calm."""
    found = tables(sim, anew=final)
    yield from model.payments(found)
    yield from model.refunds(found)
    yield from model.captures(found)
    yield from model.schedules(found)
    yield from accounts.limits(found)
    yield from accounts.settlements(found)
    yield from accounts.books(found)
    yield from model.decisions(found)
    yield from model.events(found)
    nows = _nows(sim)
    todays = {place: model.in_shanghai(now) for place, now in nows.items()}
    yield from model.too_early(found, nows)
    yield from windows.returns(found)
    yield from windows.deadlines(found, todays, calm=final)
    yield from windows.settlement_days(found)
    yield from windows.audit_chain(found)
    yield from _asked_with_consent(sim, found)
    yield from _money_moved(sim, found, final=final)
    yield from _promised(sim, found, final=final)
    yield from _arrived(sim, found, final=final)
    yield from promises.check(sim, found, final=False)
    if final:
        yield from model.standings(found, todays)
        yield from _nothing_waits(found)
        yield from _nobody_is_named(sim)
        yield from _replays(sim)
        yield from _verified(sim)
        yield from promises.check(sim, found, final=True)


def _nows(sim: Simulation) -> dict[tuple[str, str], Any]:
    with sim.gateway.db.read() as tx:
        return {(of.merchant_id, of.mode): business_clock.business_now(tx, of) for of in sim.world.tenants}


# -- outside


def _asked_with_consent(sim: Simulation, found: model.Tables) -> Wrong:
    """Who was asked about a person was asked about a request that is written down, under its reference."""
    known = {(row["mode"], row["id"]) for row in found["decision_request"]}
    for party in (sim.world.outside.funder, sim.world.outside.bureau, sim.world.outside.real_name):
        for place in party.calls:
            if place not in known:
                yield "consent_before_score", f"{party.name} was asked about {place}, which is no request"


def _money_moved(sim: Simulation, found: model.Tables, *, final: bool) -> Wrong:
    """The tables say of the money what the institution's journal says: never more, and at last the same."""
    said, journal = accounts.moved_outside(found), Counter[tuple[str, str, str, int]]()
    for (mode, _), done in sim.world.outside.institution.done.items():
        movement, party, amount, account = done.what
        if done.answer.outcome == "succeeded":
            journal[mode, movement, party, amount] += 1
        if movement == "payout" and account != f"acct-{party}":
            yield "money_moved", f"a payout of {party} goes to {account}"
    invented, unknown = said - journal, journal - said
    if invented:
        yield "money_moved", f"booked and never moved: {dict(invented)}"
    if final and unknown:
        yield "money_moved", f"moved and not booked: {dict(unknown)}"
    received = Counter(row["reference"] for row in found["loan_repayment"])
    collected = sum(row["status"] == "succeeded" for row in found["collection"])
    if sum(not name.startswith("rcpt-") for name in received) != collected:
        yield "money_moved", f"{collected} collections succeeded, receipts are {sorted(received)}"
    for (_, reference), loan in sim.receipts.items():
        rows = [row for row in found["loan_repayment"] if row["reference"] == reference]
        if len(rows) > 1 or (rows and rows[0]["loan_id"] != loan):
            yield "acknowledged", f"the receipt {reference} of {loan} is {len(rows)} rows"


# -- what was promised to the shops


def _promised(sim: Simulation, found: model.Tables, *, final: bool) -> Wrong:
    """Whatever a shop was answered is there, and, once it knows of everything, nothing else is."""
    captures = {row["id"]: row for row in found["capture"]}
    refunds = {row["id"]: row for row in found["refund"]}
    payments = {row["id"]: row for row in found["payment"]}
    for order in sim.shops.orders.values():
        for what, known, rows in (("capture", order.captures, captures), ("refund", order.refunds, refunds)):
            for name, amount in known.items():
                if name not in rows or rows[name]["amount_fen"] != amount:
                    yield (
                        "acknowledged",
                        f"the {what} {name} of {amount} was answered and is {rows.get(name)}",
                    )
        if final and order.payment in payments and order.name not in sim.shops.unsure:
            mine = {row["id"] for row in captures.values() if row["payment_id"] == order.payment}
            if mine != set(order.captures):
                yield "asked_for", f"{order.name} has captures {sorted(mine)}, not {sorted(order.captures)}"
            back = {
                row["id"]
                for row in refunds.values()
                if row["payment_id"] == order.payment and row["initiated_by"] != "dispute"
            }
            if back != set(order.refunds):
                yield "asked_for", f"{order.name} has refunds {sorted(back)}, not {sorted(order.refunds)}"
    if final:
        checkouts = {row["id"]: row for row in found["checkout"]}
        for call in sim.shops.calls.values():
            if call.about[0] == "order" and call.acknowledged:
                row, tenant = checkouts.get(call.json["id"]), sim.shops.tenant(call.shop)
                if row is None or (row["merchant_id"], row["mode"]) != (tenant.merchant_id, tenant.mode):
                    yield "acknowledged", f"the checkout {call.json['id']} is not there"


def _replays(sim: Simulation) -> Wrong:
    """A call sent again under its key is answered by the same bytes."""
    now = sim.world.clock.now
    calls = [call for call in sim.shops.calls.values() if call.acknowledged and call.kept_until() > now]
    for call in calls[-3:]:
        before = call.status, call.answer
        sim.shops.write(call, note=False)
        if (call.status, call.answer) != before:
            yield "replay_equal", f"{call.path} {call.key}: {before}, then {call.status} {call.answer!r}"


def _arrived(sim: Simulation, found: model.Tables, *, final: bool) -> Wrong:
    """Webhooks reach the shop they are about, signed, each event with one content, and at last every one."""
    places = {(of.merchant_id, of.mode): number for number, of in enumerate(sim.world.tenants)}
    owners = {row["id"]: places[row["merchant_id"], row["mode"]] for row in found["event"]}
    contents: dict[str, bytes] = {}
    first: dict[tuple[str, str], int] = {}
    for number, (url, headers, body) in enumerate(sim.world.outside.receivers.arrived):
        event = told(body)
        shop = owners.get(event["id"])
        secrets = sim.secrets_of(shop) if shop is not None else []
        if shop == SECOND and url == SECOND_URL:
            secrets = [sim.world.second_secret]
            if event["type"] not in SECOND_EVENTS:
                yield "webhook_wanted", f"{event['type']} went to {url}, which has not asked for it"
        elif shop is None or url != f"https://shop{shop}.example/hook":
            yield "tenants_apart", f"{event['id']} of shop {shop} went to {url}"
            continue
        if not any(signed(secret, headers, body) for secret in secrets):
            yield "webhook_signed", f"{event['id']} bears no signature of shop {shop}"
        if contents.setdefault(event["id"], body) != body or headers["webhook-id"] != event["id"]:
            yield "webhook_once_said", f"{event['id']} was told twice with different content"
        first.setdefault((url, event["id"]), number)
    held = {row["event_id"] for row in found["webhook_delivery"] if row["status"] in ("canceled", "failed")}
    if final:
        wanted = [(f"https://shop{shop}.example/hook", name) for name, shop in owners.items()]
        wanted += [
            (SECOND_URL, row["id"])
            for row in found["event"]
            if owners[row["id"]] == SECOND and row["type"] in SECOND_EVENTS
        ]
        missing = [place for place in wanted if place not in first and place[1] not in held]
        if missing:
            yield "webhook_at_least_once", f"{missing} never arrived"
        for shop, rows in sim.shops.events.items():
            yield from _read_without_gap(sim, shop, [row["id"] for row in rows], found)


def _read_without_gap(sim: Simulation, shop: int, read: list[str], found: model.Tables) -> Wrong:
    of = sim.shops.tenant(shop)
    rows = [row for row in found["event"] if (row["merchant_id"], row["mode"]) == (of.merchant_id, of.mode)]
    right = [row["id"] for row in sorted(rows, key=lambda row: row["position"])]
    if read and right[right.index(read[0]) if read[0] in right else 0 :][: len(read)] != read:
        yield "events_read_without_gap", f"shop {shop} read {read}, not {right}"


# -- at the end


def _nothing_waits(found: model.Tables) -> Wrong:
    """Nothing is unknown any more."""
    for name in ("collection", "shopper_return", "payout"):
        for row in found[name]:
            if row["status"] == "pending":
                yield "resolved_at_last", f"{name} {row['id']} is pending"
    for row in found["checkout"]:
        if row["status"] == "deciding":
            yield "resolved_at_last", f"{row['id']} is being decided"
    for row in found["outbox"]:
        if row["done_at"] is None:
            yield "resolved_at_last", f"{row['topic']} {row['id']} waits: {row['last_error']}"


def _nobody_is_named(sim: Simulation) -> Wrong:
    for name in SPEAKS:
        for row in sim.rows(f"SELECT * FROM {name}"):
            line = repr(list(row.values()))
            if any(words in line for words in PERSONAL):
                yield "nobody_is_named", f"{name}: {line[:300]}"
    for _, headers, body in sim.world.outside.receivers.arrived:
        if any(words in body for words in PERSONAL_BYTES):
            yield "nobody_is_named", f"webhook {headers['webhook-id']}"


def _verified(sim: Simulation) -> Wrong:
    """What the gateway's own verifiers say."""
    authority = sim.gateway.ports.signing_authority
    with sim.gateway.db.read() as tx:
        report = verify_ledger(tx, AGREEMENTS)
        for each in report.checks:
            if not each.ok:
                yield f"verify_ledger.{each.name}", f"{each.first}: {each.detail}"
        for sentence in verify_facts(tx).sentences:
            yield "verify_facts", sentence
        contracts = verify_contracts(tx, authority)
        for problem in getattr(contracts, "problems", ()):
            yield "verify_contracts", str(problem)
        audit = verify_audit(tx, authority)
        for problem in audit.problems:
            yield "verify_audit", str(problem)


# -- whose rows


@cache
def _owned() -> dict[str, str]:
    """Queries of the tables that name merchant and mode, in a fixed order."""
    found = {}
    for table in ALL().sorted_tables:
        if "merchant_id" in table.columns and "mode" in table.columns:
            key = ", ".join(f'"{column.name}"' for column in table.primary_key)
            found[table.name] = f"SELECT * FROM {table.name} ORDER BY {key}"
    return found


def by_tenant(sim: Simulation) -> dict[tuple[str, str], dict[str, str]]:
    """A hash of all rows of each merchant and mode in each table that names both."""
    hashes: dict[tuple[str, str], dict[str, str]] = {}
    for name, query in _owned().items():
        hashed = partial(_hashed, sim, query)
        made = hashed() if sim.world.database != "sqlite" else sim.world.moved.kept("owned", name, hashed)
        for place, digest in made.items():
            hashes.setdefault(place, {})[name] = digest
    return hashes


def _hashed(sim: Simulation, query: str) -> dict[tuple[str, str], str]:
    made: dict[tuple[str, str], Any] = {}
    for row in sim.rows(query):
        if row["merchant_id"] is not None:
            line = repr(list(row.values())).encode()
            made.setdefault((row["merchant_id"], row["mode"]), hashlib.sha256()).update(line)
    return {place: hashed.hexdigest() for place, hashed in made.items()}


def of_tenant(sim: Simulation, tenant: Tenant) -> dict[str, str] | None:
    return by_tenant(sim).get((tenant.merchant_id, tenant.mode))


def digest(sim: Simulation) -> str:
    """The end of a seed, as a hash: the same seed ends in the same rows."""
    found = tables(sim, anew=False)
    lines = [
        f"{name} {sorted(map(repr, found[name]))}"
        for name in (
            "payment",
            "capture",
            "refund",
            "loan",
            "loan_bill",
            "payout",
            "settlement_batch",
            "event",
        )
    ]
    return hashlib.sha256(re.sub("<.*?>", "", "\n".join(lines)).encode()).hexdigest()
