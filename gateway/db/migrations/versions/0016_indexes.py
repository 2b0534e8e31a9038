"""Indexes for what is asked at every request and by every job: nothing walks over all rows any more.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEXES = {
    "checkout_of_order": ("checkout", ["merchant_id", "mode", "merchant_reference", "id"]),
    "checkout_of_shopper": ("checkout", ["shopper_id"]),
    "payment_of_shopper": ("payment", ["shopper_id"]),
    "refund_of_payment": ("refund", ["merchant_id", "mode", "payment_id", "id"]),
    "shopper_return_of_shopper": ("shopper_return", ["shopper_id"]),
    "dispute_of_payment": ("dispute", ["payment_id"]),
    "dispute_listed": ("dispute", ["merchant_id", "mode", "payment_id", "id"]),
    "dispute_to_answer": ("dispute", ["status", "respond_by"]),
    "captured_serial_of_capture": ("captured_serial", ["capture_id"]),
    "event_of_type": ("event", ["merchant_id", "mode", "type", "id"]),
    "one_time_code_expiry": ("one_time_code", ["expires_at"]),
    "login_attempt_age": ("login_attempt", ["since"]),
    "invitation_expiry": ("invitation", ["expires_at"]),
    "session_end": ("login_session", ["ended_at"]),
    "session_expiry": ("login_session", ["expires_at"]),
    "used_challenge_expiry": ("used_challenge", ["expires_at"]),
    "revoked_token_expiry": ("revoked_token", ["expires_at"]),
    "idempotent_answer_expiry": ("idempotent_answer", ["expires_at"]),
    "erasure_request_of_shopper": ("erasure_request", ["shopper_id", "id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)
    capturable = sa.text("amount_fen > captured_fen + voided_fen + expired_fen")
    op.create_index(
        "payment_lapsing", "payment", ["expires_at"], sqlite_where=capturable, postgresql_where=capturable
    )
    op.drop_index("loan_overdue", "loan")
    op.create_index("loan_overdue", "loan", ["merchant_id", "mode", "overdue_since"])
