"""The API document at /v1/openapi.json and its readable page at /docs/api; that of operators is apart."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, render_template

from gateway.web import openapi
from gateway.web.packing import packed


def register(app: Flask) -> None:
    """Serve them; each is written once, at its first request."""
    kept: dict[str, Any] = {}
    of_operators: dict[str, Any] = {}
    written: list[str] = []

    def document() -> dict[str, Any]:
        if not kept:
            kept.update(openapi.document(app))
        return kept

    @app.get("/v1/openapi.json")
    def openapi_json() -> Any:
        response = jsonify(document())
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cache-Control"] = "public, max-age=300"
        return packed(response)

    @app.get("/v1/operator/openapi.json")
    def operators_openapi_json() -> Any:
        if not of_operators:
            of_operators.update(openapi.operators_document(app))
        response = jsonify(of_operators)
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    @app.get("/docs/api")
    def api_reference() -> Any:
        if not written:
            facts = {"document": document(), "problems": openapi.problem_codes()}
            written.append(render_template("api_reference_body.html", **facts))
        return render_template("api_reference.html", body=written[0])
