"""The indexes of all rows go, of which 0036 keeps the few that are asked for.

Roll forward: run the migrations again; what is dropped stays so.

Revision ID: 0037
Revises: 0036
"""

from gateway.db import online

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

INDEXES = {
    "checkout_due": "checkout",
    "checkout_due_of_tenant": "checkout",
    "checkout_of_store": "checkout",
    "payment_of_store": "payment",
    "shopper_claims": "shopper",
}


def upgrade() -> None:
    for name, table in INDEXES.items():
        online.drop_index(name, table)
