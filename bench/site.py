"""The server under measurement: the gateway, and beside it the yardsticks, bare Flask routes with one statement."""

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
    """WSGI factory: the gateway with its scorer loaded, and the yardsticks under /yardstick on the same database."""
    app = create_app()
    gateway: Gateway = app.extensions["fenqi"]
    gateway.ports.scorer.load()
    return DispatcherMiddleware(app, {"/yardstick": yardstick(gateway.settings.database_url)})


def yardstick(url: str) -> Flask:
    """One INSERT and a durable commit per POST, one SELECT per GET: what any gateway that stores anything pays."""
    reading = connect(url)
    engine = reading.execution_options(writes=True)
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

    @app.get("/<key>")
    def select(key: str) -> Any:
        with reading.connect() as connection:
            row = connection.execute(table.select().where(table.c.id == key)).one()
        return {"id": row.id, "body": row.body}

    with engine.begin() as connection:
        connection.execute(table.delete().where(table.c.id == "row"))
        connection.execute(table.insert().values(id="row", body="a row to read"))
    return app
