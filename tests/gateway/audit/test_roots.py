"""Roots kept elsewhere name what whoever owns the database did to the log; they leave by a folder or an address."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gateway import cli
from gateway.audit import service
from gateway.audit.verify import verify
from gateway.contracts.signing import BuiltInAuthority
from gateway.core.signing import BadSignature, PublicKeys, Signature
from gateway.ledger.integrity.verify import verify as verify_books
from gateway.outbox import service as outbox
from gateway.process import daily, worker
from gateway.roots import pushing, root
from gateway.roots import service as signing
from gateway.roots.service import ChainBroken
from gateway.roots.targets import Address, Folder, NotTaken
from tests.gateway.audit.test_audit import ME, by_force, rehash
from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


def record(gateway: Any, about: str) -> None:
    gateway.db.write(lambda tx: service.record(tx, ME, "tried", about=about))


@pytest.fixture
def logged(gateway: Any, clock: Any) -> Any:
    """Six entries, the first two and the first four of them signed."""
    for number in range(1, 7):
        record(gateway, f"thing_{number}")
        if number in (2, 4):
            clock.advance(minutes=6)
            daily.sign_heads(gateway)
    return gateway


def kept(gateway: Any, chain: str = "audit") -> list[root.Root]:
    with gateway.db.read() as tx:
        return signing.signed(tx, chain)


def problems(gateway: Any, exported: Any = ()) -> list[tuple[int, str, str]]:
    keys = PublicKeys.of_pem("".join(gateway.ports.signing_authority.public_keys().values()))
    with gateway.db.read() as tx:
        return [(found.number, found.what, found.detail) for found in verify(tx, keys, exported).problems]


def forget(gateway: Any, number: int) -> None:
    """Remove the log and its roots from a number on."""
    for table in ("signed_root", "audit_entry"):
        by_force(gateway, f"DELETE FROM {table} WHERE number >= {number}")


def test_heads_are_signed_every_few_minutes_and_at_the_end(logged, clock):
    assert [one.number for one in kept(logged)] == [2, 4]
    daily.sign_heads(logged)
    assert len(kept(logged)) == 2, "five minutes are not over"
    worker.sign_last(logged)
    daily.sign_heads(logged, at_once=True)
    assert [one.number for one in kept(logged)] == [2, 4, 6]
    record(logged, "thing_7")
    clock.advance(hours=-2)
    daily.sign_heads(logged)
    assert [one.number for one in kept(logged)] == [2, 4, 6, 7], "a clock that went back waits for nothing"
    assert problems(logged, kept(logged)) == []


def test_a_cut_tail_is_named(logged):
    exported = kept(logged)
    forget(logged, 4)
    assert problems(logged) == [], "the database alone cannot know"
    [(number, _, detail)] = [found for found in problems(logged, exported) if found[1] == "cut"]
    assert number == 4
    assert detail.startswith(
        "the audit log is cut off after entry 3, and entry 4 was signed at 2026-11-23T04:12"
    )


def test_an_emptied_log_is_named(logged):
    exported = kept(logged)
    forget(logged, 1)
    assert problems(logged) == []
    named = {(what, detail) for _, what, detail in problems(logged, exported)}
    assert ("emptied", f"the audit log is empty, and entry 4 was signed at {exported[-1].when}") in named


def test_a_rewritten_log_is_named_with_where_it_began(logged):
    exported = kept(logged)
    rehash(logged, 3)
    by_force(logged, "DELETE FROM signed_root WHERE number > 2")
    assert problems(logged) == []
    assert [found[:2] for found in problems(logged, exported)] == [(4, "rewritten"), (4, "root")]
    assert problems(logged, exported)[0][2].startswith("the audit log was rewritten from entry 3 to 4")


def test_what_was_recorded_after_the_last_root_is_said_to_be_unsigned(logged, capsys):
    from gateway.audit import commands  # noqa: PLC0415

    assert commands.verify(logged.db, logged.ports.signing_authority, as_json=False) == 0
    told = capsys.readouterr().out
    assert "Not yet signed: the last 2." in told
    assert "No exported roots were given" in told


def test_a_chain_that_was_cut_or_rewritten_is_not_signed_again(logged, clock):
    clock.advance(minutes=6)
    rehash(logged, 3)
    with pytest.raises(ChainBroken, match="the audit log was rewritten: entry 4 was signed at"):
        daily.sign_heads(logged)
    by_force(logged, "DELETE FROM audit_entry WHERE number > 3")
    with pytest.raises(ChainBroken, match=r"ends at entry 3, and entry 4 was signed at .*: it was cut off"):
        daily.sign_heads(logged)


def test_every_chain_that_no_longer_holds_is_named(logged, monkeypatch):
    def broken(_gateway, chain, *, at_once=False):
        raise ChainBroken(f"{chain.title} was cut off")

    monkeypatch.setattr(daily.pushing, "sign", broken)

    with pytest.raises(ExceptionGroup) as failures:
        daily.sign_heads(logged)

    assert [str(failure) for failure in failures.value.exceptions] == [
        "the audit log was cut off",
        "the chain of the ledger was cut off",
        "the chain of the ledger's trees was cut off",
    ]


def test_a_root_that_we_did_not_sign_proves_nothing(logged):
    stranger = BuiltInAuthority.create(logged.settings.data_dir / "stranger")
    signature = stranger.sign(b"anything")
    forged = replace(kept(logged)[0], signature=replace(signature, key_id=kept(logged)[0].signature.key_id))
    foreign = replace(kept(logged)[0], number=900, signature=signature)
    found = problems(logged, [forged, foreign])
    assert [(number, what) for number, what, _ in found] == [(2, "root"), (900, "root")]
    assert "does not match the text" in found[0][2]
    assert "no key" in found[1][2]


def test_two_workers_at_once_sign_once(logged, clock):
    clock.advance(minutes=6)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: daily.sign_heads(logged), range(6)))
        list(
            pool.map(
                lambda number: record(logged, f"more_{number}") if number % 2 else
                daily.sign_heads(logged, at_once=True),
                range(12),
            )
        )  # fmt: skip
    daily.sign_heads(logged, at_once=True)
    assert kept(logged)[-1].number == 12
    assert problems(logged, kept(logged)) == []


def test_the_commands_prove_both_chains_with_the_public_key_alone(
    logged, api, tmp_path, capsys, monkeypatch, database_url  # noqa: F811
):  # fmt: skip
    api.captured()
    daily.sweep(logged)
    daily.sign_heads(logged, at_once=True)
    monkeypatch.setenv("DATABASE_URL", database_url)
    data = ["--data", str(logged.settings.data_dir)]
    roots, pem = tmp_path / "roots.jsonl", tmp_path / "keys.pem"
    lines = []
    for chain in ("audit", "ledger"):
        capsys.readouterr()
        assert cli.main([chain, "roots", "--json", *data]) == 0
        lines.append(capsys.readouterr().out)
    assert all(lines)
    roots.write_text("".join(lines))
    pem.write_text("".join(logged.ports.signing_authority.public_keys().values()))
    against = ["--roots", str(roots), "--public-key", str(pem)]
    logged.settings.data_dir.joinpath("keys").rename(tmp_path / "keys-away")
    for chain in ("audit", "ledger"):
        assert cli.main([chain, "verify", *against, *data]) == 0, capsys.readouterr()
    roots.write_text(lines[0])
    assert cli.main(["ledger", "verify", *against, *data]) == 1
    assert "contains no root of the chain of the ledger" in capsys.readouterr().err
    roots.write_text('{"number": 1}\n')
    assert cli.main(["audit", "verify", *against, *data]) == 1
    assert "roots.jsonl, line 1 is not a root: algorithm is missing" in capsys.readouterr().err


def test_a_chain_of_the_books_that_was_made_again_is_named(gateway, api):
    api.captured()
    daily.sweep(gateway)
    exported = kept(gateway, "ledger")
    assert exported, "the sweep signs both"
    other = replace(exported[0], hash="f" * 64)
    signed = gateway.ports.signing_authority.sign(other.signed_text)
    other = replace(other, signature=signed)
    with gateway.db.read() as tx:
        sound = verify_books(tx, verifier=gateway.ports.signing_authority, exported=exported)
        broken = verify_books(tx, verifier=gateway.ports.signing_authority, exported=[other])
    assert sound.ok
    (check,) = [check for check in broken.checks if not check.ok]
    assert (check.name, check.first) == ("chain_roots", "1")
    assert "the chain of the ledger was rewritten" in check.detail


def test_a_root_of_an_older_release_is_read_and_checked():
    line = {
        "day": "2026-11-24",
        "number": 4,
        "hash": "a" * 64,
        "algorithm": "Ed25519",
        "key_id": "k",
        "signature": "s",
    }
    old = root.Root.of_json(line)
    assert old.signed_text == b"fenqi audit root\nday: 2026-11-24\nnumber: 4\nhash: " + b"a" * 64 + b"\n"
    assert root.Root.of_json(json.loads(old.line())) == old


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": 0}, "number must"),
        ({"number": "4"}, "number must"),
        ({"hash": "x"}, "64"),
        ({"day": None}, "fromiso"),
        ({"signed_at": "2026-11-24"}, "either"),
    ],
)
def test_what_is_no_root_is_refused_in_words(change, words):
    line = {
        "day": "2026-11-24",
        "number": 4,
        "hash": "a" * 64,
        "algorithm": "Ed25519",
        "key_id": "k",
        "signature": "s",
    }
    with pytest.raises(ValueError, match=words):
        root.Root.of_json({**line, **change})


def pushing_to(gateway: Any, target: Any) -> None:
    gateway.settings = replace(gateway.settings, roots_to="configured")
    gateway.ports.roots_target = target


def test_roots_are_brought_to_a_folder_once_and_never_replaced(logged, tmp_path):
    pushing_to(logged, Folder(tmp_path / "mount"))
    worker.sign_last(logged)
    with logged.db.read() as tx:
        assert outbox.failing_since(tx, pushing.TOPIC) is not None, "the folder is not there yet"
    (tmp_path / "mount").mkdir()
    for item in waiting(logged):
        pushing.carry_out(logged, item)
        pushing.carry_out(logged, item)
    (file,) = (tmp_path / "mount").iterdir()
    assert root.read(tmp_path / "mount") == [kept(logged)[-1]]
    file.write_text(replace(kept(logged)[-1], number=1).line())
    with pytest.raises(NotTaken, match="already exists with different content"):
        pushing.carry_out(logged, waiting(logged)[0])


def waiting(gateway: Any) -> list[Any]:
    from gateway.outbox.models import OutboxItem  # noqa: PLC0415

    with gateway.db.read() as tx:
        return list(tx.exec(service.select(OutboxItem).where(OutboxItem.topic == pushing.TOPIC)))


def test_roots_are_posted_with_a_signature_and_brought_again_until_they_are_taken(logged, clock, app):
    taken: list[tuple[dict[str, str], bytes]] = []
    answers = [503, 200]

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((dict(self.headers), body))
            self.send_response(answers.pop(0))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Keeper)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    authority = logged.ports.signing_authority
    pushing_to(logged, Address(f"http://127.0.0.1:{server.server_port}/roots", authority))
    worker.sign_last(logged)
    client = app.test_client()
    assert client.get("/readyz").json["roots"].startswith("not taken since 2026-11-23T04:12")
    clock.advance(seconds=6)
    worker.drain_outbox(logged)
    server.shutdown()
    server.server_close()
    assert client.get("/readyz").json["roots"] == "brought away"
    assert len(taken) == 2
    headers, body = taken[1]
    assert taken[0][1] == body
    assert headers["Idempotency-Key"] == kept(logged)[-1].name
    keys = PublicKeys.of_pem("".join(authority.public_keys().values()))
    signature = Signature("Ed25519", headers["Fenqi-Key-Id"], headers["Fenqi-Signature"])
    keys.verify(body, signature)
    with pytest.raises(BadSignature):
        keys.verify(body + b" ", signature)
    assert root.Root.of_json(json.loads(body)) == kept(logged)[-1]
