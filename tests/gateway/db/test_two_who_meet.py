"""Each race of the money on PostgreSQL, step by step: right with its lock, and seen to be wrong without it.

A scene is played with all locks, after which nothing may be wrong, and with the locks that guard it taken away, after
which something must be.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from unittest import mock

import pytest
from flask import Flask

from gateway.db import row_locks
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.payments.models import Payment
from tests.gateway.books import Books
from tests.gateway.meeting import dropped, meet
from tests.gateway.scenes import Wrong
from tests.gateway.scenes_of_jobs import JobScenes

pytestmark = pytest.mark.long(5)

LOCKS = {
    "two_captures_of_one_payment": ("payment",),
    "a_capture_and_a_void": ("payment",),
    "a_dispute_and_a_refund": ("payment",),
    "a_void_and_an_authorisation_of_one_person": ("credit_limit",),
    "two_authorisations_of_one_person": ("credit_limit", "shopper"),
    "two_applications_from_one_phone": ("turns",),
    "a_new_checkout_and_a_payment_that_takes_its_reference": ("merchant",),
    "a_confirmation_and_a_cancellation": ("checkout",),
    "two_guesses_of_one_code": ("checkout", "one_time_code", "code_count"),
    "guesses_for_one_phone_in_two_checkouts": ("code_count",),
    "a_refund_and_the_close_of_its_batch": ("turns",),
    "an_unwinding_and_the_close_of_its_batch": ("turns",),
    "two_who_take_what_is_available": ("turns",),
    "an_erasure_and_a_new_application": ("shopper",),
    "two_workers_and_one_row_of_the_outbox": ("outbox",),
    "two_workers_and_one_delivery": ("webhook_endpoint", "webhook_delivery"),
}
"""By scene the locks without which it must go wrong."""
INVENTED = "two_who_take_what_is_available"
"""Its disputes stand in the books alone."""
BESIDES = (
    "two_refunds_of_one_payment",
    "a_refund_and_a_repayment",
    "one_key_and_two_full_captures",
    "one_order_and_two_checkouts",
    "a_payout_that_comes_back_and_the_close_of_a_batch",
)
"""A constraint finds these, too: the rows of a schedule's version, the key, or the order's one live checkout. The last
needs no lock: what comes too late for a batch waits for the next."""


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_each_race_is_right_with_its_locks_and_wrong_without(app: Flask, books: Books) -> None:
    scenes = JobScenes(app, books)
    real = [name for name in (*LOCKS, *BESIDES) if name != INVENTED]
    with mock.patch.object(row_locks, "compare", wraps=row_locks.compare) as compared:
        wrong = {name: found for name in real if (found := _played(scenes, name))}
    books.sound()
    assert not wrong
    assert not {call.args[1].mapper.local_table.name for call in compared.call_args_list}, "locked too late"
    assert not _played(scenes, INVENTED)

    unseen = [name for name, locks in LOCKS.items() if not _played(scenes, name, *locks)]

    assert not unseen, "these scenes show nothing: they were right without their locks"


def _played(scenes: JobScenes, name: str, *locks: str) -> Wrong:
    """What is wrong after a scene, an error of the server or the database included."""
    with dropped(scenes.db, *locks) if locks else nullcontext():
        try:
            found: Wrong = getattr(scenes, name)()
        except Exception as error:
            found = [repr(error)[:300]]
    return found


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_was_read_without_a_lock_is_compared_before_it_changes(app: Flask, api: Any) -> None:
    """Whoever forgets a lock loses no change of another's: the work begins again."""
    db, payment = app.extensions["fenqi"].db, api.approved()

    def named(tx: Transaction, key: str) -> None:
        row = tx.get_one(Payment, payment["id"])
        row.extra = {**row.extra, key: "kept"}
        tx.add(row)
        tx.flush()

    meet(db, *(lambda key=key: db.write(lambda tx: named(tx, key), READ_COMMITTED) for key in ("one", "two")))

    assert api.get(f"/v1/payments/{payment['id']}").json["metadata"] == {"one": "kept", "two": "kept"}
