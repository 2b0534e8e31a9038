"""Events of one type are found in their order, as those of all types are.

Roll forward: run the migrations again; what is built stays, and what was half built is built again.

Revision ID: 0034
Revises: 0033
"""

from gateway.db import online

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    online.create_index("event_of_type_in_order", "event", ["merchant_id", "mode", "type", "position"])
