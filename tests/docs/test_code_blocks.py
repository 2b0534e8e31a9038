"""Every block of code that we print runs as it is pasted, in a clone beside a fresh demo."""

from __future__ import annotations

import csv
import doctest
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway import cli
from scoring import cli as scoring_cli
from tests.docs.fences import ROOT, Block, Desk, blocks_of, pages
from tests.docs.warm import shim

SHELLS, PYTHON, BROWSER = {"console", "bash"}, {"python"}, {"html", "css", "js", "http"}
ELSEWHERE = {
    "{toctree}": "./run docs",
    "{eval-rst}": "./run docs",
    "text": "not code: formulas and trees",
    "json": "what the command above it prints",
    "pycon": "run below, by doctest",
}
BARE = {"README.md", "README.zh-CN.md", "CONTRIBUTING.md", "docs/quickstart.md"}
"""Pages that are read first, in a shell that knows nothing; the others in the shell that the quickstart sets up."""
PAGES = {str(path.relative_to(ROOT)): blocks_of(path) for path in pages()}
RUNNABLE = [
    name
    for name, blocks in PAGES.items()
    if any(b.language in SHELLS | PYTHON and not b.not_run for b in blocks)
]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


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
        return next(row for row in self.facts["merchants"] if row["shop"] == "phones")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A folder that looks like a clone, with the files that the pages speak of, and ``./run demo`` started in it."""
    clone = tmp_path_factory.mktemp("clone")
    for path in ROOT.iterdir():
        if path.name not in ("var", ".git", ".venv", "models"):
            (clone / path.name).symlink_to(path)
    _environment(clone)
    _reader_files(clone)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("FENQI_", "DATABASE_"))
    }
    process = subprocess.Popen(
        [Path(sys.executable).parent / "fenqi-gateway", "demo", "--port", str(port), "--data", "var/demo"],
        cwd=clone, env=environ, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    warm = subprocess.Popen(
        [sys.executable, "-m", "tests.docs.warm", clone / "warm.socket"], cwd=ROOT, env=environ
    )
    try:
        _wait(f"http://127.0.0.1:{port}")
        yield Demo(clone, json.loads((clone / "var/demo/demo.json").read_text("utf-8")))
    finally:
        warm.kill()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        warm.wait()


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
    pytest.fail("the demo did not start")


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
    from scoring.generator import generate  # noqa: PLC0415
    from scoring.governance.scorelog import CHAMPION, ScoreRecord, write  # noqa: PLC0415
    from scoring.scorer import Scorer  # noqa: PLC0415

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
        csv.writer(file).writerows([["decision", "bad"], *([f"dec_{n:05}", n % 9 == 0] for n in range(60))])


def test_every_block_has_a_language_that_is_run_or_known() -> None:
    unknown = [
        f"{block.where}: {block.language or 'no language'}"
        for blocks in PAGES.values()
        for block in blocks
        if block.language not in SHELLS | PYTHON | BROWSER | ELSEWHERE.keys()
    ]

    assert unknown == []
    assert len(RUNNABLE) >= 12


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    left_out = [block for blocks in PAGES.values() for block in blocks if block.not_run]

    assert len(left_out) <= 9, [block.where for block in left_out]
    for block in left_out:
        for command, _ in block.commands:
            must_parse(command)


def must_parse(command: str) -> None:
    """A command of ours that is not run has at least the options that it is printed with."""
    line = shlex.split(command, comments=True)
    if line and line[0] in ("fenqi-gateway", "fenqi-score"):
        (cli.parser() if line[0] == "fenqi-gateway" else scoring_cli._parser()).parse_args(line[1:])


@pytest.mark.parametrize(
    "name", [name for name, blocks in PAGES.items() if any(b.language == "pycon" for b in blocks)]
)
def test_examples_of_a_page_print_what_stands_below_them(name: str) -> None:
    examples = "\n".join(block.text for block in PAGES[name] if block.language == "pycon")
    said: list[str] = []

    result = doctest.DocTestRunner(verbose=False).run(
        doctest.DocTestParser().get_doctest(examples, {}, name, name, 0), out=said.append
    )

    assert not result.failed, "".join(said)
    assert result.attempted > 0


@pytest.mark.parametrize("name", RUNNABLE)
def test_blocks_of_a_page_run_as_pasted(name: str, demo: Demo, tmp_path: Path) -> None:
    desk = Desk(demo.clone, tmp_path / "state")
    try:
        if name not in BARE:
            type_in(desk, PRELUDE, demo)
        for block in PAGES[name]:
            if block.not_run:
                continue
            try:
                if block.language in SHELLS:
                    type_in(desk, block, demo)
                elif block.language in PYTHON:
                    desk.python(filled(AROUND.get(name, "") + block.text, demo))
            except AssertionError as failure:
                pytest.fail(f"{block.where}\n{failure}", pytrace=False)
    finally:
        desk.close()


PRELUDE = next(block for block in PAGES["docs/quickstart.md"] if ".venv/bin/activate" in block.text)
AROUND = {
    "sdk/python/README.md": ("seen_before = lambda id: False\nhandle = lambda type, data: None\n"),
}
"""What the reader's own program has around a block."""


def type_in(desk: Desk, block: Block, demo: Demo) -> None:
    """Run the commands of a block, and compare what they print with what the page shows."""
    commands = block.commands if block.language == "console" else [(block.text, "")]
    for command, shown in commands:
        if is_door(command):
            continue
        printed = desk.shell(filled(command, demo))
        for line in shown.splitlines():
            assert re.search(pattern_of(line), printed), f"the page shows {line!r}, printed was {printed!r}"


def is_door(command: str) -> bool:
    """``./run NAME``: the very thing that stands around this test; it must be listed by ``./run``."""
    words = command.split()
    if words[0] != "./run":
        return False
    usage = subprocess.run([ROOT / "run", "help"], capture_output=True, text=True, check=True).stdout
    assert f"./run {words[1]} " in usage
    return True


def pattern_of(line: str) -> str:
    """A printed line with any figures and words where the page has figures and dots."""
    escaped = re.escape(line.strip())
    return re.sub(r"\d+", r"\\d+", escaped).replace("…", ".*")


def filled(text: str, demo: Demo) -> str:
    """The text with what a reader puts in: identifiers of their own for those that end in dots."""
    phones = demo.phones
    for placeholder, value in {
        "mer_01…": phones["merchant"],
        "mer_…": phones["merchant"],
        "ci_…": phones["client_id"],
        "whsec_new…": phones["webhook_secret"],
        "whsec_old…": phones["webhook_secret"],
        "pk_test_…": phones["publishable_key"],
        "https://GATEWAY": demo.url,
        "/somewhere/else/": "./",
        "/models/autumn": "./models/november",
        "/models/small": "./models/november",
    }.items():
        text = text.replace(placeholder, value)
    if "shp_…" in text:
        text = text.replace("shp_…", row_of(demo, "SELECT id FROM shopper LIMIT 1"))
    if "dec_01…" in text:
        text = text.replace("dec_01…", row_of(demo, "SELECT id FROM credit_decision LIMIT 1"))
    return text


def row_of(demo: Demo, query: str) -> str:
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(demo.clone / "var/demo/fenqi.sqlite") as connection:
        found = connection.execute(query).fetchone()
    return str(found[0])
