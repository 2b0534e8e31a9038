"""Lines of orders: what they are worth, what of them was captured and returned; one subsidy per person and category.

Payments of older releases get the lines of their checkout. Where all of one was captured, all its pieces have left; where
all of it was given back, they have come back. Of the others captured by amount nobody knows which pieces left.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

from gateway.core.money import split_by_largest_remainder
from gateway.core.order_lines import of_order
from gateway.db import types
from gateway.db.guards import install

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    lines, captured, quotas = _payment_line(), _captured_line(), _subsidy_quota()
    op.add_column("refund", sa.Column("items", types.Document(), nullable=True))
    for row in _payments().mappings().all():
        found = _lines_of(row)
        if found:
            op.bulk_insert(lines, found)
            _fill(row, found, captured, quotas)
    install(op.get_bind(), "lines")


def _payment_line():
    return op.create_table(
        "payment_line",
        sa.Column("payment_id", types.Words, nullable=False),
        sa.Column("line", types.Whole, autoincrement=False, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("name", types.Words, nullable=False),
        sa.Column("category", types.Words, nullable=False),
        sa.Column("subsidy_category", types.Words, nullable=True),
        sa.Column("ordered", types.Whole, nullable=False),
        sa.Column("amount_fen", types.Fen, nullable=False),
        sa.Column("subsidy_fen", types.Fen, nullable=False),
        sa.CheckConstraint("line > 0 AND ordered > 0", name="ordered"),
        sa.CheckConstraint("amount_fen >= 0 AND subsidy_fen >= 0", name="amounts"),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"]),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.PrimaryKeyConstraint("payment_id", "line"),
        sqlite_strict=True,
    )


def _captured_line():
    table = op.create_table(
        "captured_line",
        sa.Column("capture_id", types.Words, nullable=False),
        sa.Column("line", types.Whole, autoincrement=False, nullable=False),
        sa.Column("payment_id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("quantity", types.Whole, nullable=False),
        sa.Column("amount_fen", types.Fen, nullable=False),
        sa.Column("returned", types.Whole, nullable=False),
        sa.Column("returned_fen", types.Fen, nullable=False),
        sa.CheckConstraint("quantity > 0 AND amount_fen >= 0", name="quantity"),
        sa.CheckConstraint("returned BETWEEN 0 AND quantity", name="returned"),
        sa.CheckConstraint("returned_fen BETWEEN 0 AND amount_fen", name="returned_fen"),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.ForeignKeyConstraint(["capture_id"], ["capture.id"]),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"]),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["payment_id", "line"], ["payment_line.payment_id", "payment_line.line"]),
        sa.PrimaryKeyConstraint("capture_id", "line"),
        sqlite_strict=True,
    )
    op.create_index("captured_line_of_payment", "captured_line", ["payment_id", "line"])
    return table


def _subsidy_quota():
    table = op.create_table(
        "subsidy_quota",
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("programme", types.Words, nullable=False),
        sa.Column("category", types.Words, nullable=False),
        sa.Column("person_lookup", types.Words, nullable=False),
        sa.Column("payment_id", types.Words, nullable=False),
        sa.Column("reserved_at", types.UtcTime(), nullable=False),
        sa.Column("used_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"]),
        sa.PrimaryKeyConstraint("mode", "programme", "category", "person_lookup"),
        sqlite_strict=True,
    )
    op.create_index("subsidy_quota_of_payment", "subsidy_quota", ["payment_id"])
    return table


def _payments():
    """Every payment with the order of its checkout, its newest capture, and its person, oldest first."""
    statement = sa.text(
        """SELECT p.id, p.merchant_id, p.mode, p.captured_fen, p.refunded_fen, p.created_at,
                  p.amount_fen - p.captured_fen - p.voided_fen - p.expired_fen AS left_fen,
                  p.government_subsidy, c.items, c.category, c.merchant_discount_fen, c.down_payment_fen,
                  s.id_number_lookup, (SELECT max(id) FROM capture WHERE payment_id = p.id) AS capture_id
             FROM payment p JOIN checkout c ON c.id = p.checkout_id JOIN shopper s ON s.id = p.shopper_id
            ORDER BY p.id"""
    ).columns(government_subsidy=types.Document(), items=types.Document(), created_at=types.UtcTime())
    return op.get_bind().execute(statement)


def _lines_of(row):
    subsidy = row["government_subsidy"]
    ordered = of_order(
        row["items"],
        category=row["category"],
        discount_fen=row["merchant_discount_fen"],
        subsidy_fen=subsidy["amount"] if subsidy else 0,
        down_payment_fen=row["down_payment_fen"],
    )
    return [
        {
            "payment_id": row["id"],
            "line": number,
            "merchant_id": row["merchant_id"],
            "mode": row["mode"],
            "name": line.name,
            "category": line.category,
            "subsidy_category": line.subsidy_category,
            "ordered": line.ordered,
            "amount_fen": line.amount_fen,
            "subsidy_fen": line.subsidy_fen,
        }
        for number, line in enumerate(ordered, start=1)
    ]


def _fill(row, lines, captured, quotas):
    if row["capture_id"] and not row["left_fen"]:
        amounts = split_by_largest_remainder(row["captured_fen"], [line["amount_fen"] for line in lines])
        returned = row["refunded_fen"] == row["captured_fen"]
        op.bulk_insert(
            captured,
            [
                {
                    **{name: line[name] for name in ("payment_id", "line", "merchant_id", "mode")},
                    "capture_id": row["capture_id"],
                    "quantity": line["ordered"],
                    "amount_fen": amount,
                    "returned": line["ordered"] if returned else 0,
                    "returned_fen": amount if returned else 0,
                }
                for line, amount in zip(lines, amounts, strict=True)
            ],
        )
    if row["government_subsidy"] and (row["left_fen"] or row["captured_fen"]):
        _take_quota(row, lines, quotas)


def _take_quota(row, lines, quotas):
    """Whoever had a subsidy twice under an older release keeps both; the first stands for the quota."""
    for line in lines:
        key = {
            "mode": row["mode"],
            "programme": row["government_subsidy"]["programme"],
            "category": line["subsidy_category"],
            "person_lookup": row["id_number_lookup"],
        }
        if not line["subsidy_fen"]:
            continue
        same = sa.and_(*(quotas.c[name] == value for name, value in key.items()))
        if op.get_bind().execute(sa.select(quotas.c.mode).where(same)).first() is None:
            used = row["created_at"] if row["captured_fen"] else None
            reserved = {"payment_id": row["id"], "reserved_at": row["created_at"], "used_at": used}
            op.bulk_insert(quotas, [{**key, **reserved}])
