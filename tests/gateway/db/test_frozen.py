"""What may change is declared, and the triggers are what is declared; the state machines are those of the code."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.checkout.states import CHECKOUT
from gateway.core.transitions import Transitions
from gateway.db.frozen import GUARDED_BEFORE, NO_FACTS, RULES, statements
from gateway.db.guards import statements as written
from gateway.db.tables import metadata
from gateway.loans.states import LOAN
from gateway.payments.disputes.service import STATES


def test_every_table_is_declared_once_and_what_may_change_exists() -> None:
    declared = [*RULES, *GUARDED_BEFORE, *NO_FACTS]
    assert sorted(declared) == sorted(metadata().tables)
    for name, rule in RULES.items():
        columns = {column.name for column in metadata().tables[name].columns}
        assert rule.changing() <= columns, name
        assert {*(rule.even_at_the_end or "").split()} <= rule.changing(), name


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_files_are_what_is_declared(dialect: str) -> None:
    """A new column is frozen by a file of its own once this one was released (``python -m gateway.db.frozen``)."""
    _, *others = written("frozen", dialect)
    _, *wanted = statements(dialect)
    assert others == wanted


@pytest.mark.parametrize(("table", "moves"), [("loan", LOAN), ("checkout", CHECKOUT), ("dispute", STATES)])
def test_the_steps_of_a_state_are_those_of_the_code(table: str, moves: Transitions) -> None:
    declared: Any = RULES[table].steps["status"]
    for state in moves.states:
        for target in moves.states - {state}:
            assert (target in declared.get(state, "").split()) is moves.allows(state, target), (state, target)
