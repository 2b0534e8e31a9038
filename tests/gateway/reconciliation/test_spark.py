"""The same SQL text on Apache Spark, on a real cluster of two executors, finds what DuckDB finds, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import setting_values
from gateway.process.worker import drain
from gateway.reconciliation.matching import spark
from gateway.reconciliation.matching.engine import Rules, matcher
from tests.depth import examples
from tests.gateway.conftest import Api
from tests.gateway.reconciliation.planting import FIRST, FORMS, WINDOW, month, written
from tests.gateway.reconciliation.test_planted_differences import compared
from tests.gateway.reconciliation.test_reconciliations import COLUMNS, PATH, shop_file, upload
from tests.one_database import database_url  # noqa: F401

CLUSTER = "local-cluster[2,1,1024]"
"""Two executors, each a process of its own with one core and 1,024 MiB."""
SEEDS = examples(2, deep=40)
pytestmark = pytest.mark.spark


@pytest.fixture(scope="module", autouse=True)
def here() -> Iterator[None]:
    """Only where PySpark and a Java are; the cluster ends with the last test."""
    try:
        setting_values.spark_master(CLUSTER)
    except ValueError as missing:
        pytest.skip(str(missing))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYSPARK_SUBMIT_ARGS", "--conf spark.sql.shuffle.partitions=4 pyspark-shell"
        )  # small data
        yield
        spark.end()


def test_cluster_has_two_executors() -> None:
    with matcher(spark=CLUSTER):
        context = spark._session(CLUSTER).sparkContext
        assert context._jsc.sc().getExecutorMemoryStatus().size() == 1 + 2  # the driver counts


@pytest.mark.parametrize("seed", range(SEEDS))
def test_spark_finds_what_duckdb_finds(seed: int) -> None:
    planted = month(seed, orders=60 + seed % 7 * 40)
    content = written(planted.theirs, FORMS[seed % len(FORMS)])
    rules = Rules(window_days=WINDOW)
    found = compared(content, planted.ours, rules, spark=CLUSTER)
    assert {(one.line, one.verdict) for one in found if one.line} == {
        (row + 2, verdict) for row, verdict in planted.expected
    }
    assert found == compared(content, planted.ours, rules)


def test_bank_statement_is_paired_by_amount_on_spark_as_on_duckdb() -> None:
    planted = month(3, orders=80)
    rows = [(f"？{number}", *row[1:]) for number, row in enumerate(planted.theirs)]
    content = written(rows, "utf-8")
    rules = Rules(window_days=5, by_amount=True)
    assert compared(content, planted.ours, rules, spark=CLUSTER) == compared(content, planted.ours, rules)


def test_names_of_ours_stand_for_references_on_spark() -> None:
    """An id of ours in a bank's memo is another word for the reference."""
    day = FIRST
    with matcher(spark=CLUSTER) as matching:
        matching.add_theirs([(2, 0, "po_1", 500, day, True, None)])
        matching.add_ours([("po_1", "stl_1", 500, day, True, None, True)])
        matching.add_aliases([("po_1", "stl_1")])
        matching.rename()
        assert matching.match(Rules()) == 0
        assert list(matching.exceptions()) == []


def test_setting_lets_the_worker_compare_on_spark(app, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = app.extensions["fenqi"]
    monkeypatch.setattr(gateway, "settings", replace(gateway.settings, reconciliation_spark=CLUSTER))
    payment = api.captured()
    rows = (f"{payment['merchant_reference']},5998.00,2026-11-23,已支付,", "unknown,1.00,2026-11-23,已支付,")
    made = upload(api, shop_file(*rows)).json
    path = f"{PATH}/{made['id']}"
    api.post(f"{path}/confirm", {"columns": COLUMNS})
    drain(gateway)
    assert (api.get(path).json["status"], api.get(path).json["counts"]["matched"]) == ("completed", 0)
    items = api.get(f"{path}/items").json["data"]
    assert [(one["verdict"], one["difference"]) for one in items] == [
        ("amount_differs", -100),
        ("missing_here", 100),
    ]


def test_nothing_stays_behind(tmp_path: Path) -> None:
    with matcher(tmp_path, spark=CLUSTER) as matching:
        matching.add_theirs([(2, 0, "A", 500, FIRST, True, None)])
        matching.match(Rules())
    assert list(tmp_path.iterdir()) == []
    names = [one.name for one in spark._session(CLUSTER).catalog.listDatabases()]
    assert names == ["default"]
