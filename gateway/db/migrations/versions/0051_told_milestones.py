"""What happened to a milestone includes the message that told its shopper of a claim.

Revision ID: 0051
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

KINDS = "kind IN ('claimed', 'told', 'contested', 'answered', 'released', 'returned', 'canceled')"


def upgrade() -> None:
    on_sqlite = op.get_context().dialect.name == "sqlite"  # which makes the table again, without its triggers
    triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'milestone_event'"
    kept = list(op.get_bind().execute(sa.text(triggers)).scalars()) if on_sqlite else []
    with op.batch_alter_table("milestone_event", table_kwargs={"sqlite_strict": True}) as batch:
        batch.drop_constraint("kind", type_="check")
        batch.create_check_constraint("kind", KINDS)
    for trigger in kept:
        op.get_bind().exec_driver_sql(trigger)
