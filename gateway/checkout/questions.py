"""Statements about a checkout that ``service`` repeats, built once."""

from __future__ import annotations

from sqlalchemy import bindparam, inspect, text
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, select

from gateway.checkout.models import IS_LIVE, Checkout
from gateway.db import witness
from gateway.decision import requests
from gateway.identity import service as identity
from gateway.merchants import business_clock
from gateway.merchants import service as merchants
from gateway.payments import service as payments

ROWS = SQLModel.metadata.tables["checkout"]
LIVE_OF_ORDER = select_columns(ROWS.c.id).where(
    ROWS.c.merchant_id == bindparam("merchant"),
    ROWS.c.mode == bindparam("mode"),
    ROWS.c.merchant_reference == bindparam("reference"),
    text(IS_LIVE),
)
OF_ORDER = business_clock.read_along(
    select_columns(LIVE_OF_ORDER.scalar_subquery(), payments.WITH_REFERENCE.scalar_subquery()),
    bindparam("merchant"),
)
"""Every new checkout asks what there is of its order, a checkout or a payment, and nearly all find nothing."""
COLUMNS: dict[str, str] = {name: column.name for name, column in inspect(Checkout).columns.items()}
"""The columns by their names in the class."""
NOT_SHOWN = ("keyed_hash", "prices", "decline_reasons", "terms", "address_sealed", "language")
"""What no merchant is shown, and what is not read for one."""
OF_MERCHANT = business_clock.read_along(
    select_columns(
        *(ROWS.c[column].label(name) for name, column in COLUMNS.items() if name not in NOT_SHOWN)
    ).where(ROWS.c.id == bindparam("checkout")),
    ROWS.c.merchant_id,
)
"""What a merchant reads of a checkout: a row, with the names of the class, and how far the test clock is ahead."""
SHOWN = business_clock.read_along(
    select(Checkout).where(Checkout.id == bindparam("checkout")), Checkout.merchant_id
)
"""The checkout, and how far the test clock of its merchant is ahead."""
LOCKED = SHOWN.with_for_update(of=Checkout).execution_options(populate_existing=True)
LOCKED_WITH_PEOPLE = merchants.read_along(
    identity.read_along(LOCKED, Checkout.shopper_id), Checkout.merchant_id
)
_OF_REQUEST = witness.read_along(
    business_clock.read_along(requests.read_with(Checkout, identity.PERSON), Checkout.merchant_id),
    "shopper",
    Checkout.shopper_id,
)
OF_REQUEST = merchants.read_along(
    identity.read_along(_OF_REQUEST, Checkout.shopper_id, isouter=False), Checkout.merchant_id
)
"""The request for a decision, the same of its checkout, and the newest version of the shopper, who is verified now.

The applicant is locked, too, who may be found proven.
"""
