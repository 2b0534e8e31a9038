"""Leases of what waits are found by an index of their own, however much waits.

Roll forward: run the migrations again; what is built stays, and what was half built is built again.

Revision ID: 0032
Revises: 0031
"""

from gateway.db import online

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

LEASED = {
    "outbox_leased": ("outbox", "done_at IS NULL AND leased_until IS NOT NULL"),
    "webhook_delivery_leased": ("webhook_delivery", "status = 'pending' AND leased_until IS NOT NULL"),
}


def upgrade() -> None:
    for name, (table, waits) in LEASED.items():
        online.create_index(name, table, ["leased_until"], where=waits)
