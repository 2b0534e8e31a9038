"""Against an institution that really runs: localstripe, beside us, over HTTP. It ignores idempotency keys.

So a second PaymentIntent is what a blind repetition makes there, and what looking up first must prevent.
"""

from __future__ import annotations

import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.errors import InstitutionUnavailable
from gateway.institution import stripe_like, stripe_wire
from gateway.institution.port import Answer, Instruction
from gateway.institution.stripe_like import StripeLikeInstitution

KEY = "sk_test_1"
STORE = Path("/tmp/localstripe.pickle")
"""Where localstripe writes all it knows after each request, wherever it is started."""
GOOD, DECLINED, ASKS_FOR_THE_SHOPPER = "4242424242424242", "4000000000000341", "4000002500003155"


class Server:
    """The running localstripe, asked directly."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def call(self, method: str, path: str, **values: Any) -> dict[str, Any]:
        answer = requests.request(method, self.url + path, data=values, auth=(KEY, ""), timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def shopper(self, party: str, card: str = GOOD, *, default: bool = False) -> str:
        """A customer who is our shopper ``party``, with a card."""
        customer = self.call("POST", "/v1/customers", **{"metadata[shopper]": party})["id"]
        card_data = {"card[number]": card, "card[exp_month]": 12, "card[exp_year]": 2040, "card[cvc]": "123"}
        method = self.call("POST", "/v1/payment_methods", type="card", **card_data)["id"]
        self.call("POST", f"/v1/payment_methods/{method}/attach", customer=customer)
        if default:
            setting = {"invoice_settings[default_payment_method]": method}
            self.call("POST", f"/v1/customers/{customer}", **setting)
        return customer

    def made(self, kind: str, reference: str) -> list[dict[str, Any]]:
        """The objects that carry our reference."""
        listed = self.call("GET", f"/v1/{kind}?limit=1000")["data"]
        return [one for one in listed if one["metadata"].get("reference") == reference]


class Cut(socketserver.StreamRequestHandler):
    """A connection that is cut: what is posted is forwarded, and its answer is awaited and dropped."""

    server: AnswersLost
    timeout = 10

    def handle(self) -> None:
        head = list(iter(self.rfile.readline, b"\r\n"))
        sizes = [int(line.partition(b":")[2]) for line in head if line.lower().startswith(b"content-length:")]
        body = self.rfile.read(sum(sizes))
        kept = [line for line in head if not line.lower().startswith(b"connection:")]
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as behind:
            behind.sendall(b"".join([*kept, b"Connection: close\r\n\r\n", body]))
            answer = b"".join(iter(lambda: behind.recv(65536), b""))
        if not head[0].startswith(b"POST"):
            self.wfile.write(answer)


class AnswersLost(socketserver.TCPServer):
    """Stands before the server on ``port`` and cuts every connection that posts something."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(("127.0.0.1", 0), Cut)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    script = shutil.which("localstripe", path=str(Path(sys.executable).parent)) or shutil.which("localstripe")
    if script is None:
        pytest.skip("localstripe is not installed: pip install localstripe")
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as free:
            number = free.getsockname()[1]
    except OSError:
        pytest.skip("localstripe listens on IPv6 only, which this machine has not")
    try:
        before = STORE.read_bytes() if STORE.exists() else None
        STORE.touch()
    except OSError:
        pytest.skip(f"localstripe writes {STORE}, which belongs to somebody else")
    command = [script, "--port", str(number), "--from-scratch"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(number, process)
            yield number
        finally:
            process.terminate()
            process.wait(10)
            if before is None:
                STORE.unlink(missing_ok=True)
            else:
                STORE.write_bytes(before)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "localstripe ended"
            time.sleep(0.1)
        else:
            return
    pytest.fail("localstripe does not answer")


@pytest.fixture
def server(port) -> Server:
    return Server(port)


@pytest.fixture
def institution(server) -> StripeLikeInstitution:
    return StripeLikeInstitution(server.url, {"test": KEY})


@pytest.fixture
def cut(port) -> Iterator[StripeLikeInstitution]:
    """The institution over a connection that loses what it answers to a POST."""
    with AnswersLost(port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield StripeLikeInstitution(f"http://127.0.0.1:{proxy.server_address[1]}", {"test": KEY})
        proxy.shutdown()
        thread.join()


def collection(reference: str, party: str, amount_fen: int = 500) -> Instruction:
    return Instruction("collection", reference, "test", party, amount_fen)


def refund(reference: str, party: str, amount_fen: int) -> Instruction:
    return Instruction("refund", reference, "test", party, amount_fen)


def obey(institution: StripeLikeInstitution, instruction: Instruction, *, attempts: int) -> Answer:
    """What every caller does: send, and after silence look up before sending again."""
    for attempt in range(attempts):
        try:
            answer = institution.look_up(instruction) if attempt else None
            return answer or institution.carry_out(instruction)
        except InstitutionUnavailable:
            continue
    raise AssertionError("never decided")


@pytest.mark.parametrize("default", [True, False], ids=["default card", "only card"])
def test_a_collection_is_made_in_yuan_and_found_again(server, institution, default):
    customer = server.shopper(f"shp_ok_{default}", default=default)
    asked = collection(f"col_ok_{default}", f"shp_ok_{default}", 12_345)
    assert institution.look_up(asked) is None
    assert institution.carry_out(asked) == Answer("succeeded")
    assert institution.look_up(asked) == Answer("succeeded")
    (made,) = server.made("payment_intents", asked.reference)
    assert (made["amount"], made["currency"], made["customer"]) == (12_345, "cny", customer)


def test_a_declined_collection_failed_and_stays_so(server, institution):
    server.shopper("shp_declined", DECLINED)
    asked = collection("col_declined", "shp_declined")
    assert institution.carry_out(asked) == Answer("failed", "card_declined")
    assert institution.look_up(asked) == Answer("failed", "card_declined")
    assert institution.carry_out(refund("ret_declined", "shp_declined", 1)) == Answer(
        "failed", "nothing_to_refund"
    )


def test_a_collection_that_asks_for_the_shopper_is_cancelled(server, institution):
    server.shopper("shp_asked", ASKS_FOR_THE_SHOPPER)
    assert institution.carry_out(collection("col_asked", "shp_asked")) == Answer(
        "failed", "authentication_required"
    )
    (made,) = server.made("payment_intents", "col_asked")
    assert made["status"] == "canceled"
    assert institution.look_up(collection("col_asked", "shp_asked")).outcome == "failed"


def test_nobody_is_charged_who_is_no_customer(institution):
    assert institution.carry_out(collection("col_nobody", "shp_nobody")) == Answer(
        "failed", "no_payment_method"
    )


def test_customers_and_payments_behind_the_first_page_are_found(server, institution, monkeypatch):
    monkeypatch.setattr(stripe_wire, "PAGE", 5)
    monkeypatch.setattr(stripe_like, "PAGE", 5)
    for number in range(11):
        server.call("POST", "/v1/customers", **{"metadata[shopper]": f"shp_crowd_{number}"})
    server.shopper("shp_last")
    asked = [collection(f"col_page_{number}", "shp_last") for number in range(11)]
    assert {institution.carry_out(one).outcome for one in asked} == {"succeeded"}
    assert institution.look_up(asked[-1]) == Answer("succeeded")


def test_a_cut_connection_leaves_the_outcome_open_and_looking_up_finds_the_one_payment(server, cut):
    server.shopper("shp_cut")
    asked = collection("col_cut", "shp_cut")
    with pytest.raises(InstitutionUnavailable):
        cut.carry_out(asked)
    assert cut.look_up(asked) == Answer("succeeded")
    assert len(server.made("payment_intents", "col_cut")) == 1


def test_who_looks_up_before_sending_again_collects_once_and_who_does_not_twice(server, cut):
    server.shopper("shp_rule")
    assert obey(cut, collection("col_rule", "shp_rule"), attempts=2) == Answer("succeeded")
    assert len(server.made("payment_intents", "col_rule")) == 1
    for _ in range(2):
        with pytest.raises(InstitutionUnavailable):
            cut.carry_out(collection("col_blind", "shp_rule"))
    assert len(server.made("payment_intents", "col_blind")) == 2, (
        "the hazard is real: the key is ignored here"
    )


def test_refunds_whole_and_in_part_until_nothing_is_left(server, institution):
    server.shopper("shp_refund")
    for number in range(3):
        assert institution.carry_out(collection(f"col_refund_{number}", "shp_refund")).outcome == "succeeded"
    asked = [refund("ret_part", "shp_refund", 200), refund("ret_two", "shp_refund", 800)]
    for one in asked:
        assert institution.look_up(one) is None
        assert institution.carry_out(one) == Answer("succeeded")
        assert institution.look_up(one) == Answer("succeeded")
        assert sum(made["amount"] for made in server.made("refunds", one.reference)) == one.amount_fen
    too_much, rest = refund("ret_more", "shp_refund", 501), refund("ret_rest", "shp_refund", 500)
    assert institution.carry_out(too_much) == Answer("failed", "nothing_to_refund")
    assert institution.carry_out(rest) == Answer("succeeded")
    assert institution.carry_out(refund("ret_none", "shp_refund", 1)) == Answer("failed", "nothing_to_refund")
    by_payment: dict[str, int] = {}
    for reference in ("ret_part", "ret_two", "ret_more", "ret_rest", "ret_none"):
        for made in server.made("refunds", reference):
            by_payment[made["payment_intent"]] = by_payment.get(made["payment_intent"], 0) + made["amount"]
    assert list(by_payment.values()) == [500, 500, 500]


def test_a_refund_over_a_cut_connection_is_made_part_by_part_and_never_twice(server, institution, cut):
    server.shopper("shp_cut_refund")
    for number in range(2):
        assert institution.carry_out(collection(f"col_cut_{number}", "shp_cut_refund")).outcome == "succeeded"
    asked = refund("ret_cut", "shp_cut_refund", 700)
    with pytest.raises(InstitutionUnavailable):
        cut.carry_out(asked)
    assert cut.look_up(asked) is None, "only the first part is there"
    with pytest.raises(InstitutionUnavailable):
        cut.carry_out(asked)
    assert cut.look_up(asked) == Answer("succeeded")
    parts = [(made["amount"], made["metadata"]["part"]) for made in server.made("refunds", "ret_cut")]
    assert sorted(parts) == [(200, "2"), (500, "1")]


def test_an_institution_without_transfers_leaves_a_payout_open(institution):
    with pytest.raises(InstitutionUnavailable):
        institution.carry_out(Instruction("payout", "po_1", "test", "mer_1", 100, account="acct_1"))


def test_nobody_listens(server):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    gone = StripeLikeInstitution(nowhere, {"test": KEY})
    for ask in (gone.carry_out, gone.look_up):
        with pytest.raises(InstitutionUnavailable):
            ask(collection("col_gone", "shp_gone"))
