"""What of a refund came back with its fee, and what because goods came back, is counted on the capture.

Revision ID: 0022
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("refunded_with_fee", "goods_returned"):
        column = f"{name}_fen"
        kind = types.Fen.compile(dialect=op.get_bind().dialect)
        op.execute(
            f"ALTER TABLE capture ADD COLUMN {column} {kind} NOT NULL DEFAULT 0"
            f" CONSTRAINT {name} CHECK ({column} BETWEEN 0 AND amount_fen)"
        )
    op.create_index("settlement_line_of_payment", "settlement_line", ["payment_id", "kind"])
    # Until now every refund returned the fee, and only a lost dispute did not.
    op.execute(
        sa.text(
            "UPDATE capture SET refunded_with_fee_fen = refunded_fen - coalesce((SELECT sum(amount_fen) FROM dispute"
            " WHERE dispute.capture_id = capture.id AND dispute.status IN ('lost', 'accepted')), 0)"
        )
    )
    op.execute(
        sa.text(
            "UPDATE capture SET goods_returned_fen = coalesce((SELECT CASE WHEN returned_fen = subsidy_claim.amount_fen"
            " THEN capture.refunded_fen ELSE capture.amount_fen * returned_fen / subsidy_claim.amount_fen END"
            " FROM subsidy_claim WHERE subsidy_claim.capture_id = capture.id), 0)"
        )
    )
