"""Statements on paper: the rows of every other format, with what they stand between, and no more than fit."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.exports import paper, running
from gateway.exports.models import Export
from gateway.process.worker import drain
from tests.gateway.exports.test_exports import books, everything, made  # noqa: F401
from tests.one_database import database_url  # noqa: F401

DAYS = {"from": "2026-11-25", "to": "2026-12-31"}
MONTH = {"from": "2026-11-01", "to": "2026-11-30"}


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The values of every document that is made."""
    found: list[dict[str, Any]] = []
    whole = paper.document_of

    def kept(*arguments: Any) -> Any:
        document = whole(*arguments)
        found.append(dict(document.values))
        return document

    monkeypatch.setattr(paper, "document_of", kept)
    return found


def tables_of(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in values["blocks"] if block["kind"] == "table"]


def fen(figure: str) -> int:
    return int(figure.replace(",", "").replace(".", "").replace("−", "-"))


def test_a_statement_on_paper_has_the_lines_and_figures_of_the_api(books, papers) -> None:  # noqa: F811
    api = books.api
    api.login()
    one = everything(api, "/v1/settlements")[0]
    lines = everything(api, f"/v1/settlements/{one['id']}/lines")
    content = made(books, "settlement_lines", "pdf", filter={"settlement": one["id"]})
    assert content.startswith(b"%PDF-")
    assert b"/ETSI.CAdES.detached" in content
    (table,) = tables_of(papers[0])
    assert [row[1] for row in table["rows"]] == [line["merchant_reference"] for line in lines]
    assert [fen(row[-1]) for row in table["rows"]] == [line["net"] for line in lines]
    assert fen(table["foot"][-1]) == sum(line["net"] for line in lines)
    (pairs,) = (block["pairs"] for block in papers[0]["blocks"] if block["kind"] == "pairs")
    *parts, payout = [fen(amount) for _, amount in pairs]
    assert sum(parts) == payout == one["payout_amount"]


def test_balances_on_paper_open_move_and_close_as_the_books_do(books, papers) -> None:  # noqa: F811
    api = books.api
    api.login()
    shown = everything(api, "/v1/balance_entries?from=2026-11-25&to=2026-12-31")
    made(books, "balance_entries", "pdf", **DAYS)
    stands, lines = tables_of(papers[0])
    assert [fen(row[-1]) for row in lines["rows"]] == [line["amount"] for line in shown]
    for _, opening, change, closing in stands["rows"]:
        assert fen(opening) + fen(change) == fen(closing)
    now = api.get("/v1/balance").json
    assert [fen(row[-1]) for row in stands["rows"][:4]] == [
        now[name] for name in ("pending", "staged", "available", "reserve")
    ]
    assert any(fen(row[1]) for row in stands["rows"]) or fen(stands["foot"][1]) == 0


def test_a_month_on_paper_is_the_certificate_and_waits_for_its_closing(books, papers) -> None:  # noqa: F811
    body = {"kind": "certificates", "format": "pdf", **MONTH}
    early = books.post("/v1/exports", body)
    assert (early.status_code, early.json["code"]) == (409, "month_open")
    books.clock.advance(days=20)
    made(books, "certificates", "pdf", **MONTH)
    books.api.login()
    certificate = books.api.get("/v1/certificates/2026-11").json
    (table,) = tables_of(papers[0])
    assert [fen(cell) for cell in table["foot"][2:]] == list(certificate["closing"].values())
    assert len(table["rows"]) == len(certificate["movements"]) + 1
    assert certificate["sha256"] in str(papers[0]["blocks"])


def test_too_many_lines_for_paper_are_refused_with_what_to_do(books, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(running, "MOST_ON_PAPER", 3)
    created = books.post("/v1/exports", {"kind": "balance_entries", "format": "pdf", **DAYS}).json
    drain(books.gateway)
    books.api.login()
    done = books.api.get(f"/v1/exports/{created['id']}").json
    assert (done["status"], done["file"]) == ("failed", None)
    assert done["error"].startswith("There are more than 3 lines, the most of a PDF file")
    with books.gateway.db.read() as tx:
        assert tx.get_one(Export, created["id"]).fault == done["error"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"kind": "payments"}, "format"),
        ({"kind": "settlement_lines"}, "filter.settlement"),
        ({"kind": "balance_entries", "from": "2026-11-01"}, "to"),
        ({"kind": "balance_entries", **DAYS, "filter": {"payment": "pay_1"}}, "filter.payment"),
        ({"kind": "certificates", "from": "2026-11-01"}, "to"),
        ({"kind": "certificates", "from": "2026-11-01", "to": "2026-12-31"}, "from"),
        ({"kind": "certificates", "from": "2026-11-02", "to": "2026-11-30"}, "from"),
    ],
)
def test_what_is_no_document_is_refused_by_its_field(api, body: dict[str, Any], param: str) -> None:
    answer = api.post("/v1/exports", {"format": "pdf", **body})
    assert answer.status_code == 422
    assert [one["param"] for one in answer.json["errors"]] == [param]
