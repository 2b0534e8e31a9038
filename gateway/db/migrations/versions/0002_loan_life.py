"""Loans are billed, repaid, settled, unwound and written off; disputes, collections, returns, test clocks.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "test_clock",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("name", types.Words, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("offset_seconds", types.Whole, nullable=False),
        sa.Column("advance_to", types.UtcTime(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode = 'test'", name="mode"),
        sa.CheckConstraint("status IN ('ready', 'advancing')", name="status"),
        sa.CheckConstraint("offset_seconds >= 0", name="forward"),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchant.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("merchant_id", name="one_test_clock_per_merchant"),
        sqlite_strict=True,
    )
    op.create_table(
        "collection",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("loan_id", types.Words, nullable=False),
        sa.Column("period", types.Whole, nullable=False),
        sa.Column("attempt", types.Whole, nullable=False),
        sa.Column("amount_fen", types.Whole, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("failure", types.Words, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("status IN ('pending', 'succeeded', 'failed', 'canceled')", name="status"),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.ForeignKeyConstraint(
            ["loan_id"],
            ["loan.id"],
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchant.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("loan_id", "period", "attempt", name="one_collection_per_attempt"),
        sqlite_strict=True,
    )
    op.create_table(
        "loan_bill",
        sa.Column("loan_id", types.Words, nullable=False),
        sa.Column("period", types.Whole, nullable=False),
        sa.Column("due_date", types.Day(), nullable=False),
        sa.Column("principal_fen", types.Whole, nullable=False),
        sa.Column("interest_fen", types.Whole, nullable=False),
        sa.Column("fee_fen", types.Whole, nullable=False),
        sa.Column("late_fen", types.Whole, nullable=False),
        sa.Column("paid_principal_fen", types.Whole, nullable=False),
        sa.Column("paid_interest_fen", types.Whole, nullable=False),
        sa.Column("paid_fee_fen", types.Whole, nullable=False),
        sa.Column("paid_late_fen", types.Whole, nullable=False),
        sa.Column("paid_on", types.Day(), nullable=True),
        sa.CheckConstraint("paid_fee_fen BETWEEN 0 AND fee_fen", name="paid_fee"),
        sa.CheckConstraint("paid_interest_fen BETWEEN 0 AND interest_fen", name="paid_interest"),
        sa.CheckConstraint("paid_late_fen >= 0", name="paid_late"),
        sa.CheckConstraint("paid_principal_fen BETWEEN 0 AND principal_fen", name="paid_principal"),
        sa.CheckConstraint(
            "principal_fen >= 0 AND interest_fen >= 0 AND fee_fen >= 0 AND late_fen >= 0", name="owed"
        ),
        sa.ForeignKeyConstraint(
            ["loan_id"],
            ["loan.id"],
        ),
        sa.PrimaryKeyConstraint("loan_id", "period"),
        sqlite_strict=True,
    )
    op.create_index("loan_bill_open", "loan_bill", ["paid_on", "due_date"], unique=False)
    op.create_table(
        "loan_principal_reduction",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("loan_id", types.Words, nullable=False),
        sa.Column("period", types.Whole, nullable=False),
        sa.Column("reduced_on", types.Day(), nullable=False),
        sa.Column("amount_fen", types.Whole, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.ForeignKeyConstraint(
            ["loan_id"],
            ["loan.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(
        "loan_principal_reduction_of_bill", "loan_principal_reduction", ["loan_id", "period"], unique=False
    )
    op.create_table(
        "loan_repayment",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("loan_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("reference", types.Words, nullable=False),
        sa.Column("received_on", types.Day(), nullable=False),
        sa.Column("amount_fen", types.Whole, nullable=False),
        sa.Column("late_interest_fen", types.Whole, nullable=False),
        sa.Column("fee_fen", types.Whole, nullable=False),
        sa.Column("interest_fen", types.Whole, nullable=False),
        sa.Column("principal_fen", types.Whole, nullable=False),
        sa.Column("credit_fen", types.Whole, nullable=False),
        sa.Column("recovered_fen", types.Whole, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint(
            "amount_fen = late_interest_fen + fee_fen + interest_fen + principal_fen + credit_fen + recovered_fen",
            name="parts",
        ),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.ForeignKeyConstraint(
            ["loan_id"],
            ["loan.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mode", "reference", name="one_repayment_per_reference"),
        sqlite_strict=True,
    )
    op.create_index("loan_repayment_of_loan", "loan_repayment", ["loan_id", "id"], unique=False)
    op.create_table(
        "dispute",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("payment_id", types.Words, nullable=False),
        sa.Column("capture_id", types.Words, nullable=False),
        sa.Column("amount_fen", types.Whole, nullable=False),
        sa.Column("reason", types.Words, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("evidence", types.Words, nullable=True),
        sa.Column("respond_by", types.UtcTime(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint(
            "status IN ('needs_response', 'under_review', 'won', 'lost', 'accepted', 'canceled')",
            name="status",
        ),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.ForeignKeyConstraint(
            ["capture_id"],
            ["capture.id"],
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchant.id"],
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payment.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("dispute_of_capture", "dispute", ["capture_id"], unique=False)
    op.create_index("dispute_of_tenant", "dispute", ["merchant_id", "mode", "id"], unique=False)
    op.create_table(
        "shopper_return",
        sa.Column("id", types.Words, nullable=False),
        sa.Column("merchant_id", types.Words, nullable=False),
        sa.Column("mode", types.Words, nullable=False),
        sa.Column("shopper_id", types.Words, nullable=False),
        sa.Column("loan_id", types.Words, nullable=False),
        sa.Column("refund_id", types.Words, nullable=True),
        sa.Column("amount_fen", types.Whole, nullable=False),
        sa.Column("status", types.Words, nullable=False),
        sa.Column("failure", types.Words, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint("mode IN ('test', 'live')", name="mode"),
        sa.CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="status"),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.ForeignKeyConstraint(
            ["loan_id"],
            ["loan.id"],
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchant.id"],
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"],
            ["refund.id"],
        ),
        sa.ForeignKeyConstraint(
            ["shopper_id"],
            ["shopper.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("shopper_return_of_loan", "shopper_return", ["loan_id"], unique=False)
    op.create_index("shopper_return_of_refund", "shopper_return", ["refund_id"], unique=False)
    op.add_column("loan", sa.Column("base_version", types.Whole, nullable=False, server_default="1"))
    op.add_column("loan", sa.Column("billed_periods", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("next_due_date", types.Day(), nullable=True))
    op.add_column("loan", sa.Column("repaid_fen", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("written_off_fen", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("recovered_fen", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("credit_fen", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("subsidy_fen", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("subsidy_earned_fen", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("subsidy_returned_fen", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("subsidy_base_fen", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("late_daily_rate", types.Words, nullable=False, server_default="0.0005"))
    op.add_column("loan", sa.Column("late_grace_days", types.Whole, nullable=False, server_default="3"))
    op.add_column(
        "loan",
        sa.Column("early_settlement_policy", types.Words, nullable=False, server_default="pro_rata_day"),
    )
    op.add_column("loan", sa.Column("overdue_since", types.Day(), nullable=True))
    op.add_column("loan", sa.Column("late_entries", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("credit_entries", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("missed_through", types.Whole, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("ended_on", types.Day(), nullable=True))
    op.create_index(
        "loan_due_of_tenant", "loan", ["merchant_id", "mode", "next_due_date", "id"], unique=False
    )
    op.create_index("loan_due", "loan", ["next_due_date", "merchant_id", "mode"], unique=False)
    op.create_index("loan_overdue", "loan", ["overdue_since", "merchant_id", "mode"], unique=False)
    op.add_column("settlement_line", sa.Column("test_failure", types.Words, nullable=True))
    _widen(
        "limit_movement",
        reason="reason IN ('granted', 'authorized', 'voided', 'expired', 'refunded', 'repaid', 'unwound')",
    )
    _widen(
        "settlement_line",
        kind="kind IN ('capture', 'refund', 'subsidy', 'subsidy_return', 'dispute', 'dispute_won',"
        " 'payout_returned', 'reserve_release')",
    )
    _bring_old_loans_along()


def _widen(table: str, **checks: str) -> None:
    with op.batch_alter_table(table, table_kwargs={"sqlite_strict": True}) as batch:
        for name, text in checks.items():
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, text)


def _bring_old_loans_along() -> None:
    """Loans of before have billed nothing: they fall due from their first row on, with the subsidy of their capture."""
    op.execute(
        "UPDATE loan SET next_due_date = (SELECT MIN(due_date) FROM loan_instalment AS row"
        " WHERE row.loan_id = loan.id AND row.version = loan.schedule_version) WHERE status = 'active'"
    )
    # Refunds returned the subsidy in proportion, rounded half up.
    op.execute(
        "UPDATE loan SET subsidy_fen = capture.merchant_subsidy_fen, subsidy_base_fen = capture.merchant_subsidy_fen,"
        " subsidy_returned_fen = (2 * capture.merchant_subsidy_fen * capture.refunded_fen + capture.amount_fen)"
        " / (2 * capture.amount_fen) FROM capture WHERE capture.loan_id = loan.id"
    )
