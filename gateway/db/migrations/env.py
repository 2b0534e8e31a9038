"""Alembic's entry: each migration in a transaction of its own, on the URL given by ``gateway.db.migrate``."""

from dataclasses import replace

from alembic import context

from gateway.db import online
from gateway.db.engine import Limits, connect
from gateway.db.tables import metadata


def run() -> None:
    """Bring the schema along under limits that wait for long statements, but not for locks of PostgreSQL."""
    url = context.config.attributes["url"]
    limits = Limits().patient()
    if url.get_backend_name() == "postgresql":
        limits = replace(limits, lock=online.LOCK_SECONDS)
    engine = connect(url.render_as_string(hide_password=False), limits)
    engine = engine.execution_options(writes=True)
    try:
        with engine.connect() as connection:
            context.configure(
                connection=connection,
                target_metadata=metadata(),
                transactional_ddl=True,
                transaction_per_migration=True,
                # Tables that are not ours (extensions, other tools) are never dropped by autogenerate.
                include_object=lambda thing, name, kind, reflected, other: (
                    kind != "table" or not reflected or name in metadata().tables
                ),
            )
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


run()
