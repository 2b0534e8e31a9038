"""Payments are listed by status, day, amount and the shop's order number, and refunds by their reference.

Roll forward: run the migrations again; an index that is complete stays, and one that is not is built again.

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa

from gateway.db import online

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

STATUS = (
    "CASE WHEN amount_fen > captured_fen + voided_fen + expired_fen"
    " THEN CASE WHEN captured_fen = 0 THEN 'authorized' ELSE 'partially_captured' END"
    " WHEN captured_fen = 0 THEN CASE WHEN expired_fen > 0 THEN 'expired' ELSE 'voided' END"
    " WHEN refunded_fen = 0 THEN 'captured'"
    " WHEN refunded_fen < captured_fen THEN 'partially_refunded' ELSE 'refunded' END"
)


def upgrade() -> None:
    online.create_index("payment_by_status", "payment", ["merchant_id", "mode", sa.text(f"({STATUS})"), "id"])
    online.create_index("payment_by_day", "payment", ["merchant_id", "mode", "created_at", "id"])
    online.create_index("payment_by_amount", "payment", ["merchant_id", "mode", "amount_fen", "id"])
    online.create_index(
        "payment_by_order",
        "payment",
        ["merchant_id", "mode", "merchant_order_id"],
        where="merchant_order_id IS NOT NULL",
    )
    online.create_index("refund_by_reference", "refund", ["merchant_id", "mode", "refund_reference", "id"])
