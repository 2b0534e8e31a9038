from __future__ import annotations

from collections.abc import Iterator

import pytest

from scoring.tables.learners import RECIPES


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    """A quarter of the trees in steps four times as large: a harder test of the same floors."""
    with pytest.MonkeyPatch.context() as patch:
        for recipe in RECIPES.values():
            patch.setitem(recipe, "eta", recipe["eta"] * 4)
            patch.setitem(recipe, "trees", recipe["trees"] // 4)
        yield
