"""A database as the server's role sees it: on PostgreSQL one that owns nothing, made for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from gateway.db.engine import canonical_url, connect
from gateway.db.roles import grant


@contextmanager
def served_as(owners_url: str, *, granted: bool = True) -> Iterator[str]:
    """The URL by which a new role reaches the database; on SQLite, which has no roles, the owner's."""
    url = canonical_url(owners_url)
    if url.get_backend_name() == "sqlite":
        yield owners_url
        return
    owner, role = connect(owners_url), f"server_of_{url.database}"
    with owner.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
    if granted:
        grant(owners_url, role)
    yield url.set(username=role).render_as_string(hide_password=False)
    with owner.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))
    owner.dispose()
