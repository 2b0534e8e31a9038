"""Lines that are ready are marked in the order of an index.

Roll forward: run the migrations again; an index that is complete stays, and one that is not is built again.

Revision ID: 0046
Revises: 0045
"""

from gateway.db import online

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    online.create_index(
        "settlement_line_ready",
        "settlement_line",
        ["merchant_id", "mode", "batch_id", "settlement_date", "id"],
    )
    online.drop_index("settlement_line_open", "settlement_line")
