"""What never changes is refused, and small tables are written down twice.

Frozen is every column that no code ever changes; facts are never removed.

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

from gateway.db import types
from gateway.db.guards import install
from gateway.db.tables import metadata
from gateway.db.witness import write_down

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


WITNESSED = (
    "client_secret",
    "dispute",
    "erasure_request",
    "human_review",
    "list_entry",
    "merchant",
    "oauth_client",
    "passkey",
    "plan_price",
    "shopper",
    "shopper_return",
    "subsidy_programme",
    "team_member",
    "test_clock",
    "webhook_endpoint",
)


def upgrade() -> None:
    op.create_table(
        "row_version",
        sa.Column("number", types.Whole, nullable=False, autoincrement=True),
        sa.Column("of", types.Words, nullable=False),
        sa.Column("row_key", types.Words, nullable=False),
        sa.Column("sha256", types.Words, nullable=False),
        sa.CheckConstraint("length(sha256) = 64", name="sha256"),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("row_version_of_row", "row_version", ["of", "row_key"])
    # The same fact a second time under another identifier is no new fact.
    op.drop_index("consent_of_checkout", "consent")
    op.create_index("consent_of_checkout", "consent", ["checkout_id", "kind", "given_at"], unique=True)
    op.drop_index("credit_decision_of_checkout", "credit_decision")
    decided = ["checkout_id", "created_at", "decided_by"]
    op.create_index("credit_decision_of_checkout", "credit_decision", decided, unique=True)
    op.create_index("capture_of_loan", "capture", ["loan_id"], unique=True)
    write_down(op.get_bind(), [metadata().tables[name] for name in WITNESSED])
    install(op.get_bind(), "frozen")
