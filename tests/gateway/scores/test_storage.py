"""What the database itself keeps of partners' scores, on both databases."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from tests.gateway.scores.test_scores import ask, rows


def test_requests_at_once_never_exceed_the_quota(partner: Any, app: Any) -> None:
    object.__setattr__(app.extensions["fenqi"].settings, "scores_per_day", 5)
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(ask(partner).status_code)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [201] * 5 + [429] * 7
    assert len(rows(app, "partner_score")) == 5


def test_a_partners_score_stays_its_own(partner: Any, app: Any) -> None:
    ask(partner)
    engine = app.extensions["fenqi"].db.engine
    never = pytest.raises(Exception, match="merchant and mode of a partner score never change")
    with never, engine.begin() as connection:
        connection.execute(text("UPDATE partner_score SET mode = 'live'"))
