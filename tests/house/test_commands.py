"""Every command of the house, found by walking its parser: help, JSON, and a sentence where something is missing."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import cli
from scoring import cli as scoring_cli
from tests.one_database import database_url  # noqa: F401
from tests.warm import Process, fenqi_gateway

BIN = Path(sys.executable).parent
READERS = {
    "certificates", "compare", "doctor", "erased", "find", "history", "keys", "list", "monitor", "preview", "proposals",
    "public-keys", "replay", "roots", "show", "stops", "trial-balance", "verify",
}  # fmt: skip
"""Names of verbs that only read; a verb with another name may."""
STARTING = {"demo", "fake-bank", "migrate", "vectors"}
"""They work without data of the gateway: two make it, one computes, and a bank keeps its own."""
EXAMPLES = {
    "--alg": "ES256", "--amount": "1", "--by": "phone", "--category": "3c", "--email": "a@shop.example",
    "--format": "csv", "--from": "2030-01-01", "--days": "7", "--jwks": "keys.json", "--kind": "marketing",
    "--name": "店", "--name-en": "Shop", "--note": "why", "--out": "out.json", "--outcome": "upheld", "--percent": "30",
    "--rate": "0.05", "--reason": "why", "--reference": "T1", "--shopper": "shp_1",
}  # fmt: skip


def leaves(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for group in groups:
        for name, child in group.choices.items():
            yield from leaves(child, (*path, name))
    if not groups:
        yield path


def parser_of(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> argparse.ArgumentParser:
    for word in words:
        (group,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parser = group.choices[word]
    return parser


def arguments(words: tuple[str, ...]) -> list[str]:
    """The command with a value for each argument that it must have."""
    line = list(words)
    for action in parser_of(cli.parser(), words)._actions:
        name = action.option_strings[-1] if action.option_strings else str(action.dest)
        if not action.required or isinstance(action, argparse._SubParsersAction):
            continue
        value = str(next(iter(action.choices))) if action.choices else EXAMPLES.get(name, "thing_1")
        line += [name, value] if action.option_strings else [value]
    return line


LEAVES = list(leaves(cli.parser()))
SCORING_LEAVES = list(leaves(scoring_cli._parser()))
NEED_DATA = [words for words in LEAVES if words[-1] not in STARTING]


def run(*line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, as a shell runs it."""
    command = [BIN / line[0], *line[1:]]
    return subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("words", LEAVES + SCORING_LEAVES, ids=" ".join)
def test_every_command_explains_itself_and_each_of_its_options(words: tuple[str, ...]) -> None:
    root = cli.parser() if words in LEAVES else scoring_cli._parser()
    parser = parser_of(root, words)

    assert parser.description or words in SCORING_LEAVES
    assert parser.format_help()
    for action in parser._actions:
        assert action.help or action.choices, f"{' '.join(words)}: {action.dest} has no help"


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_that_reads_prints_json_on_demand(words: tuple[str, ...]) -> None:
    parser = parser_of(cli.parser(), words)
    known = {option for action in parser._actions for option in action.option_strings}

    assert ("--json" in known) == (words[-1] in READERS), "declare it by Verbs.reading"
    if words[-1] in READERS:
        assert parser.get_default("reads") is True, "declare it by Verbs.reading"
    if words[-1] == "list" and words[0] not in ("keys", "client", "review"):
        assert "--limit" in known


@pytest.mark.parametrize("words", NEED_DATA, ids=" ".join)
def test_missing_data_folder_is_named_and_nothing_is_created(
    words: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    missing = tmp_path / "wrong" / "folder"

    status = status_of([*arguments(words), "--data", str(missing)])

    said = capsys.readouterr()
    assert status == 1
    assert said.err.startswith(f"There is no data folder {missing}: "), said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [words for words in NEED_DATA if words[-1] in READERS], ids=" ".join)
def test_reading_command_makes_neither_database_nor_keys(
    words: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115

    assert status_of([*arguments(words), "--data", str(tmp_path)]) == 1

    assert "There is no database " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_lists_are_empty_tables_and_empty_json(
    database_url: str,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    for words in (words for words in LEAVES if words[-1] == "list" and words[0] != "keys"):
        assert status_of([*arguments(words), "--data", str(tmp_path)]) == 0, words
        assert capsys.readouterr().out == "(none)\n", words
        assert status_of([*arguments(words), "--data", str(tmp_path), "--json"]) == 0, words
        assert json.loads(capsys.readouterr().out) == [], words


def status_of(line: list[str]) -> int:
    """The exit status of a command in this process; what argparse or a refusal would exit with, too."""
    try:
        return cli.main(line)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "nonsense",
            "DATABASE_URL cannot be read: expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME",
        ),
        ("mysql://localhost/x", "unsupported database 'mysql'"),
        ("oracle9://localhost/x", "unsupported database 'oracle9'"),
        ("postgresql://nobody:secret@127.0.0.1:1/none", "The database cannot be used: connection failed"),
        ("sqlite:////proc/none/x.sqlite", "There is no database /proc/none/x.sqlite"),
    ],
)
def test_wrong_or_dead_database_is_one_sentence(
    url: str,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    status = status_of(["ledger", "verify", "--data", str(tmp_path)])

    said = capsys.readouterr().err
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith(says)
    assert "secret" not in said


def test_damaged_database_and_keys_are_one_sentence(
    tmp_path: Path,
    sqlite_template: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "fenqi.sqlite").write_bytes(b"not a database, but long enough to be taken for one" * 9)
    assert status_of(["ledger", "verify", "--data", str(tmp_path)]) == 1
    database = capsys.readouterr().err
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "vault.json").write_text("{")
    (tmp_path / "fenqi.sqlite").write_bytes(sqlite_template.read_bytes())
    assert status_of(["contracts", "verify", "--data", str(tmp_path)]) == 1
    keys = capsys.readouterr().err

    assert "file is not a database" in database
    assert "vault.json cannot be read" in keys
    assert (database.count("\n"), keys.count("\n")) == (1, 1)


@pytest.mark.parametrize("verb", ["migrate", "demo"])
def test_unwritable_folder_is_one_sentence(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    assert status_of([verb, "--data", "/proc/fenqi"]) == 1

    said = capsys.readouterr().err
    assert said.startswith("/proc/fenqi: "), said
    assert said.count("\n") == 1


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7", "-"])
def test_address_that_is_not_ours_is_one_sentence(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["serve", "--host", host]) == 1

    said = capsys.readouterr().err
    assert host in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "line", [["--workers", "-3"], ["--workers", "0"], ["--port", "0"], ["--port", "65536"], ["--port", "x"]]
)
def test_numbers_of_serve_are_checked(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["serve", *line]) == 2

    assert f"{line[1]!r} is not a" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["serve", "demo"])
def test_taken_port_is_refused(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]
        status = status_of([verb, "--port", str(port), "--data", str(tmp_path)])

    assert status == 1
    assert f"Port {port} is in use: another server listens on 127.0.0.1" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", ["fenqi-gateway", "fenqi-score"])
def test_version_is_printed(program: str) -> None:
    answer = run(program, "--version")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith(f"{program} 0.")


def test_reader_that_goes_away_ends_a_command_without_a_word(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        answer = subprocess.run(
            [BIN / "fenqi-score", "evaluate", "--rows", "500"],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert "Traceback" not in answer.stderr
    assert "Broken pipe" not in answer.stderr
    assert answer.returncode == 141


def into_a_closed_pipe(*line: str) -> None:
    """``fenqi-gateway`` as typed before ``| head``, whose reader has gone: nothing waits in a buffer."""
    read, write = os.pipe()
    os.close(read)
    os.dup2(write, 1)
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(write_through=True)
    fenqi_gateway(*line)


def test_reader_that_goes_away_ends_a_command_of_the_gateway_without_a_word(
    sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "fenqi.sqlite")
    environ, log = {**os.environ, "FENQI_DATA_DIR": str(tmp_path), "DATABASE_URL": ""}, tmp_path / "said.txt"

    command = Process(into_a_closed_pipe, "ledger", "verify", environ=environ, log=log)

    assert command.wait(60) == 141
    assert log.read_text() == ""
