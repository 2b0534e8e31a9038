"""The address rules of an app, compiled and sorted once for all apps of a process that have the same ones."""

from __future__ import annotations

from typing import Any

from werkzeug.routing import Map, Rule, RuleFactory

_sorted: dict[tuple[Any, ...], tuple[Any, Any]] = {}


class RememberedMap(Map):
    """A map that looks at its rules when it is first used, and finds there what an equal one has made of them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._told: list[Rule] = []
        self._ready = True

    def add(self, rulefactory: RuleFactory) -> None:
        self._told += rulefactory.get_rules(self)
        self._ready = False
        self._remap = True

    def update(self) -> None:
        if not self._ready:
            key = (
                self.host_matching,
                self.default_subdomain,
                *self.converters.items(),
                *map(_gist, self._told),
            )
            if key not in _sorted:
                own = Map(host_matching=self.host_matching, default_subdomain=self.default_subdomain)
                own.converters = self.converters
                for rule in self._told:
                    own.add(_unbound(rule))
                own.update()
                _sorted[key] = own._matcher, own._rules_by_endpoint
            self._matcher, self._rules_by_endpoint = _sorted[key]
            self._ready, self._remap = True, False
        super().update()


def _gist(rule: Rule) -> tuple[Any, ...]:
    """All that was said of a rule."""
    said = {name: value for name, value in vars(rule).items() if not name.startswith("_")}
    methods, defaults = said.pop("methods"), said.pop("defaults")
    arguments = said.pop("arguments")
    return (
        *said.items(),
        frozenset(methods or ()),
        methods is None,
        tuple((defaults or {}).items()),
        frozenset(arguments),
    )


def _unbound(rule: Rule) -> Rule:
    copy = rule.empty()
    copy.provide_automatic_options = getattr(rule, "provide_automatic_options", False)  # type: ignore[attr-defined]
    return copy
