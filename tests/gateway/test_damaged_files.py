"""Files beside the database that are damaged or gone: a sentence, and whatever can go on does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask

from gateway.decision.scorer import EmbeddedScorer
from gateway.privacy.keyfile import KeyFileError
from gateway.privacy.vault import Vault
from tests.gateway.conftest import Api
from tests.one_database import database_url  # noqa: F401

BUNDLE = Path(__file__).parents[2] / "scoring" / "bundles" / "fenqi-2026.11"


@pytest.mark.parametrize("name", ["credit.onnx", "bundle.json", "SHA256SUMS"])
def test_a_bundle_with_a_damaged_file_is_refused_in_a_sentence(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(BUNDLE, bundle)
    whole = (bundle / name).read_bytes()
    (bundle / name).write_bytes(whole[: len(whole) // 2])

    damaged = EmbeddedScorer(str(bundle))
    damaged.load()

    assert not damaged.ready
    assert any("the model bundle was refused" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("loss", ["lost", "damaged"])
def test_a_running_server_goes_on_without_its_key_file_and_nothing_else_starts(
    loss: str, app: Flask, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    data = app.extensions["fenqi"].settings.data_dir
    file = data / "keys" / "vault.json"
    if loss == "lost":
        kept = file.rename(data / "elsewhere.json")
    else:
        kept = Path(shutil.copy(file, data / "elsewhere.json"))
        file.write_text('{"sealing": [')

    first = api.approved()
    second = api.approved()

    assert first["id"] != second["id"]
    said = [record.getMessage() for record in caplog.records if record.name == "gateway.privacy"]
    assert len(said) == 1
    assert str(file) in said[0]
    if loss == "damaged":
        with pytest.raises(KeyFileError, match="Restore a backup"):
            Vault.of_folder(data)
    shutil.copy(kept, file)
    assert api.post(f"/v1/payments/{first['id']}/capture").status_code == 200
