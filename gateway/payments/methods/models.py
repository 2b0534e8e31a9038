"""The table of repayment methods."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, text
from sqlmodel import Field

from gateway.db.models import Keyed
from gateway.db.types import Bytes, UtcTime, Whole, Words

IS_ACTIVE = "status = 'active'"


class RepaymentMethod(Keyed, table=True):
    """A card or mandate of a person, over all merchants of a mode; its number is known to the institution alone.

    At most one of a person is active: that is what everything is collected from.
    """

    __tablename__ = "repayment_method"
    __table_args__ = (
        CheckConstraint("mode IN ('test', 'live')", name="mode"),
        CheckConstraint("status IN ('pending', 'active', 'failed', 'detached')", name="status"),
        CheckConstraint("kind IN ('card', 'mandate')", name="kind"),
        CheckConstraint("length(last4) IN (0, 4)", name="last4"),
        CheckConstraint("exp_month BETWEEN 1 AND 12", name="exp_month"),
        CheckConstraint("(exp_year IS NULL) = (exp_month IS NULL)", name="expiry"),
        CheckConstraint("(attached_at IS NULL) = (brand IS NULL)", name="attached"),
        CheckConstraint(
            f"NOT ({IS_ACTIVE}) OR (token_sealed IS NOT NULL AND ended_at IS NULL)", name="active"
        ),
        CheckConstraint("(ended_at IS NULL) = (status IN ('pending', 'active'))", name="ended"),
        Index("repayment_method_reference", "reference", unique=True),
        Index("repayment_method_of_shopper", "shopper_id", "id"),
        Index(
            "one_active_repayment_method",
            "shopper_id",
            unique=True,
            sqlite_where=text(IS_ACTIVE),
            postgresql_where=text(IS_ACTIVE),
        ),
    )

    id: str = Field(sa_column=Column(Words, primary_key=True))
    shopper_id: str = Field(sa_column=Column(Words, ForeignKey("shopper.id"), nullable=False))
    mode: str = Field(sa_column=Column(Words, nullable=False))
    reference: str = Field(sa_column=Column(Words, nullable=False))
    """What the institution knows the set-up by (``core.references``)."""
    place: str = Field(sa_column=Column(Words, nullable=False))
    """Where it was asked for: a checkout, or ``my`` for the shopper's own place; the browser comes back there."""
    language: str = Field(sa_column=Column(Words, nullable=False))
    status: str = Field(sa_column=Column(Words, nullable=False))
    kind: str | None = Field(default=None, sa_column=Column(Words))
    brand: str | None = Field(default=None, sa_column=Column(Words))
    """As the institution writes it, such as ``visa`` or ``unionpay``; none until it was given."""
    last4: str | None = Field(default=None, sa_column=Column(Words))
    """The last four digits; empty for a mandate that has none."""
    exp_year: int | None = Field(default=None, sa_column=Column(Whole))
    exp_month: int | None = Field(default=None, sa_column=Column(Whole))
    """Until the end of this month it can be collected from; none for what does not expire."""
    token_sealed: bytes | None = Field(default=None, sa_column=Column(Bytes))
    """What the institution collects by; gone once it was detached there."""
    failure: str | None = Field(default=None, sa_column=Column(Words))
    """Why the set-up failed, as the institution says."""
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    set_up_by: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    """Until then the institution's page takes it."""
    attached_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When it failed, or was detached here: from then on nothing is collected from it."""
    ended_because: str | None = Field(default=None, sa_column=Column(Words))
    """``failed``, ``replaced``, ``removed`` by the person, or ``erased``."""
    detached_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    """When the institution had detached it, too."""
