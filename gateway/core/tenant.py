"""Who owns an object: a merchant, in test or in live mode. The two modes never meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["test", "live"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """Owner of every object a merchant can see; part of every query, so another's object is simply not found."""

    merchant_id: str
    mode: Mode
