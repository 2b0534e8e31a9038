"""A reconciliation reads a merchant's settlement lines and payouts of some days by an index.

Roll forward: run the migrations again; an index that is complete stays, and one that is not is built again.

Revision ID: 0043
Revises: 0042
"""

from gateway.db import online

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    online.create_index("settlement_line_by_day", "settlement_line", ["merchant_id", "mode", "created_at"])
    online.create_index("payout_by_day", "payout", ["merchant_id", "mode", "created_at"])
