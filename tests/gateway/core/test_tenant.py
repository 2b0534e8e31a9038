"""Whose an object is: by merchant and mode, and there are two modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from gateway.core.tenant import MODES, Mode, Tenant, mode_of


@dataclass
class Thing:
    merchant_id: str
    mode: str


def test_an_object_is_its_merchants_in_its_mode() -> None:
    assert get_args(Mode) == MODES
    assert tuple(map(mode_of, MODES)) == MODES
    live = Thing("mer_1", "live")
    assert Tenant.of(live) == Tenant("mer_1", "live")
    assert Tenant("mer_1", "live").owns(live)
    for other in (Tenant("mer_1", "test"), Tenant("mer_2", "live")):
        assert not other.owns(live)
