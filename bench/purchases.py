"""A book of many purchases: one is made through the API and written as many times again, with all that hangs on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import insert, select, text, update
from sqlmodel import SQLModel

from bench.day import purchase
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings

BATCH = 250
COPIED = (
    "checkout",
    "consent",
    "credit_decision",
    "payment",
    "payment_line",
    "loan",
    "capture",
    "captured_line",
    "contract",
    "loan_instalment",
    "settlement_line",
    "event",
)
"""The rows of a purchase, parents first."""
Rename = Callable[[Any], Any]


def book(app: Flask, purchases: int) -> Tenant:
    """A merchant with so many purchases, captured in full; returns whose they are."""
    gateway = app.extensions["fenqi"]
    tenant, _ = purchase(app)
    for start in range(1, purchases, BATCH):
        numbers = range(start, min(start + BATCH, purchases))
        gateway.db.write(lambda tx, numbers=numbers: _copy(tx, tenant, numbers))
    return tenant


def _copy(tx: Transaction, tenant: Tenant, numbers: range) -> None:
    """The first purchase again for each of the numbers, its entries posted as they were."""
    connection, tables = tx.connection(), SQLModel.metadata.tables
    payment = connection.execute(select(tables["payment"]).order_by(tables["payment"].c.id)).first()
    assert payment is not None
    rows = {name: _of_purchase(tx, name, payment) for name in COPIED}
    own = {row["id"] for name in COPIED for row in rows[name] if "id" in row} | {payment.merchant_reference}
    pattern = re.compile("|".join(sorted(own, key=len, reverse=True)))
    entries = ledger.entries_about(tx, tenant, [payment.id, *(row["id"] for row in rows["capture"])])
    place = int(connection.execute(text("SELECT max(position) FROM event")).scalar_one())
    copies: dict[str, list[dict[str, Any]]] = {name: [] for name in COPIED}
    for number in numbers:
        rename = _renaming(pattern, number)
        ids = dict(zip((entry.id for entry in entries), _posted(tx, tenant, entries, rename), strict=True))
        for name in COPIED:
            for row in rows[name]:
                copy = {
                    column: ids[value] if column == "entry_id" else rename(value)
                    for column, value in row.items()
                }
                if name == "event":
                    place += 1
                    copy["position"] = place
                copies[name].append(copy)
    for name in COPIED:
        if copies[name]:
            connection.execute(insert(tables[name]), copies[name])
    _hold(tx, payment, rows["credit_decision"][0], numbers)


def _of_purchase(tx: Transaction, name: str, payment: Any) -> list[dict[str, Any]]:
    """The first purchase's rows of a table."""
    table = SQLModel.metadata.tables[name]
    known = {
        "checkout": ("id", [payment.checkout_id]),
        "payment": ("id", [payment.id]),
        "consent": ("checkout_id", [payment.checkout_id]),
        "credit_decision": ("checkout_id", [payment.checkout_id]),
        "event": ("object_id", [payment.checkout_id, payment.id]),
    }
    column, wanted = known.get(name, ("payment_id", [payment.id]))
    if name == "loan_instalment":
        loans = select(SQLModel.metadata.tables["loan"].c.id).where(
            SQLModel.metadata.tables["loan"].c.payment_id == payment.id
        )
        column, wanted = "loan_id", list(tx.connection().execute(loans).scalars())
    query = select(table).where(table.c[column].in_(wanted))
    return [dict(row) for row in tx.connection().execute(query).mappings()]


def _renaming(pattern: re.Pattern[str], number: int) -> Rename:
    def rename(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda match: f"{match[0]}_{number}", value)
        if isinstance(value, dict):
            return {key: rename(inner) for key, inner in value.items()}
        return [rename(inner) for inner in value] if isinstance(value, list) else value

    return rename


def _posted(tx: Transaction, tenant: Tenant, entries: Any, rename: Rename) -> list[str]:
    """The entries of one more purchase; returns their ids."""
    events = [
        ledger.Event(
            entry.kind,
            (entry.about_type, rename(entry.about_id)),
            postings.Entries(
                tuple(
                    postings.Line(line.account, line.owner, line.amount_fen, rename(line.object_id))
                    for line in entry.lines
                )
            ),
            key=rename(entry.key),
            on=entry.effective_date,
        )
        for entry in entries
    ]
    return ledger.book_many(tx, tenant, events)


def _hold(tx: Transaction, payment: Any, decision: dict[str, Any], numbers: range) -> None:
    """Every purchase holds its amount of the limit."""
    tables, connection = SQLModel.metadata.tables, tx.connection()
    limit, movement = tables["credit_limit"], tables["limit_movement"]
    known = connection.execute(select(limit).where(limit.c.shopper_id == payment.shopper_id)).one()
    held = len(numbers) * payment.amount_fen
    rows = [
        {
            "id": tx.new_id("lmv"),
            "limit_id": known.id,
            "reason": reason,
            "amount_fen": amount,
            "about": f"{about}_{number}",
            "created_at": payment.created_at,
        }
        for number in numbers
        for reason, amount, about in (
            ("granted", known.limit_fen, decision["id"]),
            ("authorized", payment.amount_fen, payment.id),
        )
    ]
    connection.execute(insert(movement), rows)
    connection.execute(update(limit).where(limit.c.id == known.id).values(held_fen=limit.c.held_fen + held))
