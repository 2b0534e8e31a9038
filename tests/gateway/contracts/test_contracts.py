"""Contracts: made once with the approval, bound to the confirmed disclosure, signed, and never changed."""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from gateway.checkout import agreements, shopper
from gateway.checkout import service as checkouts
from gateway.checkout.models import Checkout, Consent
from gateway.checkout.states import REQUIRED_CONSENTS
from gateway.cli import main
from gateway.config import WrongSetting
from gateway.contracts import service
from gateway.contracts.models import Contract
from gateway.contracts.signing import BuiltInAuthority
from gateway.contracts.text import ConsentFact, Facts, canonical, record, record_of
from gateway.contracts.verify import verify
from gateway.core.signing import BadSignature, Signature
from gateway.db.transactions import Transaction
from gateway.errors import ContractWithoutDisclosure, CostAboveCeiling
from gateway.identity.invented import invented_id_number
from gateway.plans.pricing import Lender, plan
from gateway.privacy.keyfile import KeyFileError
from gateway.process.onboarding import standard_prices
from gateway.process.server import check_guards
from tests.gateway.shopper import identify, send
from tests.one_database import database_url, on_both  # noqa: F401

PHONE = "13800000001"
TODAY = datetime(2026, 11, 23, 4, tzinfo=UTC)
COLUMNS = ("period", "due_date", "principal", "interest", "fee", "payment", "balance")


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


def contracts_of(gateway) -> list[Contract]:
    with gateway.db.read() as tx:
        return list(tx.exec(select(Contract).order_by(Contract.id)))


def checked(gateway):
    with gateway.db.read() as tx:
        return verify(tx, gateway.ports.signing_authority)


def ready(app, api, clock, phone: str = PHONE, **changes) -> dict:
    """A checkout whose disclosure was read and waits for its confirmation."""
    checkout = api.checkout(**changes)
    read(app, clock, checkout, phone)
    return checkout


def read(app, clock, checkout: dict, phone: str = PHONE) -> None:
    """Choose twelve months, say who one is, and read the disclosure for long enough."""
    path, pages = f"/checkout/{checkout['id']}", shopper_of(app, checkout)
    typed = {
        "term": "12",
        "name": "王小明",
        "id_number": invented_id_number("shopper"),
        "phone": phone,
        "code": "000000",
    }
    assert identify(pages, checkout, typed).location == f"{path}/review"
    assert pages.get(f"{path}/review").status_code == 200
    clock.advance(seconds=5)


def confirm(app, checkout: dict):
    data = {"quote_hash": checkout["plans"][-1]["quote_hash"]} | dict.fromkeys(REQUIRED_CONSENTS, "yes")
    return send(shopper_of(app, checkout), f"/checkout/{checkout['id']}/confirm", data)


def shopper_of(app, checkout: dict):
    """The shopper's browser of a checkout; one of its own for each thread, with the same cookies."""
    known, name = app.extensions.setdefault("browsers", {}), f"fenqi_checkout_{checkout['id']}"
    pages = app.test_client()
    first = known.setdefault(checkout["id"], pages)
    if first is not pages:
        pages.set_cookie(name, first.get_cookie(name).value)
    return pages


def test_an_approval_makes_one_contract_that_states_everything(app, api, gateway):
    payment = api.approved(12, amount=699_900, down_payment=100_000)
    (contract,) = contracts_of(gateway)
    assert contract.payment_id == payment["id"]
    assert contract.quote_sha256 == payment["plan"]["quote_hash"]
    words = contract.text
    for row in payment["plan"]["schedule"]:
        assert " | ".join(str(row[name]) for name in COLUMNS) in words
    for stated in (
        contract.id,
        f"checkout: {payment['checkout']}",
        "首付 Down payment: 1,000.00 CNY (100000 fen)",
        "借款本金 Principal: 5,999.00 CNY (599900 fen)",
        "应还总额 Total to pay: 6,599.88 CNY (659988 fen)",
        "(12 x monthly): 0.1800060335",
        "interest: rate 0.18; basis balance_per_year; collector demo_bank; how with_each_instalment; 600.88 CNY",
        "late_interest: rate 0.0005; basis overdue_principal_per_day; grace days 3",
        "early_settlement: pro_rata_day",
        "除上述费用外，不再收取任何其他费用。",
        "不是可靠的电子签名",
        *(f"{kind} | {agreements.current(kind)} | " for kind in REQUIRED_CONSENTS),
        "disclosure | 2026-11-23 | ",
    ):
        assert stated in words, stated
    assert "\r" not in words
    assert words.endswith("\n")
    assert checked(gateway).ok


def test_parties_appear_masked_only(app, api, clock, gateway):
    checkout = ready(app, api, clock)
    confirm(app, checkout)
    (contract,) = contracts_of(gateway)
    number = invented_id_number("shopper")
    for secret in ("王小明", number, PHONE, PHONE[3:]):
        assert secret not in contract.text
    assert f"王**, 证件 ID {number[:6]}********{number[-4:]}, 手机 phone 138****0001" in contract.text


def test_the_signature_holds_by_the_exported_key_alone(api, gateway):
    api.approved()
    (contract,) = contracts_of(gateway)
    pem = gateway.ports.signing_authority.public_keys()[contract.key_id]
    key, signature = load_pem_public_key(pem.encode()), base64.b64decode(contract.signature)
    key.verify(signature, contract.text.encode())  # type: ignore[call-arg]
    with pytest.raises(InvalidSignature):
        key.verify(signature, contract.text.encode() + b" ")  # type: ignore[call-arg]
    assert contract.text_sha256 == hashlib.sha256(contract.text.encode()).hexdigest()


def test_a_declined_or_waiting_checkout_has_no_contract(app, api, clock, gateway):
    for phone in ("13800000002", "13800000003"):
        confirm(app, ready(app, api, clock, phone=phone))
    assert contracts_of(gateway) == []


def test_the_end_of_a_review_makes_the_contract(app, api, gateway):
    checkout = api.checkout()
    path = f"/v1/test_helpers/checkouts/{checkout['id']}"
    api.post(f"{path}/complete", {"term": 6, "phone": "13800000003"})
    assert contracts_of(gateway) == []
    assert api.post(f"{path}/resolve", {"outcome": "approve"}).json["status"] == "approved"
    assert [row.checkout_id for row in contracts_of(gateway)] == [checkout["id"]]


@on_both
def test_parallel_confirms_make_one_contract(app, api, clock, gateway):
    checkout = ready(app, api, clock)
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status_code for answer in pool.map(lambda _: confirm(app, checkout), range(16))} == {
            303
        }
    assert len(contracts_of(gateway)) == 1


def test_the_shopper_reads_the_very_bytes_that_were_signed(app, api, clock, gateway):
    checkout = ready(app, api, clock)
    path = f"/checkout/{checkout['id']}"
    assert shopper_of(app, checkout).get(f"{path}/contract").status_code == 404
    confirm(app, checkout)
    assert f'href="{path}/contract"' in shopper_of(app, checkout).get(f"{path}/result").text
    answer = shopper_of(app, checkout).get(f"{path}/contract")
    (contract,) = contracts_of(gateway)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.data == contract.text.encode()
    digest = base64.b64encode(hashlib.sha256(answer.data).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert answer.headers["Contract-Signature"] == f"Ed25519 {contract.key_id} {contract.signature}"


@pytest.fixture
def last_minute(gateway, clock, api):
    """Half a minute before the ceiling of small-loan companies falls from 24 % to four times the LPR."""
    gateway.settings = replace(gateway.settings, funder_type="small_loan")
    clock.now = datetime(2027, 12, 30, 15, 59, 30, tzinfo=UTC)
    api.login()


@pytest.mark.usefixtures("last_minute")
def test_a_ceiling_lowered_since_the_quote_refuses_the_contract_and_changes_nothing(app, api, clock, gateway):
    checkout = ready(app, api, clock)
    before = api.get(f"/v1/checkouts/{checkout['id']}").json
    clock.advance(seconds=30)
    answer = confirm(app, checkout)
    assert answer.status_code == 422
    assert "综合成本超过今日规定上限" in answer.text
    assert api.get(f"/v1/checkouts/{checkout['id']}").json == before
    with gateway.db.read() as tx:
        for table in ("contract", "payment", "consent", "credit_decision", "credit_limit", "ledger_entry"):
            assert tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0, table


@pytest.mark.usefixtures("last_minute")
def test_a_review_that_ends_above_the_ceiling_is_refused(api, clock, gateway):
    checkout = api.checkout()
    path = f"/v1/test_helpers/checkouts/{checkout['id']}"
    api.post(f"{path}/complete", {"term": 12, "phone": "13800000003"})
    clock.advance(seconds=30)
    refused = api.post(f"{path}/resolve", {"outcome": "approve"})
    assert (refused.status_code, refused.json["code"]) == (422, "cost_above_ceiling")
    assert refused.json["ceiling"] == "0.1200"
    assert "19.56 % (effective); the ceiling on 2027-12-31 is 12.00%" in refused.json["detail"]
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "under_review"
    assert contracts_of(gateway) == []
    assert api.post(f"{path}/resolve", {"outcome": "decline"}).json["status"] == "declined"


def approved_by_hand(tx, gateway, checkout: dict, **changes) -> None:
    """What concluding an approval hands to the contracts room, with ``changes``."""
    row = tx.get(Checkout, checkout["id"])
    given = tx.exec(select(Consent).where(Consent.checkout_id == row.id))
    facts = [ConsentFact(one.id, one.kind, one.version, one.text_sha256, one.given_at) for one in given]
    arguments = {
        "checkout_id": row.id,
        "payment_id": row.payment_id or "pay_none",
        "shopper_id": row.shopper_id,
        "borrower": {"name": "王*", "id_number": "110105********002X", "phone": "138****8000"},
        "merchant_name": "商户",
        "merchant_reference": row.merchant_reference,
        "lender": Lender("demo_bank", "bank"),
        "plan": shopper.chosen_plan(row) if row.term else None,
        "government_subsidy": None,
        "consents": facts,
    }
    authority = gateway.ports.signing_authority
    service.conclude(tx, authority, checkouts.tenant_of(row), **(arguments | changes))


def test_without_the_confirmed_disclosure_of_this_very_plan_there_is_no_contract(app, api, clock, gateway):
    checkout = ready(app, api, clock)
    plan = checkout["plans"][-1]
    another = ConsentFact("cns_1", "disclosure", "2026-11-23", "0" * 64, clock.now)
    service_terms = replace(another, kind="credit_service", text_sha256=plan["quote_hash"])
    for consents in ([], [another], [service_terms]):
        with pytest.raises(ContractWithoutDisclosure) as refused:
            gateway.db.write(
                lambda tx, consents=consents: approved_by_hand(tx, gateway, checkout, consents=consents)
            )
        assert (refused.value.status, refused.value.code) == (409, "contract_without_disclosure")
    assert contracts_of(gateway) == []


@on_both
def test_the_database_asks_for_the_disclosure_too(app, api, clock, gateway):
    """A disclosure that was confirmed in another checkout does not serve, whatever the service is told."""
    one, other = api.approved(), api.checkout()
    with gateway.db.read() as tx:
        found = tx.exec(
            select(Consent).where(Consent.checkout_id == one["checkout"], Consent.kind == "disclosure")
        ).one()
    fact = ConsentFact(found.id, found.kind, found.version, found.text_sha256, found.given_at)
    with pytest.raises(DBAPIError, match="disclosure of the same quote is confirmed first"):
        gateway.db.write(
            lambda tx: approved_by_hand(
                tx,
                gateway,
                other,
                plan=one["plan"],
                payment_id=one["id"],
                shopper_id=found.shopper_id,
                consents=[fact],
            )
        )
    assert len(contracts_of(gateway)) == 1


@on_both
def test_a_second_contract_for_a_checkout_is_refused(app, api, gateway):
    payment = api.approved()
    checkout = api.get(f"/v1/checkouts/{payment['checkout']}").json
    with pytest.raises(DBAPIError):
        gateway.db.write(lambda tx: approved_by_hand(tx, gateway, checkout))
    assert len(contracts_of(gateway)) == 1


def test_the_ceiling_is_asked_by_lender_and_day(api, gateway, clock):
    payment = api.approved()
    checkout = api.get(f"/v1/checkouts/{payment['checkout']}").json
    for lender, on, allowed in (
        (Lender("x", "bank"), TODAY, True),
        (Lender("x", "small_loan"), datetime(2027, 12, 31, tzinfo=UTC), False),
        (Lender("x", "consumer_finance", ("nominal",)), TODAY, True),
        (Lender("x", "pawnshop"), TODAY, False),
    ):
        clock.now = on
        with pytest.raises(DBAPIError if allowed else CostAboveCeiling):
            gateway.db.write(lambda tx, lender=lender: approved_by_hand(tx, gateway, checkout, lender=lender))


def test_the_text_is_the_same_for_the_same_facts():
    given = datetime(2026, 11, 23, 4, tzinfo=UTC)
    consents = [ConsentFact(f"cns_{kind}", kind, "1", "a" * 64, given) for kind in ("b", "disclosure", "a")]
    facts = Facts(
        contract="ctr_1",
        mode="test",
        checkout="chk_1",
        payment="pay_1",
        merchant="mer_1",
        merchant_name="商户",
        merchant_reference="order-1",
        shopper="shp_1",
        borrower={"name": "王*", "id_number": "110105********002X", "phone": "138****8000"},
        plan=plan(
            standard_prices("education")[0],
            financed_fen=100_000,
            contract_date=date(2026, 11, 23),
            lender=Lender("demo_bank", "bank"),
        ),
        government_subsidy={"programme": "trade_in_2026", "amount": 50_000},
        consents=consents,
        disclosure_consent="cns_disclosure",
        concluded_at=given,
    )
    words = canonical(facts)
    assert words == canonical(replace(facts, consents=consents[::-1]))
    assert record_of(words) == record(facts)
    assert "政府补贴 Government subsidy trade_in_2026: 500.00 CNY (50000 fen)" in words
    assert "instalment_fee: rate 0.023; basis original_principal;" in words
    assert [line for line in words.split("\n") if line != line.strip()] == []


@on_both
def test_the_database_refuses_every_change(api, gateway):
    api.approved()
    changes = [
        "UPDATE contract SET text = text || ' '",
        "UPDATE contract SET key_id = ''",
        "DELETE FROM contract",
    ]
    if gateway.db.engine.dialect.name == "postgresql":
        changes.append("TRUNCATE contract")
    for change in changes:
        with (
            pytest.raises(DBAPIError, match="never changed or removed"),
            gateway.db.engine.begin() as connection,
        ):
            connection.execute(text(change))
    assert checked(gateway).checked == 1


def tampered(gateway, change: str, **values: str) -> None:
    """Change a contract behind the triggers' back, as only an administrator could."""
    with gateway.db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER contract_no_update"))
        else:
            connection.execute(text("ALTER TABLE contract DISABLE TRIGGER ALL"))
        connection.execute(text(f"UPDATE contract SET {change} WHERE id = :id"), values)


TAMPERINGS = (
    ("text = replace(text, '599900', '499900')", {"text"}),
    ("text = replace(text, 'mode: test', 'mode: live')", {"text", "record"}),
    (f"text_sha256 = '{'0' * 64}'", {"hash"}),
    (f"signature = '{base64.b64encode(bytes(64)).decode()}'", {"signature"}),
    ("signature = 'x'", {"signature"}),
    ("algorithm = 'none'", {"signature"}),
    ("key_id = '0000000000000000'", {"key"}),
    ("merchant_id = merchant_id, concluded_at = concluded_at, mode = 'live'", {"record"}),
)


def test_tampering_is_named(api, gateway):
    api.approved()
    api.approved()
    second = contracts_of(gateway)[1].id
    assert checked(gateway).ok
    for change, what in TAMPERINGS:
        report = with_tampering(gateway, change, second)
        assert {problem.what for problem in report.problems} == what, change
        assert {problem.contract for problem in report.problems} == {second}
        assert report.as_json()["first"] == second
    assert checked(gateway).ok


def with_tampering(gateway, change: str, contract: str):
    """What a verification says of a change behind the triggers' back; the change is taken back."""
    engine = gateway.db.engine.execution_options(writes=True)
    with engine.connect() as connection, connection.begin() as before:
        connection.execute(text("DROP TRIGGER contract_no_update"))
        connection.execute(text(f"UPDATE contract SET {change} WHERE id = :id"), {"id": contract})
        with Transaction(connection, now=gateway.clock(), ids=gateway.db.ids) as tx:
            report = verify(tx, gateway.ports.signing_authority)
        before.rollback()
    return report


def test_a_text_replaced_with_its_hash_still_fails_its_signature(app, api, gateway):
    api.approved()
    (contract,) = contracts_of(gateway)
    forged = contract.text.replace("0.0005", "0.0001")
    digest = hashlib.sha256(forged.encode()).hexdigest()
    tampered(gateway, "text = :text, text_sha256 = :digest", id=contract.id, text=forged, digest=digest)
    assert [problem.what for problem in checked(gateway).problems] == ["signature"]


def test_a_lost_key_file_is_named_and_an_older_key_still_verifies(app, api, gateway, tmp_path):
    api.approved()
    other = BuiltInAuthority.create(tmp_path / "elsewhere")
    with gateway.db.read() as tx:
        assert [problem.what for problem in verify(tx, other).problems] == ["key"]
    path = gateway.settings.data_dir / "keys" / "contracts.json"
    old = json.loads(path.read_text())["signing"]
    fresh = json.loads((tmp_path / "elsewhere" / "keys" / "contracts.json").read_text())["signing"]
    path.write_text(json.dumps({"signing": fresh + old}))
    rotated = BuiltInAuthority.create(gateway.settings.data_dir)
    assert next(iter(rotated.public_keys())) in other.public_keys()
    with gateway.db.read() as tx:
        assert verify(tx, rotated).ok


@pytest.mark.parametrize("content", ["{}", '{"signing": []}', '{"signing": [{"key": "AA=="}]}', "x"])
def test_a_damaged_key_file_stops_the_start(tmp_path, content):
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "contracts.json").write_text(content)
    with pytest.raises(KeyFileError, match="Restore a backup"):
        BuiltInAuthority.create(tmp_path)


@on_both
def test_missing_triggers_are_named_and_not_served(app, api, gateway):
    check_guards(app)
    tampered(gateway, "key_id = key_id", id="none")
    found = checked(gateway)
    assert not found.ok
    assert "contract_no_update" in found.missing_guards or "contract_no_change" in found.missing_guards
    with pytest.raises(WrongSetting, match="The database is not protected"):
        check_guards(app)


def test_the_command_names_the_first_bad_contract(
    app,
    api,
    gateway,
    database_url,  # noqa: F811
    monkeypatch,
    capsys,
):
    api.approved()
    (contract,) = contracts_of(gateway)
    monkeypatch.setenv("DATABASE_URL", database_url)
    folder = str(gateway.settings.data_dir)
    assert main(["contracts", "verify", "--data", folder]) == 0
    assert "Contracts checked: 1. Every hash and signature is valid." in capsys.readouterr().out
    assert main(["contracts", "public-keys", "--data", folder]) == 0
    assert f"# key {contract.key_id}\n-----BEGIN PUBLIC KEY-----" in capsys.readouterr().out
    tampered(gateway, "signature = 'x'", id=contract.id)
    assert main(["contracts", "verify", "--data", folder]) == 1
    assert capsys.readouterr().err.startswith(f"{contract.id}: signature:")
    assert main(["contracts", "verify", "--json", "--data", folder]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["checked"], found["first"]) == (False, 1, contract.id)


def test_another_authority_can_sign(app, api, gateway, tmp_path):
    """The port: whatever signs and verifies may take the place of the built-in key."""

    class Stamp:
        def sign(self, content: bytes) -> Signature:
            return Signature("stamp", "office", hashlib.sha256(b"office" + content).hexdigest())

        def verify(self, content: bytes, signature: Signature) -> None:
            if signature != self.sign(content):
                raise BadSignature("no such stamp")

        def public_keys(self) -> dict[str, str]:
            return {}

    gateway.ports.signing_authority = Stamp()
    api.approved()
    assert contracts_of(gateway)[0].algorithm == "stamp"
    assert checked(gateway).ok


def test_a_quote_of_yesterday_is_contracted_with_todays_consents(app, api, clock, gateway):
    """The plan is made anew when the shopper chooses; the contract is of the plan that was confirmed."""
    checkout = api.checkout()
    clock.advance(hours=20)
    api.login()
    done = api.post(
        f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 12, "phone": PHONE}
    ).json
    assert done["status"] == "approved"
    (contract,) = contracts_of(gateway)
    assert contract.quote_sha256 == done["plans"][-1]["quote_hash"] != checkout["plans"][-1]["quote_hash"]
    assert contract.concluded_at.date() == clock.now.date() == date(2026, 11, 23) + timedelta(days=1)


def test_a_checkout_quoted_by_an_older_gateway_is_concluded(app, api, clock, gateway):
    """Plans then had no basis of a rate and nothing paid by the merchant, and the price was not kept."""
    checkout = api.checkout()

    def age(tx) -> None:
        row = tx.get(Checkout, checkout["id"])
        old = json.loads(json.dumps(row.plans))
        for one in old:
            del one["disclosure"]["paid_by_merchant"]
            for charge in one["disclosure"]["charges"]:
                del charge["basis"]
        row.plans, row.prices = old, None
        tx.add(row)

    gateway.db.write(age)
    read(app, clock, checkout)
    assert confirm(app, checkout).status_code == 303
    (contract,) = contracts_of(gateway)
    assert "interest: rate 0.18; collector demo_bank; how with_each_instalment;" in contract.text
    assert api.post(f"/v1/payments/{contract.payment_id}/capture").json["status"] == "captured"
