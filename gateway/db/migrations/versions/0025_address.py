"""The address of a checkout carries a secret; the phone that got the code is remembered for another device.

Addresses that shops were given before have no secret. Those of checkouts that are still under way open the first page
for a day.

Revision ID: 0025
Revises: 0024
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from gateway.db import types

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

GRACE = timedelta(hours=24)


def upgrade() -> None:
    for name, kind in (
        ("address_lookup", types.Words),
        ("address_sealed", types.Bytes),
        ("address_grace_ends", types.UtcTime()),
        ("phone_lookup", types.Words),
    ):
        op.add_column("checkout", sa.Column(name, kind, nullable=True))
    checkout = sa.table("checkout", sa.column("status"), sa.column("address_grace_ends", types.UtcTime()))
    under_way = checkout.c.status.in_(("open", "identified", "deciding", "under_review"))
    op.execute(checkout.update().where(under_way).values(address_grace_ends=datetime.now(UTC) + GRACE))
