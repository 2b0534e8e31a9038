"""Apps with the same address rules share what is made of them; one with others has its own."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from tests.address_rules import RememberedMap


def app_with(*paths: str, methods: tuple[str, ...] = ("GET",)) -> Flask:
    app = Flask("shop")
    for path in paths:
        app.add_url_rule(path, path, lambda **named: named, methods=methods)
    assert isinstance(app.url_map, RememberedMap)
    return app


def test_equal_rules_are_made_once_and_found_by_each_app() -> None:
    first, second = app_with("/orders/<id>", "/orders"), app_with("/orders/<id>", "/orders")
    ways = [app.url_map.bind("shop") for app in (first, second)]
    assert [way.match("/orders/7") for way in ways] == [("/orders/<id>", {"id": "7"})] * 2
    assert [way.build("/orders/<id>", {"id": 7}) for way in ways] == ["/orders/7"] * 2
    assert next(iter(first.url_map.iter_rules())) is next(iter(second.url_map.iter_rules()))


def test_other_rules_are_not_mixed_up_with_known_ones() -> None:
    app_with("/orders", "/people").url_map.update()
    fewer, posted, more = app_with("/orders"), app_with("/orders", methods=("POST",)), app_with("/orders")
    with pytest.raises(NotFound):
        fewer.url_map.bind("shop").match("/people")
    with pytest.raises(MethodNotAllowed):
        posted.url_map.bind("shop").match("/orders", method="GET")
    more.url_map.update()
    more.add_url_rule("/late", "late", lambda: "")
    assert more.url_map.bind("shop").match("/late") == ("late", {})
    assert len(list(fewer.url_map.iter_rules())) + 1 == len(list(more.url_map.iter_rules()))
