"""State machines as tables: what is not named is not allowed, and a state without moves is final."""

from __future__ import annotations

from collections.abc import Mapping, Set


class Transitions:
    """The moves of one kind of object."""

    def __init__(self, moves: Mapping[str, Set[str]]) -> None:
        self._moves = {state: frozenset(targets) for state, targets in moves.items()}
        self.states = frozenset(self._moves).union(*self._moves.values())

    def allows(self, state: str, target: str) -> bool:
        """Whether the object may move from ``state`` to ``target``. Raises ``ValueError`` for an unknown state."""
        for name in (state, target):
            if name not in self.states:
                raise ValueError(f"{name!r} is not one of the states {', '.join(sorted(self.states))}")
        return target in self._moves.get(state, frozenset())

    def is_final(self, state: str) -> bool:
        """Whether nothing follows ``state``."""
        return not self._moves.get(state)
