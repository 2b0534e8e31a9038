"""A folder that looks like a clone, with all that a reader of the pages has in it, and a demo at work there."""

from __future__ import annotations

import csv
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

import fenqi
from tests.docs.fences import ID_NUMBER, ROOT
from tests.docs.warm import serve, shim
from tests.ports import free_port
from tests.warm import Process, Program


@dataclass(frozen=True)
class Demo:
    """A clone with a demo at work in it."""

    clone: Path
    facts: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.facts["base_url"])

    @property
    def phones(self) -> dict[str, Any]:
        return self.shop("phones")

    def shop(self, name: str) -> dict[str, Any]:
        return next(row for row in self.facts["merchants"] if row["shop"] == name)


@contextmanager
def started(clone: Path) -> Iterator[Demo]:
    """A folder that looks like a clone, with the files that the pages speak of, and ``./run demo`` started in it."""
    for path in ROOT.iterdir():
        if path.name not in ("var", ".git", ".venv", "models"):
            (clone / path.name).symlink_to(path)
    _environment(clone)
    _reader_files(clone)
    port = free_port()
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("FENQI_", "DATABASE_"))
    }
    line, log = ["demo", "--port", str(port), "--data", "var/demo"], clone.with_suffix(".log")
    process = Program(line, environ, log, folder=clone)
    warm = Process(serve, str(clone / "warm.socket"), environ=environ, log=log)
    try:
        _wait(f"http://127.0.0.1:{port}")
        found = Demo(clone, json.loads((clone / "var/demo/demo.json").read_text("utf-8")))
        buy(found, phone="13912345678")
        yield found
    finally:
        warm.kill()
        process.interrupt()
        process.wait(timeout=30)
        warm.wait()


def buy(demo: Demo, *, phone: str) -> str:
    """A purchase of somebody in the phone shop, decided; returns the address of its page."""
    row = demo.phones
    with fenqi.Fenqi(row["client_id"], row["client_secret"], base_url=demo.url) as client:
        checkout = client.checkouts.create(
            amount=100_000,
            merchant_reference=f"bought-{phone[:5]}",
            category="3c",
            items=[{"name": "Phone", "quantity": 1, "unit_price": 100_000}],
            return_url="https://shop.example/return",
            cancel_url="https://shop.example/cart",
        )
        client.test_helpers.complete_checkout(checkout.id, phone=phone, extra={"id_number": ID_NUMBER})
        return str(checkout.url)


def _environment(clone: Path) -> None:
    """A virtual environment like ours at another place, whose commands are run by a process that has them loaded."""
    ours, copy = Path(sys.prefix), clone / ".venv"
    (copy / "bin").mkdir(parents=True)
    for name in ("lib", "pyvenv.cfg"):
        (copy / name).symlink_to(ours / name)
    for path in (ours / "bin").iterdir():
        if path.name in ("fenqi-gateway", "fenqi-score"):
            (copy / "bin" / path.name).write_text(shim(clone / "warm.socket"))
            (copy / "bin" / path.name).chmod(0o755)
        elif path.name == "activate":
            (copy / "bin" / path.name).write_text(path.read_text().replace(str(ours), str(copy)))
        else:
            (copy / "bin" / path.name).symlink_to(path)


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            if requests.get(f"{url}/readyz", timeout=1).json()["scorer"] == "ready":
                return
        except (requests.RequestException, ValueError, KeyError):
            pass
        time.sleep(0.1)
    raise RuntimeError("the demo did not start")


def _reader_files(clone: Path) -> None:
    """What a reader has: a table of loans, an application, logs of scores, keys."""
    from joserfc.jwk import ECKey, KeySet  # noqa: PLC0415

    chance = random.Random(20261123)
    for name, rows in (("loans.csv", 240), ("later.csv", 120)):
        with (clone / name).open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["customer_id", "sex", "age", "income", "loans", "default"])
            for number in range(rows):
                income, loans = chance.randrange(2_000, 30_000), chance.randrange(6)
                bad = int(chance.random() < 0.1 + 0.1 * loans)
                table.writerow([number, chance.choice("fm"), chance.randrange(20, 60), income, loans, bad])
    application = {"amount_fen": 599_900, "term": 12, "category": "3c"}
    (clone / "application.json").write_text(json.dumps(application))
    keys = KeySet([ECKey.generate_key("P-256", {"kid": "one"}, private=False)])
    (clone / "public-keys.json").write_text(json.dumps(keys.as_dict(private=False)))
    (clone / "models").mkdir()
    (clone / "models" / "november").symlink_to(ROOT / "scoring" / "bundles" / "fenqi-2026.11")
    _score_logs(clone)


def _score_logs(clone: Path) -> None:
    from scoring.governance.scorelog import CHAMPION, ScoreRecord, write  # noqa: PLC0415
    from scoring.scorer import Scorer  # noqa: PLC0415
    from scoring.training.generator import generate  # noqa: PLC0415

    scorer = Scorer.load()
    for month, seed in (("october", 1), ("november", 2)):
        records = []
        for number, application in enumerate(generate(60, seed=seed).applications()):
            answer = scorer.decide(application)
            records.append(
                ScoreRecord(
                    decision=f"dec_{number:05}",
                    at="2026-11-02T04:00:00+00:00",
                    role=CHAMPION,
                    model="fenqi 2026.11",
                    model_sha256=scorer.identity.sha256,
                    features=asdict(application),
                    fraud_probability=answer.scores.fraud_probability,
                    default_probability=answer.scores.default_probability,
                    credit_score=answer.scores.credit_score,
                    outcome=answer.outcome,
                    limit_fen=answer.limit_fen,
                    policy=answer.policy,
                )
            )
        write(clone / f"{month}.jsonl.gz", records)
    with (clone / "ended.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["decision", "bad"], *([f"dec_{n:05}", int(n % 9 == 0)] for n in range(60))]
        )
