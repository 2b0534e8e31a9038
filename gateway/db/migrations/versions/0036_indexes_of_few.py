"""Indexes that hold only the rows they are asked for: checkouts on their way, what has a store, claims.

Roll forward: run the migrations again; what is built stays, and what was half built is built again.

Revision ID: 0036
Revises: 0035
"""

from gateway.db import online

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

ON_THEIR_WAY = "status IN ('open', 'identified', 'deciding', 'under_review')"
INDEXES = {
    "checkout_undecided": ("checkout", ["status", "expires_at"], ON_THEIR_WAY),
    "checkout_undecided_of_tenant": (
        "checkout",
        ["merchant_id", "mode", "status", "expires_at"],
        ON_THEIR_WAY,
    ),
    "checkout_with_store": ("checkout", ["merchant_id", "mode", "store", "id"], "store IS NOT NULL"),
    "payment_with_store": ("payment", ["merchant_id", "mode", "store", "id"], "store IS NOT NULL"),
    "shopper_that_claims": (
        "shopper",
        ["claims_number_of", "phone_lookup"],
        "claims_number_of IS NOT NULL",
    ),
}


def upgrade() -> None:
    for name, (table, columns, where) in INDEXES.items():
        online.create_index(name, table, columns, where=where)
