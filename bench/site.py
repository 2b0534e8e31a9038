"""The server under measurement: the gateway, and beside it the yardstick, a bare Flask route with one INSERT."""

from __future__ import annotations

import itertools
from typing import Any

from flask import Flask, request
from sqlalchemy import Column, MetaData, String, Table
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from gateway.app import create_app
from gateway.db.engine import connect
from gateway.web.context import Gateway


def site() -> Any:
    """WSGI factory: the gateway with its scorer loaded, and the yardstick under /yardstick on the same database."""
    app = create_app()
    gateway: Gateway = app.extensions["fenqi"]
    gateway.ports["scorer"].load()
    return DispatcherMiddleware(app, {"/yardstick": yardstick(gateway.settings.database_url)})


def yardstick(url: str) -> Flask:
    """One INSERT and a durable commit per POST: what any gateway that stores anything pays at least."""
    engine = connect(url).execution_options(writes=True)
    table = Table("bench_row", MetaData(), Column("id", String, primary_key=True), Column("body", String))
    table.create(engine, checkfirst=True)
    app = Flask("yardstick")
    numbers = itertools.count()

    @app.post("/")
    def insert() -> Any:
        key = f"{id(app)}-{next(numbers)}"
        with engine.begin() as connection:
            connection.execute(table.insert().values(id=key, body=request.get_data(as_text=True)))
        return {"id": key}

    return app
