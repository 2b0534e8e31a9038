"""The contract as a document: what was signed, with names as people use them, the same bytes, and signed itself."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import pem, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from sqlmodel import select

from gateway import cli, keyring
from gateway.contracts.models import Contract
from gateway.documents import contracts, fonts, making, typesetting
from gateway.documents.typesetting import typeset
from gateway.errors import DocumentsUnavailable
from gateway.identity import service as identity
from gateway.privacy.vault import VaultError
from tests.gateway.conftest import TestClock
from tests.gateway.contracts.test_contracts import confirm, ready, shopper_of
from tests.gateway.first_merchant import START
from tests.one_database import database_url  # noqa: F401

HOSTILE = '#panic("x") $a+b$ [c] *d* _e_ `f` <g> @h \\i //j /*k*/ = - + "l" \' 王 𬭚'
PDFSIG = shutil.which("pdfsig")
POPPLER = pytest.mark.skipif(PDFSIG is None, reason="no pdfsig found: apt install poppler-utils")


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


@pytest.fixture
def bought(app, api, clock) -> dict[str, Any]:
    """A checkout that 王小明 has confirmed."""
    checkout = ready(app, api, clock, amount=699_900, down_payment=100_000)
    confirm(app, checkout)
    return checkout


def document_of(gateway, language: str, change: tuple[str, str] = ("", "")) -> making.Document:
    with gateway.db.read() as tx:
        (found,) = tx.exec(select(Contract))
        text = found.text.replace(*change) if change[0] else found.text
        copy = Contract(**{**found.model_dump(), "text": text})
        return contracts.contract(tx, gateway.vault, gateway.ports.signing_authority, copy, language=language)


def said(document: making.Document) -> str:
    """Everything that a document says."""
    return json.dumps(document.values, ensure_ascii=False)


def values(text: str) -> Mapping[str, Any]:
    """A small document that says one thing in every place."""
    return {
        "language": "zh",
        "title": text,
        "subtitle": text,
        "facts": [(text, text)],
        "test": "",
        "number": text,
        "page": "第",
        "of": "页，共",
        "blocks": [
            {"kind": "heading", "text": text},
            {"kind": "pairs", "pairs": [(text, text)]},
            {"kind": "paragraphs", "paragraphs": [text]},
            {
                "kind": "table",
                "columns": [text],
                "align": ["left"],
                "widths": ["1fr"],
                "rows": [[text]],
                "foot": [],
            },
        ],
    }


def words_of(pdf: bytes, folder: Path) -> str:
    """The text of a PDF file as poppler reads it, without breaks."""
    (folder / "read.pdf").write_bytes(pdf)
    done = subprocess.run(["pdftotext", folder / "read.pdf", "-"], capture_output=True, check=True, text=True)
    return "".join(done.stdout.split())


def test_the_document_says_what_was_signed_and_calls_people_by_name(app, api, gateway, bought) -> None:
    paid = api.get(f"/v1/checkouts/{bought['id']}").json["payment"]
    payment = api.get(f"/v1/payments/{paid}").json
    chinese, english = (said(document_of(gateway, language)) for language in ("zh-CN", "en"))
    for row in payment["plan"]["schedule"]:
        assert f"{row['payment'] / 100:,.2f}" in chinese
        assert f"{row['balance'] / 100:,.2f}" in english
    with gateway.db.read() as tx:
        (found,) = tx.exec(select(Contract))
    for both in (chinese, english):
        assert "王小明" in both
        assert found.text_sha256 in both
        assert "fen)" not in both
        assert "demo_bank" not in both
        for amount in ("6,999.00", "1,000.00", "5,999.00", "6,599.88", "600.88"):
            assert f"¥{amount}" in both
    assert "示范银行（模拟）" in chinese
    assert "年利率 18.00%" in chinese
    assert "您可以随时提前结清" in chinese
    assert "You may settle" not in chinese
    assert "Demo Bank (simulated)" in english
    assert "You may settle the loan early" in english
    assert "您可以随时提前结清" not in english


def test_a_changed_text_is_not_shown_and_an_erased_name_stays_masked(gateway, bought, monkeypatch) -> None:
    with pytest.raises(DocumentsUnavailable, match="not the one that was signed"):
        document_of(gateway, "en", ("5,999", "4,999"))

    def erased(*_: Any) -> None:
        raise VaultError("erased")

    monkeypatch.setattr(identity, "opened", erased)
    assert "王**" in said(document_of(gateway, "zh-CN"))


def test_the_shopper_keeps_a_signed_file_that_any_change_breaks(app, gateway, bought) -> None:
    answer = shopper_of(app, bought).get(f"/checkout/{bought['id']}/contract.pdf?lang=en")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    root = x509.Certificate.load(pem.unarmor(gateway.ports.document_authority.certificates().encode())[2])
    status = checked(answer.data, root)
    assert (status.intact, status.valid, status.trusted) == (True, True, True)
    assert status.signer_reported_dt == gateway.clock()
    at = answer.data.index(b"/MediaBox")
    changed = answer.data[: at + 3] + b"X" + answer.data[at + 4 :]
    assert not checked(changed, root).intact
    page = shopper_of(app, bought).get(f"/checkout/{bought['id']}/result").text
    assert f"/checkout/{bought['id']}/contract.pdf" in page


def checked(pdf: bytes, root: x509.Certificate) -> Any:
    """What pyHanko's own validator says of the one signature of a file."""
    (found,) = PdfFileReader(io.BytesIO(pdf), strict=False).embedded_signatures
    trust = ValidationContext(trust_roots=[root], moment=START, best_signature_time=START)
    return validate_pdf_signature(found, trust)


@POPPLER
def test_pdfsig_finds_the_signature_valid_and_knows_an_imported_certificate(
    gateway, bought, tmp_path
) -> None:
    file, certificate, trust = tmp_path / "contract.pdf", tmp_path / "documents.pem", tmp_path / "nss"
    file.write_bytes(making.signed(gateway, document_of(gateway, "zh-CN")))
    certificate.write_text(gateway.ports.document_authority.certificates())
    words = ["pdfsig", file]
    if shutil.which("certutil"):
        trust.mkdir()
        for more in (["-N", "--empty-password"], ["-A", "-n", "fenqi", "-t", ",C,", "-i", certificate]):
            subprocess.run(["certutil", *more, "-d", trust], check=True, capture_output=True)
        words = ["pdfsig", "-nssdir", trust, file]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "Signature is Valid." in told
    assert "ETSI.CAdES.detached" in told
    assert "Total document signed" in told
    if len(words) > 2:
        assert "Certificate is Trusted." in told
    assert "王小明" in words_of(file.read_bytes(), tmp_path)


@POPPLER
def test_a_text_is_shown_and_never_run_whatever_it_is(tmp_path) -> None:
    pdf = typeset("document", values(f"{HOSTILE} \u202eabc\u0000\n🦊 {'w' * 60}"), dated=START)
    found = words_of(pdf, tmp_path).replace("\u200b", "")
    shown = "".join(f"{HOSTILE} abc 〔U+1F98A〕 {'w' * 60}".split())
    assert found.count(shown) >= 6, found[:400]
    told = subprocess.run(["pdffonts", tmp_path / "read.pdf"], capture_output=True, text=True, check=True)
    for line in told.stdout.splitlines()[2:]:
        assert "Noto" in line
        assert line.split()[-5:-2] == ["yes", "yes", "yes"], "embedded, a subset, and readable"


def test_the_same_values_make_the_same_bytes_of_an_archive_file() -> None:
    first, second = (typeset("document", values("王小明 1,234.56"), dated=START) for _ in range(2))
    assert first == second
    assert b"<pdfaid:part>2</pdfaid:part>" in first
    assert b"/StructTreeRoot" in first
    assert typeset("document", values("王小明 1,234.57"), dated=START) != first


def test_what_cannot_be_made_is_said_in_a_sentence(app, gateway, bought, monkeypatch) -> None:
    pages, path = shopper_of(app, bought), f"/checkout/{bought['id']}/contract.pdf"
    (gateway.settings.data_dir / "keys" / "documents.json").unlink()
    answer = pages.get(path)
    assert answer.status_code == 503
    assert "fenqi-gateway keys init" in answer.text
    with monkeypatch.context() as patch:
        patch.setattr(typesetting, "SECONDS", 0.001)
        with pytest.raises(DocumentsUnavailable, match="within"):
            typeset("document", values("x"), dated=START)
    with pytest.raises(DocumentsUnavailable, match="too long"):
        typeset("document", values("长" * typesetting.LONGEST_DATA), dated=START)
    fonts.folder.cache_clear()
    monkeypatch.setattr(fonts, "PACKAGE", "no-such-fonts")
    with pytest.raises(DocumentsUnavailable, match="pip install"):
        fonts.folder()


def test_keys_init_makes_the_key_of_a_gateway_that_is_older(gateway, monkeypatch, capsys) -> None:
    place = gateway.settings.data_dir / "keys" / "documents.json"
    before = place.read_bytes()
    monkeypatch.setenv("DATABASE_URL", gateway.settings.database_url)
    assert cli.main(["documents", "certificates", "--data", str(gateway.settings.data_dir)]) == 0
    assert capsys.readouterr().out == gateway.ports.document_authority.certificates()
    keyring.init(gateway.settings, gateway.db)
    assert place.read_bytes() == before
    place.unlink()
    keyring.init(gateway.settings, gateway.db)
    assert json.loads(place.read_bytes())["signing"][0]["key"]
    assert place.stat().st_mode & 0o077 == 0
    assert isinstance(gateway.clock, TestClock)
