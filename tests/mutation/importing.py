"""A pytest plugin: the module of the mutant in ``FENQI_MUTANT`` is imported with its change."""

from __future__ import annotations

import importlib.machinery
import json
import os
from types import CodeType
from typing import Any

from tests.mutation import mutants
from tests.mutation.runner import PLANTED, ROOT

_MUTANT = mutants.Mutant(**json.loads(os.environ[PLANTED]))
_PATH = str(ROOT / _MUTANT.path)
_get_code = importlib.machinery.SourceFileLoader.get_code


def _changed(self: Any, fullname: str) -> CodeType | None:
    if self.get_filename(fullname) == _PATH:
        return mutants.compiled(_MUTANT, ROOT)
    return _get_code(self, fullname)


importlib.machinery.SourceFileLoader.get_code = _changed  # type: ignore[method-assign]
