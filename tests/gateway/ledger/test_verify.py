"""Verify names what is broken in books that were changed behind the guards' back, and nothing in sound ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from gateway.core.tenant import Tenant
from gateway.db.progress import bar
from gateway.ledger import commands, service
from gateway.ledger.booking import postings
from gateway.ledger.integrity.checks import INVARIANTS
from gateway.ledger.integrity.verify import Report, verify
from tests.one_database import database_url, on_both  # noqa: F401

TABLES = ("ledger_entry", "ledger_posting", "ledger_seal", "ledger_account")


def report_of(books: Any) -> Report:
    with books.db.read() as tx:
        return verify(tx)


def broken(books: Any) -> dict[str, Any]:
    """The broken invariants by name, the guards themselves aside."""
    return {
        check.name: check
        for check in report_of(books).checks
        if not check.ok and check.name != "guards_stand"
    }


@pytest.fixture
def unguarded(a_week: Any) -> Any:
    """The books with every guard dropped, as an intruder with the owner's rights would leave them."""
    books = a_week
    if books.on_sqlite:
        with books.db.read() as tx:
            names = (
                tx.connection()
                .exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                .scalars()
                .all()
            )
        with books.db.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys = 0")
            for name in names:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            connection.exec_driver_sql("PRAGMA foreign_keys = 1")
            connection.invalidate()
    else:
        books.run(*(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES))
    return books


def change(books: Any, *statements: str) -> None:
    """Run raw SQL with foreign keys off."""
    with books.db.engine.connect() as connection:
        if books.on_sqlite:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys = 0")
        for statement in statements:
            connection.exec_driver_sql(statement)
        if not books.on_sqlite:
            connection.commit()
        connection.invalidate()


@pytest.fixture
def change_books(unguarded: Any) -> Callable[..., None]:
    return partial(change, unguarded)


def first_entry(books: Any, kind: str = "capture") -> str:
    with books.db.read() as tx:
        query = f"SELECT min(id) FROM ledger_entry WHERE kind = '{kind}'"
        found: str = tx.connection().exec_driver_sql(query).scalar_one()
        return found


@on_both
def test_empty_books_are_sound(books: Any) -> None:
    report = report_of(books)
    assert report.ok, report
    assert report.first_broken is None
    assert (report.entries, report.postings) == (0, 0)


@on_both
def test_a_week_of_business_is_sound_and_names_what_is_in_transit(a_week: Any) -> None:
    report = report_of(a_week)
    assert report.ok, [check for check in report.checks if not check.ok]
    assert report.entries == 11
    assert report.clearing_items == 1
    (item,) = report.oldest_clearing_items
    assert (item.account, item.object, item.amount_fen) == (
        "test:payout_in_transit:payment_institution",
        "po_2",
        -50_000,
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_in_whatever_order_the_books_stay_sound(books: Any, seed: int) -> None:
    """Sixty random events; what the merchant has is counted beside the books, too."""
    chance = random.Random(seed)
    shop, institution = books.tenant.merchant_id, "payment_institution"
    pending, available, in_transit, owed = 0, 0, {}, 0
    captures: list[tuple[str, int]] = []
    for number in range(60):
        event = chance.choice(["capture", "capture", "settle", "pay", "outcome", "undo", "refund"])
        if event == "capture":
            amount = chance.randrange(100, 1_000_000)
            captures.append((books.capture(amount), amount - amount // 100))
            pending += captures[-1][1]
        elif event == "settle" and pending:
            moved = chance.randrange(1, pending + 1)
            offset = min(owed, available + moved)
            books.post(
                postings.settlement(
                    settlement=f"stl_{number}", merchant=shop, pending_fen=moved, receivable_offset_fen=offset
                )
            )
            pending, available, owed = pending - moved, available + moved - offset, owed - offset
            captures = []  # settled captures are refunded, no longer undone
        elif event == "pay" and available:
            facts = {"payout": f"po_{number}", "institution": institution, "amount_fen": available}
            books.post(postings.payout_instructed(**facts, merchant=shop))
            in_transit[number], available = facts, 0
        elif event == "outcome" and in_transit:
            facts = in_transit.pop(chance.choice(sorted(in_transit)))
            if chance.random() < 0.5:
                books.post(postings.payout_confirmed(**facts, funder="demo_bank"))
            else:
                books.post(postings.payout_rejected(**facts, merchant=shop))
                available += facts["amount_fen"]  # type: ignore[operator]
        elif event == "undo" and captures:
            entry, net = captures.pop()
            books.db.write(
                lambda tx, entry=entry, number=number: service.reverse(tx, entry, key=f"undo:{number}")
            )
            pending -= net
        elif event == "refund":
            amount = chance.randrange(1, 50_000)
            borne = min(available, amount)
            refund = {"loan": f"ln_r{number}", "payment": f"pay_r{number}", "refund": f"rfd_{number}"}
            books.post(
                postings.refund(
                    **refund,
                    funder="demo_bank",
                    merchant=shop,
                    institution=institution,
                    loan_reduction_fen=0,
                    to_shopper_fen=amount,
                    fee_net_returned_fen=0,
                    vat_returned_fen=0,
                    subsidy_returned_fen=0,
                    from_pending_fen=0,
                    from_available_fen=borne,
                    from_receivable_fen=amount - borne,
                )
            )
            available, owed = available - borne, owed + amount - borne
    report = report_of(books)
    assert report.ok, [check for check in report.checks if not check.ok]
    found = books.balances()
    assert (found["merchant_pending"], found["merchant_available"]) == (pending, available)
    assert found["merchant_receivable"] == owed


@on_both
def test_dropped_guards_are_named(unguarded: Any) -> None:
    report = report_of(unguarded)
    assert not report.ok
    check = next(check for check in report.checks if check.name == "guards_stand")
    assert check.broken >= 8
    assert "ledger_seal_is_true" in check.detail
    assert broken(unguarded) == {}


@pytest.mark.parametrize(
    ("statements", "names"),
    [
        (
            ["UPDATE ledger_posting SET amount = amount + 1 WHERE entry_id = '{entry}' AND line = 1"],
            {"entries_balanced", "book_balanced"},
        ),
        (["DELETE FROM ledger_seal WHERE entry_id = '{entry}'"], {"entries_sealed"}),
        (["DELETE FROM ledger_entry WHERE id = '{entry}'"], {"entries_sealed", "postings_in_place"}),
        (
            ["DELETE FROM ledger_posting WHERE entry_id = '{entry}'"],
            {"entries_balanced", "balances_one_sided"},
        ),
        (["UPDATE ledger_seal SET gross = gross + 1 WHERE entry_id = '{entry}'"], {"entries_balanced"}),
        (
            ["UPDATE ledger_posting SET line = 9 WHERE entry_id = '{entry}' AND line = 1"],
            {"entries_balanced"},
        ),
        (
            ["UPDATE ledger_posting SET account_id = 'test:nowhere' WHERE entry_id = '{entry}' AND line = 1"],
            {"postings_in_place", "book_balanced", "trial_balance_complete"},
        ),
        (["UPDATE ledger_entry SET mode = 'live' WHERE id = '{entry}'"], {"postings_in_place"}),
        (["UPDATE ledger_entry SET merchant_id = 'mer_other' WHERE id = '{entry}'"], {"postings_in_place"}),
        (
            ["UPDATE ledger_posting SET amount = -amount WHERE entry_id = '{entry}'"],
            {"principal_covered", "balances_one_sided"},  # each entry still balances, gross and all
        ),
    ],
)
def test_a_changed_row_is_found_and_its_entry_named(
    unguarded: Any, statements: list[str], names: set[str]
) -> None:
    entry = first_entry(unguarded)
    change(unguarded, *(statement.format(entry=entry) for statement in statements))
    found = broken(unguarded)
    assert set(found) == names
    report = report_of(unguarded)
    if any(found[name].names == "entry" for name in names):
        assert report.first_broken == entry
    else:
        assert report.first_broken is not None


# On SQLite the constraint goes only with its table.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_entry_posted_twice_is_named(unguarded: Any) -> None:
    entry = first_entry(unguarded)
    copy = "id, mode, kind, key, request_sha256, merchant_id, object_type, object_id, effective_date, recorded_at"
    change(
        unguarded,
        "ALTER TABLE ledger_entry DROP CONSTRAINT one_entry_per_key",
        f"INSERT INTO ledger_entry ({copy}) SELECT 'ent_zz', {copy[4:]} FROM ledger_entry WHERE id = '{entry}'",
    )
    assert set(broken(unguarded)) == {"keys_unique", "entries_sealed"}


def test_a_reversal_that_no_longer_cancels_is_named(unguarded: Any) -> None:
    reversal = first_entry(unguarded, "capture_reversed")
    change(
        unguarded,
        f"UPDATE ledger_posting SET account_id = 'test:funder_clearing:demo_bank' WHERE entry_id = '{reversal}'"
        " AND account_id = 'test:loan_principal:demo_bank'",
    )
    found = broken(unguarded)
    assert set(found) == {"reversals_cancel"}
    assert found["reversals_cancel"].first == reversal


def test_a_payout_rejected_with_its_sign_swapped_balances_and_is_found_all_the_same(books: Any) -> None:
    shop = books.tenant.merchant_id
    books.capture(599_900)
    books.post(
        postings.settlement(settlement="stl_1", merchant=shop, pending_fen=500_000, receivable_offset_fen=0)
    )
    facts = {"payout": "po_1", "institution": "payment_institution", "merchant": shop, "amount_fen": 100_000}
    books.post(postings.payout_instructed(**facts))
    books.post(postings.payout_rejected(**facts).opposite(), kind="payout_rejected")
    report = report_of(books)
    found = broken(books)
    assert set(found) == {"clearing_resolves"}
    assert found["clearing_resolves"].first == report.first_broken == "po_1"
    assert (
        found["clearing_resolves"].detail
        == "test:payout_in_transit:payment_institution stands at -200000 fen"
    )


def test_more_than_was_held_is_found(books: Any) -> None:
    books.post(postings.authorise(amount_fen=100, payment="pay_1"))
    books.post(postings.release_authorisation(amount_fen=101, payment="pay_1"))
    assert set(broken(books)) == {"holds_resolve_once"}


def test_more_paid_out_than_available_is_found(books: Any) -> None:
    lines = postings.payout_instructed(
        payout="po_1", institution="payment_institution", merchant=books.tenant.merchant_id, amount_fen=1
    )
    books.post(lines)
    assert set(broken(books)) == {"balances_one_sided"}


def test_the_command_prints_the_report_and_tells_by_its_exit_code(unguarded: Any, capsys: Any) -> None:
    assert commands.verify(unguarded.db, as_json=True) == 1
    entry = first_entry(unguarded)
    change(unguarded, f"DELETE FROM ledger_seal WHERE entry_id = '{entry}'")
    capsys.readouterr()
    assert commands.verify(unguarded.db, as_json=True) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["first_broken"] == entry
    assert {check["name"] for check in report["checks"] if not check["ok"]} == {
        "entries_sealed",
        "guards_stand",
    }
    assert commands.verify(unguarded.db, as_json=False) == 1
    assert f"1 broken, first: entry {entry}: no seal" in capsys.readouterr().out


def test_the_command_on_sound_books(a_week: Any, capsys: Any) -> None:
    assert commands.verify(a_week.db, as_json=False) == 0
    printed = capsys.readouterr().out
    assert "FAIL" not in printed
    assert "The ledger is sound: 11 entries" in printed
    assert commands.verify(a_week.db, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_live_books_are_checked_like_test_books(books: Any) -> None:
    live = Tenant("mer_shop", "live")
    books.post(postings.authorise(amount_fen=100, payment="pay_1"), tenant=live)
    books.post(postings.release_authorisation(amount_fen=101, payment="pay_1"), tenant=live)
    assert set(broken(books)) == {"holds_resolve_once"}
    with books.db.read() as tx:
        assert service.balance_of(tx, "test", "limit_committed") == 0


SWAP_ACCOUNTS = "UPDATE ledger_posting SET account_id = '{account}' WHERE entry_id = '{entry}' AND line = 4"


@pytest.mark.parametrize("more_live", [0, 4])
@on_both
def test_lines_swapped_between_a_test_and_a_live_entry_are_found(
    unguarded: Any, change_books: Any, more_live: int
) -> None:
    """Counts and sums of both modes stay as they were, whichever of them has more entries."""
    live = unguarded.capture(599_900, tenant=Tenant("mer_shop", "live"))
    for _ in range(3 * more_live):
        unguarded.capture(tenant=Tenant("mer_shop", "live"))
    assert broken(unguarded) == {}
    test = first_entry(unguarded)
    change_books(
        SWAP_ACCOUNTS.format(account="live:vat_payable", entry=test),
        SWAP_ACCOUNTS.format(account="test:vat_payable", entry=live),
    )
    found = broken(unguarded)
    assert set(found) == {"postings_in_place"}
    assert found["postings_in_place"].first == min(test, live)
    assert found["postings_in_place"].broken == 2


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE ledger_posting SET line = 5 WHERE entry_id = '{entry}' AND line = 4"],
        [  # the numbers still sum to what they should
            "UPDATE ledger_posting SET line = 0 WHERE entry_id = '{entry}' AND line = 1",
            "UPDATE ledger_posting SET line = 5 WHERE entry_id = '{entry}' AND line = 4",
        ],
    ],
)
@on_both
def test_lines_with_other_numbers_are_found(unguarded: Any, change_books: Any, statements: list[str]) -> None:
    entry = first_entry(unguarded)
    change_books(*(statement.format(entry=entry) for statement in statements))
    assert {name: check.first for name, check in broken(unguarded).items()} == {"entries_balanced": entry}


@on_both
def test_postings_of_no_entry_are_found(unguarded: Any, change_books: Any) -> None:
    entry = first_entry(unguarded)
    change_books(
        f"DELETE FROM ledger_seal WHERE entry_id = '{entry}'",
        f"DELETE FROM ledger_entry WHERE id = '{entry}'",
    )
    found = broken(unguarded)
    assert set(found) == {"postings_in_place"}
    assert found["postings_in_place"].first == entry
    assert found["postings_in_place"].broken == 4


@on_both
def test_every_proof_agrees_with_its_rule_on_sound_books(a_week: Any) -> None:
    """A proof that never holds would only cost time, silently."""
    a_week.capture(tenant=Tenant("mer_shop", "live"))
    with a_week.db.read() as tx:
        connection = tx.connection()
        dialect = connection.dialect.name
        for invariant in INVARIANTS:
            if invariant.proof and dialect in invariant.proof_on:
                assert connection.execute(text(f"SELECT {invariant.proof}")).scalar_one(), invariant.name


def test_progress_is_told_and_shows_nothing_but_on_a_terminal(a_week: Any, capsys: Any) -> None:
    told: list[tuple[str, int, int]] = []
    with a_week.db.read() as tx:
        verify(tx, progress=lambda *what: told.append(what))
    assert [(what, done) for what, done, _ in told] == [("invariants", n) for n in range(len(INVARIANTS))]
    with bar() as progress:
        progress("invariants", 1, 2)
        progress("hash chain", 5, 10)
    assert capsys.readouterr().err == ""
