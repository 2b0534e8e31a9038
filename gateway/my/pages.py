"""All pages of the shopper's own place: importing a module here puts its pages on the blueprint."""

from __future__ import annotations

from flask import Flask

from gateway.my import (
    data_pages,
    dispute_pages,
    document_pages,
    door,
    help_pages,
    loan_pages,
    login_pages,
    message_pages,
    method_pages,
)

PAGES = (
    login_pages,
    loan_pages,
    document_pages,
    dispute_pages,
    method_pages,
    message_pages,
    help_pages,
    data_pages,
)
"""The modules with pages; a new one adds its name here, and its line to ``navigation``."""


def register(app: Flask) -> None:
    """Mount the pages on ``app``."""
    door.register(app)
