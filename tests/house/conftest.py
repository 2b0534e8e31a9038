"""The gateway's fixtures serve here too; conftest modules cannot be imported by name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def fixtures(name: str, *path: str) -> ModuleType:
    """A conftest of the tests as a module."""
    spec = importlib.util.spec_from_file_location(
        name, Path(__file__).parents[1].joinpath(*path, "conftest.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_gateway = fixtures("gateway_fixtures_of_the_house", "gateway")
app, api, clock, new_merchant, books = (
    getattr(_gateway, name) for name in ("app", "api", "clock", "new_merchant", "books")
)
_web = fixtures("web_fixtures_of_the_house", "gateway", "web")
world = _web.world


@pytest.fixture
def people() -> ModuleType:
    """The helpers that put people on a team."""
    return _web
