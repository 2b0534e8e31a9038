"""Alembic's entry: runs migrations in one transaction on the URL given by ``gateway.db.migrate``."""

from alembic import context

from gateway.db.engine import Limits, connect
from gateway.db.tables import metadata


def run() -> None:
    """Bring the schema along in one transaction, under limits that wait for long statements."""
    url = context.config.attributes["url"]
    engine = connect(url.render_as_string(hide_password=False), Limits().patient())
    engine = engine.execution_options(writes=True)
    try:
        with engine.begin() as connection:
            context.configure(
                connection=connection,
                target_metadata=metadata(),
                transactional_ddl=True,
                transaction_per_migration=False,
                # Tables that are not ours (extensions, other tools) are never dropped by autogenerate.
                include_object=lambda thing, name, kind, reflected, other: (
                    kind != "table" or not reflected or name in metadata().tables
                ),
            )
            context.run_migrations()
    finally:
        engine.dispose()


run()
