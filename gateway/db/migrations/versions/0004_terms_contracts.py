"""Terms by category and lender, trade-in subsidies, down payments, signed contracts.

Revision ID: 0004
Revises: 0003
"""

from datetime import date

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


FIRST_DAY, LAST_DAY = date(2026, 1, 1), date(2026, 12, 31)
APPLIANCES = ("refrigerator", "washing_machine", "tv", "air_conditioner", "computer", "water_heater")
DIGITAL = ("phone", "tablet", "watch", "glasses")


def upgrade() -> None:
    for name in ("category", "funder", "fee_timing", "fee_rate_per_period"):
        op.add_column("plan_price", sa.Column(name, types.Words, nullable=True))
    op.add_column("checkout", sa.Column("prices", types.Document(), nullable=True))
    op.add_column("checkout", sa.Column("down_payment_fen", types.Fen, server_default="0", nullable=False))
    op.add_column("checkout", sa.Column("government_subsidy", types.Document(), nullable=True))
    op.add_column("payment", sa.Column("government_subsidy", types.Document(), nullable=True))
    _contract()
    op.bulk_insert(
        _subsidy_programme(),
        [*_of_2026(APPLIANCES, 1, None, 150_000), *_of_2026(DIGITAL, None, 600_000, 50_000)],
    )


def _contract():
    op.create_table(
        "contract",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("checkout_id", types.Words, nullable=False),
        sa.Column("payment_id", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("quote_sha256", types.Words, nullable=False),
        sa.Column("disclosure_consent_id", types.Words, nullable=False),
        sa.Column("text", types.Words, nullable=False),
        sa.Column("text_sha256", types.Words, nullable=False),
        sa.Column("algorithm", types.Words, nullable=False),
        sa.Column("key_id", types.Words, nullable=False),
        sa.Column("signature", types.Words, nullable=False),
        sa.Column("concluded_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("length(text_sha256) = 64 AND length(quote_sha256) = 64", name="hashes"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"]),
        sa.ForeignKeyConstraint(["checkout_id"], ["checkout.id"]),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"]),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.ForeignKeyConstraint(["disclosure_consent_id"], ["consent.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("checkout_id", name="one_contract_per_checkout"),
        sa.UniqueConstraint("payment_id", name="one_contract_per_payment"),
        sqlite_strict=True,
    )
    op.create_index("contract_of_shopper", "contract", ["shopper_id", "id"], unique=False)
    install(op.get_bind(), "contracts")


def _subsidy_programme():
    return op.create_table(
        "subsidy_programme",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("code", types.Words, nullable=False),
        sa.Column("category", types.Words, nullable=False),
        sa.Column("grade", types.Whole, nullable=True),
        sa.Column("rate", types.Words, nullable=False),
        sa.Column("price_cap_fen", types.Fen, nullable=True),
        sa.Column("amount_cap_fen", types.Fen, nullable=False),
        sa.Column("valid_from", types.Day(), nullable=False),
        sa.Column("valid_to", types.Day(), nullable=False),
        sa.Column("region", types.Words, nullable=True),
        sa.CheckConstraint("amount_cap_fen > 0 AND price_cap_fen > 0", name="caps"),
        sa.CheckConstraint("valid_from <= valid_to", name="days"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "category", "valid_from", name="one_rule_per_category_and_day"),
        sqlite_strict=True,
    )


def _of_2026(categories, grade, price_cap_fen, amount_cap_fen):
    """The nationwide trade-in rules of 2026: 15 % of the final price, up to a cap (domain reference, section 5)."""
    return [
        {
            "id": f"sub_trade_in_2026_{category}",
            "code": "trade_in_2026",
            "category": category,
            "grade": grade,
            "rate": "0.15",
            "price_cap_fen": price_cap_fen,
            "amount_cap_fen": amount_cap_fen,
            "valid_from": FIRST_DAY,
            "valid_to": LAST_DAY,
            "region": None,
        }
        for category in categories
    ]
