"""Nobody reads events by their identifiers any more: two indexes fewer to write with each event.

Roll forward: run the migrations again; what is dropped stays so.

Revision ID: 0035
Revises: 0034
"""

from gateway.db import online

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("event_of_tenant", "event_of_type"):
        online.drop_index(name, "event")
