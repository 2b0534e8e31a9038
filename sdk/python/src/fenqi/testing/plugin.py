"""The pytest plugin: the fixture ``fenqi_gateway``.

It loads ``responses`` only for a test that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._shells import FakeGateway


@pytest.fixture
def fenqi_gateway() -> Iterator[FakeGateway]:
    """A FakeGateway for one test, at 2026-11-23 20:00 in Shanghai."""
    from ._shells import FakeGateway

    with FakeGateway() as gateway:
        yield gateway
