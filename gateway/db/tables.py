"""Every table of the gateway in one metadata: the only module that looks into all rooms' models."""

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from sqlalchemy import MetaData
from sqlmodel import SQLModel

import gateway

ROOT = Path(gateway.__file__).parent


@cache
def metadata() -> MetaData:
    """Metadata of all rooms: imports ``gateway.<room>.models`` wherever a room has one."""
    for room in pkgutil.iter_modules([str(ROOT)]):
        if room.ispkg and (ROOT / room.name / "models.py").exists():
            importlib.import_module(f"gateway.{room.name}.models")
    for table in SQLModel.metadata.tables.values():
        table.dialect_options["sqlite"]["strict"] = True
    return SQLModel.metadata
