"""A statement is checked without us: the true one holds, and one in which a fen was changed does not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fenqi import statements
from fenqi._cli import main
from gateway.core import merkle
from gateway.db.transactions import READ_COMMITTED
from gateway.ledger.integrity import trees
from gateway.merchants import service as merchants
from gateway.process import daily
from gateway.settlement import invoices, terms
from gateway.settlement.statements import signed_text
from tests.gateway.books import Books
from tests.one_database import database_url, on_both  # noqa: F401

FIGURES = ("amount", "merchant_fee", "merchant_subsidy", "net")


def close_the_books(books: Books) -> None:
    """What the worker does each half minute."""
    books.work()
    daily.sign_now(books.gateway)


def trade(books: Books) -> None:
    """Three weeks in which a settlement has a line of each kind."""
    merchant = books.tenant.merchant_id
    books.gateway.db.write(lambda tx: merchants.agree_reserve(tx, merchant, rate="0.05", days=5) and None)
    standard, after = terms.standard(books.gateway.settings), {"invoice_after_days": 1}
    books.gateway.db.write(
        lambda tx: terms.agree(tx, books.tenant, valid_from=None, changes=after, standard=standard) and None
    )
    api = books.api
    item = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    subsidised = api.captured(
        12, amount=549_900, items=[item], government_subsidy={"programme": "trade_in_2026", "amount": 50_000}
    )
    back_at_once, part, later = (api.captured(6, amount=60_000) for _ in range(3))
    disputed, won = (api.captured(3, amount=90_000) for _ in range(2))
    refund(books, back_at_once, kind="unwind")
    refund(books, part, kind="return", amount=20_000)
    books.pass_days(1)
    close_the_books(books)
    claim = subsidised["captures"][0]["government_subsidy"]["id"]
    books.post(f"/v1/test_helpers/subsidy_claims/{claim}/pay")
    refund(books, later, kind="return", amount=10_000)
    refund(books, later, kind="unwind")
    disputes = [
        books.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json["id"]
        for payment in (disputed, won)
    ]
    api.captured(3, amount=60_000)
    books.pass_days(4)
    pay_an_invoice(books)
    close_the_books(books)
    for dispute, outcome in zip(disputes, ("lost", "won"), strict=True):
        books.post(f"/v1/test_helpers/disputes/{dispute}/resolve", {"outcome": outcome})
    payout = books.api.get("/v1/payouts").json["data"][0]
    assert books.post(f"/v1/test_helpers/payouts/{payout['id']}/return").status_code == 200
    refund(books, subsidised, kind="return")
    api.captured(3, amount=60_000)
    course = staged(books)
    books.pass_days(9)
    refund(books, course, amount=20_000, kind="unused_lessons")
    books.pass_days(2)
    close_the_books(books)


def pay_an_invoice(books: Books) -> None:
    books.api.login()
    invoice = books.api.get("/v1/invoices").json["data"][0]["id"]
    paid = partial(invoices.pay, received_fen=1_000, reference="bank-1", funder=books.gateway.settings.funder)
    assert books.gateway.db.write(lambda tx: paid(tx, books.tenant, invoice), READ_COMMITTED)


def staged(books: Books) -> dict[str, Any]:
    """A payment of which one stage is claimed, and another is not begun."""
    payment = books.api.approved(3, amount=60_000)
    path = f"/v1/payments/{payment['id']}"
    body = {"kind": "lesson", "amount": 20_000}
    stages = [books.post(f"{path}/milestones", body).json["id"] for _ in range(2)]
    books.post(f"{path}/capture")
    assert books.post(f"{path}/milestones/{stages[0]}/claim").status_code == 200
    return payment


def refund(books: Books, payment: dict[str, Any], **body: Any) -> None:
    answer = books.post("/v1/refunds", {"payment": payment["id"], "reason": "as agreed", **body})
    assert answer.status_code == 201, answer.text


def statements_of(books: Books, folder: Path) -> Iterator[Path]:
    books.api.login()
    for settlement in books.api.get("/v1/settlements").json["data"]:
        answer = books.api.get(f"/v1/settlements/{settlement['id']}/statement")
        assert (answer.status_code, answer.content_type) == (200, "application/jsonl"), answer.text
        path = folder / f"{settlement['id']}.jsonl"
        path.write_bytes(answer.data)
        yield path


def keys_of(books: Books) -> str:
    books.api.login()
    answer = books.api.get("/v1/signing_keys")
    assert answer.content_type == "application/x-pem-file"
    return str(answer.text)


def forgeries(lines: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The same statement with a fen more somewhere, without something, or with something twice."""
    for at, line in enumerate(lines):
        if "line" in line:
            for names in (*((name,) for name in FIGURES), ("amount", "net")):
                yield changed(lines, at, *(("line", name) for name in names))
            yield lines[:at] + lines[at + 1 :]
            yield [*lines[:at], line, *lines[at:]]
        if "entry" in line:
            yield lines[:at] + lines[at + 1 :]
            row, seal, postings = line["content"]
            first, _, rest = postings.partition("\n")
            more = first.replace(":-", ":-1", 1) if ":-" in first else first + "0"
            yield [*lines[:at], {**line, "content": [row, seal, f"{more}\n{rest}"]}, *lines[at + 1 :]]
            yield changed(lines, at, ("position",))
            moved, _, others = postings.partition("\n")
            yield replaced(lines, at, ("content",), [row, f"{seal}\n{moved}", others])
        if "tree" in line:
            yield changed(lines, at, ("tree", "last"))
        if "statement" in line:
            for name, value in line["settlement"].items():
                if isinstance(value, int):
                    yield changed(lines, at, ("settlement", name))
            yield changed(lines, at, ("settlement", "payout_amount"), ("settlement", "opening"))
            if line["settlement"]["payout"] is not None:
                yield changed(lines, at, ("settlement", "closing"), ("settlement", "opening"))
            for name in ("date", "payout", "currency")[not line["entries"] :]:  # whose day no entry has
                yield replaced(lines, at, ("settlement", name), "2026-01-01")
            yield replaced(lines, at, ("settlement", "captures"), float(line["settlement"]["captures"]))


def told_otherwise(lines: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The same money told otherwise: a line of another kind, about something else, or twice; the figures add up."""
    for at, line in enumerate(lines):
        if "line" not in line:
            continue
        shown = line["line"]
        own = {"capture": "capture", "payout_returned": "payout"}.get(shown["kind"])
        own = "dispute" if shown["kind"].startswith("dispute") else own
        own = "milestone" if shown["kind"].startswith("stage_") else own
        for field in ("refund", "dispute", "payout", "milestone", *([own] if own else [])):
            if field == own or shown[field] is None:
                yield replaced(lines, at, ("line", field), "rfd_other")
        yield replaced(lines, at, ("line", "net"), float(shown["net"]))
        for kind in statements.SIGNS.keys() - {shown["kind"]}:
            copy = replaced(lines, at, ("line", "kind"), kind)
            for which, turn in ((shown["kind"], -1), (kind, 1)):
                figure, sign = statements.SIGNS[which]
                copy[0]["settlement"][figure] += turn * sign * shown["amount"]
            yield copy
        again = deepcopy(lines)
        figure, sign = statements.SIGNS[shown["kind"]]
        header = again[0]["settlement"]
        header[figure] += sign * shown["amount"]
        header["merchant_fees"] -= shown["merchant_fee"]
        header["merchant_subsidies"] -= shown["merchant_subsidy"]
        header["opening"] -= shown["net"] if figure != "reserve_change" else 0
        yield [*again[:at], {**line, "line": {**shown, "id": "sln_again"}}, *again[at:]]


def replaced(
    lines: list[dict[str, Any]], at: int, place: tuple[str, ...], value: Any
) -> list[dict[str, Any]]:
    copy = deepcopy(lines)
    inner = copy[at]
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return copy


def changed(lines: list[dict[str, Any]], at: int, *places: tuple[str, ...]) -> list[dict[str, Any]]:
    copy = deepcopy(lines)
    for place in places:
        inner = copy[at]
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] += 1
    return copy


def resigned(books: Books, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As a gateway that lies would sign them: only the books can contradict it."""
    running = hashlib.sha256()
    for line in lines[:-1]:
        running.update(json.dumps(line).encode() + b"\n")
    settlement = next(line["settlement"]["id"] for line in lines if "statement" in line)
    text = signed_text(settlement, running.hexdigest())
    signed = books.gateway.ports.signing_authority.sign(text)
    signature = {"algorithm": signed.algorithm, "key_id": signed.key_id, "signature": signed.value}
    return [*lines[:-1], {"signature": signature}]


def refused(path: Path, keys: str) -> bool:
    try:
        statements.verify(path, keys)
    except statements.StatementError:
        return True
    return False


@on_both
def test_each_line_of_each_kind_is_proved_and_no_fen_of_it_can_be_changed(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merkle, "CHUNK", 8)
    monkeypatch.setattr(trees, "LINKS_A_PAGE", 5)
    trade(books)
    keys, kinds = keys_of(books), set()
    for path in statements_of(books, tmp_path):
        found = statements.verify(path, keys)
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        kinds |= {line["line"]["kind"] for line in lines if "line" in line}
        shown = books.api.get(f"/v1/settlements/{path.stem}").json
        assert found.settlement == shown
        assert found.lines == len(books.api.get(f"/v1/settlements/{path.stem}/lines?limit=100").json["data"])
        for at, changed in enumerate([*forgeries(lines), *told_otherwise(lines)]):
            forged = tmp_path / "forged.jsonl"
            forged.write_text("".join(json.dumps(line) + "\n" for line in resigned(books, changed)))
            assert refused(forged, keys), f"{at} was believed: {[one for one in lines if one not in changed]}"
    assert kinds == set(statements.SIGNS), "the trade has a line of each kind"
    books.sound()


def test_a_statement_is_the_gateway_s_word_and_not_another_s(books: Books, tmp_path: Path) -> None:
    books.api.captured(3, amount=60_000)
    books.pass_days(1)
    early = books.api.login() or books.api.get("/v1/settlements").json["data"][0]["id"]
    refused = books.api.get(f"/v1/settlements/{early}/statement")
    assert (refused.status_code, refused.json["code"]) == (409, "statement_not_ready")
    close_the_books(books)
    (path,) = statements_of(books, tmp_path)
    whole, keys = path.read_bytes(), keys_of(books)
    cut, other = tmp_path / "cut.jsonl", tmp_path / "other.jsonl"
    cut.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    other.write_bytes(whole.replace(b'"store":null', b'"store":"B"'))
    for forged, why in ((cut, "cut off"), (other, "was changed")):
        with pytest.raises(statements.StatementError, match=why):
            statements.verify(forged, keys)
    lines = whole.splitlines(keepends=True)
    more = json.loads(lines[-1]) | next(json.loads(line) for line in lines if b'"line"' in line)
    other.write_bytes(b"".join(lines[:-1]) + json.dumps(more).encode() + b"\n")
    with pytest.raises(statements.StatementError, match="not a line of a statement"):
        statements.verify(other, keys)
    with pytest.raises(statements.StatementError, match="not among yours"):
        statements.verify(path, SOMEBODY_S_KEY)
    infinite = b'{"tree":{"number":1,"first":1,"last":1e400,"root":"","previous":"","created_at":""}}\n'
    deep, huge = b"[" * 200_000, b'{"line":"' + b"x" * (17 * 1024 * 1024) + b'"}\n'
    for broken in (b"", b"[]\n", b"\xff\n", b'{"line":{}}\n', b'{"tree":{"first":1}}\n', whole + b"{}\n",
                   b"\0\n", deep, huge, infinite, b"9" * 5000, b'{"tree":[]}\n', b'{"signature":null}\n'):  # fmt: skip
        other.write_bytes(broken)
        with pytest.raises(statements.StatementError):
            statements.verify(other, keys)


def test_the_command_says_what_holds(
    books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books.api.captured(3, amount=60_000)
    books.pass_days(1)
    close_the_books(books)
    (path,) = statements_of(books, tmp_path)
    keys = tmp_path / "keys.pem"
    keys.write_text(keys_of(books))
    assert main(["verify-statement", str(path), "--keys", str(keys)]) == 0
    assert "is true.\n" in capsys.readouterr().out
    path.write_bytes(path.read_bytes().replace(b'"net":', b'"net":1', 1))
    assert main(["verify-statement", str(path), "--keys", str(keys)]) == 1
    assert "NOT TRUE" in capsys.readouterr().err
    assert main(["verify-statement", str(tmp_path / "none"), "--keys", str(keys)]) == 2


SOMEBODY_S_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def test_what_is_carried_is_proved_by_its_minimum_and_version_1_stays_verifiable(
    books: Books, tmp_path: Path
) -> None:
    standard = terms.standard(books.gateway.settings)
    least = {"minimum_payout_fen": 100_000}
    books.gateway.db.write(
        lambda tx: terms.agree(tx, books.tenant, valid_from=None, changes=least, standard=standard) and None
    )
    books.pass_days(1)
    for _ in range(2):
        books.api.login()
        books.api.captured(3, amount=60_000)
        books.pass_days(4)
    close_the_books(books)
    second, first = statements_of(books, tmp_path)
    keys = keys_of(books)
    for path in (first, second):
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert statements.verify(path, keys).settlement == lines[0]["settlement"]
        older = [{name: value for name, value in lines[0].items() if name != "minimum_payout"}, *lines[1:]]
        older[0]["statement"] = 1
        forged = tmp_path / "older.jsonl"
        forged.write_text("".join(json.dumps(line) + "\n" for line in resigned(books, older)))
        assert refused(forged, keys), "nothing but a debt was carried in version 1"
        for minimum in (0, 50_000, 200_000):
            other = replaced(lines, 0, ("minimum_payout",), minimum)
            forged.write_text("".join(json.dumps(line) + "\n" for line in resigned(books, other)))
            held = minimum > 100_000 if path == first else minimum <= 100_000
            assert refused(forged, keys) is not held, (path, minimum)
    books.pass_days(1)
    books.api.login()
    books.api.captured(3, amount=150_000)
    books.pass_days(4)
    close_the_books(books)
    third = next(statements_of(books, tmp_path))
    lines = [json.loads(line) for line in third.read_bytes().splitlines()]
    del lines[0]["minimum_payout"]
    lines[0]["statement"] = 1
    third.write_text("".join(json.dumps(line) + "\n" for line in resigned(books, lines)))
    assert statements.verify(third, keys).settlement == lines[0]["settlement"]
