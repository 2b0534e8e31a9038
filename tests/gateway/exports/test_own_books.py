"""The merchant's own books know every account and every event of the ledger that moves its claims."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.exports import own_books
from gateway.ledger import certificates
from gateway.ledger.booking.accounts import MERCHANT_KINDS
from merchant_portal.views import BALANCES

WORDS_KEPT = Path(__file__).parents[2] / "house" / "words_kept.txt"
"""What a whole book keeps: also every kind of entry with its accounts."""


def test_every_account_of_a_merchant_has_a_place_in_its_own_books_and_in_a_certificate() -> None:
    assert set(MERCHANT_KINDS) <= own_books.OWN.keys()
    assert certificates.BALANCES.keys() == set(MERCHANT_KINDS)
    assert set(certificates.BALANCES.values()) == set(BALANCES)
    assert own_books.claims({own_books.OWN[kind]: 1 for kind in MERCHANT_KINDS}) == len(MERCHANT_KINDS)


def test_every_event_that_moves_a_claim_of_a_merchant_has_words_in_a_voucher() -> None:
    moving = {
        line.split()[1].removesuffix("_reversed")
        for line in WORDS_KEPT.read_text("utf-8").splitlines()
        if line.startswith(("test ", "live ")) and re.search("|".join(MERCHANT_KINDS), line)
    }
    assert len(moving) > 10
    assert moving - own_books.EVENTS.keys() == set()
