"""What is asked for by its key again and again is read once a transaction, and again by who locks it."""

import gc

import pytest
from sqlalchemy import event
from sqlmodel import select

from gateway.identity.models import Shopper
from gateway.merchants.models import Merchant
from gateway.privacy.models import SubjectKey
from tests.one_database import database_url  # noqa: F401


@pytest.mark.parametrize(
    ("kind", "key_column"), [(Shopper, "id"), (Merchant, "id"), (SubjectKey, "subject_id")]
)
def test_a_row_is_read_once_and_anew_by_a_lock(app, api, kind, key_column):
    api.approved()
    statements = []
    gc.freeze()  # of what there is to collect, only what comes now is looked through
    database = app.extensions["fenqi"].db
    with database.read() as tx:
        key = tx.exec(select(getattr(kind, key_column))).first()
        event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        for _ in range(3):
            assert tx.get(kind, key) is not None
            gc.collect()
        assert len(statements) == 1
        locking = select(kind).with_for_update().execution_options(populate_existing=True)
        assert len(list(tx.exec(locking))) >= 1
        assert len(statements) == 2
